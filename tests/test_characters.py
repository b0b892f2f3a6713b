"""Next-character prediction: its windows, chance and bits per character by hand, and what members share."""

from __future__ import annotations

import math
from collections import Counter

import pytest
import torch
from torch.nn.functional import one_hot

from unrolled import catalogue, training
from unrolled.settings import Run, SettingsError
from unrolled.tasks.base import DRAWN_AHEAD, EVALUATED_TOGETHER
from unrolled.tasks.characters import Characters

pytestmark = pytest.mark.unit

UNLIKE = "".join(chr(0x4E00 + place) for place in range(500))  # no character occurs twice, so that each tells its place


def write_texts(folder, train, validation=None, test=None):
    for split, text in {"train": train, "validation": validation or train, "test": test or train}.items():
        (folder / f"{split}.txt").write_text(text, encoding="utf-8")
    return folder


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def spell(task, numbers) -> str:
    return "".join(task.symbols[number] for number in numbers.tolist())


def score(task, outputs_of):
    parts = [task.items(outputs_of(batch), batch) for batch in task.evaluation_batches("test")]
    return task.metrics({name: torch.cat([part[name] for part in parts], 1) for name in parts[0]})


def test_symbols_are_those_of_the_training_text(tmp_path):
    task = Characters(write_texts(tmp_path, "to be\nor not", "to be or", "not to be"), length=3)
    assert task.symbols == sorted(set("to be\nor not"))
    assert spell(task, task.encode("be not")) == "be not"
    sizes = task.sizes
    assert (sizes.features, sizes.outputs, sizes.vocabulary, sizes.read, sizes.classes) == (0, 8, 8, "each", True)
    assert not task.higher_is_better and task.headline == next(iter(task.chance)) == "bits_per_character"


def test_training_windows_are_what_the_text_says(tmp_path):
    task = Characters(write_texts(tmp_path, UNLIKE[:40]), length=7)
    batches, starts = task.training_batches([seeded(1), seeded(2)], 5), [[], []]
    for _ in range(3 * DRAWN_AHEAD):
        batch = next(batches)
        assert batch.inputs.shape == batch.targets.shape == (2, 5, 7) and batch.inputs.dtype == batch.targets.dtype == torch.int64
        for member in range(2):
            for inputs, targets in zip(batch.inputs[member], batch.targets[member], strict=True):
                start = UNLIKE.index(spell(task, inputs[:1]))
                assert spell(task, inputs) == UNLIKE[start : start + 7] and spell(task, targets) == UNLIKE[start + 1 : start + 8]
                starts[member].append(start)
    assert set(starts[0]) == set(starts[1]) == set(range(33))  # 33 windows have a character after them within 40
    assert starts[0] != starts[1] and len(set(starts[0][:16])) > 5


def test_a_member_draws_the_same_alone_as_in_company(tmp_path):
    task = Characters(write_texts(tmp_path, UNLIKE), length=4)
    together = task.training_batches([seeded(1), seeded(2), seeded(3)], 6)
    alone = task.training_batches([seeded(2)], 6)
    for _ in range(2 * DRAWN_AHEAD + 1):
        company, single = next(together), next(alone)
        assert torch.equal(company.inputs[1:2], single.inputs) and torch.equal(company.targets[1:2], single.targets)


def test_evaluated_windows_cover_the_text_once(tmp_path):
    task = Characters(write_texts(tmp_path, UNLIKE, test=UNLIKE[:481]), length=8, evaluated=60)
    batch, = task.evaluation_batches("test")
    assert batch.inputs.shape == (1, 60, 8)
    assert spell(task, batch.inputs.flatten()) == UNLIKE[:480] and spell(task, batch.targets.flatten()) == UNLIKE[1:481]


def test_evaluated_windows_are_evenly_spaced_and_answer_nothing_twice(tmp_path):
    task = Characters(write_texts(tmp_path, UNLIKE, test=UNLIKE[:99]), length=8, evaluated=7)
    batch, = task.evaluation_batches("test")
    starts = [UNLIKE.index(spell(task, row[:1])) for row in batch.inputs[0]]
    assert starts == [0, 15, 30, 45, 60, 75, 90]
    assert len(set(batch.targets.flatten().tolist())) == 7 * 8
    assert [spell(task, row) for row in batch.targets[0]] == [UNLIKE[start + 1 : start + 9] for start in starts]


def test_evaluation_comes_in_groups_and_is_always_the_same(tmp_path):
    task = Characters(write_texts(tmp_path, UNLIKE), length=2, evaluated=EVALUATED_TOGETHER + 10)
    first, second = list(task.evaluation_batches("validation")), list(task.evaluation_batches("validation"))
    assert [batch.inputs.shape[:2] for batch in first] == [(1, EVALUATED_TOGETHER), (1, 10)]
    assert all(torch.equal(one.inputs, other.inputs) for one, other in zip(first, second, strict=True))


def test_a_single_window_is_the_first(tmp_path):
    batch, = Characters(write_texts(tmp_path, UNLIKE), length=2, evaluated=1).evaluation_batches("test")
    assert batch.inputs.shape == (1, 1, 2) and batch.inputs[0, 0, 0] == 0


