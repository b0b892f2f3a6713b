"""Puts results and verdicts together into one page, which needs nothing but plotly's script and the sounds beside it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from unrolled import results
from unrolled.reporting import exhibits, links, runs, words
from unrolled.reporting.cards import cards, count, sections
from unrolled.settings import Settings
from unrolled.tuned import load as load_tuned

TEMPLATES = Path(__file__).parent / "templates"
SHARED_SCRIPTS = ("shared", "chart")  # what all pieces may use, in this order


def build(settings: Settings) -> str:
    """Return the page as HTML.

    Raises:
        ResultsError: there are no verdicts yet.
    """
    verdicts = results.read_result(results.verdicts_file())
    analyses = exhibits.analyses(settings)
    found = cards(verdicts["claims"], settings, analyses)
    return _environment().get_template("report.html").render(
        scale=verdicts["scale"], cards=found, sections=sections(found), counts=count(found.values(), words.SYMBOLS),
        speed=runs.seconds_per_update(), tasks=runs.tasks(settings), data_sets=_data_sets(settings), machine=runs.machine(settings),
        tuned=sum(len(chosen or {}) for chosen in load_tuned().values()), **_exhibits(analyses))


def _environment() -> jinja2.Environment:
    """Return the templates with the words that their macros need."""
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True,
                                     undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["address"] = links.address
    environment.globals |= {
        "symbols": words.SYMBOLS, "verdicts_zh": words.VERDICTS_ZH, "splits_zh": words.SPLITS_ZH, "scales_zh": words.SCALES_ZH,
        "sources": words.SOURCES, "status": words.STATUS, "verbatim": _verbatim,
        "together": words.TOGETHER, "shared_scripts": SHARED_SCRIPTS}
    return environment


def _verbatim(name: str) -> Markup:
    """Return a style sheet or script as it lies among the templates."""
    return Markup((TEMPLATES / name).read_text(encoding="utf-8"))  # noqa: S704 (made by us)


def _exhibits(analyses: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the analyses show, and the scripts that their pieces need."""
    official = exhibits.official(analyses)
    return {"pictures": exhibits.pictures(analyses), "tables": exhibits.tables(analyses, official),
            "sentences": exhibits.sentences(analyses, official), "plots": exhibits.plots(analyses), "pieces": exhibits.pieces(analyses),
            "kinds": exhibits.kinds(analyses), "errata": [erratum for analysis in analyses.values() for erratum in analysis["errata"]]}


def _data_sets(settings: Settings) -> list[dict[str, Any]]:
    """Return the card of each data set that has been frozen."""
    paths = [results.data_folder(name) / "card.json" for name in settings.data.sets]
    return [results.read_result(path) for path in paths if path.exists()]


def plotting_library() -> str:
    """Return plotly's script, which stands beside the page so that nothing is fetched from elsewhere."""
    from plotly.offline import get_plotlyjs  # here: half a second's import that only the report needs

    return get_plotlyjs()


def copy_sounds(settings: Settings, report: Path) -> None:
    """Copy what analyses let the page play to a folder beside it."""
    for name in settings.analyses:
        folder = results.analysis_folder(name) / results.SOUNDS
        if folder.exists():
            shutil.copytree(folder, report / results.SOUNDS / name)
