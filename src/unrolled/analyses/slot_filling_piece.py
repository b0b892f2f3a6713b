"""Slot filling to be watched word by word: what each network answers to a sentence, and what it holds in memory meanwhile (A2, A3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from unrolled import results
from unrolled.analyses import trained
from unrolled.analyses.base import Piece
from unrolled.batches import Batch
from unrolled.cells.base import Cell, reverse, unroll
from unrolled.data import slots
from unrolled.settings import Settings
from unrolled.tasks.slots import Slots
from unrolled.tasks.vocabulary import UNKNOWN

NAMES = {"feed_forward": ("feed-forward", "前馈网络"), "elman": ("Elman", "Elman 网络"), "jordan": ("Jordan", "Jordan 网络"),
         "lstm": ("LSTM", "LSTM"), "bidirectional_lstm": ("LSTM, both directions", "双向 LSTM")}
HIDDEN = ("cities hidden", "遮住城市名")
HIDDEN_RUN = "_hidden_cities"
MOST_WORDS = 11  # of a sentence that is shown
CITY = 1  # place of Taipei in the lecture's sentences


class Memory(NamedTuple):
    """What a network holds after each word of some sentences, by its first member.

    Attributes:
        names: of the units: "→ 17" reads forwards, "← 17" backwards; those of a Jordan network are labels.
        values: (words, units) of each sentence.
    """

    names: list[str]
    values: list[np.ndarray]


def piece(section: str, runs: Sequence[str], lecture: Mapping[str, str], settings: Settings, shown: int, units: int) -> Piece:
    """Let every run that was trained here read the lecture's sentences and some of the test.

    Args:
        section: of the runs. runs: those wanted; one that this scale lacks is left out.
        lecture: its two sentences, each with the right label of the city in it.
        settings: all settings. shown: number of test sentences. units: at most so many are drawn.
    """
    found = {run: trained.load(f"{section}/{run}", settings, "analyses.reading.networks", "slots")
             for run in runs if run in trained.section_of(section, settings).runs}
    tasks = [loaded.task for loaded in found.values()]
    sentences = [{"words": text.split(), "labels": _only_the_city(text, label), "lecture": True} for text, label in lecture.items()]
    sentences += [{**sentence, "lecture": False} for sentence in test_sentences(section, list(found), tasks[0], shown)]
    networks = [_network(run, loaded, sentences, units) for run, loaded in found.items()]
    data = {"sentences": [{"words": each["words"], "truth": each["labels"], "lecture": each["lecture"],
                           "unknown": [number == UNKNOWN for number in tasks[0].encode_words(each["words"])]} for each in sentences],
            "networks": networks}
    return Piece(
        "slot_filling", data, ["A3"], "Watch a sentence being labelled.", "看网络逐词标注一个句子。",
        "Choose a sentence and a network. Beside each label (below it on a narrow screen) is what the network remembers after that word: "
        "a cell per hidden unit, orange above 0, blue below; the units stand in the order of how they differ at Taipei between the "
        "lecture's two sentences, those that differ most at the two ends. A Jordan network remembers only its last answer, so its cells "
        "are labels. The labels and memory are those of the first seed. The test sentences are spread evenly over those of at most "
        f"{MOST_WORDS} words on which the networks disagree.",
        "选择句子和网络。每个标签旁边（窄屏上为下方）是网络读完该词后记住的内容：一格一个隐层单元，橙色为正，蓝色为负；"
        "单元按课上两个句子在 Taipei 处的差异排列，差异最大的在两端。Jordan 网络只记得上一步的答案，因此每格是一个标签。"
        f"标签与记忆均取第一个种子。测试句在“不超过 {MOST_WORDS} 个词、且各网络答案对错不一”的句子里均匀抽取。")


def _only_the_city(text: str, label: str) -> list[str | None]:
    """Return the right label of the city alone: the lecture says nothing of the other words."""
    return [label if place == CITY else None for place in range(len(text.split()))]


def test_sentences(section: str, runs: Sequence[str], task: Slots, count: int) -> list[dict[str, Any]]:
    """Return short test sentences that training has not: evenly spread over those that only some runs have right, then over the others."""
    right = []
    for run in runs:
        items = results.read_arrays(results.items_file(section, run))
        right.append((items["correct"][0] == items["gold"][0]) & (items["correct"][0] == items["predicted"][0]))
    share = np.mean(right, 0)[np.argsort(task.item_order("test"))]  # of the runs, in the order of the data
    test = slots.load(task.folder)["test"]
    fitting = [place for place, sentence in enumerate(test) if len(sentence["words"]) <= MOST_WORDS and not sentence["repeated"]
               and set(sentence["labels"]) <= set(task.labels)]
    disputed = [place for place in fitting if 0 < share[place] < 1]
    chosen = _spread(disputed, count)
    chosen += _spread([place for place in fitting if place not in disputed], count - len(chosen))
    return [test[place] for place in chosen]


def _spread(places: Sequence[int], count: int) -> list[int]:
    """Return so many of the places, at equal distances; all if there are no more."""
    count = min(count, len(places))
    return [places[step * len(places) // count] for step in range(count)]


@torch.no_grad()
def _network(run: str, loaded: trained.Loaded, sentences: Sequence[Mapping[str, Any]], units: int) -> dict[str, Any]:
    """Return what one run answers to each sentence, and what it remembers."""
    task, model = loaded.task, loaded.model
    words = [torch.tensor([[task.encode_words(sentence["words"])]]) for sentence in sentences]  # (1, 1, words) each
    labels = [model(Batch(numbers, numbers)).argmax(-1)[:, 0].tolist() for numbers in words]
    memory = remembered(model, words, task.labels)
    chosen = order(memory, units)
    answers = []
    for sentence, members, values in zip(sentences, labels, memory.values, strict=True):
        given = [[task.labels[label] for label in member] for member in members]
        right = [all(truth in (None, label) for truth, label in zip(sentence["labels"], member, strict=True)) for member in given]
        answers.append({"labels": given[0], "right_seeds": sum(right), "memory": values[:, chosen].astype(float).round(2).tolist()})
    plain = run.removesuffix(HIDDEN_RUN)
    hides = run != plain
    name, chinese = NAMES.get(plain, (run.replace("_", " "),) * 2)
    return {"run": run, "name": f"{name}, {HIDDEN[0]}" if hides else name, "name_zh": f"{chinese}（{HIDDEN[1]}）" if hides else chinese,
            "hidden_cities": task.hidden_cities, "seeds": len(labels[0]), "of_units": len(memory.names),
            "stores_answers": model.forward_cells[0].reads_out, "units": [memory.names[unit] for unit in chosen], "answers": answers}


def remembered(model: nn.Module, sentences: Sequence[torch.Tensor], labels: Sequence[str]) -> Memory:
    """Run the first layer's cells over sentences (1, 1, words) and return what they hold after each word."""
    directions = [("→", model.forward_cells[0]), *(("←", cell) for cell in model.backward_cells[:1])]
    parts, names = [], []
    for arrow, cell in directions:
        vectors = [model.embed(numbers, None) for numbers in sentences]
        held = [_held(cell, each) if arrow == "→" else reverse(_held(cell, reverse(each))) for each in vectors]
        parts.append([each[0, 0].numpy() for each in held])
        names += list(labels) if cell.reads_out else [f"{arrow} {unit + 1}" for unit in range(held[0].shape[-1])]
    return Memory(names, [np.concatenate(both, 1) for both in zip(*parts, strict=True)])


def _held(cell: Cell, vectors: torch.Tensor) -> torch.Tensor:
    """Return the hidden layer after each step (members, batch, time, units); of a Jordan cell the answer that it is fed next."""
    unrolled = unroll(cell, vectors, keep_states=True)
    return torch.stack([state[0] for state in unrolled.states], 2) if cell.reads_out else unrolled.outputs


def order(memory: Memory, most: int) -> list[int]:
    """Return the units to be drawn, of each direction its share, from the highest to the lowest by what the first sentence has over the
    second at the city; units that do not differ there, as all of a network without memory, are chosen by how much they vary."""
    gap = (memory.values[0][CITY] - memory.values[1][CITY]).round(6)
    spread = np.ptp(np.concatenate(memory.values), 0)
    backwards = np.array([name.startswith("←") for name in memory.names])
    groups = [np.flatnonzero(~backwards), np.flatnonzero(backwards)] if backwards.any() else [np.arange(len(gap))]
    chosen = []
    for group in groups:
        ranked = sorted(group.tolist(), key=lambda unit: (-abs(gap[unit]), -spread[unit]))[: most // len(groups)]
        chosen += sorted(ranked, key=lambda unit: -gap[unit])
    return chosen
