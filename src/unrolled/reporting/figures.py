"""Figures of training runs, as SVG: the same bytes for the same numbers, English words only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from unrolled.drawing import COLOURS, GREY, panels, styled, to_svg

PLOTTED_POINTS = 60
Record = Mapping[str, Any]
History = Sequence[Mapping[str, str]]


def svg_text(figure: Figure) -> str:
    """Return a figure as SVG text, fit to stand in a page."""
    text = to_svg(figure).decode("utf-8")
    return text[text.index("<svg") :]


def curves(history: History) -> dict[float, tuple[np.ndarray, np.ndarray]]:
    """Return, by learning rate, the recorded steps and the losses (members, steps); a member that stopped early ends in NaN."""
    by_rate: dict[float, dict[str, dict[int, float]]] = defaultdict(lambda: defaultdict(dict))
    for row in history:
        by_rate[float(row["learning_rate"])][row["seed"]][int(row["step"])] = float(row["loss"] or "nan")
    found = {}
    for rate, members in by_rate.items():
        steps = sorted({step for member in members.values() for step in member})
        found[rate] = np.array(steps), np.array([[member.get(step, np.nan) for step in steps] for member in members.values()])
    return found


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
    for place, (_, values) in enumerate(groups):
        colour = COLOURS[place % len(COLOURS)]
        spread = np.linspace(-0.22, 0.22, len(values)) if len(values) > 1 else np.zeros(1)
        axes.plot(values, place + spread, "o", color=colour, markersize=4, alpha=0.65, markeredgewidth=0)
        axes.plot([np.mean(values)] * 2, [place - 0.33, place + 0.33], color="#444444", linewidth=2)
    if chance is not None:
        axes.axvline(chance, color=GREY, linestyle=":", linewidth=1)
        axes.annotate("chance", (chance, -0.62), color=GREY, fontsize=7, ha="center")
    axes.set_yticks(range(len(groups)), [label for label, _ in groups])
    axes.invert_yaxis()
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
