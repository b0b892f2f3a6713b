"""The picture at the head of the READMEs, from the reference run: every claim's verdict, and who still learns at which length.

It is written as SVG by hand, so that the same numbers give the same bytes anywhere, letters stay letters, and it follows a dark screen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape

from unrolled import results
from unrolled.drawing import BLUE
from unrolled.reporting.cards import in_lecture_order
from unrolled.reporting.words import SYMBOLS, VERDICTS_ZH

FOLDER = "docs/pictures"
FILES = {f"{FOLDER}/front.svg": False, f"{FOLDER}/front.zh-CN.svg": True}
WIDTH, HEIGHT, MARGIN = 900, 430, 24
COLOURS = {"reproduced": "#00674b", "conditional": "#00558a", "contradicted": "#a83f00", "inconclusive": "#55565a",
           "pending": "#55565a"}  # the page's: white letters can be read on each
LENGTHS = (10, 20, 50, 100)
RUNS = {  # of the section `adding`; the run at its own length has no number behind its name
    "jordan": ("Jordan network", "Jordan 网络"), "tanh": ("Elman network (tanh)", "Elman 网络（tanh）"), "scrn": ("SCRN", "SCRN"),
    "irnn": ("identity and ReLU", "单位矩阵初始化 + ReLU"), "gru": ("GRU", "GRU"), "lstm": ("LSTM", "LSTM")}
OWN_LENGTH = 50
STYLE = f"""<style>
text {{ font: 14px system-ui, "Segoe UI", "Noto Sans", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif; fill: #1b1b1b; }}
.title {{ font-size: 19px; font-weight: 600; }} .soft {{ fill: #5c5c5c; }}
.id {{ font-size: 8.5px; font-weight: 600; text-anchor: middle; }}
.on {{ fill: #fff; }} .cell {{ text-anchor: middle; font-size: 13px; }} .end {{ text-anchor: end; }}
.paper {{ fill: #fff; stroke: #d5d5d0; }} .empty {{ fill: #f1f1ec; }} .full {{ fill: {BLUE}; }} .bare {{ fill: #1b1b1b; }}
@media (prefers-color-scheme: dark) {{
text, .bare {{ fill: #e6e6e3; }} .soft {{ fill: #a9adb1; }} .paper {{ fill: #16181a; stroke: #3b3f43; }} .empty {{ fill: #2a2f34; }}
.on {{ fill: #fff; }} }}
</style>"""


def build(claims: Mapping[str, Any], numbers: Mapping[str, Mapping[str, float]], chinese: bool) -> str:
    """Return the picture as SVG.

    Args:
        claims: entries of verdicts.json.
        numbers: mean, spread and count by "task/run/metric", as numbers.json holds them.
        chinese: whether its words are Chinese.
    """
    claims = {name: claims[name] for name in in_lecture_order(claims)}
    title = f"课上的 {len(claims)} 个论断，逐一检验" if chinese else f"{len(claims)} statements of a lecture, put to the test"
    label = "各论断的判定；各单元在不同长度下的成功次数" if chinese else "Each claim's verdict; how often each cell learns, by length"
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img" '
             f'aria-label="{label}">', STYLE, f'<rect class="paper" x=".5" y=".5" width="{WIDTH - 1}" height="{HEIGHT - 1}" rx="8"/>',
             _text(MARGIN, 40, title, "title"), *_tiles(claims), *_legend(claims, chinese), *_map(numbers, chinese), "</svg>"]
    return "\n".join(parts) + "\n"


def update() -> None:
    """Write both pictures from the reference run."""
    claims = results.read_result(results.of_reference(results.verdicts_file()))["claims"]
    numbers = results.read_json(results.of_reference(results.numbers_file()))
    for name, chinese in FILES.items():
        results.write_text(name, build(claims, numbers, chinese))


def _text(x: float, y: float, words: str, style: str = "") -> str:
    named = f' class="{style}"' if style else ""
    return f'<text x="{x:g}" y="{y:g}"{named}>{escape(words)}</text>'


def _tiles(claims: Mapping[str, Any]) -> list[str]:
    """Return a coloured tile with its number for each claim, in one row."""
    step = (WIDTH - 2 * MARGIN) / len(claims)
    parts = []
    for place, (name, claim) in enumerate(claims.items()):
        x, verdict = MARGIN + place * step, claim["verdict"]
        parts.append(f'<rect x="{x:.1f}" y="56" width="{step - 2:.1f}" height="34" rx="3" fill="{COLOURS[verdict]}"/>')
        middle = round(x + step / 2 - 1, 1)
        parts += [_text(middle, 70, SYMBOLS[verdict], "id on"), _text(middle, 84, name, "id on")]
    return parts


def _legend(claims: Mapping[str, Any], chinese: bool) -> list[str]:
    """Return how many claims got which verdict, the colours' key."""
    counts = Counter(claim["verdict"] for claim in claims.values())
    parts, x = [], float(MARGIN)
    for verdict in (verdict for verdict in COLOURS if counts[verdict]):
        words = f"{SYMBOLS[verdict]} {VERDICTS_ZH[verdict] if chinese else verdict} {counts[verdict]}"
        parts += [f'<rect x="{x:g}" y="105" width="14" height="14" rx="3" fill="{COLOURS[verdict]}"/>', _text(x + 21, 117, words)]
        x += 165
    return parts


def _map(numbers: Mapping[str, Mapping[str, float]], chinese: bool) -> list[str]:
    """Return a table of successes: a line per cell, a column per length, the bar as long as the share of seeds that succeed."""
    words = ("Who still learns at which length",
             "The adding problem: seeds that solve it, of all; each cell at its own tuned rate, with as many updates", "length")
    if chinese:
        words = "谁在多长的序列上还学得会", "加法任务：解出的种子数 / 训练的种子数；学习率各自调好，更新次数相同", "序列长度"
    left, width = 252, 147
    parts = [_text(MARGIN, 168, words[0], "title"), _text(MARGIN, 191, words[1], "soft"), _text(left - 20, 224, words[2], "soft end")]
    parts += [_text(left + place * (width + 12) + width / 2, 224, str(length), "soft cell") for place, length in enumerate(LENGTHS)]
    for row, (run, names) in enumerate(RUNS.items()):
        y = 236 + 29 * row
        parts.append(_text(left - 20, y + 17, names[chinese], "end"))
        for place, length in enumerate(LENGTHS):
            found = numbers.get(f"adding/{run}{'' if length == OWN_LENGTH else f'_{length}'}/success")
            parts += _bar(left + place * (width + 12), y, width, found)
    return parts


def _bar(x: float, y: float, width: float, found: Mapping[str, float] | None) -> list[str]:
    """Return one bar with its counts; a dash where nothing was trained."""
    if found is None:
        return [_text(x + width / 2, y + 17, "–", "cell soft")]
    share = found["mean"]
    counts = f"{round(share * found['n'])}/{found['n']}"
    inked = "on" if share > 0.6 else "bare"
    full = [f'<rect class="full" x="{x:g}" y="{y:g}" width="{width * share:.1f}" height="24" rx="4"/>'] if share else []
    return [f'<rect class="empty" x="{x:g}" y="{y:g}" width="{width:g}" height="24" rx="4"/>', *full,
            _text(x + width / 2, y + 17, counts, f"cell {inked}")]
