"""Dropout: in each model that has it, while training alone, and at every place that it is said to act."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from cell_checks import seeded
from torch import Tensor, nn

from unrolled.batches import Batch, Sizes
from unrolled.cells.base import Cell, Generators
from unrolled.cells.gru import GRU
from unrolled.models import averaged, encoder_decoder, hierarchical, reader

pytestmark = pytest.mark.unit
SEEDS, BATCH, TIME, PARTS, VOCABULARY, OUTPUTS, EMBEDDING, HIDDEN = (0, 1), 3, 6, 2, 7, 5, 4, 8
STEPS = TIME // PARTS  # of a clause
WORDS = (BATCH, TIME, EMBEDDING)
CASES: dict[str, tuple[Any, type[nn.Module], dict[str, Any], dict[str, Any], list[tuple[int, ...]]]] = {
    # module, model, its options, sizes, and the shapes of what drops, in order: (members, ...)
    "reader": (reader, reader.Reader, {"layers": 2}, {"read": "each"}, [WORDS, (BATCH, TIME, HIDDEN), (BATCH, TIME, HIDDEN)]),
    "reader both ways": (reader, reader.Reader, {"bidirectional": True}, {"read": "last"}, [WORDS, (BATCH, 2 * HIDDEN)]),
    "averaged": (averaged, averaged.Averaged, {}, {"read": "mean"}, [WORDS, (BATCH, EMBEDDING)]),
    "encoder-decoder": (encoder_decoder, encoder_decoder.EncoderDecoder, {"feedback": "target", "attention": True}, {"cap": TIME},
                        [WORDS, WORDS, (BATCH, TIME, HIDDEN)]),
    "encoder-decoder, own answers": (encoder_decoder, encoder_decoder.EncoderDecoder, {"feedback": "own"}, {"cap": TIME},
                                     [WORDS, *[(BATCH, EMBEDDING), (BATCH, 1, HIDDEN)] * TIME]),
    "hierarchical": (hierarchical, hierarchical.HierarchicalAutoencoder, {}, {"cap": TIME, "parts": PARTS},
                     [(BATCH * PARTS, STEPS, EMBEDDING)] * 2 + [(BATCH * PARTS, STEPS, HIDDEN)]),
}
every_model = pytest.mark.parametrize("name", CASES)


def make(name: str, share: float = 0.5) -> nn.Module:
    """Return a model in float64, of words."""

    def make_cell(features: int, generators: Generators) -> Cell:
        return GRU(features, HIDDEN, generators)

    _, model, options, sizes, _ = CASES[name]
    return model(make_cell, Sizes(0, OUTPUTS, vocabulary=VOCABULARY, **sizes), seeded(SEEDS), embedding=EMBEDDING, dropout=share,
                 **options).double()


def batch() -> Batch:
    """Return words that both members share, and answers; 0, the stop symbol, ends nothing early."""
    words = torch.randint(1, VOCABULARY, (1, BATCH, TIME), generator=torch.Generator().manual_seed(1))
    return Batch(words, words % (OUTPUTS - 1) + 1)


def trained(model: nn.Module) -> Tensor:
    """Return what a model answers while training."""
    return model(batch(), seeded((5, 6)))


@every_model
def test_dropout_changes_what_is_answered_while_training_and_nothing_else(name):
    dropping, plain = make(name), make(name, share=0.0)
    for member in range(len(SEEDS)):
        assert not torch.equal(trained(dropping)[member], trained(plain)[member])
    assert torch.equal(trained(dropping), trained(dropping))  # drawn by the generators and by nothing else
    assert torch.equal(dropping(batch()), plain(batch()))


@every_model
def test_dropout_acts_wherever_a_model_says_so(name, monkeypatch):
    """At each place in turn all is set to zero, and at no other anything: the answers must feel it."""
    module, _, _, _, shapes = CASES[name]
    model, reached = make(name), []
    generators = seeded((5, 6))

    def drop_all_at(place):
        def drop(values, share, given):
            assert share == 0.5 and given is generators
            reached.append(tuple(values.shape))
            return torch.zeros_like(values) if len(reached) == place + 1 else values

        monkeypatch.setattr(module, "drop", drop)
        reached.clear()
        return model(batch(), generators)

    untouched = drop_all_at(len(shapes))
    assert reached == [(len(SEEDS), *shape) for shape in shapes]
    for place in range(len(shapes)):
        assert not torch.equal(drop_all_at(place), untouched)
