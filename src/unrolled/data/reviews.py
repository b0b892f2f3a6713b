"""Movie-review snippets, each for or against a film: rated by readers (packaged), or by the review it stands in (official)."""

from __future__ import annotations

import html
import json
import math
import random
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from unrolled import results
from unrolled.data.archives import DataError
from unrolled.data.base import DataSet, inner_members, original_files, packaged_members
from unrolled.data.shakespeare import decode

RATED = "hutto_ICWSM_2014/movieReviewSnippets_GroundTruth.txt"
POLARITY = {"sentence_polarity/rt-polarity.neg": 0, "sentence_polarity/rt-polarity.pos": 1}
SPLITS = ("train", "validation", "test")

# Typographer's marks, some of them as the control characters that a wrong conversion from Windows-1252 left.
PLAIN = str.maketrans({**dict.fromkeys("‘’´\x91\x92", "'"), **dict.fromkeys("“”\x93\x94", '"'), **dict.fromkeys("–—\x96\x97", "-"),
                       "…": "...", "\x85": "..."})
Item = TypeVar("Item")
TOKEN = re.compile(r"[^\W_]+(?:'[^\W_]+)*|\.{2,}|\S")


class Review(NamedTuple):
    """The words of a snippet, and 1 if it is for the film, 0 if against."""

    words: tuple[str, ...]
    label: int


class Reviews(DataSet):
    """A tenth of the snippets for validation, a tenth for test; no text stands in two splits."""

    name = "reviews"
    card = {
        "title": "Movie-review snippets", "title_zh": "影评短句",
        "origin": "snippets of rottentomatoes.com collected by Pang & Lee (2005); packaged: as rated by at least 20 readers each for VADER "
                  "(Hutto & Gilbert 2014), in the package vaderSentiment; official: sentence polarity v1.0 as packed by NLTK",
        "origin_zh": "Pang 与 Lee（2005）从 rottentomatoes.com 收集的短句；默认用 vaderSentiment 软件包附带的版本，每句由至少 20 名读者打分"
                     "（VADER，Hutto 与 Gilbert 2014）；官方来源为 NLTK 打包的 sentence polarity v1.0",
        "licence": "packaged: MIT; official: CC BY 4.0; the snippets themselves belong to their reviewers",
        "licence_zh": "默认数据：MIT；官方来源：CC BY 4.0；短句本身的版权归原评论者",
        "flaws": [
            "packaged: the label is the sign of the readers' mean rating of the snippet alone, not the review's verdict; those of mean 0 "
            "are left out, and those of a mean near 0 (counted as doubtful) could as well have the other label",
            "packaged: hyphens had been replaced by blanks, and double quotes are two single ones, which are read as one double one",
            "official: the label is that of the whole review (fresh or rotten), which its snippet need not show",
            "snippets about one film fall into several splits, so that its title or an actor's name can give an answer away",
            "copies of a text are left out, all of them where their labels differ; near copies are not looked for",
        ],
        "flaws_zh": [
            "默认数据：标签取读者对该短句平均打分的正负号，并非整篇影评的结论；"
            "平均分为 0 的短句已剔除，平均分接近 0 的（计入 doubtful）标签并不可靠",
            "默认数据：连字符早已被换成空格，双引号写成两个单引号，这里还原为双引号",
            "官方来源：标签取自整篇影评（fresh 或 rotten），单看短句未必看得出来",
            "同一部影片的短句会散落在不同的划分中，片名或演员名可能泄露答案",
            "重复的文本只留一份，标签互相矛盾的则全部剔除；近似重复未作检查",
        ],
    }

    def freeze(self, source: str, folder: Path) -> dict[str, Any]:
        """Write train, validation and test as JSON lines of words and label."""
        found, told = packaged() if source == "packaged" else official()
        kept = distinct(found)
        splits = split(kept, self.name)
        for name, reviews in splits.items():
            text = "".join(json.dumps(review._asdict(), ensure_ascii=False) + "\n" for review in reviews)
            results.write_text(folder / f"{name}.jsonl", text)
        return {"splits": {name: len(reviews) for name, reviews in splits.items()},
                "positive": {name: sum(review.label for review in reviews) for name, reviews in splits.items()},
                **told, "copies_left_out": len(found) - len(kept), "longest": max(len(review.words) for review in kept)}


