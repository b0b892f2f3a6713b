"""Scores of spoken words by word, and the analysis on a tiny section, against brute force."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score
from test_alignment import by_hand
from test_audio_words import ROLES, SAID, speak

from unrolled import alignment, catalogue, results, searching, settings, training
from unrolled.analyses import audio_tsne, audio_vectors, audio_words_shown, further_words, recorded_vectors, word_scores
from unrolled.analyses.base import as_json
from unrolled.data import spoken
from unrolled.settings import Settings, SettingsError
from unrolled.tasks.spoken_words import ARCHIVE, QUERY, SEEN

pytestmark = pytest.mark.unit
OTHERS = ("own_output", "teacher_forcing", "untrained", "contrastive")
LINES = {"autoencoder": {}, "own_output": {"decoder_input": "own"}, "teacher_forcing": {"decoder_input": "target"},
         "correspondence": {"pairs": "mined"}, "untrained": {"frozen": "encoder"},
         "contrastive": {"objective": "contrastive", "decoder_input": "none"}}


@pytest.fixture
def section(workplace: Path, params: dict, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings of a tiny section, all of whose runs are trained: two of them as if recorded once at full scale."""
    monkeypatch.setattr(spoken, "load", lambda _, split: speak(split))
    monkeypatch.setattr(spoken, "voices", lambda _: ROLES)
    runs = {run: {"cell": "gru", **line} for run, line in LINES.items()}
    recorded = {run: runs.pop(run) for run in ("own_output", "contrastive")}
    params["tasks"] = {"audio_words": {
        "kind": "audio_words", "reads": "data/spoken_words", "model": "audio_autoencoder", "decoder_input": "constant", "hidden": 6,
        "batch": 8, "updates": 3, "seeds": 2, "runs": runs, "full": {"runs": recorded}}}
    params["analyses"] = {"audio_vectors": {"reads": "results/train/audio_words"}}
    for scale in ("full", "laptop"):
        chosen = settings.parse({**params, "scale": scale})
        for name, run in chosen.tasks["audio_words"].runs.items():
            if scale == "full" or name not in recorded:
                keep(run, results.recorded_file("audio_words", name) if name in recorded else results.run_file("audio_words", name))
    return chosen


def keep(run: settings.Run, path: Path) -> None:
    """Train a run and write what an analysis reads of it."""
    found = training.train(run, catalogue.make_task(run, "data/spoken_words"), [(0, 0.01), (1, 0.01)], torch.device("cpu"))
    members = [{"metrics": metrics, "diverged": None} for metrics in found.metrics]
    results.write_json(path, {"format": results.FORMAT, "members": members, "parameters": found.parameters})
    results.write_arrays(path.with_suffix(".items.safetensors"), found.items)
    results.write_arrays(path.with_suffix(".safetensors"), found.weights)


def test_everything_is_compared_with_everything(section: Settings) -> None:
    found = audio_vectors.analyse(audio_vectors.Options(frames=4), section)
    told = json.loads(json.dumps(as_json("audio_vectors", found)))
    for run in LINES:
        record = results.read_result((results.recorded_file if run in ("own_output", "contrastive") else results.run_file)("audio_words", run))
        scores = [[member["metrics"][f"mean_average_precision{kind}"] for member in record["members"]] for kind in ("", "_voice_mean")]
        assert found.values[f"map_{run}"] == pytest.approx(scores[0])  # each word is asked for as often
        assert found.values[f"map_voice_mean_{run}"] == pytest.approx(scores[1])
    for other in (*OTHERS, "naive", "dtw_cosine", "random"):
        apart = found.values[f"autoencoder_over_{other}"]
        assert np.shape(apart) == (2, len(SAID["test"][0]))  # seed by seed
        assert np.mean(apart) == pytest.approx(np.mean(found.values["map_autoencoder"]) - np.mean(found.values[f"map_{other}"]))
    assert len(found.values["forced_loss"]) == 2
    assert {name for name, table in told["tables"].items() if len(table["rows"]) == len(LINES) + 4} == {"audio_words"}
    assert {picture["file"] for picture in told["figures"]} == {"audio_map.svg", "audio_inputs.svg"}
    assert [sentence["claim"] for sentence in told["sentences"]] == [["F8"], ["F9"], ["F12"]]
    assert all("nan" not in sentence["text"] + sentence["text_zh"] for sentence in told["sentences"])


