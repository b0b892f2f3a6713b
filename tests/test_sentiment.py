"""Reviews, the order probe, bags of words: against scikit-learn, hand loops, and what must hold by construction."""

from __future__ import annotations

import dataclasses
import io
import json
import tarfile
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score

from unrolled import models, results, settings, significance, training
from unrolled.analyses import sentiment, trained
from unrolled.batches import Batch, Sizes
from unrolled.data import reviews
from unrolled.data.archives import DataError
from unrolled.models.parts import pool, weaned
from unrolled.settings import Run, SettingsError
from unrolled.tasks.blocks import with_test_block
from unrolled.tasks.order_probe import OrderProbe
from unrolled.tasks.sentiment import Sentiment
from unrolled.tasks.vocabulary import PADDING, UNKNOWN

pytestmark = pytest.mark.unit
CPU = torch.device("cpu")
TEXTS = [("a fine film", 1), ("a dull film", 0), ("fine , fine acting", 1), ("dull and too long", 0), ("a film", 1), ("too dull", 0)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for split, copies in (("train", 4), ("validation", 1), ("test", 1)):
        lines = [json.dumps({"words": text.split(), "label": label}) for text, label in TEXTS * copies]
        results.write_text(tmp_path / f"{split}.jsonl", "\n".join(lines) + "\n")
    return tmp_path


def make_run(**changes: object) -> Run:
    base = {"task": "sentiment", "name": "test", "kind": "sentiment", "cell": "gru", "hidden": 4, "seeds": 2, "batch": 6, "embedding": 3,
            "dropout": 0.2, "updates": 5, "stride": 1}
    return Run(**{**base, **changes})


@pytest.mark.parametrize("read", ["last", "mean", "max"])
def test_pooling_is_a_hand_loop(read: str) -> None:
    outputs, lengths = torch.randn(2, 3, 5, 4), torch.tensor([[5, 2, 1], [3, 5, 4]])
    found = pool(outputs, lengths, read)
    for member in range(2):
        for row in range(3):
            rows = outputs[member, row, : lengths[member, row]]
            expected = {"last": rows[-1], "mean": rows.mean(0), "max": rows.amax(0)}[read]
            torch.testing.assert_close(found[member, row], expected)
    torch.testing.assert_close(pool(outputs, None, read), pool(outputs, torch.full((2, 3), 5), read))


def test_the_share_of_own_answers_grows_to_all_of_them() -> None:
    def generators() -> list[torch.Generator]:
        return [training.generator(seed, "dropout") for seed in range(2)]

    assert not weaned(0.0, (50, 40), generators()).any() and weaned(0.6, (50, 40), generators()).all()
    half = weaned(0.3, (50, 40), generators())
    assert abs(half.float().mean().item() - 0.5) < 0.04 and (half[0] != half[1]).any()


def test_averaged_is_a_hand_loop() -> None:
    sizes = Sizes(0, 2, vocabulary=9, read="mean")
    model = models.build(make_run(model="averaged", dropout=0.0), {}, sizes, [training.generator(seed, "values") for seed in range(2)])
    words, lengths = torch.randint(2, 9, (1, 4, 6)), torch.tensor([[6, 1, 3, 2]])
    outputs = model(Batch(words, words, lengths))
    for member in range(2):
        for row in range(4):
            read = words[0, row, : lengths[0, row]]
            mean = sum(model.embedding[member, word] for word in read) / len(read)
            torch.testing.assert_close(outputs[member, row], mean @ model.output_weight[member] + model.output_bias[member, 0])


@pytest.mark.parametrize("changes", [{"layers": 2}, {"bidirectional": True}, {"window": 1}, {"embedding": 0}])
def test_averaged_refuses_what_it_lacks(changes: dict) -> None:
    with pytest.raises(ValueError, match="model averaged"):
        models.build(make_run(model="averaged", **changes), {}, Sizes(0, 2, vocabulary=9, read="last"), [training.generator(0, "values")])


@pytest.mark.parametrize("model", ["reader", "averaged"])
@pytest.mark.parametrize("pooling", ["last", "mean", "max"])
def test_a_member_is_the_same_alone_as_in_company(folder: Path, model: str, pooling: str) -> None:
    task, run = Sentiment(folder, pooling=pooling), make_run(model=model)
    company = training.train(run, task, [(0, 0.01), (1, 0.02)], CPU)
    alone = training.train(run, task, [(1, 0.02)], CPU)
    for name, weights in company.weights.items():
        assert (weights[1] == alone.weights[name][0]).all(), name


def test_accuracy_is_scikit_learns(folder: Path) -> None:
    task = Sentiment(folder)
    outputs, parts, gold = [], [], []
    for batch in task.evaluation_batches("test"):
        outputs.append(torch.randn(2, *batch.targets.shape[1:], 2))
        parts.append(task.items(outputs[-1], batch)["right"])
        gold += batch.targets[0].tolist()
    found = task.metrics({"right": torch.cat(parts, 1)})["accuracy"]
    predicted = torch.cat([part.argmax(-1) for part in outputs], 1)
    assert found.tolist() == [accuracy_score(gold, row) for row in predicted.tolist()]


def test_chance_and_the_unknown_word(folder: Path) -> None:
    task = Sentiment(folder)
    assert task.chance["accuracy"] == 0.5
    assert task.encode_words(["film", "🙂", "שלום"])[1:] == [UNKNOWN, UNKNOWN]
    assert Sentiment(folder, limit=1).encode_words(["film"]) == [UNKNOWN]  # seen once only


def test_blocks_of_the_snippets_are_each_the_test_once() -> None:
    texts = {"test": [0, 1], "validation": [-1], "train": [2, 3, 4, 5, 6]}
    found = [with_test_block(texts, number) for number in range(3)]
    assert found[0] == texts
    assert [each["test"] for each in found] == [[0, 1], [2, 3], [4, 5]]
    assert all(sorted(each["test"] + each["train"]) == list(range(7)) and each["validation"] == [-1] for each in found)
    for number in (-1, 3):
        with pytest.raises(ValueError, match="3 blocks of 2, 0 to 2"):
            with_test_block(texts, number)


def test_words_are_hidden_in_training_but_never_padding(folder: Path) -> None:
    task = Sentiment(folder, unknown=0.5)
    batch = next(task.training_batches([training.generator(0, "data")], 24))
    inside = torch.arange(batch.inputs.shape[2]) < batch.lengths.unsqueeze(-1)
    assert (batch.inputs[~inside] == PADDING).all() and 0.2 < (batch.inputs[inside] == UNKNOWN).float().mean() < 0.9


def test_bad_texts(folder: Path) -> None:
    task = Sentiment(folder)
    with pytest.raises(ValueError, match="has no words"):
        task.encode([([], 1)])
    assert task.encode([(["film"] * 100_000, 1)]).inputs.shape == (1, task.ceilings[-1])
    with pytest.raises(ValueError, match="pooling is 'first'"):
        Sentiment(folder, pooling="first")


def test_a_bag_of_words_gets_exactly_half_of_the_probe() -> None:
    """Each test sentence has a partner of the same words and the other answer, so whatever is said of a bag is right for one of two."""
    task = OrderProbe(Path())
    for split, texts in task.texts.items():
        answers: dict[frozenset, Counter] = {}
        for words, label in texts:
            answers.setdefault(frozenset(Counter(words).items()), Counter())[label] += 1
        assert all(found[0] == found[1] for found in answers.values()), split
    assert sentiment.bag_of_words(task, 1, [1.0], counts=True).mean() == 0.5


def test_no_pair_of_the_probe_is_in_two_splits() -> None:
    pairs = OrderProbe(Path()).pairs
    assert ("white blood cells", "an infection") in pairs["test"]
    assert sum(len(set(group)) for group in pairs.values()) == len(set().union(*map(set, pairs.values()))) == 144


def test_answers_stand_in_the_order_of_the_reviews(folder: Path, workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Sentiment, "ceilings", (2, 3, 40))  # so that the reviews are evaluated in another order
    task = Sentiment(folder)
    order = task.item_order("test")
    right = np.array([[1, 0, 1, 1, 0, 0], [1, 0, 1, 0, 0, 0]], dtype=np.uint8)
    results.write_arrays(results.items_file("sentiment", "lstm"), {"right": right[:, order]})
    assert sentiment.answered(sentiment.Options(), task).tolist() == right.tolist() and order.tolist() != sorted(order)
    bag = np.array([True, True, False, True, False, False])
    assert (sentiment.answered(sentiment.Options(), task) - bag).tolist() == (right.astype(float) - bag).tolist()


def test_a_recorded_fold_is_held_against_a_bag_of_its_own(folder: Path, workplace: Path) -> None:
    run = make_run(name="lstm", options={"train_on_validation": True}, seeds=2)
    section = settings.TaskSection("sentiment", "sentiment", str(folder), {"lstm": run}, "", ("lstm_fold_1",))
    chosen, options = SimpleNamespace(tasks={"sentiment": section}), sentiment.Options(folds=("lstm_fold_1",), strengths=(10.0,))
    task, recorded = Sentiment(folder, fold=1), results.recorded_file("sentiment", "lstm_fold_1")
    right = np.array([[1, 0, 1, 1, 0, 0], [1, 0, 1, 0, 0, 0]], dtype=np.uint8)
    results.write_json(recorded, {"format": results.FORMAT, "settings": {"fold": 1, "train_on_validation": True}})
    results.write_arrays(recorded.with_suffix(".items.safetensors"), {"right": right[:, task.item_order("test")]})
    bag = sentiment.bag_of_words(task, 1, [10.0], refit=True)
    found = sentiment._on_fold(options, chosen, "lstm_fold_1")
    assert found[0].tolist() == right.tolist() and found[1].tolist() == bag.tolist()
    with pytest.raises(SettingsError, match="no run lstm_fold_2; did you mean 'lstm_fold_1'"):
        sentiment._on_fold(options, chosen, "lstm_fold_2")
    chosen.tasks["sentiment"] = dataclasses.replace(section, runs={"lstm": dataclasses.replace(run, seeds=3)})
    with pytest.raises(SettingsError, match="recorded with 2 seeds, but lstm has 3"):
        sentiment._on_fold(options, chosen, "lstm_fold_1")


def test_shuffling_changes_nothing_for_an_average_of_words(folder: Path) -> None:
    task, run = Sentiment(folder), make_run(model="averaged")
    model = models.build(run, {}, task.sizes, [training.generator(seed, "values") for seed in range(2)])
    loaded = trained.Loaded(run, task, model)
    assert sentiment.shuffled_accuracy(loaded, 0).tolist() == sentiment.accuracy(loaded, task.texts["test"]).tolist()


def test_texts_are_cut_into_words_and_marks() -> None:
    assert reviews.tokenise("It''s ''Conan'', doesn't it... &amp; 🙂") == ("it", '"', "s", '"', "conan", '"', ",", "doesn't", "it", "...", "&", "🙂")


def test_the_inner_archive_is_read_with_care(monkeypatch: pytest.MonkeyPatch) -> None:
    def packed(lines: bytes) -> dict[str, bytes]:
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w:gz") as archive:
            entry = tarfile.TarInfo(reviews.RATED)
            entry.size = len(lines)
            archive.addfile(entry, io.BytesIO(lines))
        return {"hutto_ICWSM_2014.tar.gz": stream.getvalue()}

    monkeypatch.setattr(reviews, "packaged_members", lambda name: packed(b"1\t2.5\tGood fun\n2\t0.0\tNeither\n3\t-1.5\tToo long\n"))
    found, told = reviews.packaged()
    assert [review.label for review in found] == [1, 0] and told["neutral_left_out"] == 1
    for content in (b"1\tnot a number\tx\n", b"\xff\xfe\n"):
        monkeypatch.setattr(reviews, "packaged_members", lambda name, content=content: packed(content))
        with pytest.raises(DataError):
            reviews.packaged()


def test_copies_are_left_out_and_contradicting_ones_altogether() -> None:
    made = [reviews.Review(tuple(text.split()), label) for text, label in (("a b", 1), ("a b", 1), ("c d", 1), ("c d", 0), ("e", 0))]
    assert [(review.words, review.label) for review in reviews.distinct(made)] == [(("a", "b"), 1), (("e",), 0)]


def test_the_interval_covers_seeds_and_reviews(folder: Path, workplace: Path) -> None:
    """Against a plain loop that draws texts anew, as few as these by Student's t, and so what other seeds have right, never more than all."""
    task, options = Sentiment(folder), sentiment.Options()
    draw = np.random.default_rng(3)
    right, bag = draw.integers(0, 2, (3, 6)), draw.integers(0, 2, 6)
    results.write_arrays(results.items_file("sentiment", "lstm"), {"right": right[:, task.item_order("test")].astype(np.uint8)})
    leads, by_hand = right - bag, []
    for drawn, other, square in zip(draw.integers(0, 6, (20_000, 6)), draw.standard_t(2, 20_000), draw.chisquare(5, 20_000), strict=True):
        means = leads[:, drawn].mean(1)
        far = (means.mean() - leads.mean()) * (6 / square) ** 0.5
        by_hand.append(np.clip(leads.mean() + far + other * means.std(ddof=1) / 3**0.5, leads.min(), leads.max()))
    found = significance.items_against_limit(sentiment.answered(options, task) - bag, 0.0, 20_000).interval
    assert found == pytest.approx(np.quantile(by_hand, [0.025, 0.975]), abs=0.03)
    assert sentiment.answered(options, task).tolist() == right.tolist()
    results.write_arrays(results.items_file("sentiment", "lstm"), {"right": np.ones((3, 6), np.uint8)})
    assert not (sentiment.answered(options, task) - np.ones(6)).any()


def test_a_bag_learns_from_the_validation_texts_where_the_network_did(folder: Path) -> None:
    results.write_text(folder / "validation.jsonl", json.dumps({"words": ["grand"], "label": 1}) + "\n" + json.dumps({"words": ["poor"], "label": 0}) + "\n")
    results.write_text(folder / "test.jsonl", json.dumps({"words": ["grand"], "label": 1}) + "\n" + json.dumps({"words": ["poor"], "label": 0}) + "\n")
    task = Sentiment(folder)
    assert sentiment.bag_of_words(task, 1, [10.0], refit=True).all() and not sentiment.bag_of_words(task, 1, [10.0]).all()


@pytest.mark.parametrize("options", [{"strengths": ()}, {"strengths": (0.0,)}, {"shuffles": 0}, {"resamples": 0}])
def test_options_that_leave_nothing_are_refused(options: dict) -> None:
    with pytest.raises(ValueError, match="strengths must be"):
        sentiment.Options(**options)


@pytest.mark.parametrize("limit", [0, 1, 200, 500])
def test_a_limited_probe_can_be_trained_on(limit: int) -> None:
    task = OrderProbe(Path(), limit=limit)
    batches = task.training_batches([training.generator(0, "data")], 64)
    for _ in range(task.updates_per_epoch(64)):
        next(batches)
    assert len(task.splits["train"].extra) == (limit or 4872) and task.splits["test"].extra.max() == 42


def test_networks_that_were_recorded_once_are_listed_without_what_needs_weights():
    record = {"parameters": 7, "members": [{"metrics": {"accuracy": share}, "diverged": None} for share in (0.7, 0.8)]}
    table = sentiment._sizes({"lstm": record, "gru": record}, {"lstm": np.array([0.6, 0.8])})
    assert table.rows == [["lstm", "75.0 ± 7.1", "70.0 ± 14.1", "5.0 ± 7.1", "7"], ["gru", "75.0 ± 7.1", "–", "–", "7"]]
