"""Pictures of speech recognition: shares of right strings, and what is held for likely at every step of one."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes

from unrolled import drawing as figures
from unrolled.analyses.alignments import Read, answers
from unrolled.analyses.base import Picture
from unrolled.tasks.transcribed import doubles

GROUPS = {"no word doubled": (False, None), "doubled, connected": (True, False), "doubled, with pauses": (True, True)}
LECTURE = "好 棒 棒"
# The figures' font has no Chinese.
PINYIN = {
    "好": "hǎo", "棒": "bàng", "看": "kàn", "慢": "màn", "谢": "xiè", "天": "tiān", "人": "rén", "大": "dà", "听": "tīng", "想": "xiǎng",
    "走": "zǒu", "笑": "xiào", "水": "shuǐ", "火": "huǒ", "花": "huā", "红": "hóng", "白": "bái", "妈": "mā", "爸": "bà", "吃": "chī",
}


def name_of(word: str) -> str:
    """Return a word as the figures can write it."""
    return PINYIN.get(word, word)


LABELS = {"ctc": "CTC", "trimming": "label per step", "trimming_silence": "label or silence per step"}


def label_of(run: str) -> str:
    """Return a run's name as the figures have it."""
    return LABELS.get(run, run.replace("_", " "))


def doubled_strings(read: Read) -> dict[bool, list[int]]:
    """Return the places of the strings with a doubled word, by whether they are spoken with pauses."""
    data = read.task.splits["test"].extra[read.places]
    found: dict[bool, list[int]] = {True: [], False: []}
    for string, words in enumerate(read.said):
        if doubles(words):
            found[bool(data[string, 0])].append(string)
    return found


@figures.styled
def shares(names: tuple[str, str], items: Mapping[str, Mapping[str, np.ndarray]]) -> Picture:
    """Draw each seed's share of right strings, by run and group."""
    figure, axes = figures.panels(3, width=7.2, height=2.4, sharex=True, sharey=True)
    for panel, (title, (repeats, pauses)) in zip(axes, GROUPS.items(), strict=True):
        samples = {}
        for run, counts in items.items():
            chosen = counts["repeats"][0].astype(bool) == repeats
            chosen = chosen if pauses is None else chosen & (counts["pauses"][0].astype(bool) == pauses)
            for suffix, more in (("", ""), ("_blanks_first", ", nulls out first")):
                if f"right{suffix}" in counts and chosen.any():
                    samples[label_of(run) + more] = counts[f"right{suffix}"][:, chosen].mean(1)
        figures.dots(panel, samples)
        panel.set(xlim=(-0.04, 1.04), title=title, xlabel="strings all right")
    return Picture(
        figure, ["F2", "F3"], f"Who can say a word twice ({names[0]}).", f"谁说得出叠词（{names[1]}）。",
        "Share of test strings of unseen voices that are right as a whole; a dot per seed. Blanks first: nulls deleted before repeats are "
        "merged. Trimming has no null symbol; with silence as a class it has one wherever there is a pause.",
        "在未听过的嗓音的测试串中整串答对的比例，每个种子一点。“先删空白”：先删空白再合并重复。"
        "“逐帧标注再合并”没有空白符；加上静音类别后，有停顿处便有了空白。")


@figures.styled
def steps(names: tuple[str, str], reads: Mapping[str, Read]) -> Picture:
    """Draw the probabilities of one doubled string in connected speech, by each run's first seed."""
    first = next(iter(reads.values()))
    string = shown_string(first)
    figure, axes = figures.panels(rows=len(reads), width=7.2, height=1.7 * len(reads), sharex=True, squeeze=False)
    for panel, (run, read) in zip(axes[:, 0], reads.items(), strict=True):
        given = " ".join(name_of(read.task.symbols[word]) for word in answers(read)[0][string])
        _draw_steps(panel, read, string)
        panel.set(ylim=(0, 1.15), ylabel="probability", title=f"{label_of(run)}: {given or '(nothing)'}")
    axes[-1, 0].set_xlabel("time, s")
    handles = {label: handle for panel in axes[:, 0] for handle, label in zip(*panel.get_legend_handles_labels(), strict=True)}
    figure.legend(handles.values(), handles, loc="outside right upper")
    said = " ".join(name_of(first.task.symbols[word]) for word in first.said[string])
    return Picture(
        figure, ["F2", "F3"], f"The null symbol at work ({names[0]}).", f"空白符如何起作用（{names[1]}）。",
        f"One seed hears “{said}” in connected speech. Dotted: true beginnings of words. CTC spikes once a word and rests on its blank "
        "between; without a null symbol the doubled word is one stretch.",
        f"一个种子听到连读的“{said}”。虚线：各词真正的起点。CTC 每词一个尖峰，其间停在空白上；没有空白符时，叠词连成一片。")


def of_the_lecture(read: Read) -> list[int]:
    """Return the places of the lecture's own example, of the strings without pauses."""
    return [string for string in doubled_strings(read)[False] if " ".join(read.task.symbols[word] for word in read.said[string]) == LECTURE]


def shown_string(read: Read) -> int:
    """Return the lecture's example, or the shortest of all connected doubled strings; the first one that the first seed has right."""
    doubled = doubled_strings(read)
    right = [string for string in of_the_lecture(read) or doubled[False] if answers(read)[0][string] == read.said[string]]
    return min(right or doubled[False] or doubled[True], key=lambda string: len(read.said[string]))


def _draw_steps(axes: Axes, read: Read, string: int) -> None:
    """Draw a line for every word that is said or that is ever likelier than a third, and the null symbol in grey."""
    scores = np.exp(read.scores[string][0])
    seconds = (np.arange(len(scores)) + 0.5) * read.task.stacked / 100
    heard = [word for word in range(len(read.task.symbols)) if word in read.said[string] or scores[:, word].max() > 1 / 3]
    for word in heard:
        colour = figures.colour(word)
        axes.plot(seconds, scores[:, word], color=colour, label=name_of(read.task.symbols[word]))
    if read.task.null is not None:
        name = "blank" if read.task.labels == "ctc" else "silence"
        axes.plot(seconds, scores[:, read.task.null], color=figures.GREY, linestyle="--" if name == "blank" else ":", label=name)
    for start in read.task.said["test"].starts[read.places[string]]:
        axes.axvline(start / 100, color=figures.BLACK, linewidth=0.8, linestyle=":")
