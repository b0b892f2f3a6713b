"""A drawing as it stands in the page: names of its own, numbers no finer than a screen shows, words in both languages.

matplotlib names every group and styles every dot; half of the page would be that. What is left out here is never seen.
"""

from __future__ import annotations

import hashlib
import html
import re
from collections.abc import Iterable

from markupsafe import Markup

from unrolled.reporting.drawn_words import in_chinese

DECIMALS = 2  # of a point, 1/72 inch at the size it was drawn in
NUMBER = re.compile(r"-?\d+\.\d{3,}")
PLACE = re.compile(r' (?:x|y|width|height|transform)="[^"]*"')
PATH = re.compile(r'(?<= d=")[^"]*')
TEXT = re.compile(r"(<text\b[^>]*>)([^<]+)(</text>)")
NAMED = re.compile(r' id="([^"]*)"|(xlink:href="#)([^"]*)"|url\(#([^)]*)\)')
GROUP_NAME = re.compile(r'(?<=<g) id="[^"]*"')
ALONE = re.compile(r"<g>(<(?:use|path|image)\b[^>]*/>)</g>")
PLACED = re.compile(r"""<text [^>]*font-size: ([\d.]+)px[^>]*text-anchor: (start|end)[^>]* x="(-?[\d.]+)"[^>]*rotate\(-?0 [^>]*>([^<]+)<""")
SIZE = re.compile(r'width="([\d.]+)pt"([^>]*) viewBox="0 0 ([\d.]+) ')
FULL_WIDTH = "\u2e80"  # from here on a character is as wide as it is high
DOTS = re.compile(r'(?:<use [^>]*? style="([^"]*)"/>)(?:<use [^>]*? style="\1"/>)+')


def inline(text: str, name: str) -> Markup:
    """Return the SVG of a file or a figure, fit to stand in the page beside others.

    Args:
        text: of the file.
        name: of the drawing, unique in the page; `<name>-title` is that of its caption, by which the drawing is called.
    """
    svg = re.sub(r"\s*\n\s*|<!--.*?-->|<metadata>.*?</metadata>", _blank_between_words, text[text.index("<svg") :], flags=re.DOTALL)
    svg = PATH.sub(lambda match: _compact_path(match.group()), svg)
    svg = PLACE.sub(lambda match: match.group() if "scale" in match.group() else NUMBER.sub(_rounded, match.group()), svg)
    svg = TEXT.sub(_both, _with_room(_lighter(_own_names(svg, name))))
    return Markup(re.sub(r"^<svg\b", f'<svg class="drawn" role="img" aria-labelledby="{name}-title"', svg))  # noqa: S704 (made by us)


def _blank_between_words(match: re.Match) -> str:
    """Leave a blank where a line is broken inside of an element, nothing where it is broken between two."""
    before = match.string[max(0, match.start() - 1) : match.start()]
    return "" if before == ">" or match.group().lstrip().startswith("<") else " "


def _own_names(svg: str, name: str) -> str:
    """Give what is named inside an SVG a short name unlike any of another, since all drawings of the page share one name space."""
    prefix, short = f"s{hashlib.sha256(name.encode()).hexdigest()[:8]}-", {}

    def renamed(match: re.Match) -> str:
        old = match.group(1) or match.group(3) or match.group(4)
        new = prefix + short.setdefault(old, str(len(short)))
        return f' id="{new}"' if match.group(1) else f'href="#{new}"' if match.group(3) else f"url(#{new})"

    return NAMED.sub(renamed, GROUP_NAME.sub("", svg))


def _lighter(svg: str) -> str:
    """Take groups from around single elements, and let dots that look alike share one style."""
    before = ""
    while before != svg:
        before, svg = svg, ALONE.sub(r"\1", svg)
    return DOTS.sub(lambda match: f'<g style="{match[1]}">' + match[0].replace(f' style="{match[1]}"', "") + "</g>", svg)


def _with_room(svg: str) -> str:
    """Widen a drawing where the Chinese of a row's or a line's name is longer than the English that room was left for."""
    left, right = 0.0, 0.0
    whole = SIZE.search(svg)
    for size, anchor, x, word in PLACED.findall(svg) if whole else ():
        wide = _width(in_chinese(html.unescape(word).strip()) or "") * float(size)
        left = max(left, wide - float(x)) if anchor == "end" else left
        right = max(right, float(x) + wide - float(whole[3])) if anchor == "start" else right
    if not left + right:
        return svg
    more, before = round(left + right) + 2, round(left) + 1
    wider = f'width="{float(whole[1]) + more:g}pt"{whole[2]} viewBox="{-before} 0 {float(whole[3]) + more:g} '
    return svg.replace(whole[0], wider, 1)


def _width(text: str) -> float:
    """Return about how wide a text is, as a multiple of its height."""
    return sum(1.0 if character >= FULL_WIDTH else 0.62 for character in text)


def _rounded(match: re.Match) -> str:
    return f"{float(match.group()):.{DECIMALS}f}"


def _both(match: re.Match) -> str:
    """Put a drawn word's Chinese beside it; numbers, names of runs and what has no Chinese stay as they are."""
    opened, word, closed = match.groups()
    chinese = in_chinese(html.unescape(word).strip())
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
