"""Where the dots of a finding lie: its values by seed, their mean, and the interval against the rule's limit or margin.

Positions are shares of the strip's width, in per cent, so that the template can draw them at any width.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from unrolled.judging.evidence import Evidence, Missing, is_counted
from unrolled.judging.wording import label

MOST_DOTS = 80  # of more, a histogram is drawn
BINS = 40
EDGE = 3.0  # per cent left free at both ends


class Scale:
    """Maps numbers to per cents of the width."""

    def __init__(self, numbers: Sequence[float]) -> None:
        self.low, self.high = float(min(numbers)), float(max(numbers))
        self.span = self.high - self.low or 1.0

    def __call__(self, number: float) -> float:
        """Return a number's place, per cent of the width from the left."""
        return round(EDGE + (100 - 2 * EDGE) * (float(number) - self.low) / self.span, 2) if self.high > self.low else 50.0

    @property
    def ends(self) -> list[dict[str, Any]]:
        """Return the numbers at both ends of the scale, one where they are the same."""
        return [{"x": self(number), "text": f"{number:.4g}"} for number in dict.fromkeys((self.low, self.high))]


def strip(rule: Mapping[str, Any], finding: Mapping[str, Any], evidence: Evidence) -> dict[str, Any] | None:
    """Return what is drawn of one finding, None where nothing was tested by chance.

    Args:
        rule: the leaf of the rule that the finding belongs to.
        finding: its entry in verdicts.json.
        evidence: where its values are looked up.
    """
    if "interval" not in finding:
        return None
    references = [rule[key] for key in ("of", "than") if key in rule]
    try:
        samples = [_shown(evidence.values(reference)) for reference in references]
    except Missing:
        return None
    return (_against_limit if "than" not in rule else _difference)(rule, finding, references, samples)


def _shown(values: np.ndarray) -> np.ndarray:
    """Return the mean of each seed, of values (members, items): items differ so much that interval and limit would shrink to a line."""
    if values.ndim == 1:
        return values
    return values.mean(1) if len(values) > 1 else values[0]


def _against_limit(rule: Mapping[str, Any], finding: Mapping[str, Any], references: Sequence[Mapping[str, Any]],
                   samples: Sequence[np.ndarray]) -> dict[str, Any]:
    """One row of dots, with the interval of the mean and the limit on the same scale."""
    limit, sign = float(rule.get("limit", 0.0)), -1 if rule["kind"] in ("below", "cannot") else 1
    mark = float(rule.get("margin", limit))  # of a difference, which is held against 0
    interval = sorted(limit + sign * end for end in finding["interval"])
    counted = is_counted(references[0])
    scale = Scale([*([0.0, 1.0] if counted else samples[0]), limit, mark, *interval])
    bar = {"low": scale(interval[0]), "high": scale(interval[1]), "middle": scale(limit + sign * finding["effect"])}
    row = _row(references[0], samples[0], scale, counted) | {"mean": None}
    return {"rows": [row], "ends": scale.ends, "interval": bar, "rules": [_mark(mark, scale)], "effect": None}


def _difference(rule: Mapping[str, Any], finding: Mapping[str, Any], references: Sequence[Mapping[str, Any]],
                samples: Sequence[np.ndarray]) -> dict[str, Any]:
    """Two rows of dots on one scale, and below them the interval of their difference, in the claim's direction, with its margin."""
    counted = is_counted(references[0])
    scale = Scale([0.0, 1.0] if counted else np.concatenate(samples))
    margin = float(rule["margin"])
    marks = {"equivalent": [-margin, margin], "not_below": [-margin], "not_above": [-margin]}.get(rule["kind"], [margin])
    own = Scale([0.0, *marks, *finding["interval"]])
    bar = {"low": own(finding["interval"][0]), "high": own(finding["interval"][1]), "middle": own(finding["effect"])}
    return {"rows": [_row(reference, sample, scale, counted) for reference, sample in zip(references, samples, strict=True)],
            "ends": scale.ends, "interval": None, "rules": [],
            "effect": {"interval": bar, "rules": [_mark(mark, own) for mark in marks], "zero": own(0.0), "ends": own.ends}}


def _mark(number: float, scale: Scale) -> dict[str, Any]:
    return {"x": scale(number), "text": f"{number:g}"}


def _row(reference: Mapping[str, Any], values: np.ndarray, scale: Scale, counted: bool) -> dict[str, Any]:
    """Return one sample: its name, and dots, bars or, of what either happened or did not, one bar as long as its share."""
    row = {"name": label(reference), "name_zh": label(reference, chinese=True),
           "n": len(values), "mean": scale(values.mean()), "dots": [], "bars": [], "share": None}
    if counted:
        return row | {"share": {"x": scale(0.0), "width": round(scale(values.mean()) - scale(0.0), 2)}}
    return row | ({"dots": _dots(values, scale)} if len(values) <= MOST_DOTS else {"bars": _bars(values, scale)})


def _dots(values: np.ndarray, scale: Scale) -> list[dict[str, Any]]:
    """Return a place for each value; heights, in per cent, only keep dots apart."""
    heights = np.linspace(25, 75, len(values)) if len(values) > 1 else [50]
    return [{"x": scale(value), "y": round(float(height), 1), "text": f"{value:.4g}"}
            for value, height in zip(values, heights, strict=True)]


def _bars(values: np.ndarray, scale: Scale) -> list[dict[str, Any]]:
    """Return a histogram over the scale; heights in per cent of its highest bar."""
    counts, edges = np.histogram(values, BINS, (scale.low, scale.high))
    return [{"x": scale(left), "width": round(scale(right) - scale(left), 2), "height": round(95 * count / counts.max(), 1),
             "text": int(count)} for count, left, right in zip(counts, edges[:-1], edges[1:], strict=True) if count]
