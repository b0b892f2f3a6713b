"""Addresses within MLflow's pages, and the saved view of each experiment: columns, order and charts that tell its runs apart.

MLflow keeps what its button "Save as new view" makes in a tag of the experiment; the same is written here.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from unrolled.tracking.notes import Note

KEY = "what_to_compare"
NAME = "What to compare"
TAG = f"mlflow.sharedViewState.{KEY}"
KIND = {"mlflow.experimentKind": "custom_model_development"}  # else MLflow opens on its pages for language models


def table(experiment: str) -> str:
    """Return the address of an experiment's runs as a table, below the server's own."""
    return f"/#/experiments/{experiment}/runs?workflowType=machine_learning&viewStateShareKey={KEY}&compareRunsMode=TABLE"


def charts(experiment: str) -> str:
    """Return the address of an experiment's charts."""
    return f"/#/experiments/{experiment}/runs?workflowType=machine_learning&viewStateShareKey={KEY}&compareRunsMode=CHART"


def comparison(experiment: str, runs: Sequence[str]) -> str:
    """Return the address of the page that holds runs, by their ids, against each other."""
    return (f"/#/compare-runs?runs={quote(json.dumps(list(runs), separators=(',', ':')))}"
            f"&experiments={quote(json.dumps([experiment]))}")


def saved(task: str, note: Note, created: int) -> str:
    """Return the content of the experiment's tag that makes the saved view; always the same for the same note.

    Args:
        task: gives the parts of the view their ids.
        note: what to compare.
        created: when the experiment was made, milliseconds.
    """
    section = str(uuid.uuid5(uuid.NAMESPACE_URL, f"unrolled/{task}"))
    shown = [f"params.`{name}`" for name in ("cell", "hidden", "parameters", "learning_rate", "seeds")]
    shown = [f"metrics.`final/{note.score}`", f"metrics.`spread/{note.score}`", "metrics.`final/diverged`", *shown]
    state = {"orderByKey": "attributes.start_time", "orderByAsc": False, "selectedColumns": shown, "columnOrder": shown,
             "columnWidths": {name: max(90, 8 * len(name.split("`")[1]) + 24) for name in shown},
             "compareRunSections": [{"uuid": section, "name": NAME, "display": True, "isReordered": False, "deleted": False,
                                     "isGenerated": False}],
             "compareRunCharts": [_chart(section, place, **chart) for place, chart in enumerate(_charts(note))],
             "isAccordionReordered": True, "hideEmptyCharts": True, "runsHiddenMode": "FIRST_10_RUNS"}
    return json.dumps({"name": NAME, "createdAt": created, "updatedAt": created, "state": json.dumps(state)})


def _charts(note: Note) -> list[dict[str, Any]]:
    return [{"type": "BAR", "metricKey": f"final/{note.score}"}, {"type": "LINE", "metricKey": "training/loss"},
            {"type": "LINE", "metricKey": "training/loss_first_seed"}, {"type": "LINE", "metricKey": "training/gradient_norm"},
            {"type": "LINE", "metricKey": "training/loss_lowest_seed",
             "selectedMetricKeys": ["training/loss_lowest_seed", "training/loss", "training/loss_highest_seed"]},
            {"type": "BAR", "metricKey": f"spread/{note.score}"}]


def _chart(section: str, place: int, **chart: Any) -> dict[str, Any]:
    """Return a chart's card as MLflow keeps it; curves are on a logarithmic scale, else one that explodes hides the others."""
    line = {"lineSmoothness": 0, "xAxisScaleType": "linear", "scaleType": "log", "xAxisKey": "step", "selectedXAxisMetricKey": "",
            "yAxisKey": "metric", "yAxisExpressions": [], "ignoreOutliers": False, "useGlobalXaxisKey": True, "range": {},
            "useGlobalLineSmoothing": True, "displayPoints": False, "selectedMetricKeys": [chart["metricKey"]]}
    return {"uuid": str(uuid.uuid5(uuid.UUID(section), str(place))), "runsCountToCompare": 10, "metricSectionId": section, "deleted": False,
            "isGenerated": False, **(line if chart["type"] == "LINE" else {}), **chart}
