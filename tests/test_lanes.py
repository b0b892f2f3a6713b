"""Stages side by side: how they are shared out, and that a lane that fails stops the others."""

from __future__ import annotations

import dataclasses
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unrolled import guard, lanes, results, settings, stage_times

pytestmark = pytest.mark.unit
NAMES = st.text("abcdefgh", min_size=1, max_size=6)


@given(st.dictionaries(NAMES, st.floats(0.01, 500), min_size=1), st.integers(1, 4))
def test_every_stage_is_in_one_parcel_the_longest_first(seconds, count):
    parcels = lanes.bundles(seconds, count)
    assert sorted(stage for parcel in parcels for stage in parcel) == sorted(seconds)
    assert parcels[0][0] == max(seconds, key=seconds.get) and all(parcels)
    assert all(len(parcel) == 1 or sum(seconds[stage] for stage in parcel) <= lanes.BUNDLE_SECONDS + 1e-9 for parcel in parcels)


def test_two_stages_of_like_length_go_to_two_lanes():
    assert lanes.bundles({"a": 10.0, "b": 10.0}, 2) == [["a"], ["b"]]
    assert lanes.bundles({"long": 100.0, "b": 8.0, "c": 8.0, "d": 1.0}, 2) == [["long"], ["b", "c", "d"]]
    alike = lanes.bundles(dict.fromkeys("abcdefgh", 2.0), 2)
    assert [len(parcel) for parcel in alike] == [2, 2, 2, 2]  # two for each lane, so that both end together


@pytest.mark.parametrize(("workers", "count", "expected"), [(2, 2, 1), (3, 2, 2), (8, 2, 4), (1, 1, 1)])
def test_a_stage_gets_its_share_of_the_workers(monkeypatch, workers, count, expected):
    assert lanes.share(workers, count) == expected
    monkeypatch.setenv(guard.WORKERS, str(expected))
    assert guard.share_of_workers(workers) == expected
    monkeypatch.delenv(guard.WORKERS)
    assert guard.share_of_workers(workers) == workers and guard.share_of_workers(0) >= 1


def test_no_stage_stands_in_a_group_before_what_it_reads():
    chosen = settings.load(Path(__file__).parent.parent / "params.yaml")
    groups = lanes.kinds(chosen)
    assert len({stage for group in groups for stage in group}) == sum(map(len, groups))
    assert [group[0].partition("@")[0] for group in groups] == ["data", "train", "analyse", "judge", "report"]
    written = {"train": results.task_folder(""), "analyse": results.analysis_folder("")}
    for kind, sections in (("train", chosen.tasks), ("analyse", chosen.analyses)):
        for section in sections.values():
            assert not Path(section.reads).is_relative_to(written[kind]), section.name


def test_where_there_is_nothing_of_a_kind_there_is_no_group(params):
    groups = lanes.kinds(settings.parse(params | {"analyses": {}}))
    assert [group[0].partition("@")[0] for group in groups] == ["data", "train", "judge", "report"]


@pytest.fixture
def chosen():
    return settings.load(Path(__file__).parent.parent / "params.yaml")


def played(monkeypatch, bodies: dict[str, str]) -> None:
    """Let each lane run a line of Python in the place of DVC."""
    start = guard.start_pipeline

    def instead(command, environment):
        stages = command[command.index("--single-item") + 1 :]
        return start([sys.executable, "-c", "; ".join(bodies[stage] for stage in stages)], environment)

    monkeypatch.setattr(guard, "start_pipeline", instead)


def test_lanes_run_at_once_and_say_what_their_stages_say(workplace, monkeypatch, chosen, capfd):
    meet = "import os, pathlib, time; pathlib.Path('{}').touch()\nwhile not pathlib.Path('{}').exists(): time.sleep(0.01)\nprint(os.environ['UNROLLED_WORKERS'])"
    played(monkeypatch, {"a": meet.format("a", "b"), "b": meet.format("b", "a")})  # each waits for the other
    assert lanes.Phase(["a", "b"], chosen, 2).run() == 0
    assert capfd.readouterr().out.split() == [str(lanes.share(chosen.workers, 2))] * 2


def test_a_lane_that_fails_stops_the_others(workplace, monkeypatch, chosen):
    played(monkeypatch, {"a": "import time; time.sleep(60)", "b": "raise SystemExit(3)", "c": "raise SystemExit(4)"})
    started = time.monotonic()
    phase = lanes.Phase(["a", "b", "c"], chosen, 2)
    assert phase.run() == 3 and time.monotonic() - started < 20
    assert all(process.poll() is not None for process in phase.running.values()) and not phase.waiting


