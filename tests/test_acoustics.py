"""Sound and features: WAV files of every kind and fault, MFCCs against a computation by hand, blocks against the whole."""

from __future__ import annotations

import io
import struct
import tracemalloc
import wave

import numpy as np
import pytest
import scipy.fft
import scipy.signal

from unrolled.data import acoustics, wav
from unrolled.data.archives import DataError

pytestmark = pytest.mark.unit
RATE = acoustics.RATE


def tone(seconds=0.5, rate=RATE, pitch=300.0, level=0.5):
    return level * np.sin(2 * np.pi * pitch * np.arange(int(seconds * rate)) / rate)


def encode(samples, rate=RATE, width=2):
    """Return a WAV file of (samples,) or (samples, channels) from -1 to 1, packed by `struct` alone."""
    samples = np.asarray(samples, float)
    top = 2 ** (8 * width - 1)
    whole = [max(-top, min(top - 1, round(value * top))) for value in samples.ravel()]
    if width == 1:
        content = bytes(value + 128 for value in whole)
    else:
        content = b"".join(struct.pack("<i", value << (32 - 8 * width))[4 - width :] for value in whole)
    stream = io.BytesIO()
    with wave.open(stream, "wb") as written:
        written.setparams((1 if samples.ndim == 1 else samples.shape[1], width, rate, 0, "NONE", ""))
        written.writeframes(content)
    return stream.getvalue()


def noise(seconds, seed=0, level=0.1):
    return (level * np.random.default_rng(seed).standard_normal(int(seconds * RATE))).astype(np.float32)


def test_what_lies_outside_of_full_scale_is_clipped():
    assert acoustics.as_int16(np.array([1.5, 1.0, -1.0, -1.5, 0.5])).tolist() == [32767, 32767, -32768, -32768, 16384]


@pytest.mark.parametrize(("level", "width"), [(-1.0, 2), (1 - 2.0**-23, 3), (1 - 2.0**-23, 4)])
def test_full_scale_is_full_scale_on_either_side_and_of_24_bits_in_32(level, width):
    samples = tone()
    wav.read(encode(samples, width=width))
    samples[: len(samples) // 5] = level
    with pytest.raises(DataError, match="is clipped: 20% of its samples"):
        wav.read(encode(samples, width=width))


@pytest.mark.parametrize(("width", "error"), [(1, 2**-7), (2, 2**-15), (3, 2**-15), (4, 2**-15)])
def test_all_widths_are_read(width, error):
    assert np.abs(wav.read(encode(tone(), width=width)) / 32768 - tone()).max() <= error


def test_channels_are_averaged():
    both = wav.read(encode(np.stack([tone(), tone(pitch=500)], 1)))
    assert np.abs(both / 32768 - (tone() + tone(pitch=500)) / 2).max() <= 2**-14


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 44100, 48000])
def test_all_rates_become_one(rate):
    found = wav.read(encode(tone(1, rate), rate)) / 32768
    assert len(found) == RATE
    inner = slice(400, -400)  # the filter rings where the sound begins and ends
    assert np.abs(found[inner] - tone(1)[inner]).max() < 0.01


def test_an_odd_rate_costs_no_more():
    assert len(wav.read(encode(tone(1, 44_101), 44_101))) == pytest.approx(RATE, abs=2)


def test_what_lasts_too_long_is_not_read(monkeypatch):
    monkeypatch.setattr(wav, "_blocks", None)
    with pytest.raises(DataError, match=r"a\.wav lasts 5 s, longer than 3 s; cut it"):
        wav.read(encode(tone(5)), "a.wav", longest=3.0)


def test_blocks_cannot_be_told_from_the_whole(monkeypatch):
    samples = scipy.signal.resample_poly(noise(2.3), 441, 160)  # 2.3 s at 44.1 kHz
    content = encode(samples, 44_100)
    whole = wav.read(content)
    monkeypatch.setattr(wav, "SECONDS", 1)
    cut = wav.read(content)
    assert len(cut) == len(whole) and np.abs(cut.astype(int) - whole).max() <= 1


