"""Speech made and frozen: same bits from a fresh process, no word or voice of the test in training, times of words where sound is."""

from __future__ import annotations

import io
import itertools
import tarfile
from pathlib import Path

import numpy as np
import pytest

from unrolled import results
from unrolled.data import acoustics, recordings, spoken, spoken_archive, spoken_strings, spoken_words, vocabulary
from unrolled.data.archives import DataError
from unrolled.data.espeak import Synthesiser, Utterance, synthesise
from unrolled.data.spoken import Piece

pytestmark = pytest.mark.unit


@pytest.fixture(scope="module")
def synthesiser() -> Synthesiser:
    return Synthesiser()


def say_few(synthesiser: Synthesiser, texts: list[str]) -> list[Piece]:
    return spoken.speak(synthesiser, [Utterance("en-us+f5", text) for text in texts], seed=3)


def test_a_fresh_process_gives_the_same_bits() -> None:
    one, two = (synthesise(say_few, ["white house", "near fear"]) for _ in range(2))
    for first, second in zip(one, two, strict=True):
        assert first.samples.tobytes() == second.samples.tobytes() and first.starts.tolist() == second.starts.tolist()


@pytest.mark.parametrize(("voice", "text", "word"), [
    ("xx-nobody", "house", "no voice 'xx-nobody'"), ("en-us", " ", "no text"), ("en-us", "?!", "says nothing"), ("en-us", "a\0b", "no text")])
def test_what_cannot_be_spoken_gets_one_sentence(synthesiser: Synthesiser, voice: str, text: str, word: str) -> None:
    with pytest.raises(DataError, match=word) as error:
        synthesiser.speak(Utterance(voice, text))
    assert "\n" not in str(error.value)


def test_a_library_that_cannot_be_loaded_gets_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    import espeakng_loader

    monkeypatch.setattr(espeakng_loader, "get_library_path", lambda: "nowhere/libespeak.so")
    with pytest.raises(DataError, match="cannot be loaded"):
        Synthesiser()


def test_voices_rates_and_pitches_are_heard(synthesiser: Synthesiser) -> None:
    lengths = [len(synthesiser.speak(Utterance("en-us", "white house", rate=rate)).samples) for rate in (120, 240)]
    assert lengths[0] > 1.4 * lengths[1]
    sounds = {synthesiser.speak(utterance).samples.tobytes() for utterance in (
        Utterance("en-us", "near"), Utterance("en-us+f3", "near"), Utterance("en-us", "near", pitch=80))}
    assert len(sounds) == 3
    assert synthesiser.speak(Utterance("en-us", "near")).phonemes == "nˈɪɹ"


