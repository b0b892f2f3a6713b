"""The analysis of speech recognition: alignments against all alignments one by one, shares by hand, and the words on the card."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from spoken_strings import say

from unrolled import drawing, models, results, settings, training
from unrolled.analyses import alignments, recognition, recognition_pictures, trained
from unrolled.analyses.alignments import Read
from unrolled.analyses.trained import Loaded
from unrolled.data import spoken
from unrolled.settings import Run
from unrolled.tasks.speech_recognition import SpeechRecognition

pytestmark = pytest.mark.unit
OPTIONS = {"ctc": {}, "trimming": {"labels": "frames"}, "trimming_silence": {"labels": "frames", "silence": True}}


@pytest.fixture
def loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Loaded]:
    """Three untrained runs of two members on random sounds."""
    said = {"train": say(16, 0), "validation": say(8, 1), "test": say(12, 2), "shown": say(8, 3)}
    monkeypatch.setattr(spoken, "load", lambda _, split: said[split])
    monkeypatch.setattr(spoken, "audio", lambda *_: (16000, [np.full(160 * len(each), 100, np.int16) for each in said["shown"].features]))
    found = {}
    for name, options in OPTIONS.items():
        run = Run(task="speech_ctc", name=name, kind="speech_recognition", cell="lstm", hidden=5, seeds=2, batch=4, bidirectional=True,
                  path="fused", options=options)
        task = SpeechRecognition(tmp_path, **options)
        model = models.build(run, {}, task.sizes, [training.generator(seed, "values") for seed in range(2)])
        found[name] = Loaded(run, task, model)
    return found


def test_what_is_read_is_what_is_scored(loaded: dict[str, Loaded]) -> None:
    for run in loaded.values():
        found = alignments.read(run)
        _, items = training.evaluate(run.model, run.task, "test", torch.device("cpu"))
        errors = [[alignments.distance(answer, said) for answer, said in zip(member, found.said, strict=True)]
                  for member in alignments.answers(found)]
        assert errors == items["errors"].tolist()
        totals = items["errors"].sum(1) / items["symbols"].sum(1)
        assert alignments.error_rates(found, alignments.answers(found)) == pytest.approx(totals.tolist())
        assert [" ".join(run.task.symbols[word] for word in words) for words in found.said] == [
            spoken.load(run.task.folder, "test").texts[place] for place in found.places]


@pytest.mark.parametrize("words", [[0], [1, 1], [0, 1], [0, 0, 1]])
def test_spikes_lie_in_the_best_of_all_alignments(words: list[int]) -> None:
    null = 2
    for seed in range(5):
        scores = torch.randn(6, 3, generator=torch.Generator().manual_seed(seed)).log_softmax(-1).numpy()
        paths = [path for path in itertools.product(range(3), repeat=6)
                 if [symbol for symbol, _ in itertools.groupby(path) if symbol != null] == words]
        best = max(paths, key=lambda path: sum(row[symbol] for row, symbol in zip(scores, path, strict=True)))
        stretches = [list(steps) for _, steps in itertools.groupby(range(6), key=best.__getitem__)]
        expected = [max(steps, key=lambda step: scores[step, best[step]]) for steps in stretches if best[steps[0]] != null]
        assert alignments.spikes_of(scores, words, null) == expected


def test_spikes_inside_words_by_hand(loaded: dict[str, Loaded]) -> None:
    task, said = loaded["ctc"].task, spoken.load(Path(), "test")
    places = [3, 0]
    found = Read(task, [], [[0] * len(said.starts[place]) for place in places], places)
    right = [[int((begin + end) / 2 / 2) for begin, end in zip(said.starts[place], said.ends[place], strict=True)] for place in places]
    wrong = [[0 for _ in row] for row in right]  # every string begins with silence
    assert alignments.inside_words(found, [right, [right[0], wrong[1]], [wrong[0], right[1]]]) == pytest.approx(
        [1, len(right[0]) / sum(map(len, right)), len(right[1]) / sum(map(len, right))])


def test_even_spikes_and_null_shares_by_hand(loaded: dict[str, Loaded]) -> None:
    scores = np.full((2, 8, 5), -9.0)
    scores[0, :, 4], scores[1, :6, 1], scores[1, 6:, 4] = 0, 0, 0
    found = Read(loaded["ctc"].task, [scores], [[1, 1]], [0])
    assert alignments.even_spikes(found) == [[[2, 6]]]
    assert alignments.null_shares(found) == [1, 0.25]
    assert alignments.search(found, 4, 1e-4, 1) == [[[]], [[1]]]


def test_rightness_by_string_by_hand() -> None:
    """The last two of five are one string in two voices; the third was heard in training."""
    counts = {"repeats": np.array([[1, 0, 1, 1, 1]] * 2), "pauses": np.array([[1, 1, 0, 0, 0]] * 2),
              "right": np.array([[1, 1, 0, 1, 0], [1, 0, 0, 1, 1]]), "right_blanks_first": np.zeros((2, 5))}
    trimmed = {name: counts[name] for name in ("repeats", "pauses")} | {"right": np.array([[0, 1, 0, 0, 0], [0, 1, 0, 1, 0]])}
    texts = np.array(["two two", "one", "six six", "ten ten", "ten ten"])
    found = recognition.rightness("s", {"ctc": counts, "trimming": trimmed}, texts, {"six six"}, recognition.Options())
    assert found["right_s_ctc_no_repeats"] == [[1], [0]] and found["right_s_ctc_repeats_pauses"] == [[1], [1]]
    assert found["right_s_ctc_repeats"] == [[0, 0.5, 1], [0, 1, 1]]  # six six, ten ten, two two
    assert found["right_s_ctc_repeats_connected"] == [[0, 0.5], [0, 1]] and found["right_s_ctc_repeats_unheard"] == [[0.5, 1], [1, 1]]
    assert found["right_s_ctc_repeats_blanks_first"] == [[0, 0, 0]] * 2
    assert found["lead_s_ctc_over_trimming"] == [[0, 0.5, 1], [0, 0.5, 1]] and found["lead_s_ctc_over_blanks_first"] == found["right_s_ctc_repeats"]
    counts["pauses"][:] = 1
    assert "repeats_connected" not in recognition.groups(counts)


def test_the_whole_analysis(loaded: dict[str, Loaded], monkeypatch: pytest.MonkeyPatch) -> None:
    items = {name: {key: value.numpy() for key, value in training.evaluate(run.model, run.task, "test", torch.device("cpu"))[1].items()}
             for name, run in loaded.items()}
    monkeypatch.setattr(trained, "load", lambda reference, *_: loaded[reference.partition("/")[2]])
    monkeypatch.setattr(results, "read_arrays", lambda path: items[path.name.split(".")[0]])
    options = recognition.Options(sections=("speech_ctc",), shown=4, searched=5)
    found = recognition.analyse(options, settings.load())
    assert {f"right_speech_ctc_{run}_{group}" for run in OPTIONS for group in (
        "repeats", "no_repeats", "repeats_connected", "repeats_pauses")} <= set(found.values)
    read = alignments.read(loaded["ctc"])
    doubled = {tuple(read.said[place]) for place in np.flatnonzero(items["ctc"]["repeats"][0])}
    assert np.shape(found.values["right_speech_ctc_ctc_repeats_blanks_first"]) == (2, len(doubled))
    assert "right_speech_ctc_trimming_repeats_blanks_first" not in found.values
    assert all(np.isfinite(values).all() for values in found.values.values())
    assert len(found.values["beam_error_speech_ctc"]) == 2 and len(found.values["even_spikes_inside_speech_ctc"]) == 1
    table = found.tables["strings_speech_ctc"]
    assert [row[1] for row in table.rows] == ["with pauses"] * 2 + ["connected"] * 2 and len(table.rows[0]) == len(table.columns)
    assert all("(2/2)" in cell or cell.count("(1/2)") == 2 for row in table.rows for cell in row[2:])
    right = items["trimming"]["right"][:, items["trimming"]["repeats"][0] == 1].mean()
    assert f"trimming has {right:.1%} right" in found.sentences[0].text and f"答对 {right:.1%}" in found.sentences[0].text_zh
    for picture in found.figures.values():
        assert drawing.to_svg(picture.figure).startswith(b"<?xml")
    recordings = found.pieces["ctc_posteriors"].data["recordings"]
    assert {recording["sound"] for recording in recordings} == {f"sounds/recognition/{name}.wav" for name in found.sounds}
    assert len(found.sounds) == 2 and all(set(recording["readings"]) == {"ctc", "trimming", "silence"} for recording in recordings)


def test_the_string_that_is_shown_is_doubled_and_short(loaded: dict[str, Loaded]) -> None:
    found = alignments.read(loaded["ctc"])
    doubled = recognition_pictures.doubled_strings(found)
    times = [(spoken.load(Path(), "test").starts[place], spoken.load(Path(), "test").ends[place]) for place in found.places]
    for paused, strings in doubled.items():
        for string in strings:
            starts, ends = times[string]
            assert (starts[1] - ends[0] > 0) == paused
            assert any(a == b for a, b in itertools.pairwise(found.said[string]))
    shown = recognition_pictures.shown_string(found)
    assert shown in doubled[False] and len(found.said[shown]) == min(len(found.said[string]) for string in doubled[False])


@pytest.mark.parametrize("options", [{"beam": 0}, {"least": 0.0}, {"least": 1.0}])
def test_impossible_options_are_refused(options: dict) -> None:
    with pytest.raises(ValueError, match="beam must be at least 1 and least lie between 0 and 1"):
        recognition.Options(**options)
    assert math.log(recognition.Options().least) < -9
