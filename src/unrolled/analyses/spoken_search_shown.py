"""What the search for spoken phrases shows: its figure, its tables and its sentences (F10)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from unrolled import drawing as figures
from unrolled.analyses.base import Picture, Sentence, Table
from unrolled.analyses.search_scores import Labels, Scores
from unrolled.searching import Archive

PHRASED = ("vectors", "two_stages", "alignment", "naive")  # methods whose scores are shown phrase by phrase
NAMES = {"vectors": ("vectors", "向量"), "two_stages": ("vectors, then alignment", "先用向量，再对齐"),
         "alignment": ("alignment (DTW)", "对齐（DTW）"), "naive": ("ten frames as a vector", "十帧拼成的向量"),
         "chance": ("chance", "随机水平"),
         "pairs": ("vectors learned from pairs", "由配对学得的向量"),
         "pairs_two_stages": ("these, then alignment", "先用由配对学得的向量，再对齐")}


@figures.styled
def figure(scores: Scores) -> Picture:
    """Draw both scores by method, a dot per member."""
    figure, panels = figures.panels(2, width=7.2, height=2.8, sharey=True)
    for axes, place, words in zip(panels, (0, 1), ("precision at 1", "mean average precision"), strict=True):
        figures.dots(axes, {NAMES[method][0]: np.array([member[place].mean() for member in members]) for method, members in scores.items()})
        axes.set(xlabel=words, xlim=(-0.03, 1.03))
    return Picture(figure, ["F10"], "Looking for a spoken phrase in an archive.", "在语音库中查找一个语音短语。",
                   "Means over queries, one dot per training seed; methods that learn nothing have one. Synthetic speech, voices never "
                   "learned from.",
                   "对查询取平均，每点一个训练种子；不需学习的方法只有一个点。合成语音，嗓音均未在训练中出现。")


def methods(scores: Scores, work: Mapping[str, float]) -> Table:
    """List scores and work by method."""
    rows = {}
    for method in scores:
        first, average = scores.of_queries(method).mean(1)
        rows[method] = (f"{first:.3f}", f"{average:.3f}", f"{work[method]:,.0f}" if method in work else "")
    return Table(["F10"], "Search by method, means over queries.", "各种检索方法（对查询取平均）。",
                 ("method", "precision at 1", "MAP", "comparisons per query"),
                 ("方法", "首位准确率", "MAP", "每次查询的比较次数"), [(NAMES[method][0], *row) for method, row in rows.items()],
                 [(NAMES[method][1], *row) for method, row in rows.items()])


def _by_phrase(values: Mapping[str, Any], asked: Sequence[str]) -> dict[str, dict[str, float]]:
    """Return the share of first answers that are right by phrase and method, means over members and queries."""
    shares = {method: np.mean(values[f"precision_at_1_{method}"], 0) for method in PHRASED}
    return {phrase: {method: float(found[place]) for method, found in shares.items()} for place, phrase in enumerate(np.unique(asked))}


def phrases(values: Mapping[str, Any], asked: Sequence[str]) -> Table:
    """List phrases by how often the first answer is right, those that vectors find least often first."""
    found = sorted(_by_phrase(values, asked).items(), key=lambda entry: entry[1]["vectors"])
    rows = [(phrase, *(f"{shares[method]:.2f}" for method in PHRASED)) for phrase, shares in found]
    columns, columns_zh = ((first, *(NAMES[method][place] for method in PHRASED)) for place, first in enumerate(("phrase", "短语")))
    return Table(["F10"], "First answers that are right, by phrase.", "各短语首个结果的正确率。", columns, columns_zh, rows, rows)


def of_phrase(values: Mapping[str, Any], asked: Sequence[str], phrase: str) -> Sentence:
    """Say how the phrase of the lecture fares: the mean over phrases hides it."""
    found = _by_phrase(values, asked)
    own, fewer = found[phrase], sum(shares["vectors"] < found[phrase]["vectors"] for shares in found.values())
    text = (f"Of the queries for {phrase!r} itself the first answer is right in {own['vectors']:.0%} by vectors, {own['two_stages']:.0%} "
            f"by vectors and then alignment, {own['alignment']:.0%} by alignment; {fewer} of {len(found)} phrases fare worse by vectors.")
    chinese = (f"就 {phrase!r} 这一短语而言，首个结果正确的比例：单用向量 {own['vectors']:.0%}，先用向量再对齐 {own['two_stages']:.0%}，"
               f"逐句对齐 {own['alignment']:.0%}；单用向量时，{len(found)} 个短语中有 {fewer} 个比它更差。")
    return Sentence(["F10"], text, chinese)


def answers(archive: Archive, queries: Sequence[np.ndarray], vectors: np.ndarray, labels: Labels, phrase: str, candidates: int, rows: int
            ) -> Table:
    """Show what the first member finds for one phrase, by both stages: in the order of the distances that alignment gives."""
    place, lines = labels[0].index(phrase), []
    distances, nearest = archive.by_vectors(vectors[place : place + 1])
    aligned = archive.in_two_stages(queries[place], distances[0], candidates)
    for sentence in aligned.argsort(kind="stable")[: min(rows, candidates)]:
        segment = nearest[0, sentence]
        mark = "✓" if labels[1][sentence] == phrase else "✗"
        lines.append((archive.spoken.texts[sentence], f"{archive.segments.starts[segment] / 100:.2f} s",
                      f"{aligned[sentence]:.3f}", f"{1 - distances[0, sentence]:.2f}", mark))
    name, name_zh = NAMES["two_stages"]
    return Table(["F10"], f"First answers to a spoken {phrase!r} by {name}: in the order of the distance after alignment.",
                 f"对语音查询 {phrase!r} 的前几个结果（{name_zh}）：按对齐后的距离排列。",
                 ("sentence", "at", "distance", "cosine of the vectors", "right"), ("句子", "时间", "距离", "向量余弦", "是否正确"),
                 lines, lines)


def sentence(scores: Scores, values: Mapping[str, Any], work: Mapping[str, float], archives: int, sentences: int) -> Sentence:
    """Say who finds how much for how much work."""
    first = {method: scores.of_queries(method)[0].mean() for method in scores}
    average = {method: scores.of_queries(method)[1].mean() for method in scores}
    alike = {method: np.mean(values[f"precision_at_1_{method}"]) for method in ("vectors", "alignment", "two_stages", "naive")}
    share, queries = work["two_stages"] / work["alignment"], scores.of_queries("vectors").shape[1]
    text = (f"{queries} spoken queries, each to one of {archives} archives of {sentences} sentences: the first answer is right in "
            f"{first['vectors']:.1%} by vectors (MAP {average['vectors']:.2f}), in {first['alignment']:.1%} by alignment with every "
            f"sentence ({average['alignment']:.2f}), in "
            f"{first['two_stages']:.1%} by vectors whose best candidates are aligned ({average['two_stages']:.2f}), for {share:.0%} of "
            f"the comparisons of alignment. Ten raw frames as a vector: {first['naive']:.1%} ({average['naive']:.2f}). Where each phrase "
            f"counts alike, however many queries ask for it, as in the verdict, the first answer is right in {alike['vectors']:.1%} by "
            f"vectors, {alike['alignment']:.1%} by alignment, {alike['two_stages']:.1%} by vectors and then alignment, "
            f"{alike['naive']:.1%} by ten frames.")
    chinese = (f"{archives} 个语音库各有 {sentences} 个句子，共 {queries} 个语音查询，每个只检索其中一个库：首个结果正确的比例，"
               f"单用向量为 {first['vectors']:.1%}（MAP {average['vectors']:.2f}），"
               f"逐句对齐为 {first['alignment']:.1%}（{average['alignment']:.2f}），先用向量再对齐为 {first['two_stages']:.1%}"
               f"（{average['two_stages']:.2f}），比较次数只有逐句对齐的 {share:.0%}。"
               f"十帧拼成的向量为 {first['naive']:.1%}（{average['naive']:.2f}）。若像判定那样每个短语同等计（不论有多少查询），"
               f"首个结果正确的比例：单用向量 {alike['vectors']:.1%}，逐句对齐 {alike['alignment']:.1%}，"
               f"先用向量再对齐 {alike['two_stages']:.1%}，十帧拼成的向量 {alike['naive']:.1%}。")
    return Sentence(["F10"], text, chinese)
