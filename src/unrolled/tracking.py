"""Mirrors results into MLflow; the only file that imports it.

One experiment per task, one flat run per run, known by a hash of its results. What is there already is skipped, what has changed takes
the place of the old, what a killed process left half-done is done again; so a deleted or moved store heals by mirroring once more.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from filelock import FileLock

from unrolled import results
from unrolled.progress import live_folder
from unrolled.settings import Settings

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")

from mlflow.entities import Metric, Param, RunStatus, RunTag, ViewType
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

PREFIX = "unrolled/"
BATCH = 900  # MLflow takes at most 1000 metrics at once
NOTES = {"adding": "Compare tanh, lstm and gru: sort by final_success, then open the chart view of loss.",
         "temporal_order": "Compare tanh, irnn, gru and scrn by final_success; the runs ending in _20 are the same at length 20.",
         "adding_stopped": "Networks stopped at one training loss; the error surfaces of the report are cut through them.",
         "clipping": "Compare irnn_none with irnn_norm_1 and irnn_norm_15 by final_success, then the chart view of gradient_norm.",
         "character_rates": "Compare tanh with lstm in the chart view of loss: plain gradient descent at five learning rates.",
         "character_clipping": "Compare relu_none with relu_norm_1 by final_success, rate by rate.",
         "character_model": "Compare tanh, lstm, gru and scrn by final_bits_per_character; lower is better.",
         "timing": "Compare peephole with lstm (equal width) and lstm_matched by final_accuracy.",
         "sequence_generation": "Compare clockwork with elman and lstm by final_normalised_error; lower is better.",
         "small_digits": "Compare sigmoid, tanh and relu with their _identity and _orthogonal runs by final_accuracy.",
         "digits": "Compare lstm with tanh (equal width) and tanh_matched (equal parameters) by final_accuracy.",
         "slots": "Compare feed_forward with elman, and elman with bidirectional_elman, by final_chunk_f1."}


class TrackingError(results.UserError):
    """The MLflow store cannot be used."""


def store_uri() -> str:
    """Return where runs are mirrored to: MLFLOW_TRACKING_URI, or mlflow.db here."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{Path('mlflow.db')}"


@contextlib.contextmanager
def _explained(uri: str) -> Any:
    """Turn MLflow's and the database's complaints into one sentence."""
    try:
        yield
    except (MlflowException, OSError) as error:
        text = " ".join(str(error).split())[:300]
        raise TrackingError(f"the MLflow store {uri} cannot be used ({text}); if it was written by another version of MLflow or is "
                            "damaged, move mlflow.db away and run `make track`: it is rebuilt from the results.") from None
    except Exception as error:  # the database layer's own errors, of many classes
        if not type(error).__module__.startswith(("sqlalchemy", "alembic", "sqlite3")):
            raise
        text = " ".join(str(error).split())[:300]
        raise TrackingError(f"the MLflow store {uri} cannot be used ({text}); close what else is using it, or move mlflow.db away, "
                            "and run `make track`: it is rebuilt from the results.") from None


def open_store(uri: str) -> MlflowClient:
    """Return a client; a fresh SQLite store is made first, since several clients that find none would trip over each other."""
    if uri.startswith("sqlite:///") and not Path(uri.removeprefix("sqlite:///")).exists():
        done = subprocess.run([sys.executable, "-m", "mlflow", "db", "upgrade", uri], capture_output=True, text=True, check=False)
        if done.returncode:
            raise TrackingError(f"the MLflow store {uri} could not be made ({' '.join(done.stderr.split())[-300:]}); "
                                "check that this folder can be written to.")
    return MlflowClient(tracking_uri=uri)


def mirror(settings: Settings) -> dict[str, int]:
    """Mirror every finished run; return how many were added, replaced and already there.

    Raises:
        TrackingError: the store is locked, damaged or of another version.
    """
    uri, counts = store_uri(), defaultdict(int)
    results.RUNS.mkdir(exist_ok=True)
    with FileLock(results.RUNS / "track.lock"), _explained(uri):
        client = open_store(uri)
        for task in settings.tasks.values():
            names = [run for run in task.runs if results.run_file(task.name, run).exists()]
            if names:
                experiment = _experiment(client, task.name)
                present = _present(client, experiment)
                for run in names:
                    counts[_mirror_run(client, experiment, task.name, run, present.get(run, []))] += 1
    return dict(counts)


def _experiment(client: MlflowClient, task: str) -> str:
    """Return the id of a task's experiment, made or brought back if need be; its artifacts lie under a relative path."""
    found = client.get_experiment_by_name(PREFIX + task)
    if found is None:
        # relative, so that a moved checkout keeps its artifacts
        location = f"mlruns/{task}" if store_uri().startswith("sqlite") else None
        identifier = client.create_experiment(PREFIX + task, artifact_location=location)
        client.set_experiment_tag(identifier, "mlflow.note.content", NOTES.get(task, "Compare the runs' final metrics and curves."))
        return identifier
    if found.lifecycle_stage == "deleted":
        client.restore_experiment(found.experiment_id)
    return found.experiment_id


def _present(client: MlflowClient, experiment: str) -> dict[str, list[Any]]:
    """Return the runs of an experiment by name."""
    found, token = defaultdict(list), None
    while True:
        page = client.search_runs([experiment], run_view_type=ViewType.ACTIVE_ONLY, max_results=1000, page_token=token)
        for run in page:
            found[run.info.run_name].append(run)
        token = page.token
        if not token:
            return found


