"""Translations: how many examples it takes to compose, against word-for-word look-up, and where attention looks (F4)."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unrolled import drawing as figures
from unrolled import results
from unrolled.analyses import trained
from unrolled.analyses.base import AnalysisResult, Picture, Sentence, Table, counted
from unrolled.batches import Batch
from unrolled.data import english_chinese as stored
from unrolled.models.encoder_decoder import EncoderDecoder, attention_weights
from unrolled.models.parts import look_up as vectors_of
from unrolled.settings import Settings
from unrolled.tasks.translation import LECTURE, Translation

ASKED = ("machine learning", "machine translation", "learning machine", "machine", "learning")


@dataclasses.dataclass(frozen=True)
class Options:
    """What is drawn.

    Attributes:
        section: of params.yaml. demonstration: run that learned from the combinations claims are about.
        curve: runs with fewer or more, whose numbers are read from their settings. others: other networks on the same set; own: one
            whose decoder reads its own answers while it learns, too. What could be recorded once at full scale is left out where it
            was not.
        leak_free, compounds: runs. dates, dates_attention: runs without and with attention.
        more_seeds: by run, the one that was recorded once at full scale and that the claim is judged by; its scores are shown instead.
        shown: compounds of the table.
    """

    section: str = "translation"
    demonstration: str = "encoder_decoder"
    curve: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    own: str = "own_answers"
    leak_free: str = "leak_free"
    compounds: str = "compounds"
    dates: str = "dates"
    dates_attention: str = "dates_attention"
    more_seeds: Mapping[str, str] = dataclasses.field(default_factory=dict)
    shown: int = 6


def analyse(options: Options, settings: Settings) -> AnalysisResult:
    """Compare translations with look-up, and show some of them."""
    runs = list(dict.fromkeys(
        (*options.curve, options.demonstration, options.leak_free, options.compounds, options.dates, options.dates_attention)))
    own = trained.records(options.section, runs, settings)
    records = trained.judged_records(options.section, runs, options.more_seeds, settings)
    exact = {run: trained.scores_of(record, "exact_match") for run, record in records.items()}
    result = AnalysisResult(values={f"exact_{run}": trained.scores_of(record, "exact_match").tolist() for run, record in own.items()})
    result.add(against_look_up(options, settings))
    sizes = {run: _combinations(records[run]) for run in (*options.curve, options.demonstration) if run in records}
    result.figures["combinations"] = _curve(sizes, records, options, float(np.mean(result.values["success_look_up"])))
    loaded = trained.load(f"{options.section}/{options.demonstration}", settings, "analyses.translation.demonstration", "translation")
    result.tables["translations"] = _table(loaded, records[options.demonstration], options.shown)
    listed = {run: records[run] for run in sizes} | trained.records(options.section, (*options.others, options.own), settings)
    result.tables["translation_networks"] = _networks(listed)
    dated = trained.load(f"{options.section}/{options.dates_attention}", settings, "analyses.translation.dates_attention", "translation")
    result.figures["attention"] = _attention(dated)
    result.sentences.append(_sentence(options, records, exact, result))
    if options.own in listed:
        result.sentences.append(_on_own_answers(listed[options.own]))
    return result


def against_look_up(options: Options, settings: Settings) -> AnalysisResult:
    """Put the leak-free network beside a look-up in its own lexicon, seed by seed and compound by compound, the lecture's own left out."""
    section = trained.section_of(options.section, settings)
    lexicon = stored.load(results.data_folder("english_chinese"), "leak_free")["lexicon"]
    task = trained.load(f"{options.section}/{options.leak_free}", settings, "analyses.translation.leak_free", section.kind).task
    order = task.splits["test"].extra[task.item_order("test")]
    pairs = [task.pair(place) for place in order.tolist()]
    asked = np.array([pair.source != LECTURE for pair in pairs])
    found = results.read_arrays(results.items_file(options.section, options.leak_free))["exact"]  # (members, compounds)
    looked_up = np.array(["".join(lexicon.get(word, "") for word in pair.source) in pair.answers for pair in pairs])
    right, known = found[:, asked].astype(float), looked_up[asked].astype(float)
    return AnalysisResult(values={"success_look_up": known.tolist(), "lead_over_look_up": (right - known).tolist()})


@torch.no_grad()
def translate(model: EncoderDecoder, task: Translation, words: list[str]) -> list[str]:
    """Return each member's answer to one source."""
    numbers = torch.tensor([[task.encode_words(words)]])  # (1, 1, time)
    rows = model(Batch(numbers, numbers)).argmax(-1)[:, 0].tolist()
    return [task.read_answer(row)[0] for row in rows]


