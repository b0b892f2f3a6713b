"""Doubled words: who can say them, what CTC's search and alignment find, and the null symbol over time (F2, F3)."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping

import numpy as np

from unrolled import results
from unrolled.analyses import alignments, ctc_piece, recognition_pictures, trained
from unrolled.analyses.alignments import Read
from unrolled.analyses.base import AnalysisResult, Sentence, Table, counted
from unrolled.settings import Settings

Counts = Mapping[str, np.ndarray]  # of a run's test strings, by name: (members, strings)
SHOWS = 0.05  # by how much more of CTC's spikes must lie within their words than of evenly spread ones, for that to say anything
NAMES = {"speech_ctc": ("digits", "数字"), "mandarin_ctc": ("Mandarin", "普通话")}


@dataclasses.dataclass(frozen=True)
class Options:
    """What is compared.

    Attributes:
        sections: of params.yaml, each with the runs `ctc`, `trimming` (a word at every step) and `silence` (or silence at a step).
        beam: number of prefixes that the search keeps. least: probability below which a word lengthens no prefix.
        searched: number of test strings that are searched; 0 for all.
        shown: strings of the table.
    """

    sections: tuple[str, ...] = ("speech_ctc", "mandarin_ctc")
    ctc: str = "ctc"
    trimming: str = "trimming"
    silence: str = "trimming_silence"
    beam: int = 8
    least: float = 1e-4
    searched: int = 0
    shown: int = 6

    def __post_init__(self) -> None:
        if self.beam < 1 or not 0 < self.least < 1:
            raise ValueError(f"beam must be at least 1 and least lie between 0 and 1, but they are {self.beam} and {self.least}.")


def analyse(options: Options, settings: Settings) -> AnalysisResult:
    """Compare the three readings in each section."""
    result, recordings = AnalysisResult(), []
    for section in options.sections:
        runs = (options.ctc, options.trimming, options.silence)
        items = {run: results.read_arrays(results.items_file(section, run)) for run in runs}
        loaded = {run: trained.load(f"{section}/{run}", settings, "analyses.recognition.sections", "speech_recognition") for run in runs}
        reads = {run: alignments.read(found) for run, found in loaded.items()}
        texts = np.array([loaded[options.ctc].task.said["test"].texts[place] for place in reads[options.ctc].places])
        result.values |= rightness(section, items, texts, {*loaded[options.ctc].task.said["train"].texts}, options)
        measured = of_ctc(reads[options.ctc], options)
        result.values |= {f"{name}_{section}": values for name, values in measured.items()}
        names = names_of(section, reads[options.ctc])
        result.figures[f"shares_{section}"] = recognition_pictures.shares(names, items)
        result.figures[f"steps_{section}"] = recognition_pictures.steps(names, reads)
        result.tables[f"strings_{section}"] = _table(names, reads, options.shown)
        result.sentences += [_doubled(names, items, options), _aligned(names, measured)]
        told, sounds = ctc_piece.of_section(section, names, dict(zip(("ctc", "trimming", "silence"), loaded.values(), strict=True)))
        recordings += told
        result.sounds |= sounds
    result.pieces["ctc_posteriors"] = ctc_piece.piece(recordings)
    return result


def names_of(section: str, read: Read) -> tuple[str, str]:
    """Return what readers are told of a section's speech, in English and Chinese; espeak's voices have a + in their names."""
    english, chinese = NAMES.get(section, (section, section))
    if all("+" in voice for voice in read.task.said["test"].voices):
        return f"{english}, synthetic speech", f"{chinese}，合成语音"
    return f"{english}, recorded speech", f"{chinese}，真人录音"


def groups(counts: Counts, texts: np.ndarray | None = None, heard: Collection[str] = ()) -> dict[str, np.ndarray]:
    """Return which test strings (strings,) are in each group; a group without a string is left out.

    Args:
        counts: of a run. texts: the strings. heard: those that training had too, in other voices.
    """
    repeats, pauses = counts["repeats"][0].astype(bool), counts["pauses"][0].astype(bool)
    found = {"no_repeats": ~repeats, "repeats": repeats, "repeats_connected": repeats & ~pauses, "repeats_pauses": repeats & pauses}
    if texts is not None:
        found["repeats_unheard"] = repeats & ~np.isin(texts, sorted(heard))
    return {name: group for name, group in found.items() if group.any()}


def rightness(section: str, items: Mapping[str, Counts], texts: np.ndarray, heard: Collection[str], options: Options
              ) -> dict[str, list[list[float]]]:
    """Return by run and group the share of the voices in which each seed has a string right, and CTC's lead: (members, strings).

    A string said by many voices is no trial for each of them: what is asked is whether other strings would be read.

    Args:
        section: of the runs. items: what they left of the test strings `texts`, in their order. heard: the strings of training.
        options: which run is which.
    """
    found: dict[str, np.ndarray] = {}
    for run, counts in items.items():
        for suffix in ("", "_blanks_first"):
            if f"right{suffix}" in counts:
                found |= {f"right_{section}_{run}_{name}{suffix}": by_string(counts[f"right{suffix}"][:, group], texts[group])
                          for name, group in groups(counts, texts, heard).items()}
    ours = found.get(f"right_{section}_{options.ctc}_repeats")
    for name, other in (("trimming", f"right_{section}_{options.trimming}_repeats"),
                        ("blanks_first", f"right_{section}_{options.ctc}_repeats_blanks_first")):
        if ours is not None and other in found:
            seeds = min(len(ours), len(found[other]))
            found[f"lead_{section}_{options.ctc}_over_{name}"] = ours[:seeds] - found[other][:seeds]
    return {name: values.tolist() for name, values in found.items()}


def by_string(right: np.ndarray, texts: np.ndarray) -> np.ndarray:
    """Return the mean over all that are the same string, in alphabetical order: (members, strings) of (members, said)."""
    return np.stack([right[:, texts == text].mean(1) for text in np.unique(texts)], 1)


def of_ctc(read: Read, options: Options) -> dict[str, list[float]]:
    """Return per seed: error of greedy reading and of the search on the same strings, share of blanks, and of spikes inside their words."""
    strings = options.searched or len(read.said)
    greedy = [member[:strings] for member in alignments.answers(read)]
    return {"greedy_error": alignments.error_rates(read, greedy),
            "beam_error": alignments.error_rates(read, alignments.search(read, options.beam, options.least, strings)),
            "blank_share": alignments.null_shares(read),
            "spikes_inside": alignments.inside_words(read, alignments.spikes(read)),
            "even_spikes_inside": alignments.inside_words(read, alignments.even_spikes(read))}


def _table(names: tuple[str, str], reads: Mapping[str, Read], shown: int) -> Table:
    """Show doubled strings, half of them with pauses if there are any, and what each run's seeds answer."""
    first = next(iter(reads.values()))
    doubled = recognition_pictures.doubled_strings(first)
    half = shown // 2
    chosen = [*doubled[True][:half], *doubled[False][: shown - min(half, len(doubled[True]))]]
    chosen[-1:] = recognition_pictures.of_the_lecture(first)[:1] or chosen[-1:]
    given = {run: alignments.answers(read) for run, read in reads.items()}
    rows, rows_zh = [], []
    for string in chosen:
        said = _text(first, first.said[string])
        spoken = [counted([_text(reads[run], member[string]) for member in answers]) for run, answers in given.items()]
        paused = string in doubled[True]
        rows.append([said, "with pauses" if paused else "connected", *spoken])
        rows_zh.append([said, "有停顿" if paused else "连读", *spoken])
    return Table(["F2", "F3"], f"Doubled words as they are said and as they are read ({names[0]}; of how many seeds).",
                 f"叠词：所说与所读（{names[1]}；括号内为给出该答案的种子数）。",
                 ("said", "spoken", "CTC", "a label per step, merged", "the same with silence"),
                 ("所说", "语流", "CTC", "逐帧标注再合并", "再加静音类别"), rows, rows_zh)


