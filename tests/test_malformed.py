"""Whatever stands in a file or a question: a correct answer, or one clear sentence; never a traceback, a hang, or memory without bound.

`make test` tries the same few hundred inputs each time; UNROLLED_EXAMPLES=5000 tries as many new ones of each kind.
"""

from __future__ import annotations

import copy
import io
import os
import resource
import tarfile
import wave
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from conftest import ROOT
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from unrolled import analyses, asking, catalogue, results, store, tuned
from unrolled import settings as unrolled_settings
from unrolled.data import archives, wav
from unrolled.judging import claims
from unrolled.results import UserError

pytestmark = pytest.mark.unit

EXAMPLES = int(os.environ.get("UNROLLED_EXAMPLES", "0"))
SECONDS = 10
GIBIBYTES = 2


def many(count: int) -> settings:
    """How often a property is tried: by default a fixed choice of `count` inputs."""
    return settings(max_examples=EXAMPLES or count, derandomize=not EXAMPLES, database=None, deadline=1000 * SECONDS,
                    suppress_health_check=list(HealthCheck))


def answers(call, *arguments: Any) -> Any:
    """Return what a call answers, or None if it complains; the complaint is one line that ends like a sentence and is not endless."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        return call(*arguments)
    except UserError as error:
        text = str(error)
        assert text.strip() and "\n" not in text and len(text) < 3000, text
        assert text.rstrip("'\"").endswith((".", "?", "sh")) or "did you mean" in text, text
        return None
    finally:
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < GIBIBYTES * 2**20  # kB


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_subnormal=False) | st.text(max_size=20) | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8) | st.integers(), inner, max_size=3), max_leaves=6)


def places(tree: Any, above: tuple = ()) -> list[tuple]:
    """Return the path of every value below a mapping or list."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return [path for key, value in items for path in ((*above, key), *places(value, (*above, key)))]


def changed(tree: Any, path: tuple, how: str, value: Any) -> Any:
    """Return a copy in which the value at a path is another one, is gone, or has gained a neighbour."""
    found = copy.deepcopy(tree)
    holder = found
    for key in path[:-1]:
        holder = holder[key]
    if how == "delete":
        del holder[path[-1]]
    elif how == "add" and isinstance(holder, dict):
        holder[str(value)[:10]] = value
    else:
        holder[path[-1]] = value
    return found


PARAMS = unrolled_settings.read_yaml(ROOT / "params.yaml")
CLAIMS = unrolled_settings.read_yaml(ROOT / "claims.yaml")
CHANGES = st.sampled_from(["replace", "delete", "add"])


def checked(tree: Any) -> None:
    """Check settings as the pipeline does before anything runs."""
    chosen = unrolled_settings.parse(tree)
    catalogue.check(chosen)
    analyses.check(chosen)


@many(80)
@given(st.sampled_from(places(PARAMS)), CHANGES, anything)
def test_any_change_of_params(path, how, value):
    answers(checked, changed(PARAMS, path, how, value))


@many(100)
@given(st.sampled_from(places(CLAIMS)), CHANGES, anything)
def test_any_change_of_a_claim(tmp_path_factory, path, how, value):
    file = tmp_path_factory.getbasetemp() / "claims.yaml"
    claim = {path[0]: CLAIMS[path[0]]}  # one alone, since all are many to read
    file.write_text(yaml.safe_dump(changed(claim, path, how, value), allow_unicode=True), encoding="utf-8")
    answers(claims.load, file)


@many(60)
@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass"))
       | st.text("[]{}:,-?&*!|>'\"%@`#\n\t a1", max_size=60).map(str.encode))
def test_any_bytes_as_a_settings_file(tmp_path_factory, content):
    file = tmp_path_factory.getbasetemp() / "any.yaml"
    file.write_bytes(content)
    for read in (unrolled_settings.load, claims.load, tuned.load, results.read_json, results.read_result, results.read_csv,
                 results.read_arrays):
        answers(read, file)


@pytest.mark.parametrize(("line", "complaint"), [("[1, 2]: 3", "unhashable key"), ("{a: 1}: 3", "unhashable key"), ("since: 2024-13-45", "month must be in 1..12")])
def test_a_list_as_a_key_and_a_date_that_is_none_are_one_sentence(tmp_path, line, complaint):
    file = tmp_path / "params.yaml"
    file.write_text(f"scale: laptop\ntasks:\n  {line}\n", encoding="utf-8")
    with pytest.raises(unrolled_settings.SettingsError, match=f"params.yaml is not readable YAML: .*{complaint}.*; mend that line") as raised:
        unrolled_settings.load(file)
    assert "\n" not in str(raised.value)


def spoilt(content: bytes, cut: float, flips: list[tuple[float, int]]) -> bytes:
    """Return a file cut short, some of whose bytes are others."""
    found = bytearray(content[: round(cut * len(content))])
    for where, value in flips:
        if found:
            found[min(int(where * len(found)), len(found) - 1)] = value
    return bytes(found)


