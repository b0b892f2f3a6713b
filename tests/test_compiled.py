"""`path: compiled`: what the loop computes, to its last digits, by translated steps."""

from __future__ import annotations

import dataclasses
import shutil
import sys
from collections.abc import Callable

import numpy as np
import pytest
import torch
from conftest import ROOT
from torch import nn
from torch._dynamo.exc import FailOnRecompileLimitHit, TorchDynamoException

from unrolled import catalogue, keys, settings, training
from unrolled.cells.base import Cell
from unrolled.engines import jobs
from unrolled.models import compiled
from unrolled.settings import Run

RUN = Run(task="adding", name="test", kind="adding", cell="elman", hidden=4, seeds=2, batch=4, updates=3, evaluate_every=10, stride=3,
          options={"length": 10})
MEMBERS = [(0, 0.01), (1, 0.01)]


def weights(run: Run, device: str) -> dict[str, np.ndarray]:
    return training.train(run, catalogue.make_task(run, str(ROOT)), MEMBERS, torch.device(device)).weights


def assert_compiled_is_the_loop(cell: str, device: str) -> None:
    loop, compiled = (weights(dataclasses.replace(RUN, cell=cell, path=path), device) for path in ("loop", "compiled"))
    assert all(np.abs(loop[name] - compiled[name]).max() < 1e-6 for name in loop)


def compile_with(monkeypatch: pytest.MonkeyPatch, backend: Callable | str) -> None:
    """Let models be taken apart as ever, and what is found be translated by another backend."""
    monkeypatch.setattr(nn.Module, "compile", lambda self, **_: setattr(
        self, "_compiled_call_impl", torch.compile(self._call_impl, backend=backend, dynamic=False)))


@pytest.mark.unit
@pytest.mark.parametrize("cell", ["elman", pytest.param("lstm", marks=pytest.mark.long), "gru"])
def test_steps_taken_apart_for_the_compiler_learn_what_the_loop_does(monkeypatch, cell):
    """The compiler does not see a sweep, of which it would make wrong gradients; here all is done but the translation to C++."""
    compile_with(monkeypatch, "aot_eager")
    assert_compiled_is_the_loop(cell, "cpu")


@pytest.mark.smoke
@pytest.mark.skipif(shutil.which("g++") is None or sys.platform != "linux", reason="torch.compile needs a C++ compiler")
@pytest.mark.long
def test_compiled_steps_learn_what_the_loop_does(tmp_path, monkeypatch):
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
        raise TorchDynamoException("backend='inductor' raised:\nInvalidCxxCompiler: No working C++ compiler found")

    monkeypatch.setattr(training, "train", refuse)
    job = jobs.Job(dataclasses.replace(RUN, path="compiled"), str(ROOT), tuple(MEMBERS), ("a", "b"))
    with pytest.raises(settings.SettingsError) as raised:
        jobs.train(job, "cpu")
    assert str(raised.value) == ("tasks.adding.runs.test.path is 'compiled', but torch.compile failed (backend='inductor' raised: "
                                 "InvalidCxxCompiler: No working C++ compiler found); it needs a C++ compiler and, on a GPU, Triton, and "
                                 "batches of few shapes. Else set path: loop.")


@pytest.mark.unit
def test_each_model_is_compiled_whatever_was_before_it(monkeypatch):
    """The number of shapes is counted by process; one too many of a model is an error, not a silent way back."""
    monkeypatch.setattr(compiled, "SHAPES", 2)
    graphs = []

    def kept(graph, inputs):
        graphs.append(graph)
        return graph.forward

    compile_with(monkeypatch, kept)
    for _ in range(3):
        model = compiled.compile_steps(nn.Linear(2, 2))
        for rows in (1, 2):
            model(torch.zeros(rows, 2))
    assert len(graphs) == 6
    with pytest.raises(FailOnRecompileLimitHit):
        for rows in (3, 4):
            model(torch.zeros(rows, 2))


@pytest.mark.unit
def test_a_share_that_changes_at_every_update_is_not_compiled(params):
    params["tasks"]["slots"]["runs"]["jordan"] |= {"feedback": "scheduled", "path": "compiled"}
    with pytest.raises(settings.SettingsError, match="jordan has path: compiled and feedback: scheduled"):
        catalogue.check(settings.parse(params))
