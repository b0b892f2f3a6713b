"""Geometry of spoken words: cosines by phonemes, analogies by hand, scores of a search against loops."""

from __future__ import annotations

import itertools
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.stats

from unrolled import searching
from unrolled.analyses import audio_geometry, audio_tsne, search_scores, spoken_search, spoken_search_shown
from unrolled.data.spoken import Spoken

pytestmark = pytest.mark.unit
PHONEMES = {"near": ["n", "ɪ", "ɹ"], "fear": ["f", "ɪ", "ɹ"], "name": ["n", "e", "ɪ", "m"], "fame": ["f", "e", "ɪ", "m"],
            "dear": ["d", "ɪ", "ɹ"], "same": ["s", "e", "ɪ", "m"]}
FAMILIES = [["near", "fear", "dear"], ["name", "fame", "same", "lame"]]


def test_analogies_are_words_that_change_alike() -> None:
    assert audio_geometry.analogies(PHONEMES, FAMILIES) == [
        ("fear", "near", "fame", "name"), ("near", "fear", "name", "fame"),
        ("fame", "name", "fear", "near"), ("name", "fame", "near", "fear")]


def test_words_that_sound_alike_count_once() -> None:
    assert audio_geometry.analogies({"son": ["s", "ʌ", "n"], "sun": ["s", "ʌ", "n"], "fun": ["f", "ʌ", "n"]}, [["son", "sun", "fun"]]) == []


def test_an_offset_that_is_the_same_everywhere_solves_all_and_its_absence_none() -> None:
    onset, rime = {"n": [1, 0, 0, 0], "f": [0, 1, 0, 0]}, {"ear": [0, 0, 3, 0], "ame": [0, 0, 0, 3]}
    place = {first + last: np.array(onset[first], float) + rime[last] for first, last in itertools.product(onset, rime)}
    place |= {"other": np.array([2.0, 2, 1, 1]), "more": np.array([-3.0, 0, 0, 0]), "rhyme": np.array([0.9, 0.1, 0, 3])}
    words = sorted(place)
    means = words, np.stack([place[word] for word in words])
    asked = [("near", "fear", "name", "fame"), ("fame", "name", "fear", "near")]
    assert audio_geometry.solved(means, means, asked).tolist() == [True, True]
    assert not audio_geometry.solved(means, means, asked[:1], with_offset=False).any()  # a rhyme lies nearer to name


def test_no_word_of_the_question_is_its_answer() -> None:
    """What is added to name is little, so that name itself lies nearest."""
    place = {"near": [1.0, 0, 0], "fear": [1.0, 0.2, 0], "name": [0, 1.0, 0], "fame": [-0.3, 1.0, 0], "other": [0, 0, 1.0],
             "more": [0, 0, -1.0]}
    means = sorted(place), np.array([place[word] for word in sorted(place)])
    assert audio_geometry.solved(means, means, [("near", "fear", "name", "fame")]).tolist() == [True]


def test_cosines_by_phonemes_against_a_loop() -> None:
    generator = np.random.default_rng(0)
    words, voices = list(PHONEMES) * 3, ["a"] * 6 + ["b"] * 6 + ["c"] * 6
    vectors = generator.standard_normal((18, 5))
    distance = {("near", "fear"): 1, ("near", "dear"): 1, ("fear", "dear"): 1, ("name", "fame"): 1, ("name", "same"): 1, ("fame", "same"): 1}
    cosines, apart, pairs = [], [], []
    for one, other in itertools.combinations(range(18), 2):
        if voices[one] != voices[other]:
            pair = words[one], words[other]
            steps = 0 if pair[0] == pair[1] else distance.get(pair, distance.get(pair[::-1]))
            if steps is None:  # n ɪ ɹ to n e ɪ m: e put in, ɹ becomes m; another onset is one step more
                steps = 2 if PHONEMES[pair[0]][0] == PHONEMES[pair[1]][0] else 3
            cosines.append(vectors[one] @ vectors[other] / np.linalg.norm(vectors[one]) / np.linalg.norm(vectors[other]))
            apart.append(steps)
            pairs.append(pair)
    means, correlations = audio_geometry.cosines_by_distance(vectors, words, voices, PHONEMES)
    for steps in range(4):
        assert means[steps] == pytest.approx(np.mean([value for value, other in zip(cosines, apart) if other == steps]))
    assert np.isnan(means[4:]).all()
    for word, correlation in zip(sorted(PHONEMES), correlations):
        mine = [place for place, pair in enumerate(pairs) if word in pair]
        assert correlation == pytest.approx(scipy.stats.spearmanr([cosines[place] for place in mine], [apart[place] for place in mine]).statistic)


