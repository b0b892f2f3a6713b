"""How the scores of spoken words are shown: figures, the table, and the sentences on the cards of F8, F9 and F12."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from unrolled import drawing as figures
from unrolled.analyses import trained
from unrolled.analyses.base import Picture, Sentence, Table
from unrolled.analyses.word_scores import Scores, Untrained, interval

NAMES = {  # of runs and of what needs no training
    "autoencoder": ("autoencoder", "自编码器"),
    "autoencoder_further": ("autoencoder, further seeds", "自编码器，更多种子"),
    "correspondence": ("correspondence training", "同词配对训练"),
    "contrastive": ("encoder alone, contrastive (mined pairs)", "仅编码器，对比学习（自动配对）"),
    "contrastive_views": ("encoder alone, contrast of two cuts", "仅编码器，对比学习（同一录音的两段）"),
    "untrained": ("untrained encoder", "未训练的编码器"),
    "frozen_encoder": ("frozen encoder, trained decoder", "编码器冻结、解码器训练"),
    "frozen_decoder": ("trained encoder, frozen decoder", "编码器训练、解码器冻结"),
    "own_output": ("decoder reads its own output", "解码器读回自身输出"),
    "teacher_forcing": ("decoder reads the right frame", "解码器读正确的帧"),
    "denoising": ("denoising", "去噪自编码器"),
    "lecture": ("one direction, own output", "单向编码、读回自身输出"),
    "naive": ("a few frames, no training", "若干帧拼接，无训练"),
    "dtw_cosine": ("DTW, cosine", "DTW（余弦）"),
    "dtw_euclidean": ("DTW, Euclidean", "DTW（欧氏）"),
    "random": ("random", "随机水平"),
}
SHOWN = (("mean_average_precision", "MAP", "MAP"), ("mean_average_precision_voice_mean", "without voice means", "去嗓音均值"),
         ("precision_at_1", "P@1", "P@1"), ("average_precision", "same-different AP", "同异判别 AP"),
         ("mean_average_precision_seen", "MAP, words seen", "MAP（训练词）"), ("reconstruction_loss", "reconstruction loss", "重建损失"))


def name_of(run: str, chinese: bool = False) -> str:
    """Return a run's name for readers."""
    return NAMES.get(run, (run.replace("_", " "),) * 2)[chinese]


@figures.styled
def dots(scores: Mapping[str, Scores], baselines: Sequence[str]) -> Picture:
    """Draw mean average precision by run, what needs no training as lines."""
    runs = [run for run in scores if run not in baselines]
    figure, panels = figures.panels(2, width=7.2, height=1.4 + 0.28 * len(runs), sharey=True)
    colours = dict(zip(baselines, (figures.VERMILION, figures.GREEN, figures.PURPLE, figures.GREY), strict=False))
    for kind, axes in enumerate(panels):
        figures.dots(axes, {name_of(run): scores[run][kind].mean(1) for run in runs}, [figures.BLUE] * len(runs))
        lines = [axes.axvline(scores[name][kind].mean(), color=colour, linestyle="--", linewidth=1)
                 for name, colour in colours.items()]
        axes.set(xlabel="MAP, voices' means taken away" if kind else "mean average precision (MAP)", xlim=(0, None))
    figure.legend(lines, [name_of(name) for name in colours], loc="outside lower center", ncols=4)
    return Picture(figure, ["F8", "F9", "F12"],
                   "Words found again in unseen voices.",
                   "在未见嗓音中找回单词。",
                   "One dot per seed; lines: what needs no training (DTW has no vectors and hence no means to take away). Some voices ask, "
                   "the archive is spoken by others; none of them was trained on.",
                   "每点一个种子；虚线为无需训练的方法（DTW 没有向量，谈不上去均值）。"
                   "一部分嗓音用作查询，另一部分构成语音库，均未参与训练。")


