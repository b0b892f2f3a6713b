"""Analyses of trained runs: roughness, clipping, success by length, gates; each number against a hand calculation."""

from __future__ import annotations

import dataclasses
import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from unrolled import catalogue, histories, results, settings, training
from unrolled.analyses import clipping, gates, gradient_flow, lags, lstm_vs_rnn, reading, roughness, success_by_length, trained
from unrolled.analyses.clipping import Clipped
from unrolled.cells.base import unroll
from unrolled.cells.elman import Elman
from unrolled.cells.gru import GRU
from unrolled.cells.lstm import LSTM
from unrolled.drawing import COLOURS, colour
from unrolled.settings import SettingsError

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


def test_a_member_without_success_failed_and_rises_within_the_burn_in_do_not_count():
    members = [{"metrics": {"success": success}} for success in (1.0, 0.0, None)]
    losses = np.array([[1.0, 9.0, 1.0, 1.0, 2.0, 1.0], [1.0] * 6, [1.0] * 6])
    found = roughness._of_one_rate("x", losses, members, roughness.Options(window=2, burn_in=3, jump=0.5))
    assert found["failed_x"] == [0.0, 1.0, 1.0] and found["jumps_x"] == [1.0, 0.0, 0.0]


def test_what_is_left_of_a_rate_in_the_end():
    members = [{"metrics": {"success": success, "bits_per_character": bits}, "diverged": diverged}
               for success, bits, diverged in ((1.0, 2.0, None), (1.0, 3.0, None), (0.0, 6.0, None), (None, None, {"step": 3}))]
    assert roughness._cells(members) == ["2/4", "1", "4.50"] and roughness._cells(members[:3]) == ["2/3", "0", "3.00"]
    assert roughness._cells(members[3:]) == ["0/1", "1", "–"]


def test_the_best_rate_is_chosen_on_validation_and_never_a_diverged_one():
    members = [{"learning_rate": rate, "validation": {"bits_per_character": bits}, "metrics": {"bits_per_character": 9 - (bits or 0)}}
               for rate, bits in ((1.0, 3.0), (1.0, 3.2), (2.0, 2.0), (2.0, 2.1), (4.0, None), (4.0, None))]
    assert roughness.best_rate({"members": members}) == 2.0


def test_a_burn_in_of_all_updates_is_named_and_who_ended_within_it_is_as_rough_as_can_be(params, monkeypatch):
    assert roughness.roughness(np.ones((2, 30)), 5, 30).tolist() == [roughness.ROUGHEST] * 2
    chosen = settings.parse(params)
    run = next(iter(chosen.tasks["character_rates"].runs.values()))
    monkeypatch.setattr(trained, "record", lambda reference: {"members": []})
    monkeypatch.setattr(histories, "load", lambda section, run: {1.0: histories.Curve(np.arange(3), np.ones((1, 3)))})
    for made, recorded in ((run, run.updates), (dataclasses.replace(run, updates=0, epochs=1), 3)):
        given = dataclasses.replace(chosen, tasks={"character_rates": dataclasses.replace(chosen.tasks["character_rates"], runs={run.name: made})})
        with pytest.raises(SettingsError, match=rf"roughness\.burn_in is {recorded}, which leaves nothing of the {recorded} updates that "
                                                rf"tasks\.character_rates\.runs\.{run.name} records; make it smaller"):
            roughness.analyse(roughness.Options(burn_in=recorded, compared=(run.name, run.name)), given)


def test_what_is_drawn_side_by_side_are_runs_of_the_section(params):
    with pytest.raises(SettingsError, match=r"roughness\.compared names 'tahn', which is no run of tasks\.character_rates; did you mean 'tanh'\?"):
        roughness.analyse(roughness.Options(compared=("tahn", "lstm")), settings.parse(params))


# runs at several learning rates, of several cells, in many colours

SEVERAL = r"tasks\.slots\.runs\.elman was trained at 2 learning rates \(0\.01, 0\.03\), but an analysis reads it at one; leave one of them"


def several() -> dict:
    members = [{"seed": 0, "learning_rate": rate, "metrics": {}, "diverged": None, "stopped": None} for rate in (0.01, 0.03)]
    return {"format": results.FORMAT, "task": "slots", "run": "elman", "parameters": 7, "members": members,
            "settings": {"hidden": 5, "learning_rate": None}}


