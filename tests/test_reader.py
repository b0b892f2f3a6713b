"""The reader with every cell: stacked, in both directions, on sequences of unequal lengths."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from cell_checks import assert_close, draw, seeded
from device_mode import ExplicitDevices
from test_cells_oracles import theirs
from torch import Tensor, nn

from unrolled import training
from unrolled.batches import Batch, Sizes
from unrolled.cells import CELLS
from unrolled.cells.base import Cell, Generators
from unrolled.models.parts import drop
from unrolled.models.reader import Reader

pytestmark = pytest.mark.unit
SEEDS, BATCH, TIME, FEATURES, OUTPUTS, WORDS = (0, 1), 4, 6, 3, 2, 7
LENGTHS = torch.tensor([[6, 1, 4, 2], [3, 6, 5, 1]])
IS_PADDING = torch.arange(TIME) >= LENGTHS.unsqueeze(-1)  # (members, batch, time)
CASES: list[tuple[str, dict[str, Any]]] = [
    *((name, {"outputs": OUTPUTS} if cell.reads_out else {}) for name, cell in CELLS.items()),
    ("lstm", {"peepholes": True}), ("lstm", {"coupled": True}), ("elman", {"activation": "relu", "initialisation": "identity"}),
]
every_cell = pytest.mark.parametrize(("name", "options"), CASES, ids=str)
either_read = pytest.mark.parametrize("read", ["each", "last"])


def make_reader(
    name: str, options: dict[str, Any], seeds: tuple[int, ...] = SEEDS, read: str = "each", words: int = 0, **shape: Any
) -> Reader:
    def make_cell(features: int, generators: Generators) -> Cell:
        return CELLS[name](features, 8, generators, **options)

    sizes = Sizes(0 if words else FEATURES, OUTPUTS, vocabulary=words, read=read)
    return Reader(make_cell, sizes, seeded(seeds), **{"layers": 2, "bidirectional": True, **shape}).double()


def answer(reader: Reader, inputs: Tensor, lengths: Tensor | None = None) -> Tensor:
    return reader(Batch(inputs, targets=inputs, lengths=lengths))


@every_cell
@pytest.mark.parametrize("bidirectional", [False, True])
@either_read
def test_shapes(name, options, read, bidirectional):
    reader = make_reader(name, options, read=read, bidirectional=bidirectional)
    inputs = draw(SEEDS, BATCH, TIME, FEATURES)
    time = [] if read == "last" else [TIME]
    assert answer(reader, inputs).shape == (2, BATCH, *time, OUTPUTS)
    assert answer(reader, inputs[:1]).shape == (2, BATCH, *time, OUTPUTS)  # one batch that all members share
    assert all(parameter.shape[0] == 2 for parameter in reader.parameters())


@every_cell
@either_read
def test_gradient_reaches_all_parameters(name, options, read):
    reader = make_reader(name, options, read=read)
    names, parameters = zip(*reader.named_parameters())
    outputs = answer(reader, draw(SEEDS, BATCH, TIME, FEATURES), LENGTHS)
    gradients = torch.autograd.grad((outputs * draw([9], *outputs.shape)[0]).sum(), parameters, materialize_grads=True)
    dead = [key for key, gradient in zip(names, gradients) if not (gradient != 0).flatten(1).any(1).all()]
    assert not dead


@every_cell
@either_read
def test_padding_changes_nothing(name, options, read):
    reader = make_reader(name, options, read=read)
    inputs = draw(SEEDS, BATCH, TIME, FEATURES).requires_grad_()
    padded = answer(reader, inputs, LENGTHS)
    other_padding = torch.where(IS_PADDING.unsqueeze(-1), draw([5, 6], BATCH, TIME, FEATURES), inputs)
    real = ~IS_PADDING if read == "each" else torch.ones_like(LENGTHS, dtype=torch.bool)
    assert_close(answer(reader, other_padding, LENGTHS)[real], padded[real])
    for member in range(2):
        for row, length in enumerate(LENGTHS[member].tolist()):
            alone = answer(reader, inputs[:, row : row + 1, :length])[member, 0]
            assert_close(padded[member, row, :length] if read == "each" else padded[member, row], alone)
    (gradient,) = torch.autograd.grad(padded[real].sum(), inputs)
    assert (gradient[IS_PADDING] == 0).all() and (gradient[~IS_PADDING] != 0).any()


@pytest.mark.parametrize("shape", [{"embedding": 3}, {}, {"embedding": 3, "window": 1}, {"window": 2}], ids=str)
def test_padding_changes_nothing_for_words_and_their_neighbours(shape):
    reader = make_reader("gru", {}, words=WORDS, **shape)
    words = torch.randint(1, WORDS, (2, BATCH, TIME), generator=seeded([3])[0]).masked_fill(IS_PADDING, 0)
    padded = answer(reader, words, LENGTHS)
    for member in range(2):
        for row, length in enumerate(LENGTHS[member].tolist()):
            alone = answer(reader, words[:, row : row + 1, :length])[member, 0]
            assert_close(padded[member, row, :length], alone)


@every_cell
@pytest.mark.parametrize("bidirectional", [False, True])
def test_only_a_bidirectional_reader_sees_the_future(name, options, bidirectional):
    reader = make_reader(name, options, bidirectional=bidirectional)
    inputs = draw(SEEDS, BATCH, TIME, FEATURES).requires_grad_()
    outputs = answer(reader, inputs)
    (of_first,) = torch.autograd.grad(outputs[:, :, 0].sum(), inputs, retain_graph=True)
    (of_last,) = torch.autograd.grad(outputs[:, :, -1].sum(), inputs)
    remembers = name != "feed_forward"
    assert bool((of_first[:, :, -1] != 0).any()) == (bidirectional and remembers)
    assert bool((of_last[:, :, 0] != 0).any()) == remembers
    assert (of_first[:, :, 0] != 0).any()


@every_cell
def test_members_are_the_same_alone_as_in_company(name, options):
    seeds = (0, 1, 2)
    inputs, lengths = draw(seeds, 7, TIME, FEATURES, dtype=torch.float32), torch.tensor([[6, 1, 4, 2, 5, 3, 6]]).expand(3, -1)
    together = answer(make_reader(name, options, seeds).float(), inputs, lengths)
    for member in range(3):
        alone = answer(make_reader(name, options, (member,)).float(), inputs[member : member + 1], lengths[:1])
        assert torch.equal(alone[0], together[member])


@every_cell
def test_devices_are_explicit(name, options):
    inputs = draw(SEEDS, BATCH, TIME, FEATURES)
    reader = make_reader(name, options, dropout=0.5)
    with ExplicitDevices():
        reader(Batch(inputs, inputs, LENGTHS), seeded(SEEDS)).sum().backward()


def their_stack(name: str, reader: Reader, member: int) -> nn.Module:
    """Return torch.nn's own stack in both directions, with a member's weights."""
    kinds = {"lstm": nn.LSTM, "gru": nn.GRU, "tanh": nn.RNN}
    stack = kinds[name](FEATURES, 8, num_layers=2, bidirectional=True, batch_first=True).double()
    for ending, cells in (("", reader.forward_cells), ("_reverse", reader.backward_cells)):
        for layer, cell in enumerate(cells):
            for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
                weight = getattr(theirs(name, cell, member), f"{kind}_l0")
                getattr(stack, f"{kind}_l{layer}{ending}").data.copy_(weight)
    return stack


@pytest.mark.parametrize("name", ["lstm", "gru", "tanh"])
def test_equals_torch_nn_on_packed_sequences(name):
    reader = make_reader("elman" if name == "tanh" else name, {})
    inputs = draw(SEEDS, BATCH, TIME, FEATURES)
    outputs = answer(reader, inputs, LENGTHS)
    for member in range(2):
        packed = nn.utils.rnn.pack_padded_sequence(inputs[member], LENGTHS[member], batch_first=True, enforce_sorted=False)
        hidden, _ = nn.utils.rnn.pad_packed_sequence(their_stack(name, reader, member)(packed)[0], batch_first=True)
        expected = hidden @ reader.output_weight[member] + reader.output_bias[member]
        assert_close(outputs[member][~IS_PADDING[member]], expected[~IS_PADDING[member]], 1e-6)


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5])
def test_dropout_sets_a_share_to_zero_and_keeps_the_mean(share):
    dropped = drop(torch.ones(2, 301, 999), share, [training.generator(seed, "dropout") for seed in (0, 1)])
    deviation = (share * (1 - share) / dropped[0].numel()) ** 0.5
    assert all(abs(zeros - share) < 4 * deviation for zeros in (dropped == 0).double().mean((1, 2)).tolist())
    assert set(dropped.unique().tolist()) == {0.0, torch.tensor(1 / (1 - share)).item()}
    assert not torch.equal(dropped[0], dropped[1])
    neighbours = ((dropped[:, :, 1:] == 0) & (dropped[:, :, :-1] == 0)).double().mean()  # independent, though drawn four at a time
    assert float(neighbours) == pytest.approx(share**2, rel=0.03)
    assert torch.equal(dropped[1:], drop(torch.ones(1, 301, 999), share, [training.generator(1, "dropout")]))


def test_predictions_are_never_dropped_out():
    """Without a read-out of its own a Jordan cell's outputs are what the loss sees: half of them zero would be another task."""
    reader = make_reader("jordan", {"outputs": OUTPUTS}, layers=1, bidirectional=False, dropout=0.5)
    inputs = draw(SEEDS, BATCH, TIME, FEATURES)
    drop_inputs = drop(inputs, 0.5, seeded((5, 6)))
    expected = answer(make_reader("jordan", {"outputs": OUTPUTS}, layers=1, bidirectional=False), drop_inputs)
    found = reader(Batch(inputs, targets=inputs), seeded((5, 6)))
    assert_close(found, expected)
    assert (found != 0).all()


@pytest.mark.parametrize(("shape", "word"), [
    ({"embedding": 4}, "no words"), ({"window": 1}, "no words"), ({"feedback": "target"}, "only a Jordan cell"),
    ({"name": "jordan", "feedback": "target", "bidirectional": True}, "only a Jordan cell"),
    ({"name": "jordan", "feedback": "scheduled", "bidirectional": False, "read": "last"}, "only a Jordan cell")])
def test_what_would_do_nothing_is_refused(shape, word):
    name = shape.pop("name", "elman")
    with pytest.raises(ValueError, match=word):
        make_reader(name, {"outputs": OUTPUTS} if name == "jordan" else {}, **shape)


def test_the_right_answer_of_the_step_before_is_fed_back_and_nothing_where_there_is_none():
    """Nothing before the first step, nor after a step whose label does not count."""
    reader = make_reader("jordan", {"outputs": OUTPUTS}, layers=1, bidirectional=False, feedback="target")
    fed = reader._targets_before(Batch(torch.zeros(1, 1, 4, FEATURES), torch.tensor([[[1, -100, 0, 1]]])))
    assert fed[0].tolist() == fed[1].tolist() == [[[0, 0], [0, 1], [0, 0], [1, 0]]]
