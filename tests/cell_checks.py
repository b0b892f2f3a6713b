"""The battery that every cell must pass: one `check_*` function per promise.

A check takes `make`, which builds the cell: `make(features, generators)`, one generator per member. To try a cell of your own:

    from cell_checks import CHECKS, MEMORY_CHECKS
    for check in CHECKS + MEMORY_CHECKS:
        check(lambda features, generators: MyCell(features, 8, generators))

What must be equal to the bit is computed in float32, as in training; what need not be, in float64.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from device_mode import ExplicitDevices
from torch import Tensor

from unrolled.cells.base import Cell, Generators, reverse, unroll

Make = Callable[[int, Generators], Cell]
SEEDS = (0, 1, 2)
BATCH, TIME, FEATURES = 4, 6, 3
COMPANY = tuple(range(10))
GROUPS = ((0,), (4,), (9,), (2, 3, 7))
BIT_SIZES = ((1, 7, 5), (3, 1, 1), (2, 7, 3), (5, 33, 2))  # (features, batch, time), most of them odd on purpose


def seeded(seeds: Sequence[int]) -> list[torch.Generator]:
    """Return one generator per seed."""
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def draw(seeds: Sequence[int], *shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    """Draw normal numbers (members, *shape), each member's by its own seed."""
    return torch.stack([torch.randn(shape, generator=generator, dtype=dtype) for generator in seeded([100 + s for s in seeds])])


def exact(make: Make, seeds: Sequence[int] = SEEDS) -> Cell:
    """Return a cell in float64."""
    return make(FEATURES, seeded(seeds)).double()


def as_trained(make: Make, features: int, seeds: Sequence[int]) -> Cell:
    """Return a cell whose parameters lie as in training: parts of one matrix, a member's beginning at an odd place in memory."""
    cell = make(features, seeded(seeds))
    parameters = list(cell.parameters())
    count = sum(parameter[0].numel() for parameter in parameters)
    matrix = torch.empty(len(seeds), count + 1 - count % 2)
    start = 0
    for parameter in parameters:
        place = matrix[:, start : start + parameter[0].numel()].view(parameter.shape)
        parameter.data = place.copy_(parameter.data)
        start += parameter[0].numel()
    return cell


def everything(cell: Cell, inputs: Tensor, **options: Any) -> dict[str, Tensor]:
    """Return the outputs, the last state and the gradients of a loss over both, by name, each (members, ...)."""
    inputs = inputs.clone().requires_grad_()
    result = unroll(cell, inputs, **options)
    upstream = draw([0], *result.outputs.shape[1:], dtype=inputs.dtype)
    loss = (result.outputs * upstream).sum() + sum(part.sum() for part in result.state)
    names, parameters = zip(*cell.named_parameters())
    gradients = torch.autograd.grad(loss, (inputs, *parameters), materialize_grads=True)
    values = {"outputs": result.outputs.detach()}
    values |= {f"state {name}": part.detach() for name, part in result.state._asdict().items()}
    return values | {f"gradient of {name}": gradient for name, gradient in zip(("inputs", *names), gradients)}


def assert_close(ours: Tensor, theirs: Tensor, tolerance: float = 1e-12) -> None:
    torch.testing.assert_close(ours, theirs, rtol=tolerance, atol=tolerance)