@figures.styled
def _curve(sizes: Mapping[str, int], records: Mapping[str, dict], options: Options, look_up: float) -> Picture:
    """Draw exact match over the number of combinations, and the harder sets beside it."""
    exact = {run: trained.scores_of(record, "exact_match") for run, record in records.items()}
    figure, (left, right) = figures.panels(2, width=7.2, height=2.9)
    order = sorted(sizes, key=sizes.get)
    for run in order:
        left.plot([sizes[run]] * len(exact[run]), exact[run], "o", color=figures.BLUE, alpha=0.65, markeredgewidth=0)
    left.plot([sizes[run] for run in order], [exact[run].mean() for run in order], color=figures.BLUE)
    left.set(xscale="log", ylim=(-0.03, 1.03), xlabel="random two-word combinations learned from", ylabel="exact match, real compounds",
             title="Demonstration set")
    left.set_xticks([sizes[run] for run in order], [str(sizes[run]) for run in order])
    left.minorticks_off()
    groups = {"leak-free": exact[options.leak_free], "real compounds only": exact[options.compounds], "dates": exact[options.dates],
              "dates, attention": exact[options.dates_attention]}
    figures.dots(right, groups)
    right.axvline(look_up, color=figures.GREY, linestyle="--", linewidth=1)
    right.set(xlim=(-0.03, 1.03), xlabel="exact match", title="Other sets (dashed: look-up, leak-free)")
    updates = _updates_of_dates(options, records)
    more, more_zh = trained.on_more_seeds({run: record for run, record in records.items() if run in options.more_seeds})
    beside = trained.recorded_names({run: record for run, record in records.items() if run not in options.more_seeds})
    if beside:
        more, more_zh = f"{more} Recorded once too: {', '.join(beside)}.", f"{more_zh}{'、'.join(beside)} 也只训练过一次并存档。"
    return Picture(figure, ["F4"], "Exact matches.", "整串正确率。",
                   "One dot per seed. Left: compounds never seen, each composed of two words that are known alone. Right: the networks for "
                   f"dates learned for {updates[0]} updates, with attention for {updates[1]}.{more}",
                   "每点一个种子。左：从未见过的复合词，均由两个单独学过的词组成。"
                   f"右：日期网络训练 {updates[0]} 次更新，带注意力的训练 {updates[1]} 次。{more_zh}")


def _on_own_answers(record: Mapping[str, Any]) -> Sentence:
    """Say how a network fares whose decoder reads its own answers while it learns."""
    right, exact = trained.scores_of(record, "success_lecture"), trained.scores_of(record, "exact_match").mean()
    return Sentence(["F4"], f"Where the decoder reads its own answers while it learns, not the right ones, {exact:.1%} of the compounds "
                    f"are right, machine learning for {int(right.sum())} of {len(right)} seeds (recorded once).",
                    f"若解码器在训练中也读回自己的输出，而不是正确的译文，则复合词答对 {exact:.1%}，"
                    f"machine learning 在 {len(right)} 个种子中有 {int(right.sum())} 个译对（只训练过一次并存档）。")


def _combinations(record: Mapping[str, Any]) -> int:
    """Return from how many combinations a run learned."""
    return record["settings"].get("combinations", inspect.signature(Translation).parameters["combinations"].default)


def _networks(records: Mapping[str, dict]) -> Table:
    """List networks on the demonstration set: what they learned from, and how many compounds they have right."""
    rows = []
    for record in records.values():
        exact, settings = 100 * trained.scores_of(record, "exact_match"), record["settings"]
        lecture = trained.scores_of(record, "success_lecture")
        rows.append([record["run"], settings["cell"], "✓" if settings.get("attention") else "", str(_combinations(record)),
                     f"{exact.mean():.1f} ± {exact.std(ddof=1) if len(exact) > 1 else 0:.1f}", f"{int(lecture.sum())}/{len(lecture)}"])
    return Table(["F4"], "Real compounds of the demonstration set, exact match in per cent.", "演示集中的真实复合词，整串正确率（%）。",
                 ("run", "cell", "attention", "combinations learned from", "exact match", "seeds right about machine learning"),
                 ("运行", "单元", "注意力", "学过的组合数", "整串正确率", "译对 machine learning 的种子数"), rows, rows)


def _updates_of_dates(options: Options, records: Mapping[str, dict]) -> list[int]:
    """Return for how many updates dates were learned, without and with attention."""
    return [records[run]["settings"]["updates"] for run in (options.dates, options.dates_attention)]


