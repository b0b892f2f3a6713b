"""Sound: WAV files of all kinds and all faults, features against a computation by hand, memory of long files."""

from __future__ import annotations

import struct
import wave
from pathlib import Path

import numpy as np
import pytest
import scipy.fft
import torch

from unrolled.data import acoustics
from unrolled.data.archives import DataError

pytestmark = pytest.mark.unit
RATE = acoustics.RATE


def tone(seconds: float = 0.5, rate: int = RATE, pitch: float = 440.0, loud: float = 0.5) -> np.ndarray:
    return (loud * np.sin(2 * np.pi * pitch * np.arange(int(seconds * rate)) / rate)).astype(np.float32)


def write(path: Path, samples: np.ndarray, rate: int = RATE, width: int = 2, channels: int = 1) -> Path:
    """Write samples within -1 and 1, the same on every channel."""
    whole = np.round(samples.astype(float) * (2 ** (8 * width - 1) - 1)).astype(np.int64)
    if width == 1:
        content = (whole + 128).astype(np.uint8).repeat(channels).tobytes()
    else:
        content = b"".join(int(value).to_bytes(width, "little", signed=True) * channels for value in whole)
    with wave.open(str(path), "wb") as opened:
        opened.setnchannels(channels)
        opened.setsampwidth(width)
        opened.setframerate(rate)
        opened.writeframes(content)
    return path


@pytest.mark.parametrize(("width", "channels", "tolerance"), [(1, 1, 0.01), (2, 1, 1e-4), (2, 2, 1e-4), (3, 1, 1e-6), (4, 2, 1e-6)])
def test_every_width_and_number_of_channels_is_read(tmp_path: Path, width: int, channels: int, tolerance: float) -> None:
    samples, rate = acoustics.read_wav(write(tmp_path / "a.wav", tone(), width=width, channels=channels))
    assert rate == RATE and samples.dtype == np.float32
    assert np.abs(samples - tone()).max() < tolerance


def test_other_rates_are_brought_to_one(tmp_path: Path) -> None:
    samples, rate = acoustics.read_wav(write(tmp_path / "a.wav", tone(rate=44_100), rate=44_100))
    found = acoustics.resample(samples, rate)
    assert len(found) == len(tone()) and np.abs(found - tone())[400:-400].max() < 0.01


def test_channels_are_averaged(tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "a.wav"), "wb") as opened:
        opened.setnchannels(2)
        opened.setsampwidth(2)
        opened.setframerate(8000)
        opened.writeframes(struct.pack("<4h", 8192, 16384, -16384, 0))
    samples, _ = acoustics.read_wav(tmp_path / "a.wav")
    assert samples.tolist() == [0.375, -0.25]


