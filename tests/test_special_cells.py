"""Special cells: what is drawn of runs of this scale and of those recorded once, and a run that is neither."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import ROOT

from unrolled import results, settings
from unrolled.analyses import special_cells, trained

pytestmark = pytest.mark.unit


@pytest.fixture
def draw(tmp_path: Path, monkeypatch):
    """Draw the timing runs named, of which the first has been trained here and peephole_long was recorded."""
    monkeypatch.setattr(trained, "record_path", lambda section, run, chosen: tmp_path / f"{section}_{run}.json")
    chosen = settings.load(ROOT / "params.yaml")

    def drawn(*timing: str) -> list[str]:
        for run in (timing[0], "peephole_long"):
            members = [{"seed": 0, "learning_rate": 0.01, "metrics": {"accuracy": 0.9}, "diverged": None}]
            results.write_json(tmp_path / f"timing_{run}.json", {"format": results.FORMAT, "parameters": 353, "members": members})
        found = special_cells.analyse(special_cells.Options(timing, (), ()), chosen)
        return [label.get_text() for label in found.figures["timing"].figure.axes[0].get_yticklabels()]
    return drawn


def test_recorded_runs_are_drawn_where_they_are_there(draw):
    assert draw("peephole", "lstm_long", "peephole_long") == ["peephole (353)", "peephole_long (353)"]


def test_a_run_that_should_be_there_is_missed(draw):
    with pytest.raises(results.ResultsError, match="timing_lstm"):
        draw("peephole", "lstm")
