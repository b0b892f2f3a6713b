"""Speech: the synthesiser, the frozen form, and what the spoken sets promise, on tiny ones."""

from __future__ import annotations

import io
import itertools
import subprocess
import sys
import tarfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from unrolled import data, results
from unrolled.data import (
    DATA_SETS,
    acoustics,
    english_words,
    espeak,
    recordings,
    spoken,
    spoken_archive,
    spoken_digits,
    spoken_further_words,
    spoken_mandarin,
    spoken_words,
    strings,
    synthesis,
)
from unrolled.data.archives import DataError
from unrolled.data.espeak import Utterance
from unrolled.reporting.words import SPLITS_ZH
from unrolled.values import SettingsError

pytestmark = pytest.mark.unit
NAMES = ("spoken_words", "spoken_further_words", "spoken_digits", "spoken_mandarin", "spoken_archive")


def one_sentence(raised) -> str:
    message = str(raised.value)
    assert "\n" not in message and len(message) < 400
    return message


def test_the_same_order_gives_the_same_bytes():
    """Breathy voices too, whose sound depends on random numbers and on what was said before."""
    said = [Utterance("green garden", f"en-us+{variant}") for variant in ("whisper", "m1", "f5", "whisper")]
    first, second = (list(espeak.speak_all(said)) for _ in range(2))
    assert [each.samples.tobytes() for each in first] == [each.samples.tobytes() for each in second]
    assert (len(first[0].samples), first[0].samples.tobytes()) != (len(first[3].samples), first[3].samples.tobytes())
    assert first[0].rate == 22050 and first[0].samples.dtype == np.int16


