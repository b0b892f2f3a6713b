"""Keys, kept members, cutting of work, and that none of it changes a bit."""

from __future__ import annotations

import dataclasses
import errno
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import types
from pathlib import Path

import numpy as np
import pytest
import yaml
from conftest import ROOT

from unrolled import catalogue, execution, keys, learning_rates, results, settings, store, tuned, tuning
from unrolled.engines import jobs, local
from unrolled.settings import SettingsError

pytestmark = pytest.mark.unit


@pytest.fixture
def small(params, workplace, monkeypatch):
    """A working folder with two tiny runs of the adding problem."""
    monkeypatch.setattr(catalogue.TASKS["adding"], "test_size", 10)
    section = params["tasks"]["adding"]
    del section["other_lengths"]
    section.update(length=5, updates=4, stride=2, seeds=3, hidden=4, batch=4, members_together=2, finalist_seeds=0)
    section["runs"] = {"elman": {"cell": "elman"}, "gru": {"cell": "gru"},
                       "rates": {"cell": "elman", "learning_rates": [0.1, 0.2], "seeds": 1}}
    params["tasks"] = {"adding": section}
    params["tuning"]["further_rates"] = []
    params["workers"] = 1
    results.write_text("params.yaml", yaml.safe_dump(params))
    results.write_text("tuned.yaml", yaml.safe_dump({"adding": {"elman": {"learning_rate": 0.01}, "gru": {"learning_rate": 0.01}}}))
    return settings.load()


def train(chosen: settings.Settings) -> dict[str, bytes]:
    """Train in this process and return every file but the seconds."""
    execution.train_section(chosen, "adding")
    folder = results.task_folder("adding")
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "seconds.json"}


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch):
    """Run jobs here rather than in workers, which would not see the patched test size."""
    monkeypatch.setattr(execution, "execute", lambda jobs, device, settings, title: [
        local.work(job, device) for job in jobs])


def test_results_hold_what_was_promised(small):
    train(small)
    record = results.read_result(results.run_file("adding", "rates"))
    assert [(member["seed"], member["learning_rate"]) for member in record["members"]] == [(0, 0.1), (0, 0.2)]
    assert record["tuned"] is None and record["settings"]["learning_rates"] == [0.1, 0.2]
    record = results.read_result(results.run_file("adding", "elman"))
    assert record["tuned"] == {"learning_rate": 0.01, "stale": True}
    weights = results.read_arrays(results.weights_file("adding", "elman"))
    assert record["parameters"] == sum(weight[0].size for weight in weights.values())
    assert {row["seed"] for row in results.read_csv(results.history_file("adding", "elman"))} == {"0", "1", "2"}
    assert results.read_arrays(results.items_file("adding", "elman"))["squared_error"].shape == (3, 10)


def test_how_the_work_is_cut_changes_no_bit(small):
    first = train(small)
    shutil.rmtree(results.RUNS)
    section = small.tasks["adding"]
    runs = {name: dataclasses.replace(run, members_together=3) for name, run in section.runs.items()}
    again = dataclasses.replace(small, tasks={"adding": dataclasses.replace(section, runs=runs)})
    second = train(again)
    assert first.keys() == second.keys()
    for name, content in first.items():
        if name.endswith((".csv", ".safetensors")):
            assert content == second[name], name


@pytest.mark.parametrize(("sizes", "workers", "expected"), [
    ((5, 5), 1, [5, 5]), ((5, 5), 0, [5, 5]), ((5, 5), 2, [5, 5]), ((5, 5), 3, [3, 2, 5]), ((5, 5), 4, [3, 2, 3, 2]), ((3,), 8, [1, 1, 1]),
    ((1, 2), 3, [1, 1, 1])])
def test_no_worker_stands_idle_while_another_has_several_members(small, sizes, workers, expected):
    run, seeds = small.tasks["adding"].runs["elman"], iter(range(100))
    made = [[(next(seeds), 0.1) for _ in range(size)] for size in sizes]
    jobs_given = [jobs.Job(run, "", tuple(members), tuple(f"key {seed}" for seed, _ in members)) for members in made]
    cut = jobs.for_all_workers(jobs_given, workers)
    assert sorted(len(job.members) for job in cut) == sorted(expected)
    assert sorted(member for job in cut for member in job.members) == [member for members in made for member in members]
    assert all(key == f"key {seed}" for job in cut for (seed, _), key in zip(job.members, job.keys, strict=True))


def test_finished_members_are_not_trained_again(small, monkeypatch):
    first = train(small)
    monkeypatch.setattr(jobs.training, "train", lambda *args: pytest.fail("trained again"))
    assert train(small) == first


