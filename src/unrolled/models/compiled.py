"""A model whose steps are compiled, for a GPU, on which it is the starting of thousands of small kernels that takes the time."""

from __future__ import annotations

import torch
from torch import nn

from unrolled.cells.base import Cell

SHAPES = 64  # of batches, of one model; with more it pays no longer, and is an error


def compile_steps(model: nn.Module) -> nn.Module:
    """Let torch.compile (Ansel et al. 2024) translate a model for every shape of a batch that it meets, when it first meets it.

    What was compiled before is forgotten: one model at a time is trained in a process.

    On a GPU the kernels are recorded as CUDA graphs and started by one call. Translating takes the longer, the more steps a sequence has.

    Notes:
        The compiler is given a cell's steps, one after the other, and autograd their backward pass: out of a `sweep`, which writes into
        parts of tensors, torch 2.14 makes wrong gradients.
    """
    for cell in model.modules():
        if isinstance(cell, Cell):
            cell.swept_weights = tuple  # none: the cell has its steps alone
    torch._dynamo.reset()  # the count of shapes is the process's, whatever was trained in it before
    torch._dynamo.config.recompile_limit, torch._dynamo.config.fail_on_recompile_limit_hit = SHAPES, True
    model.compile(dynamic=False, mode="reduce-overhead")
    return model
