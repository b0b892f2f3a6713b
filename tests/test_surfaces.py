"""Error surfaces: one-unit planes, descents on them, and slices through trained networks, each number against another way to it."""

from __future__ import annotations

import dataclasses
import json
import math
import warnings

import numpy as np
import pytest
import torch
import yaml
from conftest import ROOT

from unrolled import analyses, catalogue, execution, results, settings
from unrolled.analyses import slices, stable_rates, surface_pictures, surfaces, unit_surfaces
from unrolled.analyses import weights as given
from unrolled.analyses.unit_surfaces import FORGET_BIASES, NETWORKS, PROBLEMS, Plane
from unrolled.engines import local
from unrolled.settings import SettingsError

pytestmark = pytest.mark.unit
TINY = surfaces.Options(points=9, window_points=7, windows=2, starts=3, updates=5, steps=8, slice_points=5, coarse_points=3, planes=2, batch=8)
OTHERS = {"pascanu": (np.array([0.3, 2.0, 5.1, 11.0]), np.array([0.4, -1.0, -2.6, -5.5])),
          "latch": (np.array([-3.7, -0.4, 1.3, 3.9]), np.array([2.9, 0.02, -0.3, -3.5]))}


def brute_force(network: str, problem: str, weight: float, bias: float, steps: int) -> float:
    """The error by hand, one number at a time, from the formulas of the lecture."""
    def gate(total):
        return 1 / (1 + math.exp(-total))

    total = 0.0
    sequences = [(0.0, 0.7)] if problem == "pascanu" else [(1.0, 0.5), (-1.0, -0.5)]
    for sign, target in sequences:
        hidden = gate(0.5) if problem == "pascanu" else 0.0
        memory = math.atanh(hidden)
        for received in [sign] + [0.0] * (steps - 1):
            net = weight * hidden + received + bias
            if network == "rnn":
                hidden = gate(net) if problem == "pascanu" else math.tanh(net)
            else:
                kept = 1.0 if network == "lstm_no_forget_gate" else gate(net + float(network[5:]))
                memory = kept * memory + gate(net) * math.tanh(net)
                hidden = gate(net) * math.tanh(memory)
        total += (hidden - target) ** 2 / len(sequences)
    return total


# one-unit planes

@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("network", NETWORKS)
def test_error_and_gradient_are_those_of_our_cells(network, problem):
    for points in (OTHERS[problem], Plane((-1.0, 9.0), (-4.0, 3.0)).draw(12, (0.0, 0.0), np.random.default_rng(1))):
        for ours, cells in zip(unit_surfaces.error(network, problem, *points), unit_surfaces.through_cells(network, problem, *points), strict=True):
            assert ours == pytest.approx(cells, rel=1e-8, abs=1e-13)


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("network", NETWORKS)
def test_error_is_that_of_a_loop_over_numbers(network, problem):
    gains, biases = OTHERS[problem]
    values, by_weight, by_bias = unit_surfaces.error(network, problem, gains, biases, 12)
    step = 1e-6
    for place, (gain, bias) in enumerate(zip(gains, biases, strict=True)):
        def at(more_gain, more_bias, gain=gain, bias=bias):
            return brute_force(network, problem, gain + more_gain, bias + more_bias, 12)

        assert values[place] == pytest.approx(at(0, 0), rel=1e-12)
        assert by_weight[place] == pytest.approx((at(step, 0) - at(-step, 0)) / (2 * step), rel=1e-5, abs=1e-8)
        assert by_bias[place] == pytest.approx((at(0, step) - at(0, -step)) / (2 * step), rel=1e-5, abs=1e-8)


@pytest.mark.parametrize("network", FORGET_BIASES)
def test_without_recurrent_weight_the_memory_is_a_geometric_series(network):
    """With w = 0 all gates stand still: c_T = f^T c_0 + i z (1 - f^T) / (1 - f), h_T = o tanh(c_T)."""
    for bias in (-3.0, 0.5, 2.0):
        gate, kept = 1 / (1 + math.exp(-bias)), 1 / (1 + math.exp(-bias) * math.exp(-FORGET_BIASES[network]))
        series = 50.0 if kept == 1 else (1 - kept**50) / (1 - kept)
        memory = kept**50 * math.atanh(1 / (1 + math.exp(-0.5))) + gate * math.tanh(bias) * series
        value, _, _ = unit_surfaces.error(network, "pascanu", np.array([0.0]), np.array([bias]))
        assert value[0] == pytest.approx((gate * math.tanh(memory) - 0.7) ** 2, rel=1e-10)