@pytest.mark.parametrize("damage", ["flip", "truncate", "remove", "garbage"])
def test_a_damaged_member_is_trained_again(small, damage):
    first = train(small)
    run = small.tasks["adding"].runs["elman"]
    (_, key), *_ = execution.keyed_members(run, "src/unrolled/tasks/adding.py", [(0, 0.01)], "cpu")
    path = store.folder(key) / ("member.json" if damage == "garbage" else "weights.safetensors")
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    {"flip": lambda: path.write_bytes(content), "truncate": lambda: path.write_bytes(content[:40]), "remove": path.unlink,
     "garbage": lambda: path.write_text("[]", encoding="utf-8")}[damage]()
    assert store.load(key) is None
    assert train(small) == first


def test_a_missing_rate_names_make_tune(small):
    results.write_text("tuned.yaml", yaml.safe_dump({"adding": {"elman": {"learning_rate": 0.01}}}))
    with pytest.raises(SettingsError, match=r"tasks\.adding\.runs\.gru; run `make tune`"):
        execution.train_section(small, "adding")


@pytest.mark.parametrize("rate", [0.0, -1.0, "fast", None, True, float("nan"), float("inf")])
def test_a_bad_rate_in_tuned_yaml_is_refused(small, rate):
    with pytest.raises(SettingsError, match="must be a number above 0"):
        tuned.entry({"adding": {"elman": {"learning_rate": rate}}}, small.tasks["adding"].runs["elman"])


def test_a_whole_number_is_a_rate_and_a_number_alone_is_no_entry(small):
    run = small.tasks["adding"].runs["elman"]
    rate = tuned.entry({"adding": {"elman": {"learning_rate": 1}}}, run)["learning_rate"]
    assert isinstance(rate, float) and rate == 1
    with pytest.raises(SettingsError, match=r"adding\.elman must be a mapping with a learning_rate, but is 0\.1; run `make tune`"):
        tuned.entry({"adding": {"elman": 0.1}}, run)


@pytest.mark.parametrize("spoil", [{"learning_rate": -1.0}, {"learning_rate": "fast"}, {"learning_rate": None}, 0.01])
def test_tuning_mends_an_entry_that_training_refuses(small, spoil):
    """Also where its code is that of now; what it was chosen by still stands, so the same rate comes back."""
    tuning.tune(small)
    entries, evidence = tuned.load(), tuned.load_evidence()
    good = entries["adding"]["gru"]
    entries["adding"]["gru"] = {**good, **spoil} if isinstance(spoil, dict) else spoil
    tuned.save(entries, evidence)
    assert tuning.tune(small) == [f"adding/gru: {good['learning_rate']:g}"]
    assert tuned.load()["adding"]["gru"] == good and tuning.tune(small) == []


def test_tuning_writes_evidence_and_leaves_nothing_stale(small):
    lines = tuning.tune(small)
    assert len(lines) == 2
    evidence = tuned.load_evidence()["adding"]["gru"]
    assert {float(rate) for rate in evidence["scores"]} == set(small.tuning.learning_rates)
    assert all(len(values) == 3 for values in evidence["scores"].values())
    assert any(value != round(value, 5) for values in evidence["scores"].values() for value in values)  # six digits, not fewer
    assert tuned.load()["adding"]["gru"]["learning_rate"] in small.tuning.learning_rates
    assert evidence["seeds"] == [9000, 9001, 9002]
    train(small)
    assert results.read_result(results.run_file("adding", "gru"))["tuned"]["stale"] is False
    assert tuning.tune(small) == []


def test_tuning_never_trains_on_the_split_that_it_chooses_by(workplace, monkeypatch):
    """As a run itself may, whose settings were chosen without it; one that does not is trained as it is."""
    chosen, asked = settings.load(ROOT / "params.yaml"), []
    monkeypatch.setattr(execution, "execute", lambda jobs, *_: asked.extend(jobs))
    monkeypatch.setattr(tuning, "_evidence", lambda *_: {})
    for section in (chosen.tasks["slots"], chosen.tasks["adding"]):
        name = next(iter(section.runs))
        tuning._scored(chosen, section, {name: [(9000, 0.1)]}, "cpu")
    assert asked[0].run.options["train_on_validation"] and [job.task_options for job in asked] == [{"train_on_validation": False}, {}]


def test_rates_of_other_scales_stay_and_those_of_no_run_go(small):
    tuned.save({"adding": {name: {"learning_rate": 0.5} for name in ("big", "gone", "elman")}}, {})
    section = dataclasses.replace(small.tasks["adding"], elsewhere=("big",))
    tuning.tune(dataclasses.replace(small, tasks={"adding": section}))
    assert list(tuned.load()["adding"]) == ["big", "elman", "gru"] and tuned.load()["adding"]["big"] == {"learning_rate": 0.5}


