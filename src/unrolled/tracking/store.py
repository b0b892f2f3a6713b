"""The MLflow store: where it lies, how it is opened, and what its complaints mean."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import socket
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from filelock import FileLock

from unrolled import results

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")

from mlflow.entities import Metric, ViewType
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from sqlalchemy import Engine, event

from unrolled.tracking.measures import Point

PREFIX = "unrolled/"
BATCH = 900  # MLflow takes at most 1000 metrics at once
ARTIFACTS = Path("mlruns")
PATIENCE = 5.0  # seconds to wait for a server's answer


@event.listens_for(Engine, "connect")
def _without_waiting_for_the_disk(connection: Any, record: Any) -> None:
    """Leave it to the system when writes reach the disk: MLflow commits thousands of times, and what a power cut damages is rebuilt."""
    if isinstance(connection, sqlite3.Connection):
        (patience,), = connection.execute("pragma busy_timeout")
        connection.execute("pragma busy_timeout = 0")
        with contextlib.suppress(sqlite3.Error):  # a store that is locked or damaged: what is asked of it next will say so
            connection.execute("pragma synchronous = off")
        connection.execute(f"pragma busy_timeout = {patience}")


class TrackingError(results.UserError):
    """The MLflow store cannot be used."""


def store_uri() -> str:
    """Return where runs are mirrored to: MLFLOW_TRACKING_URI, or mlflow.db here."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{results.STORE}"


def is_server() -> bool:
    """Return whether the store is behind a server, which keeps the artifacts too."""
    return store_uri().startswith(("http://", "https://"))


def is_local() -> bool:
    """Return whether the store is a database of this machine, whose artifacts lie in folders beside it."""
    return store_uri().startswith("sqlite")


@contextlib.contextmanager
def explained(uri: str) -> Iterator[None]:
    """Turn MLflow's and the database's complaints into one sentence."""
    try:
        yield
    except MlflowException as error:
        text = " ".join(str(error).split())[:300]
        if is_server():
            raise TrackingError(f"the MLflow server {uri} cannot be used ({text}); see that it is of the version in requirements.lock and "
                                "run with --serve-artifacts, then run `make track`: what is there is skipped.") from None
        raise TrackingError(f"the MLflow store {uri} cannot be used ({text}); if it was written by another version of MLflow or is "
                            "damaged, move mlflow.db away and run `make track`: it is rebuilt from the results.") from None
    except ModuleNotFoundError as error:
        raise TrackingError(f"the MLflow store {uri} cannot be used, since its database driver {error.name!r} is not installed; install it "
                            "with pip, or correct or unset MLFLOW_TRACKING_URI.") from None
    except Exception as error:  # the database layer's own errors, of many classes
        if not type(error).__module__.startswith(("sqlalchemy", "alembic", "sqlite3")):
            raise
        text = " ".join(str(error).split())[:300]
        raise TrackingError(f"the MLflow store {uri} cannot be used ({text}); close what else is using it, see that its folder "
                            "can be written to, or move mlflow.db away, and run `make track`: it is rebuilt from the results.") from None


def _check_answers(uri: str) -> None:
    """Raise TrackingError if nothing listens where a server should be: MLflow itself would try for minutes."""
    try:
        parts = urlsplit(uri)
        port = parts.port or {"http": 80, "https": 443}[parts.scheme]
        socket.create_connection((parts.hostname or "", port), timeout=PATIENCE).close()
    except (OSError, ValueError) as error:
        raise TrackingError(f"no MLflow server answers at {_without_password(uri)} ({error}); start it, or correct or unset "
                            "MLFLOW_TRACKING_URI, then run `make track`.") from None


def _without_password(uri: str) -> str:
    """Return an address fit to be shown: it may hold a user's password."""
    return re.sub(r"//[^/@]*@", "//", uri)


def open_store(uri: str) -> MlflowClient:
    """Return a client; the tables of a fresh store are made now, by whoever holds it: several that find none would trip over each other.

    Raises:
        TrackingError: the store's folder cannot be made or written to.
    """
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.WARNING)  # it tells of every step by which it makes them
    try:
        client = MlflowClient(tracking_uri=uri)
        if not is_server():
            client.search_experiments(max_results=1)
    except OSError as error:
        raise TrackingError(f"the MLflow store {_without_password(uri)} could not be made ({error}); check that its folder is there and "
                            "can be written to.") from None
    return client


@contextlib.contextmanager
def held() -> Iterator[MlflowClient]:
    """Yield a client of the store, to one process at a time.

    Raises:
        TrackingError: the store is locked, damaged or of another version, or the server does not answer.
    """
    uri = store_uri()
    results.RUNS.mkdir(exist_ok=True)
    if is_server():
        _check_answers(uri)
    with FileLock(results.RUNS / "track.lock"), explained(_without_password(uri)):
        yield open_store(uri)


def runs_by_name(client: MlflowClient, experiment: str) -> dict[str, list[Any]]:
    """Return the runs of an experiment that are not deleted, by name."""
    found, token = defaultdict(list), None
    while True:
        page = client.search_runs([experiment], run_view_type=ViewType.ACTIVE_ONLY, max_results=1000, page_token=token)
        for run in page:
            found[run.info.run_name].append(run)
        token = page.token
        if not token:
            return found


@contextlib.contextmanager
def _database() -> Iterator[sqlite3.Connection]:
    """Yield the local store's own database, whose changes are written when the block ends well."""
    with contextlib.closing(sqlite3.connect(store_uri().removeprefix("sqlite:///"))) as connection, connection:
        yield connection


def drop_points(run: str) -> None:
    """Drop the metrics of a run that was deleted: MLflow keeps them, and the store would grow with every change of the results."""
    with _database() as connection:
        connection.execute("delete from metrics where run_uuid = ?", (run,))
        connection.execute("delete from latest_metrics where run_uuid = ?", (run,))


def keep_relative(task: str, experiment: str) -> None:
    """Let the artifacts of an experiment lie under a path relative to the checkout, so that a moved one keeps them.

    MLflow takes a relative location but writes it down as an absolute one; so it is set right in the database, for runs of old too.
    """
    place = (ARTIFACTS / task).as_posix()
    with _database() as connection:
        connection.execute("update experiments set artifact_location = ? where experiment_id = ? and artifact_location != ?",
                           (place, int(experiment), place))
        connection.execute("update runs set artifact_uri = ? || '/' || run_uuid || '/artifacts' where experiment_id = ? "
                           "and artifact_uri not like ? || '/%'", (place, int(experiment), place))


def log(client: MlflowClient, identifier: str, points: list[Point], now: int, **more: Any) -> None:
    """Write metrics, and what more `log_batch` takes, in as few batches as MLflow allows."""
    metrics = [Metric(point.name, point.value, now, point.step) for point in points]
    for start in range(0, len(metrics), BATCH):
        client.log_batch(identifier, metrics=metrics[start : start + BATCH], **(more if start == 0 else {}))
