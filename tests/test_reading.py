"""Slot filling in depth, labels that carry the state, texts that end, and questions to trained networks."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import ROOT

from pipelines import record
from unrolled import asking, models, results, training
from unrolled.analyses import reading, stopping
from unrolled.batches import Batch
from unrolled.judging.evidence import Evidence, Missing
from unrolled.results import UserError
from unrolled.settings import Run, SettingsError, parse
from unrolled.tasks.lines import Lines
from unrolled.tasks.slots import Slots
from unrolled.tasks.state_templates import carried
from unrolled.tasks.vocabulary import UNKNOWN

pytestmark = pytest.mark.unit
CPU = torch.device("cpu")
TEXTS = ["so lucky!", "good morning", "what a day", "no way, really?", "see you", "lol that was bad"]


@pytest.fixture
def tweets(tmp_path: Path) -> Path:
    for split, texts in {"train": TEXTS * 3, "validation": TEXTS[:2], "test": ["so bad!", "good day µ"]}.items():
        results.write_text(tmp_path / f"{split}.txt", "".join(f"{text}\n" for text in texts))
    return tmp_path


@pytest.fixture
def atis(tmp_path: Path) -> Path:
    sentence = {"words": ["to", "boston", "on", "monday"], "labels": ["O", "B-toloc.city_name", "O", "B-depart_date.day_name"], "intent": "x"}
    other = {"words": ["from", "denver", "to", "boston"], "labels": ["O", "B-fromloc.city_name", "O", "B-toloc.city_name"], "intent": "x"}
    for split in ("train", "validation", "test"):
        lines = [json.dumps({**found, "repeated": False}) for found in (sentence, other) * 20]
        results.write_text(tmp_path / f"{split}.jsonl", "\n".join(lines) + "\n")
    return tmp_path


def test_only_cities_are_hidden_and_about_as_many_as_asked(atis: Path) -> None:
    task, plain = Slots(atis, hidden_cities=0.5), Slots(atis)
    hidden = seen = 0
    batches = task.training_batches([training.generator(0, "data")], 8)
    for _ in range(50):
        batch = next(batches)
        is_city = torch.tensor(["city_name" in label for label in task.labels])[batch.targets.clamp(min=0)]
        assert not (batch.inputs[~is_city & (batch.targets >= 0)] == UNKNOWN).any()
        hidden, seen = hidden + int((batch.inputs[is_city] == UNKNOWN).sum()), seen + int(is_city.sum())
    assert abs(hidden / seen - 0.5) < 4 * math.sqrt(0.25 / seen)
    assert not (next(plain.training_batches([training.generator(0, "data")], 8)).inputs == UNKNOWN).any()


def test_a_members_hidden_cities_are_its_own(atis: Path) -> None:
    task = Slots(atis, hidden_cities=0.5)
    alone = next(task.training_batches([training.generator(1, "data")], 8))
    company = next(task.training_batches([training.generator(seed, "data") for seed in (0, 1, 2)], 8))
    assert (company.inputs[1] == alone.inputs[0]).all() and (company.inputs[0] != company.inputs[1]).any()


def test_a_share_above_one_is_refused(atis: Path) -> None:
    with pytest.raises(ValueError, match="hidden_cities is a share"):
        Slots(atis, hidden_cities=1.5)


def test_labels_carry_the_last_verb() -> None:
    sentence = [("i", "O", 0), ("arrive", "O", 0), ("osaka", "B-destination", 1), ("from", "O", 0), ("oslo", "B-departure", 1), ("then", "O", 0)]
    assert carried(sentence) == [0, 7, 1, 8, 2, 8]


@pytest.mark.parametrize("stop", [True, False])
def test_lines_are_read_one_symbol_late(tweets: Path, stop: bool) -> None:
    task = Lines(tweets, stop=stop)
    data = task.splits["train"]
    for row, text in enumerate(task.texts["train"]):
        length = len(text) + stop
        assert data.lengths[row] == length
        assert "".join(task.symbols[place] for place in data.targets[row, : len(text)]) == text
        assert data.inputs[row, 0] == 0 and (data.inputs[row, 1:length] == data.targets[row, : length - 1]).all()
        assert (data.targets[row, length:] == -100).all() and (not stop or data.targets[row, length - 1] == 0)


def test_bits_count_no_stop_symbol_and_no_unseen_character(tweets: Path) -> None:
    task = Lines(tweets)
    batch = Batch(*(None if part is None else torch.from_numpy(part)[None] for part in task.splits["test"]))
    outputs = torch.zeros(1, *batch.targets.shape[1:], len(task.symbols))
    metrics = task.metrics(task.items(outputs, batch))
    assert metrics["bits_per_character"].item() == pytest.approx(math.log2(len(task.symbols)))
    items = task.items(outputs.expand(3, -1, -1, -1), batch)
    assert items["characters"].tolist() == [[7, 9]] * 3 and items["nats"].shape == (3, 2)


def test_chance_of_lines_by_hand(tweets: Path) -> None:
    task = Lines(tweets)
    joined, test = "".join(task.texts["train"]), [symbol for text in task.texts["test"] for symbol in text if symbol != "µ"]
    bits = [-math.log2(joined.count(symbol) / len(joined)) for symbol in test]
    assert task.chance["bits_per_character"] == pytest.approx(sum(bits) / len(bits))


def lines_model(task: Lines, members: int = 2, **more: int) -> torch.nn.Module:
    run = Run(task="lines", name="test", kind="lines", cell="gru", hidden=5, seeds=members, batch=4, embedding=4, updates=1, **more)
    return models.build(run, {}, task.sizes, [training.generator(seed, "values") for seed in range(members)])


@pytest.mark.parametrize("layers", [1, 2])
def test_drawn_texts_follow_the_models_probabilities(tweets: Path, layers: int) -> None:
    """The first symbol's shares are those of the model; a member draws the same alone as in company."""
    task = Lines(tweets)
    model = lines_model(task, layers=layers)
    drawn = stopping.draw(model, 4000, 2, 0)
    start = torch.zeros(2, 1, 1, dtype=torch.long)
    shares = model(Batch(start, start)).softmax(-1)[:, 0, 0].detach().numpy()
    for member in range(2):
        found = np.bincount(drawn[member, :, 0], minlength=len(task.symbols)) / 4000
        assert np.abs(found - shares[member]).max() < 5 * math.sqrt(0.25 / 4000)
    assert (stopping.draw(lines_model(task, 1, layers=layers), 4000, 2, 0)[0] == drawn[0]).all()