def test_a_member_that_diverged_while_it_was_tuned_has_no_score(small, monkeypatch):
    """It was scored as it last was, before it diverged."""
    run = small.tasks["adding"].runs["gru"]
    records = {seed: {"diverged": {"step": 3} if seed == 2 else None, "validation": {"mean_squared_error": 0.25 * seed}} for seed in (1, 2)}
    monkeypatch.setattr(execution, "keyed_members", lambda run, reads, members, *_: [(member, member[0]) for member in members])
    monkeypatch.setattr(execution, "finished", lambda run, key: records[key])
    found = tuning._evidence(run, "", [(1, 0.1), (2, 0.1), (1, 0.2)], "cpu")
    assert found == {"metric": "mean_squared_error", "higher_is_better": False, "seeds": [1, 2], "scores": {0.1: [0.25, None], 0.2: [0.25]}}


@pytest.mark.parametrize("change", [{"first_seed": 8000}, {"learning_rates": (0.001, 0.01)}])
def test_rates_chosen_on_other_seeds_or_from_another_grid_are_stale(small, change):
    tuning.tune(small)
    moved = dataclasses.replace(small, tuning=dataclasses.replace(small.tuning, **change))
    train(moved)
    assert results.read_result(results.run_file("adding", "gru"))["tuned"]["stale"] is True
    assert len(tuning.tune(moved)) == 2 and tuning.tune(moved) == []
    train(moved)
    assert results.read_result(results.run_file("adding", "gru"))["tuned"]["stale"] is False


@pytest.mark.parametrize(("scores", "higher", "best"), [
    ({0.1: [1.0, 2.0, 9.0], 0.2: [1.5, 1.9, 0.0]}, False, 0.2),
    ({0.1: [1.0, 2.0, 9.0], 0.2: [1.5, 1.9, 0.0]}, True, 0.1),
    ({0.1: [0.5, 0.5, 0.5], 0.2: [0.5, 0.5, 0.5]}, True, 0.1),
    ({0.1: [0.25, 0.25, 1.0], 0.2: [0.0, 0.5, 1.0]}, True, 0.2),  # of equal means the better median
    ({0.1: [0.2, 0.2, 0.2], 0.2: [None, None, 0.9]}, True, 0.1),
    ({0.1: [0.001, 0.001, 0.17], 0.2: [0.01, 0.01, 0.01]}, False, 0.2),  # a failing seed is not hidden
])
def test_the_best_rate(scores, higher, best):
    assert learning_rates.ranked(scores, higher)[0] == best


@pytest.fixture
def scored(small, monkeypatch):
    """Tuning of one run with settled scores for each rate; what is asked for is kept."""
    asked = []

    def settle(scores: dict[float, list[float | None]]) -> settings.Settings:
        def fake(chosen, section, members, device):
            asked.extend(rate for found in members.values() for _, rate in found[::3])
            return {name: {"metric": "x", "higher_is_better": True, "seeds": sorted({seed for seed, _ in found}),
                           "scores": {rate: scores[rate] for _, rate in found}} for name, found in members.items()}

        monkeypatch.setattr(tuning, "_scored", fake)
        section = small.tasks["adding"]
        grid = dataclasses.replace(small.tuning, learning_rates=(0.01, 0.1), further_rates=(0.0001, 0.001, 1.0, 3.0))
        return dataclasses.replace(small, tuning=grid, tasks={"adding": dataclasses.replace(section, runs={"gru": section.runs["gru"]})})

    settle.asked = asked
    return settle


@pytest.mark.parametrize(("scores", "tried", "best"), [
    ({0.01: [3.0] * 3, 0.1: [2.0] * 3, 0.001: [1.0] * 3}, [0.001], 0.01),  # beyond the end it is worse
    ({0.01: [3.0] * 3, 0.1: [2.0] * 3, 0.001: [4.0] * 3, 0.0001: [5.0] * 3}, [0.001, 0.0001], 0.0001),  # as far as there are rates
    ({0.01: [1.0] * 3, 0.1: [2.0] * 3, 1.0: [2.5, None, 2.5]}, [1.0], 0.1),  # a diverged seed
    ({0.01: [1.0] * 3, 0.1: [1.0] * 3}, [], 0.01)])  # an end that does not lead
def test_a_grid_grows_beyond_the_end_that_leads(scored, scores, tried, best):
    chosen = scored(scores)
    tuning.tune(chosen)
    assert scored.asked == [0.01, 0.1, *tried]
    assert tuned.load()["adding"]["gru"]["learning_rate"] == best
    assert tuning.tune(chosen) == []