def test_further_seeds_are_pooled_with_those_trained_here(section: Settings) -> None:
    options = audio_vectors.Options(frames=4, further="contrastive")  # stands for the autoencoder on other seeds
    scores = {name: word_scores.Scores(*(np.full((members, 3), value + kind) for kind in range(2)))
              for name, members, value in (("autoencoder", 2, 1.0), ("contrastive", 3, 2.0), ("own_output", 5, 4.0), ("naive", 1, 0.5))}
    everyone = audio_vectors.pooled(scores, options)
    assert everyone.plain[:, 0].tolist() == [1, 1, 2, 2, 2] and everyone.voice_mean[:, 0].tolist() == [2, 2, 3, 3, 3]
    chosen = {"autoencoder": everyone, "own_output": scores["own_output"], "naive": scores["naive"]}
    values = audio_vectors.values_of(chosen, chosen, options)
    assert [row[0] for row in values["own_output_over_autoencoder"]] == [3, 3, 2, 2, 2]
    found = audio_vectors.analyse(options, section)
    assert np.shape(found.values["autoencoder_over_naive"]) == (4, len(SAID["test"][0]))
    assert np.shape(found.values["autoencoder_over_untrained"]) == (2, len(SAID["test"][0]))  # both have these seeds, and they count
    assert "autoencoder_over_contrastive" not in found.values
    assert found.recorded["autoencoder_over_naive"] == ["audio_words/contrastive"]
    assert found.recorded["own_output_over_autoencoder"] == ["audio_words/own_output"]  # two seeds each
    assert "map_own_output" not in found.recorded and "autoencoder_over_untrained" not in found.recorded
    with pytest.raises(SettingsError, match=r"further is 'contrastiv'.*did you mean 'contrastive'"):
        audio_vectors.analyse(audio_vectors.Options(frames=4, further="contrastiv"), section)


MORE = Path("data/more")
LISTS = {"list_1": ("tvw", "pqrs"), "list_2": ("yzTV", "pqrs")}


@pytest.fixture
def further(section: Settings, monkeypatch: pytest.MonkeyPatch) -> further_words.Further:
    """Two further lists, of three and of four words; of the recorded runs one has scores of them, each member and word one of its own."""
    for name, said in LISTS.items():
        monkeypatch.setitem(SAID, name, said)
    monkeypatch.setattr(spoken, "voices", lambda folder: dict.fromkeys(LISTS, ROLES["test"]) if folder == MORE else ROLES)
    made = word_scores.Scores(np.arange(14).reshape(2, 7) / 14, np.arange(14).reshape(2, 7) / 28)
    further_words.keep(further_words.recorded_file("audio_words", "own_output"), made, MORE)
    return further_words.Further(MORE, "audio_words")


def precisions(vectors: np.ndarray, words: list[str], voices: list[str], voice_mean: bool) -> list[float]:
    """Return the average precision of each word of a list, in alphabetical order, by a loop over queries."""
    if voice_mean:
        vectors = np.stack([vector - vectors[[other == voice for other in voices]].mean(0) for vector, voice in zip(vectors, voices)])
    asked, held = ([place for place, voice in enumerate(voices) if voice in ROLES["test"][role]] for role in ("query", "archive"))
    centred, found = vectors - vectors[held].mean(0), {}
    for query in asked:
        near = [centred[query] @ centred[other] / np.linalg.norm(centred[query]) / np.linalg.norm(centred[other]) for other in held]
        found.setdefault(words[query], []).append(average_precision_score([words[other] == words[query] for other in held], near))
    return [np.mean(found[word]) for word in sorted(found)]