@pytest.mark.parametrize(("bias", "error"), [(40.0, 0.3**2), (-40.0, 0.7**2)])
def test_gates_driven_open_or_shut_leave_no_slope(bias, error):
    """Driven open, the LSTM shows a memory that has counted all steps, 1; driven shut it shows 0."""
    value, by_weight, by_bias = unit_surfaces.error("lstm_0", "pascanu", np.array([0.0]), np.array([bias]))
    assert value[0] == pytest.approx(error, rel=1e-9) and abs(by_weight[0]) < 1e-9 and abs(by_bias[0]) < 1e-9


def test_a_place_far_off_is_no_error_and_shapes_are_kept():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for network in FORGET_BIASES:
            value, *_ = unit_surfaces.error(network, "latch", np.array([[1e200, 3.0, 3.0]]), np.array([[-1e250, -800.0, 1.0]]), 5)
            assert value.shape == (1, 3) and np.isfinite(value).all() and value[0, 1] == 0.25  # all gates shut: the answer is always 0


def test_a_plane_is_moved_as_a_whole():
    plane = Plane((0.0, 2.0), (-1.0, 0.0))
    gains, biases = plane.grid(3, (0.5, -0.25))
    assert gains[:, 0].tolist() == [0.5, 1.5, 2.5] and biases[0].tolist() == [-1.25, -0.75, -0.25]
    drawn = plane.draw(500, (0.5, -0.25), np.random.default_rng(0))
    for values, (low, high) in zip(drawn, ((0.5, 2.5), (-1.25, -0.25)), strict=True):
        assert low <= values.min() < low + 0.05 * (high - low) and high - 0.05 * (high - low) < values.max() <= high


# statistics

def test_shares_are_counted():
    norms = np.array([[0.0, 0.005, 0.01, 0.5], [1.0, 2.0, np.nan, np.inf]])
    found = surfaces.statistics(norms, 0.01, 1.0)
    assert found["flat"] == 2 / 8 and found["steep"] == 3 / 8 and math.isfinite(found["quantile_ratio"])
    norms = np.linspace(1, 101, 101)
    assert surfaces.statistics(norms, 0.01, 1.0)["quantile_ratio"] == pytest.approx(100 / 51)
    assert math.isfinite(surfaces.statistics(np.zeros(5), 0.01, 1.0)["quantile_ratio"])


def test_shares_add_up_over_planes():
    options = dataclasses.replace(TINY, flat=0.05, steep=0.2)
    for moved, flat, steep in zip(options.moves(), *(surfaces.window_statistics("lstm_1", "latch", options)[kind] for kind in ("flat", "steep")),
                                  strict=True):
        _, by_weight, by_bias = unit_surfaces.error("lstm_1", "latch", *options.plane("latch").grid(options.window_points, moved), options.steps)
        norms = np.sqrt(by_weight**2 + by_bias**2)
        between = ((norms >= 0.05) & (norms <= 0.2)).mean()
        assert 0 < flat < 1 and 0 < steep < 1 and flat + between + steep == pytest.approx(1)


def test_what_is_flat_on_a_slice_hangs_on_its_median_and_not_on_its_scale(monkeypatch):
    norms = np.array([[0.9, 1.1, 10.0], [10.0, 10.0, 10.0], [99.0, 101.0, np.nan]])
    for scale in (1e-6, 1.0, 1e6):
        monkeypatch.setattr(slices, "cut", lambda *_, times=scale: slices.Slice(None, None, times * norms))
        found = surfaces._of_member(None, 0, dataclasses.replace(TINY, slice_flat=0.1, slice_steep=10.0))
        assert found["flat"] == pytest.approx(1 / 9) and found["steep"] == pytest.approx(2 / 9)


def test_every_plane_of_a_member_has_directions_of_its_own(monkeypatch):
    asked, norms = [], np.array([[0.1, 1.0, 10.0]] * 3)
    monkeypatch.setattr(slices, "seeded", lambda *which: asked.append(which))
    monkeypatch.setattr(slices, "cut", lambda *_: slices.Slice(None, None, norms))
    surfaces._of_member(None, 3, dataclasses.replace(TINY, first_seed=5, planes=2))
    assert asked == [(5, 3, 0), (5, 3, 1)]


