"""The battery of cell_checks.py over every registered cell and the variants the lecture speaks of, and their initial values."""

from __future__ import annotations

from functools import partial
from typing import Any

import cell_checks
import pytest
import torch
from device_mode import DeviceError, ExplicitDevices

from unrolled.cells import CELLS
from unrolled.cells.base import Cell, Generators, reverse, unroll

pytestmark = pytest.mark.unit
MEMORYLESS = {"feed_forward"}
ELMAN = [{"activation": activation, "initialisation": initialisation}
         for activation in ("tanh", "sigmoid", "relu", "linear") for initialisation in ("default", "orthogonal", "identity")]
LSTM = [{"forget_bias": 0.0}, {"forget_bias": 5.0}, {"forget_gate": False}, {"coupled": True}, {"peepholes": True},
        {"input_activation": "linear"}, {"memory_activation": "linear"},
        {"input_activation": "linear", "memory_activation": "linear"}, {"peepholes": True, "coupled": True},
        {"peepholes": True, "forget_gate": False}, {"forget_gate": False, "kept": 0.0}, {"forget_gate": False, "kept": 0.9},
        {"input_activation": "relu", "memory_activation": "sigmoid"}]
JORDAN = [{"outputs": 4}, {"outputs": 1, "output_activation": "linear"}, {"outputs": 4, "output_activation": "linear"},
          {"outputs": 3, "activation": "sigmoid"}]
VARIANTS: list[tuple[str, int, dict[str, Any]]] = [
    *(("elman", 16 if options["activation"] == "relu" else 5, options) for options in ELMAN),  # five rectifiers may all be dead
    *(("lstm", 5, options) for options in LSTM),
    *(("jordan", 5, options) for options in JORDAN),
    *(("clockwork", 5, {"groups": groups}) for groups in (1, 3, 5)),
    ("scrn", 5, {"context": 3}), ("scrn", 5, {"context": 1, "decay": 0.0}), ("feed_forward", 5, {"activation": "sigmoid"}),
    *((name, 1, {}) for name in ("elman", "lstm", "gru")),
]


def build(name: str, hidden: int, options: dict[str, Any], features: int, generators: Generators) -> Cell:
    return CELLS[name](features, hidden, generators, **options)


def describe(name: str, hidden: int, options: dict[str, Any]) -> str:
    return "-".join([name, str(hidden), *(f"{key}={value}" for key, value in options.items())])


def cases(names: set[str], variants: bool = True) -> list:
    """Every registered cell of `names` as it comes, with 8 hidden units, and its variants."""
    plain = [(name, 8, {"outputs": 3} if cell.reads_out else {}) for name, cell in CELLS.items()]
    return [pytest.param(partial(build, *case), id=describe(*case)) for case in (plain + VARIANTS if variants else plain)
            if case[0] in names]


def named(checks: list) -> list:
    return [pytest.param(check, id=check.__name__.removeprefix("check_")) for check in checks]


@pytest.mark.parametrize("make", cases(set(CELLS)))
@pytest.mark.parametrize("check", named(cell_checks.CHECKS))
def test_every_cell(check, make):
    check(make)


@pytest.mark.parametrize("make", cases(set(CELLS) - MEMORYLESS))
@pytest.mark.parametrize("check", named(cell_checks.MEMORY_CHECKS))
def test_cells_with_memory(check, make):
    check(make)


@pytest.mark.parametrize("make", cases(MEMORYLESS))
def test_cells_without_memory(make):
    cell_checks.check_no_memory(make)
    with pytest.raises(AssertionError):
        cell_checks.check_the_first_input_is_remembered(make)


@pytest.mark.parametrize("make", cases({name for name, cell in CELLS.items() if cell.reads_out}))
def test_cells_that_read_out(make):
    cell_checks.check_feedback_takes_the_place_of_the_output(make)