def test_rates_that_were_tried_are_not_tried_again_for_further_ones(scored):
    chosen = scored({0.01: [3.0] * 3, 0.1: [2.0] * 3, 0.001: [1.0] * 3})
    tuning.tune(dataclasses.replace(chosen, tuning=dataclasses.replace(chosen.tuning, further_rates=())))
    assert tuning.tune(chosen) == ["adding/gru: 0.01"] and scored.asked == [0.01, 0.1, 0.001]
    assert {float(rate) for rate in tuned.load_evidence()["adding"]["gru"]["scores"]} == {0.001, 0.01, 0.1}


def test_a_rate_that_is_no_longer_to_be_tried_is_chosen_no_longer(scored):
    chosen = scored({0.01: [3.0] * 3, 0.1: [2.0] * 3, 0.001: [4.0] * 3, 0.0001: [1.0] * 3})
    assert tuning.tune(chosen) == ["adding/gru: 0.001"] and tuning.tune(chosen) == []
    without = dataclasses.replace(chosen, tuning=dataclasses.replace(chosen.tuning, further_rates=()))
    assert tuning.tune(without) == ["adding/gru: 0.01"] and tuning.tune(without) == []


def test_what_leads_at_an_end_is_told_by_the_scores_of_the_grid_alone():
    scores = {"0.1": [1.0, 1.0, 9.0], "0.01": [2.0, 2.0, 9.0], "0.03": [1.5, 1.5]}
    found = {"higher_is_better": True, "scores": scores}
    assert learning_rates.leading_end(found, 2) == 0.01
    assert learning_rates.leading_end({"higher_is_better": False, "scores": scores}, 2) == 0.1
    assert learning_rates.leading_end({"higher_is_better": True, "scores": {"0.1": [1.0]}}) is None
    found = {"higher_is_better": True, "scores": {**scores, "0.01": [2.0, 2.0, 2.0]}}
    assert learning_rates.next_rate(found, types.SimpleNamespace(seeds=2, further_rates=(0.001, 1.0))) == 0.001


def test_further_rates_must_lie_beyond_the_grid(params):
    params["tuning"]["further_rates"] = [0.02]
    with pytest.raises(SettingsError, match=r"further_rates: 0\.02 must lie below or above"):
        settings.parse(params)


def test_a_member_that_vanishes_while_it_is_tuned_is_one_sentence(small, monkeypatch):
    real = execution.execute
    monkeypatch.setattr(execution, "execute", lambda *given: (real(*given), next(results.RUNS.glob("*/member.json")).unlink()))
    with pytest.raises(results.ResultsError, match=r"a finished member of adding/\w+ vanished from \.runs; run the same command again\.$"):
        tuning.tune(small)


def test_the_two_best_rates_meet_again_on_seeds_of_their_own(small):
    section = dataclasses.replace(small.tasks["adding"], finalist_seeds=2)
    chosen = dataclasses.replace(small, tasks={"adding": section})
    tuning.tune(small)
    grid = tuned.load_evidence()["adding"]["gru"]["scores"]
    assert len(tuning.tune(chosen)) == 2 and tuning.tune(chosen) == []
    evidence = tuned.load_evidence()["adding"]["gru"]
    scores = {float(rate): values for rate, values in evidence["scores"].items()}
    finalists = {rate for rate, values in scores.items() if len(values) == 5}
    assert evidence["seeds"] == [9000, 9001, 9002, 9003, 9004] and len(finalists) == 2
    assert all(scores[float(rate)][:3] == values for rate, values in grid.items())
    means = {rate: np.mean(values[:3]) for rate, values in scores.items()}
    assert finalists == set(sorted(means, key=means.get)[:2])  # the lower the error, the better
    assert tuned.load()["adding"]["gru"]["learning_rate"] in finalists


@pytest.mark.parametrize(("scores", "best"), [
    ({0.1: [0.9, 0.9, 0.1], 0.2: [0.8, 0.8, 0.0], 0.3: [0.79, 0.79]}, 0.1),  # the third was tried less
    ({0.1: [0.80, 0.81, 0.82, 0.81], 0.3: [0.84, 0.79, 0.83, 0.82], 1.0: [0.1, 0.1]}, 0.1),  # alike: the lower
    ({0.1: [0.80, 0.81, 0.82, 0.81], 0.3: [0.84, 0.85, 0.86, 0.84], 1.0: [0.1, 0.1]}, 0.3),
    ({0.1: [0.80, None, 0.82, 0.81], 0.3: [0.84, 0.79, 0.83, 0.82], 1.0: [0.1, 0.1]}, 0.3),
    ({0.1: [0.84, 0.79, 0.83, 0.82], 0.3: [0.80, 0.81, 0.82, 0.81], 1.0: [0.1, 0.1]}, 0.1),  # the best is the lower one already
    ({0.1: [0.10, 0.50, 0.90, 0.30], 0.3: [0.12, 0.53, 0.92, 0.33], 1.0: [0.0, 0.0]}, 0.3),  # a little better on each seed
    ({0.1: [0.80, 0.81, 0.82, 0.81], 0.3: [0.84, 0.79, 0.83, 0.82]}, 0.3),  # a grid alone is not tested
])
def test_of_two_finalists_that_are_alike_the_lower_rate_is_chosen(scores, best):
    assert learning_rates.chosen_rate({"higher_is_better": True, "scores": scores}, lower_of_alike=True) == best


