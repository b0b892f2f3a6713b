"""A small real run of one task, judged, with one analysis that shows one of everything, as the report's tests need it."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from conftest import ROOT

from unrolled import catalogue, execution, results, settings
from unrolled.analyses.base import AnalysisResult, Interactive, Picture, Sentence, Table, compare, played, save
from unrolled.data import wav
from unrolled.drawing import panels
from unrolled.engines import local
from unrolled.judging import claims, judge
from unrolled.reporting import page


def shown() -> AnalysisResult:
    """What the made-up analysis shows: a picture on two claims, two plots of which one plays a sound, a table, a sentence."""
    figure, axes = panels()
    axes.plot([0, 1, 2], [1, 3, 2], "o-")
    axes.set(xlabel="updates", ylabel="gradient norm")
    turned = Interactive({"data": [{"type": "surface", "name": "</script>", "z": [[0, 1], [1, 2]]}], "layout": {}}, ["D3"],
                         "Turn", "转动", "Words", "说明")
    heard = Interactive({"data": [{"type": "scatter", "mode": "markers", "x": [1], "y": [2], "customdata": [played("error_surface", "beep")]}],
                         "layout": {}}, ["D4"], "Hear", "听", "Words", "说明")
    return AnalysisResult(
        [compare("D3", "x", 1, 1)], {name: list(np.linspace(0.1, 0.2, 10)) for name in ("flat_share", "steep_share", "quantile_ratio")},
        {"surface": Picture(figure, ["D3", "D4"], "Title", "标题", "Caption <b>", "说明")}, interactive={"turn": turned, "hear": heard},
        tables={"numbers": Table(["D4"], "Numbers", "数字", ["run", "score"], ["运行", "得分"], [["tanh", "1 < 2"]], [["tanh", "1 < 2"]])},
        sentences=[Sentence(["D3", "D4"], "Where it fails.", "不成立之处。")],
        sounds={"beep": wav.write(np.sin(np.arange(8000) / 5).astype(np.float32) / 3)})


def make(folder: Path, patch: pytest.MonkeyPatch) -> str:
    """Run, judge and build in a folder, where the patch leaves the working directory, and return the page.

    It stands in report/, with plotly and a sound, as `python -m pipelines.report` would leave it.
    """
    patch.chdir(folder)
    patch.setattr(catalogue.TASKS["adding"], "test_size", 10)
    patch.setattr(execution, "execute", lambda jobs, device, settings, title: [local.work(job, device) for job in jobs])
    tree = settings.read_yaml(ROOT / "params.yaml")
    section = tree["tasks"]["adding"]
    section.update(length=5, updates=4, stride=2, seeds=2, hidden=4, batch=4)
    section["runs"] = {"tanh": {"cell": "elman", "learning_rates": [0.01]},
                       "wild": {"cell": "elman", "activation": "linear", "learning_rates": [1e30], "clip_by": "none"}}
    tree["tasks"] = {"adding": section}
    results.write_text("params.yaml", yaml.safe_dump(tree))
    results.write_text("tuned.yaml", "{}\n")
    shutil.copy(ROOT / "claims.yaml", "claims.yaml")
    chosen = settings.load()
    execution.train_section(chosen, "adding")
    save("error_surface", shown())
    verdicts = judge(claims.load(), chosen)
    results.write_json(results.verdicts_file(), {"format": results.FORMAT, "scale": "laptop", "claims": verdicts})
    html = page.build(chosen)
    results.write_text(results.REPORT / "index.html", html)
    results.write_text(results.REPORT / "plotly.min.js", page.plotting_library())
    page.copy_sounds(chosen, results.REPORT)
    return html