@pytest.mark.parametrize("make", cases(set(CELLS) - MEMORYLESS, variants=False))
def test_cells_with_memory_fail_the_check_of_having_none(make):
    with pytest.raises(AssertionError):
        cell_checks.check_no_memory(make)


def test_only_the_plain_lstm_has_a_fused_path():
    fused = {}
    for name, options in (("plain", {}), *((str(options), options) for options in LSTM)):
        cell = CELLS["lstm"](3, 4, cell_checks.seeded([0, 1]), **options)
        fused[name] = cell.fused(torch.zeros(2, 3, 5, 3), cell.initial_state(3)) is not None
    assert {name for name, has in fused.items() if has} == {"plain", "{'forget_bias': 0.0}", "{'forget_bias': 5.0}"}


def test_the_gated_cells_have_a_sweep_and_are_swept():
    for name, options in (("gru", {}), *(("lstm", options) for options in LSTM)):
        cell = CELLS[name](3, 4, cell_checks.seeded([0, 1]), **options)
        weights = {id(weight) for weight in cell.swept_weights()}
        assert weights == {id(parameter) for parameter in cell.parameters()}
        node = unroll(cell, torch.zeros(2, 32, 5, 3)).outputs.grad_fn.next_functions[0][0]
        assert "Sweep" in type(node).__name__


def test_a_sweep_has_no_second_derivative_and_says_so():
    cell = CELLS["gru"](3, 4, cell_checks.seeded([0]))
    inputs = torch.ones(1, 2, 5, 3, requires_grad=True)
    with pytest.raises(RuntimeError, match="keep_states"):
        torch.autograd.grad(unroll(cell, inputs).outputs.sum(), inputs, create_graph=True)
    gradient, = torch.autograd.grad(unroll(cell, inputs, keep_states=True).outputs.sum(), inputs, create_graph=True)
    assert torch.autograd.grad(gradient.square().sum(), inputs)[0].abs().sum() > 0


def test_reverse_turns_each_sequence_within_its_length():
    sequences = torch.arange(12).view(1, 3, 4, 1)
    assert reverse(sequences).flatten(2).tolist() == [[[3, 2, 1, 0], [7, 6, 5, 4], [11, 10, 9, 8]]]
    lengths = torch.tensor([[4, 1, 3]])
    assert reverse(sequences, lengths).flatten(2).tolist() == [[[3, 2, 1, 0], [4, 5, 6, 7], [10, 9, 8, 11]]]
    assert torch.equal(reverse(reverse(sequences, lengths), lengths), sequences)


def test_padding_rows_never_spoil_a_gradient():
    """Filled up to whole vectors, a batch holds rows that nobody asked for; they must stay finite wherever the real ones do."""
    cell = CELLS["elman"](1, 1, cell_checks.seeded([0]), activation="linear")
    with torch.no_grad():
        for parameter, value in zip((cell.input_weight, cell.recurrent_weight, cell.bias), (1.0, 3.0, -1.0)):
            parameter.fill_(value)
    outputs = unroll(cell, torch.ones(1, 2, 100, 1)).outputs  # W x + b = 0: a state at rest, which any other input would blow up
    assert (outputs == 0).all()
    for gradient in torch.autograd.grad(outputs[:, :, 0].sum(), tuple(cell.parameters())):
        assert torch.isfinite(gradient).all()


def test_initial_values():
    generators = cell_checks.seeded(range(3))
    elman = {name: CELLS["elman"](50, 64, generators, initialisation=name, **({"input_deviation": 0.02} if name == "identity" else {}))
             for name in ("default", "orthogonal", "identity")}
    weight = elman["orthogonal"].recurrent_weight
    assert torch.allclose(weight @ weight.transpose(1, 2), torch.eye(64).expand(3, -1, -1), atol=1e-5)
    assert torch.equal(elman["identity"].recurrent_weight, torch.eye(64).expand(3, -1, -1))
    assert (elman["identity"].bias == 0).all() and elman["identity"].input_weight.std().item() == pytest.approx(0.02, rel=0.05)
    for parameter in elman["default"].parameters():
        assert 0.115 < parameter.abs().max() <= 1 / 8 and parameter.mean().abs() < 0.02


