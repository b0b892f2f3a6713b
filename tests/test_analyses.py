"""Analyses: their numbers against independent ones, their options, and what they write."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from conftest import ROOT
from scipy.special import expit

from unrolled import analyses, results, settings, training
from unrolled.analyses import (
    base,
    error_surface,
    gradient_flow,
    lags,
    lstm_examples,
    repeated_steps,
    repeated_weight,
    weights,
    worked_examples,
)
from unrolled.analyses.base import AnalysisResult, Check, compare
from unrolled.cells.base import unroll
from unrolled.cells.elman import Elman
from unrolled.cells.lstm import LSTM
from unrolled.cells.sweep import INTO
from unrolled.settings import SettingsError

pytestmark = pytest.mark.unit


# error surface

def test_the_surface_is_that_of_a_sigmoid_elman_cell():
    """x_t = w s(x_{t-1}) + b from x_0 = .5 is h_t = s(w h_{t-1} + b) from h_0 = s(.5): value and gradient by automatic differentiation."""
    gains, biases = np.array([0.5, 3.0, 5.1, 9.0]), np.array([-0.3, -1.4, -2.6, -4.4])
    cell = Elman(1, 1, [training.generator(0, "values")] * 4, activation="sigmoid")
    weights.set_weights(cell, input_weight=0.0, recurrent_weight=torch.tensor(gains).view(4, 1, 1), bias=torch.tensor(biases).view(4, 1, 1))
    start = type(cell.initial_state(1))(torch.full((4, 1, 1), 0.5, dtype=torch.float64).sigmoid())
    outputs = unroll(cell, torch.zeros(4, 1, 50, 1, dtype=torch.float64), start).outputs[:, 0, -1, 0]
    losses = (outputs - 0.7).square()
    gradients = torch.autograd.grad(losses.sum(), [cell.recurrent_weight, cell.bias])
    value, by_weight, by_bias = error_surface.error(gains, biases)
    assert value == pytest.approx(losses.detach().numpy(), rel=1e-10)
    for ours, theirs in zip((by_weight, by_bias), gradients, strict=True):
        assert ours == pytest.approx(theirs.flatten().numpy(), rel=1e-8)


def test_the_surface_has_flat_land_and_a_cliff():
    options = error_surface.Options(points=101)
    norms = np.hypot(*error_surface.error(*error_surface.grid(options))[1:])
    assert np.median(norms) < 0.02 and norms.max() > 5


@pytest.mark.parametrize(("by", "at", "most"), [("norm", 1.0, 0.5), ("value", 1.0, 0.5 * 2**0.5), ("norm", 15.0, 7.5)])
def test_a_clipped_step_is_never_longer(by, at, most):
    options = error_surface.Options(points=101, starts=50, updates=30)
    weights, biases = error_surface.grid(options)
    norms = np.hypot(*error_surface.error(weights, biases)[1:])
    starts = error_surface.near_the_cliff(weights, biases, norms, options)
    assert error_surface.descend(*starts, by, at, 0.5, options).longest.max() <= most + 1e-12
    free = error_surface.descend(*starts, "none", 1.0, 0.5, options)
    assert free.paths.shape == (31, 50, 2)
    first = free.paths[1] - free.paths[0]
    assert first == pytest.approx(-0.5 * np.stack(error_surface.error(*free.paths[0].T)[1:], 1))


def test_shares_add_up():
    found = error_surface.window_statistics(error_surface.Options(points=31, windows=3))
    total = np.add(np.add(found["flat_share"], found["steep_share"]), found["between_share"])
    assert total == pytest.approx(np.ones(3)) and len(set(found["flat_share"])) == 3


# repeated weight

def test_the_largest_step_is_the_largest():
    weights = np.array([0.985, 0.9999, 1.003, 1.015])
    steps = repeated_steps.largest_step(weights, 999)
    loss, slope = repeated_steps.loss_and_slope(weights, 999)
    assert (repeated_steps.loss_and_slope(weights - 0.99 * steps * slope, 999)[0] <= loss).all()
    with np.errstate(over="ignore"):
        assert (repeated_steps.loss_and_slope(weights - 1.01 * steps * slope, 999)[0] > loss).all()
    assert repeated_steps.largest_step(np.array([0.99, 1.01]), 1) == pytest.approx([2, 2], rel=1e-6)  # a parabola of curvature 1


def test_untied_gains_drift_by_the_root_of_time():
    """Over many seeds, deviations are spread x T for one gain and spread x sqrt(T) for independent ones."""
    found = repeated_weight.tied_and_untied(repeated_weight.Options(seeds=400, length=64, hidden=4, first_lag=5)).values
    tied, untied = (np.sqrt(np.mean(np.square(found[name]))) * np.log(10) for name in ("tied_decades", "untied_decades"))
    assert tied == pytest.approx(0.05 * 64, rel=0.1) and untied == pytest.approx(0.05 * 8, rel=0.1)


# gradient by lag

def test_gradient_by_lag_is_a_product_of_jacobians():
    seeds = (3, 4)
    cell = Elman(2, 5, [training.generator(seed, "values") for seed in seeds]).double()
    norms, states = lags.gradient_by_lag(cell, lags.draw_inputs(12, 1, 2, seeds), seeds)
    for member, seed in enumerate(seeds):
        error = torch.randn(5, generator=training.generator(seed, "dropout"), dtype=torch.float64)
        for lag in range(12):
            assert norms[member, lag] == pytest.approx(float(error.norm()), rel=1e-9)
            hidden = states[11 - lag].hidden[member, 0]
            error = (cell.recurrent_weight[member] @ ((1 - hidden.square()) * error)).detach()


def test_a_forget_gate_held_open_keeps_the_gradient():
    """With every other path cut, the memory's gradient shrinks by exactly the forget gate's opening."""
    cell = LSTM(2, 3, [training.generator(0, "values")], forget_bias=2.0)
    bias = cell.bias.detach().clone()
    weights.set_weights(cell, input_weight=0.0, recurrent_weight=0.0, bias=bias)
    norms, _ = lags.gradient_by_lag(cell, lags.draw_inputs(40, 2, 2, [0]), [0])
    found = lags.fit(norms, 5)
    assert found.factor[0] == pytest.approx(1 / (1 + np.exp(-2.0)), rel=1e-9) and found.r_squared[0] == pytest.approx(1.0)


def test_a_dead_network_has_no_infinite_logarithm():
    fit = lags.fit(np.zeros((2, 30)), 5)
    assert np.isfinite(fit.factor).all() and np.isfinite(fit.r_squared).all()


# worked examples

def test_the_notes_printed_gates_give_other_outputs():
    assert lstm_examples.lecture_lstm((0, 10, 0))[1][:4] == pytest.approx([1.5, 3.5, 4.0, 8.5], abs=2e-3)


@pytest.mark.parametrize("part", [
    worked_examples.all_ones, worked_examples.another_order, worked_examples.shared_weight, worked_examples.three_gradients,
    lstm_examples.gates, lstm_examples.lstm_example, lstm_examples.parameter_counts, lstm_examples.scalar_cells])
def test_worked_examples_hold(part):
    found = part()
    assert found.checks and all(check.passed for check in found.checks)


def test_a_cell_that_computes_something_else_is_caught(monkeypatch):
    monkeypatch.setitem(INTO, "linear", torch.tanh)
    assert not all(check.passed for check in worked_examples.all_ones().checks)


def test_of_those_that_leave_the_plane_it_is_told_whom_clipping_keeps():
    """In steps of 45 nobody stays who would not have anyway; in steps of 0.03 everybody does."""
    few = error_surface.Options(points=101, windows=1, starts=40, updates=40, other_rates=(0.1,), thresholds=(0.01, 15.0), judged_rates=(3.0,))
    values = error_surface.analyse(few, None).values
    everything_flat = dataclasses.replace(few, points=31, flat=1e6, steep=1e9)  # the exact gradient is held against differences all the same
    assert all(check.passed for check in error_surface.analyse(everything_flat, None).checks)
    left = len(values["success_rescued_norm_0.01_rate_3"])
    assert 0 < left == sum(values["flew_rate_3"]) < 40 and values["success_rescued_norm_0.01_rate_3"] == [1.0] * left
    assert len(values["success_rescued_norm_15_rate_3"]) == left and sum(values["success_rescued_norm_15_rate_3"]) < left


# checks, options, files

@pytest.mark.parametrize(("expected", "observed", "tolerance", "passed"), [
    (1, 1.0, 0, True), ([1, [2, 3]], torch.tensor([1.0, 2.0]), 0, False), ([[1, 2]], np.array([[1, 2.05]]), 0.1, True),
    ([[1, 2]], np.array([[1, 2.2]]), 0.1, False), ("O", "O", 0, True), (True, False, 0, False), ([1, 2], [1], 0, False),
    (float("inf"), float("inf"), 0, True)])
def test_compare(expected, observed, tolerance, passed):
    assert compare("A1", "x", expected, observed, tolerance).passed is passed


@pytest.mark.parametrize(("name", "key", "value", "complaint"), [
    ("error_surface", "pionts", 3, "analyses.error_surface.pionts is no option of this analysis; did you mean 'points'?"),
    ("error_surface", "points", "many", "analyses.error_surface.points must be a whole number"),
    ("error_surface", "points", -3, "analyses.error_surface.points must be at least 0"),
    ("error_surface", "weights", [3, 1], "weights must be two numbers, the lower first"),
    ("error_surface", "steep", 1e-6, "flat must lie below steep, but they are 0.01 and 1e-06"),
    ("error_surface", "near", float("nan"), "must be a finite number"),
    ("gradient_flow", "cells", {"x": {"cell": "elmann"}}, "analyses.gradient_flow.cells.x.cell is 'elmann', which is not registered; did you mean 'elman'?"),
    ("gradient_flow", "cells", {"x": {"cell": "lstm", "forget_bais": 1}}, "forget_bais is no option of cell lstm; did you mean 'forget_bias'?"),
    ("gradient_flow", "cells", {"x": {"cell": "elman", "activation": "swish"}},
     "analyses.gradient_flow.cells.x: cell elman refuses 'swish', which it does not know."),
    ("gradient_flow", "cells", {"x": {"cell": ["elman"]}}, "analyses.gradient_flow.cells.x.cell must be a word"),
    ("gradient_flow", "cells", 3, "analyses.gradient_flow.cells must be a mapping"),
    ("gradient_flow", "first_lag", 99, "first_lag 99 leaves no lags to fit"),
    ("gradient_flow", "biases", {"lstm": "one"}, "analyses.gradient_flow: biases.lstm must be a number, but is 'one'."),
    ("gradient_flow", "biases", {"lstm": True}, "biases.lstm must be a number, but is True."),
    ("gradient_flow", "biases", {"lstm": float("nan")}, "biases.lstm must be a number, but is nan."),
    ("error_surface", "updates", 0, "points must be at least 3, and starts, windows, updates and steps at least 1."),
    ("error_surface", "steps", 0, "and starts, windows, updates and steps at least 1."),
    ("repeated_weight", "samples", 0, "samples and repeats must be at least 1 and reach lie between 0 and 1, but they are 0, 999 and 0.02."),
    ("repeated_weight", "repeats", 0, "but they are 50, 0 and 0.02."),
    ("repeated_weight", "reach", 1.0, "but they are 50, 999 and 1."),
    ("documents", "strengths", [], "strengths must be numbers above 0, one at least, and learned at least 1."),
    ("documents", "strengths", [1, 0], "strengths must be numbers above 0, one at least"),
    ("documents", "learned", 0, "and learned at least 1."),
    ("audio_tsne", "perplexity", 0, "perplexity must be above 0, but is 0."),
    ("success_by_length", "sections", [], "sections is empty; name at least one"),
    ("success_by_length", "more_seeds", {"addng": {}}, "more_seeds names the section 'addng'; did you mean 'adding'?"),
    ("special_cells", "more_seeds", {"tming": {}}, "more_seeds names the section 'tming'; did you mean 'timing'?"),
    ("clipping", "recorded", {"cliping": ["lstm_norm_5_rates"]}, "recorded names the section 'cliping'; did you mean 'clipping'?"),
    ("clipping", "more_seeds", {"clipping": "irnn_none_60"}, "more_seeds.clipping must be a mapping of runs to those that stand in, but is 'irnn_none_60'."),
    ("lstm_vs_rnn", "measured", {}, "measured lacks gradient_flow, roughness, surfaces"),
    ("lstm_vs_rnn", "measured", {"gradient_flow": [3], "surfaces": {}, "roughness": {}}, "measured.gradient_flow must be a mapping"),
    ("lstm_vs_rnn", "measured", {"gradient_flow": {}, "surfaces": {}, "roughness": "reads"},
     "measured.roughness must be a mapping, as a section of `analyses` is, but is 'reads'."),
    ("lstm_vs_rnn", "measured", {"gradient_flow": {"cells": {"tanh": {}}}, "surfaces": {}, "roughness": {}},
     "measured.gradient_flow.cells must hold tanh and lstm_1, which are drawn, but holds tanh."),
    ("lstm_vs_rnn", "curves", ["adding/tanh"], "curves must name three runs and character_curves two, but they are ['adding/tanh'] and "),
])
def test_a_slip_in_an_option_is_named(params, name, key, value, complaint):
    params["analyses"][name][key] = value
    with pytest.raises(SettingsError) as error:
        analyses.check(settings.parse(params))
    assert complaint in str(error.value) and "\n" not in str(error.value)


def test_an_unknown_analysis_is_named(params):
    params["analyses"]["error_surfaces"] = params["analyses"].pop("error_surface")
    with pytest.raises(SettingsError, match="did you mean 'error_surface'"):
        analyses.check(settings.parse(params))


def test_fresh_seeds_reach_the_analyses(params):
    params["seed_offset"] = 500
    assert analyses.check(settings.parse(params))["gradient_flow"].first_seed == 500


def test_what_is_written_can_be_read(workplace):
    result = AnalysisResult([compare("A1", "x", 1, 1)], {"some": [1.0, 2.0]})
    base.save("worked_examples", result)
    read = results.read_result(results.analysis_file("worked_examples"))
    assert [Check(**check) for check in read["checks"]] == result.checks and read["values"] == result.values
    with pytest.raises(results.ResultsError, match="some"):
        base.save("worked_examples", AnalysisResult(values={"some": float("nan")}))
    assert results.read_result(results.analysis_file("worked_examples")) == read  # the old one stands


def test_small_analyses_make_all_that_claims_ask_of_them(workplace):
    surface = error_surface.analyse(error_surface.Options(points=101, windows=2, starts=500, updates=60, other_rates=(0.1,)), None)
    flow = gradient_flow.untrained({"cell": "jordan"}, gradient_flow.Options(cells={}, trained_runs=(), biases={}, seeds=2, length=30)).norms
    weight = repeated_weight.analyse(repeated_weight.Options(seeds=2, samples=5, length=30, first_lag=5), None)
    assert flow.shape == (2, 30)
    for name, values in {"error_surface": surface.values, "repeated_weight": weight.values}.items():
        text = (ROOT / "claims.yaml").read_text(encoding="utf-8")
        asked = {line.split("value: ")[1].split("}")[0].strip() for line in text.splitlines() if f"analysis: {name}, value: " in line}
        assert asked and asked <= set(values), asked - set(values)


def test_growth_is_no_keeping():
    """A factor of 1.25 is as far from keeping as one of 0.8."""
    lags, factors = np.arange(30), np.array([0.8, 1.25, 1.0])
    flow = gradient_flow.Flow(factors[:, None] ** lags, None, np.array([0.5, 0.6, 0.7]))
    found = gradient_flow.values_of("x", flow, 5)
    assert set(found) == {"factor_x", "constancy_x", "opening_x"}
    assert found["factor_x"] == pytest.approx(factors) and found["constancy_x"] == pytest.approx([0.8, 0.8, 1.0])


def test_land_in_between_hangs_on_what_flat_means():
    options = error_surface.Options(points=101, windows=2)
    found = error_surface.window_statistics(options)
    for flat, steep, between, below in zip(*(found[name] for name in ("flat_share", "steep_share", "between_share", "between_share_below_mean"))):
        assert flat + steep + between == pytest.approx(1) and 0 < below < between


def test_after_one_step_nothing_is_steep_and_most_lies_in_between():
    options = error_surface.Options(points=41, windows=2, starts=5, updates=3, judged_rates=(0.1,), other_rates=())
    values = error_surface.analyse(options, None).values
    weights, biases = error_surface.grid(options, tuple(np.random.default_rng([0, 3]).uniform(-1, 1, 2)))
    end = expit(weights * expit(0.5) + biases)  # by hand: one step of the unit from 0.5
    slope = np.abs(2 * (end - 0.7) * end * (1 - end)) * np.hypot(expit(0.5), 1)
    assert values["flat_share_one_step"][0] == pytest.approx((slope < 0.01).mean())
    assert values["between_share_one_step"][0] == pytest.approx(((slope >= 0.01) & (slope <= 1)).mean()) and slope.max() < 1
    assert values["quantile_ratio_one_step"][0] == pytest.approx(np.quantile(slope, 0.99) / np.median(slope))


def test_a_bias_of_a_run_without_a_forget_gate_is_of_no_account():
    flows = {name: gradient_flow.Flow(np.ones((2, 5)), None, kept) for name, kept in (("tanh", None), ("lstm", np.array([0.5, 0.7])))}
    options = gradient_flow.Options(cells={}, trained_runs=("tanh", "lstm"), biases={"tanh": 0, "lstm": 1, "gru": 2})
    assert gradient_flow._gated(flows, options) == {"lstm": 1}
    assert "1: 0.60 (started near 0.73)" in gradient_flow._openings_sentence(flows, options).text
