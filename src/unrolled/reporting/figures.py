"""Figures of training runs, as SVG: the same bytes for the same numbers; their words are drawn in English (see `svg.inline`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from unrolled.drawing import COLOURS, GREY, colour, dots, panels, styled, to_svg
from unrolled.histories import Curve, curves, rows_carried

PLOTTED_POINTS = 60
MOST_TOGETHER = 14  # curves in one panel; more cannot be told apart
ACROSS = 5
Record = Mapping[str, Any]
History = Sequence[Mapping[str, str]]


def svg_text(figure: Figure) -> str:
    """Return a figure as SVG text, fit to stand in a page."""
    text = to_svg(figure).decode("utf-8")
    return text[text.index("<svg") :]


def of_task(title: str, drawn: Mapping[str, Record], everything: Mapping[str, Record], metric: str | None) -> dict[str, str]:
    """Return the two figures of a task: the learning curves of some runs, and the final scores of all where there is a metric.

    Args:
        title: the task's name.
        drawn: records by the name that is shown, whose histories are read.
        everything: records of all runs by name.
        metric: a test score, or None.

    Raises:
        ResultsError: a history is missing or damaged.
    """
    histories = {name: rows_carried(title, record["run"], record["members"]) for name, record in drawn.items()}
    found = {"learning_curves": learning_curves(title, drawn, histories)}
    if metric is not None:
        chance = next(iter(everything.values()))["chance"].get(metric)
        found["final_scores"] = final_scores(title, everything, metric, chance)
    return found


class Group(NamedTuple):
    """Members of one run at one learning rate: the row and the column they stand in where there are many."""

    row: str
    column: str
    label: str
    run: str
    rate: float


def groups_of(records: Mapping[str, Record]) -> list[Group]:
    """Return the groups of a task's runs: rows are networks, columns their lengths, and their learning rates where any has several.

    A run at one of the rates that another has among several stands in the column of that rate, too.
    """
    lengths = {record["settings"].get("length") for record in records.values()}
    rates_of = {name: sorted({member["learning_rate"] for member in record["members"]}) for name, record in records.items()}
    among_several = {rate for rates in rates_of.values() if len(rates) > 1 for rate in rates}
    found = []
    for name, record in records.items():
        length, rates = record["settings"].get("length"), rates_of[name]
        for rate in rates:
            parts = [f"T = {length}"] * (len(lengths) > 1) + [f"rate {rate:g}"] * (rate in among_several)
            label = name if len(rates) == 1 else f"{name} rate {rate:g}"
            found.append(Group(name.removesuffix(f"_{length}"), ", ".join(parts), label, name, rate))
    return found


@styled
def learning_curves(title: str, records: Mapping[str, Record], histories: Mapping[str, History]) -> str:
    """Draw the median loss over seeds of each group against updates, its range as a shade: together, or a panel a network if many."""
    groups, found = groups_of(records), {name: curves(history) for name, history in histories.items()}
    if len(groups) > MOST_TOGETHER:
        return _many_curves(title, groups, found)
    figure, axes = panels(height=3.4)
    for place, group in enumerate(groups):
        if group.rate in found[group.run]:
            _curve(axes, *_thinned(found[group.run][group.rate]), group.label, place)
    _fit_to_medians(axes, axes.get_lines())
    axes.set(xlabel="updates", ylabel="training loss", title=title)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside right upper")
    return svg_text(figure)


def _many_curves(title: str, groups: Sequence[Group], found: Mapping[str, Mapping[float, Curve]]) -> str:
    """Draw one small panel per network, a line per length or rate, all on one scale."""
    rows, columns = (list(dict.fromkeys(getattr(group, name) for group in groups)) for name in ("row", "column"))
    high = -(-len(rows) // ACROSS)
    figure, axes = panels(ACROSS, high, width=8.2, height=0.5 + 1.25 * high, sharex=True, sharey=True, squeeze=False)
    for group in groups:
        if group.rate in found[group.run]:
            panel = axes.flat[rows.index(group.row)]
            _curve(panel, *_thinned(found[group.run][group.rate]), group.column, columns.index(group.column))
    for place, panel in enumerate(axes.flat):
        panel.set_title(rows[place] if place < len(rows) else "", fontsize=8)
        panel.set_axis_on() if place < len(rows) else panel.set_axis_off()
    _fit_to_medians(axes[0, 0], [line for panel in axes.flat for line in panel.get_lines()])
    for panel in axes.flat:
        panel.minorticks_off()  # too small to be seen here, and half the time of drawing
    handles = {label: handle for panel in axes.flat for handle, label in zip(*panel.get_legend_handles_labels(), strict=True)}
    figure.legend([handles[column] for column in columns if column in handles], [column for column in columns if column in handles],
                  loc="outside right upper")
    figure.suptitle(title, x=0.01, ha="left", fontsize=9.5)
    figure.supxlabel("updates", fontsize=9)
    figure.supylabel("training loss", fontsize=9)
    return svg_text(figure)


def _thinned(curve: Curve) -> tuple[np.ndarray, np.ndarray]:
    keep = slice(None, None, max(1, len(curve.steps) // PLOTTED_POINTS))
    return curve.steps[keep], curve.values[:, keep]


def _fit_to_medians(axes: Axes, lines: Sequence[Line2D]) -> None:
    """Let the axis follow the medians: a diverging seed's losses would squeeze all other curves flat."""
    medians = np.concatenate([np.asarray(line.get_ydata(), float) for line in lines] or [np.empty(0)])
    medians = medians[np.isfinite(medians) & (medians > 0)]
    axes.set_yscale("log")
    if len(medians):
        axes.set_ylim(medians.min() / 2, np.quantile(medians, 0.99) * 3)