def test_the_inner_bias_of_a_gru_begins_at_zero():
    """With it as with torch.nn.GRU's second bias there is one distribution of the sum, that of a single one."""
    cell = CELLS["gru"](50, 64, cell_checks.seeded(range(3)))
    assert (cell.candidate_bias == 0).all() and cell.candidate_bias.shape == (3, 1, 64)
    assert all(0.115 < parameter.abs().max() <= 1 / 8 for parameter in (cell.input_weight, cell.recurrent_weight, cell.bias))


@pytest.mark.parametrize("bias", [0.0, 1.0, 5.0])
def test_forget_bias(bias):
    input_bias, forget_bias, *others = CELLS["lstm"](3, 4, cell_checks.seeded([0, 1]), forget_bias=bias).bias.chunk(4, -1)
    assert (forget_bias == bias).all() and all((part == 0).all() for part in (input_bias, *others))
    input_bias, *others = CELLS["lstm"](3, 4, cell_checks.seeded([0, 1]), forget_bias=bias, coupled=True).bias.chunk(3, -1)
    assert (input_bias == -bias).all() and all((part == 0).all() for part in others)


def test_without_a_forget_gate_all_biases_are_zero():
    assert (CELLS["lstm"](3, 4, cell_checks.seeded([0]), forget_gate=False).bias == 0).all()


@pytest.mark.parametrize(("name", "options", "sentence"), [
    ("lstm", {"coupled": True, "forget_gate": False}, "forget_gate must stay true"),
    ("lstm", {"forget_bias": 3.0, "forget_gate": False}, "without a forget gate it would do nothing"),
    ("elman", {"input_deviation": 0.02}, "does nothing except with initialisation: identity"),
    ("clockwork", {"groups": 9}, "between 1 and the hidden size 8"),
    ("clockwork", {"groups": 0}, "between 1 and the hidden size 8"),
    ("scrn", {"decay": 1.0}, "decay must lie in"),
])
def test_options_that_make_no_sense_are_refused(name, options, sentence):
    with pytest.raises(ValueError, match=sentence):
        CELLS[name](3, 8, cell_checks.seeded([0]), **options)


def test_the_device_mode_rejects_what_it_should():
    start = torch.zeros(2)
    with ExplicitDevices():
        for factory in (lambda: torch.zeros(2), lambda: torch.tensor(1.0), lambda: torch.arange(3), lambda: torch.randn(2)):
            with pytest.raises(DeviceError, match="without a device"):
                factory()
        assert torch.equal(torch.zeros(2, device="cpu") + start.new_zeros(2) + torch.zeros_like(start), start)


@pytest.mark.parametrize("ragged", [False, True])
def test_a_cell_without_memory_does_all_steps_at_once_to_the_same_bits(ragged):
    generators = [torch.Generator().manual_seed(seed) for seed in range(3)]
    cell = CELLS["feed_forward"](5, 7, generators)
    inputs = torch.randn(3, 9, 13, 5, generator=generators[0])
    lengths = torch.randint(0, 14, (3, 9), generator=generators[0]) if ragged else None
    at_once, one_by_one = unroll(cell, inputs, lengths=lengths), unroll(cell, inputs, lengths=lengths, keep_states=True)
    torch.testing.assert_close(at_once.outputs, one_by_one.outputs, rtol=0, atol=1e-7)
    torch.testing.assert_close(at_once.state.hidden, one_by_one.state.hidden, rtol=0, atol=1e-7)
    alone = unroll(CELLS["feed_forward"](5, 7, [torch.Generator().manual_seed(1)]), inputs[1:2], lengths=None if lengths is None else lengths[1:2])
    assert torch.equal(alone.outputs[0], at_once.outputs[1])
