"""Jobs spread over a Ray cluster, for when one machine is not enough.

Workers share no file system with this process. What a job needs travels to them as Ray's working folder, which Ray unpacks once on each
node, uses as the workers' current folder and clears away: this package as it stands here, and the frozen data folders that the jobs
read, under the same relative names. What a job leaves comes back as plain values and arrays, and this process alone writes it down.

A job whose worker or node dies is handed out again, `ray.retries` times. That is done here and not left to Ray's own retries, so that it
is said when it happens, and so that a job which kills every worker ends in one sentence.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.metadata
import importlib.util
import os
import platform
import re
import secrets
import shutil
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from unrolled import guard, results
from unrolled.engines import jobs
from unrolled.engines.jobs import Finished, Job
from unrolled.settings import Settings, SettingsError

PATIENCE = 5.0  # seconds to wait for an answer of an address; Ray itself would try for minutes
PACKAGE = Path(__file__).resolve().parents[1]
ADDRESS = re.compile(r"(?P<client>ray://)?(?P<host>[^\s:/]+):(?P<port>\d{1,5})")
ON_THIS_MACHINE = ("", "auto")


class EngineError(results.UserError):
    """The cluster cannot be used, or lost a job too often."""


def check(settings: Settings) -> None:
    """Check what can be told without starting anything.

    Raises:
        EngineError: Ray is not installed.
        SettingsError: the address is none, a section reads what lies outside this folder, or a GPU is asked for and no share of one given.
    """
    if importlib.util.find_spec("ray") is None:
        raise EngineError("engine is 'ray', but Ray is not installed; run `pip install -r requirements-cluster.lock`, "
                          "or set engine: local.")
    address = settings.ray.address
    if address not in ON_THIS_MACHINE and not ADDRESS.fullmatch(address):
        raise SettingsError(f"ray.address is {address!r}; give host:port, ray://host:port, auto for the cluster that this machine has "
                            "joined, or '' for a fresh one here.")
    for section in settings.tasks.values():
        if (reads := Path(section.reads)).is_absolute() or ".." in reads.parts:
            raise SettingsError(f"tasks.{section.name}.reads is {section.reads!r}, but engine 'ray' carries to its nodes only what lies in "
                                "this folder; give its path from here, as data/slots, or set engine: local.")
    device(settings)


def device(settings: Settings) -> str:
    """Return what jobs train on: this machine may have no GPU where the cluster has some, so the share of one asked for decides.

    Raises:
        SettingsError: CUDA is asked for, but no share of a GPU given.
    """
    if settings.device == "cuda" and not settings.ray.gpus_per_job:
        raise SettingsError("device is 'cuda', but ray.gpus_per_job is 0; give the share of a GPU that a job takes, such as 0.25.")
    return "cuda" if settings.ray.gpus_per_job and settings.device != "cpu" else "cpu"


def workers(settings: Settings, where: str) -> int:
    """Return 0: a cluster grows and shrinks, and is asked when it is joined."""
    return 0


def run(todo: Sequence[Job], where: str, settings: Settings, title: str) -> Iterator[None]:
    """Do the jobs on the cluster; yield once for each, when its members are kept here.

    Raises:
        EngineError: the cluster cannot be reached, is of other versions or too small, or a job was lost too often.
        KeyboardInterrupt: asked to stop; the jobs are cancelled, finished members are kept.
    """
    check(settings)
    with _working_folder(todo) as folder, _connected(settings, folder) as ray:
        gpus = settings.ray.gpus_per_job if where == "cuda" else 0
        _check_room(ray, gpus)
        remote = ray.remote(train_there).options(num_cpus=1, num_gpus=gpus, max_retries=0)
        hand_out = lambda job: remote.remote(job, where, versions())  # noqa: E731
        running = {hand_out(job): (job, 0) for job in todo}
        try:
            while running:
                (reference, *_), _ = ray.wait(list(running), num_returns=1)
                job, losses = running.pop(reference)
                members = _result(ray, reference)
                if members is None:
                    _say_lost(title, job, losses, settings.ray.retries)
                    running[hand_out(job)] = (job, losses + 1)
                else:
                    jobs.keep(members)
                    yield
        finally:
            for reference in running:
                with contextlib.suppress(ray.exceptions.RayError):
                    ray.cancel(reference, force=True)


def train_there(job: Job, where: str, wanted: dict[str, str]) -> list[Finished]:
    """Train one job in a worker of the cluster; its data lie in the current folder.

    Raises:
        EngineError: this node runs other versions than the process that handed the job out.
    """
    found = versions()
    if differing := [f"{name} {found[name]} instead of {wanted[name]}" for name in wanted if found[name] != wanted[name]]:
        raise EngineError(f"node {platform.node()} of the cluster runs {' and '.join(differing)}, so its results would differ; "
                          "install requirements-cluster.lock there.")
    return jobs.train(job, where)


def versions() -> dict[str, str]:
    """Return the versions that results depend on and that every node must share."""
    return {"Python": platform.python_version(), **{name: importlib.metadata.version(name) for name in ("torch", "numpy")}}


def _result(ray: ModuleType, reference: Any) -> list[Finished] | None:
    """Return what a job left, or None if it was lost with its worker or node.

    Raises:
        UserError: the job itself complained.
    """
    try:
        return ray.get(reference)
    except ray.exceptions.RayTaskError as error:  # an exception of the job's own, which another node would raise too
        raise (error.cause if isinstance(error.cause, results.UserError) else error) from None
    except ray.exceptions.RuntimeEnvSetupError as error:
        raise EngineError(f"a node of the cluster could not unpack the sources and data ({_one_line(error)}); see to its disk.") from None
    except ray.exceptions.RayError:
        return None


def _say_lost(title: str, job: Job, losses: int, retries: int) -> None:
    """Report a lost job.

    Raises:
        EngineError: it has been lost too often.
    """
    name = f"{job.run.task}/{job.run.name}, seeds {', '.join(str(seed) for seed, _ in job.members)}"
    if losses >= retries:
        raise EngineError(f"the job {name} lost its worker {losses + 1} times; see to the memory of the nodes, raise ray.retries, "
                          "and run the same command again: what is finished is kept.")
    print(f"{title}: {name} was lost with its worker or node; handed out again ({losses + 1} of {retries})", file=sys.stderr, flush=True)


@contextlib.contextmanager
def _working_folder(todo: Sequence[Job]) -> Iterator[Path]:
    """Yield a folder with what the workers need: this package, and the data folders under the names that the jobs know them by."""
    with tempfile.TemporaryDirectory(prefix="unrolled-") as name:
        folder = Path(name)
        shutil.copytree(PACKAGE, folder / PACKAGE.name, ignore=shutil.ignore_patterns("__pycache__"))
        for reads in sorted({job.reads for job in todo}):
            if Path(reads).is_dir():
                shutil.copytree(reads, folder / reads, dirs_exist_ok=True)  # one may lie in another
        yield folder


@contextlib.contextmanager
def _connected(settings: Settings, folder: Path) -> Iterator[ModuleType]:
    """Join the cluster, or start a fresh one here, and leave it at the end."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    address = settings.ray.address
    options: dict[str, Any] = {"address": address}
    if not address:  # Ray's ports are open to other machines, whatever it is told; a token that nobody else knows shuts them
        os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": _token()}
        options = {"address": "local", "num_cpus": settings.workers or guard.cores(), "include_dashboard": False}
    _check_answers(address)
    import ray  # here: an extra that only this engine needs, and that reads its environment as it is imported

    environment = {"working_dir": str(folder), "env_vars": {name: os.environ[name] for name in ("MKL_CBWR",)}}
    before = signal.getsignal(signal.SIGTERM)
    try:
        with _explained(address):
            ray.init(**options, runtime_env=environment, log_to_driver=False, logging_level="ERROR")
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)  # Ray's own would end this process without its `finally` clauses
        yield ray
    finally:
        ray.shutdown()


