"""Documents: clauses that are asked are never learned, scores against hand loops and sacrebleu, the two levels against a hand loop."""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path

import numpy as np
import pytest
import sacrebleu
import torch
from sklearn.linear_model import LogisticRegression

from unrolled import catalogue, models, results, training
from unrolled.analyses import document_probes, documents
from unrolled.analyses.trained import Loaded
from unrolled.batches import Batch, Sizes
from unrolled.models.encoder_decoder import STOP
from unrolled.models.hierarchical import HierarchicalAutoencoder
from unrolled.settings import Run
from unrolled.tasks.documents import LONGEST, STEPS, Documents, read_clauses, turned

pytestmark = pytest.mark.unit
CPU = torch.device("cpu")
NOUNS, VERBS, OTHERS = ("king", "lord", "queen", "fool", "page"), ("sees", "loves", "knows", "fears"), ("me", "thee", "no man", "the duke now")
RUN = Run(task="documents", name="test", kind="documents", cell="gru", hidden=7, seeds=2, batch=5, model="encoder_decoder", embedding=4,
          feedback="target", updates=4, stride=2, evaluate_every=2, options={"vocabulary": 17})
BY_CLAUSE = dataclasses.replace(RUN, model="hierarchical", options={"vocabulary": 17, "layout": "by_clause"})


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A frozen set of eighty clauses of three to five words, and some that do not count."""
    monkeypatch.setattr(Documents, "test_size", 6)
    clauses = [" ".join(words) for words in itertools.product(NOUNS, VERBS, OTHERS)]
    for split, part in (("train", clauses[:60]), ("validation", clauses[60:70]), ("test", clauses[70:])):
        results.write_text(tmp_path / f"{split}.txt", "; ".join(part) + ".\nexeunt\n\ntoo short! [the king and his rare word here: 'tis 0.\n")
    return tmp_path


def make(folder: Path, **options: object) -> Documents:
    return Documents(folder, **{"vocabulary": 17, **options})


def clause_texts(task: Documents, batch: Batch) -> list[list[str]]:
    """Return the clauses of each document as they are to be written."""
    rows = [task.text([symbol for symbol in row if symbol >= 0]) for row in batch.targets[0].tolist()]
    assert all(row.endswith(" /") for row in rows)
    return [row.removesuffix(" /").split(" / ") for row in rows]


def test_clauses_are_cut_out_of_the_text_by_hand() -> None:
    text = "who's there? nay, answer me: stand, and unfold yourself.\nlong live the king! who's there? it is 0 - he"
    words, clauses = read_clauses([text], 12)
    assert words[:2] == ["there", "who's"] and len(words) == 12  # twice each; all others once, in the order of the alphabet
    assert clauses == [("it", "is", "0")]
    assert ("long", "live", "the", "king") in read_clauses([text], 17)[1]


@pytest.mark.parametrize("layout", ["flat", "by_clause"])
def test_no_clause_that_is_asked_is_learned(folder: Path, layout: str) -> None:
    task = make(folder, layout=layout, replaced=0.6)
    asked = {clause for split in ("validation", "test") for batch in task.evaluation_batches(split)
             for document in clause_texts(task, batch) for clause in document}
    held_out = {task.text(row[row > STOP].tolist()) for split in ("validation", "test") for row in task.clauses_of[split]}
    assert asked <= held_out and len(held_out) == 16
    batches = itertools.islice(task.training_batches([seeded()], 500), 32)  # replaced words make each of them now and then
    learned = {clause for batch in batches for document in clause_texts(task, batch) for clause in document}
    assert len(learned) > 5000 and not learned & held_out
    groups = [{tuple(row) for row in task.clauses_of[split].tolist()} for split in ("train", "validation", "test")]
    assert [len(group) for group in groups] == [64, 8, 8] and not any(one & other for one, other in itertools.combinations(groups, 2))


def test_training_replaces_what_it_should(folder: Path) -> None:
    task, clauses = make(folder, replaced=0.25), torch.tensor([[[3, 5, 7, 0, 0, 0], [2, 4, 6, 8, 9, 0]]]).expand(4000, -1, -1)
    changed = task._replace(clauses, seeded())
    inside = clauses > STOP
    assert (changed[~inside] == STOP).all() and (changed[inside] > STOP).all() and changed.max() == len(task.words) - 1
    assert (changed != clauses)[inside].float().mean().item() == pytest.approx(0.25 * 17 / 18, abs=0.01)
    untouched = make(folder, replaced=0.0)
    assert torch.equal(untouched._replace(clauses, seeded()), clauses)


def test_each_test_document_is_followed_by_its_swapped_one(folder: Path) -> None:
    for clauses in (2, 4):
        task = make(folder, clauses=clauses)
        found = [document for batch in task.evaluation_batches("test") for document in clause_texts(task, batch)]
        assert len(found) == 12
        for plain, swapped in zip(found[::2], found[1::2], strict=True):
            assert swapped == plain[::-1] and len(set(plain)) == clauses
        first, second = (next(task.evaluation_batches("test")) for _ in range(2))
        assert torch.equal(first.inputs, second.inputs)


def test_bags_of_words_of_swapped_documents_are_the_same(folder: Path) -> None:
    task = make(folder, clauses=4)
    plain = task.documents("test")
    assert (document_probes.bags(task, plain) == document_probes.bags(task, plain.flip(1))).all()
    counts = document_probes.bags(task, plain)[0]
    text = " ".join(task.text(row[row > STOP].tolist()) for row in plain[0]).split()
    assert {word: text.count(word) for word in text} == {task.words[place]: counts[place] for place in np.flatnonzero(counts)}


def test_the_two_layouts_by_hand(folder: Path) -> None:
    clauses = torch.tensor([[[3, 5, 7, 0, 0, 0], [2, 4, 6, 8, 9, 0]]])
    flat, by_clause = (make(folder, layout=layout).lay_out(clauses) for layout in ("flat", "by_clause"))
    assert flat.inputs.tolist() == [[[3, 5, 7, 0, 2, 4, 6, 8, 9, 0, 0, 0]]] and flat.lengths.tolist() == [[10]]
    assert flat.targets.tolist() == [[[3, 5, 7, 0, 2, 4, 6, 8, 9, 0, -100, -100]]]
    assert by_clause.inputs.tolist() == [[[3, 5, 7, 0, 0, 0, 2, 4, 6, 8, 9, 0]]] and by_clause.lengths is None
    assert by_clause.targets.tolist() == [[[3, 5, 7, 0, -100, -100, 2, 4, 6, 8, 9, 0]]]
    back = [make(folder, layout=layout, backwards=True).lay_out(clauses) for layout in ("flat", "by_clause")]
    assert back[0].inputs.tolist() == [[[9, 8, 6, 4, 2, 0, 7, 5, 3, 0, 0, 0]]]
    assert back[1].inputs.tolist() == [[[7, 5, 3, 0, 0, 0, 9, 8, 6, 4, 2, 0]]]
    assert torch.equal(back[0].targets, flat.targets) and torch.equal(back[1].targets, by_clause.targets)
    assert turned(torch.tensor([0, 0])).tolist() == [0, 0]


def test_what_counts_of_an_answer_by_hand(folder: Path) -> None:
    flat, by_clause = (make(folder, layout=layout) for layout in ("flat", "by_clause"))
    assert flat.read_answer([3, 0, 4, 4, 0, 7, 0]) == [3, 0, 4, 4, 0]
    assert flat.read_answer([3, 0, 4, 4]) == [3, 0, 4, 4]  # never ends
    assert by_clause.read_answer([3, 0, 9, 9, 9, 9, 4, 5, 6, 7, 8, 9]) == [3, 0, 4, 5, 6, 7, 8, 9]


@pytest.mark.parametrize("layout", ["flat", "by_clause"])
def test_scores_are_those_of_a_hand_loop_and_of_sacrebleu(folder: Path, layout: str) -> None:
    task = make(folder, layout=layout)
    (batch,) = task.evaluation_batches("test")
    rows = batch.targets.clamp(min=0).expand(2, -1, -1).clone()
    for place, column in ((0, 0), (2, 3), (5, 1), (6, 2), (8, 1), (10, 6)):
        rows[0, place, column] = 1 + (rows[0, place, column] + place) % 17
    rows[1, 4:] = 3  # never ends
    items = task.items(torch.nn.functional.one_hot(rows, len(task.words)).float(), batch)
    found = {name: values.tolist() for name, values in task.metrics(items).items()}
    wanted = [[symbol for symbol in row if symbol >= 0] for row in batch.targets[0].tolist()]
    for member in range(2):
        answers = [task.read_answer(row) for row in rows[member].tolist()]
        exact = [answer == right for answer, right in zip(answers, wanted, strict=True)]
        right = sum(one == other for answer, row in zip(answers, wanted) for one, other in zip(answer, row))
        assert found["exact"][member] == pytest.approx(sum(exact) / 12)
        assert found["exact_swapped"][member] == pytest.approx(sum(exact[place] and exact[place + 1] for place in range(0, 12, 2)) / 6)
        assert found["token_accuracy"][member] == pytest.approx(right / sum(map(len, wanted)))
        texts = [[task.text([symbol for symbol in row if symbol]) for row in group] for group in (answers, wanted)]
        expected = sacrebleu.corpus_bleu(texts[0], [texts[1]], tokenize="none", force=True).score / 100
        assert found["bleu"][member] == pytest.approx(expected, abs=1e-9)
    assert 0 < found["exact"][0] < 1 and 0 < found["bleu"][0] < 1


def test_nothing_written_scores_nothing(folder: Path) -> None:
    task = make(folder)
    (batch,) = task.evaluation_batches("test")
    empty = torch.nn.functional.one_hot(torch.zeros_like(batch.inputs), len(task.words)).float()
    assert task.metrics(task.items(empty, batch))["bleu"].item() == task.chance["exact"] == 0


def make_model(members: int = 2, cell: str = "gru", parts: int = 3, cap: int = 12, **changes: object) -> HierarchicalAutoencoder:
    run = dataclasses.replace(BY_CLAUSE, cell=cell, **changes)
    sizes = Sizes(0, 6, vocabulary=6, read="each", cap=cap, parts=parts)
    return models.build(run, {}, sizes, [training.generator(seed, "values") for seed in range(members)])


def draw_batch() -> Batch:
    """Two documents of three clauses, four steps of room each; the last clause of the second fills its room without an end."""
    words = torch.tensor([[[1, 2, 0, 0, 3, 0, 0, 0, 4, 5, 1, 0], [5, 0, 0, 0, 2, 2, 0, 0, 1, 2, 3, 4]]])
    return Batch(words, words)


@pytest.mark.parametrize("cell", ["gru", "lstm", "elman"])
def test_the_model_is_a_loop_over_two_levels(cell: str) -> None:
    model, batch = make_model(2, cell), draw_batch()
    taught = model(batch, [training.generator(seed, "dropout") for seed in range(2)])
    assert taught.shape == (2, 2, 12, 6)
    for member, row in itertools.product(range(2), range(2)):
        alone = take(model, member)
        document, state = read_by_hand(alone, batch.inputs[0, row].tolist())
        torch.testing.assert_close(model.vector(batch)[member, row], torch.cat(tuple(state), -1).flatten(), atol=1e-6, rtol=1e-5)
        for part in range(3):
            _, state = alone.clause_decoder.step(alone.clause_decoder.project(document), state)
            word_state, before = state, alone.start
            for step, symbol in enumerate(batch.targets[0, row, 4 * part : 4 * part + 4].tolist()):
                output, word_state = step_by_hand(alone.word_decoder, alone.target_embedding, before, word_state)
                expected = (output @ alone.output_weight + alone.output_bias).flatten()
                torch.testing.assert_close(taught[member, row, 4 * part + step], expected, atol=1e-5, rtol=1e-5)
                before = symbol


def take(model: HierarchicalAutoencoder, member: int) -> HierarchicalAutoencoder:
    """Return a model of one member."""
    alone = make_model(1, type(model.word_encoder).__name__.lower())
    alone.load_state_dict({name: weight[member : member + 1] for name, weight in model.state_dict().items()})
    return alone


def step_by_hand(cell, embedding, symbol, state):
    return cell.step(cell.project(embedding[:, symbol].unsqueeze(1)), state)


def read_by_hand(model: HierarchicalAutoencoder, words: list[int]):
    """Return the clause encoder's last output and state, word by word and clause by clause."""
    state = model.clause_encoder.initial_state(1)
    for part in range(3):
        word_state = model.word_encoder.initial_state(1)
        for word in words[4 * part : 4 * part + 4]:
            clause, word_state = step_by_hand(model.word_encoder, model.source_embedding, word, word_state)
            if word == STOP:
                break
        document, state = model.clause_encoder.step(model.clause_encoder.project(clause), state)
    return document, state