@figures.styled
def inputs(records: Mapping[str, Any], runs: Sequence[str], forced: Sequence[float]) -> Picture:
    """Draw retrieval against reconstruction, by what the decoder reads: runs with a constant, its own output, the right frame."""
    figure, axes = figures.panels(1, width=5.2, height=3.2)
    words = ("vector and position (constant)", "its own output", "the right frame in training")
    for run, name, colour in zip(runs, words, figures.COLOURS, strict=False):
        losses, scores = (trained.scores_of(records[run], metric) for metric in ("reconstruction_loss", "mean_average_precision"))
        axes.plot(losses, scores, "o", color=colour, label=f"decoder reads {name}")
        if run == runs[-1] and len(forced):
            axes.plot(forced, scores, "o", color=colour, fillstyle="none", label="... and is given the right frames again")
    axes.set(xlabel="reconstruction loss on test words (mean square)", ylabel="mean average precision")
    axes.legend(loc="best")
    hollow, hollow_zh = (" (filled); hollow: it is given the right ones", "（实心）；空心：仍给它正确的前一帧") if len(forced) else ("", "")
    return Picture(figure, ["F12"], "Good frames are not good vectors.", "帧重建得好，不等于向量好。",
                   f"One dot per seed, on the words of the test. A teacher-forced decoder reads its own frames after training{hollow}.",
                   f"每点一个种子，只看测试词。教师强制的解码器在训练后读回自身输出{hollow_zh}。")


def table(records: Mapping[str, Any], baselines: Mapping[str, Untrained]) -> Table:
    """Put all scores side by side, as means over seeds."""
    cells = {run: [*(_mean(record, metric) for metric, _, _ in SHOWN), f"{record['parameters'] / 1000:.0f}k"]
             for run, record in records.items()}
    for name, found in baselines.items():
        cells[name] = [*(f"{found.metrics[metric]:.3f}" if metric in found.metrics else "–" for metric, _, _ in SHOWN), "–"]
    return Table(["F8", "F9", "F12"],
                 "Retrieval of spoken words, means over seeds.", "语音词检索，各种子的均值。",
                 ["vectors", *(name for _, name, _ in SHOWN), "parameters"], ["向量", *(name for _, _, name in SHOWN), "参数量"],
                 [[name_of(name), *row] for name, row in cells.items()], [[name_of(name, True), *row] for name, row in cells.items()])


def _mean(record: Mapping[str, Any], metric: str) -> str:
    """Return the mean over seeds, a dash where the run has no such score."""
    if all(member["metrics"].get(metric) is None for member in record["members"]):
        return "–"
    return f"{trained.scores_of(record, metric).mean():.3f}"


def on_vectors(scores: Mapping[str, Scores], autoencoder: str, correspondence: str, is_recorded: bool = False) -> Sentence:
    """Say how the autoencoder does against what needs no training.

    Args:
        scores: by run and baseline. autoencoder, correspondence: runs.
        is_recorded: the words were recorded, and all of them learned from other speakers; else they are synthetic and unseen.
    """
    own, parts, chinese = scores[autoencoder], [], []
    words = own.plain.shape[1]
    said, said_zh = ((f"{words} spoken digits (recorded speech)", f"{words} 个数字词（真人录音）") if is_recorded else
                     (f"{words} unseen words (synthetic speech)", f"{words} 个未见词（合成语音）"))
    for name in (correspondence, "dtw_cosine", "naive", "untrained"):
        if name in scores:
            found, (low, high) = scores[name].plain.mean(), interval(own, scores[name])
            parts.append(f"{name_of(name)} {found:.3f} ({low:+.3f} to {high:+.3f})")
            chinese.append(f"{name_of(name, True)} {found:.3f}（{low:+.3f} 至 {high:+.3f}）")
    random = scores["random"].plain.mean()
    text = (f"Mean average precision of {said} across unseen voices: autoencoder {own.plain.mean():.3f}, without the voices' means "
            f"{own.voice_mean.mean():.3f}. Others, with the 95 % interval of the autoencoder's lead over seeds and these words: "
            f"{'; '.join(parts)}; random {random:.3f}.")
    text_zh = (f"{said_zh}跨未见嗓音检索的 MAP：自编码器 {own.plain.mean():.3f}，去掉嗓音均值后 {own.voice_mean.mean():.3f}。"
               f"其余各法如下，括号内为自编码器领先幅度的 95 % 区间（对种子与这些词重抽样）：{'；'.join(chinese)}；"
               f"随机 {random:.3f}。")
    return Sentence(["F8"], text, text_zh)


