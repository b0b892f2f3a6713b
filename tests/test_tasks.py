"""The tasks: definitions of their papers, chance derived by hand or by simulation, oracles for the scores."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from seqeval.metrics import f1_score

from unrolled.batches import Batch
from unrolled.tasks import digits, slots, templates
from unrolled.tasks.adding import Adding
from unrolled.tasks.base import class_loss
from unrolled.tasks.classified import Classified
from unrolled.tasks.temporal_order import TemporalOrder

pytestmark = pytest.mark.unit


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_adding_as_its_paper_has_it(tmp_path):
    batch = Adding(tmp_path, length=21).sample(500, seeded())
    numbers, marks = batch.inputs[0].unbind(-1)
    assert batch.inputs.shape == (1, 500, 21, 2) and batch.targets.shape == (1, 500, 1)
    assert (marks[:, :10].sum(1) == 1).all() and (marks[:, 10:].sum(1) == 1).all()
    for row, (values, flags) in enumerate(zip(numbers.tolist(), marks.tolist())):
        assert batch.targets[0, row, 0].item() == pytest.approx(sum(v for v, f in zip(values, flags) if f), abs=1e-6)
    assert numbers.min() >= 0 and numbers.max() < 1 and abs(numbers.mean() - 0.5) < 0.02


def test_a_generated_tasks_splits_are_always_the_same_and_differ_from_each_other(tmp_path, monkeypatch):
    """Nothing that was chosen by validation is tested on the same sequences."""
    monkeypatch.setattr(Adding, "test_size", 300)
    read = {split: [torch.cat([batch.inputs for batch in Adding(tmp_path).evaluation_batches(split)], 1) for _ in range(2)]
            for split in ("validation", "test")}
    assert all(torch.equal(first, again) and first.shape[1] == 300 for first, again in read.values())
    numbers = {split: set(first[..., 0].flatten().tolist()) for split, (first, _) in read.items()}
    assert len(numbers["validation"] & numbers["test"]) < 0.01 * len(numbers["test"])


def test_adding_chance_is_the_variance_of_the_answer(tmp_path):
    task = Adding(tmp_path)
    answers = task.sample(200_000, seeded()).targets
    best_constant = (answers - answers.mean()).square().mean().item()
    assert best_constant == pytest.approx(task.chance["mean_squared_error"], rel=0.01)


def test_temporal_order_as_its_paper_has_it(tmp_path):
    batch = TemporalOrder(tmp_path, length=50).sample(400, seeded())
    symbols = batch.inputs[0].argmax(-1)
    for row, answer in zip(symbols.tolist(), batch.targets[0].tolist()):
        places = [place for place, symbol in enumerate(row) if symbol < 2]
        assert len(places) == 2 and 5 <= places[0] < 10 and 20 <= places[1] < 25
        assert answer == 2 * row[places[0]] + row[places[1]]


def test_temporal_order_chance(tmp_path):
    task = TemporalOrder(tmp_path)
    counts = torch.bincount(task.sample(40_000, seeded()).targets[0], minlength=4) / 40_000
    assert counts.max().item() == pytest.approx(task.chance["accuracy"], abs=0.01)


@pytest.mark.parametrize("length", [5, 9])
def test_temporal_order_needs_room(tmp_path, length):
    with pytest.raises(ValueError, match="at least 10"):
        TemporalOrder(tmp_path, length=length)


def test_class_loss_equals_a_hand_loop():
    scores, targets = torch.randn(2, 3, 4, 5), torch.randint(-1, 5, (1, 3, 4)).clamp(min=-1)
    targets[targets < 0] = -100
    targets[0, 0, 0] = 2
    for member in range(2):
        losses = [-torch.log_softmax(scores[member, row, step], -1)[targets[0, row, step]]
                  for row in range(3) for step in range(4) if targets[0, row, step] >= 0]
        assert class_loss(scores, targets)[member].item() == pytest.approx(float(torch.stack(losses).mean()), rel=1e-5)


SENTENCES = {
    "train": [("list flights to boston", "O O O B-city"), ("list flights to new york", "O O O B-city I-city"),
              ("flights on july 1 to boston", "O O B-month B-day O B-city"), ("boston to new york", "B-city O B-city I-city")],
    "validation": [("list flights to york", "O O O B-city")],
    "test": [("flights to boston", "O O B-city"), ("list flights on july 2", "O O O B-month B-day"),
             ("list flights to boston", "O O O B-city"), ("new york to quito", "B-city I-city O B-rare")],
}


@pytest.fixture
def slot_folder(tmp_path):
    for split, sentences in SENTENCES.items():
        lines = [json.dumps({"words": words.split(), "labels": labels.split(), "intent": "x",
                             **({"repeated": words == "list flights to boston"} if split == "test" else {})})
                 for words, labels in sentences]
        (tmp_path / f"{split}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return tmp_path


def test_slots_vocabulary(slot_folder):
    task = slots.Slots(slot_folder)
    assert "boston" in task.words and "july" not in task.words  # seen once
    assert task.encode_words(["BOSTON", "quito"]) == [task.words["boston"], slots.UNKNOWN]
    assert slots.normalise("B52") == "b00"
    assert "york" in task.words and "B-rare" not in task.labels


@pytest.mark.parametrize("with_validation", [False, True])
def test_slots_scores_equal_seqeval(slot_folder, with_validation):
    task = slots.Slots(slot_folder, train_on_validation=with_validation)
    assert ("validation" in task.splits) != with_validation
    generator = torch.Generator().manual_seed(3)
    parts, answers = [], [[], []]
    order = task.item_order("test")
    for batch in task.evaluation_batches("test"):
        outputs = torch.randn(2, *batch.inputs.shape[1:], len(task.labels), generator=generator)
        outputs += 3 * torch.nn.functional.one_hot(batch.targets.clamp(min=0), len(task.labels))
        parts.append(task.items(outputs, batch))
        for member in range(2):
            for row, length in enumerate(batch.lengths[0].tolist()):
                answers[member].append([task.labels[label] for label in outputs[member, row, :length].argmax(-1)])
    items = {name: torch.cat([part[name] for part in parts], 1) for name in parts[0]}
    gold = [SENTENCES["test"][place][1].split() for place in order]
    fresh = [place for place, index in enumerate(order) if SENTENCES["test"][index][0] != "list flights to boston"]
    for member in range(2):
        assert task.metrics(items)["chunk_f1"][member] == pytest.approx(f1_score(gold, answers[member]))
        expected = f1_score([gold[place] for place in fresh], [answers[member][place] for place in fresh])
        assert task.metrics(items)["chunk_f1_unrepeated"][member] == pytest.approx(expected)


def test_another_block_of_the_sentences_is_the_test(slot_folder):
    """Here the eight sentences make two blocks; what is known, and what training shows too, is that of the training of now."""
    task = slots.Slots(slot_folder, fold=1)
    read = [" ".join(sentence["words"]) for sentence in task._all]
    assert read == [words for split in ("test", "validation", "train") for words, _ in SENTENCES[split]]
    assert {split: len(batch.inputs) for split, batch in task.splits.items()} == {"train": 4, "validation": 1, "test": 4}
    assert [sentence["repeated"] for sentence in task._all[5:]] == [True, False, False, False]  # list flights to boston
    assert "york" not in task.words and "boston" in task.words and "B-rare" in task.labels
    with pytest.raises(ValueError, match="fold is 2, but there are 2 blocks of 4, 0 to 1"):
        slots.Slots(slot_folder, fold=2)


def test_buckets_hold_every_sentence_once_an_epoch(slot_folder):
    task = slots.Slots(slot_folder)
    generators = [seeded(1), seeded(2)]
    batches = task.training_batches(generators, 2)
    seen = [[], []]
    for _ in range(task.updates_per_epoch(2)):
        batch = next(batches)
        assert batch.inputs.shape[-1] in task.ceilings or batch.inputs.shape[-1] == 6
        for member in range(2):
            seen[member] += batch.extra[member].tolist()
    assert sorted(seen[0]) == sorted(seen[1]) == list(range(len(SENTENCES["train"])))
    assert seen[0] != seen[1]


@pytest.fixture
def city_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(templates.stored, "load", lambda folder: [f"city{index}" for index in range(30)])
    return tmp_path


def test_templates_labels_follow_their_verb(city_folder):
    grammar = templates.Grammar(["osaka", "oslo"], 0)
    for _ in range(300):
        sentence = grammar.sentence()
        words = [word for word, _, _ in sentence]
        verb = next(place for place, word in enumerate(words) if word in ("arrive", "leave"))
        for place, (_, label, needs) in enumerate(sentence):
            assert (label == "O") == (needs == templates.FREE)
            if needs == templates.LEFT:
                assert place > verb
            if needs == templates.RIGHT:
                assert place < verb
            if "date" in label:
                assert ("arrival" in label) == (words[verb] == "arrive")


def test_templates_right_dependent_labels_cannot_be_told_from_the_left(city_folder):
    """For each sentence whose label depends on the right there is an equally likely one with the same left part and another label."""
    grammar = templates.Grammar(["osaka"], 1)
    labels = {}
    for _ in range(2000):
        sentence = grammar.sentence()
        if sentence[0][2] == templates.RIGHT:
            labels.setdefault(sentence[0][0], []).append(sentence[0][1])
    shares = [np.mean([label == "B-destination" for label in found]) for found in labels.values()]
    assert all(abs(share - 0.5) < 0.1 for share in shares)


def test_templates_chance_by_hand(city_folder):
    task = templates.Templates(city_folder)
    chosen = task.splits["test"].extra == templates.RIGHT
    train = task.splits["train"]
    labels, counts = np.unique(train.targets[train.extra == templates.RIGHT], return_counts=True)
    expected = (task.splits["test"].targets[chosen] == labels[counts.argmax()]).mean()
    assert task.chance["accuracy_right"] == pytest.approx(expected)
    assert task.chance["accuracy_free"] == 1.0


@pytest.mark.parametrize("options", [{"sentences": 0}, {"cities": 0}, {"cities": 10**6}])
def test_templates_without_sentences_or_cities_are_refused(city_folder, options):
    with pytest.raises(ValueError, match="must be at least 1, and cities at most"):
        templates.Templates(city_folder, **options)


def test_templates_perfect_answers_score_one(city_folder):
    task = templates.Templates(city_folder, sentences=50)
    parts = [task.items(torch.nn.functional.one_hot(batch.targets.clamp(min=0), 7).float(), batch)
             for batch in task.evaluation_batches("test")]
    scores = task.metrics({name: torch.cat([part[name] for part in parts], 1) for name in parts[0]})
    assert {name: values.item() for name, values in scores.items()} == dict.fromkeys(scores, 1.0)


def test_digits_read_in_rows(tmp_path, monkeypatch):
    images = np.arange(3 * 4, dtype=np.float32).reshape(3, 2, 2)
    labels = np.array([0, 1, 1])
    monkeypatch.setattr(digits.stored, "load", lambda folder: dict.fromkeys(("train", "validation", "test"), (images, labels)))
    task = digits.Digits(tmp_path)
    batch = next(task.evaluation_batches("test"))
    assert batch.inputs[0, 1, :, 0].tolist() == [4, 5, 6, 7]
    assert task.chance["accuracy"] == pytest.approx(2 / 3)
    right = task.items(torch.nn.functional.one_hot(torch.tensor([[0, 1, 0]]), 10).float(), batch)
    assert task.metrics(right)["accuracy"].item() == pytest.approx(2 / 3)


def sentences_of_an_epoch(task, seeds: list[int]) -> list[list[tuple[int, ...]]]:
    """Return what each member reads in its first two epochs, of 12 sentences in batches of 5, 5 and 2."""
    batches = task.training_batches([seeded(seed) for seed in seeds], 5)
    read = [next(batches).inputs for _ in range(6)]
    return [[tuple(sentence.tolist()) for part in read for sentence in part[member]] for member in range(len(seeds))]


def test_each_epoch_takes_the_buckets_in_another_order(tmp_path):
    """All of them once, in an order that members share; else what comes last would always come last."""
    task = Classified(tmp_path)
    task.ceilings, lengths = range(1, 7), np.arange(12) % 6 + 1
    task.splits["train"] = Batch(np.arange(72).reshape(12, 6), np.zeros(12, int), lengths)
    batches = task.training_batches([seeded(3), seeded(4)], 2)
    epochs = [[next(batches).lengths for _ in range(task.updates_per_epoch(2))] for _ in range(3)]
    orders = [[int(part[0, 0]) for part in epoch] for epoch in epochs]
    assert all(sorted(order) == [1, 2, 3, 4, 5, 6] for order in orders) and len({*map(tuple, orders)}) == 3
    assert all((part == part[0, 0]).all() for epoch in epochs for part in epoch)


@pytest.mark.parametrize("own", [False, True])
def test_members_read_the_same_sentences_or_each_its_own(city_folder, own):
    """Each reads all of its own once an epoch, and the same ones alone as in company."""
    made = templates.Templates(city_folder, sentences=12, own_sentences=own)
    first, second = sentences_of_an_epoch(made, [3, 4])
    assert sorted(first[:12]) == sorted(first[12:]) and len(first) == 24
    assert (sorted(first[:12]) == sorted(second[:12])) is not own
    for seed, together in ((3, first), (4, second)):
        alone, = sentences_of_an_epoch(templates.Templates(city_folder, sentences=12, own_sentences=own), [seed])
        assert alone == together