def test_further_words_are_looked_for_within_their_own_list(section: Settings, further: further_words.Further) -> None:
    loaded = audio_vectors.trained.load("audio_words/autoencoder", section, "test", "audio_words")
    trained, naive = further_words.of_run("autoencoder", further, section), further_words.naive("autoencoder", 2, 4, further, section)
    assert trained.plain.shape == trained.voice_mean.shape == (2, 7) and naive.plain.shape == (1, 7)
    for start, end, name in ((0, 3, "list_1"), (3, 7, "list_2")):
        said = speak(name)
        frames = loaded.task.prepare(said.features, said.voices)
        vectors = np.stack([searching.encode(loaded.model, [piece])[:, 0] for piece in frames], 1)  # each alone
        few = np.stack([piece[::2][np.linspace(0, len(piece[::2]) - 1, 4).round().astype(int)].ravel() for piece in frames])
        for kind, is_without in enumerate((False, True)):
            for member in range(2):
                expected = precisions(vectors[member].astype(float), said.texts, said.voices, is_without)
                assert trained[kind][member, start:end].tolist() == pytest.approx(expected)
            assert naive[kind][0, start:end].tolist() == pytest.approx(precisions(few, said.texts, said.voices, is_without))


def test_differences_are_over_further_words_where_both_have_them(section: Settings, further: further_words.Further) -> None:
    options = {"frames": 4, "further": "own_output"}  # which stands for the autoencoder on other seeds
    alone = audio_vectors.analyse(audio_vectors.Options(**options), section)
    found = audio_vectors.analyse(audio_vectors.Options(**options, more_words=str(MORE)), section)
    trained, naive = further_words.of_run("autoencoder", further, section), further_words.naive("autoencoder", 1, 4, further, section)
    kept = further_words.recorded("own_output", further, 2)
    for name, value in alone.values.items():
        assert np.array_equal(np.array(found.values[name])[..., :5] if "_over_" in name else found.values[name], value), name
    for kind, ending in enumerate(("", "_voice_mean")):
        everyone = np.concatenate([trained[kind], kept[kind]])
        assert np.array(found.values[f"autoencoder_over_naive{ending}"])[:, 5:] == pytest.approx(everyone - naive[kind])
    untrained = further_words.of_run("untrained", further, section)
    assert np.array(found.values["autoencoder_over_untrained"])[:, 5:] == pytest.approx(trained.plain - untrained.plain)
    assert {np.shape(found.values[f"autoencoder_over_{other}"])[1] for other in ("contrastive", "dtw_cosine", "random")} == {5}
    assert found.sentences[0] == alone.sentences[0] and "of 5 unseen words" in found.sentences[0].text


@pytest.mark.parametrize(("change", "sentence"), [
    ({"list_1": ("tvx", "pqrs")}, "holds scores of other words than those of data/more; run `make record SECTION=audio_words RUNS=own_output`."),
    ({}, "does not hold scores of 3 members and 7 words, as its record and data/more have; run `make record SECTION=audio_words RUNS=own_output`.")])
def test_scores_kept_of_other_words_or_members_are_one_sentence(further, monkeypatch, change, sentence) -> None:
    for name, said in change.items():
        monkeypatch.setitem(SAID, name, said)
    with pytest.raises(results.ResultsError) as raised:
        further_words.recorded("own_output", further, members=2 if change else 3)
    assert str(raised.value) == f"reference/recorded/audio_words/own_output.further.safetensors {sentence}"


