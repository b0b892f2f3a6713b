"""The benchmark runs, its rivals compute the same, and a rival that does not is caught."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmarks import __main__, cost, machine, naive, pipeline_time, update_time
from unrolled import processor, results, stage_times
from unrolled.cells import CELLS

pytestmark = pytest.mark.unit
SIZES = update_time.Sizes(members=2, hidden=8, batch=4, steps=5, repetitions=2)


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> dict[str, str]:
    path = tmp_path_factory.mktemp("bench") / "table.md"
    __main__.main(["--quick", "--output", str(path)])
    parts = path.read_text(encoding="utf-8").split("# ")
    return {part.partition("\n")[0]: part for part in ("\n" + "# ".join(parts)).split("\n# ") if part.strip()}


def rows(text: str, first: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith(f"| {first}")]


def test_every_cell_is_timed_against_its_rivals(written):
    for name in update_time.CASES:
        (_, loop, _, plain, library, _, rival, floor, distance), = rows(written["Time of one update"], f"{name} |")
        assert float(loop) > 0 and float(plain) > 0 and float(rival.split()[0]) > 0 and float(floor) >= 0 and float(distance) > 0
        assert (library != "–") == (name in update_time.LIBRARY)
    assert set(CELLS) <= set(update_time.CASES)


def test_cost_query_and_pipeline_have_their_tables(written):
    (_, *cells), = rows(written["Cost against work"], "elman")
    assert len(cells) == 4 and all(float(cell.split()[0]) > 0 for cell in cells[:2])
    (_, *cells), = rows(written["Time of one spoken query"], "40 |")
    assert all(float(cell) > 0 for cell in cells[:5])
    assert "one worker" in written["Time of the whole pipeline"]
    assert ("Not run on a GPU" in written["On a GPU"]) != torch.cuda.is_available()


def test_a_rival_that_computes_something_else_is_caught(monkeypatch):
    monkeypatch.setitem(naive.NAIVE, "scrn", lambda weights, inputs: torch.zeros(len(inputs), inputs.shape[1], 40))
    with pytest.raises(AssertionError, match="scrn, naive"):
        update_time.measure(SIZES)


@pytest.mark.parametrize("name", update_time.CASES)
def test_the_gradients_of_jax_are_ours(name):
    pytest.importorskip("jax", reason="JAX is installed by `make bench` alone")
    cell, rivals = update_time.rivals_of(name, SIZES)
    ours = dict(zip((key for key, _ in cell.named_parameters()), rivals["loop"].update(), strict=True))
    for key, theirs in rivals["jax"].update().items():
        np.testing.assert_allclose(theirs, ours[key], rtol=1e-3, atol=1e-4, err_msg=key)


def test_operations_are_those_of_the_products():
    cell, _ = update_time.rivals_of("lstm", SIZES)
    inputs, recurrent = 2 * 32, 8 * 32  # weights of a member
    assert update_time.products(cell, SIZES) == 2 * (2 * inputs + 3 * recurrent) * 2 * 4 * 5


def test_the_exponent_of_a_square_is_two_and_a_line_explains_a_line():
    assert cost.straight({1: 3.0, 2: 12.0, 4: 48.0})[0] == pytest.approx(2)
    exponent, explained = cost.straight({1: 3.0, 2: 6.0, 4: 12.0})
    assert (exponent, explained) == (pytest.approx(1), pytest.approx(1))


def test_the_peak_is_counted_anew():
    if not cost.count_peak_anew():
        pytest.skip("this system does not forget a peak")
    before = cost.peak_memory()
    block = torch.ones(40 * cost.MB // 4)
    assert cost.peak_memory() - before > 30 * cost.MB
    del block
    processor.give_memory_back()
    cost.count_peak_anew()
    assert cost.peak_memory() < before + 20 * cost.MB
    assert machine.peak(64, 3) > 1e6


def test_the_table_of_a_run_adds_up():
    stages = {"data@a": {"work": 3.0, "start": 1.0}, "train@b": {"work": 7.0, "start": 1.0}, "judge": {"work": 0.5, "start": 0.5}}
    run = {"stages": stages, "done_again": 0, "scale": "laptop", "lanes": 2, "began": 100.0, "ended": 108.0, "kept": 0}
    text = "\n".join(pipeline_time.table(run))
    assert "| all | 3 | 10.5 | 2.5 |" in text and "took 8 s" in text and "from nothing" in text
    assert "would be 5 s: the rest, 3 s or 34%" in text and text.index("| train@b | 7.0 |") < text.index("| data@a | 3.0 |")
    assert "all 3 stages" in text and "done again" not in text


def test_what_was_done_again_since_a_run_is_no_part_of_its_time(workplace, monkeypatch):
    monkeypatch.setattr(pipeline_time, "ROOT", workplace)
    for stage, scale, ended in (("data@a", "laptop", 101.0), ("judge", "smoke", 500.0)):
        results.write_json(stage_times.record_file(stage), {"scale": scale, "start": 0.5, "work": 1.0, "ended": ended})
    whole = {"stages": ["data@a", "judge"], "scale": "laptop", "lanes": 2, "began": 100.0, "ended": 102.0, "kept": 0}
    results.write_json(stage_times.record_file("whole"), whole)
    run = pipeline_time.last_run()
    assert list(run["stages"]) == ["data@a"]
    text = "\n".join(pipeline_time.table(run))
    assert "all 2 stages" in text and "Left out below: 1 of them, done again since." in text and "| all | 1 | 1.0 | 0.5 |" in text