@functools.cache
def _token() -> str:
    """Return the token of every fresh cluster that this process starts: Ray reads it once, and would not know another one later."""
    return secrets.token_hex(32)


def _check_answers(address: str) -> None:
    """Raise EngineError if nothing listens at an address: Ray itself would try for minutes, and then end this process."""
    if match := ADDRESS.fullmatch(address):
        try:
            socket.create_connection((match["host"], int(match["port"])), timeout=PATIENCE).close()
        except (OSError, OverflowError) as error:
            raise EngineError(f"no Ray cluster answers at ray.address {address} ({error}); start it with `ray start --head`, "
                              "or correct the address.") from None


@contextlib.contextmanager
def _explained(address: str) -> Iterator[None]:
    """Turn Ray's complaints at joining into one sentence."""
    try:
        yield
    except (ConnectionError, RuntimeError, ValueError, ImportError) as error:
        text = _one_line(error)
        if "ersion mismatch" in text:
            raise EngineError(f"the cluster at ray.address {address} is of another version ({text}); "
                              "install requirements-cluster.lock on every node.") from None
        raise EngineError(f"the cluster at ray.address {address!r} cannot be used ({text}); see that it runs, that this machine has joined "
                          "it or the address begins with ray://, and that RAY_AUTH_TOKEN is its token.") from None


def _check_room(ray: ModuleType, gpus: float) -> None:
    """Raise EngineError if no node could ever take a job, for which Ray would wait for ever."""
    most = max((node["Resources"].get("GPU", 0) for node in ray.nodes() if node["Alive"]), default=0)
    if gpus > most:
        raise EngineError(f"ray.gpus_per_job is {gpus:g}, but no node of the cluster offers that much of a GPU (the most is {most:g}); "
                          "add a node with one, or set device: cpu.")


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300]
