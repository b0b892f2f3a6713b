"""Analyses that are not a training: each file has frozen `Options` and one function `analyse`."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from unrolled.analyses import (
    activations,
    audio_tsne,
    audio_vectors,
    clipping,
    depth,
    documents,
    error_surface,
    gradient_flow,
    lstm_vs_rnn,
    reading,
    recognition,
    repeated_weight,
    roughness,
    sentiment,
    special_cells,
    spoken_search,
    stopping,
    success_by_length,
    surfaces,
    translation,
    worked_examples,
)
from unrolled.analyses.base import read_options
from unrolled.settings import Settings, SettingsError, nearest

ANALYSES: dict[str, ModuleType] = {
    "worked_examples": worked_examples,
    "repeated_weight": repeated_weight,
    "error_surface": error_surface,
    "surfaces": surfaces,
    "gradient_flow": gradient_flow,
    "success_by_length": success_by_length,
    "roughness": roughness,
    "clipping": clipping,
    "activations": activations,
    "special_cells": special_cells,
    "lstm_vs_rnn": lstm_vs_rnn,
    "reading": reading,
    "depth": depth,
    "stopping": stopping,
    "sentiment": sentiment,
    "translation": translation,
    "documents": documents,
    "recognition": recognition,
    "audio_vectors": audio_vectors,
    "spoken_search": spoken_search,
    "audio_tsne": audio_tsne,
}


def check(settings: Settings) -> dict[str, Any]:
    """Return the checked options of every analysis.

    Raises:
        SettingsError: an analysis or one of its options is unknown, or a value is impossible.
    """
    checked = {}
    for name, section in settings.analyses.items():
        if name not in ANALYSES:
            raise SettingsError(f"analyses.{name} is no registered analysis{nearest(name, ANALYSES)}")
        checked[name] = read_options(ANALYSES[name].Options, section.options, f"analyses.{name}")
    return checked
