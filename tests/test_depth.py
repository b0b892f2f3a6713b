"""Depth: what is gathered from records, and what a seed that diverged counts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT

from unrolled import results, settings
from unrolled.analyses import depth, trained

pytestmark = pytest.mark.unit
METRICS = {"slots": "chunk_f1", "character_model": "bits_per_character"}


@pytest.fixture
def recorded(tmp_path: Path, monkeypatch):
    """A place for records, and a function that writes one."""
    monkeypatch.setattr(trained, "record_path", lambda section, run, chosen: tmp_path / f"{section}_{run}.json")

    def write(section: str, run: str, values: list[float | None], rates: tuple[float, ...] = (0.01,)) -> None:
        members = [{"seed": seed, "learning_rate": rates[seed % len(rates)], "metrics": {METRICS[section]: value},
                    "diverged": {"step": 3, "cause": "loss"} if value is None else None} for seed, value in enumerate(values)]
        results.write_json(tmp_path / f"{section}_{run}.json", {
            "format": results.FORMAT, "task": section, "run": run, "settings": {"hidden": 79, "learning_rate": 0.01}, "parameters": 90968, "members": members})
    return write


@pytest.fixture
def chosen():
    return settings.load(ROOT / "params.yaml")


def test_stacks_are_listed_by_task_cell_and_layers(recorded, chosen):
    recorded("slots", "lstm_1", [0.90, 0.94])
    recorded("character_model", "elman_1", [2.0, 2.2])
    recorded("character_model", "lstm_2", [1.5, 1.7])
    recorded("character_model", "lstm_2_wide", [1.4])
    found = depth.analyse(depth.Options(), chosen)
    table = found.tables["depth"]
    assert [row[:3] for row in table.rows] == [["ATIS, chunk F1", "LSTM", "1"], ["Shakespeare, bits per character", "Elman", "1"],
                                               ["Shakespeare, bits per character", "LSTM", "2"],
                                               ["Shakespeare, bits per character", "LSTM", "2"]]
    assert table.rows[0][3:] == ["79", "90968", "0.01", "2", "0.9200 ± 0.0283"] == table.rows_zh[0][3:]
    panels = found.figures["depth"].figure.axes
    assert [label.get_text() for label in panels[0].get_yticklabels()] == ["Elman, 1 layer", "LSTM, 1 layer", "LSTM, 2 layers", "LSTM, 2 layers, wide"]
    assert [panel.get_title(loc="left") for panel in panels] == ["ATIS: chunk F1", "Characters: bits"]
    drawn = np.concatenate([line.get_xdata() for line in panels[1].get_lines() if line.get_marker() == "o"])
    assert sorted(drawn) == [1.4, 1.5, 1.7, 2.0, 2.2]


def test_a_seed_that_diverged_counts_as_the_worst(recorded, chosen):
    recorded("slots", "elman_3", [0.9, None])
    recorded("character_model", "elman_3", [2.0, None])
    rows = depth.analyse(depth.Options(), chosen).tables["depth"].rows
    assert rows[0][-1].startswith("0.4500") and rows[1][-1].startswith("4.0000")


def test_stacks_beyond_the_most_layers_are_left_out_and_without_records_nothing_is_shown(recorded, chosen):
    recorded("slots", "elman_3", [0.9])
    assert not depth.analyse(depth.Options(most_layers=2), chosen).tables and depth.analyse(depth.Options(), chosen).tables


def test_a_stack_at_several_rates_is_one_sentence(recorded, chosen):
    recorded("slots", "elman_1", [0.9, 0.8], (0.01, 0.03))
    with pytest.raises(settings.SettingsError, match=r"tasks\.slots\.runs\.elman_1 was trained at 2 learning rates \(0\.01, 0\.03\)"):
        depth.analyse(depth.Options(), chosen)


def test_records_are_those_of_this_scale_or_else_the_kept_ones(chosen):
    assert trained.record_path("slots", "elman_1", chosen) == results.recorded_file("slots", "elman_1")
    assert trained.record_path("slots", "elman", chosen) == results.run_file("slots", "elman")