def damaged(tmp_path: Path, kind: str) -> Path:
    path = tmp_path / f"{kind}.wav"
    if kind == "missing":
        return path
    samples = {"empty": tone(0), "silent": tone(loud=0), "clipped": np.sign(tone())}.get(kind, tone())
    write(path, samples)
    content = path.read_bytes()
    if kind == "truncated":
        path.write_bytes(content[: len(content) // 2])
    if kind == "header":
        path.write_bytes(content[:20])
    if kind == "text":
        path.write_text("this is no sound at all, and long enough for a header of a file")
    if kind == "float":
        path.write_bytes(content[:20] + struct.pack("<H", 3) + content[22:])
    return path


@pytest.mark.parametrize(("kind", "word"), [
    ("missing", "missing"), ("empty", "empty"), ("silent", "silent"), ("clipped", "clipped"), ("truncated", "cut short"),
    ("header", "not a WAV"), ("text", "not a WAV"), ("float", "not a WAV")])
def test_a_bad_file_gets_one_sentence(tmp_path: Path, kind: str, word: str) -> None:
    with pytest.raises(DataError) as error:
        acoustics.read_wav(damaged(tmp_path, kind))
    assert word in str(error.value) and str(error.value).count("\n") == 0 and f"{kind}.wav" in str(error.value)


def test_no_more_is_read_of_a_file_than_may_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.wav", tone(3))
    read, blocks = [], acoustics.wav_blocks
    monkeypatch.setattr(acoustics, "wav_blocks", lambda path: (read.append(1) or block for block in blocks(path, 1)))
    with pytest.raises(DataError, match=r"more than 1\.5 seconds"):
        acoustics.read_wav(path, 1.5)
    assert len(read) == 2


def test_a_long_file_is_read_and_transformed_in_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Features of a file cut into blocks are those of the whole, and no block is longer than allowed."""
    samples = np.random.default_rng(0).standard_normal(RATE * 5).astype(np.float32) * 0.1
    whole = acoustics.mfcc(samples)
    monkeypatch.setattr(acoustics, "BLOCK_SECONDS", 1)
    cut = acoustics.mfcc(samples)
    assert whole.shape == cut.shape == (501, 13)
    inner = [frame for frame in range(501)]
    assert np.abs(whole - cut)[inner].max() < 1e-2
    path = write(tmp_path / "a.wav", samples)
    assert [len(block) for block, _ in acoustics.wav_blocks(path, 2)] == [2 * RATE, 2 * RATE, RATE]


def test_coefficients_are_those_of_the_textbook() -> None:
    """Frame, window, power spectrum, triangular mel bands, logarithm, cosine transform, each by hand."""
    samples = np.random.default_rng(1).standard_normal(RATE // 4).astype(np.float32)
    found = acoustics.mfcc(samples)
    size, window, hop = 512, 400, 160
    padded = np.pad(samples.astype(float), size // 2, mode="reflect")
    shape = np.zeros(size)
    shape[(size - window) // 2 : (size + window) // 2] = np.hanning(window + 1)[:-1]
    mel = lambda hertz: 2595 * np.log10(1 + hertz / 700)  # noqa: E731
    hertz = lambda mels: 700 * (10 ** (mels / 2595) - 1)  # noqa: E731
    edges = hertz(np.linspace(mel(60), mel(RATE / 2), 26))
    bins = np.linspace(0, RATE / 2, size // 2 + 1)
    bands = np.stack([np.clip(np.minimum((bins - low) / (middle - low), (high - bins) / (high - middle)), 0, None)
                      for low, middle, high in zip(edges[:-2], edges[1:-1], edges[2:])])
    for frame in (3, 11):
        power = np.abs(np.fft.rfft(padded[frame * hop : frame * hop + size] * shape)) ** 2
        expected = scipy.fft.dct(np.log(bands @ power + 1e-6), norm="ortho")[:13]
        assert np.abs(found[frame] - expected).max() < 2e-3


def test_slopes_and_normalisation_by_hand() -> None:
    features = np.arange(14, dtype=np.float32).reshape(7, 2) ** 1.5
    both = acoustics.deltas(features)
    middle = (2 * (features[5] - features[1]) + features[4] - features[2]) / 10
    assert both.shape == (7, 4) and np.allclose(both[3, 2:], middle)
    one, two = acoustics.normalise([features, features + 5], ["a", "a"])
    assert np.allclose(one, two, atol=1e-5) and np.allclose(one.mean(0), 0, atol=1e-6) and np.allclose(one.std(0), 1, atol=1e-3)
    one, two, other = acoustics.normalise([features, features + 5, features * 3], ["a", "a", "b"], by="voice")
    assert np.allclose(two - one, 5 / np.concatenate([features, features + 5]).std(0), atol=1e-2)
    assert np.allclose(other.mean(0), 0, atol=1e-6)
    with pytest.raises(ValueError, match="'length'"):
        acoustics.normalise([features], ["a"], by="length")


def test_silence_at_the_ends_is_trimmed() -> None:
    sound = np.concatenate([np.zeros(3200, np.float32), tone(0.3), np.zeros(8000, np.float32)])
    assert 0.3 <= len(acoustics.trim(sound, RATE)) / RATE <= 0.33


def test_noise_is_as_loud_as_said() -> None:
    added = acoustics.noisy(tone(2), 20, np.random.default_rng(0)) - tone(2)
    assert tone(2).std() / added.std() == pytest.approx(10, rel=0.02)


def test_sound_that_is_written_is_read_back(tmp_path: Path) -> None:
    samples = (tone() * 32000).astype(np.int16)
    (tmp_path / "a.wav").write_bytes(acoustics.write_wav(samples, RATE))
    found, rate = acoustics.read_wav(tmp_path / "a.wav")
    assert rate == RATE and (np.round(found * acoustics.FULL_SCALE) == samples).all()


def test_less_than_a_frame_is_refused() -> None:
    with pytest.raises(DataError, match="less than a frame"):
        acoustics.mfcc(tone(0.01))
    assert torch.is_tensor(torch.from_numpy(acoustics.mfcc(tone(0.03))))
