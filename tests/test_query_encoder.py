"""One query at a time gives the vector that many at once give."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from unrolled import models, searching
from unrolled.batches import Sizes
from unrolled.cells.gru import GRU
from unrolled.query_encoder import query_encoder
from unrolled.settings import Run
from unrolled.training import generator

pytestmark = pytest.mark.unit


def autoencoder(cell: str, bidirectional: bool) -> torch.nn.Module:
    run = Run(task="search", name="search", kind="audio_words", cell=cell, hidden=6, seeds=2, batch=1, model="audio_autoencoder",
              bidirectional=bidirectional, updates=1, options={"decoder_input": "constant"})
    model = models.build(run, {}, Sizes(features=5, outputs=5, read="each", classes=False), [generator(seed, "values") for seed in (0, 1)])
    with torch.no_grad():  # the inner bias of a GRU's candidate starts at zero
        for parameter in model.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(parameter.numel())))
    return model


@pytest.mark.parametrize("cell", ["gru", "lstm", "elman"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_a_query_alone_is_the_query_among_others(cell: str, bidirectional: bool) -> None:
    model, random = autoencoder(cell, bidirectional), np.random.default_rng(0)
    pieces = [random.standard_normal((length, 5)).astype(np.float32) for length in (9, 4, 17)]
    expected, encode = searching.encode(model, pieces), query_encoder(model)
    for place, piece in enumerate(pieces):
        found = encode(piece)
        assert found.shape == (6 * (1 + bidirectional),)
        np.testing.assert_allclose(found, expected[0, place], rtol=1e-5, atol=1e-6)
        assert np.abs(found - expected[1, place]).max() > 0.01  # another member's


def test_frames_may_lie_in_any_order_in_memory() -> None:
    model = autoencoder("gru", True)
    frames = np.random.default_rng(1).standard_normal((5, 12)).T
    np.testing.assert_allclose(query_encoder(model)(frames), query_encoder(model)(frames.astype(np.float32).copy()), rtol=1e-6)


def test_a_cell_derived_from_the_gru_takes_its_own_steps() -> None:
    model = autoencoder("gru", False)

    class Slower(GRU):
        def step(self, projected, state, feedback=None):
            hidden, _ = super().step(projected, state, feedback)
            return super().step(projected, type(state)(hidden), feedback)

        def swept_weights(self):
            return ()

    model.encoder.__class__ = Slower
    frames = np.random.default_rng(2).standard_normal((6, 5)).astype(np.float32)
    np.testing.assert_allclose(query_encoder(model)(frames), searching.encode(model, [frames])[0, 0], rtol=1e-5)