def assert_same_bits(ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> None:
    differ = [name for name in ours if not torch.equal(ours[name], theirs[name])]
    assert not differ, f"not equal to the bit: {differ}"


def check_shapes(make: Make) -> None:
    """Outputs are (members, batch, time, output size), states and parameters (members, ...), in the parameters' type."""
    for seeds, batch, time, features in (((0,), 1, 1, 1), (SEEDS, BATCH, TIME, FEATURES)):
        for dtype in (torch.float32, torch.float64):
            cell = make(features, seeded(seeds)).to(dtype)
            result = unroll(cell, draw(seeds, batch, time, features, dtype=dtype))
            assert result.outputs.shape == (len(seeds), batch, time, cell.output_size) and result.outputs.dtype == dtype
            assert type(result.state) is type(cell.initial_state(batch)) and result.states is None
            for part, first in zip(result.state, cell.initial_state(batch)):
                assert part.shape == first.shape and part.shape[:2] == (len(seeds), batch) and part.dtype == dtype
            assert all(parameter.shape[0] == len(seeds) == cell.members for parameter in cell.parameters())


def check_unroll_is_a_loop_of_steps(make: Make) -> None:
    """`unroll` does what a loop by hand does, one input at a time."""
    cell, inputs = exact(make), draw(SEEDS, BATCH, TIME, FEATURES)
    result, state = unroll(cell, inputs, keep_states=True), cell.initial_state(BATCH)
    for time in range(TIME):
        output, state = cell.step(cell.project(inputs[:, :, time].contiguous()), state)
        assert_close(result.outputs[:, :, time], output)
        for ours, theirs in zip(result.states[time], state):
            assert_close(ours, theirs)


def check_states_are_the_states(make: Make) -> None:
    """The last kept state is the state, keeping them changes nothing, and a sequence may be cut at any of them and carried on."""
    cell, inputs = exact(make), draw(SEEDS, BATCH, TIME, FEATURES)
    result, unkept = unroll(cell, inputs, keep_states=True), unroll(cell, inputs)
    assert len(result.states) == TIME
    assert all(torch.equal(kept, last) for kept, last in zip(result.states[-1], result.state))
    assert_close(result.outputs, unkept.outputs)
    for time, state in enumerate(result.states[:-1]):
        rest = unroll(cell, inputs[:, :, time + 1 :], state)
        assert_close(rest.outputs, result.outputs[:, :, time + 1 :])
        for ours, theirs in zip(rest.state, result.state):
            assert_close(ours, theirs)


def check_batch_rows_are_independent(make: Make) -> None:
    """Another sequence in the batch changes neither a sequence's outputs nor its state; no gradient flows between the two."""
    cell, inputs = exact(make), draw(SEEDS, BATCH, TIME, FEATURES).requires_grad_()
    result = unroll(cell, inputs)
    (gradient,) = torch.autograd.grad(result.outputs[:, 0].sum(), inputs)
    assert (gradient[:, 0] != 0).any() and (gradient[:, 1:] == 0).all()
    changed = unroll(cell, torch.cat([inputs[:, :1] + 1, inputs[:, 1:]], 1))
    alone = unroll(cell, inputs[:, 1:2])
    assert_close(result.outputs[:, 1:], changed.outputs[:, 1:])
    assert_close(result.outputs[:, 1:2], alone.outputs)
    for before, after in zip(result.state, changed.state):
        assert_close(before[:, 1:], after[:, 1:])


def check_members_are_the_same_alone_as_in_company(make: Make) -> None:
    """Outputs, states and every gradient of a member have the same bits, whoever it is trained with, on either path."""
    for features, batch, time in BIT_SIZES:
        inputs = draw(COMPANY, batch, time, features, dtype=torch.float32)
        lengths = 1 + (torch.arange(len(COMPANY) * batch).view(-1, batch) * 7) % time
        cell = as_trained(make, features, COMPANY)
        for whole, options in ((everything(cell, inputs), {}), (everything(cell, inputs, path="fused"), {"path": "fused"}),
                               (everything(cell, inputs, lengths=lengths), {"lengths": lengths})):
            for group in map(list, GROUPS):
                chosen = {name: value[group] if isinstance(value, Tensor) else value for name, value in options.items()}
                part = everything(as_trained(make, features, group), inputs[group], **chosen)
                assert_same_bits({name: value[group] for name, value in whole.items()}, part)


def check_a_spoilt_member_leaves_the_others_alone(make: Make) -> None:
    """NaN in the inputs or parameters of one member changes no bit of the others' outputs and gradients."""
    inputs = draw(SEEDS, 7, TIME, FEATURES, dtype=torch.float32)
    cell = make(FEATURES, seeded(SEEDS))
    clean = everything(cell, inputs)
    spoilt_inputs = inputs.clone()
    spoilt_inputs[1] = float("nan")
    spoilt = [everything(cell, spoilt_inputs)]
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter[1] = float("nan")
    spoilt.append(everything(cell, inputs))
    for values in spoilt:
        assert values["outputs"][1].isnan().all()
        for others in ([0], [2]):
            assert_same_bits({name: value[others] for name, value in clean.items()},
                             {name: value[others] for name, value in values.items()})


def check_causal(make: Make) -> None:
    """A later input changes no bit of an earlier output, and changes the output of its own step."""
    cell, inputs = exact(make), draw(SEEDS, BATCH, TIME, FEATURES)
    before = unroll(cell, inputs).outputs
    for time in range(TIME):
        changed = torch.cat([inputs[:, :, :time], draw([7, 8, 9], BATCH, TIME - time, FEATURES)], 2)
        after = unroll(cell, changed).outputs
        assert torch.equal(before[:, :, :time], after[:, :, :time])
        assert (before[:, :, time] != after[:, :, time]).flatten(1).any(1).all()


def check_seeds_decide(make: Make) -> None:
    """The same seeds give the same bits, others give others, and a member's values depend on its own generator alone."""
    first, again, other = (dict(make(FEATURES, seeded(seeds)).named_parameters()) for seeds in (SEEDS, SEEDS, (0, 5, 2)))
    assert all(torch.equal(first[name], again[name]) for name in first)
    same = {member: all(torch.equal(first[name][member], other[name][member]) for name in first) for member in range(3)}
    assert same == {0: True, 1: False, 2: True}
    inputs = draw(SEEDS, BATCH, TIME, FEATURES, dtype=torch.float32)
    assert_same_bits(*(everything(make(FEATURES, seeded(SEEDS)), inputs) for _ in range(2)))


def check_padding_changes_nothing(make: Make) -> None:
    """With lengths, in both directions, a padded batch gives what each sequence gives alone, last state too, then zeros."""
    cell, inputs = exact(make), draw(SEEDS, BATCH, TIME, FEATURES)
    lengths = torch.tensor([[6, 1, 3, 5], [2, 2, 6, 4], [1, 5, 4, 3]])
    for turned in (False, True):
        given = (reverse(inputs, lengths) if turned else inputs).requires_grad_()
        padded = unroll(cell, given, lengths=lengths)
        for member, row in torch.cartesian_prod(torch.arange(3), torch.arange(BATCH)).tolist():
            length = int(lengths[member, row])
            cut = inputs[:, :, :length]
            alone = unroll(cell, cut.flip(2) if turned else cut)
            assert_close(padded.outputs[member, row, :length], alone.outputs[member, row])
            assert (padded.outputs[member, row, length:] == 0).all()
            for ours, theirs in zip(padded.state, alone.state):
                assert_close(ours[member, row], theirs[member, row])
        (gradient,) = torch.autograd.grad(padded.outputs.sum() + sum(part.sum() for part in padded.state), given)
        is_padding = torch.arange(TIME) >= lengths.unsqueeze(-1)
        assert (gradient[is_padding] == 0).all() and (gradient[~is_padding] != 0).any()


def check_gradients_are_right(make: Make) -> None:
    """Autograd agrees with finite differences, for the inputs and every parameter, at generic values of them."""
    seeds = (0, 1)
    cell = exact(make, seeds)
    with torch.no_grad():
        for index, parameter in enumerate(cell.parameters()):
            parameter.add_(0.3 * draw([index], *parameter.shape)[0])
    inputs = draw(seeds, 2, 4, FEATURES).requires_grad_()

    def function(*_: Tensor) -> tuple[Tensor, ...]:  # gradcheck moves the very tensors that the cell holds
        result = unroll(cell, inputs)
        return result.outputs, *(part for part in result.state if part.requires_grad)

    assert torch.autograd.gradcheck(function, (inputs, *cell.parameters()), fast_mode=True)


def check_paths_agree(make: Make) -> None:
    """The fused path equals the loop to 1e-6, its gradients to 1e-5, from any first state (no equality to the bit is promised)."""
    cell, inputs = make(FEATURES, seeded(SEEDS)), draw(SEEDS, 5, 20, FEATURES, dtype=torch.float32)
    for state in (None, unroll(cell, draw([4, 5, 6], 5, 2, FEATURES, dtype=torch.float32)).state):
        state = state and type(state)(*(part.detach() for part in state))
        loop, fused = (everything(cell, inputs, state=state, path=path) for path in ("loop", "fused"))
        for name, value in loop.items():
            scale = max(1.0, float(value.abs().max()))
            assert_close(fused[name] / scale, value / scale, 1e-5 if name.startswith("gradient") else 1e-6)


def check_the_sweep_is_the_loop(make: Make) -> None:
    """All steps at once give what the loop of steps gives, all gradients too, from any first state, with lengths or without.

    States are kept for the loop, which is what the cells that have no sweep do both times.
    """
    for features, lengths in ((FEATURES, None), (1, None), (FEATURES, torch.tensor([[6, 1, 3, 5], [2, 2, 6, 4], [1, 5, 4, 3]]))):
        cell, inputs = make(features, seeded(SEEDS)).double(), draw(SEEDS, BATCH, TIME, features).requires_grad_()
        with torch.no_grad():
            for index, parameter in enumerate(cell.parameters()):
                parameter.add_(0.3 * draw([index], *parameter.shape)[0])
        first = unroll(cell, draw([4, 5, 6], BATCH, 2, features)).state
        first = type(first)(*(part.detach().clone().requires_grad_() for part in first))
        found = []
        for keep_states in (False, True):
            result = unroll(cell, inputs, first, lengths=lengths, keep_states=keep_states)
            loss = (result.outputs * draw([0], *result.outputs.shape[1:])).sum() + sum(part.square().sum() for part in result.state)
            asked = (inputs, *first, *cell.parameters())
            found.append([result.outputs, *result.state, *torch.autograd.grad(loss, asked, materialize_grads=True, allow_unused=True)])
        for ours, theirs in zip(*found):
            assert_close(ours, theirs, 1e-10)


def check_devices_are_explicit(make: Make) -> None:
    """Building, forward and backward make no tensor on the default device."""
    inputs, lengths, generators = draw(SEEDS, BATCH, TIME, FEATURES, dtype=torch.float32), torch.full((3, BATCH), 2), seeded(SEEDS)
    with ExplicitDevices():
        cell = make(FEATURES, generators)
        for options in ({}, {"lengths": lengths}, {"keep_states": True}, {"path": "fused"}):
            unroll(cell, inputs, **options).outputs.sum().backward()
        reverse(inputs, lengths)


def check_the_state_moves(make: Make) -> None:
    """Each step changes the state, and another first state gives other outputs."""
    cell, inputs = exact(make), draw(SEEDS, BATCH, TIME, FEATURES)
    states = unroll(cell, inputs, keep_states=True).states
    for before, after in zip([cell.initial_state(BATCH), *states], states):
        assert any((old != new).flatten(1).any(1).all() for old, new in zip(before, after))
    assert not torch.equal(unroll(cell, inputs).outputs, unroll(cell, inputs, states[-1]).outputs)


def check_the_first_input_is_remembered(make: Make) -> None:
    """Another first input changes the second output, and the last output's gradient reaches the first input."""
    cell, inputs = exact(make), draw(SEEDS, BATCH, 12, FEATURES).requires_grad_()
    outputs = unroll(cell, inputs).outputs
    (gradient,) = torch.autograd.grad(outputs[:, :, -1].sum(), inputs)
    assert (gradient[:, :, 0] != 0).flatten(1).any(1).all()
    changed = torch.cat([draw([7, 8, 9], BATCH, 1, FEATURES), inputs[:, :, 1:]], 2)
    assert (unroll(cell, changed).outputs[:, :, 1] != outputs[:, :, 1]).flatten(1).any(1).all()


def check_no_memory(make: Make) -> None:
    """An output depends on the input of its own step and on nothing else: what sets the baseline apart from every other cell."""
    cell, inputs = exact(make), draw(SEEDS, BATCH, TIME, FEATURES).requires_grad_()
    outputs = unroll(cell, inputs).outputs
    (gradient,) = torch.autograd.grad(outputs[:, :, -1].sum(), inputs)
    assert (gradient[:, :, :-1] == 0).all() and (gradient[:, :, -1] != 0).any()
    changed = torch.cat([draw([7, 8, 9], BATCH, TIME - 1, FEATURES), inputs[:, :, -1:]], 2)
    assert torch.equal(unroll(cell, changed).outputs[:, :, -1], outputs[:, :, -1])


def check_feedback_takes_the_place_of_the_output(make: Make) -> None:
    """Of a cell that reads out: what is fed back replaces its own output, and its own output fed back is the same as nothing."""
    cell, inputs = exact(make), draw(SEEDS, BATCH, TIME, FEATURES).requires_grad_()
    free = unroll(cell, inputs, keep_states=True)
    own = [cell.initial_state(BATCH).output, *(state.output for state in free.states[:-1])]
    assert_close(unroll(cell, inputs, feedback=torch.stack(own, 2)).outputs, free.outputs)
    targets = draw([7, 8, 9], BATCH, TIME, cell.output_size).requires_grad_()
    forced = unroll(cell, inputs, feedback=targets).outputs
    assert (forced != free.outputs).flatten(1).any(1).all()
    of_inputs, of_targets = torch.autograd.grad(forced[:, :, -1].sum(), (inputs, targets))
    for gradient in (of_inputs, of_targets):  # what is forced cuts the way back through time
        assert (gradient[:, :, :-1] == 0).all() and (gradient[:, :, -1] != 0).any()


CHECKS = [
    check_shapes, check_unroll_is_a_loop_of_steps, check_states_are_the_states, check_batch_rows_are_independent,
    check_members_are_the_same_alone_as_in_company, check_a_spoilt_member_leaves_the_others_alone, check_causal, check_seeds_decide,
    check_padding_changes_nothing, check_gradients_are_right, check_paths_agree, check_the_sweep_is_the_loop,
    check_devices_are_explicit,
]
MEMORY_CHECKS = [check_the_state_moves, check_the_first_input_is_remembered]