def test_settings_are_heard():
    usual, fast, slow = (len(espeak.say(Utterance("yellow mountain", "en-us+m1", rate=rate)).samples) for rate in (175, 260, 120))
    assert fast < usual < slow

    def pitch(setting):
        samples = espeak.say(Utterance("law", "en-us+m1", pitch=setting, pitch_range=0)).samples.astype(float)
        middle = samples[len(samples) // 3 : len(samples) // 3 + 4410]
        cepstrum = np.fft.irfft(np.log(np.abs(np.fft.rfft(middle * np.hanning(4410))) + 1))
        return 22050 / (60 + cepstrum[60:400].argmax())  # Hz, of 55 to 370

    assert pitch(90) > 1.3 * pitch(10)


def test_words_begin_where_they_can_be_heard():
    """Each word begins with a stop, of which the library's own times fall short; found here by the silence before its release."""
    for variant in ("m1", "f1", "Alex"):
        sound = espeak.say(Utterance("sea pear sea pear sea", f"en-us+{variant}"))
        hop = sound.rate // 100
        loudness = np.abs(sound.samples[: len(sound.samples) // hop * hop].astype(float)).reshape(-1, hop).mean(1)
        stops = [place for place in range(5, len(loudness) - 1) if loudness[place] < 30 <= loudness[place + 1]]
        for start in (sound.starts[1], sound.starts[3]):
            assert min(abs(start - stop / 100) for stop in stops) <= 0.045  # the closure is up to 40 ms long, and holds the beginning
        assert len(sound.starts) == 5


def test_words_read_as_one_share_their_time():
    sound = espeak.say(Utterance("谢 谢 好", "cmn+m1"))
    assert sound.starts[0] == 0 and sound.starts[1] == pytest.approx(sound.starts[2] / 2)
    for _ in range(70):
        espeak.phonemes("house")  # after so many the library forgets to tell of the first word
    assert len(espeak.say(Utterance("one two", "en-us")).starts) == 2


@pytest.mark.parametrize(("text", "voice", "reason"), [
    ("  ", "en-us", "nothing to say"), ("a\0b", "en-us", "null character"), ("house", "en-gb", "no voice 'en-gb'"), ("house", "en-us+nobody", "no voice 'en-us+nobody'"),
    ("?!", "en-us", "says nothing"), ("house", "", "no voice ''"),
])
def test_what_cannot_be_said_is_one_sentence(text, voice, reason):
    with pytest.raises(DataError) as raised:
        espeak.say(Utterance(text, voice))
    assert reason in one_sentence(raised)


def test_errors_cross_the_process():
    spoken_well = []
    with pytest.raises(DataError, match="no voice") as raised:
        spoken_well.extend(espeak.speak_all([Utterance("house", "en-us"), Utterance("house", "nowhere")]))
    one_sentence(raised)


@pytest.mark.parametrize("cut", [0, 10, -300, -1])
def test_a_sound_cut_short_is_none(cut):
    """As where the process that speaks is ended while it tells of the sound, or speaks; a whole one is taken as it is."""
    utterance, samples = Utterance("house", "en-us"), np.arange(200, dtype=np.int16)
    told = b'{"rate": 22050, "starts": [0.0], "count": 200}\n' + samples.tobytes()
    assert espeak._receive(io.BytesIO(told + b"{"), utterance).samples.tolist() == samples.tolist()
    with pytest.raises(DataError, match="the process that speaks ended at 'house' in the voice en-us; run the same command again") as raised:
        espeak._receive(io.BytesIO(told[:cut]), utterance)
    one_sentence(raised)


def test_a_missing_library_is_one_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    with pytest.raises(DataError) as raised:
        espeak._load()
    assert "pip install espeakng-loader" in one_sentence(raised)


def test_who_stops_listening_leaves_no_process(monkeypatch):
    started = []
    start = subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen", lambda *given, **options: started.append(start(*given, **options)) or started[0])
    sounds = espeak.speak_all([Utterance("garden", "en-us")] * 50)
    next(sounds)
    sounds.close()
    assert started[0].poll() is not None


def test_phonemes_lose_their_marks():
    assert espeak.phonemes("president") == ["p", "ɹ", "ɛ", "z", "ɪ", "d", "ə", "n", "t"]
    assert espeak.phonemes("church") == ["tʃ", "ɜ", "tʃ"] and espeak.phonemes("fame") == ["f", "eɪ", "m"]


def test_no_word_sounds_like_another():
    further = english_words.FURTHER
    words = (*english_words.TRAINING, *english_words.TEST, *itertools.chain(*further.values()))
    assert len(english_words.TRAINING) == 600 and len(english_words.TEST) == 76
    assert {name: len(words) for name, words in further.items()} == {f"further_{place}": 76 for place in range(1, 5)}
    assert len({tuple(espeak.phonemes(word)) for word in words}) == len(set(words)) == 600 + 5 * 76
    without_tones = str.maketrans("", "", "12345ɜ")
    sounds = {" ".join(espeak.phonemes(character, "cmn")).translate(without_tones) for character in spoken_mandarin.CHARACTERS}
    assert len(sounds) == len(set(spoken_mandarin.CHARACTERS)) == len(spoken_mandarin.CHARACTERS)
    assert set("".join(spoken_mandarin.REAL)) <= set(spoken_mandarin.CHARACTERS)


def test_words_and_voices_of_the_test_are_never_trained_on():
    groups = spoken_words.SpokenWords().groups()
    words = {split: set(chosen) for split, (chosen, _) in groups.items()}
    voices = {split: set(chosen) for split, (_, chosen) in groups.items()}
    assert {split: (len(words[split]), len(voices[split])) for split in groups} == {
        "train": (560, 15), "validation": (40, 10), "test": (76, 20), "seen": (56, 20)}
    for first, second in itertools.combinations(("train", "validation", "test"), 2):
        assert not words[first] & words[second] and not voices[first] & voices[second]
    assert words["seen"] <= words["train"] and voices["seen"] == voices["test"]
    for one, other in itertools.combinations(spoken_digits.VOICES.values(), 2):
        assert not set(one) & set(other)


def test_pairs_differ_in_their_first_sound():
    for pair in (("near", "fear"), ("name", "fame"), ("night", "fight"), ("nine", "fine"), ("nail", "fail"), ("need", "feed")):
        one, other = map(espeak.phonemes, pair)
        assert one[0] == "n" and other[0] == "f" and one[1:] == other[1:]
        assert set(pair) <= set(english_words.TEST)


def families(words: tuple[str, ...]) -> dict[tuple[str, ...], int]:
    """Return how many of the words end in the same sounds, from the first vowel on, of those endings that several share."""
    sounds = [espeak.phonemes(word) for word in words]
    first = [next(place for place, sound in enumerate(each) if set(sound) & set("aeiouæɐɑɒɔəɚɛɜɪʊʌᵻ")) for each in sounds]
    endings = Counter(tuple(each[place:]) for each, place in zip(sounds, first))
    return {ending: count for ending, count in endings.items() if count > 1}


def test_further_lists_are_of_the_make_of_the_test():
    """As many words rhyme with others of their list, in as many families, and as many are longer and rhyme with none."""
    sizes = {name: sorted(families(words).values()) for name, words in {"test": english_words.TEST, **english_words.FURTHER}.items()}
    assert all(sum(each) >= 66 and len(each) in (13, 14, 15) for each in sizes.values()), sizes
    shared = [set(families(one)) & set(families(other)) for one, other in itertools.combinations(english_words.FURTHER.values(), 2)]
    assert not any(shared) and set(english_words.FURTHER) <= set(SPLITS_ZH)


def test_half_of_the_strings_are_doubled_and_half_have_pauses_whoever_says_them():
    drawn = strings.draw(recordings.DIGITS, 240, np.random.default_rng(0))
    doubled = [any(one == other for one, other in itertools.pairwise(string.text.split())) for string in drawn]
    assert doubled == [True, False] * 120 and sum(string.has_pauses for string in drawn) == 120
    assert {len(string.text.split()) for string in drawn} == {2, 3, 4, 5}
    for count in (5, 6, 15, 20):
        said = spoken_digits.say(drawn, [f"en-us+{place}" for place in range(count)], np.random.default_rng(0))
        kinds = {(each.voice, strings.has_doubled(each.text.split()), each.gap > 0) for each in said}
        assert len(said) == 240 and len(kinds) == 4 * count


def test_every_phrase_occurs_equally_often_beside_confusable_ones():
    found = spoken_archive.sentences(320, spoken_archive.PHRASES, spoken_archive.CONFUSABLE, np.random.default_rng(0))
    padded = [f" {sentence} " for sentence in found]
    assert len(found) == 320 and [sum(f" {phrase} " in each for each in padded) for phrase in spoken_archive.PHRASES] == [10] * 8
    assert all(any(f" {phrase} " in each for each in padded) for phrase in spoken_archive.CONFUSABLE)
    assert not any("{" in each for each in found)
    groups = [{*getattr(spoken_archive, f"{kind}{name}")} for kind in ("", "FURTHER_", "VALIDATION_") for name in ("PHRASES", "CONFUSABLE")]
    assert sum(map(len, groups)) == len(set.union(*groups)) and len(groups[2]) == 16
    more = [f" {each} " for each in spoken_archive.sentences(320, spoken_archive.FURTHER_PHRASES, spoken_archive.FURTHER_CONFUSABLE, np.random.default_rng(5))]
    assert [sum(f" {phrase} " in each for each in more) for phrase in spoken_archive.FURTHER_PHRASES] == [5] * 16
    assert all(any(f" {phrase} " in each for each in more) for phrase in spoken_archive.FURTHER_CONFUSABLE)


@pytest.fixture(scope="module")
def pieces():
    said = [Utterance("white house", "en-us+m2"), Utterance("near", "en-us+f2"), Utterance("one one two", "en-us+m2", gap=20)]
    return list(synthesis.speak(said, np.random.default_rng(0)))


def test_what_is_written_is_loaded(tmp_path, pieces):
    counts = spoken.write_splits(tmp_path, {"train": iter(pieces[:1]), "test": iter(pieces)}, ("train",), show=2)
    assert counts == {"train": 1, "test": 3, "shown": 2}
    found = spoken.load(tmp_path, "test")
    assert found.texts == ["white house", "near", "one one two"] and found.voices == ["en-us+m2", "en-us+f2", "en-us+m2"]
    for piece, features, starts, ends in zip(pieces, found.features, found.starts, found.ends):
        assert features.dtype == np.float32 and starts.dtype == ends.dtype == np.int32
        assert np.abs(features - acoustics.mfcc(piece.samples)).max() < 0.01
        assert starts[0] == 0 and (starts < ends).all() and (ends[:-1] <= starts[1:]).all() and ends[-1] <= len(features)
    rate, sounds = spoken.audio(tmp_path, "shown")
    assert rate == 16_000 and [each.tolist() for each in sounds] == [pieces[0].samples.tolist(), pieces[1].samples.tolist()]
    with pytest.raises(DataError, match="keeps no sound of 'test', only of: shown, train"):
        spoken.audio(tmp_path, "test")


def test_pauses_are_silent_and_words_are_not(pieces):
    piece = pieces[2]
    energy = np.square(piece.samples[: len(piece.samples) // 160 * 160].astype(float)).reshape(-1, 160).mean(1)
    pauses = [energy[end:start] for end, start in zip(piece.ends, piece.starts[1:])]
    said = [energy[start:end] for start, end in zip(piece.starts, piece.ends)]
    assert all(len(pause) >= 6 for pause in pauses)
    assert max(pause.mean() for pause in pauses) < 0.1 * min(word.mean() for word in said)


@pytest.mark.parametrize("damage", ["short", "texts", "missing", "type"])
def test_a_damaged_split_is_one_sentence(tmp_path, pieces, damage):
    spoken.write(tmp_path, "test", pieces)
    arrays = results.read_arrays(tmp_path / "test.safetensors")
    told = results.read_json(tmp_path / "test.json")
    changed = {"short": {"frames": arrays["frames"][:-1]}, "type": {"frames": arrays["frames"][:, :5]}}.get(damage, {})
    kept = {name: array for name, array in {**arrays, **changed}.items() if damage != "missing" or name != "ends"}
    results.write_arrays(tmp_path / "test.safetensors", kept)
    results.write_json(tmp_path / "test.json", {**told, "texts": told["texts"][1:]} if damage == "texts" else told)
    with pytest.raises(DataError, match="do not add up") as raised:
        spoken.load(tmp_path, "test")
    one_sentence(raised)


@pytest.fixture
def tiny(monkeypatch):
    """Few words, few voices, few strings."""
    for module in (spoken_words, spoken_further_words, spoken_digits, spoken_archive):
        for name, count in (("TRAINING_VOICES", 2), ("VALIDATION_VOICES", 4), ("QUERY_VOICES", 2), ("ARCHIVE_VOICES", 2)):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, getattr(module, name)[:count])
    monkeypatch.setattr(english_words, "TRAINING", english_words.TRAINING[::60])
    monkeypatch.setattr(english_words, "TEST", english_words.TEST[:3])
    monkeypatch.setattr(english_words, "FURTHER", {"further_1": ("bet", "get"), "further_2": ("boy", "toy", "town")})
    for module in (spoken_digits, spoken_mandarin):
        monkeypatch.setattr(module, "VOICES", {split: voices[:2] for split, voices in spoken_digits.VOICES.items()})
        monkeypatch.setattr(module, "COUNTS", {"train": 8, "validation": 8, "test": 24})
    monkeypatch.setattr(spoken_mandarin, "REAL", ("好棒", "好棒棒"))
    monkeypatch.setattr(spoken_archive, "SENTENCES", 8)
    monkeypatch.setattr(spoken_archive, "VALIDATION_SENTENCES", 8)


def test_a_set_is_frozen_the_same_each_time(tmp_path, tiny):
    for copy in ("a", "b"):
        (tmp_path / copy).mkdir()
        DATA_SETS["spoken_words"]().build("packaged", tmp_path / copy)
    assert results.folder_hash(tmp_path / "a") == results.folder_hash(tmp_path / "b")


@pytest.mark.parametrize("name", NAMES)
def test_sets_hold_what_their_cards_say(tmp_path, tiny, name):
    (tmp_path / "a").mkdir()
    card = DATA_SETS[name]().build("packaged", tmp_path / "a")
    assert "synthetic" in card["title"].lower() and "合成" in card["title_zh"] and card["highest_frequency"] == 8000
    assert all(card[key] and card[f"{key}_zh"] for key in ("title", "origin", "licence", "flaws"))
    assert len(card["flaws"]) == len(card["flaws_zh"])
    for split, count in card["splits"].items():
        assert len(spoken.load(tmp_path / "a", split).texts) == count
    if name == "spoken_archive":
        roles = spoken.voices(tmp_path / "a")
        third = roles.pop("third")
        assert set(third["query"]) <= set(roles["test"]["query"]) and third["archive"] == roles["second"]["archive"]
        heard = [set(group) for sides in roles.values() for group in sides.values()]
        assert sum(map(len, heard)) == len(set.union(*heard))  # nobody is in two of them
    if name == "spoken_further_words":
        roles = {"query": ["en-us+m2", "en-us+m5"], "archive": ["en-us+aunty", "en-us+david"]}  # those of the test
        assert spoken.voices(tmp_path / "a") == {"further_1": roles, "further_2": roles} and card["words"] == {"further_1": 2, "further_2": 3}
        second = spoken.load(tmp_path / "a", "further_2")
        assert list(zip(second.voices, second.texts)) == list(itertools.product(roles["query"] + roles["archive"], ("boy", "toy", "town")))
        assert spoken.phonemes(tmp_path / "a")["boy"] == ["b", "ɔɪ"] and card["splits"] == {"further_1": 8, "further_2": 12}
        return
    sound = {"spoken_words": "test", "spoken_archive": "queries"}.get(name, "shown")
    assert len(spoken.audio(tmp_path / "a", sound)[1]) == card["splits"][sound]
    if name == "spoken_words":
        assert spoken.phonemes(tmp_path / "a")["near"] == ["n", "ɪɹ"]
        assert spoken.voices(tmp_path / "a")["test"] == {"query": ["en-us+m2", "en-us+m5"], "archive": ["en-us+aunty", "en-us+david"]}


@pytest.mark.parametrize("name", NAMES)
def test_a_share_is_spoken_by_fewer_voices_and_lacks_no_kind_of_piece(name):
    def pretended(folder, utterances, generator, **_):
        spoken_by.append(utterances)
        return {split: len(each) for split, each in utterances.items()}

    whole, part, spoken_by = data.make(name, {}), data.make(name, {"share": 0.2}), []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(synthesis, "write_splits", pretended)
        patch.setattr(results, "write_json", lambda *_: None)
        patch.setattr(espeak, "phonemes", lambda *_: [])
        for data_set in (whole, part):
            data_set.synthesise(Path("nowhere"))
    known = {utterance.voice for every in spoken_by[0].values() for utterance in every}
    for split, every in spoken_by[0].items():
        few, most = spoken_by[1][split], max(2, 0.2 * len({utterance.voice for utterance in every}) + 1)
        voices = {utterance.voice for utterance in few}
        assert voices <= known and (1 if "validation" in split else 2) <= len(voices) <= most
        assert len(few) <= 0.4 * len(every)
        if name in ("spoken_words", "spoken_further_words") or split.startswith("queries"):
            assert {utterance.text for utterance in few} == {utterance.text for utterance in every}
    if name == "spoken_archive":
        for split, phrases in (("sentences", "PHRASES"), ("sentences_second", "PHRASES"), ("sentences_third", "FURTHER_PHRASES")):
            assert all(spoken_archive.occurrences(getattr(spoken_archive, phrases), spoken_by[1][split]).values())


@pytest.mark.parametrize(("sets", "sentence"), [
    ({"spoken_wordz": {}}, "data.sets.spoken_wordz is no data set; did you mean 'spoken_words'?"),
    ({"spoken_words": {"shares": 1}}, "data.sets.spoken_words.shares is not a setting; did you mean 'share'?"),
    ({"slots": {"share": 0.5}}, "data.sets.slots.share is not a setting; known are none."),
    ({"spoken_words": {"share": 0}}, "data.sets.spoken_words: share is 0, but must lie above 0 and not above 1."),
    ({"spoken_words": {"share": "all"}}, "data.sets.spoken_words.share must be a number, but is 'all'.")])
def test_what_a_set_does_not_know_is_one_sentence(sets, sentence):
    with pytest.raises(SettingsError) as raised:
        data.check(sets)
    assert str(raised.value) == sentence


def recorded(tmp_path: Path, monkeypatch, each: int = 12) -> None:
    """Put an archive of tones, one for each digit, into a mirror."""
    monkeypatch.setattr(recordings, "EACH", each)
    content = {}
    for digit, speaker, index in itertools.product(range(10), recordings.SPEAKERS, range(each)):
        samples = 0.3 * np.sin(np.arange(1200 + 8 * index) * (digit + 3) / 20)
        content[f"recordings/{digit}_{speaker}_{index}.wav"] = _wav(samples)
    monkeypatch.setattr(recordings, "RECORDED_DIGITS_SHA256", results.bytes_hash(b"".join(content[name] for name in sorted(content))))
    with tarfile.open(tmp_path / "free-spoken-digit-dataset-1.0.10.tar.gz", "w:gz") as archive:
        for name, data in content.items():
            entry = tarfile.TarInfo(f"free-spoken-digit-dataset-1.0.10/{name}")
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    monkeypatch.setenv("UNROLLED_MIRROR", str(tmp_path))


def _wav(samples: np.ndarray) -> bytes:
    data = (samples * 32767).astype("<i2").tobytes()
    size = len(data).to_bytes(4, "little")
    return (b"RIFF" + (36 + len(data)).to_bytes(4, "little") + b"WAVEfmt \x10\0\0\0\x01\0\x01\0" + (8000).to_bytes(4, "little")
            + (16000).to_bytes(4, "little") + b"\x02\0\x10\0data" + size + data)


def test_recorded_words_keep_two_people_for_the_test(tmp_path, monkeypatch):
    recorded(tmp_path, monkeypatch)
    (tmp_path / "out").mkdir()
    card = spoken_words.SpokenWords().build("official", tmp_path / "out")
    assert card["splits"] == {"train": 10 * 4 * 2, "validation": 10 * 4 * 5, "test": 10 * 2 * 12, "seen": 10 * 4 * 5}
    assert card["highest_frequency"] == spoken.highest_frequency(tmp_path / "out") == 4000
    train, test = (spoken.load(tmp_path / "out", split) for split in ("train", "test"))
    assert set(test.voices) == {"theo", "jackson"} and not set(train.voices) & set(test.voices)
    assert spoken.voices(tmp_path / "out")["test"] == {"query": ["theo"], "archive": ["jackson"]}
    assert len(test.features[0]) == 2 * 1200 // 160 + 1  # 8 kHz became 16


def test_other_people_can_be_kept_for_the_test(tmp_path, monkeypatch):
    recorded(tmp_path, monkeypatch)
    (tmp_path / "out").mkdir()
    spoken_words.SpokenWords(held_out=["george", "nicolas"]).build("official", tmp_path / "out")
    train, test = (spoken.load(tmp_path / "out", split) for split in ("train", "test"))
    assert set(test.voices) == {"george", "nicolas"} and set(train.voices) == {"jackson", "lucas", "theo", "yweweler"}
    assert spoken.voices(tmp_path / "out")["test"] == {"query": ["george"], "archive": ["nicolas"]}
    assert data.make("spoken_words", {"held_out": ["lucas", "theo"]}).held_out == {"query": "lucas", "archive": "theo"}  # as params.yaml gives it
    for wrong in (["george"], ["george", "george"], ["george", "nobody"]):
        with pytest.raises(ValueError, match="must be two of george, jackson, lucas"):
            spoken_words.SpokenWords(held_out=wrong)


def test_recorded_strings_follow_the_rule_of_the_data_set(tmp_path, monkeypatch, tiny):
    recorded(tmp_path, monkeypatch)
    (tmp_path / "out").mkdir()
    card = spoken_digits.SpokenDigits().build("official", tmp_path / "out")
    assert card["splits"] == {"train": 8, "validation": 8, "test": 24, "shown": 20}
    parts = recordings.by_rule(recordings.read())
    assert {each.index for each in parts["test"]} == set(range(5)) and {each.index for each in parts["train"]} == {10, 11}
    shown, (rate, sounds) = spoken.load(tmp_path / "out", "shown"), spoken.audio(tmp_path / "out", "shown")
    for text, samples, starts, ends in zip(shown.texts, sounds, shown.starts, shown.ends):
        for word, start, end in zip(text.split(), starts, ends):
            part = samples[160 * start + 160 : 160 * end - 160].astype(float)
            loudest = np.abs(np.fft.rfft(part, 16384)).argmax() * rate / 16384  # Hz, by which the made-up digits are told apart
            assert loudest == pytest.approx((recordings.DIGITS.index(word) + 3) / 20 * 8000 / (2 * np.pi), abs=15)


def test_other_recordings_are_refused(tmp_path, monkeypatch):
    recorded(tmp_path, monkeypatch)
    monkeypatch.setattr(recordings, "RECORDED_DIGITS_SHA256", "0" * 64)
    with pytest.raises(DataError, match="where 0000000000000000") as raised:
        recordings.read()
    one_sentence(raised)
    path = tmp_path / "free-spoken-digit-dataset-1.0.10.tar.gz"
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(DataError, match="is damaged") as raised:
        recordings.read()
    one_sentence(raised)

