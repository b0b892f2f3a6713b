"""Scores of a search: those kept of encoders whose weights are not, in the order of the queries, and what does not fit them."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from unrolled import results, retrieval, searching, settings
from unrolled.analyses import search_scores, spoken_search, trained
from unrolled.data import spoken
from unrolled.data.spoken import Spoken

pytestmark = pytest.mark.unit
ASKED = ["white house", "light house", "white house"]
KEPT = "reference/recorded/audio_words/autoencoder_further.search.safetensors"
AGAIN = "run `make record SECTION=audio_words RUNS=autoencoder_further`."


def some_scores(members: int = 2, seed: int = 0) -> search_scores.Scores:
    """Return scores of three queries that float32 holds exactly."""
    values = np.random.default_rng(seed).integers(0, 9, (2, members, 2, len(ASKED))) / 8
    return search_scores.Scores({method: list(found) for method, found in zip(spoken_search.ENCODERS, values)})


@pytest.fixture
def kept(workplace) -> search_scores.Scores:
    """Scores of two members, kept beside the record of these."""
    results.write_json(results.recorded_file("audio_words", "autoencoder_further"), {"format": results.FORMAT, "members": [{}, {}]})
    scores = some_scores()
    search_scores.keep(search_scores.recorded_file("audio_words", "autoencoder_further"), scores, ASKED, 40)
    return scores


def test_scores_come_back_as_they_were_kept(kept) -> None:
    found = search_scores.recorded("audio_words", "autoencoder_further", 2, ASKED, 40)
    assert found.keys() == kept.keys()
    assert all(np.array_equal(found[method], kept[method]) for method in kept)


@pytest.mark.parametrize(("run", "members", "asked", "candidates", "sentence"), [
    ("autoencoder_further", 2, [*ASKED[::-1][1:], "mad house"], 40, f"{KEPT} holds scores of other queries than those of now; {AGAIN}"),
    ("autoencoder_further", 3, ASKED, 40, f"{KEPT} does not hold scores of 3 members and 3 queries, as its record and the archives have; {AGAIN}"),
    ("autoencoder_further", 2, ASKED, 60, f"{KEPT} holds scores of another number of candidates than 60; {AGAIN}"),
    ("lecture", 2, ASKED, 40, f"{KEPT.replace('autoencoder_further', 'lecture')} is missing; {AGAIN.replace('autoencoder_further', 'lecture')}")])
def test_scores_of_other_queries_or_members_are_one_sentence(kept, run, members, asked, candidates, sentence) -> None:
    with pytest.raises(results.ResultsError) as raised:
        search_scores.recorded("audio_words", run, members, asked, candidates)
    assert str(raised.value) == sentence


def test_further_seeds_stand_behind_those_trained_here(kept, params) -> None:
    chosen, own = settings.parse(params), some_scores(members=3, seed=1)
    options = spoken_search.Options(further="audio_words/autoencoder_further")
    scores = search_scores.Scores({method: list(members) for method, members in own.items()} | {"alignment": [np.ones((2, 3))]})
    with trained.noted() as runs:
        spoken_search.add_further_seeds(scores, options, chosen, ASKED)
    assert runs == {"audio_words/autoencoder_further"} and len(scores["alignment"]) == 1
    assert all(np.array_equal(scores[method], own[method] + kept[method]) for method in kept)
    values = spoken_search.as_values(scores, {}, ASKED)
    assert np.shape(values["lead_vectors"]) == np.shape(values["precision_at_1_two_stages"]) == (5, 2)
    with pytest.raises(settings.SettingsError, match="'audio_words/autoencoder', which is no run that is recorded"):
        spoken_search.add_further_seeds(scores, spoken_search.Options(further="audio_words/autoencoder"), chosen, ASKED)


def test_leads_are_those_of_mean_average_precision_by_phrase():
    scores = {"alignment": [np.array([[1.0, 0.0, 0.0], [0.5, 0.25, 0.0]])], "naive": [np.array([[0.0, 0.0, 0.0], [0.25, 0.25, 0.25]])],
              "vectors": [np.array([[0.0, 0.0, 1.0], [0.25, 1.0, 0.75]]), np.array([[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]])]}
    values = spoken_search.as_values(scores, {"vectors": 3.0}, ["near", "far", "near"])
    assert values["precision_at_1_vectors"] == [[0.0, 0.5], [1.0, 1.0]] and values["work_vectors"] == 3.0  # far, near
    assert values["mean_average_precision_vectors"] == [[1.0, 0.5], [1.0, 1.0]]
    assert values["lead_vectors"] == [[0.75, 0.25], [0.75, 0.75]] and values["lead_alignment"] == [[0.0, 0.0]]
    assert values["lead_vectors_over_naive"] == [[0.75, 0.25], [0.75, 0.75]]


def test_a_sentence_holds_a_phrase_by_whole_words():
    sentences, queries = (SimpleNamespace(texts=texts) for texts in (
        ["the white house", "white houses", "greenwhite house", "white house", "a new york day"],
        ["white house", "white house", "new york"]))
    assert spoken_search.phrases_in(sentences, queries) == ["white house", "", "", "white house", "new york"]


def test_what_is_prepared_once_serves_only_who_reads_alike():
    first, *others = (SimpleNamespace(every=every, normalised_by=by)
                      for every, by in ((1, "voice"), (1, "voice"), (2, "voice"), (1, "utterance")))
    assert [spoken_search.read_alike(first, other) for other in others] == [True, False, False]


def test_the_work_of_a_query_by_hand():
    """Two queries of 4 and 6 frames, three sentences, of which two are aligned with, and 7 vectors."""
    distances = np.array([[0.1, 0.3, 0.2], [0.3, 0.1, 0.2]])
    held = SimpleNamespace(sentences=[np.zeros((frames, 2)) for frames in (10, 30, 20)], vectors=np.zeros((7, 2)),
                           by_vectors=lambda _: (distances, None))
    view = spoken_search.Searched([held], [np.zeros((frames, 2)) for frames in (4, 6)], np.zeros((1, 2, 2)))
    assert spoken_search.frames_compared(view, 2) == {
        "vectors": 7.0, "two_stages": 7 + (4 * 30 + 6 * 50) / 2, "alignment": (4 + 6) * 60 / 2}


class Encoder:
    """Two members: the mean of a piece, and its length."""

    def vectors(self, batch):
        inside = torch.arange(batch.inputs.shape[2]) < batch.lengths.unsqueeze(-1)
        mean = (batch.inputs * inside.unsqueeze(-1)).sum(2) / batch.lengths.unsqueeze(-1)
        return torch.cat([mean, torch.ones_like(mean) * batch.lengths.unsqueeze(-1)])


def test_what_is_kept_of_further_seeds_is_what_a_search_scores(workplace, params, monkeypatch) -> None:
    """All archives, each searched for itself, queries one archive after the other."""
    generator = np.random.default_rng(5)

    def archive(folder, name) -> Spoken:
        is_query, count = name.startswith("queries"), 6
        frames = [generator.standard_normal((60, 4)).astype(np.float32) for _ in range(count)]
        texts = ["white house", "light horse"] * 3 if is_query else ["the white house", "a light horse"] * 3
        return Spoken(frames, texts, ["a", "b"] * 3, [np.array([0, 20, 40])] * count, [np.array([20, 40, 60])] * count)

    made = {name: archive(None, name) for splits in spoken_search.ARCHIVES for name in splits}
    monkeypatch.setattr(spoken, "load", lambda folder, name: made[name])
    task = SimpleNamespace(prepare=lambda features, voices: list(features))
    monkeypatch.setattr(trained, "load", lambda reference, *_, **__: trained.Loaded(None, task, Encoder()) if reference == "a/b" else None)
    scores, asked = spoken_search.of_further_seeds(spoken_search.Options(further="a/b", candidates=3), settings.parse(params))
    assert asked == made["queries"].texts + made["queries_second"].texts + made["queries_third"].texts
    assert scores.keys() == set(spoken_search.ENCODERS) and {np.shape(members) for members in scores.values()} == {(2, 2, 18)}
    for place, (sentences, queries) in enumerate(spoken_search.ARCHIVES):
        segments = searching.cut(made[sentences], task.prepare)
        vectors = np.stack([piece.mean(0) for piece in segments.frames])
        found = searching.archive_of(made[sentences], made[sentences].features, segments, vectors)
        distances, _ = found.by_vectors(np.stack([piece.mean(0) for piece in made[queries].features]))
        holds = [text.partition(" ")[2] for text in made[sentences].texts]
        expected = retrieval.average_precisions(distances, made[queries].texts, holds)
        assert scores["vectors"][0][1, 6 * place : 6 * place + 6].tolist() == pytest.approx(expected.tolist())
