"""The trained tasks: curves, scores and a table of runs for each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from unrolled import guard, results, tuned, worker_processes
from unrolled.reporting import figures, rates
from unrolled.reporting.svg import inline
from unrolled.reporting.words import CAUSES_ZH, METRICS_ZH, TASKS_ZH
from unrolled.settings import Settings, TaskSection

COMPARED = (("adding", "tanh"), ("adding", "tanh_matched"), ("adding", "lstm"), ("adding", "gru"))


def tasks(settings: Settings) -> list[dict[str, Any]]:
    """Return, for each trained task, its curves, its scores and a table of its runs; the figures are drawn on all cores."""
    records = {name: {run: results.read_result(results.run_file(name, run)) for run in section.runs if results.run_file(name, run).exists()}
               for name, section in settings.tasks.items()}
    records = {name: found for name, found in records.items() if found}
    metrics = {name: headline(next(iter(found.values()))) for name, found in records.items()}
    drawn = worker_processes.spread("report", figures.of_task, [(name, found, found, metrics[name]) for name, found in records.items()],
                                    guard.share_of_workers(settings.workers))
    scores = tuned.load_evidence()
    return [_task(settings.tasks[name], found, metrics[name], figures_of_it, scores)
            for (name, found), figures_of_it in zip(records.items(), drawn, strict=True)]


def _task(section: TaskSection, records: Mapping[str, Any], metric: str, drawn: Mapping[str, str], scores: rates.Scores) -> dict[str, Any]:
    name, prefix = section.name, f"drawn-{section.name}"
    title_zh, purpose_zh = TASKS_ZH.get(name, (name, ""))
    return {"name": name, "title": name.replace("_", " "), "title_zh": title_zh, "purpose": section.purpose, "purpose_zh": purpose_zh,
            "metric": metric.replace("_", " "), "metric_zh": METRICS_ZH.get(metric, metric),
            "curves": inline(drawn["learning_curves"], f"{prefix}-curves"), "curves_id": f"{prefix}-curves",
            "scores": inline(drawn["final_scores"], f"{prefix}-scores"), "scores_id": f"{prefix}-scores",
            "diverged": any(member["diverged"] for record in records.values() for member in record["members"]),
            "runs": [_run_row(record, metric, scores) for record in records.values()]}


def headline(record: Mapping[str, Any]) -> str:
    """Return the metric that a task's figures show: the first it reports, or the one over all slots."""
    metrics = record["members"][0]["metrics"]
    return next((name for name in ("accuracy_slots", "chunk_f1") if name in metrics), next(iter(metrics)))


def _run_row(record: Mapping[str, Any], metric: str, scores: rates.Scores) -> dict[str, Any]:
    values = [member["metrics"][metric] for member in record["members"] if member["metrics"][metric] is not None]
    used = ", ".join(f"{rate:g}" for rate in record["settings"]["learning_rates"])
    return {"name": record["run"], "cell": record["settings"]["cell"], "hidden": record["settings"]["hidden"],
            "parameters": record["parameters"], "rates": used, "seeds": len({member["seed"] for member in record["members"]}),
            "tuned": record["tuned"] is not None, "stale": bool(record["tuned"] and record["tuned"]["stale"]),
            "at_an_end": rates.is_at_an_end(record, scores),
            "mean": sum(values) / len(values) if values else None,
            "diverged": [_diverged(member) for member in record["members"] if member["diverged"]]}


def _diverged(member: Mapping[str, Any]) -> dict[str, str]:
    """Return which member diverged, when and why, in both languages."""
    seed, rate, step, cause = member["seed"], f"{member['learning_rate']:g}", member["diverged"]["step"], member["diverged"]["cause"]
    return {"text": f"seed {seed}, rate {rate}: step {step}, {cause}",
            "text_zh": f"种子 {seed}，学习率 {rate}：第 {step} 步，{CAUSES_ZH.get(cause, cause)}"}


def seconds_per_update() -> list[dict[str, Any]]:
    """Return milliseconds per update and member of the networks that are compared, as they took when they were trained."""
    found = []
    for section, name in COMPARED:
        path = results.seconds_file(section)
        seconds = results.read_json(path).get(name) if path.exists() else None
        if seconds:
            record = results.read_result(results.run_file(section, name))
            updates = sum(updates_done(member, record["settings"]) for member in record["members"])
            found.append({"name": name, "parameters": record["parameters"], "milliseconds": 1000 * seconds / updates})
    return found


def updates_done(member: Mapping[str, Any], given: Mapping[str, Any]) -> int:
    """Return how many updates a member was worked on: all, or until it had solved its task, or until it was left out since it had diverged.

    Args:
        member: of a run's record.
        given: the run's settings.
    """
    if member["stopped"] is not None:
        return member["stopped"]
    if member["diverged"]:  # it is left out from the next recorded step on
        return min(-(-member["diverged"]["step"] // given["stride"]) * given["stride"], given["updates"])
    return given["updates"]


def machine(settings: Settings) -> dict[str, str]:
    """Return what the runs say they were trained on."""
    for section in settings.tasks.values():
        for run in section.runs:
            path = results.run_file(section.name, run)
            if path.exists():
                record = results.read_result(path)
                return {"device": record["device"], "torch": record["torch"]}
    return {"device": "-", "torch": "-"}
