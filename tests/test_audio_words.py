"""Spoken words as vectors: the model against hand loops, the task against scikit-learn and brute force, on words made of noise."""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score
from sklearn.metrics.pairwise import cosine_similarity

from unrolled import catalogue, models, training
from unrolled.batches import Batch, Sizes
from unrolled.data import acoustics, spoken
from unrolled.models.audio_autoencoder import AudioAutoencoder
from unrolled.settings import Run
from unrolled.tasks.audio_words import AudioWords, _cropped, contrastive_loss, two_views
from unrolled.tasks.spoken_words import ARCHIVE, PLACE, QUERY, ROLE, SEEN, VOICE, WORD

pytestmark = pytest.mark.unit
CPU = torch.device("cpu")
ROLES = {"validation": {"query": ["f"], "archive": ["g"]}, "test": {"query": ["p", "q"], "archive": ["r", "s"]},
         "seen": {"query": ["p"], "archive": ["r"]}}
SAID = {"train": ("abcdefghij", "KLM"), "validation": ("uvwx", "fg"), "test": ("klmno", "pqrs"), "seen": ("bdf", "pr")}
RUN = Run(task="audio_words", name="test", kind="audio_words", cell="gru", hidden=6, seeds=2, batch=5, model="audio_autoencoder",
          updates=4, stride=2, options={"decoder_input": "constant"})


