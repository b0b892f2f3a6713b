"""Analyses that are not a training: each file has frozen `Options` and one function `analyse`. Here is the explicit table of them."""

from __future__ import annotations

from typing import Any

from unrolled.settings import AnalysisSection, Settings, SettingsError, nearest
from unrolled.tables import Table

ANALYSES = Table(__name__, {name: name for name in (
    "worked_examples",
    "repeated_weight",
    "error_surface",
    "surfaces",
    "gradient_flow",
    "success_by_length",
    "roughness",
    "clipping",
    "activations",
    "special_cells",
    "lstm_vs_rnn",
    "reading",
    "depth",
    "stopping",
    "sentiment",
    "translation",
    "documents",
    "recognition",
    "audio_vectors",
    "spoken_search",
    "audio_tsne",
)})


def check(settings: Settings) -> dict[str, Any]:
    """Return the checked options of every analysis.

    Raises:
        SettingsError: an analysis or one of its options is unknown, or a value is impossible.
    """
    return {name: options_of(section) for name, section in settings.analyses.items()}


def options_of(section: AnalysisSection) -> Any:
    """Return the checked options of one analysis.

    Raises:
        SettingsError: as `check`.
    """
    from unrolled.analyses.base import read_options  # here: it brings the drawing of figures along

    if section.name not in ANALYSES:
        raise SettingsError(f"analyses.{section.name} is no registered analysis{nearest(section.name, ANALYSES)}")
    return read_options(ANALYSES[section.name].Options, section.options, f"analyses.{section.name}")