def test_how_texts_are_measured() -> None:
    symbols = np.array([[[3, 2, 0, 5], [1, 1, 1, 1], [0, 4, 0, 0]]])
    lengths, ended = stopping.measure(symbols)
    assert lengths.tolist() == [[2, 4, 0]] and ended.tolist() == [[True, False, True]]


def test_a_cap_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="room for one character"):
        stopping.Options(cap=0)


def test_windows_are_read_from_names() -> None:
    assert reading._split("jordan_own_window_3") == ("jordan_own", 3)
    assert reading._split("elman_window") == ("elman", 1) and reading._split("lstm") == ("lstm", 0)


def test_recorded_evidence_stands_in_for_runs_of_full_scale_only(params: dict, workplace: Path) -> None:
    settings = parse(params)
    reference = {"run": "slots/elman_2", "metric": "chunk_f1"}
    with pytest.raises(Missing) as caught:
        Evidence(settings).values(reference)
    assert caught.value.pending
    record = {"format": results.FORMAT, "members": [{"learning_rate": 0.01, "metrics": {"chunk_f1": 0.9}, "diverged": None}],
              "tuned": {"stale": False}}
    results.write_json(results.recorded_file("slots", "elman_2"), record)
    evidence = Evidence(settings)
    assert evidence.values(reference).tolist() == [0.9]
    assert evidence.files == [str(results.recorded_file("slots", "elman_2"))]