def test_chance_by_hand(tmp_path):
    """Training shows a three times and b once; the answers in `abba`, one a window, are b, b and a."""
    task = Characters(write_texts(tmp_path, "aaba", test="abba"), length=1, evaluated=3)
    assert task.chance == {"bits_per_character": pytest.approx((2 + 2 + math.log2(4 / 3)) / 3), "success": 0.0}


def test_no_constant_answer_beats_the_frequencies_where_the_texts_are_alike(tmp_path):
    text = "a rose is a rose is a rose"
    task = Characters(write_texts(tmp_path, text, test=text[-1] + text), length=1, evaluated=len(text))
    frequencies = torch.tensor([Counter(text)[symbol] for symbol in task.symbols]) / len(text)
    assert task.chance["bits_per_character"] == pytest.approx(float(-(frequencies * frequencies.log2()).sum()))
    found = score(task, lambda batch: frequencies.log().expand(*batch.inputs.shape, -1))
    assert found["bits_per_character"].item() == pytest.approx(task.chance["bits_per_character"], rel=1e-6)
    for seed in range(20):
        other = torch.randn(len(frequencies), generator=seeded(seed)) * 0.3 + frequencies.log()
        assert score(task, lambda batch, other=other: other.expand(*batch.inputs.shape, -1))["success"].item() == 0


def test_bits_per_character_equal_a_hand_loop(tmp_path):
    task = Characters(write_texts(tmp_path, "abcabd\nab", test="abxcab dabca"), length=3, evaluated=3)
    assert task.sizes.outputs == 5 and task.sizes.vocabulary == 6  # x and the blank share the number 5
    batch, = task.evaluation_batches("test")
    outputs = torch.randn(2, 3, 3, 5, generator=seeded())
    total, counted = [0.0, 0.0], 0
    for row, start in enumerate((0, 4, 8)):
        for step in range(3):
            answer = "abxcab dabca"[start + 1 + step]
            if answer not in "abcd":
                assert batch.targets[0, row, step] == -100
                continue
            counted += 1
            for member in range(2):
                scores = outputs[member, row, step].tolist()
                total[member] -= math.log2(math.exp(scores[task.symbols.index(answer)]) / sum(map(math.exp, scores)))
    items = task.items(outputs, batch)
    assert counted == 7 and items["characters"].tolist() == [[2, 2, 3]] * 2
    found = task.metrics(items)["bits_per_character"]
    assert found.tolist() == pytest.approx([member / counted for member in total], rel=1e-5)
    assert task.loss(outputs, batch).tolist() == pytest.approx((found * math.log(2)).tolist(), rel=1e-5)


def test_an_unseen_character_can_be_read(tmp_path):
    task = Characters(write_texts(tmp_path, "abcabc", test="axaya"), length=2, evaluated=2)
    batch, = task.evaluation_batches("test")
    assert batch.inputs.tolist() == [[[0, 3], [0, 3]]] and batch.targets.tolist() == [[[-100, 0], [-100, 0]]]


def test_what_is_not_finite_is_no_success(tmp_path):
    task = Characters(write_texts(tmp_path, "to be or not to be that is the question"), length=5, evaluated=4)
    right = 9.0 * one_hot(next(task.evaluation_batches("test")).targets, len(task.symbols))
    broken = torch.cat([right, torch.full_like(right, torch.nan), -right, torch.full_like(right, torch.inf), right])
    broken[4, 0, 0, 0] = torch.nan
    found = score(task, lambda batch: broken)
    assert found["success"].tolist() == [1, 0, 0, 0, 0]
    assert found["bits_per_character"][0] < 0.1 and found["bits_per_character"][2] > task.chance["bits_per_character"]
    assert found["bits_per_character"].isnan().tolist() == [False, True, False, True, True]
    assert score(task, lambda batch: torch.full_like(right, torch.nan).expand(3, -1, -1, -1))["success"].tolist() == [0, 0, 0]


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_a_text_must_be_longer_than_a_window(tmp_path, split):
    texts = {"train": UNLIKE, "validation": UNLIKE, "test": UNLIKE}
    Characters(write_texts(tmp_path, **{**texts, split: UNLIKE[:11]}), length=10)
    run = Run(task="text", name="short", kind="characters", cell="elman", hidden=2, seeds=1, batch=2, options={"length": 10})
    with pytest.raises(SettingsError, match=f"tasks.text.runs.short: the {split} text has 10 characters, .* at most 9") as raised:
        catalogue.make_task(run, str(write_texts(tmp_path, **{**texts, split: UNLIKE[:10]})))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("options", [{"length": 0}, {"evaluated": 0}])
def test_numbers_below_one_are_refused(tmp_path, options):
    with pytest.raises(ValueError, match="at least 1"):
        Characters(write_texts(tmp_path, UNLIKE), **options)


def test_a_network_learns_a_text_that_repeats_itself(tmp_path):
    write_texts(tmp_path, "abcd" * 30)
    run = Run(task="text", name="short", kind="characters", cell="elman", hidden=8, seeds=2, batch=8, updates=120, stride=60,
              options={"length": 6, "evaluated": 10})
    trained = training.train(run, catalogue.make_task(run, str(tmp_path)), [(0, 0.03), (1, 1e30)], torch.device("cpu"))
    assert trained.metrics[0]["bits_per_character"] < 0.2 and trained.metrics[0]["success"] == 1
    assert trained.metrics[1]["success"] == 0 and trained.items["nats"].shape == (2, 10)
