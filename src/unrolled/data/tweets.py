"""Short texts, one a line, from which a character model must learn where a text ends."""

from __future__ import annotations

import html
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from unrolled import results
from unrolled.data.archives import DataError
from unrolled.data.base import DataSet, inner_members, packaged_members
from unrolled.data.reviews import SPLITS, lines, split

TWEETS = "hutto_ICWSM_2014/tweets_GroundTruth.txt"
SHORTEST, LONGEST = 10, 80  # characters


class Tweets(DataSet):
    """A tenth of the texts for validation, a tenth for test; both sources are the same package."""

    name = "tweets"
    card = {
        "title": "Tweets, character by character", "title_zh": "推文（逐字符）",
        "origin": "4,000 tweets and 200 made-up ones that Hutto & Gilbert (2014) had rated for VADER, in the package vaderSentiment",
        "origin_zh": "Hutto 与 Gilbert（2014）为 VADER 收集并评分的 4000 条推文，另有 200 条为自编；来自 vaderSentiment 软件包",
        "licence": "MIT; the tweets themselves belong to their authors", "licence_zh": "MIT；推文本身的版权归作者",
        "flaws": [
            "only those of 10 to 80 characters, of printable ASCII; lower-cased, and HTML's names of characters are undone",
            "names and addresses had been replaced by @anonymous and http://url_removed, which a model learns as words",
            "nothing is censored: some are coarse",
        ],
        "flaws_zh": [
            "只保留 10 至 80 个字符、全为可打印 ASCII 字符的推文；转为小写，并还原 HTML 转义字符",
            "用户名和网址早已被换成 @anonymous 和 http://url_removed，模型会把它们当作普通词来学",
            "未作审查，部分推文用语粗俗",
        ],
    }

    def freeze(self, source: str, folder: Path) -> dict[str, Any]:
        """Write train.txt, validation.txt and test.txt, one text a line."""
        (name, archive), = packaged_members("reviews").items()
        content, = inner_members(name, archive, [TWEETS]).values()
        found = [read_text(line) for line in lines(content, TWEETS)]
        splits = split(fitting(found), TWEETS)
        for part, texts in splits.items():
            results.write_text(folder / f"{part}.txt", "".join(f"{text}\n" for text in texts))
        kept = sum(map(len, splits.values()))
        return {"splits": {part: len(texts) for part, texts in splits.items()}, "left_out": len(found) - kept,
                "symbols": "".join(sorted({symbol for text in splits["train"] for symbol in text}))}


def read_text(line: str) -> str:
    """Return the text of `id<tab>mean rating<tab>text`, in small letters; a run of blanks becomes one.

    Raises:
        DataError: the line has another form.
    """
    fields = line.split("\t")
    if len(fields) != 3 or not fields[2].strip():
        raise DataError(f"a line of {TWEETS} reads {line[:60]!r}, not `id, mean rating, text` between tabs; the file is damaged.")
    return " ".join(html.unescape(fields[2]).lower().split())


def fitting(texts: Iterable[str]) -> list[str]:
    """Return the different texts of 10 to 80 characters, all of printable ASCII, in their order."""
    return [text for text in dict.fromkeys(texts) if SHORTEST <= len(text) <= LONGEST and text.isascii() and text.isprintable()]


def load(folder: Path) -> dict[str, list[str]]:
    """Return the texts by split."""
    return {name: (folder / f"{name}.txt").read_text(encoding="utf-8").splitlines() for name in SPLITS}
