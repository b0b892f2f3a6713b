"""How all figures look, and how they become SVG: the same bytes for the same numbers."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

# Okabe & Ito (2008): told apart by people with any common colour blindness, and in grey.
BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
BLUE, VERMILION, PURPLE = "#0072B2", "#D55E00", "#CC79A7"
OLIVE = "#8A8A00"
COLOURS = (BLUE, VERMILION, GREEN, ORANGE, PURPLE, SKY, BLACK, OLIVE)
GREY = "#6B6B6B"
DIVERGING = LinearSegmentedColormap.from_list("diverging", (BLUE, "#FFFFFF", ORANGE))  # below 0, 0 and above 0, as in the pieces
NEAR = ((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1))  # lines up, half widths to the right

STYLE = {
    "font.size": 9, "axes.titlesize": 9.5, "axes.labelsize": 9, "legend.fontsize": 8, "xtick.labelsize": 8,
    "ytick.labelsize": 8, "axes.spines.top": False, "axes.spines.right": False, "axes.linewidth": 0.8,
    "axes.titlelocation": "left", "legend.frameon": False, "lines.linewidth": 1.6, "font.family": "DejaVu Sans",
    "svg.fonttype": "none", "svg.hashsalt": "unrolled", "savefig.dpi": 100,
}
styled = matplotlib.rc_context(STYLE)  # decorates every function that draws, since matplotlib reads its settings as it goes


@styled
def panels(columns: int = 1, rows: int = 1, width: float = 7.2, height: float = 3.0, **options: Any
           ) -> tuple[Figure, Any]:
    """Return a figure and its axes: one, or an array of them.

    Args:
        columns: number of panels side by side.
        rows: number of panels above each other.
        width: of the whole figure, inches.
        height: of the whole figure, inches.
        options: passed on to `Figure.subplots`.
    """
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(rows, columns, **options)


@styled
def to_svg(figure: Figure) -> bytes:
    """Return a figure as SVG, without date or program version."""
    stream = io.BytesIO()
    figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    return stream.getvalue()


def band(axes: Axes, x: np.ndarray, samples: np.ndarray, colour: str, label: str, **line: Any) -> None:
    """Draw the median of `samples` (samples, points) over `x`, and the range of them as a shade."""
    axes.fill_between(x, samples.min(0), samples.max(0), color=colour, alpha=0.18, linewidth=0)
    axes.plot(x, np.median(samples, 0), color=colour, label=label, **line)


def colour(place: int) -> str:
    """Return the colour of what is drawn at a place, from 0; after the last comes the first again."""
    return COLOURS[place % len(COLOURS)]


def shade(share: float) -> tuple[float, float, float, float]:
    """Return a colour for a share of 0 to 1: pale to dark, told apart in grey too."""
    return colormaps["Blues"](0.05 + 0.85 * share)


def rectangle(x: float, y: float, width: float, height: float, colour: Any) -> Rectangle:
    """Return a filled rectangle without an edge, lower left corner at (x, y)."""
    return Rectangle((x, y), width, height, facecolor=colour, edgecolor="none")


def dots(axes: Axes, groups: Mapping[str, np.ndarray], colours: Sequence[str] | None = None) -> None:
    """Draw one row per group, from the top: a dot per seed, and a bar at the mean."""
    for place, (name, values) in enumerate(groups.items()):
        shown = colours[place] if colours else colour(place)
        spread = np.linspace(-0.22, 0.22, len(values)) if len(values) > 1 else np.zeros(len(values))
        axes.plot(values, place + spread, "o", color=shown, markersize=4, alpha=0.65, markeredgewidth=0, label=name)
        if len(values):
            axes.plot([np.mean(values)] * 2, [place - 0.33, place + 0.33], color="#444444", linewidth=2)
    axes.set_yticks(range(len(groups)), list(groups))
    axes.set_ylim(len(groups) - 0.5, -0.5)


def apart(places: np.ndarray, texts: Sequence[str], letter: float, line: float) -> list[tuple[float, float] | None]:
    """Return where each text may stand, at its own place or close by, so that it hides none of those before; None where it would.

    Args:
        places: of the texts' centres, (texts, 2). texts: in the order in which they take their room.
        letter: width of a letter, and line: height of a line, in the units of the places.
    """
    taken: list[tuple[float, float, float]] = []  # centre, and half the width
    found: list[tuple[float, float] | None] = []
    for (x, y), text in zip(places.tolist(), texts, strict=True):
        half = len(text) * letter / 2
        near = [(x + across * half, y + up * line) for up, across in NEAR]
        free = [place for place in near if all(abs(place[0] - other) > half + more or abs(place[1] - height) > 0.99 * line
                                               for other, height, more in taken)]
        found.append(free[0] if free else None)
        taken += [(*place, half) for place in free[:1]]
    return found
