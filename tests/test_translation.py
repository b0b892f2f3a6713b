"""Sequence to sequence: the model against hand loops, the task against sacrebleu, the lexicon against counting by hand."""

from __future__ import annotations

import dataclasses
import gzip
import io
import json
import math
import zipfile
from pathlib import Path

import pytest
import torch
from sacrebleu.metrics import CHRF

from unrolled import models, results, training
from unrolled.analyses import translation as analysis
from unrolled.batches import Batch, Sizes
from unrolled.data import english_chinese, lexicon
from unrolled.data.archives import DataError
from unrolled.models.encoder_decoder import STOP, EncoderDecoder, attention_weights
from unrolled.settings import Run
from unrolled.tasks.translation import LECTURE, Pair, Translation

pytestmark = pytest.mark.unit
CPU = torch.device("cpu")
WORDS = ("machine", "learning", "deep", "voting", "world", "peace", "green", "tea", "sea", "salt", "iron", "gate", "snow", "man", "hot",
         "water", "sun", "light", "moon", "cake")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A frozen set of twenty words, each of two characters of its own."""
    renderings = {word: chr(0x4E00 + 2 * place) + chr(0x4E01 + 2 * place) for place, word in enumerate(WORDS)}
    renderings |= {"machine": "机器", "learning": "学习"}
    compounds = [("deep", "sea"), ("hot", "water"), ("green", "tea"), ("moon", "cake"), ("iron", "gate"), ("snow", "man")]
    test = [{"words": list(pair), "renderings": ["".join(renderings[word] for word in pair), "别的译法"]} for pair in compounds]
    lecture = {"words": list(LECTURE), "renderings": ["机器学习"]}
    results.write_text(tmp_path / "demonstration.json", json.dumps({"lexicon": renderings, "test": [*test, lecture]}))
    results.write_text(tmp_path / "leak_free.json", json.dumps({"lexicon": renderings, "train": [], "test": test}))
    results.write_text(tmp_path / "dates.tsv", "".join(f"{a}\t{b}\n" for a, b in english_chinese.dates(900)))
    return tmp_path


def make_run(**changes: object) -> Run:
    base = Run(task="translation", name="test", kind="translation", cell="gru", hidden=6, seeds=2, batch=8, model="encoder_decoder",
               embedding=5, dropout=0.2, feedback="target", updates=4, stride=2, options={})
    return dataclasses.replace(base, **changes)


def make_model(members: int = 2, cell: str = "gru", feedback: str = "target", **options: object) -> EncoderDecoder:
    sizes = Sizes(0, 7, vocabulary=9, read="each", cap=5)
    run = make_run(cell=cell, feedback=feedback, dropout=0.0, options=options)
    return models.build(run, {}, sizes, [training.generator(seed, "values") for seed in range(members)])


def draw_batch(rows: int = 4) -> Batch:
    generator = torch.Generator().manual_seed(0)
    words = torch.randint(1, 9, (1, rows, 6), generator=generator)
    targets = torch.randint(1, 7, (1, rows, 4), generator=generator)
    targets[0, 0, 2:] = torch.tensor([STOP, -100])
    return Batch(words, targets, torch.tensor([[6, 3, 1, 5]])[:, :rows])


@pytest.mark.parametrize("cell", ["gru", "lstm", "elman"])
@pytest.mark.parametrize("attention", [False, True])
def test_the_model_is_a_loop_over_the_cells(cell: str, attention: bool) -> None:
    model, batch = make_model(1, cell, attention=attention), draw_batch()
    outputs = model(batch, [training.generator(0, "dropout")])
    for row in range(4):
        length, state, seen = int(batch.lengths[0, row]), model.encoder.initial_state(1), []
        for word in batch.inputs[0, row, :length]:
            projected = model.encoder.project(model.source_embedding[:, word].unsqueeze(1))
            output, state = model.encoder.step(projected, state)
            seen.append(output)
        before = [model.start, *batch.targets[0, row, :-1].tolist()]
        for step, symbol in enumerate(before):
            projected = model.decoder.project(model.target_embedding[:, max(symbol, 0)].unsqueeze(1))
            output, state = model.decoder.step(projected, state)
            if attention:
                output = torch.tanh(torch.cat([output, by_hand(output, seen)], -1) @ model.attention_weight)
            expected = output @ model.output_weight + model.output_bias
            torch.testing.assert_close(outputs[0, row, step], expected[0, 0], atol=1e-5, rtol=1e-5)


def by_hand(query: torch.Tensor, seen: list[torch.Tensor]) -> torch.Tensor:
    """Attend with scalar arithmetic."""
    keys = [key.flatten().tolist() for key in seen]
    asked = query.flatten().tolist()
    scores = [math.exp(sum(a * b for a, b in zip(asked, key, strict=True)) / math.sqrt(len(asked))) for key in keys]
    mixed = [sum(score * key[unit] for score, key in zip(scores, keys, strict=True)) / sum(scores) for unit in range(len(asked))]
    return torch.tensor(mixed).view(1, 1, -1)


def test_attention_of_a_worked_example() -> None:
    """Keys (1, 0) and (0, 1), query (sqrt 2 ln 3, 0): scores ln 3 and 0, so weights 3/4 and 1/4; a third key is padding."""
    queries = torch.tensor([[[[math.sqrt(2) * math.log(3), 0.0]]]])
    keys = torch.tensor([[[[1.0, 0.0], [0.0, 1.0], [9.0, 9.0]]]])
    weights = attention_weights(queries, keys, torch.tensor([[2]]))
    torch.testing.assert_close(weights, torch.tensor([[[[0.75, 0.25, 0.0]]]]))


@pytest.mark.parametrize("feedback", ["target", "own", "scheduled"])
@pytest.mark.parametrize("attention", [False, True])
def test_a_member_is_the_same_alone_as_in_company(folder: Path, feedback: str, attention: bool) -> None:
    run = make_run(feedback=feedback, options={"combinations": 40, "attention": attention})
    task = Translation(folder, combinations=40)
    company = training.train(run, task, [(0, 0.01), (1, 0.02), (2, 0.01)], CPU)
    alone = training.train(run, task, [(1, 0.02)], CPU)
    for name, weights in company.weights.items():
        assert (weights[1] == alone.weights[name][0]).all(), name


def test_reading_its_own_answers_is_what_the_finished_model_does() -> None:
    model, batch = make_model(feedback="own"), draw_batch()
    forced = model(batch, [training.generator(seed, "dropout") for seed in range(2)])
    free = model(batch)
    assert free.shape == (2, 4, 5, 7)
    torch.testing.assert_close(forced, free[:, :, :4])


def test_scheduled_feedback_starts_as_teacher_forcing_and_ends_as_own() -> None:
    batch, generators = draw_batch(), [training.generator(seed, "dropout") for seed in range(2)]
    found = {}
    for feedback, progress in (("target", 0.0), ("own", 0.0), ("scheduled", 0.0), ("scheduled", 0.9)):
        model = make_model(feedback=feedback)
        model.progress = progress
        found[feedback, progress] = model(batch, generators)
    torch.testing.assert_close(found["scheduled", 0.0], found["target", 0.0])
    torch.testing.assert_close(found["scheduled", 0.9], found["own", 0.0])


@pytest.mark.parametrize("changes", [{"layers": 2}, {"bidirectional": True}, {"window": 1}, {"embedding": 0}])
def test_what_the_model_does_not_have_is_refused(changes: dict) -> None:
    with pytest.raises(ValueError, match="one layer, one direction, no window and an embedding"):
        models.build(make_run(**changes), {}, Sizes(0, 7, vocabulary=9, cap=5), [training.generator(0, "values")])


def test_nothing_that_is_asked_is_learned(folder: Path) -> None:
    for pairs in ("demonstration", "leak_free", "compounds", "dates"):
        task = Translation(folder, pairs=pairs, combinations=60, cap=20)
        sources = {split: {pair.source for pair in task._group(split)} for split in ("train", "validation", "test")}
        assert not sources["train"] & (sources["test"] | sources["validation"]), pairs
        assert pairs == "dates" or LECTURE in sources["test"]


def test_scores_are_those_of_sacrebleu_and_of_a_hand_loop(folder: Path) -> None:
    task = Translation(folder, combinations=40, cap=6)
    batch = next(task.evaluation_batches("test"))
    right, number = batch.targets[0], {symbol: place for place, symbol in enumerate(task.symbols)}
    rows = torch.full((1, len(right), 6), number["机"])
    rows[0, :, :5] = right.clamp(min=0)
    rows[0, 1] = torch.tensor([number["机"]] * 6)  # never ends
    rows[0, 2, 0] = number["器"]
    items = task.items(torch.nn.functional.one_hot(rows, len(task.symbols)).float(), batch)
    metrics = {name: values.item() for name, values in task.metrics(items).items()}
    answers = [task.read_answer(row.tolist())[0] for row in rows[0]]
    pairs = [task.pair(place) for place in batch.extra[0].tolist()]
    assert metrics["exact_match"] == pytest.approx(sum(a in p.answers for a, p in zip(answers, pairs, strict=True)) / len(pairs))
    assert metrics["ended"] == pytest.approx(1 - 1 / len(pairs))
    expected = [CHRF().sentence_score(answer, list(pair.answers)).score / 100 for answer, pair in zip(answers, pairs, strict=True)]
    assert metrics["character_f"] == pytest.approx(sum(expected) / len(expected), abs=1e-6)
    assert metrics["success_lecture"] == float(answers[[pair.source for pair in pairs].index(LECTURE)] == "机器学习")


def test_chance_is_the_commonest_answer(folder: Path) -> None:
    task = Translation(folder, pairs="compounds")
    learned = [pair.answers[0] for pair in task._group("train")]
    commonest = min(set(learned), key=lambda answer: (-learned.count(answer), answer))
    test = task._group("test")
    assert task.chance["exact_match"] == sum(commonest in pair.answers for pair in test) / len(test)


@pytest.mark.parametrize(("options", "message"), [
    ({"cap": 0}, "room for one symbol"), ({"pairs": "poems"}, "must be one of"), ({"combinations": 10_000}, "20 words allow for")])
def test_impossible_options_are_refused(folder: Path, options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Translation(folder, **options)


def test_sentences_need_the_official_source(folder: Path) -> None:
    with pytest.raises(DataError, match="come only with data"):
        Translation(folder, pairs="sentences")


def test_dates_are_written_as_babel_does() -> None:
    dates = english_chinese.dates(50)
    assert len(set(dates)) == 50
    for english, chinese in dates:
        month, day, year = english.replace(",", "").split()
        assert chinese.startswith(f"{year}年") and chinese.endswith(f"月{day}日") and month.isalpha()


def test_the_lexicon_by_hand() -> None:
    """deep: twice 深海-like 深层, once 甲乙; Dice of the first 2*2/(3+2), of the second 2*1/(3+1)."""
    compounds = [("deep", "sea", "深层", "大海"), ("deep", "snow", "深层", "白雪"), ("deep", "tea", "甲乙", "绿茶")]
    assert lexicon.choose(compounds, {}) == {"deep": "深层", "sea": "大海", "snow": "白雪", "tea": "绿茶"}
    assert lexicon.composed(compounds, lexicon.choose(compounds, {})) == compounds[:2]
    assert lexicon.frequent(compounds, 2) == {"deep"} and not lexicon.frequent([("bye", "bye", "再见", "再见")], 2)
    one = lexicon.choose([("deep", "sea", "深层", "大海")], {"deep": {"深度"}})  # an entry for the word alone counts half
    assert one == {"deep": "深层", "sea": "大海"}
    assert "learn" in lexicon.forms("learning") and "study" in lexicon.forms("studies") and lexicon.forms("is") == {"is"}


def test_the_dictionary_is_read_line_by_line() -> None:
    text = "# comment\n機器 机器 [ji1 qi4] /machine/CL:臺|台[tai2]/\n學習 学习 [xue2 xi2] /to learn/to study (a subject)/\n3C 3C [san1] /x/\n"
    found = list(english_chinese.glosses(gzip.compress(text.encode())))
    assert found == [("machine", "机器"), ("learn", "学习"), ("study", "学习")]


@pytest.mark.parametrize(("content", "message"), [
    (b"no gzip", "cannot be read"), (gzip.compress(b"\xff\xfe", mtime=0), "cannot be read"), (gzip.compress(b"nonsense\n", mtime=0), "it is damaged")])
def test_a_damaged_dictionary_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        list(english_chinese.glosses(content))


def archived(text: bytes, member: str = "cmn.txt") -> tuple[str, bytes]:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(member, text)
    return "cmn-eng.zip", stream.getvalue()


def test_sentence_pairs_of_tatoeba() -> None:
    text = "Hi.\t你好。\tCC-BY 2.0\nRun!\t跑！\tCC-BY 2.0\nRun!\t跑！\tCC-BY 2.0\n"
    assert english_chinese.sentences(archived(text.encode())) == [("Hi.", "你好。"), ("Run!", "跑！")]


@pytest.mark.parametrize(("file", "message"), [
    (archived(b"no tab\n"), "without a tab"), (archived(b"\xff\t\xfe\n"), "not UTF-8"), (archived(b"", "other.txt"), "has no member"),
    (("cmn-eng.zip", b"no archive"), "damaged")])
def test_other_files_than_tatoebas_are_refused(file: tuple[str, bytes], message: str) -> None:
    with pytest.raises(DataError, match=message):
        english_chinese.sentences(file)


def test_an_answer_of_an_unknown_or_very_long_source_is_text(folder: Path) -> None:
    task = Translation(folder, combinations=40)
    model = models.build(make_run(), {}, task.sizes, [training.generator(0, "values")])
    for words in (["🙂", "שלום"], ["machine"] * 3000):
        answer, = analysis.translate(model, task, words)
        assert len(answer) <= task.cap


def test_pairs_hold_the_learned_answer_first(folder: Path) -> None:
    task = Translation(folder, combinations=40)
    pair = next(pair for pair in task._group("test") if pair.source == ("deep", "sea"))
    assert isinstance(pair, Pair) and pair.answers[0] != "别的译法"


def test_networks_of_the_demonstration_set_are_listed_with_what_they_learned_from():
    members = [{"metrics": {"exact_match": share, "success_lecture": float(share > 0.6)}, "diverged": None} for share in (0.5, 0.7)]
    records = {run: {"run": run, "settings": {"cell": "gru", **settings}, "members": members}
               for run, settings in (("plain", {}), ("attentive", {"combinations": 1000, "attention": True}))}
    own = analysis._on_own_answers(records["plain"])
    assert "60.0% of the compounds are right, machine learning for 1 of 2 seeds" in own.text and "在 2 个种子中有 1 个译对" in own.text_zh
    table = analysis._networks(records)
    assert table.rows == [["plain", "gru", "", "4000", "60.0 ± 14.1", "1/2"], ["attentive", "gru", "✓", "1000", "60.0 ± 14.1", "1/2"]]
