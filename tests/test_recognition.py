"""Speech recognition: the loss against the library's, one string at a time; decoding against all alignments; scores by hand."""

from __future__ import annotations

import dataclasses
import itertools
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from spoken_strings import WORDS, say
from torch.nn import functional

from unrolled import training
from unrolled.batches import Batch
from unrolled.data import acoustics, spoken
from unrolled.data.archives import DataError
from unrolled.settings import Run
from unrolled.tasks.decoding import prefix_beam
from unrolled.tasks.speech_recognition import PAUSE, SpeechRecognition, has_pauses
from unrolled.tasks.transcribed import collapse, collapse_nulls_first, distance

pytestmark = pytest.mark.unit
CPU = torch.device("cpu")
RUN = Run(task="mandarin", name="test", kind="speech_recognition", cell="lstm", hidden=12, seeds=2, batch=16, bidirectional=True,
          path="fused", updates=6, stride=3, evaluate_every=3, schedule="linear")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A frozen set of which `load` gives random sounds."""
    said = {"train": say(96, 0), "validation": say(30, 1), "test": say(30, 2)}
    monkeypatch.setattr(spoken, "load", lambda _, split: said[split])
    return tmp_path


def one_batch(task: SpeechRecognition, split: str = "test") -> Batch:
    return next(iter(task.evaluation_batches(split)))


def random_outputs(task: SpeechRecognition, batch: Batch, members: int = 2) -> torch.Tensor:
    shape = (members, *batch.inputs.shape[1:3], task.sizes.outputs)
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


def test_the_examples_of_the_lecture() -> None:
    good, great, null = 0, 1, 2  # 好 棒 and the null symbol
    assert collapse([good, good, good, great, great, great, great, great]) == [good, great]  # trimming: never 好棒棒
    assert collapse([good, null, null, great, null, null, null, null], null) == [good, great]
    assert collapse([good, null, null, great, null, great, null, null], null) == [good, great, great]
    assert collapse_nulls_first([good, null, null, great, null, great, null, null], null) == [good, great]
    assert collapse([null, null], null) == collapse([]) == []


def test_edit_distances_by_hand() -> None:
    assert [distance(*pair) for pair in (([], []), ([], [1, 1]), ([1], [1, 1]), ([1, 2, 3], [2, 3, 4]), ([4, 5], [5, 4]))] == [0, 2, 1, 2, 2]


@pytest.mark.parametrize("members", [1, 3])
def test_the_loss_is_the_librarys_one_string_at_a_time(folder: Path, members: int) -> None:
    task = SpeechRecognition(folder)
    batch = one_batch(task)
    outputs = random_outputs(task, batch, members).requires_grad_()
    losses = task.loss(outputs, batch)
    copy = outputs.detach().clone().requires_grad_()
    for member in range(members):
        total = 0.0
        for row, steps in enumerate(batch.lengths[0].tolist()):
            target = batch.targets[0, row][batch.targets[0, row] >= 0]
            scores = copy[member, row, :steps].log_softmax(-1)
            total = total + functional.ctc_loss(scores, target, torch.tensor(steps), torch.tensor(len(target)), blank=4, reduction="sum")
        expected = total / batch.lengths.sum()
        torch.testing.assert_close(losses[member], expected)
        expected.backward()
    losses.sum().backward()
    torch.testing.assert_close(outputs.grad, copy.grad)


def test_the_loss_of_steps_is_cross_entropy(folder: Path) -> None:
    task = SpeechRecognition(folder, labels="frames", silence=True)
    batch = one_batch(task)
    outputs = random_outputs(task, batch)
    steps = [(row, step) for row, length in enumerate(batch.lengths[0].tolist()) for step in range(length)]
    nats = [-outputs[1, row, step].log_softmax(-1)[batch.targets[0, row, step]].item() for row, step in steps]
    assert task.loss(outputs, batch)[1].item() == pytest.approx(sum(nats) / len(nats), rel=1e-5)


def by_brute_force(log_probabilities: np.ndarray, null: int) -> dict[tuple[int, ...], float]:
    """Return the probability of every answer, summed over all paths one by one."""
    steps, classes = log_probabilities.shape
    found: dict[tuple[int, ...], float] = {}
    for path in itertools.product(range(classes), repeat=steps):
        answer = tuple(symbol for place, symbol in enumerate(path) if symbol != null and (not place or path[place - 1] != symbol))
        found[answer] = found.get(answer, 0.0) + math.exp(sum(row[symbol] for row, symbol in zip(log_probabilities, path, strict=True)))
    return found


@pytest.mark.parametrize(("classes", "steps", "seed"), [(2, 6, 0), (3, 6, 1), (3, 6, 2), (4, 5, 3), (4, 5, 4)])
def test_the_search_over_prefixes_is_that_over_all_paths(classes: int, steps: int, seed: int) -> None:
    scores = torch.randn(steps, classes, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).log_softmax(-1).numpy()
    for null in range(classes):
        every = by_brute_force(scores, null)
        answer, log_probability = prefix_beam(scores, null, width=10_000)
        best = max(every, key=every.get)
        assert tuple(answer) == best and math.exp(log_probability) == pytest.approx(every[best])
    assert sum(every.values()) == pytest.approx(1)


def test_the_search_finds_what_greedy_reading_misses() -> None:
    """P(null) = .6 at both steps: the best path is empty (.36), but "a" has .64 (Graves 2012)."""
    scores = np.log([[0.4, 0.6], [0.4, 0.6]])
    assert collapse(scores.argmax(-1).tolist(), 1) == []
    answer, log_probability = prefix_beam(scores, 1)
    assert answer == [0] and math.exp(log_probability) == pytest.approx(0.64)
    assert prefix_beam(scores, 1, least=math.log(0.5))[0] == []  # no symbol is likely enough to be looked at


def test_steps_are_labelled_by_hand(folder: Path) -> None:
    """Words in frames 2-5 and 9-13 of 16: steps of two frames have their middles at .5, 2.5, ..., and the border lies at 7."""
    starts, ends = np.array([2, 9]), np.array([5, 13])
    assert SpeechRecognition(folder, labels="frames")._labels([3, 1], starts, ends, 8).tolist() == [3, 3, 3, 3, 1, 1, 1, 1]
    assert SpeechRecognition(folder, labels="frames", silence=True)._labels([3, 1], starts, ends, 8).tolist() == [4, 3, 3, 4, 4, 1, 1, 4]
    assert SpeechRecognition(folder, labels="frames", stacked=4)._labels([3, 1], starts, ends, 4).tolist() == [3, 3, 1, 1]
    every, third = (SpeechRecognition(folder, labels="frames", silence=True, stacked=stacked) for stacked in (1, 3))
    assert every._labels([3, 1], starts, ends, 16).tolist() == [4] * 2 + [3] * 3 + [4] * 4 + [1] * 4 + [4] * 3
    assert third._labels([3, 1], starts, ends, 5).tolist() == [4, 3, 4, 1, 4]  # frames 1, 4, 7, 10 and 13


def test_a_step_is_frames_side_by_side(folder: Path) -> None:
    task, said = SpeechRecognition(folder, stacked=3, normalised="voice"), spoken.load(folder, "train")
    batch = task._take("train", np.array([[4]]), task.ceilings[-1])
    of_voice = [place for place, voice in enumerate(said.voices) if voice == said.voices[4]]
    full = [np.concatenate([said.features[place], acoustics.deltas(said.features[place])[:, 13:]], 1) for place in of_voice]
    mean, deviation = np.concatenate(full).mean(0), np.concatenate(full).std(0)
    row, steps = batch.inputs[0, 0].numpy(), int(batch.lengths[0, 0])
    assert steps == len(said.features[4]) // 3 and (row[steps:] == 0).all()
    for step, frame in itertools.product(range(steps), range(3)):
        expected = (full[of_voice.index(4)][3 * step + frame] - mean) / deviation
        np.testing.assert_allclose(row[step, 26 * frame : 26 * (frame + 1)], expected, atol=1e-4)


def test_pauses_by_hand() -> None:
    def tell(gaps: list[int]) -> bool:
        starts = np.cumsum([0, *(gap + 20 for gap in gaps)])
        return has_pauses(starts, starts + 20)

    assert [tell(gaps) for gaps in ([], [0], [PAUSE], [0, 9], [PAUSE, PAUSE, 0], [0, 0, 20])] == [False, False, True, True, True, False]


def test_scores_of_three_answers_by_hand(folder: Path) -> None:
    """hao hao kan said as hao _ hao kan (right), bang bang as bang (one word short), kan man as man man kan (two words off)."""
    task, null = SpeechRecognition(folder), 4
    hao, bang, kan, man = (task.symbols.index(word) for word in WORDS)
    paths = [[hao, null, hao, kan, kan, null], [null, bang, bang, bang, hao, kan], [man, null, man, kan, null, null]]
    said = torch.tensor([[[1, hao, hao, kan], [0, bang, bang, -100], [0, kan, man, -100]]])
    batch = Batch(torch.zeros(1, 3, 6, 1), said[..., 1:], torch.tensor([[6, 4, 6]]), said)  # what follows an end counts for nothing
    outputs = functional.one_hot(torch.tensor([paths]), 5).float()
    scores = {name: value.item() for name, value in task.metrics(task.items(outputs, batch)).items()}
    assert scores["symbol_error_rate"] == pytest.approx((0 + 1 + 2) / 7) and scores["accuracy"] == pytest.approx(1 / 3)
    assert scores["error_repeats"] == pytest.approx(1 / 5) and scores["accuracy_repeats"] == 0.5
    assert scores["error_no_repeats"] == 1 and scores["accuracy_no_repeats"] == 0
    assert scores["accuracy_repeats_pauses"] == 1 and scores["accuracy_repeats_connected"] == 0
    assert scores["symbol_error_rate_blanks_first"] == pytest.approx((1 + 1 + 2) / 7) and scores["accuracy_repeats_blanks_first"] == 0
    task = SpeechRecognition(folder, labels="frames")
    only_labels = task.metrics(task.items(outputs[..., :4], batch))
    assert not any(name.endswith("blanks_first") for name in only_labels)


def test_a_group_without_strings_has_no_score(folder: Path) -> None:
    task = SpeechRecognition(folder)
    items = {name: torch.zeros(1, 2, dtype=torch.long) for name in ("errors", "right", "repeats", "pauses")}
    scores = task.metrics({**items, "symbols": torch.ones(1, 2, dtype=torch.long)})
    assert scores["accuracy_repeats"].isnan().all() and scores["symbol_error_rate"].item() == 0


def test_chance_is_a_constant_answer(folder: Path) -> None:
    task = SpeechRecognition(folder)
    learned, asked = ([text.split() for text in spoken.load(folder, split).texts] for split in ("train", "test"))
    totals = {tuple(guess): sum(distance(guess, words) for words in learned) for guess in [[], *learned]}
    rates = {guess: sum(distance(guess, words) for words in asked) / sum(map(len, asked)) for guess in totals}
    nearest = {rates[guess] for guess, total in totals.items() if total == min(totals.values())}
    assert any(task.chance["symbol_error_rate"] == pytest.approx(rate) for rate in nearest)
    assert all(rate < rates[()] == 1 for rate in nearest)


@pytest.mark.parametrize("options", [{"noise": 0.4}, {"labels": "frames", "silence": True}])
def test_a_member_is_the_same_alone_as_in_company(folder: Path, options: dict) -> None:
    run = dataclasses.replace(RUN, options=options)
    task = SpeechRecognition(folder, **options)
    company = training.train(run, task, [(0, 0.01), (1, 0.02), (2, 0.01)], CPU)
    alone = training.train(run, task, [(1, 0.02)], CPU)
    for name, weights in company.weights.items():
        assert (weights[1] == alone.weights[name][0]).all(), name
    assert company.metrics[1] == alone.metrics[0]


def test_noise_is_each_members_own_and_only_while_training(folder: Path) -> None:
    task, plain = SpeechRecognition(folder, noise=0.5), SpeechRecognition(folder)
    generators = [torch.Generator().manual_seed(seed) for seed in (0, 0, 1)]
    drawn = next(task.training_batches(generators, 16)).inputs
    assert torch.equal(drawn[0], drawn[1]) and not torch.equal(drawn[0], drawn[2])
    clean = next(plain.training_batches([torch.Generator().manual_seed(0)], 16)).inputs
    assert (drawn[0] - clean[0]).std().item() == pytest.approx(0.5, abs=0.02)
    assert torch.equal(one_batch(task).inputs, one_batch(plain).inputs)


def test_ctc_says_doubled_words_and_labels_of_steps_cannot(folder: Path) -> None:
    options = {"ctc": {}, "trimming": {"labels": "frames"}, "silence": {"labels": "frames", "silence": True}}
    found = {}
    for name, chosen in options.items():
        run = dataclasses.replace(RUN, hidden=24, updates=150, stride=150, evaluate_every=150, options=chosen)
        found[name] = training.train(run, SpeechRecognition(folder, **chosen), [(0, 0.03)], CPU).metrics[0]
    assert found["ctc"]["accuracy_repeats"] > 0.8 and found["ctc"]["accuracy_repeats_blanks_first"] == 0
    assert found["trimming"]["accuracy_repeats"] == 0 and found["trimming"]["accuracy_no_repeats"] > 0.8
    assert found["silence"]["accuracy_repeats_pauses"] > 0.8 and found["silence"]["accuracy_repeats_connected"] == 0


@pytest.mark.parametrize(("options", "message"), [
    ({"labels": "words"}, "labels is 'words', but must be ctc or frames"), ({"silence": True}, "CTC has its blank"),
    ({"stacked": 0}, "one frame at least"), ({"normalised": "speaker"}, "must be utterance or voice")])
def test_impossible_options_are_refused(folder: Path, options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SpeechRecognition(folder, **options)


def test_data_that_cannot_be_learned_are_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match=r"steps, but CTC needs \d+: one a word"):
        SpeechRecognition(folder, stacked=12)
    said = {"train": say(8, 0), "validation": say(8, 1), "test": say(8, 2)._replace(texts=["hao zzz"] * 8)}
    monkeypatch.setattr(spoken, "load", lambda _, split: said[split])
    with pytest.raises(DataError, match="the word 'zzz', which no training string has"):
        SpeechRecognition(folder)