def test_all_lstms_are_held_against_the_plain_network():
    values = {f"{kind}_{network}_{problem}": [0.5] for kind in ("flat", "steep") for network in NETWORKS for problem in PROBLEMS}
    values |= {"flat_lstm_5_latch": [0.4], "flat_lstm_no_forget_gate_latch": [0.3], "steep_lstm_5_latch": [0.1]}
    found = surfaces._variants_sentence(values)
    assert "pascanu: less is flat than with the plain network for none; latch: less is flat than with the plain network for LSTM, bias 5 and LSTM, " \
           "no forget gate, with no fewer cliffs for 1 of these" in found.text
    assert "锁存平面：平坦处少于普通网络的有偏置 5、无遗忘门，其中悬崖不少于普通网络的有 1 个" in found.text_zh


def test_a_window_depends_on_its_seed_alone():
    both = surfaces.window_statistics("lstm_1", "pascanu", TINY)
    second = surfaces.window_statistics("lstm_1", "pascanu", dataclasses.replace(TINY, first_seed=1, windows=1))
    assert both["quantile_ratio"][0] != both["quantile_ratio"][1] and {kind: values[1:] for kind, values in both.items()} == second


# descents

def bowl(curvature):
    return lambda weight, bias: (0.5 * curvature * (weight**2 + bias**2), curvature * weight, curvature * bias)


def test_a_bowl_is_stable_up_to_two_over_its_curvature():
    """From (.3, .4) the first step is rate x 4 x 0.5 long: 0.2, 0.8, 1.2, 40; at rate .6 each next one is 1.4 times as long."""
    starts = np.array([0.3, 0.4]).reshape(2, 1, 1)
    found = stable_rates.descend(bowl(4.0), starts, (0.1, 0.4, 0.6, 20.0), 60, 1.0, 1e-3)
    assert found.stable.ravel().tolist() == [True, True, False, False]
    assert found.arrived.ravel().tolist() == [True, True, False, False]
    near = stable_rates.descend(bowl(4.0), starts * 1e-3, (0.1, 0.4, 0.6, 20.0), 3, 1.0, 1e-3)
    assert near.stable.ravel().tolist() == [True, True, True, False]  # three steps from close by are still short


def test_what_is_no_longer_finite_is_neither_stable_nor_arrived():
    found = stable_rates.descend(bowl(1e200), np.full((2, 1, 1), 1e-300), (1.0,), 5, 1e308, 1e-3)
    assert not found.stable.any() and not found.arrived.any()


@pytest.mark.parametrize("problem", PROBLEMS)
def test_descents_are_those_of_a_loop_over_starts(problem):
    options = dataclasses.replace(TINY, updates=12, rates=(0.1, 3.0, 30.0))
    found = surfaces._descents("lstm_5", problem, options)
    assert found.stable.shape == (3, 2, 3)
    seen = set()
    for group, (moved, seed) in enumerate(zip(options.moves(), (0, 1), strict=True)):
        starts = options.plane(problem).draw(3, moved, np.random.default_rng([seed, 4]))
        for place, rate in enumerate(options.rates):
            for start in range(3):
                at, longest = starts[:, start], 0.0
                for _ in range(options.updates):
                    gradient = np.array(unit_surfaces.error("lstm_5", problem, *at, options.steps)[1:])
                    longest, at = max(longest, rate * math.hypot(*gradient)), at - rate * gradient
                error = float(unit_surfaces.error("lstm_5", problem, *at, options.steps)[0])
                assert found.stable[place, group, start] == (longest <= 1)
                assert found.arrived[place, group, start] == (error < getattr(options, f"near_{problem}"))
                seen.add(bool(longest <= 1))
    assert seen == {True, False}


def test_the_largest_stable_rate_by_hand():
    rates = (0.1, 1.0, 10.0)
    stable = np.ones((3, 4, 20), dtype=bool)
    stable[2, 0, :2] = False  # 90 % at 10: stable up to 1
    stable[2, 1, :1] = False  # 95 % is enough
    stable[0, 2, :2] = False  # not even the lowest: one step below it
    stable[0, 3, 0] = stable[1, 3, 1] = False  # 95 % at each, but only 90 % at the second and all lower ones
    assert stable_rates.stable_rate(stable, rates) == pytest.approx([0.0, 1.0, -2.0, -1.0])


def test_the_best_rate_by_hand():
    arrived = np.zeros((4, 2, 10), dtype=bool)
    for rate, counts in enumerate(((0, 10), (5, 0), (10, 1), (4, 0))):
        for group, count in enumerate(counts):
            arrived[rate, group, :count] = True
    assert stable_rates.best_rate(arrived) == 2


