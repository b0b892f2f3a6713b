"""Planes through trained networks, in filter-normalised random directions (Li, Xu, Taylor, Studer & Goldstein 2018) (D3, E2).

A point (alpha, beta) is the network with weights trained + alpha * first + beta * second. Points ride on the member axis: each is a
member of its own, whose gradient for alpha and beta comes by automatic differentiation through that sum.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call

from unrolled import catalogue, results
from unrolled.analyses.trained import record
from unrolled.analyses.weights import generators
from unrolled.batches import Batch
from unrolled.settings import Run, TaskSection
from unrolled.tasks import Task

TOGETHER = 64  # points worked on at a time: more of them no longer fit the cache
Weights = Mapping[str, Tensor]


class Slice(NamedTuple):
    """A plane: coordinates (points,), losses and gradient norms, both (points, points), alpha along the first axis."""

    at: np.ndarray
    losses: np.ndarray
    norms: np.ndarray


@dataclasses.dataclass(frozen=True)
class Trained:
    """A trained run to be cut: its task, one batch, and the weights of each member that reached the loss.

    Attributes:
        run, task: its settings and its task.
        batch: of the validation split, with a member axis of 1.
        members: weights by name, without a member axis.
        left_out: number of members that diverged or never reached the loss.
    """

    run: Run
    task: Task
    batch: Batch
    members: Sequence[Weights]
    left_out: int


def load(section: TaskSection, name: str, batch: int) -> Trained:
    """Return a trained run of a section, with the first `batch` validation sequences of its task.

    Raises:
        ResultsError: it was not trained.
    """
    run, found = section.runs[name], record(f"{section.name}/{name}")["members"]
    task = catalogue.make_task(run, section.reads)
    arrays = {key: torch.from_numpy(value) for key, value in results.read_arrays(results.weights_file(section.name, name)).items()}
    reached = [place for place, member in enumerate(found) if member["stopped"] is not None and not member["diverged"]]
    drawn = next(iter(task.evaluation_batches("validation")))
    return Trained(run, task, Batch(*(None if part is None else part[:, :batch] for part in drawn)),
                   [{key: value[place] for key, value in arrays.items()} for place in reached], len(found) - len(reached))


def direction(weights: Weights, random: np.random.Generator) -> dict[str, Tensor]:
    """Draw a filter-normalised direction for one member's weights.

    Each column of a matrix, that is what comes into one unit of one gate, is as long as that column of the weights; what has a
    single row, as a bias, is as long as a whole.
    """
    found = {}
    for name, value in weights.items():
        drawn = torch.from_numpy(random.standard_normal(value.shape)).to(value.dtype)
        axis = -1 if value.shape[-2] == 1 else -2
        norm = drawn.norm(dim=axis, keepdim=True).clamp(min=torch.finfo(value.dtype).tiny)
        found[name] = drawn * (value.norm(dim=axis, keepdim=True) / norm)
    return found


def cut(trained: Trained, member: int, random: np.random.Generator, points: int, reach: float) -> Slice:
    """Return losses and gradient norms in the plane of two random directions, each from -reach to reach."""
    weights = trained.members[member]
    first, second = direction(weights, random), direction(weights, random)
    at = torch.linspace(-reach, reach, points)
    places = torch.cartesian_prod(at, at)  # (points * points, 2), alpha changes slowly
    parts = [_losses(trained, weights, first, second, some) for some in places.split(TOGETHER)]
    losses, gradients = (torch.cat(part) for part in zip(*parts, strict=True))
    norms = gradients.double().norm(dim=1)
    return Slice(at.numpy(), losses.double().view(points, points).numpy(), norms.view(points, points).numpy())


def _losses(trained: Trained, weights: Weights, first: Weights, second: Weights, places: Tensor) -> tuple[Tensor, Tensor]:
    """Return losses (places,) and their gradient for alpha and beta (places, 2)."""
    model = _model(trained, len(places))
    alpha, beta = (values.clone().requires_grad_() for values in places.unbind(1))
    moved = {name: value + _spread(alpha, value) * first[name] + _spread(beta, value) * second[name] for name, value in weights.items()}
    losses = trained.task.loss(functional_call(model, moved, (trained.batch,)), trained.batch)
    gradients = torch.autograd.grad(losses.sum(), [alpha, beta])
    return losses.detach(), torch.stack(gradients, 1)


def _spread(values: Tensor, like: Tensor) -> Tensor:
    """Return values (places,) fit to multiply one member's weights: (places, 1, ...)."""
    return values.view(-1, *[1] * like.dim())


def _model(trained: Trained, members: int) -> nn.Module:
    """Return a run's model of so many members, whose own weights do not matter."""
    return catalogue.make_model(trained.run, trained.task.sizes, generators(members), is_trained=False)


def centre_loss(trained: Trained, member: int) -> float:
    """Return a trained member's own loss on the batch."""
    own = {name: value.unsqueeze(0) for name, value in trained.members[member].items()}
    with torch.no_grad():
        return float(trained.task.loss(functional_call(_model(trained, 1), own, (trained.batch,)), trained.batch))


def seeded(first_seed: int, member: int, plane: int) -> np.random.Generator:
    """Return the random numbers of one plane of one member."""
    return np.random.default_rng([first_seed + member, plane, 6])
