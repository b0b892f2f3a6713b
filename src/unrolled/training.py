"""The only training loop: all members of a run at once, each on its own.

Initial values, order of data, loss, gradient norm, clipping, learning rate and divergence are per member; a member whose loss or
gradient is no longer finite is frozen as it last was and does not touch the others. Members that have ended are left out of the work
from the next recorded step on, which changes no bit of what the others become.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from unrolled import catalogue, models
from unrolled.batches import move, pick
from unrolled.settings import Run
from unrolled.tasks import Task

PURPOSES = {"values": 0, "data": 1, "dropout": 2}
Report = Callable[[list[dict[str, Any]]], None]


@dataclass
class Trained:
    """What a training leaves, for each of its members in order.

    Attributes:
        history: one row per member and recorded step.
        metrics: scores on the test split; validation: on the validation split. None where a score is not finite.
        items: counts per test sequence, by name: (members, sequences).
        weights: by parameter name: (members, ...).
        divergences: step (from 1) and cause, or None.
        stopped: the step at which a member's loss fell below `stop_below`, or None.
        parameters: number of a member's weights that take part.
    """

    history: list[dict[str, Any]] = field(default_factory=list)
    metrics: list[dict[str, float | None]] = field(default_factory=list)
    validation: list[dict[str, float | None]] = field(default_factory=list)
    items: dict[str, np.ndarray] = field(default_factory=dict)
    weights: dict[str, np.ndarray] = field(default_factory=dict)
    divergences: list[dict[str, Any] | None] = field(default_factory=list)
    stopped: list[int | None] = field(default_factory=list)
    parameters: int = 0


def generator(seed: int, purpose: str, device: torch.device | str = "cpu") -> torch.Generator:
    """Return a member's random generator for one purpose ("values", "data" or "dropout"), apart from all others."""
    state = np.random.SeedSequence([seed, PURPOSES[purpose]]).generate_state(1, np.uint64)[0]
    return torch.Generator(device=device).manual_seed(int(state >> 1))


def choose_device(name: str) -> torch.device:
    """Return the device of a setting.

    Raises:
        SettingsError: CUDA is asked for, but there is none.
    """
    if name == "cuda" and not torch.cuda.is_available():
        raise catalogue.SettingsError("device is 'cuda', but torch finds no CUDA device; set device: auto or cpu.")
    return torch.device("cuda" if name == "cuda" or (name == "auto" and torch.cuda.is_available()) else "cpu")


class FlatParameters:
    """A model's parameters as one matrix (members, parameters of a member), of which the model's own are views.

    The optimiser, the gradient norm and the freezing of a member are then one operation each.
    """

    def __init__(self, model: nn.Module) -> None:
        self.names, self.parameters = zip(*model.named_parameters(), strict=True)
        self.values = torch.cat([parameter.detach().flatten(1) for parameter in self.parameters], 1)
        start = 0
        for parameter in self.parameters:
            size = parameter[0].numel()
            parameter.data = self.values[:, start : start + size].view(parameter.shape)
            start += size

    def gradient(self, losses: Tensor) -> Tensor:
        """Return the gradient of each member's loss: (members, parameters)."""
        parts = torch.autograd.grad(losses.sum(), self.parameters, allow_unused=True, materialize_grads=True)
        return torch.cat([part.flatten(1) for part in parts], 1)


class Optimiser:
    """Adam (Kingma & Ba 2015) or gradient descent with a learning rate per member.

    Args:
        values: (members, parameters), changed in place.
        rates: (members,).
        name: "adam" or "sgd".
    """

    BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8

    def __init__(self, values: Tensor, rates: Tensor, name: str) -> None:
        self.values, self.rates, self.is_adam, self.steps = values, rates.tolist(), name == "adam", 0
        self.mean, self.square = torch.zeros_like(values), torch.zeros_like(values)

    def step(self, gradient: Tensor, active: Tensor, factor: float) -> None:
        """Change the active members, and nothing else: what the gradients of the others hold does not matter.

        Args:
            gradient: (members, parameters).
            active: (members,) true for members that still learn.
            factor: of the schedule, multiplies every rate.
        """
        self.steps += 1
        steps = torch.full((), float(self.steps), device=gradient.device)  # of this update, from 1
        for member in active.nonzero().flatten().tolist():
            rate = factor * self.rates[member]
            if self.is_adam:
                self._adam(member, gradient[member], rate, steps)
            else:
                self.values[member].sub_(gradient[member], alpha=rate)

    def kept(self, values: Tensor, places: list[int]) -> Optimiser:
        """Return an optimiser that goes on with some of the members, whose values (places, parameters) now lie elsewhere."""
        found = copy.copy(self)
        found.values, found.rates = values, [self.rates[place] for place in places]
        found.mean, found.square = self.mean[places], self.square[places]
        return found

    def _adam(self, member: int, gradient: Tensor, rate: float, steps: Tensor) -> None:
        """Go through a member's parameters once; a dozen operations over them took half of an update where embeddings are large."""
        torch._fused_adam_(
            [self.values[member]], [gradient], [self.mean[member]], [self.square[member]], [], [steps], lr=rate, beta1=self.BETA_1,
            beta2=self.BETA_2, weight_decay=0.0, eps=self.EPSILON, amsgrad=False, maximize=False)


