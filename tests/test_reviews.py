"""Reviews and tweets from archives, real or damaged, and what padding, buckets and odd texts must not change."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import tarfile
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

from unrolled import models, results, training
from unrolled.batches import Batch, Sizes
from unrolled.data import DATA_SETS, reviews, sources, tweets
from unrolled.data.archives import DataError
from unrolled.data.base import inner_members
from unrolled.settings import Run
from unrolled.tasks.order_probe import OrderProbe
from unrolled.tasks.sentiment import Sentiment
from unrolled.tasks.vocabulary import PADDING, UNKNOWN

pytestmark = pytest.mark.unit
INNER = "additional_resources/hutto_ICWSM_2014.tar.gz"
SNIPPETS = [f"{index}\t{(-1) ** index * (0.2 + index % 3)}\tSnippet number {index}, rather {'dull' if index % 2 else 'fine'}." for index in range(40)]
MESSAGES = [f"{index}\t1.0\tMessage &amp; number {index}  :)" for index in range(30)]


def tar_of(members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


def packed(snippets: bytes, messages: bytes = b"") -> bytes:
    """The package's file: an archive in which there is another one."""
    return tar_of({f"vaderSentiment-3.3.2/{INNER}": tar_of({reviews.RATED: snippets, tweets.TWEETS: messages})})


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "mirror"
    folder.mkdir()
    monkeypatch.setenv("UNROLLED_MIRROR", str(folder))
    return folder


