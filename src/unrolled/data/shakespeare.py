"""Text to be predicted character by character: the works of Shakespeare, or the Penn Treebank as Mikolov (2012) prepared it."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any

from unrolled import results
from unrolled.data.archives import DataError
from unrolled.data.base import DataSet, original_files, packaged_members

SPLITS = ("train", "validation", "test")
HELD_OUT = {7: "validation", 28: "validation", 14: "test", 35: "test"}  # places in the order of names, from 1: evenly spread
BY_LINE = "by William Shakespeare"

PLAIN = str.maketrans({
    **dict.fromkeys('"`‘’‚‛“”„‟«»', "'"), **dict.fromkeys("({", "["), **dict.fromkeys(")}", "]"), **dict.fromkeys("‐‑‒–", "-"),
    **dict.fromkeys("—―", "--"), "&": " and ", "æ": "ae", "œ": "oe",
})


class Shakespeare(DataSet):
    """Whole works: 38 for training, two for validation, two for test; in the official source the treebank's own three files."""

    name = "shakespeare"
    card = {
        "title": "Shakespeare's plays and poems, character by character", "title_zh": "莎士比亚戏剧与诗歌（逐字符）",
        "origin": "packaged: 42 works of Project Gutenberg in modern spelling, from the package shakespeare; "
                  "official: not Shakespeare but the Penn Treebank as prepared by Mikolov (2012)",
        "origin_zh": "默认用 shakespeare 软件包附带的古登堡计划文本：42 部作品，现代拼写；"
                     "官方来源则不是莎士比亚，而是 Mikolov（2012）整理的宾州树库",
        "licence": "packaged: CC BY 2.5; official: property of the LDC, downloaded, never redistributed",
        "licence_zh": "默认数据：CC BY 2.5；官方来源：版权归 LDC，只下载，不再分发",
        "flaws": [
            "lower-cased, digits as 0, and at most 39 symbols kept, so that a small softmax keeps a laptop run short: "
            "bits per character are lower than, and not comparable with, published ones",
            "cast lists, speakers' names and stage directions are kept, and not all works abbreviate them alike",
            "the package's Cymbeline lacks its third and fourth act, and Venus and Adonis is not in the package",
            "Pericles (validation) and Henry VIII (test) were in part written by others",
            "The Passionate Pilgrim repeats poems of Love's Labour's Lost; both are training text",
            "official: rare words are already unk, and numbers n",
        ],
        "flaws_zh": [
            "全部转为小写，数字一律写作 0，最多保留 39 种符号，使 softmax 较小、笔记本电脑上也能很快跑完；"
            "因此每字符比特数偏低，不能与已发表的数值相比",
            "保留了人物表、说话人姓名和舞台提示，各部作品的缩写方式并不一致",
            "软件包里的《辛白林》缺第三、四幕，也没有收入《维纳斯与阿多尼斯》",
            "《泰尔亲王配力克里斯》（验证集）和《亨利八世》（测试集）有一部分出自他人之手",
            "《热情的朝圣者》与《爱的徒劳》有重复的诗，两者都在训练集中",
            "官方来源：罕见词已被换成 unk，数字换成 n",
        ],
    }

    def freeze(self, source: str, folder: Path) -> dict[str, Any]:
        """Write train.txt, validation.txt and test.txt; works follow one another after an empty line."""
        if source == "packaged":
            works = {PurePosixPath(name).stem.removesuffix("_gut"): read_work(content, name)
                     for name, content in packaged_members(self.name).items()}
            groups = split(works)
        else:
            works = {name: clean(decode(content, name), name) for name, content in original_files(self.name).items()}
            groups = {name: [work] for name, work in zip(SPLITS, works, strict=True)}
        texts = {name: "\n".join(works[work] for work in group) for name, group in groups.items()}
        for name, text in texts.items():
            results.write_text(folder / f"{name}.txt", text)
        return {"splits": {name: len(text) for name, text in texts.items()}, "works": groups,
                "symbols": "".join(sorted(set(texts["train"])))}


def decode(content: bytes, name: str) -> str:
    """Return the text of a file.

    Raises:
        DataError: the content is not UTF-8.
    """
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(f"{name} is not UTF-8 text ({error.reason} at byte {error.start}); it is not the file that is meant.") from None


def read_work(content: bytes, name: str) -> str:
    """Return the cleaned text of a work, without its title, its by-line and the words "THE END".

    Raises:
        DataError: the file does not begin with a title and a by-line, or holds nothing more.
    """
    title, by_line, body = decode(content, name).partition(BY_LINE)
    if not by_line or "\n\n" in title.strip():
        raise DataError(f"{name} does not begin with a title and {BY_LINE!r}; it is not the file that is meant.")
    return re.sub(r"\n\nthe end\.?\n\Z", "\n", clean(body, name))


def clean(text: str, name: str) -> str:
    """Return the text in few symbols: small letters, 0 for a digit, blank, newline and ! ' , - . : ; ? [ ].

    Accents go; quotes, dashes and brackets of every kind become the plain ones, and any other character a blank. A run of
    blanks becomes one, blanks at either end of a line go, and several empty lines become one.

    Args:
        text: as it came.
        name: of its file, for the error.

    Raises:
        DataError: nothing is left.
    """
    text = re.sub(r"&[a-zA-Z]+;", lambda entity: html.unescape(entity[0]), text.replace("\r\n", "\n").replace("\r", "\n"))
    text = re.sub(r"[\u0300-\u036f]", "", unicodedata.normalize("NFKD", text.lower())).translate(PLAIN)
    text = re.sub(r"[^a-z0\n !',\-.:;?\[\]]", " ", re.sub(r"\d", "0", text))
    text = re.sub(r" *\n *", "\n", re.sub(r" +", " ", text))
    text = re.sub(r"\n{3,}", "\n\n", text).strip()
    if not text:
        raise DataError(f"{name} holds no text; it is not the file that is meant.")
    return text + "\n"


def split(works: Iterable[str]) -> dict[str, list[str]]:
    """Return the names of each split's works: in the order of names, the 7th and 28th are for validation, the 14th and 35th for test."""
    groups: dict[str, list[str]] = {name: [] for name in SPLITS}
    for place, work in enumerate(sorted(works), start=1):
        groups[HELD_OUT.get(place, "train")].append(work)
    return groups


def load(folder: Path) -> dict[str, str]:
    """Return the text by split."""
    return {name: (folder / f"{name}.txt").read_text(encoding="utf-8") for name in SPLITS}
