"""Long sequences: what is computed again on the way back is what was computed before, and five thousand steps fit into memory."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from conftest import ROOT

from unrolled.cells import CELLS, sweep
from unrolled.cells.base import Cell, unroll

pytestmark = pytest.mark.unit
TRAINED = """
import sys; sys.path.insert(0, {source!r})
import resource, torch
from unrolled import processor
from unrolled.settings import Run
from unrolled.tasks import TASKS
from unrolled.training import train
processor.prepare()
run = Run(task="adding", name="long", kind="adding", cell={cell!r}, hidden=32, batch=32, seeds=1, updates=1, options={{"length": 5000}})
task = TASKS["adding"](None, length=5000)
task.test_size = 1
trained = train(run, task, [(0, 0.001)], torch.device("cpu"))
assert trained.history and trained.divergences == [None]
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


SWEPT = [name for name, cell in CELLS.items() if cell.sweep is not Cell.sweep]


@pytest.mark.parametrize("kind", SWEPT)
@pytest.mark.parametrize("ragged", [False, True])
def test_a_sequence_in_stretches_is_the_same_sequence(monkeypatch, kind, ragged):
    generators = [torch.Generator().manual_seed(seed) for seed in range(3)]
    cell = CELLS[kind](2, 8, generators).double()
    inputs = torch.randn(3, 5, 40, 2, generator=generators[0], dtype=torch.float64, requires_grad=True)
    lengths = torch.randint(1, 41, (3, 5), generator=generators[0]) if ragged else None

    def answers() -> tuple[torch.Tensor, list[torch.Tensor]]:
        unrolled = unroll(cell, inputs, lengths=lengths)
        total = unrolled.outputs.square().sum() + sum(part.sum() for part in unrolled.state)
        return unrolled.outputs, list(torch.autograd.grad(total, [inputs, *cell.parameters()]))

    whole, whole_gradients = answers()
    monkeypatch.setattr(sweep, "LONGEST", 7)
    parts, part_gradients = answers()
    assert torch.equal(whole, parts)
    torch.testing.assert_close(part_gradients, whole_gradients, rtol=1e-12, atol=1e-12)


@pytest.mark.skipif(sys.platform != "linux", reason="memory is counted in kB on Linux alone")
@pytest.mark.parametrize("cell", [pytest.param("lstm", marks=pytest.mark.long), "elman"])
def test_five_thousand_steps_are_trained_within_two_gigabytes(cell):
    done = subprocess.run([sys.executable, "-c", TRAINED.format(source=str(ROOT / "src"), cell=cell)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[-1]) < 2 * 2**20
