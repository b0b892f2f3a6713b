"""How a gradient fares on its way back in time, for each cell, at initialisation and after training (E1)."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from unrolled import catalogue, results, training
from unrolled import drawing as figures
from unrolled.analyses.base import AnalysisResult, Picture
from unrolled.analyses.lags import fit, gradient_by_lag
from unrolled.analyses.weights import trained_model
from unrolled.cells import CELLS
from unrolled.cells.base import Cell
from unrolled.settings import Settings, SettingsError, checked_value, nearest


@dataclasses.dataclass(frozen=True)
class Options:
    """What is looked at.

    Attributes:
        cells: by the name that its value gets (factor_<name>): the cell and its options.
        trained: the section whose trained runs are looked at too.
        length, batch, hidden: of the sequences and of the untrained cells.
        first_lag: lags before it are left out of the fit.
        seeds, first_seed: untrained networks per cell.
    """

    cells: Mapping[str, Any]
    trained: str = "adding"
    length: int = 100
    batch: int = 16
    hidden: int = 32
    first_lag: int = 20
    seeds: int = 10
    first_seed: int = 0

    def __post_init__(self) -> None:
        if self.first_lag + 2 > self.length:
            raise ValueError(f"first_lag {self.first_lag} leaves no lags to fit in a length of {self.length}.")
        for name, cell in self.cells.items():
            check_cell(cell, f"analyses.gradient_flow.cells.{name}")


def check_cell(entry: Any, where: str) -> None:
    """Check the cell and options of one entry.

    Raises:
        SettingsError: the cell or an option is unknown, or an option has the wrong type.
    """
    if not isinstance(entry, Mapping) or "cell" not in entry:
        raise SettingsError(f"{where} must be a mapping with a cell, but is {entry!r}.")
    if entry["cell"] not in CELLS:
        raise SettingsError(f"{where}.cell is {entry['cell']!r}, which is not registered{nearest(entry['cell'], CELLS)}")
    known = catalogue.options_of(CELLS[entry["cell"]])
    for key, value in entry.items():
        if key != "cell":
            if key not in known:
                raise SettingsError(f"{where}.{key} is no option of cell {entry['cell']}{nearest(key, known)}")
            checked_value(value, known[key], f"{where}.{key}", key)


def analyse(options: Options, settings: Settings) -> AnalysisResult:
    """Measure every cell untrained and every trained run, and draw both."""
    untrained = {name: untrained_norms(entry, options) for name, entry in options.cells.items()}
    trained = trained_norms(options, settings)
    values = {f"factor_{name}": fit(norms, options.first_lag).factor.tolist() for name, norms in untrained.items()}
    values |= {f"factor_trained_{name}": fit(norms, options.first_lag).factor.tolist() for name, norms in trained.items()}
    float32_zero_after = {name: _underflow(norms) for name, norms in untrained.items()}
    return AnalysisResult(
        values=values | {f"float32_zero_after_{name}": lag for name, lag in float32_zero_after.items() if lag is not None},
        figures={"initialisation": _picture(untrained, options, "At initialisation", "初始化时"),
                 "after_training": _picture(trained, options, f"After training on {options.trained}", "训练之后")})


def untrained_norms(entry: Mapping[str, Any], options: Options) -> np.ndarray:
    """Return the gradient norm by lag (members, lags) of one kind of cell as it is initialised."""
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    given = {key: value for key, value in entry.items() if key != "cell"}
    if CELLS[entry["cell"]].reads_out:
        given |= {"outputs": 1, "output_activation": "linear"}
    cell = CELLS[entry["cell"]](2, options.hidden, [training.generator(seed, "values") for seed in seeds], **given).double()
    return gradient_by_lag(cell, options.length, options.batch, seeds)[0]


def trained_norms(options: Options, settings: Settings) -> dict[str, np.ndarray]:
    """Return the same for the runs of a section that have one learning rate, with their trained weights.

    Raises:
        SettingsError: there is no such section.
    """
    if options.trained not in settings.tasks:
        raise SettingsError(f"analyses.gradient_flow.trained is {options.trained!r}{nearest(options.trained, settings.tasks)}")
    section = settings.tasks[options.trained]
    found = {}
    for run in section.runs.values():
        path = results.weights_file(section.name, run.name)
        if len(run.learning_rates) <= 1 and path.exists():
            weights = results.read_arrays(path)
            cell: Cell = trained_model(run, catalogue.make_task(run, section.reads), weights).forward_cells[0].double()
            seeds = range(options.first_seed, options.first_seed + cell.members)
            found[run.name] = gradient_by_lag(cell, options.length, options.batch, seeds)[0]
    return found


def _underflow(norms: np.ndarray) -> float | None:
    """Return the first lag at which the median norm is 0 in float32 with denormals flushed, None if there is none."""
    below = np.flatnonzero(np.median(norms, 0) < np.finfo(np.float32).tiny)
    return float(below[0]) if len(below) else None


@figures.styled
def _picture(norms: Mapping[str, np.ndarray], options: Options, title: str, title_zh: str) -> Picture:
    """Draw the median norm by lag, each curve starting at 1, and every seed's factor."""
    figure, (curves, factors) = figures.panels(2, width=7.6, height=max(3.4, 0.3 * len(norms)), width_ratios=(3, 2))
    lags = np.arange(options.length)
    for place, (name, values) in enumerate(norms.items()):
        colour = figures.COLOURS[place % len(figures.COLOURS)]
        shown = values / values[:, :1]
        curves.plot(lags, np.median(shown, 0), color=colour, linestyle="-" if place < len(figures.COLOURS) else "--", label=name)
        factor = fit(values, options.first_lag).factor
        factors.plot(factor, np.full(len(factor), place), "o", color=colour, markersize=3.5, alpha=0.6, markeredgewidth=0)
    curves.axhline(1, color=figures.GREY, linewidth=0.8, linestyle=":")
    factors.axvline(1, color=figures.GREY, linewidth=0.8, linestyle=":")
    lowest = min(float(np.median(values / values[:, :1], 0).min()) for values in norms.values()) if norms else 1e-3
    curves.set(yscale="log", xlabel="lag (steps)", ylabel="gradient norm, lag 0 = 1", title=title,
               ylim=(max(lowest, 1e-60), None))
    factors.set_yticks(range(len(norms)), list(norms))
    factors.invert_yaxis()
    factors.set(xlabel="factor per step", title="One dot per seed")
    span = f"{options.first_lag} to {options.length - 1}"
    return Picture(figure, ["E1"], f"{title}: what is left of the gradient.", f"{title_zh}：梯度还剩多少。",
                   f"Median over seeds, computed in float64; the factor is fitted over lags {span}. Forget biases are in the names.",
                   f"各种子的中位数，float64 计算；因子在间隔 {span} 上拟合。名称中的数字是遗忘门偏置。")
