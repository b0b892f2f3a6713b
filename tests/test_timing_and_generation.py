"""Timed spikes and sequence generation: their definitions, exact chance, scores against independent ones, members alone and in company."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
import torch

from unrolled import catalogue, models, training
from unrolled.batches import Batch
from unrolled.settings import Run
from unrolled.tasks import TASKS
from unrolled.tasks.base import GeneratedTask
from unrolled.tasks.sequence_generation import LONGEST, SHORTEST, SequenceGeneration
from unrolled.tasks.timed_spikes import TimedSpikes

pytestmark = pytest.mark.unit
CPU = torch.device("cpu")
SPIKES = Run(task="timed_spikes", name="test", kind="timed_spikes", cell="lstm", hidden=5, seeds=3, batch=3, updates=5, stride=2,
             evaluate_every=2, options={"length": 13, "least_delay": 2, "most_delay": 4})
SEQUENCE = Run(task="sequence_generation", name="test", kind="sequence_generation", cell="elman", hidden=6, seeds=3, batch=4, updates=5,
               stride=2, evaluate_every=2, options={"length": 23})


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def steps_of(spikes: torch.Tensor) -> list[list[int]]:
    """Return the steps of each sequence's spikes: spikes (batch, time, 1)."""
    assert set(spikes.unique().tolist()) <= {0.0, 1.0}
    return [row.nonzero().flatten().tolist() for row in spikes.squeeze(-1)]


def fit(run: Run, members, **options):
    return training.train(run, catalogue.make_task(run, "nothing"), members, CPU, **options)


@pytest.fixture(autouse=True)
def small_test_sets(monkeypatch):
    monkeypatch.setattr(GeneratedTask, "test_size", 21)


def test_timed_spikes_obey_their_definition(tmp_path):
    batch = TimedSpikes(tmp_path, length=40, least_delay=5, most_delay=12).sample(3000, seeded())
    assert batch.inputs.shape == batch.targets.shape == (1, 3000, 40, 1)
    seen = set()
    for given, asked, second in zip(steps_of(batch.inputs[0]), steps_of(batch.targets[0]), batch.extra[0].tolist()):
        (first, other), (target,) = given, asked
        assert second == other and target - other == other - first
        seen.add((first, other - first))
    assert seen == set(itertools.product(range(16), range(5, 13)))  # every start with every delay, to the last step


def test_timed_spikes_are_drawn_evenly(tmp_path):
    task = TimedSpikes(tmp_path, length=11, least_delay=2, most_delay=4)
    steps = np.array(steps_of(task.sample(60_000, seeded(1)).inputs[0]))
    counts = np.unique(np.stack([steps[:, 0], steps[:, 1] - steps[:, 0]]), axis=1, return_counts=True)[1]
    assert len(counts) == 9 and np.abs(counts / 60_000 - 1 / 9).max() < 0.006  # five standard deviations


@pytest.mark.parametrize("options", [(7, 1, 3), (8, 1, 2), (8, 2, 3), (8, 1, 3), (8, 3, 3)])
def test_timed_spikes_chance_is_the_best_of_all_fixed_outputs(tmp_path, options):
    """Only the order of the outputs matters, so trying every order of so few steps tries every predictor that ignores its input."""
    length, least, most = options
    orders = np.array(list(itertools.permutations(range(length))))
    cases = [(first + delay, first + 2 * delay) for delay in range(least, most + 1) for first in range(length - 2 * most)]
    right = sum(orders[:, second + 1 :].argmax(1) + second + 1 == target for second, target in cases)
    task = TimedSpikes(tmp_path, length=length, least_delay=least, most_delay=most)
    assert task.chance["accuracy"] == pytest.approx(right.max() / len(cases), abs=1e-12)


def test_timed_spikes_chance_by_hand(tmp_path):
    """Starts 0 to 3, delays 2 and 3: as second spike > target these are 2>4 3>5 4>6 5>7 and 3>6 4>7 5>8 6>9.

    No step is the target more than twice. A large output at 6 and a smaller one at 9 answer 6 up to second spike 5 and 9 after
    it, right for 3>6, 4>6 and 6>9; no fourth can be had.
    """
    task = TimedSpikes(tmp_path, length=10, least_delay=2, most_delay=3)
    assert task.chance == {"accuracy": 3 / 8, "success": 0.0}
    batch = task.sample(20_000, seeded())
    outputs = torch.zeros(10)
    outputs[[6, 9]] = torch.tensor([2.0, 1.0])
    correct = task.items(outputs.view(1, 1, -1, 1).expand(1, 20_000, -1, -1), batch)["right"]
    assert correct.double().mean().item() == pytest.approx(3 / 8, abs=0.02)


