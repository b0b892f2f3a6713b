"""Slot filling in depth: every model with and without neighbouring words, and the lecture's own two sentences (A3, A6, A7, A2)."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from unrolled import drawing as figures
from unrolled.analyses import slot_filling_piece, trained
from unrolled.analyses.base import AnalysisResult, Picture, Sentence, Table
from unrolled.batches import Batch
from unrolled.cells.base import unroll
from unrolled.settings import Settings
from unrolled.tasks.vocabulary import UNKNOWN

SENTENCES = ("arrive taipei on november 2nd", "leave taipei on november 2nd")
UNITS = 30  # drawn of a hidden layer
WANTED = ("B-toloc.city_name", "B-fromloc.city_name")
NAMES = {"feed_forward": "feed-forward", "jordan": "Jordan, teacher forcing", "jordan_own": "Jordan, own outputs",
         "jordan_scheduled": "Jordan, scheduled", "elman": "Elman", "bidirectional_elman": "Elman, two directions", "lstm": "LSTM",
         "gru": "GRU", "bidirectional_lstm": "LSTM, two directions"}
CLAIMS = ("A3", "A6", "A7")


@dataclasses.dataclass(frozen=True)
class Options:
    """What is shown.

    Attributes:
        section: of slot filling runs.
        taught: recurrent run that learned from sentences with hidden cities, which reads the lecture's sentences step by step.
        feed_forward: the same without memory. plain: the recurrent run that learned from the sentences as they are.
        networks: runs that can be watched word by word. sentences: so many of the test, beside the lecture's. units: drawn at most.
    """

    section: str = "slots"
    taught: str = "elman_hidden_cities"
    feed_forward: str = "feed_forward_hidden_cities"
    plain: str = "elman"
    networks: tuple[str, ...] = ("feed_forward_hidden_cities", "elman_hidden_cities", "elman", "jordan", "bidirectional_lstm")
    sentences: int = 8
    units: int = 40


def analyse(options: Options, settings: Settings) -> AnalysisResult:
    """Gather all F1 scores, those recorded at full scale too, and let the taggers read the lecture's sentences."""
    every = trained.gather(options.section, settings)
    records, folds = ({run: record for run, record in every.items() if ("fold" in record["settings"]) == crossed}
                      for crossed in (False, True))
    scores = {run: trained.scores_of(record, "chunk_f1") for run, record in records.items()}
    result = AnalysisResult(figures={"slots_grid": _grid(scores)}, tables={"slots": _table(records)})
    if folds:
        result.tables["slots_folds"] = _folds(folds)
    result.add(lecture(options, settings))
    result.pieces["slot_filling"] = slot_filling_piece.piece(
        options.section, options.networks, dict(zip(SENTENCES, WANTED, strict=True)), settings, options.sentences, options.units)
    return result


def lecture(options: Options, settings: Settings) -> AnalysisResult:
    """Let trained taggers read the two sentences, in which Taipei and 2nd are words they never saw."""
    answers, hidden, unknown = {}, None, []
    for option in ("taught", "feed_forward", "plain"):
        run = getattr(options, option)
        found = trained.load(f"{options.section}/{run}", settings, f"analyses.reading.{option}", "slots")
        words = torch.tensor([[found.task.encode_words(sentence.split()) for sentence in SENTENCES]])
        unknown = [word for word, number in zip(SENTENCES[0].split(), words[0, 0].tolist(), strict=True) if number == UNKNOWN]
        with torch.no_grad():
            labels = found.model(Batch(words, words)).argmax(-1)  # (members, sentences, words)
            if option == "taught":
                hidden = unroll(found.model.forward_cells[0], found.model.embed(words, None)).outputs[0]
        answers[run] = [[[found.task.labels[label] for label in row] for row in member] for member in labels.tolist()]
    right = {run: [float((member[0][1], member[1][1]) == WANTED) for member in members] for run, members in answers.items()}
    rows = [[run, sentence, " ".join(_short(label) for label in answers[run][0][place]), f"{int(sum(right[run]))}/{len(right[run])}"]
            for run in answers for place, sentence in enumerate(SENTENCES)]
    return AnalysisResult(
        values={f"success_lecture_{run}": values for run, values in right.items()},
        figures={"slots_lecture": _steps(hidden.numpy(), answers[options.taught][0])},
        tables={"slots_lecture": Table(["A2", "A3"], "The lecture's two sentences.", "课程里的两个句子。",
                                       ("run", "sentence", "labels of the first seed", "seeds right about Taipei"),
                                       ("运行", "句子", "第一个种子的标签", "判对 Taipei 的种子数"), rows, rows)},
        sentences=[_sentence(right, unknown)])