def speak(split: str) -> spoken.Spoken:
    """Say each word in each voice: a path of its own through 13 numbers, at another speed and with the voice's own shift and noise."""
    words, voices = SAID[split]
    features = []
    for voice, word in itertools.product(voices, words):
        path = np.random.default_rng(ord(word)).normal(size=(6, 13))
        own = np.random.default_rng([ord(voice), ord(word)])
        time = np.linspace(0, 5, own.integers(9, 25))
        shift = np.random.default_rng(ord(voice)).normal(size=13)
        clean = np.stack([np.interp(time, range(6), path[:, size]) for size in range(13)], 1)
        features.append(clean + shift + 0.1 * own.normal(size=(len(time), 13)))
    said = list(itertools.product(voices, words))
    times = [np.array([0], np.int32)] * len(said)
    return spoken.Spoken([piece.astype(np.float32) for piece in features], [word for _, word in said], [voice for voice, _ in said], times,
                         times)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A set of words that are said by a formula."""
    monkeypatch.setattr(spoken, "load", lambda _, split: speak(split))
    monkeypatch.setattr(spoken, "voices", lambda _: ROLES)
    return tmp_path


def make_model(members: int = 2, cell: str = "gru", frozen: str = "none", **changes: object) -> AudioAutoencoder:
    fields = {key: changes.pop(key) for key in ("bidirectional", "layers", "dropout", "embedding", "feedback", "path") if key in changes}
    run = dataclasses.replace(RUN, cell=cell, options={"decoder_input": "constant", "frozen": frozen, **changes}, **fields)
    return models.build(run, {}, Sizes(4, 4, read="each", classes=False), generators(members, "values"))


def generators(members: int, purpose: str = "dropout") -> list[torch.Generator]:
    return [training.generator(seed, purpose) for seed in range(members)]


def draw_batch() -> Batch:
    """Three words of 6, 2 and 5 frames, to be written with 4, 7 and 1."""
    generator = torch.Generator().manual_seed(0)
    inputs, targets = (torch.randn((1, 3, time, 4), generator=generator) for time in (6, 7))
    return Batch(inputs, targets, torch.tensor([[6, 2, 5]]), torch.tensor([[[4, 0], [7, 1], [1, 2]]]))


def take(model: AudioAutoencoder, member: int, **options: object) -> AudioAutoencoder:
    """Return a model of one member."""
    alone = make_model(1, **options)
    alone.load_state_dict({name: weight[member : member + 1] for name, weight in model.state_dict().items()})
    return alone


def read_by_hand(cell, frames: torch.Tensor) -> torch.Tensor:
    state = cell.initial_state(1)
    for frame in frames:
        output, state = cell.step(cell.project(frame.view(1, 1, -1)), state)
    return output


def write_by_hand(model: AudioAutoencoder, vector: torch.Tensor, targets: torch.Tensor, length: int, reads: str) -> torch.Tensor:
    decoder, frames, frame = model.decoder, [], torch.zeros(1, 1, 4)
    state = decoder.cell.initial_state(1)._replace(hidden=torch.tanh(vector @ decoder.start_weight + decoder.start_bias))
    for step, right in enumerate(targets):
        seen = torch.cat([vector, torch.full((1, 1, 1), step / length)], -1) if reads == "constant" else frame
        output, state = decoder.cell.step(decoder.cell.project(seen), state)
        frames.append(output @ decoder.output_weight + decoder.output_bias)
        frame = right.view(1, 1, -1) if reads == "target" else frames[-1]
    return torch.cat(frames, 1)[0]


@pytest.mark.parametrize("cell", ["gru", "lstm", "scrn"])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("reads", ["own", "target", "constant"])
def test_the_model_is_a_loop_over_frames(cell: str, bidirectional: bool, reads: str) -> None:
    options = {"cell": cell, "bidirectional": bidirectional, "decoder_input": reads}
    model, batch = make_model(2, **options), draw_batch()
    outputs, size = model(batch, generators(2)), model.encoder.output_size * (1 + bidirectional)
    assert outputs.shape == (2, 3, size + 7 * 4)
    torch.testing.assert_close(model.vectors(batch), outputs[..., :size])
    for member, row in itertools.product(range(2), range(3)):
        alone, frames = take(model, member, **options), batch.inputs[0, row, : batch.lengths[0, row]]
        vector = read_by_hand(alone.encoder, frames)
        if bidirectional:
            vector = torch.cat([vector, read_by_hand(alone.backward_encoder, frames.flip(0))], -1)
        torch.testing.assert_close(outputs[member, row, :size], vector.flatten(), atol=1e-5, rtol=1e-5)
        written = write_by_hand(alone, vector, batch.targets[0, row], int(batch.extra[0, row, 0]), reads)
        torch.testing.assert_close(outputs[member, row, size:].view(7, 4), written, atol=1e-5, rtol=1e-5)


def test_after_training_a_forced_decoder_reads_its_own_frames() -> None:
    model, batch = make_model(decoder_input="target"), draw_batch()
    own = make_model(decoder_input="own")
    own.load_state_dict(model.state_dict())
    torch.testing.assert_close(model(batch), own(batch, generators(2)))
    assert not torch.allclose(model(batch), model(batch, generators(2)))


def test_a_fused_kernel_changes_nothing() -> None:
    loop, fused = make_model(cell="lstm", bidirectional=True), make_model(cell="lstm", bidirectional=True, path="fused")
    torch.testing.assert_close(loop(draw_batch()), fused(draw_batch()), atol=1e-5, rtol=1e-5)


def test_without_a_decoder_there_are_vectors_alone() -> None:
    model, batch = make_model(decoder_input="none"), draw_batch()
    assert model(batch).shape == (2, 3, 6) and not [name for name, _ in model.named_parameters() if "decoder" in name]
    torch.testing.assert_close(model(batch), model.vectors(batch))


def test_what_follows_the_end_changes_no_vector() -> None:
    model, batch = make_model(bidirectional=True), draw_batch()
    other = batch.inputs.clone()
    other[0, 1, 2:], other[0, 2, 5:] = 9.0, -9.0
    torch.testing.assert_close(model.vectors(batch._replace(inputs=other)), model.vectors(batch))
    longer = torch.nn.functional.pad(batch.inputs, (0, 0, 0, 5), value=3.0)
    torch.testing.assert_close(model.vectors(batch._replace(inputs=longer)), model.vectors(batch))


@pytest.mark.parametrize("frozen", ["encoder", "decoder"])
def test_what_is_frozen_gets_no_gradient_and_the_other_the_same_as_ever(frozen: str) -> None:
    batch, gradients = draw_batch(), {}
    for choice in ("none", frozen):
        model = make_model(frozen=choice, bidirectional=True)
        weights = training.FlatParameters(model)
        losses = model(batch, generators(2))[..., 12:].square().sum((1, 2))
        parts = weights.gradient(losses).split([parameter[0].numel() for parameter in weights.parameters], 1)
        gradients[choice] = dict(zip(weights.names, parts, strict=True))
    for name, gradient in gradients[frozen].items():
        if ("decoder" if name.startswith("decoder") else "encoder") == frozen:
            assert (gradient == 0).all() and (gradients["none"][name] != 0).any(), name
        else:
            torch.testing.assert_close(gradient, gradients["none"][name])


def test_noise_takes_whole_frames_away_while_training() -> None:
    model = make_model(noise=0.3)
    inputs = torch.ones(2, 400, 50, 4)
    disturbed = model._disturb(inputs, generators(2))
    assert set(disturbed.unique().tolist()) == {0.0, 1.0} and (disturbed == disturbed[..., :1]).all()
    assert disturbed.mean().item() == pytest.approx(0.7, abs=0.01) and not torch.equal(disturbed[0], disturbed[1])
    assert model._disturb(inputs, None) is inputs


@pytest.mark.parametrize(("changes", "sentence"), [
    ({"layers": 2}, "one layer"), ({"embedding": 3}, "no embedding"), ({"dropout": 0.1}, "give noise"),
    ({"feedback": "target"}, "give decoder_input"), ({"decoder_input": "both"}, "own, target, constant, none"),
    ({"frozen": "all"}, "none, encoder, decoder"), ({"noise": 1.0}, "below 1"), ({"cell": "jordan"}, "which Jordan does not carry on")])
def test_what_the_model_does_not_have_is_refused(changes: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        make_model(**changes)


def test_parameters_are_counted_by_hand() -> None:
    gru = lambda features, hidden: 3 * hidden * (features + hidden + 1) + hidden  # noqa: E731
    assert models.count_parameters(make_model(bidirectional=True)) == 2 * gru(4, 6) + gru(13, 6) + 13 * 6 + 7 * 4


def test_words_are_read_as_they_were_said(folder: Path) -> None:
    task = AudioWords(folder, every=2)
    batches = list(task.evaluation_batches("test"))
    order = task.item_order("test")
    assert sorted(order.tolist()) == list(range(26))
    rows = [(batch, row) for batch in batches for row in range(batch.inputs.shape[1])]
    for (batch, row), place in zip(rows, order, strict=True):
        split, within = ("test", place) if place < 20 else ("seen", place - 20)
        said = speak(split)
        expected = acoustics.normalise([acoustics.deltas(said.features[within])], [said.voices[within]], by="utterance")[0][::2]
        length = int(batch.lengths[0, row])
        np.testing.assert_array_equal(batch.inputs[0, row, :length], expected)
        assert not batch.inputs[0, row, length:].any() and batch.extra[0, row, 0] == length
        labels = batch.extra[0, row].tolist()
        assert task.words[labels[WORD]] == said.texts[within] and task.voices[labels[VOICE]] == said.voices[within]
        role = QUERY if said.voices[within] in ROLES[split]["query"] else ARCHIVE
        assert labels[ROLE] == role + (SEEN if split == "seen" else 0)


def test_neighbours_are_the_nearest_of_other_voices(folder: Path) -> None:
    task = AudioWords(folder, pairs="mined")
    said = speak("train")
    frames = task.prepare(said.features, said.voices)
    vectors = np.stack([piece[[round(place) for place in np.linspace(0, len(piece) - 1, 10)]].ravel() for piece in frames])
    for voice in "KLM":
        own = [place for place, name in enumerate(said.voices) if name == voice]
        vectors[own] = vectors[own] - vectors[own].mean(0)
    near = cosine_similarity(vectors)
    buckets = [min(b for b, ceiling in enumerate(task.ceilings) if len(piece) <= ceiling) for piece in frames]
    for place, found in enumerate(task.neighbours.tolist()):
        allowed = [other for other in range(len(frames))
                   if said.voices[other] != said.voices[place] and buckets[other] <= buckets[place] + 1]
        assert found == sorted(allowed, key=lambda other: -near[place, other])[:3]
    same = np.mean([said.texts[found[0]] == said.texts[place] for place, found in enumerate(task.neighbours)])
    assert same > 0.5


def test_a_mined_neighbour_is_written(folder: Path) -> None:
    task = AudioWords(folder, pairs="mined")
    train, drawn = task.splits["train"], [set() for _ in range(3)]
    for batch in itertools.islice(task.training_batches(generators(2, "data"), 4), 40):
        places = batch.extra[..., PLACE]
        for member, row in itertools.product(range(2), range(places.shape[1])):
            word, length = int(places[member, row]), int(batch.extra[member, row, 0])
            written = batch.targets[member, row, :length].numpy()
            found = [rank for rank, other in enumerate(task.neighbours[word])
                     if train.lengths[other] == length and (train.inputs[other, :length] == written).all()]
            assert len(found) == 1
            drawn[found[0]].add(word)
    assert min(map(len, drawn)) > 5


def test_loss_and_error_by_hand(folder: Path) -> None:
    task = AudioWords(folder, pairs="mined")
    batch = next(task.training_batches(generators(2, "data"), 4))
    rows, steps = batch.targets.shape[1:3]
    outputs = torch.randn(2, rows, 5 + steps * 26, generator=torch.Generator().manual_seed(0))
    for member in range(2):
        sums, count = [], []
        for row in range(rows):
            length = int(batch.extra[member, row, 0])
            frames = outputs[member, row, 5:].view(steps, 26)[:length]
            sums.append(float(((frames - batch.targets[member, row, :length]) ** 2).sum()))
            count.append(26 * length)
        assert task.loss(outputs, batch)[member].item() == pytest.approx(sum(sums) / sum(count), rel=1e-5)
        errors = task.items(outputs, batch)["squared_error"][member].tolist()
        assert errors == pytest.approx([one / other for one, other in zip(sums, count, strict=True)], rel=1e-4)


def test_contrastive_loss_by_hand() -> None:
    vectors = torch.randn(2, 6, 4, generator=torch.Generator().manual_seed(1))
    for member, found in enumerate(contrastive_loss(vectors).tolist()):
        near = np.exp(cosine_similarity(vectors[member]) / 0.1)
        losses = [-np.log(near[row, (row + 3) % 6] / sum(near[row, other] for other in range(6) if other != row)) for row in range(6)]
        assert found == pytest.approx(np.mean(losses), rel=1e-4)


def test_two_views_are_stretches_of_one_word(folder: Path) -> None:
    task = AudioWords(folder, objective="contrastive")
    plain = AudioWords(folder)
    for views, words in zip(task.training_batches(generators(1, "data"), 4), plain.training_batches(generators(1, "data"), 4), strict=False):
        half = views.inputs.shape[1] // 2
        assert half == words.inputs.shape[1] and not torch.equal(views.inputs[:, :half], views.inputs[:, half:])
        held = task.splits["train"]
        for row in range(2 * half):
            length = int(views.lengths[0, row])
            stretch = views.inputs[0, row, :length].numpy()
            assert not views.inputs[0, row, length:].any()
            whole = [place for place in range(30) for start in range(held.lengths[place] - length + 1)
                     if (held.inputs[place, start : start + length] == stretch).all()]
            assert len(whole) == 1 and 0.8 * held.lengths[whole[0]] <= length
            if row < half:
                partner = views.inputs[0, row + half, : views.lengths[0, row + half]].numpy()
                assert any((held.inputs[whole[0], start : start + len(partner)] == partner).all()
                           for start in range(held.lengths[whole[0]] - len(partner) + 1))
        break


def test_views_of_mined_pairs_are_the_word_and_its_neighbour(folder: Path) -> None:
    mined, plain = (AudioWords(folder, objective=objective, pairs="mined") for objective in ("contrastive", "reconstruction"))
    views, words = (next(task.training_batches(generators(2, "data"), 4)) for task in (mined, plain))
    expected = two_views(words)
    assert torch.equal(views.inputs, expected.inputs) and torch.equal(views.lengths, expected.lengths)
    rows = words.inputs.shape[1]
    assert torch.equal(views.inputs[:, :rows, : words.inputs.shape[2]], words.inputs)
    assert torch.equal(views.inputs[:, rows:], words.targets) and torch.equal(views.lengths[:, rows:], words.extra[..., 0])


def test_metrics_are_scikit_learns(folder: Path) -> None:
    task = AudioWords(folder)
    batches = list(task.evaluation_batches("test"))
    generator = torch.Generator().manual_seed(0)
    parts = [task.items(torch.randn(2, batch.inputs.shape[1], 5 + batch.targets[0, 0].numel(), generator=generator), batch)
             for batch in batches]
    items = {name: torch.cat([part[name] for part in parts], 1) for name in parts[0]}
    found = {name: values.tolist() for name, values in task.metrics(items).items()}
    order = task.item_order("test")
    said = [speak("test"), speak("seen")]
    texts, voices = (np.array([*getattr(said[0], name), *getattr(said[1], name)])[order] for name in ("texts", "voices"))
    for seen, ending in ((False, ""), (True, "_seen")):
        group = (order >= 20) == seen
        for member, centred in itertools.product(range(2), (False, True)):
            vectors = items["vector"][member].float().numpy()[group]
            if centred:
                for voice in set(voices[group]):
                    vectors[voices[group] == voice] -= vectors[voices[group] == voice].mean(0)
            asked, held = np.isin(voices[group], ["p", "q"]), np.isin(voices[group], ["r", "s"])
            near = cosine_similarity(vectors[asked] - vectors[held].mean(0), vectors[held] - vectors[held].mean(0))
            right = texts[group][asked][:, None] == texts[group][held]
            kind = ("_voice_mean" if centred else "") + ending
            expected = np.mean([average_precision_score(row, score) for row, score in zip(right, near, strict=True)])
            assert found[f"mean_average_precision{kind}"][member] == pytest.approx(expected)
            assert found[f"precision_at_1{kind}"][member] == pytest.approx(right[np.arange(len(near)), near.argmax(1)].mean())
            assert found[f"average_precision{kind}"][member] == pytest.approx(average_precision_score(right.ravel(), near.ravel()))
    assert found["reconstruction_loss"][0] == pytest.approx(items["squared_error"][0, order < 20].mean().item(), rel=1e-5)


def test_chance_is_what_random_rankings_score(folder: Path) -> None:
    task, generator = AudioWords(folder), np.random.default_rng(0)
    right = np.arange(10) % 5 == 0  # ten in the archive, two of each word
    drawn = [average_precision_score(generator.permutation(right), -np.arange(10)) for _ in range(4000)]
    assert task.chance["mean_average_precision"] == pytest.approx(np.mean(drawn), abs=0.01)
    assert task.chance["precision_at_1"] == pytest.approx(0.2)


def test_the_validation_split_has_no_words_that_were_seen(folder: Path) -> None:
    task = AudioWords(folder)
    roles = task.splits["validation"].extra[:, ROLE]
    assert sorted(roles.tolist()) == [QUERY] * 4 + [ARCHIVE] * 4
    assert (task.splits["train"].extra[:, ROLE] == -1).all()


@pytest.mark.parametrize(("options", "changes"), [
    ({}, {}), ({"decoder_input": "own", "noise": 0.3}, {"bidirectional": True}), ({"decoder_input": "target", "pairs": "mined"}, {}),
    ({"decoder_input": "none", "objective": "contrastive"}, {"bidirectional": True}), ({"frozen": "encoder"}, {"cell": "lstm", "path": "fused"}),
    ({"decoder_input": "none", "objective": "contrastive", "pairs": "mined"}, {}), ({"frozen": "decoder"}, {})], ids=str)
def test_a_member_is_the_same_alone_as_in_company(folder: Path, options: dict, changes: dict) -> None:
    run = dataclasses.replace(RUN, options={"decoder_input": "constant", **options}, **changes)
    task, members = catalogue.make_task(run, str(folder)), [(0, 0.01), (3, 0.02), (1, 0.01)]
    together = training.train(run, task, members, CPU)
    for index, member in enumerate(members):
        alone = training.train(run, task, [member], CPU)
        for name, weight in alone.weights.items():
            assert np.array_equal(weight[0], together.weights[name][index]), name
        assert alone.metrics[0] == together.metrics[index] and alone.validation[0] == together.validation[index]


def test_training_moves_what_is_not_frozen_and_makes_better_frames(folder: Path) -> None:
    losses, first = {}, make_first_weights(folder)
    for frozen in ("none", "encoder", "decoder"):
        run = dataclasses.replace(RUN, updates=60, batch=16, options={**RUN.options, "frozen": frozen})
        trained = training.train(run, catalogue.make_task(run, str(folder)), [(0, 0.02)], CPU)
        losses[frozen] = [trained.history[place]["loss"] for place in (0, -1)]
        moved = {name.split(".")[0] for name, weight in trained.weights.items() if not np.array_equal(weight, first[name])}
        assert moved == {"encoder", "decoder"} - {frozen}
    assert all(last < before for before, last in losses.values()) and losses["none"][1] < losses["decoder"][1]


def make_first_weights(folder: Path) -> dict[str, np.ndarray]:
    """Return the weights before the first update of member 0."""
    task = catalogue.make_task(RUN, str(folder))
    model = models.build(RUN, {}, task.sizes, generators(1, "values"))
    return {name: parameter.detach().numpy().copy() for name, parameter in model.named_parameters()}


@pytest.mark.parametrize(("options", "sentence"), [
    ({"objective": "both"}, "reconstruction or contrastive"), ({"pairs": "labels"}, "none or mined"), ({"every": 0}, "at least one frame"),
    ({"normalised_by": "word"}, "utterance or voice"), ({"pairs": "mined", "limit": 3}, "use more of them")])
def test_what_the_task_does_not_have_is_refused(folder: Path, options: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        AudioWords(folder, **options)


def test_a_few_training_words_are_spread(folder: Path) -> None:
    task = AudioWords(folder, limit=4)
    assert len(task.splits["train"].inputs) == 4 and len(set(task.splits["train"].extra[:, VOICE])) == 3
    assert task.ceilings[-1] >= max(task.splits["test"].lengths)


def test_a_view_is_a_stretch_of_a_word_that_may_lie_anywhere_in_it() -> None:
    """At least four fifths of it, and no frame of what follows; each member's are its own."""
    lengths = torch.full((2, 500), 10)
    frames = torch.arange(1.0, 13.0).view(1, 1, 12, 1).expand(2, 500, -1, -1)
    found = _cropped(Batch(frames, frames, lengths), [torch.Generator().manual_seed(seed) for seed in (0, 1)])
    first, last = found.inputs[..., 0, 0].long(), found.inputs.squeeze(-1).amax(-1).long()
    assert torch.equal(last - first + 1, found.lengths) and torch.equal((found.inputs > 0).sum((2, 3)), found.lengths)
    stretches = set(zip(first.flatten().tolist(), last.flatten().tolist(), strict=True))
    assert {(1, 9), (2, 10), (1, 10)} <= stretches <= {(1, 8), (2, 9), (3, 10), (1, 9), (2, 10), (1, 10)}
    assert not torch.equal(found.lengths[0], found.lengths[1])