def test_scores_of_a_search_by_hand() -> None:
    scores = search_scores.Scores()
    distances, labels = np.array([[0.3, 0.1, 0.2], [0.2, 0.1, 0.3]]), (["one", "two"], ["one", "two", "one"])
    scores.take("vectors", distances, labels)
    assert scores["vectors"][0].tolist() == [[0.0, 1.0], [pytest.approx((1 / 2 + 2 / 3) / 2), 1.0]]
    scores.take("vectors", -distances, labels)
    assert scores.of_queries("vectors")[0].tolist() == [0.5, 0.5]
    values = spoken_search.as_values(scores, {"vectors": 7.0}, labels[0])
    assert values["precision_at_1_vectors"] == [[0.0, 1.0], [1.0, 0.0]] and values["work_vectors"] == 7.0
    scores.take("alignment", distances, labels)
    values = spoken_search.as_values(scores, {}, ["one", "one"])  # two queries for one phrase are one trial, for each member
    assert values["precision_at_1_vectors"] == [[0.5], [0.5]] and np.shape(values["lead_vectors"]) == (2, 1)
    assert values["lead_vectors"][0][0] == 0.0 != values["lead_vectors"][1][0]


def test_phrases_are_listed_from_the_hardest_on() -> None:
    """Two members, three queries for two phrases."""
    first = np.array([[1.0, 0.0, 1.0], [0.0, 0.0, 1.0]])  # right first answers of (members, queries)
    scores = search_scores.Scores({method: [np.stack([row, row]) for row in rows] for method, rows in (
        ("vectors", first), ("two_stages", np.ones((1, 3))), ("alignment", np.zeros((1, 3))), ("naive", np.zeros((1, 3))))})
    asked = ["white house", "white house", "black house"]
    values = spoken_search.as_values(scores, {}, asked)
    assert spoken_search_shown.phrases(values, asked).rows == [("white house", "0.25", "1.00", "0.00", "0.00"), ("black house", "1.00", "1.00", "0.00", "0.00")]
    told = spoken_search_shown.of_phrase(values, asked, "white house")
    assert "right in 25% by vectors, 100% by vectors and then alignment, 0% by alignment; 0 of 2 phrases fare worse" in told.text


def test_analogies_with_the_same_answer_are_one_trial() -> None:
    quadruples = [("near", "fear", "name", "fame"), ("dear", "fear", "same", "fame"), ("fear", "near", "fame", "name")]
    solved = np.array([[True, False, True], [False, False, True]])
    assert audio_geometry.by_answer(solved, quadruples).tolist() == [[0.5, 1.0], [0.0, 1.0]]  # fame, name