@pytest.mark.parametrize(("scores", "best"), [
    ({0.1: [0.80, 0.81, 0.82, 0.81], 0.3: [0.84, 0.79, 0.83, 0.82], 1.0: [0.1, 0.1]}, 0.3),
    ({0.1: [0.80, 0.81, 0.82, 0.81], 0.3: [0.84, 0.84, 0.84, 0.10], 1.0: [0.1, 0.1]}, 0.1)])  # over the edge with one seed of four
def test_of_two_finalists_the_better_in_the_mean_is_chosen(scores, best):
    assert learning_rates.chosen_rate({"higher_is_better": True, "scores": scores}) == best


def test_an_edit_of_a_cell_changes_the_keys_of_one_derived_from_it(params, monkeypatch):
    mine = type("Mine", (catalogue.CELLS["lstm"],), {"__module__": "unrolled.cells.gru"})  # as if it stood in that file
    monkeypatch.setitem(catalogue.CELLS, "mine", mine)
    run = dataclasses.replace(settings.parse(params).tasks["adding"].runs["lstm"], cell="mine")
    assert {"cells/gru.py", "cells/lstm.py"} <= set(keys.run_code(run))


@pytest.mark.parametrize("holds", ["cell", "helper"])
def test_an_edit_of_a_cell_changes_the_keys_of_one_that_holds_it(params, monkeypatch, holds):
    """Held as a class of its own file, or by a file beside it that it takes something from."""
    def module(name, **names):
        made = types.ModuleType(f"unrolled.cells.{name}")
        made.__file__ = str(ROOT / "src/unrolled/cells" / f"{name}.py")
        vars(made).update(names)
        monkeypatch.setitem(sys.modules, made.__name__, made)
        return made

    held = {"Held": catalogue.CELLS["lstm"]}
    module("mine", **held if holds == "cell" else {"beside": module("beside", **held)})
    mine = type("Mine", (catalogue.CELLS["elman"].__base__,), {"__module__": "unrolled.cells.mine"})
    monkeypatch.setitem(catalogue.CELLS, "mine", mine)
    monkeypatch.setattr(keys, "code_hash", lambda path: "some")
    run = dataclasses.replace(settings.parse(params).tasks["adding"].runs["tanh"], cell="mine")
    assert {"cells/mine.py", "cells/lstm.py"} <= set(keys.run_code(run)) and "cells/gru.py" not in keys.run_code(run)


def test_an_edit_of_one_cell_changes_the_keys_of_its_runs_only(params, tmp_path, monkeypatch):
    chosen = settings.parse(params).tasks["adding"]
    before = {name: keys.run_hash(run, chosen.reads, "cpu") for name, run in chosen.runs.items()}
    edited = str(ROOT / "src/unrolled/cells/lstm.py")
    real = keys.code_hash
    monkeypatch.setattr(keys, "code_hash", lambda path: "edited" if path == edited else real(path))
    after = {name: keys.run_hash(run, chosen.reads, "cpu") for name, run in chosen.runs.items()}
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {name for name, run in chosen.runs.items() if run.cell == "lstm"} != set()


@pytest.mark.parametrize(("file", "sections"), [
    ("retrieval.py", {"audio_words"}), ("data/acoustics.py", {"audio_words", "speech_ctc", "mandarin_ctc"}),
    ("data/tweets.py", {"lines"}), ("data/slots.py", {"slots"}), ("tasks/spoken_words.py", {"audio_words"}),
    ("models/encoder_decoder.py", {"translation", "documents", "lines"}),  # lines takes a constant from it and nothing else
    ("tasks/vocabulary.py", {"slots", "templates", "templates_state", "sentiment", "order_probe", "translation", "lines", "speech_ctc",
                             "mandarin_ctc"})])