def test_the_small_rate_is_the_one_of_that_name():
    arrived = np.zeros((3, 2, 4), dtype=bool)
    arrived[1, 0, :1], arrived[2, :, :3] = True, True
    found = surfaces.rate_values(stable_rates.Descents(~arrived, arrived), surfaces.Options(rates=(0.01, 0.1, 1.0)))
    assert found["arrived_small"] == [0.25, 0.0] and found["arrived_best"] == [0.75, 0.75]


# slices

@pytest.fixture(scope="module")
def chosen(tmp_path_factory):
    """A working folder in which the section of stopped runs was trained for a moment, one member of tanh counting as never there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("surfaces"))
        patch.setattr(catalogue.TASKS["adding"], "test_size", 10)
        patch.setattr(execution, "execute", lambda jobs, device, settings, title: [local.work(job, device) for job in jobs])
        tree = settings.read_yaml(ROOT / "params.yaml")
        section = tree["tasks"]["adding_stopped"]
        section.update(updates=4, stride=2, seeds=3, hidden=4, batch=4, stop_below=10, length=6)
        tree.update(tasks={"adding_stopped": section}, workers=1, device="cpu")
        results.write_text("params.yaml", yaml.safe_dump(tree))
        results.write_text("tuned.yaml", "{}\n")
        found = settings.load()
        execution.train_section(found, "adding_stopped")
        path = results.run_file("adding_stopped", "tanh")
        record = results.read_result(path)
        record["members"][0]["stopped"] = None
        results.write_json(path, record)
        yield found


def double(trained: slices.Trained) -> slices.Trained:
    batch = trained.batch._replace(inputs=trained.batch.inputs.double(), targets=trained.batch.targets.double())
    return dataclasses.replace(trained, batch=batch, members=[{name: value.double() for name, value in one.items()} for one in trained.members])


def test_members_that_never_reached_the_loss_are_left_out(chosen):
    section = chosen.tasks["adding_stopped"]
    tanh, lstm = (slices.load(section, name, 8) for name in ("tanh", "lstm"))
    assert (len(tanh.members), tanh.left_out, len(lstm.members), lstm.left_out) == (2, 1, 3, 0)
    stored = results.read_arrays(results.weights_file("adding_stopped", "tanh"))
    assert all(np.array_equal(tanh.members[0][name], value[1]) for name, value in stored.items())
    assert tanh.batch.inputs.shape == (1, 8, 6, 2)


def test_a_direction_is_as_long_as_the_weights_column_by_column(chosen):
    own = slices.load(chosen.tasks["adding_stopped"], "lstm", 8).members[0]
    found = slices.direction(own, np.random.default_rng(0))
    assert set(found) == set(own) and any("bias" in name for name in own)
    for name, value in own.items():
        if value.shape[0] > 1:
            assert found[name].norm(dim=0).numpy() == pytest.approx(value.norm(dim=0).numpy(), rel=1e-5)
        else:
            assert float(found[name].norm()) == pytest.approx(float(value.norm()), rel=1e-5)
        assert value.numel() == 1 or not torch.allclose(found[name].abs(), value.abs())
    recurrent = "forward_cells.0.recurrent_weight"
    dead = {**own, recurrent: own[recurrent] * (torch.arange(16) != 5)}
    assert float(slices.direction(dead, np.random.default_rng(0))[recurrent][:, 5].abs().max()) == 0  # and no NaN


@pytest.mark.parametrize("name", ["tanh", "lstm_bias_5", "lstm_no_forget_gate"])
def test_the_centre_of_a_slice_is_the_trained_network(chosen, name):
    section = chosen.tasks["adding_stopped"]
    trained = slices.load(section, name, 8)
    model = given.trained_model(trained.run, trained.task, results.read_arrays(results.weights_file("adding_stopped", name)))
    losses = trained.task.loss(model(trained.batch), trained.batch).tolist()[-len(trained.members):]
    for member, loss in enumerate(losses):
        found = slices.cut(trained, member, slices.seeded(0, member, 0), 5, 1.0)
        assert found.losses[2, 2] == pytest.approx(loss, rel=1e-5) and slices.centre_loss(trained, member) == pytest.approx(loss, rel=1e-5)
        assert found.losses.shape == found.norms.shape == (5, 5) and np.ptp(found.losses) > 0


@pytest.mark.parametrize("name", ["tanh", "lstm"])
def test_a_slice_is_the_loss_of_moved_weights_and_its_central_differences(chosen, name, monkeypatch):
    monkeypatch.setattr(slices, "TOGETHER", 7)  # points are cut into chunks, the last of another size
    trained = double(slices.load(chosen.tasks["adding_stopped"], name, 8))
    own, random = trained.members[1], slices.seeded(3, 1, 0)
    first, second = slices.direction(own, random), slices.direction(own, random)

    def loss(alpha, beta):
        moved = {key: value + alpha * first[key] + beta * second[key] for key, value in own.items()}
        return slices.centre_loss(dataclasses.replace(trained, members=[moved]), 0)

    found = slices.cut(trained, 1, slices.seeded(3, 1, 0), 5, 0.8)
    step = 1e-5
    for row, column in ((0, 0), (0, 4), (4, 1), (2, 2), (3, 4)):
        alpha, beta = float(found.at[row]), float(found.at[column])
        slope = [(loss(alpha + step, beta) - loss(alpha - step, beta)) / (2 * step), (loss(alpha, beta + step) - loss(alpha, beta - step)) / (2 * step)]
        assert found.losses[row, column] == pytest.approx(loss(alpha, beta), rel=1e-5)
        assert found.norms[row, column] == pytest.approx(math.hypot(*slope), rel=1e-4)


def test_another_plane_or_member_is_another_slice(chosen):
    trained = slices.load(chosen.tasks["adding_stopped"], "lstm", 8)
    ways = [slices.cut(trained, member, slices.seeded(0, member, plane), 3, 1.0).losses for member, plane in ((0, 0), (0, 1), (1, 0))]
    assert not np.allclose(ways[0], ways[1]) and not np.allclose(ways[0], ways[2])
    assert np.array_equal(ways[0], slices.cut(trained, 0, slices.seeded(0, 0, 0), 3, 1.0).losses)
    drawn = {float(slices.seeded(*which).standard_normal()) for which in ((0, 0, 0), (0, 1, 0), (0, 0, 1), (7, 0, 0))}
    assert len(drawn) == 4


def test_a_slice_that_explodes_counts_as_steep_and_can_be_drawn(chosen):
    trained = slices.load(chosen.tasks["adding_stopped"], "tanh", 8)
    huge = dataclasses.replace(trained, members=[{name: value * 1e30 for name, value in trained.members[0].items()}])
    found = slices.cut(huge, 0, slices.seeded(0, 0, 0), 3, 1.0)
    assert not np.isfinite(found.losses).all()
    statistics = surfaces.statistics(np.where(np.isfinite(found.losses), found.norms, np.nan), 0.01, 1.0)
    assert statistics["steep"] > 0.9 and math.isfinite(statistics["quantile_ratio"])
    assert "T = 6，" in surface_pictures.slices_side_by_side({"tanh": found, "lstm": found}, 6).caption_zh


# the whole

@pytest.fixture(scope="module")
def whole(chosen):
    return surfaces.analyse(TINY, chosen)


def asked_of_surfaces(tree) -> set[str]:
    """Return the values of this analysis that are named anywhere in claims.yaml."""
    if not isinstance(tree, dict):
        return set()
    return {tree["value"]} if tree.get("analysis") == "surfaces" else set().union(*map(asked_of_surfaces, tree.values()))


def test_all_that_claims_ask_for_is_there(whole):
    asked = asked_of_surfaces(yaml.safe_load((ROOT / "claims.yaml").read_text(encoding="utf-8")))
    assert asked and asked <= set(whole.values), asked - set(whole.values)
    kinds = ("flat", "steep", "quantile_ratio", "stable_rate", "arrived_small", "arrived_best")
    for problem in PROBLEMS:
        assert all(len(whole.values[f"{kind}_{network}_{problem}"]) == TINY.windows for kind in kinds for network in NETWORKS)
    assert len(whole.values["flat_tanh_slice"]) == len(whole.values["slice_loss_tanh"]) == 2 and whole.values["slices_left_out_tanh"] == 1.0
    assert all(np.isfinite(np.asarray(values, float)).all() for values in whole.values.values())


def test_the_gradients_are_checked_in_every_analysis(whole, monkeypatch):
    assert len(whole.checks) == 2 and all(check.passed and check.claim == "E2" for check in whole.checks)
    real = unit_surfaces.through_cells
    monkeypatch.setattr(unit_surfaces, "through_cells", lambda network, *rest: real("lstm_0" if network == "lstm_1" else network, *rest))
    assert not any(check.passed for check in surfaces._checks(TINY))


def test_a_run_without_any_member_left_has_no_statistics(chosen, monkeypatch):
    load = slices.load
    monkeypatch.setattr(slices, "load", lambda section, name, batch: (
        dataclasses.replace(load(section, name, batch), members=[], left_out=3) if name == "lstm" else load(section, name, batch)))
    found = surfaces.analyse(dataclasses.replace(TINY, windows=1), chosen)
    assert found.values["slices_left_out_lstm"] == 3.0 and "flat_lstm_slice" not in found.values and "slices" not in found.figures


def test_a_surface_to_be_turned_is_small_and_plain_json(whole):
    for picture in whole.interactive.values():
        text = json.dumps(picture.specification, allow_nan=False)
        assert len(text) < 400_000 and [trace["scene"] for trace in picture.specification["data"]] == ["scene", "scene2"]
    plane = Plane((0.0, 12.0), (-6.0, 0.0))
    gains, biases = plane.grid(201)
    found = surface_pictures.three_dimensional({"rnn": gains / 12, "lstm_1": -biases / 6}, plane)
    assert len(json.dumps(found)) < 400_000
    scenes = [found["layout"][name] for name in ("scene", "scene2")]  # of one shape, so that heights can be compared
    assert scenes[0]["aspectmode"] == "cube" and all(scenes[0][name] == scenes[1][name] for name in ("aspectmode", "camera", "zaxis"))
    assert [note["text"]["zh"] for note in found["layout"]["annotations"]] == ["普通网络", "LSTM，偏置 1"]
    for trace, rises in zip(found["data"], (1, -1), strict=True):
        height = np.array(trace["z"])  # plotly's z has a row per y
        assert height.shape == (len(trace["y"]), len(trace["x"])) and max(height.shape) <= 81
        assert trace["x"][-1] == 12 and trace["y"][0] == -6 and (trace["cmin"], trace["cmax"]) == (found["data"][0]["cmin"], found["data"][0]["cmax"])
        changes = np.diff(height, axis=1 if rises == 1 else 0)
        assert (changes * rises >= 0).all() and changes.any()


def test_intervals_are_around_the_mean():
    sample = np.array([0.1, 0.2, 0.4, 0.3, 0.6])
    low, high = surface_pictures.interval(sample)
    assert sample.min() < low < sample.mean() < high < sample.max()
    assert surface_pictures.interval(np.full(4, 0.3)) == (0.3, 0.3) and surface_pictures.interval(np.array([0.7])) == (0.7, 0.7)


@pytest.mark.parametrize(("key", "value", "complaint"), [
    ("pionts", 3, "analyses.surfaces.pionts is no option of this analysis; did you mean 'points'?"),
    ("pascanu", [12, 0, -6, 0], "pascanu must be lowest and highest weight, lowest and highest bias, but is [12.0, 0.0, -6.0, 0.0]."),
    ("latch", [-4, 4], "latch must be lowest and highest weight"), ("points", 2, "points must be at least 3"),
    ("coarse_points", 1, "points must be at least 3"), ("planes", 0, "windows, starts, planes, steps and updates must be at least 1"), ("reach", 0, "reach above 0"),
    ("flat", 1, "flat must lie below steep, but they are 1 and 1."),
    ("slice_flat", 10, "slice_flat must lie below slice_steep, but they are 10 and 10."), ("rates", [0, 0.1], "rates must rise from above 0"),
    ("rates", [0.1], "rates must rise from above 0 and hold small_rate 0.1"), ("rates", [1, 0.1], "rates must rise"),
    ("small_rate", 0.2, "rates must rise from above 0 and hold small_rate 0.2"), ("flat", -1, "analyses.surfaces.flat must be at least 0"),
    ("batch", 0, "analyses.surfaces.batch must be at least 1")])
def test_a_slip_in_an_option_is_named(params, key, value, complaint):
    params["analyses"]["surfaces"][key] = value
    with pytest.raises(SettingsError) as error:
        analyses.check(settings.parse(params))
    assert complaint in str(error.value) and "\n" not in str(error.value)


def test_a_section_that_is_not_there_is_named(chosen):
    with pytest.raises(SettingsError, match=r"analyses\.surfaces\.trained is 'adding_stoped'; did you mean 'adding_stopped'"):
        surfaces.analyse(dataclasses.replace(TINY, windows=1, trained="adding_stoped"), chosen)