def tokenise(text: str) -> tuple[str, ...]:
    """Return the words and marks of a text, in small letters.

    A word is a run of letters and digits, of any script, with apostrophes inside ("doesn't" is one word); dots in a row are one mark, and
    whatever else is no blank is a mark of its own. HTML's names of characters are undone, and quotes and dashes become the plain ones.
    """
    plain = html.unescape(text).translate(PLAIN).lower()
    return tuple(TOKEN.findall(re.sub("''|``", '"', plain)))


def packaged() -> tuple[list[Review], dict[str, int]]:
    """Return the rated snippets but those of mean 0, and how many these and the doubtful ones are."""
    (name, archive), = packaged_members("reviews").items()
    content, = inner_members(name, archive, [RATED]).values()
    rated = [parse_rated(line) for line in lines(content, RATED)]
    reviews = [Review(words, int(rating > 0)) for rating, words in rated if rating]
    return reviews, {"neutral_left_out": len(rated) - len(reviews), "doubtful": sum(0 < abs(rating) < 0.5 for rating, _ in rated)}


def official() -> tuple[list[Review], dict[str, int]]:
    """Return the snippets of both files, those against a film first."""
    (name, archive), = original_files("reviews").items()
    files = inner_members(name, archive, POLARITY)
    return [Review(read_words(line, file), label) for file, label in POLARITY.items() for line in lines(files[file], file)], {}


def lines(content: bytes, name: str) -> list[str]:
    """Return the lines that are not empty.

    Raises:
        DataError: the content is not UTF-8, or has no line.
    """
    found = [line for line in re.split(r"\r?\n", decode(content, name)) if line.strip()]
    if not found:
        raise DataError(f"{name} is empty; it is not the file that is meant.")
    return found


def parse_rated(line: str) -> tuple[float, tuple[str, ...]]:
    """Read `id<tab>mean rating<tab>text`.

    Raises:
        DataError: the line has another form.
    """
    fields = line.split("\t")
    try:
        _, rating, text = fields[0], float(fields[1]), fields[2]
    except (ValueError, IndexError):
        rating, text = math.nan, ""
    if len(fields) != 3 or not math.isfinite(rating):
        raise DataError(f"a line of {RATED} reads {line[:60]!r}, not `id, mean rating, text` between tabs; the file is damaged.")
    return rating, read_words(text, RATED)


def read_words(text: str, name: str) -> tuple[str, ...]:
    """Return the words of a snippet.

    Raises:
        DataError: there is none.
    """
    words = tokenise(text)
    if not words:
        raise DataError(f"{name} holds a snippet without a word; the file is damaged.")
    return words


def distinct(reviews: Iterable[Review]) -> list[Review]:
    """Return the first copy of each text, and none of a text that has both labels; the order is kept."""
    labels: dict[tuple[str, ...], set[int]] = {}
    for review in reviews:
        labels.setdefault(review.words, set()).add(review.label)
    return [Review(words, *found) for words, found in labels.items() if len(found) == 1]


def split(items: list[Item], name: str) -> dict[str, list[Item]]:
    """Return the splits, drawn by a fixed seed: a tenth each for test and validation, the rest for training.

    Raises:
        DataError: there are too few to split.
    """
    tenth = len(items) // 10
    if not tenth:
        raise DataError(f"{name} holds {len(items)} texts that can be used, too few to split; it is not the file that is meant.")
    drawn = random.Random(0).sample(items, len(items))
    return dict(zip(SPLITS, (drawn[2 * tenth :], drawn[tenth : 2 * tenth], drawn[:tenth]), strict=True))


def load(folder: Path) -> dict[str, list[Review]]:
    """Return the frozen snippets by split.

    Raises:
        DataError: a line is no snippet.
    """
    paths = {name: folder / f"{name}.jsonl" for name in SPLITS}
    return {name: [_read(line, path) for line in path.read_text(encoding="utf-8").splitlines()] for name, path in paths.items()}


def _read(line: str, path: Path) -> Review:
    try:
        found = json.loads(line)
        review = Review(tuple(found["words"]), found["label"])
    except (ValueError, KeyError, TypeError):
        review = Review((), 0)
    if not review.words or review.label not in (0, 1):
        raise DataError(f"{path} has a line {line[:60]!r} that is no snippet of at least one word; delete {path.parent} and run "
                        "`make reproduce` to make it again.")
    return review