def test_forced_loss_is_that_of_training(section: Settings) -> None:
    run = section.tasks["audio_words"].runs["teacher_forcing"]
    task = catalogue.make_task(run, "data/spoken_words")
    loaded = audio_vectors.trained.load("audio_words/teacher_forcing", section, "test", "audio_words")
    errors, count = np.zeros(2), 0
    for batch in task.evaluation_batches("test"):
        chosen = (batch.extra[0, :, 4] < SEEN).nonzero().flatten()
        for row in chosen.tolist():
            one = batch._replace(**{name: part[:, row : row + 1].expand(2, *[-1] * (part.dim() - 1)) for name, part in batch._asdict().items()})
            with torch.no_grad():
                outputs = loaded.model(one, [torch.Generator(), torch.Generator()])  # as in training
            errors += task.loss(outputs, one).numpy()
            count += 1
    expected = audio_vectors.forced_losses(audio_vectors.Options(), section)
    assert expected == pytest.approx((errors / count).tolist(), rel=1e-5)
    free = results.read_result(results.run_file("audio_words", "teacher_forcing"))["members"]
    assert [member["metrics"]["reconstruction_loss"] for member in free] != pytest.approx(expected, rel=1e-3)


def test_alignment_is_scored_word_by_word(section: Settings) -> None:
    said = word_scores.spoken("audio_words", "autoencoder", section, every=2)
    asked, held = (np.flatnonzero(said.roles == role) for role in (QUERY, ARCHIVE))
    found = word_scores.aligned(said, "euclidean").scores
    expected = {}
    for query in asked:
        near = [-by_hand(said.frames[query], said.frames[other], "euclidean") / (len(said.frames[query]) + len(said.frames[other]))
                for other in held]
        expected.setdefault(said.words[query], []).append(average_precision_score(said.words[held] == said.words[query], near))
    assert found.plain[0].tolist() == pytest.approx([np.mean(expected[word]) for word in sorted(expected)])
    assert found.voice_mean is found.plain


def test_what_needs_no_training_is_scored_by_the_metrics_of_trained_members() -> None:
    random = np.random.default_rng(1)
    words, roles = np.tile([0, 1, 2], 8), np.repeat([QUERY, ARCHIVE, QUERY + SEEN, ARCHIVE + SEEN], 6)
    said = word_scores.Spoken([random.standard_normal((length, 3)).astype(np.float32) + word for length, word in
                               zip(random.integers(4, 9, 24), words, strict=True)], words, np.arange(24) % 2, roles)
    ways = (word_scores.aligned(said, "cosine"), word_scores.at_random(said), word_scores.naive(said, 4))
    for seen, ending in ((0, ""), (SEEN, "_seen")):
        asked, held = (np.flatnonzero(roles == role + seen) for role in (QUERY, ARCHIVE))
        near = -alignment.distances([said.frames[place] for place in asked], [said.frames[place] for place in held])
        same = words[asked][:, None] == words[held]
        found = ways[0].metrics
        assert found[f"average_precision{ending}"] == pytest.approx(average_precision_score(same.ravel(), near.ravel()))
        assert found[f"precision_at_1{ending}"] == same[np.arange(len(asked)), near.argmax(1)].mean()
        assert found[f"mean_average_precision{ending}"] == pytest.approx(
            np.mean([average_precision_score(*pair) for pair in zip(same, near, strict=True)]))
    for way in ways:
        assert set(way.metrics) >= {f"{name}{ending}" for name in ("mean_average_precision", "precision_at_1", "average_precision")
                                    for ending in ("", "_seen")}
        assert way.metrics["mean_average_precision"] == pytest.approx(way.scores.plain.mean())  # each word has as many queries
    table = audio_words_shown.table({}, {"naive": ways[2], "random": ways[1]})
    for row, way in zip(table.rows, (ways[2], ways[1]), strict=True):
        cells = dict(zip(table.columns, row, strict=True))
        assert cells["P@1"] == f"{way.metrics['precision_at_1']:.3f}" and cells["MAP, words seen"] != "–" == cells["reconstruction loss"]


def test_seeds_are_held_against_seeds_and_against_what_has_none() -> None:
    three, other, one = (word_scores.Scores(values, values) for values in (np.eye(3), np.full((3, 3), 0.5) * [[1], [2], [3]], np.ones((1, 3))))
    assert word_scores.difference(three, other).tolist() == (np.eye(3) - [[0.5], [1.0], [1.5]]).tolist()
    assert word_scores.difference(three, one).tolist() == (np.eye(3) - 1).tolist()