def _curve(axes: Axes, steps: np.ndarray, losses: np.ndarray, label: str, place: int) -> None:
    """Draw the median of losses (members, steps) and their range, where any member still has one."""
    shown = np.isfinite(losses).any(0)
    style = {"color": colour(place), "label": label, "linewidth": 1.5, "linestyle": "-" if place < len(COLOURS) else "--"}
    if not shown.any():
        axes.plot([], [], **style)  # every seed diverged at once: it still has its place in the legend
        return
    low, middle, high = np.nanquantile(losses[:, shown], [0, 0.5, 1], axis=0)
    axes.plot(steps[shown], middle, **style)
    axes.fill_between(steps[shown], low, high, color=style["color"], alpha=0.12, linewidth=0)


@styled
def final_scores(title: str, records: Mapping[str, Record], metric: str, chance: float | None) -> str:
    """Draw every seed's test score by network, a panel per length or rate if many, with the mean as a bar and chance as a line."""
    groups = groups_of(records)
    together = len(groups) <= MOST_TOGETHER
    columns = [""] if together else list(dict.fromkeys(group.column for group in groups))
    rows = list(dict.fromkeys(group.label if together else group.row for group in groups))
    figure, axes = panels(len(columns), width=max(7.2, 2.2 + 1.5 * len(columns)), height=0.8 + 0.24 * len(rows), sharey=True, squeeze=False)
    for panel, column in zip(axes[0], columns, strict=True):
        values = {row: np.empty(0) for row in rows}
        for group in groups:
            if together or group.column == column:
                values[group.label if together else group.row] = _scores(records[group.run], group.rate, metric)
        dots(panel, values)
        if chance is not None:
            panel.axvline(chance, color=GREY, linestyle=":", linewidth=1)
        panel.set_title(column or title)
    figure.supxlabel(metric.replace("_", " "), fontsize=9)
    return svg_text(figure)


def _scores(record: Record, rate: float, metric: str) -> np.ndarray:
    """Return the scores of a run's members at one rate; one without a finite score is left out."""
    found = [member["metrics"].get(metric) for member in record["members"] if member["learning_rate"] == rate]
    return np.array([value for value in found if value is not None])