SHARES = st.integers(0, 1000).map(lambda thousandths: thousandths / 1000)
SPOILS = (st.just(1.0) | SHARES, st.lists(st.tuples(SHARES | SHARES.map(lambda share: share / 50), st.integers(0, 255)), max_size=6))


def recording(width: int = 2, channels: int = 1, rate: int = 16000) -> bytes:
    """Return a WAV file of a tenth of a second."""
    stream = io.BytesIO()
    with wave.open(stream, "wb") as opened:
        opened.setnchannels(channels)
        opened.setsampwidth(width)
        opened.setframerate(rate)
        opened.writeframes(np.random.default_rng(0).integers(0, 200, rate // 10 * channels * width, np.uint8).tobytes())
    return stream.getvalue()


@many(150)
@given(st.sampled_from([1, 2, 3, 4]), st.sampled_from([1, 2, 6]), st.sampled_from([8000, 16000, 44100]), *SPOILS)
def test_any_recording(width, channels, rate, cut, flips):
    samples = answers(wav.read, spoilt(recording(width, channels, rate), cut, flips), "a.wav")
    assert samples is None or (samples.dtype == np.int16 and samples.ndim == 1)


def packed(kind: str) -> bytes:
    """Return an archive of two members."""
    stream = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as opened:
            opened.writestr("a.txt", b"abc" * 100)
            opened.writestr("b.txt", b"b")
    else:
        with tarfile.open(fileobj=stream, mode=f"w:{kind}") as opened:
            for name, content in (("a.txt", b"abc" * 100), ("b.txt", b"b")):
                entry = tarfile.TarInfo(name)
                entry.size = len(content)
                opened.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


@many(120)
@given(st.sampled_from(["zip", "gz", "bz2", ""]), *SPOILS)
def test_any_archive(tmp_path_factory, kind, cut, flips):
    folder = tmp_path_factory.getbasetemp() / "archive"
    folder.mkdir(exist_ok=True)
    (folder / "x.archive").write_bytes(spoilt(packed(kind), cut, flips))
    found = answers(archives.read_members, folder / "x.archive", ["a.txt"])
    assert found is None or isinstance(found["a.txt"], bytes)
    assert [path.name for path in folder.iterdir()] == ["x.archive"]  # nothing was unpacked


@many(80)
@given(*SPOILS)
def test_any_damage_of_a_finished_member_is_seen(tmp_path_factory, cut, flips):
    home = Path.cwd()
    os.chdir(tmp_path_factory.mktemp("member"))
    try:
        store.save("key", {"seed": 0}, [{"step": 1, "loss": 0.5}], {"right": np.ones(3)}, {"weight": np.ones((2, 2), np.float32)})
        for path in sorted(store.folder("key").iterdir()):
            content, before = path.read_bytes(), told(path)
            path.write_bytes(spoilt(content, cut, flips))
            if told(path) != before:
                assert store.load("key") is None, path.name
            path.write_bytes(content)
        assert store.load("key") is not None
    finally:
        os.chdir(home)


def told(path: Path) -> Any:
    """Return what a file of a finished member says: JSON as it is read, None if it is none; of others every byte counts."""
    return answers(results.read_json, path) if path.suffix == ".json" else path.read_bytes()


def test_any_change_of_what_a_finished_member_says_is_seen(workplace):
    """Also one that leaves good JSON."""
    store.save("key", {"seed": 0, "metrics": {"accuracy": 0.5}, "diverged": None}, [{"step": 1}], {"right": np.ones(3)}, {"weight": np.ones(2)})
    path = store.folder("key") / "member.json"
    whole = results.read_json(path)
    assert {place[-1] for place in places(whole)} >= {"seed", "accuracy", "diverged", "weights.safetensors", "own_hash"}
    for place in places(whole):
        for how in ("replace", "delete", "add"):
            results.write_json(path, changed(whole, place, how, "other"))
            assert store.load("key") is None, (place, how)
    results.write_json(path, whole)
    assert store.load("key") is not None


@many(60)
@given(st.lists(st.dictionaries(st.sampled_from(["seed", "learning_rate", "step", "loss", "x"]), st.text(max_size=6), max_size=5), max_size=4))
def test_any_training_curve(tmp_path_factory, rows):
    file = tmp_path_factory.getbasetemp() / "history.csv"
    results.write_csv(file, rows)
    assert answers(results.read_csv, file) is not None


@many(120)
@given(st.text(max_size=300) | st.binary(max_size=100).map(lambda raw: raw.decode("utf-8", "surrogateescape"))
       | st.sampled_from(["😀 👩‍👩‍👧", "שלום עולם", "مرحبا بالعالم", "é", "​", "a" * 10_000_000, "a " * 5_000_000, "\x00", "$(rm -rf /)", "; ls"]))
def test_any_question(text):
    words = answers(asking.checked_words, text, "SENTENCE")
    assert words is None or (words == text.split() and all(words))
