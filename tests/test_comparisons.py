"""Analyses of trained runs: roughness, clipping, success by length, gates; each number against a hand calculation."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from unrolled import histories, training
from unrolled.analyses import clipping, gates, gradient_flow, lags, roughness, success_by_length, trained
from unrolled.analyses.clipping import Clipped
from unrolled.cells.base import unroll
from unrolled.cells.elman import Elman
from unrolled.cells.gru import GRU
from unrolled.cells.lstm import LSTM

pytestmark = pytest.mark.unit
SEEDS = (3, 4)


def made(cls, **options):
    return cls(2, 5, [training.generator(seed, "values") for seed in SEEDS], **options).double()


# training curves

def test_curves_are_arrays_with_gaps():
    rows = [{"seed": seed, "learning_rate": "0.1", "step": step, "loss": loss}
            for seed, step, loss in (("0", "1", "2.0"), ("0", "2", ""), ("1", "1", "3.0"))]
    curve = histories.curves(rows)[0.1]
    assert curve.steps.tolist() == [1, 2] and curve.values[0, 0] == 2.0 and curve.values[1, 0] == 3.0
    assert np.isnan(curve.values[0, 1]) and np.isnan(curve.values[1, 1])


def test_roughness_by_hand():
    """A loss that goes 1, 3, 1, 3, ... lies 2/3 or 4/3 from its mean over three."""
    losses = np.tile([1.0, 3.0], 10)[None]
    by_hand = [losses[0, place] - losses[0, place - 1 : place + 2].mean() for place in range(1, 19)]
    assert roughness.roughness(losses, 3, 0)[0] == pytest.approx(math.sqrt(np.mean(np.square(by_hand))))
    assert roughness.roughness(np.full((1, 20), 2.0), 3, 0)[0] == 0


def test_a_straight_slope_is_not_rough():
    assert roughness.roughness(np.linspace(5, 1, 50)[None], 5, 10)[0] == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_loss_that_is_not_finite_is_as_rough_as_can_be(bad):
    losses = np.full((2, 60), 2.0)
    losses[1, 50:] = bad
    assert roughness.roughness(losses, 5, 10).tolist() == [0.0, roughness.ROUGHEST]


def test_a_loss_far_up_is_still_rough():
    """It once was cut off at 100 nats, and so came out smooth."""
    assert roughness.roughness(np.tile([150.0, 250.0], 20)[None], 5, 0)[0] == pytest.approx(40)
    assert roughness.roughness(np.tile([1e3, 9e3], 20)[None], 5, 0)[0] == roughness.ROUGHEST


def test_jumps_are_rises():
    assert roughness.jumps(np.array([[1.0, 1.5, 1.0, 1.2, np.nan, 3.0]]), 0.3).tolist() == [1]


def test_the_best_rate_is_chosen_on_validation_and_never_a_diverged_one():
    members = [{"learning_rate": rate, "validation": {"bits_per_character": bits}, "metrics": {"bits_per_character": 9 - (bits or 0)}}
               for rate, bits in ((1.0, 3.0), (1.0, 3.2), (2.0, 2.0), (2.0, 2.1), (4.0, None), (4.0, None))]
    assert roughness.best_rate({"members": members}) == 2.0


# clipping

def test_share_above_counts_what_is_not_finite_as_above(workplace, monkeypatch):
    rows = [{"seed": "0", "learning_rate": "1.0", "step": str(step), "gradient_norm": norm} for step, norm in enumerate(("2", "20", "", "14.9"))]
    monkeypatch.setattr(clipping.results, "read_csv", lambda path: rows)
    assert clipping.share_above(Clipped("s", "r", "n", "none", {}), "gradient_norm") == pytest.approx(0.5)
    rows.append({"seed": "1", "learning_rate": "1.0", "step": "0", "gradient_norm": "3"})  # of what it never reached nothing is known
    assert clipping.share_above(Clipped("s", "r", "n", "none", {}), "gradient_norm") == pytest.approx(2 / 5)


def test_successes_of_one_rate():
    members = [{"learning_rate": rate, "diverged": diverged, "metrics": {"success": success}}
               for rate, diverged, success in ((1.0, None, 1.0), (1.0, {"step": 3}, 1.0), (2.0, None, 0.0))]
    run = Clipped("s", "r", "n", "none", {"members": members})
    assert clipping._successes(run, [1.0, 2.0]) == "1/3" and clipping._successes(run, [1.0]) == "1/2"
    assert clipping.shared_rates([run, Clipped("s", "q", "n", "norm 1", {"members": members[2:]})]) == [2.0]


# success by length

def test_clopper_and_pearson_by_hand():
    """Of n successes in n the lower end is (alpha / 2)^(1 / n)."""
    assert success_by_length.interval(10, 10) == pytest.approx((0.025 ** 0.1, 1.0))
    assert success_by_length.interval(0, 5) == pytest.approx((0.0, 1 - 0.025 ** 0.2))


def test_runs_are_counted_by_cell_and_length():
    def record(length, values):
        return {"settings": {"length": length}, "members": [{"diverged": None, "metrics": {"success": value}, "learning_rate": 0.1} for value in values]}
    records = {"tanh": record(50, [0, 1]), "tanh_10": record(10, [1, 1]), "gru_10": record(10, [0, 0])}
    assert success_by_length.count(records) == {"tanh": {10: (2, 2), 50: (1, 2)}, "gru": {10: (0, 2)}}


def test_a_diverged_member_scores_worst():
    m = "bits_per_character"
    found = {"members": [{"diverged": {"step": 1}, "metrics": {m: 0.9}, "learning_rate": 0.1}, {"diverged": None, "metrics": {m: None},
             "learning_rate": 0.1}, {"diverged": None, "metrics": {m: 0.7}, "learning_rate": 0.2}]}
    assert trained.scores_of(found, m).tolist() == [6.0, 6.0, 0.7] and trained.scores_of(found, m, 0.2).tolist() == [0.7]


# gates and the factor that theory expects

@pytest.mark.parametrize(("cell", "expected"), [
    (made(LSTM, forget_bias=0.5), "forget"), (made(LSTM, coupled=True), "coupled"), (made(LSTM, peepholes=True), "forget"),
    (made(LSTM, forget_gate=False, kept=0.3), "fixed"), (made(GRU), "update")], ids=("plain", "coupled", "peephole", "leaking", "gru"))
def test_what_a_gate_keeps_step_by_step(cell, expected):
    if cell.__class__ is LSTM and cell.peephole_weight is not None:
        torch.nn.init.normal_(cell.peephole_weight)
    inputs = lags.draw_inputs(6, 3, 2, SEEDS)
    states = unroll(cell, inputs, keep_states=True).states
    kept = gates.kept_share(cell, inputs, states)
    before = cell.initial_state(3)
    for step, state in enumerate(states):
        sums = inputs[:, :, step] @ cell.input_weight + cell.bias + before.hidden @ cell.recurrent_weight
        if expected == "fixed":
            wanted = torch.full((2, 3, 5), 0.3, dtype=torch.float64)
        elif expected == "update":
            wanted = torch.sigmoid(sums[..., 5:10])
        elif expected == "coupled":
            wanted = 1 - torch.sigmoid(sums[..., :5])
        else:
            peephole = 0 if cell.peephole_weight is None else cell.peephole_weight[:, 1] * before.memory
            wanted = torch.sigmoid(sums[..., 5:10] + peephole)
        torch.testing.assert_close(kept[:, step], wanted)
        if cell.__class__ is LSTM and expected == "fixed":
            new = torch.sigmoid(sums[..., :5]) * torch.tanh(sums[..., 10:])
            torch.testing.assert_close(state.memory, 0.3 * before.memory + new)
        before = state


def test_theory_and_gradient_agree_where_theory_is_exact():
    """A diagonal linear-range tanh network without input multiplies an error by its largest gain at each step."""
    cell = made(Elman)
    with torch.no_grad():
        cell.recurrent_weight.copy_(torch.diag(torch.tensor([0.9, 0.5, 0.3, 0.2, 0.1], dtype=torch.float64)).expand(2, 5, 5))
        cell.input_weight.zero_()
        cell.bias.zero_()
    inputs = lags.draw_inputs(60, 2, 2, SEEDS)
    norms, states = lags.gradient_by_lag(cell, inputs, SEEDS)
    assert gates.expected_factor(cell, inputs, states) == pytest.approx([0.9, 0.9])
    assert lags.fit(norms, 20).factor == pytest.approx([0.9, 0.9], rel=1e-3)


def test_cells_without_a_gate_keep_nothing_known():
    cell = made(Elman, activation="relu")
    inputs = lags.draw_inputs(4, 2, 2, SEEDS)
    states = unroll(cell, inputs, keep_states=True).states
    assert gates.kept_share(cell, inputs, states) is None and gates.expected_factor(cell, inputs, states) is None


def test_the_untied_network_forgets_as_fast():
    options = gradient_flow.Options(cells={}, trained_runs=(), biases={}, length=60, first_lag=10, seeds=3)
    tied = gradient_flow.measure(Elman(2, 32, [training.generator(seed, "values") for seed in range(3)]).double(),
                                 lags.draw_inputs(60, 16, 2, range(3)), range(3)).norms
    factors = [lags.fit(norms, 10).factor.mean() for norms in (tied, gradient_flow.untied_norms(options))]
    assert factors[0] == pytest.approx(factors[1], abs=0.1) and factors[1] < 0.8