def test_a_long_recording_is_read_in_bounded_memory(tmp_path):
    path = tmp_path / "long.wav"
    with wave.open(str(path), "wb") as written:
        written.setparams((2, 2, 44_100, 0, "NONE", ""))
        second = (32767 * np.repeat(tone(1, 44_100), 2)).astype("<i2").tobytes()
        for _ in range(120):
            written.writeframes(second)
    tracemalloc.start()
    found = wav.read(path)
    highest = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(found) == 120 * RATE
    assert highest < 2.5 * found.nbytes + 20e6  # 21 MB are in the file, 42 MB would be its floats; torch's own memory is not traced


@pytest.mark.parametrize(("content", "reason"), [
    (encode([]), "is empty"), (encode(np.zeros(RATE)), "is silent"), (encode(np.zeros(RATE), width=1), "is silent"),
    (encode(np.clip(9 * tone(), -1, 1)), "is clipped"), (encode(np.clip(9 * tone(), -1, 1), width=1), "is clipped"),
    (encode(tone())[:-1000], "is truncated"), (b"", "is not a WAV file"), (b"RIFF1234", "is not a WAV file"),
    (b"ID3" + bytes(200), "is not a WAV file"), (encode(tone()).replace(b"fmt \x10\0\0\0\x01", b"fmt \x10\0\0\0\x03"), "is not a WAV file"),
    (encode(tone(rate=1000, pitch=50), 1000), "too few for speech"),
])
def test_a_bad_recording_is_one_sentence(content, reason):
    with pytest.raises(DataError) as raised:
        wav.read(content, "my.wav")
    message = str(raised.value)
    assert reason in message and message.startswith("my.wav ") and "\n" not in message and len(message) < 250 and "()" not in message


def test_a_little_clipping_is_no_fault():
    assert len(wav.read(encode(np.clip(0.501 * tone(level=2.0), -1, 1)))) == RATE // 2


def test_what_is_written_is_read():
    samples = acoustics.as_int16(noise(0.1))
    assert wav.write(samples) == encode(samples / 32768) and (wav.read(wav.write(samples)) == samples).all()


def test_a_missing_file_is_one_sentence(tmp_path):
    with pytest.raises(DataError, match="is not there"):
        wav.read(tmp_path / "no.wav")