def test_without_training_the_answer_is_read_back() -> None:
    model, batch = make_model(), draw_batch()
    free = model(batch)
    forced = model(Batch(batch.inputs.expand(2, -1, -1), free.argmax(-1)), [training.generator(seed, "dropout") for seed in range(2)])
    torch.testing.assert_close(free, forced, atol=1e-5, rtol=1e-5)


def test_the_room_after_a_clause_changes_nothing_but_the_order_of_clauses_does() -> None:
    model, batch = make_model(), draw_batch()
    other = batch.inputs.clone()
    other[0, 0, 3], other[0, 0, 6:8] = 5, torch.tensor([1, 2])
    torch.testing.assert_close(model.vector(Batch(other, other)), model.vector(batch))
    turned_round = batch.inputs.unflatten(2, (3, 4)).flip(2).flatten(2)
    assert (model.vector(Batch(turned_round, turned_round)) - model.vector(batch)).abs().amax(-1).min() > 1e-3


@pytest.mark.parametrize("run", [RUN, BY_CLAUSE], ids=lambda run: run.model)
@pytest.mark.parametrize("changes", [{}, {"cell": "lstm", "path": "fused"}, {"dropout": 0.3}], ids=str)
def test_a_member_is_the_same_alone_as_in_company(folder: Path, run: Run, changes: dict) -> None:
    run = dataclasses.replace(run, **changes)
    task, members = catalogue.make_task(run, str(folder)), [(0, 0.01), (3, 0.02), (1, 0.01)]
    together = training.train(run, task, members, CPU)
    for index, member in enumerate(members):
        alone = training.train(run, task, [member], CPU)
        for name, weight in alone.weights.items():
            assert np.array_equal(weight[0], together.weights[name][index]), name
        assert alone.metrics[0] == together.metrics[index] and alone.validation[0] == together.validation[index]