def test_words_begin_where_the_sound_changes(synthesiser: Synthesiser) -> None:
    """Between two words with a pause the reported beginning lies within 60 ms of the first loud frame after the pause."""
    speech = synthesiser.speak(Utterance("en-us+f5", "house, house"))
    samples = acoustics.resample(speech.samples / np.float32(acoustics.FULL_SCALE), synthesiser.sampling_rate)
    piece = Piece(samples, "house house", "", speech.starts, spoken.word_ends(samples, speech.starts))
    starts, ends = spoken.word_frames(piece, len(acoustics.mfcc(samples)))
    hop = acoustics.RATE // 100
    power = (piece.samples[: len(piece.samples) // hop * hop].reshape(-1, hop) ** 2).mean(1)
    loud = np.flatnonzero(power > power.max() * 1e-3)
    gaps = np.flatnonzero(np.diff(loud) > 10)
    assert len(gaps) == 1
    assert abs(int(starts[1]) - int(loud[gaps[0] + 1])) <= 6 and abs(int(ends[0]) - int(loud[gaps[0]])) <= 6
    assert ends[0] < starts[1] < ends[1]


def test_noise_hides_no_pause(synthesiser: Synthesiser) -> None:
    (paused,), (connected,) = (say_few(synthesiser, [text]) for text in ("three, three", "three three"))
    for piece, has_pause in ((paused, True), (connected, False)):
        starts, ends = spoken.word_frames(piece._replace(text="three three"), len(acoustics.mfcc(piece.samples)))
        assert (starts[1] - ends[0] > 5) == has_pause


def test_what_is_frozen_is_read_back(tmp_path: Path, synthesiser: Synthesiser) -> None:
    pieces = say_few(synthesiser, ["white house", "near"])
    spoken.freeze(tmp_path, "test", pieces, keep_sound=True)
    found = spoken.load(tmp_path, "test")
    assert found.texts == ["white house", "near"] and found.voices == ["en-us+f5"] * 2
    for piece, features, starts, ends in zip(pieces, found.features, found.starts, found.ends, strict=True):
        assert (features == acoustics.mfcc(piece.samples)).all()
        assert len(starts) == len(ends) == len(piece.text.split()) and (starts < ends).all() and ends[-1] <= len(features)
    rate, samples = spoken.audio(tmp_path, "test")
    assert rate == 16_000 and [len(part) for part in samples] == [len(piece.samples) for piece in pieces]
    results.write_json(tmp_path / "test.json", {"texts": ["near"], "voices": ["en-us+f5"]})
    with pytest.raises(DataError, match="do not belong together"):
        spoken.load(tmp_path, "test")


def test_no_word_or_voice_of_the_test_is_learned_from() -> None:
    words = [set(group) for group in (vocabulary.TRAINING_WORDS, vocabulary.VALIDATION_WORDS, vocabulary.TEST_WORDS)]
    voices = [set(group) for group in (vocabulary.TRAINING_VOICES, vocabulary.VALIDATION_VOICES, vocabulary.TEST_VOICES)]
    for group in (words, voices):
        assert all(not one & other for one, other in itertools.combinations(group, 2))
    assert len(vocabulary.TEST_WORDS) == 76 and len(vocabulary.TEST_VOICES) == 20
    assert len(vocabulary.TRAINING_WORDS) >= spoken_words.TRAINING_WORDS
    query, archive = vocabulary.halves(vocabulary.TEST_VOICES).values()
    assert len(query) == len(archive) == 10 and not set(query) & set(archive)


def test_every_voice_says_every_word_and_phonemes_lose_their_marks(synthesiser: Synthesiser) -> None:
    pieces = spoken_words.say(synthesiser, ["near", "again"], ["en-us", "en-us+m3"], 0)
    assert [(piece.voice, piece.text) for piece in pieces] == list(itertools.product(["en-us", "en-us+m3"], ["near", "again"]))
    assert [spoken_words.letters(piece.phonemes) for piece in pieces[:2]] == [["n", "ɪ", "ɹ"], ["ɐ", "ɡ", "ɛ", "n"]]


def test_half_of_the_strings_hold_a_doubled_word() -> None:
    found = [text.split() for text in spoken_strings.strings(recordings.NAMES, 200, 0)]
    doubled = [any(one == other for one, other in itertools.pairwise(words)) for words in found]
    assert doubled == [True, False] * 100
    assert {len(words) for words in found} == {2, 3, 4, 5}


def test_every_phrase_occurs_in_the_archive_beside_words_like_it() -> None:
    found = spoken_archive.sentences(spoken_archive.SENTENCES, spoken_archive.PHRASES, spoken_archive.CONFUSABLE, 0)
    counts = [sum(f" {phrase} " in f"{text} " for text in found) for phrase in spoken_archive.PHRASES]
    assert min(counts) >= 5 and sum(counts) < 0.4 * len(found)
    assert all(any(phrase in text for text in found) for phrase in spoken_archive.CONFUSABLE)
    assert found == spoken_archive.sentences(spoken_archive.SENTENCES, spoken_archive.PHRASES, spoken_archive.CONFUSABLE, 0)


def archive_of_recordings(path: Path) -> bytes:
    """Write an archive as the original is packed, each recording a tone of its own."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as opened:
        for digit, speaker, take in itertools.product(range(10), recordings.SPEAKERS, range(recordings.TAKES)):
            content = acoustics.write_wav(np.full(40, 10 * digit + take, np.int16), recordings.RATE)
            entry = tarfile.TarInfo(f"free-spoken-digit-dataset-1.0.10/recordings/{digit}_{speaker}_{take}.wav")
            entry.size = len(content)
            opened.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


def test_recordings_are_read_and_held_against_their_checksum(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = archive_of_recordings(tmp_path)
    monkeypatch.setattr(recordings, "original_files", lambda name: {f"{name}.tar.gz": content})
    with pytest.raises(DataError, match="other recordings") as error:
        recordings.recordings()
    start = str(error.value).split("sha256 ")[1][:12]
    monkeypatch.setattr(recordings, "CONTENT", _full_hash(content))
    assert recordings.CONTENT.startswith(start)
    found = recordings.recordings()
    assert len(found) == 3000 and found[-1][1:] == (9, "yweweler", 49)
    assert np.round(found[-1].samples * acoustics.FULL_SCALE).tolist() == [139.0] * 40
    words = spoken_words.recorded_words(found)
    learned = {piece.voice for piece in words["train"]} | {piece.voice for piece in words["validation"]}
    assert {piece.voice for piece in words["test"]} == {"theo", "jackson"} and not learned & {"theo", "jackson"}
    strings = spoken_strings.recorded_strings(found)
    for piece in strings["test"][:20]:
        assert len(piece.starts) == len(piece.text.split())
        for word, start_at in zip(piece.text.split(), piece.starts, strict=True):
            value = round(float(piece.samples[round(start_at * recordings.RATE)]) * acoustics.FULL_SCALE)
            assert value // 10 == recordings.NAMES.index(word) and value % 10 < recordings.TEST_TAKES
    with pytest.raises(DataError, match="damaged"):
        recordings._unpacked(content[: len(content) // 2], "archive")


def _full_hash(content: bytes) -> str:
    with tarfile.open(fileobj=io.BytesIO(content)) as opened:
        members = {entry.name.split("/")[-1]: opened.extractfile(entry).read() for entry in opened.getmembers()}
    return results.bytes_hash(b"".join(members[name] for name in sorted(members)))
