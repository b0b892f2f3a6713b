"""Puts results and verdicts together into one page, which needs nothing but plotly's script and the sounds beside it."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from unrolled import results
from unrolled.reporting import figures
from unrolled.reporting.words import SYMBOLS, VERDICTS_ZH
from unrolled.settings import Settings
from unrolled.tuned import load as load_tuned

TEMPLATES = Path(__file__).parent / "templates"
ONE_PAGE = "lstm_vs_rnn"  # the analysis with a section of its own
SHARED_SCRIPTS = ("shared", "chart")  # what all pieces may use, in this order


def build(settings: Settings) -> str:
    """Return the page as HTML.

    Raises:
        ResultsError: there are no verdicts yet.
    """
    verdicts = results.read_result(results.verdicts_file())
    claims = verdicts["claims"]
    analyses = _analyses(settings)
    official = _official(analyses)
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True,
                                     undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.tests["search_in"] = lambda path, part: part in path
    return environment.get_template("report.html").render(
        scale=verdicts["scale"], claims=claims, counts=Counter(entry["verdict"] for entry in claims.values()),
        symbols=SYMBOLS, verdicts_zh=VERDICTS_ZH, changed=_changed_rules(claims), earlier=_earlier_rules(claims), flips=_flips(claims),
        pictures=_pictures(analyses), tables=_tables(analyses, official), sentences=_sentences(analyses, official),
        plots=_plots(analyses), pieces=_pieces(analyses), scripts=_scripts(analyses),
        speed=_seconds_per_update(settings), tasks=_tasks(settings), cards=_cards(settings),
        errata=[erratum for analysis in analyses.values() for erratum in analysis["errata"]],
        machine=_machine(settings), tuned=sum(len(runs or {}) for runs in load_tuned().values()))


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


def _analyses(settings: Settings) -> dict[str, Any]:
    """Return the results of the analyses that have been run."""
    return {name: results.read_result(results.analysis_file(name)) for name in settings.analyses
            if results.analysis_file(name).exists()}


def _official(analyses: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the same analyses found on the official data, where that was kept, with words that say so."""
    paths = {name: results.official_file(name) for name in analyses}
    found = {name: results.read_result(path) for name, path in paths.items() if path.exists()}
    for analysis in found.values():
        for table in analysis["tables"].values():
            table["title"], table["title_zh"] = f"On the official data: {table['title']}", f"官方数据：{table['title_zh']}"
        for sentence in analysis["sentences"]:
            sentence["text"], sentence["text_zh"] = f"On the official data: {sentence['text']}", f"官方数据：{sentence['text_zh']}"
    return found


