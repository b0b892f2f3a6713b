"""`path: compiled`: what the loop computes, to its last digits, by translated steps."""

from __future__ import annotations

import dataclasses
import shutil
import sys

import numpy as np
import pytest
import torch
from conftest import ROOT

from unrolled import catalogue, keys, settings, training
from unrolled.cells.base import Cell
from unrolled.engines import jobs
from unrolled.settings import Run

RUN = Run(task="adding", name="test", kind="adding", cell="elman", hidden=4, seeds=2, batch=4, updates=3, evaluate_every=10, stride=3,
          options={"length": 10})
MEMBERS = [(0, 0.01), (1, 0.01)]


def weights(run: Run, device: str) -> dict[str, np.ndarray]:
    return training.train(run, catalogue.make_task(run, str(ROOT)), MEMBERS, torch.device(device)).weights


def assert_compiled_is_the_loop(cell: str, device: str) -> None:
    loop, compiled = (weights(dataclasses.replace(RUN, cell=cell, path=path), device) for path in ("loop", "compiled"))
    assert all(np.abs(loop[name] - compiled[name]).max() < 1e-6 for name in loop)


@pytest.mark.smoke
@pytest.mark.skipif(shutil.which("g++") is None or sys.platform != "linux", reason="torch.compile needs a C++ compiler")
def test_compiled_steps_learn_what_the_loop_does(tmp_path, monkeypatch):
    """The compiler does not see a sweep, of which it would make wrong gradients."""
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    assert_compiled_is_the_loop("elman", "cpu")
    assert any(tmp_path.rglob("*.so"))


@pytest.mark.gpu
@pytest.mark.parametrize("cell", ["elman", "lstm", "gru", "clockwork"])
def test_compiled_steps_learn_what_the_loop_does_on_a_gpu(cell):
    assert_compiled_is_the_loop(cell, "cuda")


@pytest.mark.unit
def test_only_what_is_trained_is_compiled():
    run = dataclasses.replace(RUN, path="compiled")
    sizes = catalogue.make_task(run, str(ROOT)).sizes
    for is_trained in (True, False):
        model = catalogue.make_model(run, sizes, [torch.Generator()], is_trained=is_trained)
        cells = [part for part in model.modules() if isinstance(part, Cell)]
        assert cells and all(bool(cell.swept_weights()) != is_trained for cell in cells)
        assert (model._compiled_call_impl is not None) == is_trained
    assert "models/compiled.py" in keys.run_code(run) and "models/compiled.py" not in keys.run_code(RUN)


@pytest.mark.unit
def test_what_cannot_be_compiled_is_one_sentence(monkeypatch):
    def refuse(*arguments, **options):
        raise torch._dynamo.exc.TorchDynamoException("no working compiler found\nand much more")

    monkeypatch.setattr(training, "train", refuse)
    job = jobs.Job(dataclasses.replace(RUN, path="compiled"), str(ROOT), tuple(MEMBERS), ("a", "b"))
    with pytest.raises(settings.SettingsError) as raised:
        jobs.train(job, "cpu")
    assert str(raised.value) == ("tasks.adding.runs.test.path is 'compiled', but torch.compile failed (no working compiler found); it needs "
                                 "a C++ compiler and, on a GPU, Triton. Else set path: loop.")