def test_timed_spikes_scores(tmp_path):
    task = TimedSpikes(tmp_path, solved_above=0.6)
    batch = task.sample(100, seeded())
    right = batch.targets.clone()
    before = right + 5 * batch.inputs  # whatever is said until the second spike does not count
    late = right.roll(1, 2)
    late[:, :70] = right[:, :70]
    outputs = torch.cat([right, before, late, right.roll(-1, 2)])
    items = task.items(outputs, batch)
    scores = task.metrics(items)
    assert scores["accuracy"].tolist() == pytest.approx([1, 1, 0.7 + 0.3 * (late == right)[0, 70:].all(1).double().mean().item(), 0])
    assert scores["success"].tolist() == [1, 1, 1, 0]
    assert items["steps_off"][0].sum() == 0 and (items["steps_off"][3] == 1).all()
    assert task.metrics({"right": torch.tensor([[1, 1, 1, 0, 0]])})["success"].item() == 0  # .6 is not above .6


def test_timed_spikes_loss_equals_a_hand_loop(tmp_path):
    task = TimedSpikes(tmp_path, length=13, least_delay=2, most_delay=4)
    batch = task.sample(3, seeded())
    outputs = torch.randn(2, 3, 13, 1, generator=seeded(1))
    for member, loss in enumerate(task.loss(outputs, batch).tolist()):
        parts = []
        for row, step in itertools.product(range(3), range(13)):
            target = batch.targets[0, row, step]
            plain = torch.nn.functional.binary_cross_entropy_with_logits(outputs[member, row, step], target).item()
            parts.append(plain * (12 if target else 1))
        assert loss == pytest.approx(np.mean(parts), rel=1e-5)


def test_timed_spikes_silence_and_noise_cost_the_same(tmp_path):
    task = TimedSpikes(tmp_path)
    batch = task.sample(8, seeded())
    never, always = (task.loss(torch.full((1, 8, 40, 1), value), batch).item() for value in (-9.0, 9.0))
    assert never == pytest.approx(always, rel=1e-4) and never > 5 * task.loss(torch.zeros(1, 8, 40, 1), batch).item()


@pytest.mark.parametrize(("options", "sentence"), [
    ({"length": 24, "most_delay": 12}, "length must be more than twice most_delay 12"),
    ({"least_delay": 0}, "least_delay must lie between 1 and most_delay 12, but is 0"),
    ({"least_delay": 9, "most_delay": 8}, "least_delay must lie between 1 and most_delay 8, but is 9")])
def test_timed_spikes_that_do_not_fit_complain(tmp_path, options, sentence):
    with pytest.raises(ValueError, match=sentence):
        TimedSpikes(tmp_path, **options)


def test_timed_spikes_are_learned():
    run = dataclasses.replace(SPIKES, hidden=12, batch=32, updates=250, options={"length": 9, "least_delay": 1, "most_delay": 3})
    trained = fit(run, [(0, 0.03)])
    losses = [row["loss"] for row in trained.history]
    assert losses[-1] < 0.3 * losses[0]
    assert trained.metrics[0]["accuracy"] > 0.9 > TASKS["timed_spikes"]("nothing", **run.options).chance["accuracy"]


def test_sequences_obey_their_definition(tmp_path):
    task = SequenceGeneration(tmp_path, length=320)
    for seed in range(20):
        sequence = task.target(seeded(seed))
        drawn = torch.rand(2, 5, generator=seeded(seed), dtype=torch.float64).numpy()
        periods = np.sort(np.exp(np.log(SHORTEST) + drawn[0] * (np.log(LONGEST) - np.log(SHORTEST))))[::-1]
        total = np.zeros(320)
        for place, period in enumerate(periods):
            total += np.sin(2 * np.pi * (np.arange(320) / period + drawn[1, place])) / (place + 1)
        assert np.allclose(sequence.numpy(), total / np.abs(total).max(), atol=1e-6)
        assert sequence.shape == (320,) and sequence.abs().max() == 1 and 0.01 < sequence.var() < 1


def test_one_wave_comes_back_after_its_period(tmp_path):
    sequence = SequenceGeneration(tmp_path, length=320, waves=1).target(seeded(3)).numpy()
    crossings = np.flatnonzero((sequence[:-1] < 0) & (sequence[1:] >= 0))
    period = SHORTEST * (LONGEST / SHORTEST) ** torch.rand(1, generator=seeded(3), dtype=torch.float64).item()
    assert len(crossings) > 2 and np.diff(crossings).mean() == pytest.approx(period, abs=1)


def test_every_batch_is_the_one_sequence_of_each_member(tmp_path):
    task = SequenceGeneration(tmp_path, length=23)
    batches = task.training_batches([seeded(seed) for seed in (1, 2, 3)], 32)
    first, second = next(batches), next(batches)
    assert first.inputs.shape == (1, 1, 23, 1) and not first.inputs.any() and first.targets.shape == (3, 1, 23, 1)
    assert torch.equal(first.targets, second.targets)
    for split in ("validation", "test"):
        (batch,) = task.evaluation_batches(split)
        assert torch.equal(batch.targets, first.targets) and torch.equal(batch.inputs, first.inputs)
    alone = [next(SequenceGeneration(tmp_path, length=23).training_batches([seeded(seed)], 1)).targets for seed in (1, 2, 3)]
    assert torch.equal(torch.cat(alone), first.targets)
    assert all((one - other).abs().max() > 0.1 for one, other in itertools.combinations(alone, 2))


def test_a_sequence_before_training_complains(tmp_path):
    with pytest.raises(RuntimeError, match="before training_batches has drawn one"):
        SequenceGeneration(tmp_path).evaluation_batches("test")


