"""Cells with weights that are given, and models with weights that were trained."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from unrolled import catalogue, results, training
from unrolled.cells.base import Cell
from unrolled.settings import Run
from unrolled.tasks import Task


def set_weights(cell: Cell, **values: Tensor) -> Cell:
    """Fill a cell's parameters, each (members, ...) or fit to be spread to it, in float64, and return it."""
    cell.double()
    parameters = dict(cell.named_parameters())
    with torch.no_grad():
        for name, value in values.items():
            parameters[name].copy_(torch.as_tensor(value, dtype=torch.float64).expand_as(parameters[name]))
    return cell


def generators(count: int = 1) -> list[torch.Generator]:
    """Return generators for cells whose weights are set, or whose particular values do not matter."""
    return [training.generator(seed, "values") for seed in range(count)]


def trained_model(run: Run, task: Task, weights: Mapping[str, np.ndarray]) -> nn.Module:
    """Return a run's model with its trained weights, one member per seed.

    Raises:
        ResultsError: the weights are not those of such a model.
    """
    model = catalogue.make_model(run, task.sizes, generators(len(next(iter(weights.values())))), is_trained=False)
    parameters = dict(model.named_parameters())
    if {name: tuple(value.shape) for name, value in parameters.items()} != {name: value.shape for name, value in weights.items()}:
        raise results.ResultsError(f"the weights in {results.weights_file(run.task, run.name)} are of other settings or data than those of "
                                   "now; run `make reproduce`.")
    with torch.no_grad():
        for name, value in weights.items():
            parameters[name].copy_(torch.from_numpy(value))
    return model
