"""Does a network know when to stop? Texts drawn from character models with and without a stop symbol, and translations (F5)."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import torch
from scipy import stats
from torch import Tensor

from unrolled import drawing as figures
from unrolled import training
from unrolled.analyses import trained
from unrolled.analyses.base import AnalysisResult, Picture, Sentence, Table
from unrolled.cells.base import linear, unroll
from unrolled.models.encoder_decoder import STOP
from unrolled.models.reader import Reader
from unrolled.settings import Settings, SettingsError
from unrolled.tasks.lines import Lines


@dataclasses.dataclass(frozen=True)
class Options:
    """What is drawn.

    Attributes:
        with_symbol, without_symbol: runs of the character model.
        translation_with, translation_without: runs of the encoder-decoder.
        drawn: texts per member. cap: characters after which a text is broken off. first_seed: of the draws.
        shown: texts of the table.
    """

    with_symbol: str = "lines/with_stop"
    without_symbol: str = "lines/without_stop"
    translation_with: str = "translation/encoder_decoder"
    translation_without: str = "translation/without_stop"
    drawn: int = 200
    cap: int = 300
    first_seed: int = 0
    shown: int = 3

    def __post_init__(self) -> None:
        if self.cap < 1 or self.drawn < 1:
            raise ValueError(f"cap is {self.cap} and drawn is {self.drawn}; a text needs room for one character, and one must be drawn.")


def analyse(options: Options, settings: Settings) -> AnalysisResult:
    """Draw texts from both models, and hold how they end against the data.

    Raises:
        SettingsError: no such run, or one whose network cannot be asked for one symbol after the other.
    """
    result, lengths, texts = AnalysisResult(), {}, {}
    for name, reference in (("with", options.with_symbol), ("without", options.without_symbol)):
        found = trained.load(reference, settings, f"analyses.stopping.{name}_symbol", "lines")
        if found.model.backward_cells or found.model.output_weight is None:
            raise SettingsError(f"analyses.stopping.{name}_symbol is {reference!r}, from which no text can be drawn symbol by symbol: its "
                                "network reads both ways, or has no read-out of its own.")
        symbols = draw(found.model, options.drawn, options.cap, options.first_seed)
        lengths[name], ended = measure(symbols)
        result.values |= {f"ended_{name}": ended.astype(float).tolist(), f"length_{name}": lengths[name].mean(1).tolist()}
        texts[name] = [read(found.task, row) for row in symbols[0, : options.shown]]
    data = np.array([len(text) for text in found.task.texts["train"]])
    result.values["length_data"] = float(data.mean())
    result.values["length_distance"] = [float(stats.ks_2samp(row, data).statistic) for row in lengths["with"]]
    result.figures["text_lengths"] = _picture(lengths, data, options.cap)
    result.tables["drawn_texts"] = _table(texts)
    result.sentences.append(_sentence(options, result, data))
    return result


@torch.no_grad()
def draw(model: Reader, count: int, cap: int, first_seed: int) -> np.ndarray:
    """Draw texts symbol by symbol from the model's own probabilities.

    Args:
        model: a character model that reads the stop symbol first.
        count: texts per member.
        cap: symbols per text.
        first_seed: member k draws by its own generator, of seed first_seed + k.

    Returns:
        (members, count, cap) symbols; what follows a stop symbol means nothing.
    """
    generators = [training.generator(first_seed + member, "data") for member in range(model.members)]
    symbol, states, drawn = torch.full((model.members, count, 1), STOP), [None] * len(model.forward_cells), []
    for _ in range(cap):
        hidden = model.embed(symbol, None)
        for layer, cell in enumerate(model.forward_cells):
            hidden, states[layer] = unroll(cell, hidden, states[layer])[:2]
        shares = linear(hidden[:, :, -1], model.output_weight, model.output_bias).softmax(-1)  # (members, count, symbols)
        symbol = torch.stack([torch.multinomial(part, 1, generator=generator) for part, generator in zip(shares, generators, strict=True)])
        drawn.append(symbol)
    return torch.cat(drawn, 2).numpy()


def measure(symbols: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the length of each text (the cap where it never ends), and whether it ends: (members, count) each."""
    is_stop = symbols == STOP
    ended = is_stop.any(-1)
    return np.where(ended, is_stop.argmax(-1), symbols.shape[-1]), ended


def read(task: Lines, symbols: Sequence[int] | Tensor) -> str:
    """Return a drawn text up to its end."""
    places = list(symbols)
    return "".join(task.symbols[place] for place in (places[: places.index(STOP)] if STOP in places else places))


@figures.styled
def _picture(lengths: dict[str, np.ndarray], data: np.ndarray, cap: int) -> Picture:
    """Draw how long the texts are, beside those of the data."""
    figure, axes = figures.panels(height=2.6)
    edges = np.linspace(0, cap, 61)
    rows = {"data": data, "trained with the stop symbol": lengths["with"].ravel(), "trained without": lengths["without"].ravel()}
    for (name, values), colour in zip(rows.items(), (figures.BLACK, figures.BLUE, figures.VERMILION), strict=True):
        axes.hist(np.minimum(values, cap), edges, density=True, histtype="step", color=colour, label=name, linewidth=1.6)
    axes.set(xlabel="characters of a text", ylabel="density", title=f"Texts are broken off after {cap} characters")
    axes.legend()
    return Picture(figure, ["F5"], "How long drawn texts are.", "生成文本的长度。",
                   "All seeds together. Without a stop symbol almost every text runs into the cap, the bar at the right.",
                   "所有种子合并。没有结束符时，几乎每条文本都一直写到上限（最右侧的柱）。")


def _table(texts: dict[str, list[str]]) -> Table:
    """Show some drawn texts, cut for the page."""
    rows = [[name, text[:110] + ("…" if len(text) > 110 else "")] for name, group in texts.items() for text in group]
    chinese = [[{"with": "有结束符", "without": "无结束符"}[name], text] for name, text in rows]
    return Table(["F5"], "Drawn texts.", "生成的文本。", ("stop symbol", "text"), ("结束符", "文本"), rows, chinese)


def _sentence(options: Options, result: AnalysisResult, data: np.ndarray) -> Sentence:
    """Say how often texts and translations end."""
    shares = [np.mean(result.values[f"ended_{name}"]) for name in ("with", "without")]
    translated = [trained.scores_of(trained.record(reference), "ended").mean()
                  for reference in (options.translation_with, options.translation_without)]
    length, apart = (np.mean(result.values[name]) for name in ("length_with", "length_distance"))
    english = (f"Texts that end within {options.cap} characters: {shares[0]:.1%} with the stop symbol, {shares[1]:.1%} without; "
               f"translations {translated[0]:.1%} and {translated[1]:.1%}. Mean length {length:.0f}, in the data {data.mean():.0f}; "
               f"their distributions are {apart:.2f} apart (Kolmogorov-Smirnov, 0 alike, 1 apart altogether).")
    chinese = (f"在 {options.cap} 个字符内结束的文本：有结束符 {shares[0]:.1%}，无结束符 {shares[1]:.1%}；"
               f"译文分别为 {translated[0]:.1%} 与 {translated[1]:.1%}。平均长度 {length:.0f} 个字符，数据中为 {data.mean():.0f}；"
               f"两者长度分布的 Kolmogorov-Smirnov 距离为 {apart:.2f}（0 为完全相同，1 为完全分开）。")
    return Sentence(["F5"], english, chinese)
