"""Calls spread over worker processes: in their order, at once or one by one, and with a sentence where a worker dies."""

from __future__ import annotations

import os
import signal
import time
from math import gcd

import psutil
import pytest

from unrolled import worker_processes
from unrolled.results import UserError

pytestmark = pytest.mark.unit
PAIRS = [(12, 18), (7, 5), (100, 75), (9, 27)]


@pytest.mark.parametrize("workers", [1, 2])
def test_answers_come_in_the_order_of_the_calls(workers):
    assert list(worker_processes.spread("numbers", gcd, PAIRS, workers)) == [6, 1, 25, 9]


def test_what_is_done_first_comes_first_where_order_does_not_matter():
    found = worker_processes.spread("naps", _nap, [(20.0,), (0.0,), (0.1,)], 2, in_order=False)
    assert [next(found), next(found)] == [0.0, 0.1]
    found.close()


def _nap(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


def test_two_workers_begin_before_anybody_asks(tmp_path):
    place = tmp_path / "made"
    found = worker_processes.spread("folders", os.mkdir, [(str(place),), (str(tmp_path / "other"),)], 2)
    deadline = time.monotonic() + 60
    while not place.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert place.is_dir() and list(found) == [None, None]


def test_one_worker_is_this_process_and_does_nothing_before_it_is_asked(tmp_path):
    place = tmp_path / "made"
    found = worker_processes.spread("folders", os.mkdir, [(str(place),)], 1)
    assert not place.exists()
    assert list(found) == [None] and place.is_dir()


def test_a_worker_that_dies_is_one_sentence_that_names_the_work():
    with pytest.raises(UserError, match=r"a worker of 'the report' died.* set workers: 1"):
        list(worker_processes.spread("the report", _die, [()] * 2, 2))


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_who_stops_asking_leaves_no_worker_behind():
    found = worker_processes.spread("naps", time.sleep, [(0.0,), (600.0,), (600.0,)], 2)
    next(found)
    found.close()
    deadline = time.monotonic() + 20
    while _workers() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not _workers()


def _workers() -> list[psutil.Process]:
    return [child for child in psutil.Process().children(recursive=True) if "loky" in " ".join(child.cmdline()) and "resource_tracker" not in
            " ".join(child.cmdline()) and child.status() != psutil.STATUS_ZOMBIE]