def test_a_stop_ends_every_lane(workplace, monkeypatch, chosen):
    played(monkeypatch, {"a": "import time; time.sleep(60)", "b": "import time; time.sleep(60)"})
    phase = lanes.Phase(["a", "b"], chosen, 2)
    shown = phase._show

    def interrupted(bar):
        shown(bar)
        if len(phase.running) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(phase, "_show", interrupted)
    with pytest.raises(KeyboardInterrupt):
        phase.run()
    assert all(process.poll() is not None for process in phase.running.values())


def test_lanes_take_the_groups_from_the_first_that_is_out_of_date_on(workplace, monkeypatch, chosen):
    """All of them where DVC cannot say; nothing at all where all is up to date."""
    taken, commands = [], []
    monkeypatch.setattr(lanes, "Phase", lambda group, *_: (taken.append(group), SimpleNamespace(run=lambda: 0))[1])
    monkeypatch.setattr(guard, "run_pipeline", lambda command: commands.append(command) or 0)
    groups = lanes.kinds(chosen)
    for stale, expected in ((None, groups), ({"judge", "report"}, groups[3:]), (set(), []), ({"gone"}, [])):
        taken.clear(), commands.clear()
        assert lanes.reproduce(dataclasses.replace(chosen, workers=2), lambda stale=stale: stale) == 0
        assert taken == expected and len(commands) == bool(expected)


def test_times_are_kept_of_what_ended_well_and_only_at_its_scale(workplace):
    before = time.time()
    with stage_times.timed("train@adding", "smoke"):
        time.sleep(0.05)
    with pytest.raises(ZeroDivisionError), stage_times.timed("train@slots", "smoke"):
        _ = 1 / 0
    assert stage_times.seconds("train@adding", "smoke") >= 0.05 and stage_times.seconds("train@adding", "laptop") is None
    assert stage_times.ended_since(["train@adding", "train@slots"], before) == {"train@adding"}
    assert not stage_times.ended_since(["train@adding"], time.time() + 1)
    results.write_text(stage_times.record_file("judge"), "no JSON")
    assert stage_times.record("judge") is None


def test_a_first_run_is_planned_by_the_times_of_the_reference(workplace):
    assert stage_times.seconds("train@adding", "laptop") is None
    for kept in (7, 0):  # a run that found members says nothing of how long one takes
        assert not results.stage_seconds_file().exists()
        began = time.time()
        with stage_times.timed("train@adding", "laptop"):
            pass
        stage_times.keep_whole_run(["train@adding"], "laptop", 2, began, kept)
        stage_times.write_reference()
    expected, = results.read_json(results.stage_seconds_file()).values()
    results.write_json(results.stage_seconds_file(), {"train@adding": 400.0})
    time.sleep(0.01)
    with stage_times.timed("train@adding", "laptop"):  # again, its members at hand
        pass
    stage_times.write_reference()
    assert results.read_json(results.stage_seconds_file()) == {"train@adding": 400.0}
    results.write_json(results.stage_seconds_file(), {"train@adding": expected})
    assert stage_times.seconds("train@adding", "full") == expected and stage_times.seconds("train@slots", "laptop") is None


def test_stages_that_were_done_again_are_told_from_those_of_a_whole_run(workplace):
    """Whenever it was, at whatever scale: what they took then says nothing of the run."""
    moments = {"data@slots": 99.9, "train@adding": 100.0, "judge": 110.0, "train@slots": 110.1}
    for stage, ended in moments.items():
        results.write_json(stage_times.record_file(stage), {"scale": "laptop", "start": 0.5, "work": 1.0, "ended": ended})
    whole = {"stages": [*moments, "track"], "began": 100.0004, "ended": 109.9996}  # a stage's moment is rounded
    assert list(stage_times.of_run(whole)) == ["train@adding", "judge"]


def test_what_is_trained_at_toy_size_is_not_planned_by_its_full_time(workplace):
    results.write_json(results.stage_seconds_file(), {"train@adding": 400.0, "train@lines": 3.0, "analyse@surfaces": 90.0, "track": 20.0})
    assert stage_times.seconds("train@adding", "smoke") == stage_times.TOY_SECONDS["train"] < stage_times.seconds("train@adding", "laptop") == 400
    assert stage_times.seconds("analyse@surfaces", "smoke") == stage_times.TOY_SECONDS["analyse"]
    assert stage_times.seconds("data@slots", "smoke") is None
    assert stage_times.seconds("train@lines", "smoke") == 3 and stage_times.seconds("track", "smoke") == 20


def test_where_dvc_cannot_say_it_says_nothing(workplace):
    with lanes.asking() as answer:
        assert answer() is None  # no dvc.lock: nothing has run here
    results.DVC_LOCK.touch()
    with lanes.asking() as answer:
        assert answer() is None  # no pipeline at all: DVC fails
