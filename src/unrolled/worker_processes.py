"""Calls that worker processes do, one per core: they end with whoever asked for them, however that ends."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from joblib import Parallel, delayed
from joblib.externals.loky import get_reusable_executor
from joblib.externals.loky.process_executor import TerminatedWorkerError

from unrolled import guard
from unrolled.results import UserError


def spread(title: str, function: Callable[..., Any], arguments: Sequence[tuple[Any, ...]], workers: int,
           in_order: bool = True) -> Iterator[Any]:
    """Begin a call for each tuple of arguments, and yield what they return, in their order or as they are done.

    With one worker the calls are done in this process, each when it is asked for.

    Args:
        title: what a complaint calls the work.
        function: has to be importable by its name; arguments and answers travel between processes.
        arguments: of each call.
        workers: how many calls may be done at once.
        in_order: else what is done first comes first.

    Raises:
        UserError: a worker died, as one does when memory has run out.
    """
    parallel = Parallel(n_jobs=max(1, min(workers, len(arguments))), backend="loky", batch_size=1, pre_dispatch="all",
                        return_as="generator" if in_order else "generator_unordered",
                        initializer=guard.watch_parent, initargs=(os.getpid(),))
    return _ended(title, parallel(delayed(function)(*found) for found in arguments))


def _ended(title: str, answers: Iterator[Any]) -> Iterator[Any]:
    """Yield answers; if whoever asks stops before the last, end the workers."""
    finished = False
    try:
        yield from answers
        finished = True
    except TerminatedWorkerError:
        raise died(title) from None
    finally:
        if not finished:
            get_reusable_executor(reuse=True, kill_workers=True).shutdown(wait=False, kill_workers=True)


def died(title: str) -> UserError:
    """Return the complaint about a worker that is gone."""
    return UserError(f"a worker of {title!r} died, most likely since memory had run out; what was finished is kept: set workers: 1 in "
                     "params.yaml, or device: cpu where it was a GPU's, and run the same command again.")
