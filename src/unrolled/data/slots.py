"""ATIS: questions to a flight information system, each word with a slot label."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from unrolled import results
from unrolled.data.archives import DataError
from unrolled.data.base import DataSet, original_files, packaged_members

Sentence = dict[str, Any]
VALIDATION = 500
SPLITS = ("train", "validation", "test")


class Slots(DataSet):
    """ATIS in the split of 4978 and 893 sentences that is commonly used; 500 of the training sentences are held out."""

    name = "slots"
    card = {
        "title": "ATIS slot filling", "title_zh": "ATIS 航班查询槽位填充",
        "origin": "ATIS-2 and ATIS-3 of the LDC, with BIO labels, in the copy of JointSLU",
        "origin_zh": "LDC 的 ATIS-2 与 ATIS-3，BIO 标注，采用 JointSLU 的版本",
        "licence": "property of the LDC: downloaded, never redistributed", "licence_zh": "版权归 LDC：只下载，不再分发",
        "flaws": ["17 test sentences also occur in training; scores are given with and without them",
                  "some test labels never occur in training"],
        "flaws_zh": ["有 17 个测试句也出现在训练集中；两种得分都给出", "有些测试标签在训练集中从未出现"],
    }

    def freeze(self, source: str, folder: Path) -> dict[str, Any]:
        """Write train, validation and test as JSON lines."""
        if source == "packaged":
            members = packaged_members(self.name)
            groups = [[parse_packaged(line) for line in lines(content, name)] for name, content in members.items()]
        else:
            groups = [[parse_original(line) for line in lines(content, name)] for name, content in original_files(self.name).items()]
        known = {tuple(sentence["words"]) for sentence in groups[0]}
        for sentence in groups[1]:
            sentence["repeated"] = tuple(sentence["words"]) in known
        splits = dict(zip(SPLITS, (*hold_out(groups[0]), groups[1]), strict=True))
        for split, sentences in splits.items():
            text = "".join(json.dumps(sentence, ensure_ascii=False) + "\n" for sentence in sentences)
            results.write_text(folder / f"{split}.jsonl", text)
        return {"splits": {split: len(sentences) for split, sentences in splits.items()},
                "repeated_in_test": sum(sentence["repeated"] for sentence in groups[1]),
                "labels": len({label for group in groups for sentence in group for label in sentence["labels"]}),
                "broken_bio": sum(broken_bio(sentence["labels"]) for group in groups for sentence in group)}


def lines(content: bytes, name: str) -> list[str]:
    """Return the lines that are not empty.

    Raises:
        DataError: the content is not UTF-8.
    """
    try:
        return [line for line in content.decode("utf-8").splitlines() if line.strip()]
    except UnicodeDecodeError as error:
        raise DataError(f"{name} is not UTF-8 text ({error.reason} at byte {error.start}); it is not the file that is meant.") from None


def parse_packaged(line: str) -> Sentence:
    """Read `word:label word:label ... <=> intent`.

    Raises:
        DataError: the line has another form.
    """
    text, separator, intent = line.partition(" <=> ")
    pairs = [token.rpartition(":") for token in text.split()]
    if not separator or not pairs or any(not word or not label for word, _, label in pairs):
        raise DataError(f"a sentence of slots reads {line[:80]!r}, not `word:label ... <=> intent`; the file is damaged.")
    return {"words": [word for word, _, _ in pairs], "labels": [label for _, _, label in pairs], "intent": intent.strip()}


def parse_original(line: str) -> Sentence:
    """Read `BOS word ... EOS<tab>O label ... intent`.

    Raises:
        DataError: the line has another form.
    """
    text, _, tail = line.partition("\t")
    words, labels = text.split()[1:-1], tail.split()
    intent = labels.pop() if labels else ""
    if not words or len(labels) != len(words) + 1:
        raise DataError(f"a sentence of slots reads {line[:80]!r}, with other numbers of words and labels; the file is damaged.")
    return {"words": words, "labels": labels[1:], "intent": intent}


def hold_out(sentences: list[Sentence]) -> tuple[list[Sentence], list[Sentence]]:
    """Return training and validation sentences; which are held out is fixed by a seed, and order is kept."""
    chosen = set(random.Random(0).sample(range(len(sentences)), min(VALIDATION, len(sentences) // 4)))
    return ([sentence for place, sentence in enumerate(sentences) if place not in chosen],
            [sentence for place, sentence in enumerate(sentences) if place in chosen])


def broken_bio(labels: list[str]) -> int:
    """Count the I- labels that no B- or I- of the same kind stands before."""
    before = ["O", *labels]
    return sum(label.startswith("I-") and last[2:] != label[2:] for last, label in zip(before, labels, strict=False))


def load(folder: Path) -> dict[str, list[Sentence]]:
    """Return the frozen sentences by split: words, labels, intent, and in the test split whether it is repeated."""
    return {split: [json.loads(line) for line in (folder / f"{split}.jsonl").read_text(encoding="utf-8").splitlines()]
            for split in SPLITS}