def test_seeds_at_several_rates_are_not_counted_as_one_sample(params: dict, workplace: Path) -> None:
    members = [{"seed": seed, "learning_rate": rate, "metrics": {"success": rate}, "diverged": None} for rate in (0.01, 0.3) for seed in (0, 1)]
    results.write_json(results.run_file("adding", "tanh"), {"format": results.FORMAT, "members": members})
    evidence, reference = Evidence(parse(params)), {"run": "adding/tanh", "metric": "success"}
    with pytest.raises(Missing, match=r"run adding/tanh has members with learning rates 0\.01, 0\.3; name one of them as learning_rate"):
        evidence.values(reference)
    assert evidence.values({**reference, "learning_rate": 0.3}).tolist() == [0.3, 0.3]


@pytest.mark.parametrize(("text", "message"), [
    ("", "is empty"), ("   ", "is empty"), ("\udcff\udcfe", "not UTF-8"), ("word " * 100_000, "100000 words, more than the 1000")])
def test_a_bad_question_gets_one_sentence(text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        asking.checked_words(text, "SENTENCE")


def test_emoji_and_right_to_left_are_words_like_any_other() -> None:
    assert asking.checked_words(" 🙂  שלום taipei ", "TEXT") == ["🙂", "שלום", "taipei"]


def test_what_is_recorded_is_trained_alone_and_as_at_full_scale(params: dict) -> None:
    every = parse({**params, "scale": "full"}).tasks["character_model"].runs
    alone = parse(record.at_full_scale(params, "character_model", ("elman_2", "lstm_3"))).tasks["character_model"].runs
    assert alone == {name: every[name] for name in ("elman_2", "lstm_3")}


def test_folds_are_listed_by_network_and_block() -> None:
    def record(fold: int, *scores: float) -> dict:
        return {"settings": {"fold": fold}, "members": [
            {"metrics": {"chunk_f1": score, "chunk_f1_unrepeated": score - 0.1}, "diverged": None} for score in scores]}

    table = reading._folds({"elman_fold_0": record(0, 0.5, 0.7), "elman_fold_1": record(1, 0.8, 0.8), "gru_fold_1": record(1, 0.9, 0.9)})
    assert table.columns[1:3] == ("block 0", "block 1")
    assert table.rows == [["elman", "60.0", "80.0", "70.0", "60.0"], ["gru", "", "90.0", "90.0", "80.0"]]


def test_every_full_scale_run_of_slots_resolves(params: dict) -> None:
    full = parse({**params, "scale": "full"})
    laptop = parse(params)
    assert set(laptop.tasks["slots"].elsewhere) <= set(full.tasks["slots"].runs)
    assert {name for name in full.tasks["slots"].runs if name.endswith("_window_3")} >= {"jordan_scheduled_window_3", "lstm_window_3"}
    assert full.tasks["slots"].runs["elman_3"].layers == 3 and full.tasks["slots"].runs["jordan_scheduled"].feedback == "scheduled"


@pytest.mark.parametrize(("arguments", "complaint"), [
    (("slotz",), "did you mean 'slots'?"), (("sequence_generation",), "has no runs at full scale only"),
    (("slots", "elman_22"), "tasks.slots.full has no run elman_22; did you mean 'elman_2'?"), (("slots", "elman_2"), "data/ is not there yet")])
def test_what_cannot_be_recorded_gets_one_sentence(workplace: Path, capsys: pytest.CaptureFixture, arguments: tuple, complaint: str) -> None:
    for name in ("params.yaml", "tuned.yaml"):
        results.write_text(name, ROOT.joinpath(name).read_text(encoding="utf-8"))
    with pytest.raises(SystemExit):
        record.main(*arguments)
    assert complaint in capsys.readouterr().err and not Path(".record").exists()


def test_a_block_of_another_scale_must_be_a_mapping_too(params: dict) -> None:
    params["tasks"]["slots"]["full"] = 3
    with pytest.raises(SettingsError, match="must be a mapping"):
        parse(params)