@pytest.mark.parametrize(("options", "sentence"), [({"length": 9}, "length must be at least 10"), ({"waves": 0}, "waves must be at least 1")])
def test_a_sequence_that_is_none_complains(tmp_path, options, sentence):
    with pytest.raises(ValueError, match=sentence):
        SequenceGeneration(tmp_path, **options)


def test_sequence_scores_of_known_answers(tmp_path):
    task = SequenceGeneration(tmp_path, length=50)
    targets = next(task.training_batches([seeded(4)], 1)).targets
    mean = targets.mean().expand_as(targets)
    outputs = torch.cat([targets, mean, (targets + mean) / 2, targets + 2 * targets.std(correction=0)])
    scores = task.metrics(task.items(outputs, Batch(torch.zeros(1, 1, 50, 1), targets.expand(4, -1, -1, -1))))["normalised_error"]
    assert scores.tolist() == pytest.approx([0, task.chance["normalised_error"], 1 / 4, 4], abs=1e-6)
    assert task.loss(outputs, Batch(None, targets)).tolist() == pytest.approx((scores * targets.double().var(correction=0)).tolist(), abs=1e-6)


def test_sequence_evaluation_equals_an_independent_one():
    run = dataclasses.replace(SEQUENCE, updates=4)
    members = [(0, 0.01), (5, 0.02), (2, 0.01)]
    trained = fit(run, members)
    task = catalogue.make_task(run, "nothing")
    for index, (seed, _) in enumerate(members):
        weights = {name: weight[index].astype(np.float64) for name, weight in trained.weights.items()}
        target = task.target(training.generator(seed, "data")).numpy().astype(np.float64)
        hidden, outputs = np.zeros(6), []
        for _ in range(23):
            hidden = np.tanh(hidden @ weights["forward_cells.0.recurrent_weight"] + weights["forward_cells.0.bias"][0])
            outputs.append(hidden @ weights["output_weight"][:, 0] + weights["output_bias"][0, 0])
        expected = np.mean((np.array(outputs) - target) ** 2) / np.var(target)
        assert trained.metrics[index]["normalised_error"] == pytest.approx(expected, rel=1e-4)
        assert trained.validation[index] == trained.metrics[index]
        assert trained.history[-3 + index]["normalised_error"] == trained.metrics[index]["normalised_error"]


def test_the_batch_setting_changes_no_sequence_training():
    trained = [fit(dataclasses.replace(SEQUENCE, batch=batch), [(0, 0.01)]) for batch in (1, 32)]
    assert all(np.array_equal(weight, trained[1].weights[name]) for name, weight in trained[0].weights.items())


def test_a_sequence_is_learned():
    run = dataclasses.replace(SEQUENCE, cell="clockwork", hidden=8, updates=150, options={"length": 23})
    trained = fit(run, [(0, 0.03), (1, 0.03)])
    for member in (0, 1):
        losses = [row["loss"] for row in trained.history if row["seed"] == member]
        assert losses[-1] < 0.2 * losses[0] and trained.metrics[member]["normalised_error"] < 0.2


@pytest.mark.parametrize("run", [SPIKES, SEQUENCE], ids=lambda run: run.kind)
@pytest.mark.parametrize("changes", [{"cell": "elman"}, {"cell": "lstm", "options": {"peepholes": True}}, {"cell": "lstm", "path": "fused"},
                                     {"cell": "clockwork", "hidden": 9}], ids=str)
def test_a_member_is_the_same_alone_as_in_company(run, changes):
    run = dataclasses.replace(run, **{**changes, "options": {**run.options, **changes.get("options", {})}})
    members = [(0, 0.01), (1, 0.03), (2, 0.01), (1, 0.01), (7, 0.01)]
    together = fit(run, members)
    for index, member in enumerate(members):
        alone = fit(run, [member])
        for name, weight in alone.weights.items():
            assert np.array_equal(weight[0], together.weights[name][index]), name
        assert alone.metrics[0] == together.metrics[index]
        assert alone.history == [row for row in together.history if (row["seed"], row["learning_rate"]) == member]
        for name, counts in alone.items.items():
            assert np.array_equal(counts[0], together.items[name][index]), name


def test_runs_with_the_same_seed_have_the_same_sequence_whatever_their_cell():
    targets = []
    for cell in ("elman", "lstm"):
        task = catalogue.make_task(SEQUENCE, "nothing")
        training.train(dataclasses.replace(SEQUENCE, cell=cell, updates=1), task, [(3, 0.01)], CPU)
        targets.append(task.targets)
    assert torch.equal(*targets)


@pytest.mark.parametrize("run", [SPIKES, SEQUENCE], ids=lambda run: run.kind)
def test_a_model_answers_every_step(run):
    task = catalogue.make_task(run, "nothing")
    batch = next(task.training_batches([seeded(0), seeded(1)], run.batch))
    outputs = models.build(run, {}, task.sizes, [seeded(2), seeded(3)])(batch)
    assert outputs.shape == batch.targets.shape
    assert task.loss(outputs, batch).shape == (2,)