def _short(label: str) -> str:
    """Return a label in fewer characters."""
    return label.replace(".city_name", "").replace("_date", "").replace("_name", "").replace("_number", "")


def _sentence(right: Mapping[str, Sequence[float]], unknown: Sequence[str]) -> Sentence:
    """Say who tells the two apart."""
    counted = "; ".join(f"{run} {int(sum(values))}/{len(values)}" for run, values in right.items())
    return Sentence(["A2", "A3"], f"Seeds that call Taipei a destination after arrive and a departure after leave, though "
                    f"{' and '.join(unknown)} are words they never saw: {counted}. A feed-forward tagger has one answer for both.",
                    f"在从未见过 {'、'.join(unknown)} 的情况下，能在 arrive 之后把 Taipei 标为目的地、"
                    f"在 leave 之后标为出发地的种子数：{counted.replace('; ', '；')}。前馈网络在两句中只能给 Taipei 同样的标签。")


def _split(run: str) -> tuple[str, int]:
    """Return a run's model and the number of neighbouring words on each side; more seeds of a run, <run>_10, are of the same model."""
    run = run.removesuffix("_10")
    for ending, window in (("_window_3", 3), ("_window", 1)):
        if run.endswith(ending):
            return run.removesuffix(ending), window
    return run, 0


@figures.styled
def _grid(scores: Mapping[str, np.ndarray]) -> Picture:
    """Draw chunk F1 by model, a colour per window."""
    figure, axes = figures.panels(width=7.2, height=3.6)
    models = [model for model in NAMES if model in {_split(run)[0] for run in scores}]
    for run, values in scores.items():
        model, window = _split(run)
        if model in models:
            place = models.index(model) + {0: -0.22, 1: 0.0, 3: 0.22}[window]
            colour = {0: figures.VERMILION, 1: figures.BLUE, 3: figures.GREEN}[window]
            axes.plot(values, np.full(len(values), place), "o", color=colour, markersize=4, alpha=0.7, markeredgewidth=0)
    for window, colour in ((0, figures.VERMILION), (1, figures.BLUE), (3, figures.GREEN)):
        axes.plot([], [], "o", color=colour, label=f"{2 * window + 1} word{'s' if window else ''} at a time")
    axes.set_yticks(range(len(models)), [NAMES[model] for model in models])
    axes.set(xlabel="chunk F1 on the test sentences, one dot per seed", ylim=(len(models) - 0.5, -0.5))
    figure.legend(loc="outside upper right", ncols=3)
    return Picture(figure, CLAIMS, "A window of words hides the need for memory.", "相邻词窗口掩盖了对记忆的需要。",
                   "ATIS. With more words at a time even a network without memory gets far; with one it does not. Most "
                   "networks were recorded once at full scale.",
                   "ATIS。一次多看几个词时，没有记忆的网络成绩也不错；只看一个词则不行。多数网络只在 full 规模下训练过一次并存档。")


