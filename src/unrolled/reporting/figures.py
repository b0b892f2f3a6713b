"""Figures of training runs, as SVG: the same bytes for the same numbers, English words only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from unrolled.drawing import COLOURS, GREY, dots, panels, styled, to_svg
from unrolled.histories import curves

PLOTTED_POINTS = 60
Record = Mapping[str, Any]
History = Sequence[Mapping[str, str]]


def svg_text(figure: Figure) -> str:
    """Return a figure as SVG text, fit to stand in a page."""
    text = to_svg(figure).decode("utf-8")
    return text[text.index("<svg") :]


@styled
def learning_curves(title: str, histories: Mapping[str, History]) -> str:
    """Draw the median loss over seeds of each run against updates, and its range as a shade."""
    figure, axes = panels(height=3.4)
    place = 0
    for name, history in histories.items():
        for rate, (steps, losses) in curves(history).items():
            keep = slice(None, None, max(1, len(steps) // PLOTTED_POINTS))
            steps, losses = steps[keep], losses[:, keep]
            label = name if len(curves(history)) == 1 else f"{name} rate {rate:g}"
            _curve(axes, steps, losses, label, place)
            place += 1
    # a diverging seed's losses would squeeze all other curves flat: the axis follows the medians
    medians = np.concatenate([line.get_ydata() for line in axes.get_lines()])
    medians = medians[np.isfinite(medians) & (medians > 0)]
    if len(medians):
        axes.set_ylim(medians.min() / 3, np.quantile(medians, 0.99) * 5)
    axes.set(yscale="log", xlabel="updates", ylabel="training loss", title=title)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside right upper")
    return svg_text(figure)


def _curve(axes: Axes, steps: np.ndarray, losses: np.ndarray, label: str, place: int) -> None:
    """Draw the median of losses (members, steps) and their range, where any member still has one."""
    shown = np.isfinite(losses).any(0)
    style = {"color": COLOURS[place % len(COLOURS)], "label": label, "linewidth": 1.5, "linestyle": "-" if place < len(COLOURS) else "--"}
    if not shown.any():
        axes.plot([], [], **style)  # every seed diverged at once: it still has its place in the legend
        return
    low, middle, high = np.nanquantile(losses[:, shown], [0, 0.5, 1], axis=0)
    axes.plot(steps[shown], middle, **style)
    axes.fill_between(steps[shown], low, high, color=style["color"], alpha=0.12, linewidth=0)


@styled
def final_scores(title: str, records: Mapping[str, Record], metric: str, chance: float | None) -> str:
    """Draw every seed's test score by run, with the mean as a bar and chance as a line."""
    groups = [(label, values) for name, record in records.items() for label, values in _by_rate(name, record, metric)]
    figure, axes = panels(height=0.7 + 0.28 * len(groups))
    dots(axes, dict(groups))
    if chance is not None:
        axes.axvline(chance, color=GREY, linestyle=":", linewidth=1)
        axes.annotate("chance", (chance, -0.62), color=GREY, fontsize=7, ha="center")
    axes.set(xlabel=metric.replace("_", " ") + " on test data, one dot per seed", title=title)
    return svg_text(figure)


def _by_rate(name: str, record: Record, metric: str) -> list[tuple[str, np.ndarray]]:
    """Return the label and the scores of a run's members, for each of its learning rates."""
    groups: dict[float, list[float]] = defaultdict(list)
    for member in record["members"]:
        value = member["metrics"].get(metric)
        if value is not None:
            groups[member["learning_rate"]].append(value)
    return [(name if len(groups) == 1 else f"{name} rate {rate:g}", np.array(values)) for rate, values in groups.items()]
