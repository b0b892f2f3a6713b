"""The training loop against independent implementations, and its promises about members."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch
from conftest import ROOT

from unrolled import catalogue, models, settings, training
from unrolled.batches import Sizes
from unrolled.settings import Run
from unrolled.tasks import TASKS
from unrolled.tasks.base import GeneratedTask

pytestmark = pytest.mark.unit
CPU = torch.device("cpu")


def make_run(**changes: object) -> Run:
    options = changes.pop("options", {"length": 6})
    base = Run(task="adding", name="test", kind="adding", cell="elman", hidden=5, seeds=3, batch=4, updates=6, stride=2,
               evaluate_every=4, options=options)
    return dataclasses.replace(base, **changes)


class ShortAdding(TASKS["adding"]):
    test_size = 20


@pytest.fixture(autouse=True)
def small_test_sets(monkeypatch):
    monkeypatch.setattr(GeneratedTask, "test_size", 20)


def fit(run: Run, members, **options):
    return training.train(run, catalogue.make_task(run, str(ROOT)), members, CPU, **options)


VARIANTS = [
    {"cell": "elman"}, {"cell": "lstm"}, {"cell": "lstm", "path": "fused"}, {"cell": "gru"}, {"cell": "jordan"}, {"cell": "scrn"},
    {"cell": "clockwork", "hidden": 8}, {"cell": "feed_forward"}, {"cell": "elman", "layers": 2}, {"cell": "gru", "bidirectional": True},
    {"cell": "lstm", "dropout": 0.4, "layers": 2}, {"optimizer": "sgd", "clip_by": "value", "clip_at": 0.01, "schedule": "cosine"},
    {"updates": 12, "stop_below": 0.4},
]


@pytest.mark.parametrize("changes", VARIANTS, ids=str)
def test_a_member_is_the_same_alone_as_in_company(changes):
    run = make_run(**changes)
    members = [(0, 0.01), (1, 0.03), (2, 0.01), (1, 0.01)]
    together = fit(run, members)
    for index, member in enumerate(members):
        alone = fit(run, [member])
        for name, weight in alone.weights.items():
            assert np.array_equal(weight[0], together.weights[name][index]), name
        assert alone.metrics[0] == together.metrics[index]
        assert alone.history == [row for row in together.history if (row["seed"], row["learning_rate"]) == member]


ENDING = [
    {"updates": 40, "stride": 4, "evaluate_every": 8, "stop_below": 0.15},
    {"updates": 40, "stride": 4, "evaluate_every": 8, "stop_below": 0.15, "cell": "gru", "dropout": 0.2, "schedule": "linear"},
    {"updates": 37, "stride": 5, "optimizer": "sgd", "clip_by": "none", "options": {"length": 12, "activation": "linear"}},
    {"updates": 37, "stride": 5, "optimizer": "sgd", "clip_by": "none", "options": {"length": 60, "activation": "linear"},
     "kind": "sequence_generation"},  # whose evaluation has a sequence of each member's own
]


@pytest.mark.parametrize("changes", ENDING, ids=str)
def test_leaving_out_members_that_have_ended_changes_nothing(changes, monkeypatch):
    run, members = make_run(**changes), [(0, 0.03), (1, 1e5), (2, 0.03), (3, 1e4), (4, 0.01), (5, 0.03)]
    left_out = []
    real = training._Loop._leave_out_the_ended
    monkeypatch.setattr(training._Loop, "_leave_out_the_ended", lambda self: (left_out.append(1), real(self)))
    smaller = fit(run, members)
    monkeypatch.setattr(training._Loop, "_leave_out_the_ended", lambda self: None)
    alone = [fit(run, [member]) for member in members]
    assert left_out and any(smaller.divergences + smaller.stopped) and not all(
        a or b for a, b in zip(smaller.divergences, smaller.stopped))
    for place, (member, one) in enumerate(zip(members, alone)):
        assert (one.divergences[0], one.stopped[0]) == (smaller.divergences[place], smaller.stopped[place])
        assert (one.metrics[0], one.validation[0]) == (smaller.metrics[place], smaller.validation[place])
        assert one.history == [row for row in smaller.history if (row["seed"], row["learning_rate"]) == member]
        for kind in ("weights", "items"):
            assert all(np.array_equal(value[0], getattr(smaller, kind)[name][place], equal_nan=True) for name, value in getattr(one, kind).items())


def test_members_with_other_seeds_differ():
    trained = fit(make_run(), [(0, 0.01), (1, 0.01)])
    assert not np.array_equal(*trained.weights["forward_cells.0.input_weight"])


def test_the_same_seed_gives_the_same_bits():
    first, second = (fit(make_run(cell="lstm"), [(4, 0.01)]) for _ in range(2))
    assert all(np.array_equal(first.weights[name], second.weights[name]) for name in first.weights)


def test_every_purpose_has_random_numbers_of_its_own():
    drawn = {(seed, purpose): torch.rand(4, generator=training.generator(seed, purpose)).tolist()
             for seed in (0, 1) for purpose in training.PURPOSES}
    assert len({tuple(numbers) for numbers in drawn.values()}) == len(drawn) == 6
    assert torch.rand(4, generator=training.generator(1, "data")).tolist() == drawn[1, "data"]


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
@pytest.mark.parametrize("name", ["constant", "cosine", "linear"])
def test_the_optimiser_equals_torchs(optimizer, name):
    torch.manual_seed(0)
    values = torch.randn(2, 7, dtype=torch.float64)
    theirs = [value.clone().requires_grad_() for value in values]
    rates = [0.1, 0.02]
    make = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}[optimizer]
    optimisers = [make([value], lr=rate) for value, rate in zip(theirs, rates)]
    curves = {"constant": lambda o: torch.optim.lr_scheduler.LambdaLR(o, lambda step: 1.0),
              "cosine": lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, 10),
              "linear": lambda o: torch.optim.lr_scheduler.LinearLR(o, 1.0, 0.0, 10)}
    schedules = [curves[name](optimiser) for optimiser in optimisers]
    ours = training.Optimiser(values, torch.tensor(rates, dtype=torch.float64), optimizer)
    for step in range(8):
        gradient = torch.randn(2, 7, dtype=torch.float64)
        ours.step(gradient, torch.tensor([True, True]), training.schedule(name, step, 10))
        for value, part, optimiser, curve in zip(theirs, gradient, optimisers, schedules):
            value.grad = part.clone()
            optimiser.step()
            curve.step()
    assert torch.allclose(values, torch.stack([value.detach() for value in theirs]), atol=1e-12)


def test_clipping_equals_torchs_per_member():
    gradient = torch.randn(3, 50) * torch.tensor([[0.01], [1.0], [100.0]])
    norms = gradient.norm(dim=1)
    clipped = gradient.clone()
    training.clip(clipped, norms, "norm", 1.0)
    for row, ours in zip(gradient, clipped):
        parameter = torch.nn.Parameter(torch.zeros(50))
        parameter.grad = row.clone()
        torch.nn.utils.clip_grad_norm_([parameter], 1.0)
        assert torch.allclose(parameter.grad, ours, rtol=1e-4)
    before = gradient.clone()
    training.clip(gradient, norms, "none", 1.0)
    assert torch.equal(gradient, before)
    training.clip(gradient, norms, "value", 0.5)
    assert torch.equal(gradient, before.clamp(-0.5, 0.5)) and gradient.abs().max() == 0.5


def test_the_norm_of_a_large_gradient_does_not_overflow():
    """The squares of what float32 can well hold are beyond it; a gradient that is not finite has no finite norm."""
    gradient = torch.tensor([[3e30, 4e30], [3.0, 4.0], [math.inf, 1.0]])
    assert training.gradient_norms(gradient).tolist() == pytest.approx([5e30, 5.0, math.inf])


def test_clipping_takes_effect_in_the_loop():
    """Clipping before the backward pass, a mistake seen in the wild, would leave the first of these moving freely."""
    run = make_run(optimizer="sgd", updates=5)
    start = models.build(run, {}, Sizes(2, 1, classes=False), [training.generator(0, "values")])
    weight = dict(start.named_parameters())["forward_cells.0.recurrent_weight"].detach().numpy()

    def moved(clip_at: float) -> float:
        trained = fit(dataclasses.replace(run, clip_at=clip_at), [(0, 0.5)])
        return float(np.abs(trained.weights["forward_cells.0.recurrent_weight"] - weight).max())

    assert moved(1e-9) < 1e-7
    assert moved(1.0) > 1e-3


def test_one_update_equals_plain_autograd():
    run = make_run(optimizer="sgd", updates=1, clip_by="none")
    task = catalogue.make_task(run, str(ROOT))
    model = models.build(run, {}, task.sizes, [training.generator(7, "values")])
    batch = next(task.training_batches([training.generator(7, "data")], run.batch))
    task.loss(model(batch), batch).sum().backward()
    trained = fit(run, [(7, 0.25)])
    for name, parameter in model.named_parameters():
        expected = parameter.detach() - 0.25 * parameter.grad
        assert np.allclose(trained.weights[name], expected.numpy(), atol=1e-7), name


def test_what_is_recorded_of_an_update_equals_plain_autograd():
    """The largest component is that of the largest size; here it lies below 0."""
    run = make_run(updates=1)
    task = catalogue.make_task(run, str(ROOT))
    model = models.build(run, {}, task.sizes, [training.generator(7, "values")])
    batch = next(task.training_batches([training.generator(7, "data")], run.batch))
    loss = task.loss(model(batch), batch).sum()
    loss.backward()
    gradient = torch.cat([parameter.grad.flatten() for parameter in model.parameters()])
    row, = fit(run, [(7, 0.01)]).history
    assert [row["loss"], row["gradient_norm"]] == pytest.approx([loss.item(), gradient.norm().item()], rel=1e-5)
    assert row["gradient_largest"] == pytest.approx(-gradient.min().item(), rel=1e-5) and -gradient.min() > gradient.max()


def test_epochs_are_whole_passes_over_the_data(monkeypatch):
    monkeypatch.setattr(TASKS["adding"], "updates_per_epoch", lambda task, batch: 12 // batch)
    assert fit(make_run(updates=0, epochs=2), [(0, 0.01)]).history[-1]["step"] == 6


def test_the_schedule_takes_effect_in_the_loop():
    """Two updates with a rate that falls in a line to 0 after both: the first is a whole step, the second half of one."""
    run = make_run(optimizer="sgd", updates=2, clip_by="none", schedule="linear")
    task = catalogue.make_task(run, str(ROOT))
    model = models.build(run, {}, task.sizes, [training.generator(7, "values")])
    batches = task.training_batches([training.generator(7, "data")], run.batch)
    for rate in (0.25, 0.125):
        batch = next(batches)
        model.zero_grad()
        task.loss(model(batch), batch).sum().backward()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter -= rate * parameter.grad
    trained = fit(run, [(7, 0.25)])
    for name, parameter in model.named_parameters():
        assert np.allclose(trained.weights[name], parameter.detach().numpy(), atol=1e-7), name


def test_a_model_is_told_how_far_training_is_and_each_member_drops_by_its_own_seed(monkeypatch):
    """Progress weans what is fed back; without generators nothing is dropped, as in every evaluation."""
    seen, make = [], catalogue.make_model

    def watched(*given):
        model = make(*given)
        model.register_forward_pre_hook(lambda model, given: seen.append((model.progress, *given[1:])))
        return model

    monkeypatch.setattr(catalogue, "make_model", watched)
    fit(make_run(updates=4), [(7, 0.01), (3, 0.01)])
    learning = [(each[0], [generator.initial_seed() for generator in each[1]]) for each in seen if len(each) == 2]
    of_members = [training.generator(seed, "dropout").initial_seed() for seed in (7, 3)]
    assert learning == [(progress, of_members) for progress in (0.0, 0.25, 0.5, 0.75)] and len(seen) > len(learning)


def test_a_diverged_member_is_frozen_recorded_and_alone_in_it():
    run = make_run(options={"length": 20, "activation": "linear"}, optimizer="sgd", clip_by="none", updates=60)
    calm = fit(run, [(0, 1e-3)])
    trained = fit(run, [(0, 1e-3), (1, 1e6)])
    assert trained.divergences[0] is None
    divergence = trained.divergences[1]
    assert 1 < divergence["step"] < 60 and "not finite" in divergence["cause"]
    assert all(np.isfinite(weight[1]).all() for weight in trained.weights.values())  # as it last was
    assert all(np.array_equal(calm.weights[name][0], trained.weights[name][0]) for name in calm.weights)
    steps = [row["step"] for row in trained.history if row["seed"] == 1]
    assert max(steps) < 60 and all(value is None or math.isfinite(value) for row in trained.history for value in row.values())


def test_history_strides_and_validation():
    trained = fit(make_run(), [(0, 0.01)])
    assert [row["step"] for row in trained.history] == [2, 4, 6]
    assert ["mean_squared_error" in row for row in trained.history] == [False, True, True]
    assert trained.validation[0]["mean_squared_error"] == trained.history[-1]["mean_squared_error"]


def test_a_row_tells_of_all_updates_since_the_last_and_the_last_update_has_one():
    """The mean of the losses, the largest of the gradients; what is left over at the end is shorter."""
    every, fifth = (fit(make_run(updates=7, stride=stride), [(0, 0.05)]).history for stride in (1, 5))
    assert [row["step"] for row in fifth] == [5, 7]
    for row, part in zip(fifth, (every[:5], every[5:]), strict=True):
        assert row["loss"] == pytest.approx(np.mean([one["loss"] for one in part]))
        assert all(row[name] == max(one[name] for one in part) for name in ("gradient_norm", "gradient_largest"))


def test_training_learns():
    run = make_run(updates=300, hidden=16, batch=32, options={"length": 4})
    trained = fit(run, [(0, 0.01)])
    assert trained.metrics[0]["mean_squared_error"] < 0.02 < TASKS["adding"](ROOT, length=4).chance["mean_squared_error"]


def test_cuda_without_cuda_is_one_sentence():
    if torch.cuda.is_available():
        pytest.skip("this machine has CUDA")
    with pytest.raises(settings.SettingsError, match="set device: auto or cpu"):
        training.choose_device("cuda")


@pytest.mark.gpu
def test_members_train_on_a_gpu():
    run = make_run(cell="lstm")
    on_cpu = fit(run, [(0, 0.01)])
    on_gpu = training.train(run, catalogue.make_task(run, str(ROOT)), [(0, 0.01)], torch.device("cuda"))
    assert on_gpu.metrics[0]["mean_squared_error"] == pytest.approx(on_cpu.metrics[0]["mean_squared_error"], abs=0.2)


def test_a_member_stops_at_the_loss_it_is_to_reach_and_stays_as_it_was():
    run = make_run(updates=40, stride=4, evaluate_every=100)
    members = [(seed, 0.03) for seed in range(3)]
    free = fit(run, members)
    losses = {seed: [row["loss"] for row in free.history if row["seed"] == seed] for seed in range(3)}
    limit = sorted(min(part) for part in losses.values())[1]  # which the best member surely gets below, the worst never
    stopped = fit(dataclasses.replace(run, stop_below=limit), members)
    for seed in range(3):
        below = [place for place, loss in enumerate(losses[seed]) if loss < limit]
        assert stopped.stopped[seed] == (4 * (below[0] + 1) if below else None)
        rows = [row["loss"] for row in stopped.history if row["seed"] == seed]
        assert rows == losses[seed][: below[0] + 1 if below else None]
    assert any(stopped.stopped) and not all(stopped.stopped)


def test_a_member_whose_gradient_alone_diverged_has_not_reached_its_loss(monkeypatch):
    """Its loss stays finite, and below the limit; that it goes no further has one reason alone."""
    monkeypatch.setattr(training, "gradient_norms", lambda gradient: torch.tensor([1.0, math.inf], dtype=torch.float64))
    trained = fit(make_run(stride=2, stop_below=1e9), [(0, 0.01), (1, 0.01)])
    assert trained.stopped == [2, None]
    assert trained.divergences == [None, {"step": 1, "cause": "gradient norm is not finite"}]


def test_training_ends_when_every_member_has_stopped():
    trained = fit(make_run(updates=400, stride=2, stop_below=1e9), [(0, 0.01), (1, 0.01)])
    assert trained.stopped == [2, 2] and len(trained.history) == 2 and len(trained.validation) == 2


def test_the_largest_component_is_recorded_before_clipping():
    rows = fit(make_run(clip_by="value", clip_at=1e-9, updates=2, stride=1), [(0, 0.01)]).history
    assert all(1e-9 < row["gradient_largest"] <= row["gradient_norm"] for row in rows)


def test_masked_weights_are_no_parameters():
    """Eight groups of one unit each: 28 of the 64 recurrent weights are held at no effect."""
    plain, clockwork = (fit(make_run(cell=cell, hidden=8, updates=1), [(0, 0.01)]).parameters for cell in ("elman", "clockwork"))
    assert plain == 2 * 8 + 64 + 8 + 8 + 1 and clockwork == plain - 28