def test_intervals_lie_around_the_difference() -> None:
    generator = np.random.default_rng(0)
    low = generator.random((3, 40)) * 0.1 + np.linspace(0, 1, 40)  # words differ much more than the two do
    scores = [word_scores.Scores(values, values) for values in (low + 0.1, low)]
    first, last = word_scores.interval(*scores)
    assert 0.05 < first < 0.1 < last < 0.15


@pytest.mark.parametrize("name", ["section", "autoencoder"])
def test_a_section_or_run_that_is_not_there_is_named(section: Settings, name: str) -> None:
    with pytest.raises(SettingsError, match=r"analyses.audio_vectors.autoencoder is .* no run of an audio_words section"):
        audio_vectors.analyse(audio_vectors.Options(**{name: "nothing"}), section)


@pytest.mark.parametrize("name", ["frames", "every"])
def test_vectors_of_no_frames_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        audio_vectors.Options(**{name: 0})


@pytest.mark.parametrize("together", [4, 256])
def test_vectors_of_any_pieces_are_those_of_the_task(section: Settings, monkeypatch: pytest.MonkeyPatch, together: int) -> None:
    monkeypatch.setattr(searching, "ENCODED_TOGETHER", together)
    loaded = audio_vectors.trained.load("audio_words/autoencoder", section, "test", "audio_words")
    said = speak("test")
    found = searching.encode(loaded.model, loaded.task.prepare(said.features, said.voices))
    kept = results.read_arrays(results.items_file("audio_words", "autoencoder"))["vector"]
    order = loaded.task.item_order("test")
    expected = kept[:, np.argsort(order)][:, : len(said.texts)]
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, atol=2e-3)  # they are kept in half precision


def test_vectors_of_a_recorded_run_lie_in_the_order_of_the_data(section: Settings) -> None:
    """Each is that of its word, voice and role, looked up by these three instead of by place."""
    loaded = audio_vectors.trained.load("audio_words/autoencoder", section, "test", "audio_words")
    path = results.recorded_file("audio_words", "own_output").with_suffix(".items.safetensors")
    items, data = results.read_arrays(path), loaded.task.splits["test"].extra
    found = recorded_vectors.of_test_words("audio_words/own_output", loaded.task, section)
    assert len(found) == 2 and found[0].dtype == np.float32
    for member, vectors in enumerate(found):
        kept = {labels: vector for *labels, vector in zip(*(items[name][member] for name in ("word", "voice", "role")), items["vector"][member])
                for labels in [tuple(labels)]}
        assert len(kept) == len(vectors) == len(data)
        assert all((vector == kept[tuple(labels)]).all() for vector, labels in zip(vectors, data[:, 2:]))
    pieces = len(speak("test").texts)
    options = audio_tsne.Options(further="audio_words/own_output")
    assert all((ours == whole[:pieces]).all() for ours, whole in zip(audio_tsne.further_vectors(options, loaded, section, pieces), found, strict=True))
    assert audio_tsne.further_vectors(audio_tsne.Options(), loaded, section, pieces) == []


def test_recorded_vectors_of_other_words_or_runs_are_refused(section: Settings) -> None:
    loaded = audio_vectors.trained.load("audio_words/autoencoder", section, "test", "audio_words")
    with pytest.raises(SettingsError, match=r"audio_tsne.further is 'audio_words/own_outpt', which is no run .* did you mean 'own_output'"):
        audio_tsne.further_vectors(audio_tsne.Options(further="audio_words/own_outpt"), loaded, section, 1)
    path = results.recorded_file("audio_words", "own_output").with_suffix(".items.safetensors")
    items = results.read_arrays(path)
    for changed in ({"word": items["word"] + 1}, {name: values[:, :-1] for name, values in items.items()}):
        results.write_arrays(path, items | changed)
        with pytest.raises(results.ResultsError, match=r"other words than those of now; run `make record SECTION=audio_words RUNS=own_output`"):
            recorded_vectors.of_test_words("audio_words/own_output", loaded.task, section)