def test_mfcc_by_hand():
    """Reflected ends, Hann windows, power spectrum, triangles on the HTK mel scale, logarithm, orthonormal cosine transform."""
    samples = noise(0.3)
    padded = np.pad(samples.astype(float), 256, mode="reflect")
    window = np.zeros(512)
    window[56:456] = scipy.signal.get_window("hann", 400)
    frames = np.stack([padded[160 * place : 160 * place + 512] * window for place in range(len(samples) // 160 + 1)])
    power = np.abs(np.fft.rfft(frames)) ** 2
    mels = np.linspace(2595 * np.log10(1 + 60 / 700), 2595 * np.log10(1 + 4000 / 700), 26)
    edges = 700 * (10 ** (mels / 2595) - 1)
    hertz = np.fft.rfftfreq(512, 1 / RATE)
    triangles = [np.clip(np.minimum((hertz - low) / (middle - low), (high - hertz) / (high - middle)), 0, None)
                 for low, middle, high in zip(edges, edges[1:], edges[2:])]
    expected = scipy.fft.dct(np.log(power @ np.transpose(triangles) + 1e-6), norm="ortho")[:, :13]
    found = acoustics.mfcc(samples, highest=4000.0)
    assert found.shape == expected.shape == (31, 13) and found.dtype == np.float32
    assert np.abs(found - expected).max() < 2e-3


@pytest.mark.parametrize("length", [9 * RATE // 10, RATE, RATE + 1, RATE + 159, 10 * RATE // 10 + 161, 2 * RATE + 320, 2 * RATE + 479])
def test_features_of_blocks_are_those_of_the_whole(monkeypatch, length):
    samples = noise(3)[:length]
    whole = acoustics.mfcc(samples)
    assert len(whole) == length // 160 + 1
    monkeypatch.setattr(acoustics, "BLOCK", 50)
    assert np.abs(acoustics.mfcc(samples) - whole).max() < 1e-3


def test_int16_and_floats_have_the_same_features():
    samples = acoustics.as_int16(noise(0.2))
    assert (acoustics.mfcc(samples) == acoustics.mfcc(samples / np.float32(32768))).all()
    with pytest.raises(DataError, match="too short"):
        acoustics.mfcc(samples[:256])


def test_deltas_by_hand():
    features = np.random.default_rng(0).standard_normal((9, 13)).astype(np.float32)
    around = np.pad(features, ((2, 2), (0, 0)), mode="edge")
    slopes = (2 * (around[4:] - around[:-4]) + around[3:-1] - around[1:-3]) / 10
    assert np.allclose(acoustics.deltas(features), np.concatenate([features, slopes], 1), atol=1e-6)


def test_normalisation_by_utterance_and_by_voice():
    generator = np.random.default_rng(0)
    features = [generator.normal(place, 1 + place, (20 + place, 3)).astype(np.float32) for place in range(4)]
    voices = ["a", "b", "a", "b"]
    for each in acoustics.normalise(features, voices):
        assert np.allclose(each.mean(0), 0, atol=1e-5) and np.allclose(each.std(0), 1, atol=1e-4)
    by_voice = acoustics.normalise(features, voices, "voice")
    assert [each.dtype for each in by_voice] == [np.float32] * 4
    for voice in "ab":
        together = np.concatenate([each for each, who in zip(by_voice, voices) if who == voice])
        assert np.allclose(together.mean(0), 0, atol=1e-5) and np.allclose(together.std(0), 1, atol=1e-4)
    assert abs(by_voice[0].mean()) > 0.1  # an utterance keeps what sets it apart from its voice
    assert np.isfinite(acoustics.normalise([np.ones((5, 3), np.float32)], ["a"])[0]).all()
    with pytest.raises(DataError, match="neither"):
        acoustics.normalise(features, voices, "speaker")


def test_silence_at_both_ends_is_cut():
    samples = np.concatenate([np.zeros(1600), tone(0.2), 1e-4 * tone(0.1)])
    assert acoustics.speech_span(samples) == (1600 - 160, 1600 + 3200 + 160)
    assert acoustics.speech_span(np.zeros(700)) == (0, 700)


def test_words_end_where_the_pause_begins():
    hush = np.zeros(1600)
    samples = np.concatenate([tone(0.3), hush, tone(0.2), hush, tone(0.2), hush])  # words in frames 0-30, 40-60, 70-90
    starts, ends = acoustics.word_spans(samples, [0, 42, 70], has_pauses=True)  # the second is said to begin a little late
    assert starts.tolist() == [0, 40, 70] and ends.tolist() == [30, 60, 90]
    starts, ends = acoustics.word_spans(samples, [0, 42, 70], has_pauses=False)
    assert starts.tolist() == [0, 42, 70] and ends.tolist() == [42, 70, 90]


@pytest.mark.parametrize(("said", "found"), [(45, 40), (46, 46)])
def test_a_pause_is_looked_for_no_more_than_50_ms_before_a_word_is_said_to_begin(said, found):
    samples = np.concatenate([tone(0.3), np.zeros(1600), tone(0.5)])
    starts, ends = acoustics.word_spans(samples, [0, said], has_pauses=True)
    assert starts.tolist() == [0, found] and ends.tolist() == [30 if found == 40 else said, 90]


def test_noise_is_so_many_decibels_below():
    clean = tone(5).astype(np.float32)
    added = acoustics.add_noise(clean, 20.0, np.random.default_rng(0)) - clean
    assert added.dtype == np.float32
    assert 20 * np.log10(clean.std() / added.std()) == pytest.approx(20, abs=0.1)
