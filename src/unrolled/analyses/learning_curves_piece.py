"""Learning curves of the plain network, LSTM and GRU, task by task (E1, D2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from unrolled import histories, results
from unrolled.analyses import trained
from unrolled.analyses.base import Piece
from unrolled.analyses.rounding import short

POINTS = 60  # drawn of a curve
NETWORKS = {"plain": ("tanh", "tanh"), "matched": ("tanh, equal parameters", "tanh，参数量相等"), "relu": ("ReLU", "ReLU"),
            "lstm": ("LSTM", "LSTM"), "gru": ("GRU", "GRU")}


class Task(NamedTuple):
    """A task: its name in both languages, the run ("section/run") of each network, and the learning rate; None takes the runs' only one."""

    name: str
    name_zh: str
    runs: Mapping[str, str]
    rate: float | None = None


def _runs(section: str, suffix: str = "", **others: str) -> dict[str, str]:
    """Return the runs named as everywhere, and others."""
    runs = {"plain": f"tanh{suffix}", "lstm": f"lstm{suffix}"} | others
    return {name: f"{section}/{run}" for name, run in runs.items()}


UNCLIPPED = _runs("character_clipping", "_none", relu="relu_none", gru="gru_none")
TASKS = (
    Task("adding, T = 10", "加法，T = 10", _runs("adding", "_10", gru="gru_10")),
    Task("adding, T = 20", "加法，T = 20", _runs("adding", "_20", gru="gru_20")),
    Task("adding, T = 50", "加法，T = 50", _runs("adding", matched="tanh_matched", gru="gru")),
    Task("adding, T = 100", "加法，T = 100", _runs("adding", "_100", gru="gru_100")),
    Task("temporal order, T = 20", "时间次序，T = 20", _runs("temporal_order", "_20", gru="gru_20")),
    Task("temporal order, T = 50", "时间次序，T = 50", _runs("temporal_order", gru="gru")),
    Task("digits 8x8, pixel by pixel", "手写数字 8x8，逐像素", _runs("small_digits", matched="tanh_matched", gru="gru")),
    Task("digits 14x14, pixel by pixel", "手写数字 14x14，逐像素", _runs("digits", matched="tanh_matched")),
    Task("characters of Shakespeare", "莎士比亚字符", _runs("character_model", gru="gru")),
    Task("characters, no clipping, rate 4", "字符，不裁剪，学习率 4", UNCLIPPED, 4.0),
    Task("characters, no clipping, rate 8", "字符，不裁剪，学习率 8", UNCLIPPED, 8.0),
)
FIRST = "adding, T = 50"  # the task shown at first


def piece() -> Piece:
    """Read the trained runs that are there and pack median and range over seeds, and which seeds diverged."""
    tasks = [{"en": task.name, "zh": task.name_zh, "curves": _curves(task)} for task in TASKS]
    tasks = [task for task in tasks if task["curves"]]
    names = [task["en"] for task in tasks]
    data = {"networks": {name: {"en": en, "zh": zh} for name, (en, zh) in NETWORKS.items()}, "tasks": tasks,
            "first": names.index(FIRST) if FIRST in names else 0}
    return Piece("learning_curves", data, ["E1", "D2"], "Learning curves, task by task.", "各任务的学习曲线。",
                 "Training loss: median over seeds, shade: their range. Each network runs at its own tuned rate unless the task names one. "
                 "A seed that was stopped because it had solved the task keeps its last loss; one that diverged ends in a cross.",
                 "训练损失：线为各种子的中位数，阴影为范围。除任务注明学习率外，各网络用自己调好的学习率。"
                 "因已解出而提前停止的种子保留最后的损失；发散的种子以叉号结束。")


def _curves(task: Task) -> dict[str, dict[str, Any]]:
    """Return the curves of a task by network, of those that were trained at its learning rate."""
    found = {name: curve(task.runs[name], task.rate) for name in NETWORKS
             if name in task.runs and results.run_file(*task.runs[name].split("/")).exists()}
    return {name: one for name, one in found.items() if one}


def curve(reference: str, rate: float | None) -> dict[str, Any]:
    """Return one run's curve over at most POINTS updates, and what became of its seeds; nothing if no member has the learning rate.

    Raises:
        ResultsError: it was not trained.
        SettingsError: no learning rate is given and it was trained at several.
    """
    record, (section, run) = trained.record(reference), reference.split("/")
    rate = rate if rate is not None else trained.only_rate(record)
    members = [member for member in record["members"] if np.isclose(member["learning_rate"], rate)]
    if not members:
        return {}
    found = histories.load_carried(section, run, members).get(rate) or histories.Curve(np.zeros(0, int), np.zeros((0, 0)))
    by_seed = dict(zip(found.seeds, found.values, strict=True))
    values = np.array([by_seed.get(member["seed"], np.full(len(found.steps), np.nan)) for member in members])
    chosen = np.unique(np.linspace(0, len(found.steps) - 1, min(POINTS, len(found.steps))).round().astype(int))
    shown = values[:, chosen]
    alive = np.isfinite(shown).any(0)
    low, middle, high = np.full((3, len(chosen)), np.nan)
    if alive.any():
        low[alive], middle[alive], high[alive] = np.nanquantile(shown[:, alive], [0, 0.5, 1], axis=0)
    ends = [{"seed": member["seed"], "step": member["diverged"]["step"]} for member in members if member["diverged"]]
    return {"steps": found.steps[chosen].tolist(), "low": short(low), "median": short(middle), "high": short(high), "rate": rate,
            "seeds": len(members), "diverged": ends, "stopped": sum(member["stopped"] is not None for member in members)}