def _text(read: Read, words: list[int]) -> str:
    return " ".join(read.task.symbols[word] for word in words)


def _doubled(names: tuple[str, str], items: Mapping[str, Counts], options: Options) -> Sentence:
    """Say how many doubled strings each run has right, on the mean of its seeds."""

    def share(run: str, group: str, suffix: str = "") -> str:
        chosen = groups(items[run]).get(group)
        return "–" if chosen is None else f"{items[run][f'right{suffix}'][:, chosen].mean():.1%}"

    plain, silence = options.trimming, options.silence
    text = (f"{names[0].capitalize()}: of the strings with a doubled word, trimming has {share(plain, 'repeats')} right (without one "
            f"{share(plain, 'no_repeats')}), CTC {share(options.ctc, 'repeats')} ({share(options.ctc, 'no_repeats')}), and CTC with blanks "
            f"deleted first {share(options.ctc, 'repeats', '_blanks_first')}. A class for silence is a null symbol that only a pause can "
            f"use: {share(silence, 'repeats_pauses')} right with pauses, {share(silence, 'repeats_connected')} in connected speech.")
    chinese = (f"{names[1]}：含叠词的串，逐帧标注再合并答对 {share(plain, 'repeats')}（无叠词时 {share(plain, 'no_repeats')}），CTC 答对 "
               f"{share(options.ctc, 'repeats')}（{share(options.ctc, 'no_repeats')}），若先删空白则 CTC 只剩 "
               f"{share(options.ctc, 'repeats', '_blanks_first')}。静音类别也是一种空白，但只有停顿时才用得上：有停顿时答对 "
               f"{share(silence, 'repeats_pauses')}，连读时 {share(silence, 'repeats_connected')}。")
    return Sentence(["F2", "F3"], text, chinese)


def _aligned(names: tuple[str, str], measured: Mapping[str, list[float]]) -> Sentence:
    """Say what the search gains, and where the spikes are."""
    greedy, beam, blank, inside, even = (np.mean(measured[name]) for name in (
        "greedy_error", "beam_error", "blank_share", "spikes_inside", "even_spikes_inside"))
    far, far_zh = ("hardly fewer, so that this shows nothing", "两者相差不大，因而说明不了什么")
    if inside - even > SHOWS:
        far, far_zh = "clearly fewer", "明显更少"
    text = (f"{names[0].capitalize()}: {blank:.0%} of CTC's steps are blank. {inside:.1%} of its spikes lie within their word; of evenly "
            f"spread ones {even:.1%} do ({far}). Word errors: {greedy:.1%} read "
            f"greedily, {beam:.1%} by a search over prefixes.")
    chinese = (f"{names[1]}：CTC 有 {blank:.0%} 的步是空白。{inside:.1%} 的尖峰落在所属的词之内；若均匀放置则为 {even:.1%}（{far_zh}）。"
               f"词错误率：贪心解码 {greedy:.1%}，前缀搜索 {beam:.1%}。")
    return Sentence(["F3"], text, chinese)