def on_halves(scores: Mapping[str, Scores], autoencoder: str) -> Sentence:
    """Say what encoders are worth that were trained without a decoder that learns."""
    wanted = (autoencoder, "untrained", "frozen_encoder", "frozen_decoder", "contrastive_views", "correspondence", "contrastive")
    runs = [run for run in wanted if run in scores]
    numbers = ", ".join(f"{name_of(run)} {scores[run].plain.mean():.3f}" for run in runs)
    chinese = "；".join(f"{name_of(run, True)} {scores[run].plain.mean():.3f}" for run in runs)
    text = f"Mean average precision: {numbers}. A frozen encoder makes the vectors of an untrained one, whatever its decoder learns."
    text_zh = f"MAP：{chinese}。编码器一旦冻结，无论解码器学到什么，向量都与未训练的编码器相同。"
    if "contrastive" in scores:
        text += (" The contrast of mined pairs needs no decoder; its pairs are those of correspondence training, found without labels of "
                 "words, but knowing who speaks.")
        text_zh += "对比学习不用解码器；它所用的配对与同词配对训练相同，都是自动找出的，不用词的标注，但用到说话人是谁。"
    return Sentence(["F9"], text, text_zh)


def on_writing(frozen: np.ndarray, together: np.ndarray) -> Sentence:
    """Say how well a decoder writes words from the vectors of a frozen encoder, (members,) mean squared errors, and from those of one that
    learned with it.
    """
    text = (f"Mean squared error of what is written of test words, after as many passes: {frozen.mean():.3f} by a decoder whose encoder "
            f"stays as it was drawn, {together.mean():.3f} where both learn.")
    text_zh = f"训练轮数相同时，测试词的重建均方误差：编码器保持随机初值时为 {frozen.mean():.3f}，两者一起训练时为 {together.mean():.3f}。"
    return Sentence(["F9"], text, text_zh)


def on_inputs(records: Mapping[str, Any], runs: Sequence[str], forced: Sequence[float]) -> Sentence:
    """Say what the decoder's input does to frames and to vectors."""
    losses, maps = ([trained.scores_of(records[run], metric).mean() for run in runs]
                    for metric in ("reconstruction_loss", "mean_average_precision"))
    seeds = [len(records[run]["members"]) for run in runs]
    given, given_zh = "", ""
    if forced:
        given = f" ({np.mean(forced):.3f} if given the right frames)"
        given_zh = f"（若仍给正确的帧则为 {np.mean(forced):.3f}）"
    text = (f"Reconstruction loss and mean average precision by what the decoder reads ({seeds[0]}, {seeds[1]} and {seeds[2]} seeds, on "
            "the words of the test alone; the findings count further words, and further seeds where there are any): vector and position "
            f"{losses[0]:.3f} and {maps[0]:.3f}; its own output {losses[1]:.3f} and {maps[1]:.3f}; the right frame in training, its own "
            f"afterwards {losses[2]:.3f}{given} and {maps[2]:.3f}.")
    text_zh = (f"按解码器读入的内容（种子数依次为 {seeds[0]}、{seeds[1]}、{seeds[2]}，只看测试词；上面的判定另计入更多的词与种子），"
               f"重建损失与 MAP 依次为：向量与位置 {losses[0]:.3f}、{maps[0]:.3f}；"
               f"自身输出 {losses[1]:.3f}、{maps[1]:.3f}；"
               f"训练时读正确的帧、之后读自身输出 {losses[2]:.3f}{given_zh}、{maps[2]:.3f}。")
    return Sentence(["F12"], text, text_zh)
