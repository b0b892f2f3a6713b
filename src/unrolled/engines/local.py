"""Jobs on this machine: worker processes of one torch thread each, which keep their own members."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch

from unrolled import guard, training, worker_processes
from unrolled.engines import jobs
from unrolled.engines.jobs import Job
from unrolled.progress import Live
from unrolled.settings import Settings

PROCESSES_ON_A_GPU = 2  # of a stage: each has a CUDA context and a cache of memory of its own


def device(settings: Settings) -> str:
    """Return where jobs train: CUDA where it is asked for, or is there and the choice is left to us."""
    return str(training.choose_device(settings.device))


def check(settings: Settings) -> None:
    """Complain of what this machine lacks.

    Raises:
        SettingsError: CUDA is asked for, but there is none.
    """
    device(settings)


def workers(settings: Settings, where: str) -> int:
    """Return how many jobs are done at a time."""
    share = guard.share_of_workers(settings.workers)
    return min(share, PROCESSES_ON_A_GPU) if where == "cuda" else share


def run(todo: Sequence[Job], where: str, settings: Settings, title: str) -> Iterator[None]:
    """Do the jobs; yield once for each, when its members are kept.

    Raises:
        KeyboardInterrupt: asked to stop (Ctrl-C or SIGTERM); the workers are ended, finished members are kept.
        UserError: a worker died, as one does when memory has run out.
    """
    try:
        yield from worker_processes.spread(title, work, [(job, where) for job in todo], workers(settings, where), in_order=False)
    except torch.OutOfMemoryError:
        raise worker_processes.died(title) from None


def work(job: Job, where: str) -> None:
    """Train one job, as a rule in a worker process, and keep its members."""
    with Live(job.run, job.members[0]) as live:
        members = jobs.train(job, where, live.report)
    jobs.keep(members)
