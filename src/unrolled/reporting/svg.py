"""A drawing as it stands in the page: names of its own, numbers no finer than a screen shows, words in both languages."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable

from markupsafe import Markup

from unrolled.reporting.drawn_words import DRAWN_ZH

DECIMALS = 2  # of a point, 1/72 inch at the size it was drawn in
NUMBER = re.compile(r"-?\d+\.\d{3,}")
PLACE = re.compile(r' (?:x|y|width|height|transform)="[^"]*"')
PATH = re.compile(r'(?<= d=")[^"]*')
TEXT = re.compile(r"(<text\b[^>]*>)([^<]+)(</text>)")


def inline(text: str, name: str) -> Markup:
    """Return the SVG of a file or a figure, fit to stand in the page beside others.

    Args:
        text: of the file.
        name: of the drawing, unique in the page: of its caption too, by which the drawing is called.
    """
    svg = _own_names(text[text.index("<svg") :], f"{name}-")
    svg = PATH.sub(lambda match: _compact_path(match.group()), svg)
    svg = PLACE.sub(lambda match: match.group() if "scale" in match.group() else NUMBER.sub(_rounded, match.group()), svg)
    svg = TEXT.sub(_both, svg)
    return Markup(re.sub(r"^<svg\b", f'<svg class="drawn" role="img" aria-labelledby="{name}-title"', svg))  # noqa: S704 (made by us)


def _rounded(match: re.Match) -> str:
    return f"{float(match.group()):.{DECIMALS}f}"


def _own_names(svg: str, prefix: str) -> str:
    """Make the names inside an SVG its own, since all figures of the page share one name space."""
    return re.sub(r'(id="|href="#|url\(#)', lambda match: match.group(1) + prefix, svg)


def _both(match: re.Match) -> str:
    """Put a drawn word's Chinese beside it; numbers, names of runs and what has no Chinese stay as they are."""
    opened, word, closed = match.groups()
    chinese = DRAWN_ZH.get(html.unescape(word).strip())
    if chinese is None:
        return match.group()
    return f'{opened}<tspan lang="en">{word}</tspan><tspan lang="zh">{html.escape(chinese, quote=False)}</tspan>{closed}'


def _compact_path(path: str) -> str:
    """Round a path's numbers, and write lines as steps from point to point: each starts where the last ended, so that no error adds up."""
    if "e" in path:  # a number with an exponent
        return path
    written, last, at = [], "", (0, 0)
    for command, numbers in re.findall(r"([A-Za-z])([^A-Za-z]*)", path):
        values = [round(float(number) * 10**DECIMALS) for number in numbers.split()]
        if command == "L" and len(values) == 2:
            written.append(("" if last == "l" else "l") + _joined((values[0] - at[0], values[1] - at[1]), separated=last == "l"))
            last = "l"
        else:
            written.append(command + _joined(values, separated=False))
            last = command
        at = tuple(values[-2:]) if len(values) > 1 else at
    return "".join(written)


def _joined(values: Iterable[int], separated: bool) -> str:
    """Return hundredths as numbers, as short as SVG takes them: no blank before a minus, no zero before a point."""
    text = ""
    for place, value in enumerate(values):
        number = re.sub(r"^(-?)0\.", r"\1.", f"{value / 10**DECIMALS:.{DECIMALS}f}".rstrip("0").rstrip("."))
        text += number if number.startswith("-") or (place == 0 and not separated) else f" {number}"
    return text
