"""Runs that are trained once at full scale as more seeds of another: they are that other but for their seeds, and have been recorded so."""

from __future__ import annotations

import dataclasses
import functools
import json
import re
from pathlib import Path

import pytest
from conftest import ROOT

from unrolled import keys, results, settings, tuned
from unrolled.analyses import search_scores

pytestmark = pytest.mark.unit
MORE_SEEDS = re.compile(r"(.+?)_(\d{2,}|further|fold_\d)(?:_seeds)?")
OWN = ("name", "seeds", "first_seed", "learning_rates", "members_together")  # of what may differ: it changes no member


@functools.cache
def scale(name: str) -> dict[str, settings.TaskSection]:
    return settings.parse({**json.loads(json.dumps(settings.read_yaml(ROOT / "params.yaml"))), "scale": name}).tasks


@functools.cache
def tuned_rates() -> dict:
    return tuned.load(ROOT / "tuned.yaml")


def at(section: str, run: str) -> settings.Run:
    """Return a run at the scale where it is told: the default one, or full."""
    laptop = scale("laptop")[section].runs
    return laptop[run] if run in laptop else scale("full")[section].runs[run]


def of_more_seeds() -> list[tuple[str, str, str]]:
    """Return section, run and what it has more seeds, or another fold, of; a number that is a length is none of seeds."""
    laptop, found = scale("laptop"), []
    for section, runs in scale("full").items():
        for name, run in runs.runs.items():
            known = MORE_SEEDS.fullmatch(name)
            if name not in laptop[section].runs and known and known[1] in runs.runs and str(run.options.get("length")) != known[2]:
                found.append((section, name, known[1]))
    return found


@pytest.mark.parametrize(("section", "name", "base"), of_more_seeds())
def test_more_seeds_are_of_the_same_network(section: str, name: str, base: str) -> None:
    more, ours = ({**dataclasses.asdict(run), **run.options} for run in (scale("full")[section].runs[name], at(section, base)))
    loose = {*OWN, "options", "fold"}
    assert {key: value for key, value in more.items() if key not in loose} == {key: value for key, value in ours.items() if key not in loose}
    assert str(more.get("fold", "")) == (name.rpartition("_")[2] if "_fold_" in name else "")
    assert set(more["learning_rates"]) <= set(ours["learning_rates"] or [tuned_rates()[section][base]["learning_rate"]])


def test_there_are_such_runs() -> None:
    assert {("slots", "jordan_window_10", "jordan_window"), ("slots", "gru_10", "gru"), ("sentiment", "lstm_fold_3", "lstm"),
            ("slots", "elman_window_fold_0", "elman_window"), ("audio_words", "autoencoder_further", "autoencoder")} <= set(of_more_seeds())


def test_what_is_kept_of_a_search_has_the_candidates_of_now() -> None:
    options = settings.read_yaml(ROOT / "params.yaml")["analyses"]["spoken_search"]
    section, _, run = options["further"].partition("/")
    assert results.read_arrays(ROOT / search_scores.recorded_file(section, run))["candidates"].tolist() == [options["candidates"]]


def test_what_is_recorded_was_trained_with_the_settings_and_code_of_now() -> None:
    """Evidence that is not trained anew would outlive a change of what it is evidence of.

    After an edit of the code that leaves every bit as it was, as another run shows, the stamps alone may be renewed.
    """
    full, rated = scale("full"), tuned_rates()
    for path in sorted(Path(ROOT, results.recorded_file("x", "y").parent.parent).glob("*/*.json")):
        record = results.read_result(path)
        run = full[record["task"]].runs[record["run"]]
        flat = {key: value for key, value in {**dataclasses.asdict(run), **run.options}.items() if key in record["settings"]}
        loose = {*OWN, "options", "learning_rate"}
        assert {key: value for key, value in flat.items() if key not in loose} == {
            key: value for key, value in record["settings"].items() if key in flat and key not in loose}, path
        assert record["code"] == keys.code_of(run), f"{path} was recorded with other code; record it anew"
        rates = run.learning_rates or (rated[record["task"]][record["run"]]["learning_rate"],)
        asked = [(seed, rate) for rate in rates for seed in range(run.first_seed, run.first_seed + run.seeds)]
        assert [(member["seed"], member["learning_rate"]) for member in record["members"]] == asked, path
