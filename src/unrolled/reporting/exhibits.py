"""What the analyses put on cards: pictures, tables, sentences, plots and pieces, by the claim they bear on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from markupsafe import Markup

from unrolled import results
from unrolled.reporting.svg import inline
from unrolled.settings import Settings

ONE_PAGE = "lstm_vs_rnn"  # the analysis with a section of its own
ByClaim = dict[str, list[dict[str, Any]]]


def analyses(settings: Settings) -> dict[str, Any]:
    """Return the results of the analyses that have been run."""
    return {name: results.read_result(results.analysis_file(name)) for name in settings.analyses
            if results.analysis_file(name).exists()}


def official(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the same analyses found on the official data, where that was kept, with words that say so."""
    paths = {name: results.official_file(name) for name in found}
    kept = {name: results.read_result(path) for name, path in paths.items() if path.exists()}
    for analysis in kept.values():
        for table in analysis["tables"].values():
            table["title"], table["title_zh"] = f"On the official data: {table['title']}", f"官方数据：{table['title_zh']}"
        for sentence in analysis["sentences"]:
            sentence["text"], sentence["text_zh"] = f"On the official data: {sentence['text']}", f"官方数据：{sentence['text_zh']}"
    return kept


def _place(name: str, shown: Mapping[str, Any]) -> str:
    """Return where something is shown: at the first claim it bears on, or in the section that an analysis has for itself."""
    return name if name == ONE_PAGE else shown["claim"][0]


def pictures(found: Mapping[str, Any]) -> ByClaim:
    """Return the pictures; one that bears on several claims is drawn at the first only, and pointed to at the others."""
    placed: ByClaim = {}
    for name, analysis in found.items():
        for picture in analysis["figures"]:
            text = (results.analysis_folder(name) / picture["file"]).read_text(encoding="utf-8")
            first, title = _place(name, picture), f"figure-{name}-{Path(picture['file']).stem}"
            placed.setdefault(first, []).append({**picture, "id": title, "svg": inline(text, title), "see": ""})
            for other in picture["claim"]:
                if other != first:
                    placed.setdefault(other, []).append({**picture, "svg": "", "see": first})
    return placed


def tables(*groups: Mapping[str, Any]) -> ByClaim:
    """Return the tables."""
    placed: ByClaim = {}
    for name, analysis in (item for group in groups for item in group.items()):
        for table in analysis["tables"].values():
            placed.setdefault(_place(name, table), []).append(table)
    return placed


def sentences(*groups: Mapping[str, Any]) -> ByClaim:
    """Return what the analyses have to say, at each claim it bears on."""
    placed: ByClaim = {}
    for analysis in (analysis for group in groups for analysis in group.values()):
        for sentence in analysis["sentences"]:
            for claim in sentence["claim"]:
                placed.setdefault(claim, []).append(sentence)
    return placed


def plots(found: Mapping[str, Any]) -> ByClaim:
    """Return the pictures to be touched, each with its specification as text safe inside a script."""
    return _scripted(found, "interactive", "plot", ".plotly.json")


def pieces(found: Mapping[str, Any]) -> ByClaim:
    """Return what has a script of its own, each with its data as text safe inside a script."""
    return _scripted(found, "pieces", "piece", ".piece.json")


def _scripted(found: Mapping[str, Any], field: str, prefix: str, ending: str) -> ByClaim:
    placed: ByClaim = {}
    for name, analysis in found.items():
        for shown in analysis[field]:
            identifier = f"{prefix}-{name}-{shown['file'].removesuffix(ending)}"
            placed.setdefault(_place(name, shown), []).append(
                {**shown, "id": identifier, "json": _script_text(results.analysis_folder(name) / shown["file"])})
    return placed


def _script_text(path: Path) -> Markup:
    """Return a file of JSON as text that can stand inside a script, without the blanks that make it readable."""
    text = json.dumps(results.read_json(path), ensure_ascii=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c"))  # noqa: S704 (JSON without it can end no script and begin no comment)


def kinds(found: Mapping[str, Any]) -> list[str]:
    """Return the kinds of pieces there are, each of which has a script."""
    return sorted({piece["kind"] for analysis in found.values() for piece in analysis["pieces"]})