def _table(loaded: trained.Loaded, judged: Mapping[str, Any], shown: int) -> Table:
    """Show the lecture's example, some variations, and some compounds of the test set; recorded runs have no weights to be asked."""
    pairs = [loaded.task.pair(place) for place in loaded.task.splits["test"].extra[:shown].tolist()]
    asked = [text.split() for text in ASKED] + [list(pair.source) for pair in pairs]
    known = [words for words in asked if all(word in loaded.task.words for word in words)]
    rows = [[" ".join(words), counted(translate(loaded.model, loaded.task, words))] for words in known]
    own, seeds = judged["run"] == loaded.run.name, loaded.model.members
    note = "" if own else f" (the {seeds} seeds trained at this scale; judged is {judged['run']}, of which no weights are kept)"
    note_zh = "" if own else f"（本规模训练的 {seeds} 个种子；判定用的是 {judged['run']}，其权重未保存）"
    return Table(["F4"], f"What the encoder-decoder answers{note}.", f"编码器-解码器的译文{note_zh}。",
                 ("English", "answer (of how many seeds)"), ("英文", "译文（给出该译文的种子数）"), rows, rows)


@torch.no_grad()
def looks(model: EncoderDecoder, task: Translation, source: str) -> tuple[str, Tensor]:
    """Return the first member's answer to a date and how much it looked at each character: (answer's symbols, characters)."""
    numbers = torch.tensor([[task.encode_words(list(source))]]).expand(model.members, -1, -1)
    read, lengths = model.read(Batch(numbers, numbers))
    symbols = model.write(read, lengths, task.cap).argmax(-1)
    before = torch.nn.functional.pad(symbols, (1, 0), value=model.start)[:, :, :-1]
    state, rows = read.state, []
    for step in range(task.cap):
        done = model.unroll_decoder(vectors_of(model.target_embedding, before[:, :, step : step + 1]), state)
        state = done.state
        rows.append(attention_weights(done.outputs, read.outputs, lengths)[0, 0])
    text, _ = task.read_answer(symbols[0, 0].tolist())
    return text, torch.cat(rows)[: len(text)]


@figures.styled
def _attention(loaded: trained.Loaded) -> Picture:
    """Draw where the first member looks while it writes the first test date."""
    source = "".join(loaded.task.pair(int(loaded.task.splits["test"].extra[0])).source)
    answer, weights = looks(loaded.model, loaded.task, source)
    figure, axes = figures.panels(width=5.2, height=3.0)
    image = axes.imshow(weights.numpy(), cmap="Blues", vmin=0, vmax=1, aspect="auto")
    marks = {"年": "Y", "月": "M", "日": "D"}  # the figures' font has no Chinese
    axes.set_xticks(range(len(source)), list(source))
    axes.set_yticks(range(len(answer)), [marks.get(symbol, symbol) for symbol in answer])
    axes.set(xlabel="what is read", ylabel="what is written")
    figure.colorbar(image, ax=axes, label="weight")
    return Picture(figure, ["F4"], "Where attention looks.", "注意力看向哪里。",
                   "One seed writing a date (Y, M, D stand for 年, 月, 日): each row one symbol written, each column one character read.",
                   "一个种子翻译一个日期（Y、M、D 代表年、月、日）：每行为写出的一个符号，每列为读入的一个字符。")


def _sentence(options: Options, records: Mapping[str, dict], exact: Mapping[str, np.ndarray], result: AnalysisResult) -> Sentence:
    """Say how the lecture's example fared, and what the leak-free set leaves of the demonstration."""
    right = trained.scores_of(records[options.demonstration], "success_lecture")
    looked_up = np.mean(result.values["success_look_up"])
    leak_free = looked_up + np.mean(result.values["lead_over_look_up"])
    updates = _updates_of_dates(options, records)
    text = (f"machine learning came out as 机器学习 for {int(right.sum())} of {len(right)} seeds. Without a leak the network has "
            f"{leak_free:.1%} of the compounds right, look-up in its lexicon {looked_up:.1%}; learning from real compounds "
            f"only gives {exact[options.compounds].mean():.1%}. Dates: {exact[options.dates].mean():.1%} after {updates[0]} updates, with "
            f"attention {exact[options.dates_attention].mean():.1%} after {updates[1]}.")
    chinese = (f"machine learning 在 {len(right)} 个种子中有 {int(right.sum())} 个译成“机器学习”。"
               f"无泄漏时网络答对 {leak_free:.1%} 的复合词，在同一词表中逐词查表为 {looked_up:.1%}；只学真实复合词则为"
               f" {exact[options.compounds].mean():.1%}。"
               f"日期：{updates[0]} 次更新后为 {exact[options.dates].mean():.1%}，"
               f"加注意力则 {updates[1]} 次更新后为 {exact[options.dates_attention].mean():.1%}。")
    return Sentence(["F4"], text, chinese)