def schedule(name: str, step: int, updates: int) -> float:
    """Return the factor on the learning rate at a step (from 0): constant 1, or cosine or linear down to 0."""
    share = step / updates
    return {"constant": 1.0, "cosine": 0.5 * (1 + math.cos(math.pi * share)), "linear": 1 - share}[name]


def gradient_norms(gradient: Tensor) -> Tensor:
    """Return the norm of each member's gradient (members, parameters) in float64.

    Squares of a large float32 gradient overflow long before the gradient itself does; such a member's norm is taken in float64.
    """
    norms = torch.linalg.vector_norm(gradient, dim=1).double()
    if bool(torch.isfinite(norms).all()):
        return norms
    return torch.where(torch.isfinite(norms), norms, torch.linalg.vector_norm(gradient, dim=1, dtype=torch.float64))


def clip(gradient: Tensor, norms: Tensor, by: str, at: float) -> None:
    """Clip each member's gradient (members, parameters) in place, by its norm (Pascanu et al. 2013) or value by value (Mikolov 2012)."""
    if by == "norm":
        gradient.mul_((at / norms).clamp(max=1).unsqueeze(1))
    elif by == "value":
        gradient.clamp_(-at, at)


def train(run: Run, task: Task, members: Sequence[tuple[int, float]], device: torch.device, report: Report | None = None) -> Trained:
    """Train and score members of a run.

    Args:
        run: the run's settings.
        task: its task.
        members: (seed, learning rate) of each.
        device: where.
        report: called with each new group of history rows.

    Raises:
        SettingsError: the cell or the model refuses a setting.
    """
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False  # or the library's LSTM alone would round to 10 bits
    model = catalogue.make_model(run, task.sizes, [generator(seed, "values", device) for seed, _ in members])
    trained = Trained(divergences=[None] * len(members), stopped=[None] * len(members), parameters=models.count_parameters(model))
    _Loop(run, task, members, model, device, trained, report).run_all()
    trained.metrics, items = evaluate(model, task, "test", device)
    trained.items = {name: counts.numpy() for name, counts in items.items()}
    trained.weights = {name: parameter.detach().cpu().numpy() for name, parameter in model.named_parameters()}
    return trained