def test_an_analysis_that_reads_a_run_at_one_rate_says_so(workplace):
    results.write_json(results.run_file("slots", "elman"), several())
    results.write_csv(results.history_file("slots", "elman"), [{"seed": 0, "learning_rate": rate, "step": 1, "loss": 1} for rate in (0.01, 0.03)])
    with pytest.raises(SettingsError, match=SEVERAL):
        reading._table({"elman": several()})
    with pytest.raises(SettingsError, match=SEVERAL):
        lstm_vs_rnn._curves(None, ["slots/elman"], ["black"], "title", "label")
    with pytest.raises(SettingsError, match=SEVERAL):
        trained.only_rate(trained.record("slots/elman"))
    assert trained.only_rate({"members": several()["members"][:1]}) == 0.01


@pytest.mark.parametrize("change", [{"layers": 2}, {"bidirectional": True}, {"model": "averaged"}])
def test_the_gradient_of_several_cells_is_not_measured_as_that_of_one(params, monkeypatch, change):
    params["tasks"]["adding"]["runs"]["tanh"] |= change
    chosen = settings.parse(params)
    monkeypatch.setattr(catalogue, "make_task", lambda *given: pytest.fail("it is measured"))
    options = gradient_flow.Options(cells={}, trained_runs=("tanh",), biases={})
    with pytest.raises(SettingsError, match=r"trained_runs names 'tanh', but only a reader of one layer in one direction is measured"):
        gradient_flow._trained(options, chosen)


def test_colours_come_again():
    assert [colour(place) for place in range(len(COLOURS) + 2)] == [*COLOURS, *COLOURS[:2]]
    counts = {"adding": {f"cell{place}": {10: (1, 2)} for place in range(len(COLOURS) + 1)}}
    lines = success_by_length._lines_picture(counts, success_by_length.Options(lines=tuple(counts["adding"])))
    assert len(lines.figure.axes[0].containers) == len(COLOURS) + 1


# LSTM against the plain network

def test_a_comparison_reads_what_was_recorded_once_and_leaves_out_what_was_not(params, workplace):
    chosen = settings.parse(params)
    measure = lstm_vs_rnn.Measure("solved, T = {T}", "解出，T = {T}", "temporal_order/tanh_200_seeds", "temporal_order/lstm_200_seeds", "success", 1)
    assert lstm_vs_rnn._compared(measure, chosen) is None
    for run, solved in (("tanh_200_seeds", 0), ("lstm_200_seeds", 15)):
        members = [{"seed": seed, "metrics": {"success": float(seed < solved)}, "diverged": None} for seed in range(20)]
        results.write_json(results.recorded_file("temporal_order", run), {"format": results.FORMAT, "settings": {"length": 7}, "members": members})
    assert lstm_vs_rnn._compared(measure, chosen) == ("solved, T = 7", "解出，T = 7", "0/20", "15/20", 1)


def test_fewer_parameters_speak_for_the_plain_network(workplace):
    for run, parameters in (("tanh", 10), ("tanh_matched", 40), ("lstm", 40)):
        results.write_json(results.run_file("adding", run), {"format": results.FORMAT, "parameters": parameters, "settings": {"hidden": 3}})
    row = lstm_vs_rnn._parameters(lstm_vs_rnn.Options({"gradient_flow": {}, "surfaces": {}, "roughness": {}}))
    assert row == ("parameters at 3 units", "3 个单元的参数量", "10", "40", -1)
    assert "the plain network 1: parameters at 3 units. What an update" in lstm_vs_rnn._sentence([row]).text


# clipping

def test_share_above_counts_what_is_not_finite_as_above(workplace, monkeypatch):
    rows = [{"seed": "0", "learning_rate": "1.0", "step": str(step), "gradient_norm": norm} for step, norm in enumerate(("2", "20", "", "14.9"))]
    monkeypatch.setattr(clipping.results, "read_csv", lambda path: rows)
    assert clipping.share_above(Clipped("s", "r", "n", "none", {}), "gradient_norm") == pytest.approx(0.5)
    rows.append({"seed": "1", "learning_rate": "1.0", "step": "0", "gradient_norm": "3"})  # of what it never reached nothing is known
    assert clipping.share_above(Clipped("s", "r", "n", "none", {}), "gradient_norm") == pytest.approx(2 / 5)