def test_an_edit_of_a_helper_changes_the_keys_of_the_tasks_that_use_it(params, monkeypatch, file, sections):
    tasks = settings.parse(params).tasks
    first = {name: (next(iter(section.runs.values())), section.reads) for name, section in tasks.items()}
    before = {name: keys.run_hash(*found, "cpu") for name, found in first.items()}
    edited, real = str(ROOT / "src/unrolled" / file), keys.code_hash
    monkeypatch.setattr(keys, "code_hash", lambda path: "edited" if path == edited else real(path))
    assert {name for name, found in first.items() if keys.run_hash(*found, "cpu") != before[name]} == sections


def test_what_a_compiler_leaves_in_a_module_is_no_part_of_a_key(params, monkeypatch):
    run = settings.parse(params).tasks["adding"].runs["lstm"]
    before = keys.run_code(run)
    monkeypatch.setitem(vars(sys.modules["unrolled.cells.lstm"]), "__import_unrolled_dot_cells_dot_gru", sys.modules["unrolled.cells.gru"])
    assert keys.run_code(run) == before and "cells/gru.py" not in before


def test_what_a_function_imports_counts_whether_or_not_it_was_imported(tmp_path):
    (tmp_path / "late.py").write_text("def f():\n    from unrolled.data import tweets\n    from unrolled.tasks.vocabulary import PADDING\n")
    spec = importlib.util.spec_from_file_location("late", tmp_path / "late.py")
    late = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(late)
    assert {"unrolled.data.tweets", "unrolled.tasks.vocabulary"} <= {module.__name__ for module in keys._imported(late)}


def test_comments_and_docstrings_do_not_count(tmp_path):
    (tmp_path / "a.py").write_text('"""One."""\ndef f():\n    """Two."""\n    return 1  # three\n', encoding="utf-8")
    (tmp_path / "b.py").write_text("def f():\n    return 1\n", encoding="utf-8")
    (tmp_path / "c.py").write_text("def f():\n    return 2\n", encoding="utf-8")
    one, two, three = (keys.code_hash(str(tmp_path / name)) for name in ("a.py", "b.py", "c.py"))
    assert one == two != three


@pytest.mark.parametrize(("change", "same"), [
    ({"hidden": 33}, False), ({"clip_at": 2.0}, False), ({"options": {"length": 51}}, False), ({"path": "fused"}, False),
    ({"seeds": 99}, True), ({"members_together": 1}, True), ({"name": "other"}, True), ({"learning_rates": (0.1,)}, True)])
def test_what_a_key_depends_on(params, change, same):
    section = settings.parse(params).tasks["adding"]
    run = section.runs["tanh"]
    other = dataclasses.replace(run, **change)
    assert (keys.run_hash(run, section.reads, "cpu") == keys.run_hash(other, section.reads, "cpu")) == same
    assert keys.run_hash(run, section.reads, "cpu") != keys.run_hash(run, section.reads, "cuda")


def test_every_setting_counts_but_those_that_cut_up_or_name_the_work(params):
    section = settings.parse(params).tasks["adding"]
    run, same = section.runs["tanh"], set()
    for name, value in vars(run).items():
        other = {"cell": "gru", "model": "averaged", "kind": "temporal_order"}.get(name) or (
            {**value, "x": 1} if isinstance(value, dict) else (*value, 0.5) if isinstance(value, tuple) else value + type(value)(1))
        if keys.run_hash(run, section.reads, "cpu") == keys.run_hash(dataclasses.replace(run, **{name: other}), section.reads, "cpu"):
            same.add(name)
    assert same == {"task", "name", "seeds", "first_seed", "learning_rates", "members_together"}


def test_a_key_tells_rates_seeds_and_libraries_apart_and_covers_the_loop(params, monkeypatch):
    rates = (0.1, 0.1 + 2**-50, 0.2)
    assert len({keys.member_key(common, seed, rate) for common in "ab" for seed in (0, 1) for rate in rates}) == 12
    section = settings.parse(params).tasks["adding"]
    run = section.runs["tanh"]
    assert {"batches.py", "training.py", "cells/base.py", "cells/sweep.py", "cells/elman.py", "models/__init__.py", "models/parts.py",
            "models/reader.py", "tasks/base.py", "tasks/adding.py"} <= set(keys.run_code(run))
    found = []
    for newer in ("", "torch", "numpy"):
        monkeypatch.setattr(keys.importlib.metadata, "version", lambda name, newer=newer: f"{name} {2 if name == newer else 1}")
        found.append(keys.run_hash(run, section.reads, "cpu"))
    assert len(set(found)) == 3