def spoken_pieces(count: int = 6, seed: int = 0) -> Spoken:
    generator = np.random.default_rng(seed)
    features = [generator.standard_normal((60, 4)).astype(np.float32) for _ in range(count)]
    times = [np.array([0, 20, 40], np.int32)] * count, [np.array([20, 40, 60], np.int32)] * count
    return Spoken(features, ["the white house"] * (count // 2) + ["a light horse"] * (count - count // 2), ["v1", "v2"] * (count // 2), *times)


def test_search_and_map_are_drawn_and_listed() -> None:
    """Sentences hold their own stretches, which every method must find; tables, figures and the plot hold what was found."""
    sentences = spoken_pieces()
    queries = Spoken([part[20:60] for part in sentences.features[:2]], ["white house"] * 2, ["v3"] * 2, [np.zeros(2, np.int32)] * 2,
                     [np.full(2, 40, np.int32)] * 2)
    labels = queries.texts, spoken_search.phrases_in(sentences, queries)
    assert labels[1] == ["white house"] * 3 + [""] * 3
    segments = searching.cut(sentences, lambda features, voices: list(features))
    vectors = np.stack([np.concatenate([part.mean(0), part.std(0)]) for part in segments.frames])
    archive = searching.archive_of(sentences, sentences.features, segments, vectors)
    asked = np.stack([np.concatenate([part.mean(0), part.std(0)]) for part in queries.features])
    view = spoken_search.Searched([archive], queries.features, asked[None])
    scores, options = search_scores.Scores(), spoken_search.Options(candidates=2)
    spoken_search.in_both_stages(scores, ("vectors", "two_stages"), view, labels, options.candidates)
    spoken_search.baselines(scores, view, labels)
    assert {method: scores.of_queries(method)[0].tolist() for method in ("two_stages", "alignment")} == {
        "two_stages": [1, 1], "alignment": [1, 1]}
    work = spoken_search.frames_compared(view, options.candidates)
    assert work["alignment"] == 40 * 360 and work["two_stages"] == len(segments.frames) + 40 * 120
    table = spoken_search_shown.answers(archive, queries.features, asked, labels, "white house", options.candidates, 5)
    assert table.rows[0][0] == "the white house" and table.rows[0][-1] == "✓"
    assert len(table.rows) == options.candidates and [row[2] for row in table.rows] == sorted(row[2] for row in table.rows)
    assert len(spoken_search_shown.methods(scores, work).rows) == len(scores)
    twice = search_scores.joined([scores, scores])
    assert {method: len(members) for method, members in twice.items()} == {method: len(members) for method, members in scores.items()}
    assert all((twice.of_queries(method) == np.tile(scores.of_queries(method), 2)).all() for method in scores)
    values = spoken_search.as_values(twice, work, ["white house"] * 3 + ["blue house"])
    told = spoken_search_shown.sentence(twice, values, work, 3, 6).text
    assert "4 spoken queries, each to one of 3 archives of 6 sentences" in told
    alike = np.mean(values["precision_at_1_vectors"])  # of two phrases, for one of which three queries ask
    assert f"as in the verdict, the first answer is right in {alike:.1%} by vectors" in told
    spoken_search_shown.figure(twice)


def test_a_word_said_twice_by_one_has_two_sounds() -> None:
    chosen = Spoken([], ["one", "two", "one", "one"], ["theo", "theo", "theo", "jackson"], [], [])
    assert audio_tsne.sound_names(chosen) == ["one-theo", "two-theo", "one-theo-2", "one-jackson"]
    plot = audio_tsne.picture_to_touch(np.zeros((4, 2)), chosen, audio_tsne.sound_names(chosen), {}, is_recorded=True)
    assert "recordings of people" in plot.caption and "synthetic" not in plot.caption and "真人录音" in plot.caption_zh


def test_words_that_make_no_analogies_are_measured_without_them() -> None:
    """As the ten digits of the official recordings do."""
    generator = np.random.default_rng(0)
    words = ["one", "two", "six"] * 4
    found = Spoken([], words, ["v1"] * 6 + ["v2"] * 6, [], [])
    phonemes = {"one": ["w", "ʌ", "n"], "two": ["t", "u"], "six": ["s", "ɪ", "k", "s"]}
    spaces = {name: [generator.standard_normal((12, 5))] for name in ("autoencoder", "naive")}
    result = audio_tsne.measured(spaces, found, phonemes, {"query": ["v1"], "archive": ["v2"]})
    assert result.values["analogies"] == 0 and not result.tables and set(result.values) == {"analogies", "correlation_autoencoder", "correlation_naive"}
    assert "nan" not in result.sentences[0].text and "analog" not in result.sentences[0].text and "类比" not in result.sentences[0].text_zh


def test_every_point_of_the_map_has_its_sound() -> None:
    generator = np.random.default_rng(3)
    chosen = Spoken([], ["near", "fear", "company", "house"] * 3, [f"en-us+{name}" for name in "abc" for _ in range(4)], [], [])
    points = audio_tsne.project(generator.standard_normal((12, 6)), audio_tsne.Options())
    plot = audio_tsne.picture_to_touch(points, chosen, audio_tsne.sound_names(chosen), {"near": ["n", "ɪ", "ɹ"]})
    addresses = [address for trace in plot.specification["data"] for address in trace["customdata"]]
    assert sorted(addresses) == sorted(f"sounds/audio_tsne/{word}-{voice}.wav" for word in ("near", "fear", "company", "house") for voice in "abc")
    assert {trace["name"] for trace in plot.specification["data"]} == {"-ear", "-ouse", audio_tsne.NAMED_OTHERS}
    assert plot.specification["data"][0]["text"][0] == "near /nɪɹ/, a"
    assert (audio_tsne.project(generator.standard_normal((12, 6)), SimpleNamespace(perplexity=15.0, first_seed=0)) != points).any()