def test_parameters_are_counted_by_hand() -> None:
    gru = lambda features, hidden: 3 * hidden * (features + hidden + 1) + hidden  # noqa: E731
    model = make_model()
    assert models.count_parameters(model) == 6 * 4 + 7 * 4 + 2 * gru(4, 7) + 2 * gru(7, 7) + 7 * 6 + 6


@pytest.mark.parametrize(("changes", "sentence"), [
    ({"layers": 2}, "one layer"), ({"bidirectional": True}, "one direction"), ({"window": 1}, "no window"), ({"embedding": 0}, "an embedding"),
    ({"feedback": "own"}, "feedback: target"), ({"cap": 0}, "layout: by_clause"), ({"parts": 1}, "layout: by_clause"),
    ({"cap": 10}, "of equal room")])
def test_what_the_model_does_not_have_is_refused(changes: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        make_model(**changes)


@pytest.mark.parametrize(("options", "sentence"), [
    ({"clauses": 0}, "at least 2"), ({"vocabulary": 5000}, "the texts have 2. words"), ({"vocabulary": 0}, "from 1 to that"),
    ({"replaced": 1.5}, "between 0 and 1"), ({"layout": "wide"}, "must be flat or by_clause"), ({"clauses": 9}, "give fewer clauses or a larger"),
    ({"clauses": 6}, "too few for documents of 6 that all differ"), ({"vocabulary": 1}, "give fewer clauses or a larger vocabulary")])
def test_impossible_options_are_refused(folder: Path, options: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        make(folder, **options)


def test_one_clause_is_too_few_for_a_document(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two that differ would be drawn for ever."""
    monkeypatch.setattr("unrolled.tasks.documents.split_clauses", lambda found: {"train": found[2:], "validation": found[:1], "test": found[1:2]})
    with pytest.raises(ValueError, match="leave one of the splits 1, too few for documents of 2"):
        make(folder)


@pytest.mark.parametrize("text", ["", "  \n", "🙂", "one clause only", "a. b. c", "this clause is much too long. so it is"])
def test_a_document_that_is_none_complains(folder: Path, text: str) -> None:
    with pytest.raises(ValueError, match="must have 2 of 1 to 5; a clause ends at a punctuation mark"):
        make(folder).clauses_from(text)


def test_words_that_are_not_known_become_the_unknown_one(folder: Path) -> None:
    task = make(folder)
    found = task.clauses_from("The KING loves Mary. She didn’t find any food!")
    assert found.shape == (1, 2, STEPS) and task.words[-1] == "<unknown>"
    assert task.text(found[0, 0, :4].tolist()) == "the king loves <unknown>"
    assert (found[0, 1] == torch.tensor([18] * LONGEST + [STOP])).all()


def test_labels_of_the_probes_by_hand(folder: Path) -> None:
    task = make(folder)
    pair = torch.cat([task.clauses_from("king loves me. fool fears no man."), task.clauses_from("fool fears no man. king loves me.")])
    assert document_probes.order_labels(task, pair).tolist() == [False, True]
    assert [task.words[number] for number in document_probes.first_words(task, pair)] == ["king", "fool"]
    assert [task.words[number] for number in document_probes.last_words(task, pair)] == ["man", "me"]


@pytest.mark.parametrize("run", [RUN, BY_CLAUSE], ids=lambda run: run.model)
def test_probes_of_a_bag_of_words_know_no_order(folder: Path, run: Run) -> None:
    task = catalogue.make_task(run, str(folder))
    model = models.build(run, {}, task.sizes, [training.generator(seed, "values") for seed in range(2)])
    found = document_probes.probe(Loaded(run, task, model), 40, (0.1, 1.0))
    assert found["order_bag"] == [0.5] and len(found["order_trained"]) == 2
    assert all(0 <= share <= 1 for shares in found.values() for share in np.ravel(shares))
    assert np.mean(found["order_trained_by_document"], 1) == pytest.approx(found["order_trained"])
    assert found["order_trained"] == found["order_untrained"]  # here the trained encoder is an untrained one


def test_a_probe_finds_what_is_there() -> None:
    draw = np.random.default_rng(0)
    splits = {name: draw.normal(size=(400, 6)) for name in ("train", "validation", "test")}
    labels = {name: part[:, 1] > part[:, 4] for name, part in splits.items()}
    assert document_probes.answered(splits, labels, (0.1, 1.0)).mean() > 0.95


def test_cosines_by_hand() -> None:
    assert documents.cosine(np.array([[3.0, 4.0]]), np.array([[4.0, 3.0]])).tolist() == pytest.approx([0.96])


def test_a_probe_is_scaled_by_training_and_chosen_by_validation():
    """Strong regularisation says the commoner answer, weak does not; what would be best on the test is never looked at."""
    draw = np.random.default_rng(0)
    features = {split: draw.normal(3.0, 2.0, (size, 2)) for split, size in (("train", 60), ("validation", 40), ("test", 40))}
    mean, deviation = features["train"].mean(0), features["train"].std(0)
    scaled = {split: (part - mean) / deviation for split, part in features.items()}
    learned = scaled["train"][:, 0] > 0.5
    strong, weak = (LogisticRegression(C=strength).fit(scaled["train"], learned) for strength in (1e-6, 100.0))
    labels = {"train": learned, "validation": weak.predict(scaled["validation"]), "test": strong.predict(scaled["test"])}
    right = document_probes.answered(features, labels, (1e-6, 100.0))
    assert right.tolist() == (weak.predict(scaled["test"]) == labels["test"]).tolist() and 0 < right.mean() < 1
    wide, fitted = draw.normal(0.0, 200.0, (200, 2)), LogisticRegression(C=0.01).fit(scaled["train"], learned)
    right = document_probes.answered({**features, "test": wide}, {**labels, "test": np.ones(200, bool)}, (0.01,))
    assert right.tolist() == fitted.predict((wide - mean) / deviation).tolist()