@pytest.mark.parametrize("name", ["starts", "ends", "lengths", "words", "labels", "features"])
def test_an_outline_sees_every_whole_number_that_no_processor_computes(tmp_path, name):
    """Two that change places leave the mean as it is, by which features count."""
    for folder, values in (("one", [1, 2, 3]), ("other", [2, 1, 3])):
        kind = np.float32 if name == "features" else np.int32
        results.write_arrays(tmp_path / folder / "train.safetensors", {name: np.array(values, kind)})
    assert (keys.data_outline(str(tmp_path / "one")) == keys.data_outline(str(tmp_path / "other"))) == (name == "features")


def test_a_result_of_another_format_is_refused(workplace):
    results.write_json("x.json", {"format": 99})
    with pytest.raises(results.ResultsError, match="format 99"):
        results.read_result("x.json")


def test_what_a_killed_writer_left_is_cleared_by_the_next(workplace):
    left = workplace / ".out-abcd1234.part"
    left.mkdir()
    others = [".out-er-abcd1234.part", ".outer-abcd1234.part"]  # of other folders, whose writers may be alive
    for other in others:
        (workplace / other).mkdir()
    for content in ("one", "two"):
        with results.replaced_folder("out") as folder:
            (folder / "file").write_text(content, encoding="utf-8")
    assert (workplace / "out" / "file").read_text(encoding="utf-8") == "two"
    assert sorted(path.name for path in workplace.iterdir()) == [*others, "out"]


def test_what_was_to_be_replaced_comes_back_where_the_replacement_breaks_off(workplace, monkeypatch):
    """Between the two renames; a Ctrl-C there, or the system that refuses the second."""
    with results.replaced_folder("out") as folder:
        (folder / "file").write_text("one", encoding="utf-8")
    rename = os.rename

    def broken(source, target):
        if target == Path("out") and ".old" not in str(source):
            raise KeyboardInterrupt
        rename(source, target)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(os, "rename", broken)
        with results.replaced_folder("out") as folder:
            (folder / "file").write_text("two", encoding="utf-8")
    assert (workplace / "out" / "file").read_text(encoding="utf-8") == "one" and [path.name for path in workplace.iterdir()] == ["out"]


def test_what_was_to_be_replaced_comes_back_after_a_kill_between_the_two_renames(workplace):
    process = subprocess.Popen([sys.executable, "-c", textwrap.dedent("""
        import os
        from unrolled import results
        for content in ("one", "two"):
            with results.replaced_folder("out") as folder:
                (folder / "file").write_text(content, encoding="utf-8")
                rename = os.rename
                if content == "two":
                    os.rename = lambda *given: (rename(*given), os._exit(9))
    """)], env={**os.environ, "PYTHONPATH": str(ROOT / "src")})
    assert process.wait(timeout=60) == 9 and not (workplace / "out").exists()
    with pytest.raises(ZeroDivisionError), results.replaced_folder("out"):
        assert (workplace / "out" / "file").read_text(encoding="utf-8") == "one"  # as soon as the next writer begins
        raise ZeroDivisionError
    assert (workplace / "out" / "file").read_text(encoding="utf-8") == "one" and [path.name for path in workplace.iterdir()] == ["out"]


def test_a_worker_that_dies_is_one_sentence(workplace, params, monkeypatch):
    """As when the system kills it since memory has run out."""
    monkeypatch.setattr(local, "work", suicide)
    chosen = settings.parse(params | {"workers": 2})
    with pytest.raises(results.UserError, match="a worker of 'train adding' died, most likely since memory had run out"):
        list(local.run([1, 2, 3], "cpu", chosen, "train adding"))


def suicide(job, where):
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_replaced_folder_appears_whole_or_not_at_all(workplace):
    with results.replaced_folder("out") as folder:
        results.write_text(folder / "a", "1")
    with pytest.raises(RuntimeError), results.replaced_folder("out") as folder:
        results.write_text(folder / "b", "2")
        raise RuntimeError
    assert [path.name for path in (workplace / "out").iterdir()] == ["a"]
    assert [path.name for path in workplace.iterdir()] == ["out"]


