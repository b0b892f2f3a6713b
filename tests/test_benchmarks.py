"""The benchmark runs, its rivals compute the same, and a rival that does not is caught."""

from __future__ import annotations

import pytest
import torch

from benchmarks import __main__, naive, update_time
from unrolled.cells import CELLS

pytestmark = pytest.mark.unit


def test_the_table_has_every_cell(tmp_path):
    __main__.main(["--quick", "--output", str(tmp_path / "table.md")])
    first, second = (tmp_path / "table.md").read_text(encoding="utf-8").split("# Time of one spoken query")
    searched, = [line for line in second.splitlines() if line.startswith("| 20 |")]
    assert all(float(cell) > 0 for cell in searched.split("|")[2:7])
    rows = [line.split("|") for line in first.splitlines() if line.startswith("|")]
    timed = {row[1].strip(): [float(cell) for cell in row[2:-1] if cell.strip() != "–"] for row in rows[2:]}
    assert set(CELLS) <= set(timed) and all(value > 0 for values in timed.values() for value in values)
    assert {name: len(values) for name, values in timed.items()} == {
        name: 6 if name == "lstm" else 5 if name in ("elman", "gru") else 3 for name in timed}


def test_a_rival_that_computes_something_else_is_caught(monkeypatch):
    monkeypatch.setitem(naive.NAIVE, "scrn", lambda weights, inputs: torch.zeros(len(inputs), inputs.shape[1], 40))
    with pytest.raises(AssertionError, match="scrn, naive"):
        update_time.measure(update_time.QUICK)