def _pictures(analyses: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Return the analyses' pictures by the claim they bear on; one that bears on several is drawn at the first only."""
    found: dict[str, list[dict[str, Any]]] = {}
    for name, analysis in analyses.items():
        for picture in analysis["figures"]:
            svg = (results.analysis_folder(name) / picture["file"]).read_text(encoding="utf-8")
            svg = Markup(_own_names(svg[svg.index("<svg") :], f"{name}-{Path(picture['file']).stem}-"))  # noqa: S704 (made by us)
            first, *others = picture["claim"]
            if name == ONE_PAGE:
                first, others = ONE_PAGE, picture["claim"]
            found.setdefault(first, []).append({**picture, "svg": svg, "see": ""})
            for other in others:
                found.setdefault(other, []).append({**picture, "svg": "", "see": first})
    return found


def _tables(*groups: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Return the analyses' tables by the first claim they bear on; those of lstm_vs_rnn stand in a section of their own."""
    found: dict[str, list[dict[str, Any]]] = {}
    for name, analysis in (item for analyses in groups for item in analyses.items()):
        for table in analysis["tables"].values():
            found.setdefault(name if name == ONE_PAGE else table["claim"][0], []).append(table)
    return found


def _sentences(*groups: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Return what the analyses have to say, by each claim it bears on."""
    found: dict[str, list[dict[str, Any]]] = {}
    for analysis in (analysis for analyses in groups for analysis in analyses.values()):
        for sentence in analysis["sentences"]:
            for claim in sentence["claim"]:
                found.setdefault(claim, []).append(sentence)
    return found


def _pieces(analyses: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Return what has a script of its own by the first claim it bears on, each with its data as text safe inside a script."""
    found: dict[str, list[dict[str, Any]]] = {}
    for name, analysis in analyses.items():
        for piece in analysis["pieces"]:
            identifier = f"piece-{name}-{piece['file'].removesuffix('.piece.json')}"
            found.setdefault(ONE_PAGE if name == ONE_PAGE else piece["claim"][0], []).append(
                {**piece, "id": identifier, "json": _script_text(results.analysis_folder(name) / piece["file"])})
    return found


def _scripts(analyses: Mapping[str, Any]) -> list[Markup]:
    """Return the page's own scripts: what all pieces share, then one for each kind of piece that there is."""
    kinds = sorted({piece["kind"] for analysis in analyses.values() for piece in analysis["pieces"]})
    paths = [TEMPLATES / "pieces" / f"{kind}.js" for kind in (*SHARED_SCRIPTS, *kinds)]
    return [Markup(path.read_text(encoding="utf-8")) for path in paths]  # noqa: S704 (made by us)


def _script_text(path: Path) -> Markup:
    """Return a file of JSON as text that can stand inside a script."""
    return Markup(path.read_text(encoding="utf-8").replace("</", "<\\/"))  # noqa: S704 (made by us)


def _plots(analyses: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Return the pictures to be touched by the first claim they bear on, each with its specification as text safe inside a script."""
    found: dict[str, list[dict[str, Any]]] = {}
    for name, analysis in analyses.items():
        for plot in analysis["interactive"]:
            identifier = f"plot-{name}-{plot['file'].removesuffix('.plotly.json')}"
            found.setdefault(plot["claim"][0], []).append(
                {**plot, "id": identifier, "json": _script_text(results.analysis_folder(name) / plot["file"])})
    return found


def _seconds_per_update(settings: Settings) -> list[dict[str, Any]]:
    """Return milliseconds per update and member of the two networks that are compared, as they took when they were trained."""
    found = []
    for section, name in (("adding", "tanh"), ("adding", "tanh_matched"), ("adding", "lstm"), ("adding", "gru")):
        path = results.seconds_file(section)
        seconds = results.read_json(path).get(name) if path.exists() else None
        if seconds:
            record = results.read_result(results.run_file(section, name))
            updates = len(record["members"]) * record["settings"]["updates"]
            found.append({"name": name, "parameters": record["parameters"], "milliseconds": 1000 * seconds / updates})
    return found


def _own_names(svg: str, prefix: str) -> str:
    """Make the names inside an SVG its own, since all figures of the page share one name space."""
    return re.sub(r'(id="|href="#|url\(#)', lambda match: match.group(1) + prefix, svg)


def _tasks(settings: Settings) -> list[dict[str, Any]]:
    """Return, for each trained task, its curves, its scores and a table of its runs."""
    found = []
    for section in settings.tasks.values():
        records = {run: results.read_result(results.run_file(section.name, run)) for run in section.runs
                   if results.run_file(section.name, run).exists()}
        if records:
            histories = {run: results.read_csv(results.history_file(section.name, run)) for run in records}
            metric = headline(next(iter(records.values())))
            chance = next(iter(records.values()))["chance"].get(metric)
            found.append({"name": section.name, "purpose": section.purpose, "metric": metric,
                          "curves": _inline(figures.learning_curves(section.name, records, histories), f"{section.name}-curves-"),
                          "scores": _inline(figures.final_scores(section.name, records, metric, chance), f"{section.name}-scores-"),
                          "runs": [_run_row(record, metric) for record in records.values()]})
    return found


def _inline(svg: str, prefix: str) -> Markup:
    return Markup(_own_names(svg, prefix))  # noqa: S704 (made by us)


def headline(record: Mapping[str, Any]) -> str:
    """Return the metric that a task's figures show: the first it reports, or the one over all slots."""
    metrics = record["members"][0]["metrics"]
    return next((name for name in ("accuracy_slots", "chunk_f1") if name in metrics), next(iter(metrics)))


def _run_row(record: Mapping[str, Any], metric: str) -> dict[str, Any]:
    values = [member["metrics"][metric] for member in record["members"] if member["metrics"][metric] is not None]
    diverged = [f"seed {member['seed']}, rate {member['learning_rate']:g}: step {member['diverged']['step']}, {member['diverged']['cause']}"
                for member in record["members"] if member["diverged"]]
    rates = ", ".join(f"{rate:g}" for rate in record["settings"]["learning_rates"])
    return {"name": record["run"], "cell": record["settings"]["cell"], "hidden": record["settings"]["hidden"],
            "parameters": record["parameters"], "rates": rates, "seeds": len({member["seed"] for member in record["members"]}),
            "tuned": record["tuned"] is not None, "stale": bool(record["tuned"] and record["tuned"]["stale"]),
            "mean": sum(values) / len(values) if values else None, "diverged": diverged}


def _cards(settings: Settings) -> list[dict[str, Any]]:
    """Return the card of each data set that has been frozen."""
    paths = [results.data_folder(name) / "card.json" for name in settings.data.sets]
    return [results.read_result(path) for path in paths if path.exists()]


def _changed_rules(claims: Mapping[str, Any]) -> set[str]:
    """Return the claims whose rule is not the one that the committed reference was judged by."""
    path = results.REFERENCE / results.verdicts_file().name
    if not path.exists():
        return set()
    before = results.read_result(path)["claims"]
    return {name for name, entry in claims.items() if name in before and before[name]["rule_hash"] != entry["rule_hash"]}


def _earlier_rules(claims: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Return, by claim, the rules that stood before the one of now, the oldest first."""
    path = results.rules_file()
    ledger = results.read_json(path) if path.exists() else {}
    return {name: [entry for entry in ledger.get(name, []) if entry["hash"] != claim["rule_hash"]] for name, claim in claims.items()}


def _flips(claims: Mapping[str, Any]) -> dict[str, str]:
    """Return what the verdict of each claim became on fresh seeds, of those claims that `make confirm` has judged by the rule of now."""
    path = results.confirmed_file()
    if not path.exists():
        return {}
    confirmed = results.read_result(path)
    became = {flip["name"]: flip["here"] for flip in confirmed["flips"]}
    return {name: became.get(name, "") for name, claim in claims.items() if confirmed["rules"].get(name) == claim["rule_hash"]}


def _machine(settings: Settings) -> dict[str, str]:
    """Return what the runs say they were trained on."""
    for section in settings.tasks.values():
        for run in section.runs:
            path = results.run_file(section.name, run)
            if path.exists():
                record = results.read_result(path)
                return {"device": record["device"], "torch": record["torch"]}
    return {"device": "-", "torch": "-"}