def put(mirror: Path, monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    (mirror / "vaderSentiment-3.3.2.tar.gz").write_bytes(content)
    pinned = sources.PACKAGES["reviews"]._replace(sha256=hashlib.sha256(content).hexdigest())
    monkeypatch.setitem(sources.PACKAGES, "reviews", pinned)


def built(name: str, source: str, folder: Path) -> dict:
    folder.mkdir()
    return DATA_SETS[name]().build(source, folder)


def test_reviews_of_the_package(tmp_path, mirror, monkeypatch):
    more = ["100\t0.0\tNeither here nor there", "101\t1.5\t  snippet NUMBER 0, rather fine. ", "102\t2\tTwo minds", "103\t-2\tTwo minds"]
    put(mirror, monkeypatch, packed("\r\n".join([*SNIPPETS, *more, ""]).encode()))
    card = built("reviews", "packaged", tmp_path / "a")
    assert card["splits"] == {"train": 32, "validation": 4, "test": 4}
    assert (card["neutral_left_out"], card["copies_left_out"]) == (1, 3)  # a copy, and both of those that contradict each other
    assert card["doubtful"] == sum(index % 3 == 0 for index in range(40))
    found = reviews.load(tmp_path / "a")
    texts = [review.words for group in found.values() for review in group]
    assert len(set(texts)) == len(texts) == 40
    assert all(review.label == ("fine" in review.words) for group in found.values() for review in group)
    built("reviews", "packaged", tmp_path / "b")
    assert results.folder_hash(tmp_path / "a") == results.folder_hash(tmp_path / "b")


def test_reviews_of_the_original(tmp_path, mirror, monkeypatch):
    path = mirror / "sentence_polarity.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, kind in (("neg", "dull"), ("pos", "fine")):
            lines = [f"film {index} \x97 the director\x92s idea is {kind} . " for index in range(20)]
            archive.writestr(f"sentence_polarity/rt-polarity.{name}", "\n".join(lines))
    entry = sources.ORIGINALS["reviews"][0]._replace(checksum=f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}")
    monkeypatch.setitem(sources.ORIGINALS, "reviews", (entry,))
    card = built("reviews", "official", tmp_path / "a")
    assert card["splits"] == {"train": 32, "validation": 4, "test": 4} and sum(card["positive"].values()) == 20
    review = reviews.load(tmp_path / "a")["test"][0]
    assert review.words[2:6] == ("-", "the", "director's", "idea") and review.label == ("fine" in review.words)


def test_tweets_are_the_same_from_both_sources(tmp_path, mirror, monkeypatch):
    odd = ["90\t1\tmessage & NUMBER 0 :)", "91\t1\tshort :)", f"92\t1\t{'long ' * 30}", "93\t1\tnot all of this is ASCII é", "94\t1\tas long as  ten"]
    put(mirror, monkeypatch, packed(b"", "\r\n".join([*MESSAGES, *odd]).encode()))
    cards = [built("tweets", source, tmp_path / source) for source in ("packaged", "official")]
    for card in cards:
        assert card["splits"] == {"train": 25, "validation": 3, "test": 3} and card["left_out"] == 4
    found, other = (tweets.load(tmp_path / source) for source in ("packaged", "official"))
    assert found == other and sorted(map(len, found.values())) == [3, 3, 25]
    assert all(10 <= len(text) <= 80 and text == text.lower() and text.isascii() for group in found.values() for text in group)
    assert any("message & number 7 :)" in group for group in found.values())


@pytest.mark.parametrize(("snippets", "reason"), [
    (b"", "is empty"), (b"1\t2.5\n", "between tabs"), (b"1\tgood\tfilm\n", "between tabs"), (b"1\tnan\tfilm\n", "between tabs"),
    (b"1\tinf\tfilm\n", "between tabs"), (b"1\t2\tfilm\tmore\n", "between tabs"), (b"1\t2\t \n", "without a word"), (b"1\t2\t\xe9\n", "not UTF-8"),
    (b"1\t2\tone film\n", "too few to split"),
])
def test_damaged_reviews_are_one_sentence(tmp_path, mirror, monkeypatch, snippets, reason):
    put(mirror, monkeypatch, packed(snippets))
    with pytest.raises(DataError, match=reason) as raised:
        built("reviews", "packaged", tmp_path / "a")
    assert "\n" not in str(raised.value) and len(str(raised.value)) < 400


@pytest.mark.parametrize(("messages", "reason"), [(b"", "is empty"), (b"1\t2\n", "between tabs"), (b"1\t2\t\n", "between tabs"), (b"1\t2\tone text\n", "too few")])
def test_damaged_tweets_are_one_sentence(tmp_path, mirror, monkeypatch, messages, reason):
    put(mirror, monkeypatch, packed(b"", messages))
    with pytest.raises(DataError, match=reason):
        built("tweets", "packaged", tmp_path / "a")


@pytest.mark.parametrize(("content", "reason"), [
    (b"no archive", "damaged"), (tar_of({"x": b"1"})[:60], "damaged"), (tar_of({"x": b"1"}), "has no member"), (tar_of({f"../{reviews.RATED}": b"1"}), "outside"),
], ids=["no archive", "cut short", "without it", "outside"])  # by name: a gzip file begins with the time, which differs between workers
def test_an_inner_archive_is_not_trusted_either(content, reason):
    with pytest.raises(DataError, match=reason) as raised:
        inner_members(INNER, content, [reviews.RATED])
    assert str(raised.value).startswith("hutto_ICWSM_2014.tar.gz ")


@pytest.mark.parametrize(("text", "expected"), [
    ("Don't — “stop”...", "don't - \" stop \" ..."), ("''Lilo &amp; Stitch''", "\" lilo & stitch \""), ("J.R.R. Tolkien's", "j . r . r . tolkien's"),
    ("😀😀 שלום עולם 影评", "😀 😀 שלום עולם 影评"), ("\x93so\x94 it\x92s \x96 well", "\" so \" it's - well"), ("'quoted'", "' quoted '"), (" \n\t ", ""),
])
def test_words_and_marks(text, expected):
    assert reviews.tokenise(text) == tuple(expected.split())


@pytest.mark.parametrize("line", ["", "{}", "[]", '{"words": [], "label": 1}', '{"words": ["a"], "label": 2}', "not json"])
def test_a_damaged_frozen_review_says_what_to_do(tmp_path, line):
    for split in reviews.SPLITS:
        results.write_text(tmp_path / f"{split}.jsonl", f"{line}\n" if line else '{"words": 3, "label": 0}\n')
    with pytest.raises(DataError, match="make reproduce"):
        reviews.load(tmp_path)


# the tasks

@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Texts of many lengths, of which more are for than against in training, and more against in the test."""
    draw = np.random.default_rng(0)
    for split, share in (("train", 0.7), ("validation", 0.5), ("test", 0.3)):
        rows = [{"words": [f"w{word}" for word in draw.integers(0, 30, draw.integers(1, 64))], "label": int(draw.random() < share)} for _ in range(60)]
        results.write_text(tmp_path / f"{split}.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path


def make_run(**changes: object) -> Run:
    base = {"task": "sentiment", "name": "x", "kind": "sentiment", "cell": "lstm", "hidden": 5, "seeds": 3, "batch": 8, "embedding": 4, "dropout": 0.3,
            "updates": 12, "stride": 4, "evaluate_every": 12}
    return Run(**{**base, **changes})


def test_chance_is_the_commonest_training_answer_on_the_test(folder):
    labels = {split: [json.loads(line)["label"] for line in (folder / f"{split}.jsonl").read_text().splitlines()] for split in reviews.SPLITS}
    (commonest, _), = Counter(labels["train"]).most_common(1)
    assert Sentiment(folder).chance["accuracy"] == pytest.approx(labels["test"].count(commonest) / 60)
    assert Sentiment(folder).chance["accuracy"] < 0.5 < np.mean(labels["train"])


@pytest.mark.parametrize(("model", "cell", "options"), [
    ("averaged", "elman", {}), ("reader", "elman", {}), ("reader", "lstm", {"path": "fused"}), ("reader", "gru", {"bidirectional": True})])
@pytest.mark.parametrize("pooling", ["last", "mean", "max"])
def test_neither_padding_nor_buckets_change_an_answer(folder, model, cell, options, pooling):
    task = Sentiment(folder, pooling=pooling)
    built_model = models.build(make_run(model=model, cell=cell, **options), {}, task.sizes, [training.generator(seed, "values") for seed in (0, 1)])
    answers = torch.empty(2, 60, 2)
    order, start = task.item_order("test"), 0
    for batch in task.evaluation_batches("test"):
        answers[:, order[start : start + batch.inputs.shape[1]]] = built_model(batch).detach()
        start += batch.inputs.shape[1]
    for place, (words, _) in enumerate(task.texts["test"]):
        inputs = torch.tensor([[task.encode_words(words)]])
        alone = built_model(Batch(inputs, inputs, torch.tensor([[len(words)]]))).detach()[:, 0]
        torch.testing.assert_close(answers[:, place], alone, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("changes", [{}, {"path": "fused"}, {"model": "averaged"}, {"cell": "elman", "options": {"unknown": 0.3, "pooling": "max"}}], ids=str)
def test_a_member_is_the_same_alone_as_in_company(folder, changes):
    run = make_run(**changes)
    members = [(0, 0.01), (1, 0.03), (4, 0.01)]
    task = Sentiment(folder, **run.options)
    together = training.train(run, task, members, torch.device("cpu"))
    for index, member in enumerate(members):
        alone = training.train(run, task, [member], torch.device("cpu"))
        assert all((alone.weights[name][0] == weights[index]).all() for name, weights in together.weights.items())
        assert alone.metrics[0] == together.metrics[index] and (alone.items["right"][0] == together.items["right"][index]).all()


def test_hidden_words_are_each_members_own_and_of_the_share_asked_for(folder):
    plain = Sentiment(folder, unknown=0.0).training_batches([training.generator(seed, "data") for seed in (0, 1)], 60)
    assert not any((next(plain).inputs == UNKNOWN).any() for _ in range(8))  # all thirty words occur more than once
    task, shares = Sentiment(folder, unknown=0.2), []
    batches = task.training_batches([training.generator(7, "data"), training.generator(7, "data"), training.generator(8, "data")], 60)
    for _ in range(40):
        found = next(batches).inputs
        assert torch.equal(found[0], found[1])
        shares.append(((found == UNKNOWN).sum() / (found != PADDING).sum()).item())
    assert np.mean(shares) == pytest.approx(0.2, abs=0.02)
    assert not any((batch.inputs == UNKNOWN).any() for batch in task.evaluation_batches("test"))


def test_odd_texts_get_an_answer(folder):
    task = Sentiment(folder)
    model = models.build(make_run(), {}, task.sizes, [training.generator(0, "values")])
    texts = [(["w1"] * 100_000, 1), (["w1"] * 64, 1), (["🤷", "שלום", "影评"], 0), (["never", "seen"], 1)]
    data = task.encode(texts)
    outputs = model(Batch(*(None if part is None else torch.from_numpy(part[None]) for part in data)))
    assert torch.isfinite(outputs).all() and torch.equal(outputs[0, 0], outputs[0, 1]) and data.lengths.tolist() == [64, 64, 3, 2]
    assert (data.inputs[2:, :2] == UNKNOWN).all()


def test_texts_that_are_cut_are_counted(folder):
    results.write_text(folder / "test.jsonl", json.dumps({"words": ["w1"] * 65, "label": 1}) + "\n" + json.dumps({"words": ["w1"] * 64, "label": 1}) + "\n")
    assert Sentiment(folder).cut == {"train": 0, "validation": 0, "test": 1}


def test_validation_joins_training_where_asked_for(folder):
    task = Sentiment(folder, train_on_validation=True)
    assert "validation" not in task.splits and len(task.splits["train"].targets) == 120
    assert len(Sentiment(folder, limit=7).splits["train"].targets) == 7


@pytest.mark.parametrize("unknown", [-0.1, 1.0])
def test_a_share_that_is_none_is_refused(folder, unknown):
    with pytest.raises(ValueError, match="unknown is a share"):
        Sentiment(folder, unknown=unknown)


# the probe

def test_the_good_side_wins_where_it_should():
    """Read by rules, word by word: the doer stands before an active verb and after "by"; never turns it round."""
    task = OrderProbe(Path())
    good = tuple({side for side, _ in task.pairs["test"]})
    for words, label in task.texts["test"]:
        text = " ".join(words)
        first_is_good = text.startswith(good)
        doer_is_good = first_is_good != ("by" in words)
        assert label == (doer_is_good != ("never" in words)), text


def test_every_word_and_length_of_the_probe_is_known():
    task = OrderProbe(Path())
    assert not (task.splits["test"].inputs == UNKNOWN).any() and not any(task.cut.values())
    assert {split: len(data.targets) for split, data in task.splits.items()} == {"train": 4872, "validation": 784, "test": 2408}
    assert task.chance == {"accuracy": 0.5}


def test_averaged_word_vectors_get_exactly_half_of_the_probe():
    run = make_run(task="order_probe", kind="order_probe", model="averaged", batch=32, updates=60)
    trained = training.train(run, OrderProbe(Path()), [(0, 0.03), (1, 0.03)], torch.device("cpu"))
    assert [metrics["accuracy"] for metrics in trained.metrics] == [0.5, 0.5]


def test_a_network_that_reads_in_order_learns_the_probe():
    run = make_run(task="order_probe", kind="order_probe", cell="elman", batch=32, hidden=32, embedding=16, dropout=0.0, updates=500, schedule="linear",
                   evaluate_every=500)
    trained = training.train(run, OrderProbe(Path()), [(0, 0.03), (1, 0.03)], torch.device("cpu"))
    assert min(metrics["accuracy"] for metrics in trained.metrics) > 0.95


@pytest.mark.parametrize("changes", [{"path": "fused"}, {"feedback": "target"}])
def test_averaged_names_what_it_does_not_have(changes):
    run = dataclasses.replace(make_run(model="averaged"), **changes)
    with pytest.raises(ValueError, match=str(next(iter(changes.values())))):
        models.build(run, {}, Sizes(0, 2, vocabulary=9), [training.generator(0, "values")])