def result_hash(task: str, run: str) -> str:
    """Return a hash of a run's results; the seconds it took are in none of these files."""
    paths = (results.run_file(task, run), results.history_file(task, run), results.items_file(task, run))
    return results.bytes_hash("".join(results.file_hash(path) for path in paths).encode())


def _mirror_run(client: MlflowClient, experiment: str, task: str, run: str, present: Sequence[Any]) -> str:
    """Mirror one run unless it is there whole; return "added", "replaced" or "there"."""
    wanted = result_hash(task, run)
    whole = [old for old in present if old.data.tags.get("result_hash") == wanted and old.info.status == "FINISHED"]
    for old in present:
        if old not in whole[:1]:
            client.delete_run(old.info.run_id)
    if whole:
        return "there"
    record = results.read_result(results.run_file(task, run))
    tags = {"task": task, "cell": record["settings"]["cell"], "result_hash": wanted, "device": record["device"], "git_commit": _commit()}
    made = client.create_run(experiment, run_name=run, tags=tags)
    identifier = made.info.run_id
    parameters = {**record["settings"], "parameters": record["parameters"],
                  "seeds": len({member["seed"] for member in record["members"]})}
    client.log_batch(identifier, params=[Param(key, str(value)) for key, value in parameters.items()])
    _log(client, identifier, [*_curves(results.read_csv(results.history_file(task, run))), *_finals(record)])
    client.log_artifact(identifier, str(results.run_file(task, run)))
    client.set_terminated(identifier, RunStatus.to_string(RunStatus.FINISHED))
    return "replaced" if present else "added"


def _commit() -> str:
    """Return the commit that is checked out, or "none"."""
    with contextlib.suppress(OSError):
        done = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
        return done.stdout.strip() or "none"
    return "none"


def _log(client: MlflowClient, identifier: str, metrics: Sequence[Metric]) -> None:
    for start in range(0, len(metrics), BATCH):
        client.log_batch(identifier, metrics=metrics[start : start + BATCH])


def _curves(history: Sequence[Mapping[str, str]]) -> list[Metric]:
    """Return the mean over members of every column by step, and the lowest and highest loss."""
    values: dict[tuple[str, int], list[float]] = defaultdict(list)
    for row in history:
        for name, text in row.items():
            if name not in ("seed", "learning_rate", "step") and text:
                values[name, int(row["step"])].append(float(text))
    now, found = int(time.time() * 1000), []
    for (name, step), group in values.items():
        found.append(Metric(name, sum(group) / len(group), now, step))
        if name == "loss" and len(group) > 1:
            found += [Metric("loss_low", min(group), now, step), Metric("loss_high", max(group), now, step)]
    return found


def _finals(record: Mapping[str, Any]) -> list[Metric]:
    """Return the test scores: their mean, and each member's by its number."""
    now, found = int(time.time() * 1000), []
    for name in record["members"][0]["metrics"]:
        values = [member["metrics"][name] for member in record["members"]]
        known = [value for value in values if value is not None]
        if known:
            found.append(Metric(f"final_{name}", sum(known) / len(known), now, 0))
        found += [Metric(f"final_{name}_member_{place}", value, now, 0) for place, value in enumerate(values) if value is not None]
    found.append(Metric("diverged_members", float(sum(member["diverged"] is not None for member in record["members"])), now, 0))
    return found


def mirror_live(settings: Settings) -> int:
    """Mirror the histories of trainings that are running, as runs named "<run> (training)"; return how many."""
    uri, shown = store_uri(), 0
    results.RUNS.mkdir(exist_ok=True)
    with FileLock(results.RUNS / "track.lock"), _explained(uri):
        client = open_store(uri)
        growing: dict[tuple[str, str], list[dict[str, str]]] = defaultdict(list)
        for path in sorted(live_folder().glob("*.csv")):
            task, run, _ = path.stem.split("__")
            with contextlib.suppress(results.ResultsError):
                growing[task, run] += [row for row in results.read_csv(path) if None not in row.values()]
        for task in settings.tasks:
            present = _present(client, _experiment(client, task)) if client.get_experiment_by_name(PREFIX + task) or any(
                key[0] == task for key in growing) else {}
            for name, runs in present.items():
                if name.endswith(" (training)") and (task, name.removesuffix(" (training)")) not in growing:
                    for old in runs:
                        client.delete_run(old.info.run_id)
            for (_, run), rows in ((key, rows) for key, rows in growing.items() if key[0] == task):
                _show_growing(client, _experiment(client, task), f"{run} (training)", rows, present)
                shown += 1
    return shown


def _show_growing(client: MlflowClient, experiment: str, name: str, rows: Sequence[Mapping[str, str]],
                  present: Mapping[str, Sequence[Any]]) -> None:
    """Write the steps of a growing history that its live run does not have yet."""
    old = present.get(name)
    run = old[0] if old else client.create_run(experiment, run_name=name, tags={"live": "true"})
    last = int(run.data.tags.get("last_step", "0"))
    fresh = [row for row in rows if int(row["step"]) > last]
    if fresh:
        _log(client, run.info.run_id, _curves(fresh))
        client.log_batch(run.info.run_id, tags=[RunTag("last_step", str(max(int(row["step"]) for row in fresh)))])


def experiments() -> list[tuple[str, str]]:
    """Return name and id of each of our experiments."""
    uri = store_uri()
    with _explained(uri):
        client = open_store(uri)
        return [(found.name, found.experiment_id) for found in client.search_experiments() if found.name.startswith(PREFIX)]
