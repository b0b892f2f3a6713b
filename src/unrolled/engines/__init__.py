"""Where jobs are done: on this machine, or spread over a Ray cluster. `engine` in params.yaml chooses; it changes no bit of a result.

An engine is a module with four functions: `check(settings)` complains of what is missing before anything runs, `device(settings)` says
what jobs train on, `workers(settings, device)` how many are done at a time, and `run(jobs, device, settings, title)` yields once for each
job, when its members are kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from unrolled.settings import Settings
from unrolled.tables import Table

if TYPE_CHECKING:
    from unrolled.engines.jobs import Job

ENGINES = Table(__name__, {"local": "local", "ray": "ray"})


def check(settings: Settings) -> None:
    """Check that the chosen engine can be used, as far as that can be told without starting it.

    Raises:
        UserError: it is not installed, or lacks what the settings ask for.
    """
    if settings.engine == "local" and settings.device != "cuda":
        return  # this machine lacks nothing, and to ask it takes seconds of imports
    ENGINES[settings.engine].check(settings)


def device(settings: Settings) -> str:
    """Return the device that the chosen engine trains on, "cpu" or "cuda".

    Raises:
        SettingsError: the device asked for is not there.
    """
    return ENGINES[settings.engine].device(settings)


def workers(settings: Settings, where: str) -> int:
    """Return how many jobs the chosen engine does at a time on a device, 0 where it cannot say."""
    return ENGINES[settings.engine].workers(settings, where)


def run(jobs: Sequence[Job], where: str, settings: Settings, title: str) -> Iterator[None]:
    """Do the jobs, in this order as far as there is room; yield once for each, when its members are kept.

    Raises:
        UserError: as `check`, or a job was lost more often than the settings allow.
        KeyboardInterrupt: asked to stop; what was running is ended, finished members are kept.
    """
    return ENGINES[settings.engine].run(jobs, where, settings, title)