def test_a_write_that_fails_leaves_what_was_there_and_nothing_beside_it(workplace, monkeypatch):
    """Everyone may read what was written, as no temporary file may be."""
    results.write_text("sub/x", "before")
    assert Path("sub/x").stat().st_mode & 0o777 == 0o644

    def refuse(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(results.os, "replace", refuse)
    with pytest.raises(OSError, match="No space"):
        results.write_text("sub/x", "after")
    assert [path.name for path in Path("sub").iterdir()] == ["x"] and Path("sub/x").read_text() == "before"


def test_a_folder_is_known_by_its_names_and_contents(workplace):
    found = set()
    for names in (("a", "b"), ("b", "a"), ("a", "c"), ("a/b", "b")):
        shutil.rmtree("data", ignore_errors=True)
        for name, text in zip(names, ("one", "two"), strict=True):
            results.write_text(f"data/{name}", text)
        found.add(results.folder_hash("data"))
    assert len(found) == 4 and results.folder_hash("data") in found


def test_a_leftover_of_nobody_is_cleared_too(workplace):
    left = results.RUNS / ".part-x-y"
    results.write_text(left / "member.json", "{}")
    store.clear_leftovers()
    assert not left.exists()


def test_arrays_and_tables_come_back(workplace):
    arrays = {"a": np.arange(6.0).reshape(2, 3), "b": np.array([1, 2], dtype=np.int64)}
    results.write_arrays("x.safetensors", arrays)
    assert all(np.array_equal(results.read_arrays("x.safetensors")[name], array) for name, array in arrays.items())
    results.write_csv("x.csv", [{"a": 1}, {"a": 2, "b": "ü"}])
    assert results.read_csv("x.csv") == [{"a": "1", "b": ""}, {"a": "2", "b": "ü"}]
    with pytest.raises(ValueError):
        results.write_json("x.json", float("nan"))
    json.dumps(results.folder_hash("."))


def test_two_runs_with_the_same_settings_train_their_members_once(small):
    """As at smoke scale, where all widths are the same: otherwise two workers would write one member at the same time."""
    run = small.tasks["adding"].runs["elman"]
    twin = dataclasses.replace(run, name="twin", seeds=4)
    members = [(seed, 0.01) for seed in range(4)]
    jobs = [*execution.plan(run, "reads", members[:3], "cpu"), *execution.plan(twin, "reads", members, "cpu")]
    kept = execution.without_doubles(jobs)
    keys_kept = [key for job in kept for key in job.keys]
    assert len(keys_kept) == len(set(keys_kept)) == 4
    assert all(len(job.members) == len(job.keys) for job in kept)


def test_a_member_that_another_process_has_just_put_there_stands(workplace, monkeypatch):
    arrays = {"a": np.zeros(2)}
    store.save("k", {"x": 1}, [{"step": 1}], arrays, arrays)
    with monkeypatch.context() as patch:
        patch.setattr(store.shutil, "rmtree", lambda *arguments, **options: None)  # as if it came back at once
        store.save("k", {"x": 2}, [{"step": 1}], arrays, arrays)
    assert store.load("k")["x"] == 1


def test_what_a_living_process_is_writing_is_left_alone(workplace):
    ours, theirs = results.RUNS / f".part-{os.getpid()}-x", results.RUNS / ".part-999999999-x"
    for folder in (ours, theirs):
        folder.mkdir(parents=True)
    store.clear_leftovers()
    assert ours.exists() and not theirs.exists()


def test_a_member_that_two_tasks_share_stands_while_it_is_read(workplace):
    arrays = {"a": np.zeros(3, np.float32)}
    store.save("shared", {"seconds": 1.0}, [{"step": 1}], arrays, arrays)
    before = (store.folder("shared") / "member.json").stat().st_ino
    store.save("shared", {"seconds": 2.0}, [{"step": 1}], arrays, arrays)
    assert (store.folder("shared") / "member.json").stat().st_ino == before and store.load("shared")["seconds"] == 1.0
    (store.folder("shared") / "history.csv").write_text("damaged")
    store.save("shared", {"seconds": 3.0}, [{"step": 1}], arrays, arrays)
    assert store.load("shared")["seconds"] == 3.0


def test_a_rate_holds_for_data_whose_last_digits_another_processor_made(tmp_path):
    """Texts and times count as they are, what is computed by its size, the card not at all."""
    frames = np.arange(2000, dtype=np.int16).reshape(-1, 2) - 1000

    def outline(name, card="a set", texts="near", starts=1, noise=0.0, size=1.0, columns=2):
        folder = tmp_path / name
        results.write_json(folder / "card.json", {"title": card})
        results.write_json(folder / "train.json", {"texts": [texts]})
        drawn = np.random.default_rng(0).uniform(-noise, noise, frames.shape)
        results.write_arrays(folder / "train.safetensors", {"frames": np.round(size * frames + drawn).astype(np.int16)[:, :columns],
                                                           "starts": np.array([starts], np.int32), "scale": np.full(3, size, np.float32)})
        return keys.data_outline(str(folder))

    same = outline("same")
    assert outline("card", card="another") == same == outline("digits", noise=1.0)
    assert len({same, outline("texts", texts="fear"), outline("times", starts=2), outline("louder", size=1.1), outline("shape", columns=1)}) == 5
    assert keys.data_outline("src/unrolled/tasks/adding.py") == "" and keys.data_hash(str(tmp_path / "same")) != keys.data_hash(str(tmp_path / "digits"))