def test_a_run_is_taken_apart_by_its_record():
    for name, by, at, parts in (("irnn_norm_1_60", "norm", 1.0, ("irnn", "norm 1")), ("lstm_none_rates", "none", 1.0, ("lstm", "none")),
                                ("tanh_norm_0_25", "norm", 0.25, ("tanh", "norm 0.25")), ("gru", "value", 5.0, ("gru", "value 5"))):
        found = clipping._clipped("s", name, {"settings": {"clip_by": by, "clip_at": at}})
        assert (found.network, found.kind, found.run) == (*parts, name)


def test_what_was_never_to_be_recorded_is_named(params):
    chosen = settings.parse(params)
    assert clipping._recorded(clipping.Options(("clipping",), (0.01,), recorded={"clipping": ["lstm_norm_5_rates"]}), "clipping", chosen) == ["lstm_norm_5_rates"]
    with pytest.raises(SettingsError, match="recorded names clipping/lstm_norm_5, which is no run of full scale; did you mean 'lstm_norm_5_rates'"):
        clipping._recorded(clipping.Options(("clipping",), (0.01,), recorded={"clipping": ["lstm_norm_5"]}), "clipping", chosen)


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


def test_how_far_cells_come():
    counts = {"tanh": {10: (5, 5), 50: (2, 5), 100: (0, 5)}, "gru": {10: (5, 5), 50: (5, 5), 100: (3, 6)}, "lstm": {10: (0, 5), 100: (3, 5)},
              "scrn": {10: (0, 2), 50: (0, 2)}, "wide": {50: (5, 5)}}
    assert list(success_by_length.longest(counts).items()) == [(100, ["gru", "lstm"]), (10, ["tanh"]), (0, ["scrn"])]
    said = success_by_length._sentence("adding", counts)
    assert "100: gru, lstm; 10: tanh; none: scrn." in said.text and "wide" not in said.text and "100：gru、lstm；10：tanh；无：scrn。" in said.text_zh


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


def test_a_gradient_underflows_where_float32_has_no_normal_number_any_more():
    norms = np.array([[1.0, 1e-20, 1e-39, 0.0], [1.0, 1e-20, 1e-39, 0.0], [1.0, 1.0, 1.0, 1.0]])
    assert gradient_flow._underflow(norms) == 2.0 and gradient_flow._underflow(norms[2:]) is None


def test_gates_keep_by_the_geometric_mean(monkeypatch):
    """Steps multiply: a quarter and then all of it leaves as much as a half twice."""
    monkeypatch.setattr(gates, "kept_share", lambda *_: torch.tensor([[[[0.25]], [[1.0]]], [[[0.5]], [[0.5]]]], dtype=torch.float64))
    assert gates.expected_factor(None, None, []) == pytest.approx([0.5, 0.5])


@pytest.mark.parametrize(("length", "first"), [(100, 20), (30, 12), (50, 20), (49, 19)])
def test_of_a_short_sequence_two_fifths_are_left_out_of_the_fit(length, first):
    flow = gradient_flow.Flow(np.ones((2, length)), None, None)
    assert gradient_flow._first_lag(flow, SimpleNamespace(first_lag=20)) == first


def test_trained_networks_are_measured_on_validation_sequences_and_never_on_the_test(monkeypatch):
    class Asked:
        def evaluation_batches(self, split):
            asked.append(split)
            yield SimpleNamespace(inputs=torch.arange(24.0).view(1, 4, 3, 2))

    asked, measured = [], []
    cell = Elman(2, 3, [training.generator(seed, "values") for seed in range(2)])
    section = SimpleNamespace(name="adding", reads="", runs={"tanh": None})
    for place, name, stand_in in ((gradient_flow, "_check_single", lambda _: None), (gradient_flow.catalogue, "make_task", lambda *_: Asked()),
                                  (gradient_flow.results, "read_arrays", lambda _: {}),
                                  (gradient_flow, "trained_model", lambda *_: SimpleNamespace(forward_cells=[cell])),
                                  (gradient_flow, "measure", lambda *given: measured.append(given) or "flow")):
        monkeypatch.setattr(place, name, stand_in)
    options = gradient_flow.Options({}, ("tanh",), {}, batch=3, first_seed=5)
    assert gradient_flow._trained(options, SimpleNamespace(tasks={"adding": section})) == {"tanh": "flow"} and asked == ["validation"]
    (given, inputs, seeds), = measured
    assert given is cell and list(seeds) == [5, 6]
    assert inputs.shape == (2, 3, 3, 2) and torch.equal(inputs[1, 2].flatten(), torch.arange(12.0, 18.0).double())