def _table(records: Mapping[str, dict[str, Any]]) -> Table:
    """List every run with its F1 on all test sentences and on those that training never shows."""
    rows = []
    for run, record in sorted(records.items(), key=lambda item: -trained.scores_of(item[1], "chunk_f1").mean()):
        cells = [trained.scores_of(record, metric) for metric in ("chunk_f1", "chunk_f1_unrepeated")]
        spread = [f"{100 * values.mean():.1f} ± {100 * values.std(ddof=1) if len(values) > 1 else 0:.1f}" for values in cells]
        rows.append([run, *spread, str(record["parameters"]), f"{trained.only_rate(record):g}", str(len(record["members"]))])
    columns = ("run", "F1", "F1 without repeated sentences", "parameters", "learning rate", "seeds")
    return Table(CLAIMS, "Slot filling on ATIS, chunk F1 in per cent.", "ATIS 槽位填充的组块 F1（%）。", columns,
                 ("运行", "F1", "去掉重复句后的 F1", "参数量", "学习率", "种子数"), rows, rows)


def _folds(records: Mapping[str, dict[str, Any]]) -> Table:
    """List, for each network, its F1 with each block of the sentences as the test, a mean over seeds."""
    blocks = sorted({record["settings"]["fold"] for record in records.values()})
    networks = dict.fromkeys(run.removesuffix(f"_fold_{record['settings']['fold']}") for run, record in records.items())
    rows = []
    for network in networks:
        found = {block: records[f"{network}_fold_{block}"] for block in blocks if f"{network}_fold_{block}" in records}
        by_block, fresh = ({block: 100 * trained.scores_of(record, metric).mean() for block, record in found.items()}
                           for metric in ("chunk_f1", "chunk_f1_unrepeated"))
        cells = [f"{by_block[block]:.1f}" if block in by_block else "" for block in blocks]
        rows.append([network, *cells, *(f"{np.mean(list(means.values())):.1f}" for means in (by_block, fresh))])
    return Table(["A7"], "Cross-validation on ATIS: chunk F1 in per cent, with each block of sentences as the test; block 0: the usual.",
                 "ATIS 交叉验证：各折句子轮流作测试集时的组块 F1（%）；第 0 折是通常的测试集。",
                 ("network", *(f"block {block}" for block in blocks), "mean of blocks", "the same without repeated sentences"),
                 ("网络", *(f"第 {block} 折" for block in blocks), "各折平均", "去掉重复句后的平均"), rows, rows)


@figures.styled
def _steps(hidden: np.ndarray, labels: Sequence[Sequence[str]]) -> Picture:
    """Draw the hidden layer (sentences, words, hidden) after each word, the units that differ most on top."""
    order = np.argsort(-np.abs(hidden[0] - hidden[1]).max(0))[:UNITS]
    figure, axes = figures.panels(2, width=7.2, height=3.4, sharey=True)
    for panel, values, sentence, row in zip(axes, hidden, SENTENCES, labels, strict=True):
        image = panel.imshow(values[:, order].T, cmap=figures.DIVERGING, vmin=-1, vmax=1, aspect="auto")
        words = sentence.split()
        marks = [f"{word}.{_short(label)}".replace(".", "\n") for word, label in zip(words, row, strict=True)]
        panel.set_xticks(range(len(words)), marks, fontsize=6.5)
    axes[0].set_ylabel("hidden unit, by difference")
    figure.colorbar(image, ax=list(axes), label="value")
    return Picture(figure, ["A2", "A3"], "What the tagger remembers of the verb.", "标注器还记得动词的哪些信息。",
                   "An Elman tagger trained on ATIS with cities hidden now and then, word by word, with the label it gives: the two "
                   f"sentences differ in their first word only, and Taipei is unknown to it. Drawn are the {len(order)} of "
                   f"{hidden.shape[-1]} hidden units that differ most between the two sentences; orange above 0, blue below.",
                   "在 ATIS 上训练、并随机遮住部分城市名的 Elman 标注器，逐词给出标签：两句只有第一个词不同，"
                   f"而 Taipei 是它从未见过的词。画出的是 {hidden.shape[-1]} 个隐层单元中在两句之间差别最大的 {len(order)} 个；"
                   "橙色为正，蓝色为负。")
