"""What wraps a cell, and the one function that builds a run's model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from unrolled import values
from unrolled.batches import Sizes
from unrolled.cells import CELLS
from unrolled.cells.base import Cell, Generators
from unrolled.models.audio_autoencoder import AudioAutoencoder
from unrolled.models.averaged import Averaged
from unrolled.models.encoder_decoder import EncoderDecoder
from unrolled.models.hierarchical import HierarchicalAutoencoder
from unrolled.models.reader import Reader
from unrolled.settings import Run

MODELS: dict[str, type[nn.Module]] = {
    "reader": Reader,
    "encoder_decoder": EncoderDecoder,
    "averaged": Averaged,
    "audio_autoencoder": AudioAutoencoder,
    "hierarchical": HierarchicalAutoencoder,
}
SHARED = ("layers", "bidirectional", "embedding", "window", "dropout", "path", "feedback")  # fields of a run that every model is given


def options_of(model: str) -> dict[str, Any]:
    """Return a model's own keyword options, beside those that every model is given, with their types."""
    return values.options_of(MODELS[model], SHARED)


def build(run: Run, cell_options: Mapping[str, Any], sizes: Sizes, generators: Generators) -> nn.Module:
    """Return the untrained model of a run, one member per generator, on the generators' device."""
    options = dict(cell_options)
    if CELLS[run.cell].reads_out:
        options.update(outputs=sizes.outputs, output_activation="softmax" if sizes.classes else "linear")

    def make_cell(features: int, cell_generators: Generators) -> nn.Module:
        return CELLS[run.cell](features, run.hidden, cell_generators, **options)

    shared = {name: getattr(run, name) for name in SHARED}
    own = {name: run.options[name] for name in options_of(run.model) if name in run.options}
    return MODELS[run.model](make_cell, sizes, generators, **shared, **own)


def count_parameters(model: nn.Module) -> int:
    """Return the number of one member's weights that take part: those that a cell masks out do not count."""
    masked = sum(cell.masked_parameters for cell in model.modules() if isinstance(cell, Cell))
    return sum(parameter[0].numel() for parameter in model.parameters()) - masked