class _Loop:
    """The state of one training while it lasts.

    Attributes:
        kept: the places among `members` of those that are still worked on. `model`, `flat`, `optimiser`, `active`, `dropout` and
            `window` hold these alone, in this order.
        whole: the parameters of all members, up to date for those that have ended, and for all once training has.
    """

    def __init__(self, run: Run, task: Task, members: Sequence[tuple[int, float]], model: nn.Module,
                 device: torch.device, trained: Trained, report: Report | None) -> None:
        self.run, self.task, self.members, self.model, self.device = run, task, members, model, device
        self.trained, self.report = trained, report
        self.updates = run.updates or run.epochs * task.updates_per_epoch(run.batch)
        self.kept = list(range(len(members)))
        self.flat = self.whole = FlatParameters(model)
        rates = torch.tensor([rate for _, rate in members], device=device)
        self.optimiser = Optimiser(self.flat.values, rates, run.optimizer)
        self.active = torch.ones(len(members), dtype=torch.bool, device=device)
        self.dropout = [generator(seed, "dropout", device) for seed, _ in members]
        self.window: list[tuple[Tensor, Tensor, Tensor]] = []

    def run_all(self) -> None:
        """Do every update, or as many as it takes until no member learns any more; then score them on the validation split."""
        model = self.model
        batches = self.task.training_batches([generator(seed, "data") for seed, _ in self.members], self.run.batch)
        for step in range(self.updates):
            self._update(next(batches), step)
            if (step + 1) % self.run.stride == 0 or step + 1 == self.updates:
                self._record(step + 1)
                if not bool(self.active.any()):
                    break
                if not bool(self.active.all()):
                    self._leave_out_the_ended()
        self._store()
        if not self.trained.validation and _has(self.task, "validation"):
            self.trained.validation, _ = evaluate(model, self.task, "validation", self.device)

    def _leave_out_the_ended(self) -> None:
        """Go on with a smaller model of the members that still learn."""
        self._store()
        places = self.active.nonzero().flatten().tolist()  # among those kept so far
        generators = [generator(self.members[self.kept[place]][0], "values", self.device) for place in places]
        self.model = catalogue.make_model(self.run, self.task.sizes, generators)
        values, self.flat = self.flat.values[places], FlatParameters(self.model)
        self.flat.values.copy_(values)
        self.optimiser = self.optimiser.kept(self.flat.values, places)
        self.kept, self.dropout = ([part[place] for place in places] for part in (self.kept, self.dropout))
        self.active = self.active[places]

    def _store(self) -> None:
        """Bring the parameters of all members up to date."""
        if self.flat is not self.whole:
            self.whole.values[self.kept] = self.flat.values

    def _update(self, batch: Any, step: int) -> None:
        """Do one update of all members that still learn."""
        batch = move(pick(batch, self.kept, len(self.members)), self.device)
        self.model.progress = step / self.updates
        losses = self.task.loss(self.model(batch, self.dropout), batch)
        gradient = self.flat.gradient(losses)
        norms = gradient_norms(gradient)
        finite = torch.isfinite(losses.detach()) & torch.isfinite(norms)
        if not bool((finite | ~self.active).all()):
            self._freeze(losses.detach(), finite, step + 1)
        largest = torch.maximum(gradient.amax(1), -gradient.amin(1)).abs()  # of all values' abs() takes twice as long, aminmax ten times
        clip(gradient, norms.to(gradient.dtype).clamp(min=1e-30), self.run.clip_by, self.run.clip_at)
        with torch.no_grad():
            self.optimiser.step(gradient, self.active, schedule(self.run.schedule, step, self.updates))
        self.window.append((losses.detach(), norms, largest))

    def _freeze(self, losses: Tensor, finite: Tensor, step: int) -> None:
        """Stop the members that diverged at this step, and note when and why."""
        for place in (self.active & ~finite).nonzero().flatten().tolist():
            what = "gradient norm" if bool(torch.isfinite(losses[place])) else "loss"
            self.trained.divergences[self.kept[place]] = {"step": step, "cause": f"{what} is not finite"}
        self.active &= finite

    def _record(self, step: int) -> None:
        """Write a row per member that learned since the last, and now and then the validation scores; stop members that are good enough."""
        losses, norms, largest = (torch.stack(parts).cpu() for parts in zip(*self.window, strict=True))
        self.window.clear()
        scores = self._validation_scores(step)
        rows = []
        for place, member in enumerate(self.kept):
            seed, rate = self.members[member]
            row = {"seed": seed, "learning_rate": rate, "step": step, "loss": _number(losses[:, place].mean()),
                   "gradient_norm": _number(norms[:, place].max()), "gradient_largest": _number(largest[:, place].max())}
            rows.append(row | scores[place])
        self.trained.history += rows
        self._stop(losses.mean(0), step)
        if self.report:
            self.report(rows)

    def _validation_scores(self, step: int) -> list[dict[str, float | None]]:
        """Return each kept member's scores where they are due; those after the last update are stored, if they are of all members."""
        last = step == self.updates
        if not (last or step % self.run.evaluate_every == 0) or not _has(self.task, "validation"):
            return [{} for _ in self.kept]
        scores, _ = evaluate(self.model, self.task, "validation", self.device, (self.kept, len(self.members)))
        if last and len(scores) == len(self.members):
            self.trained.validation = scores
        return scores

    def _stop(self, losses: Tensor, step: int) -> None:
        """Freeze the members whose mean loss since the last row lies below `stop_below`: networks of comparable loss."""
        reached = (losses < self.run.stop_below).to(self.device) & self.active
        for place in reached.nonzero().flatten().tolist():
            self.trained.stopped[self.kept[place]] = step
        self.active &= ~reached


def evaluate(model: nn.Module, task: Task, split: str, device: torch.device, chosen: tuple[list[int], int] | None = None
             ) -> tuple[list[dict[str, float | None]], dict[str, Tensor]]:
    """Score a model on a split.

    Args:
        model, task, split, device: what, on what and where.
        chosen: where the model has only some of the members, their places and the number of all.

    Returns:
        Scores of each member, None where not finite; and the counts per sequence, (members, sequences).
    """
    parts: list[Mapping[str, Tensor]] = []
    with torch.no_grad():
        for batch in task.evaluation_batches(split):
            batch = pick(batch, *chosen) if chosen else batch
            outputs = model(move(batch, device)).cpu()
            parts.append(task.items(outputs, batch))
    items = {name: torch.cat([part[name] for part in parts], 1) for name in parts[0]}
    metrics = {name: values.tolist() for name, values in task.metrics(items).items()}
    members = len(next(iter(metrics.values())))
    return [{name: _number(values[member]) for name, values in metrics.items()} for member in range(members)], items


def _has(task: Task, split: str) -> bool:
    """Tell whether a task has a split; a generated one has all."""
    return not hasattr(task, "splits") or split in task.splits


def _number(value: Tensor | float) -> float | None:
    """Return a plain number, None if it is not finite."""
    value = float(value)
    return value if math.isfinite(value) else None
