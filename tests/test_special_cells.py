"""Special cells: what is drawn of runs of this scale and of those recorded once, and a run that is neither."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import ROOT

from unrolled import results, settings
from unrolled.analyses import special_cells, trained

pytestmark = pytest.mark.unit
MORE = {"lstm_longer": "lstm_100", "tanh": "peephole_long"}


@pytest.fixture
def draw(tmp_path: Path, monkeypatch):
    """Draw the timing runs named, of which the first has been trained here and peephole_long was recorded."""
    monkeypatch.setattr(trained, "record_path", lambda section, run, chosen: tmp_path / f"{section}_{run}.json")
    chosen = settings.load(ROOT / "params.yaml")

    def drawn(*timing: str) -> list[str]:
        for run in (timing[0], "peephole_long"):
            members = [{"seed": 0, "learning_rate": 0.01, "metrics": {"accuracy": 0.9}, "diverged": None}]
            results.write_json(tmp_path / f"timing_{run}.json", {"format": results.FORMAT, "task": "timing", "run": run, "parameters": 353, "members": members})
        found = special_cells.analyse(special_cells.Options(timing, (), (), more_seeds={"timing": MORE}), chosen)
        return [label.get_text() for label in found.figures["timing"].figure.axes[0].get_yticklabels()]
    return drawn


def test_recorded_runs_are_drawn_where_they_are_there(draw):
    assert draw("peephole", "lstm_long", "peephole_long") == ["peephole (353)", "peephole_long (353)"]


def test_a_run_that_should_be_there_is_missed(draw):
    with pytest.raises(results.ResultsError, match="timing_lstm"):
        draw("peephole", "lstm")


def test_more_seeds_stand_in_for_others_where_they_were_recorded(draw):
    """Of the two that have more seeds, only those of tanh were recorded."""
    assert draw("tanh") == ["peephole_long (353)"] and draw("lstm_longer") == ["lstm_longer (353)"]


def test_a_slip_in_more_seeds_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "read_result", lambda path: {"run": "lstm"})
    chosen = settings.load(ROOT / "params.yaml")
    for slip in ({"lsmt": "lstm_100"}, {"lstm": "lstm_1000"}):
        with pytest.raises(settings.SettingsError, match=r"an analysis names more_seeds of timing/.*, which does not exist; did you mean 'lstm"):
            trained.judged_records("timing", ["lstm"], slip, chosen)


def test_what_a_caption_says_of_what_was_recorded(workplace):
    for run in ("lstm", "gru"):
        results.write_json(results.run_file("timing", run), {})
    records = [{"task": "timing", "run": run} for run in ("lstm", "lstm_100", "gru", "peephole_long")]
    assert trained.on_more_seeds({"lstm": records[0]}) == ("", "")
    english, chinese = trained.on_more_seeds({"lstm": records[1], "gru": records[2], "peephole_long": records[3]})
    assert "lstm_100, peephole_long" in english and "lstm_100、peephole_long" in chinese and "gru" not in english
