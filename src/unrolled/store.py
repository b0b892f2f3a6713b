"""Finished members, kept by key under .runs/ so that none is trained twice.

A member's folder appears whole or not at all, and carries the hash of each of its files: one that is damaged is thrown away and
trained again.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from unrolled import results
from unrolled.results import UserError


def folder(key: str) -> Path:
    """Return the folder of a finished member."""
    return results.RUNS / key


def save(key: str, record: Mapping[str, Any], history: list[dict[str, Any]], items: Mapping[str, np.ndarray],
         weights: Mapping[str, np.ndarray]) -> None:
    """Write a finished member: its record (scores, divergence, seconds), history, counts and weights."""
    target = folder(key)
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".part-{os.getpid()}-"))
    try:
        results.write_csv(partial / "history.csv", history)
        results.write_arrays(partial / "items.safetensors", items)
        results.write_arrays(partial / "weights.safetensors", weights)
        hashes = {path.name: results.file_hash(path) for path in sorted(partial.iterdir())}
        body = {"format": results.FORMAT, **record, "hashes": hashes}
        results.write_json(partial / "member.json", {**body, "own_hash": _own_hash(body)})
        _put_in_place(partial, key)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _put_in_place(partial: Path, key: str) -> None:
    """Rename a written folder to its final name.

    Where another process has put the same member there in the meantime, that one stands: it holds the same bits, and may be being read.
    """
    for _ in range(2):
        try:
            os.replace(partial, folder(key))
            return
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            if load(key) is not None:
                return
            shutil.rmtree(folder(key), ignore_errors=True)  # damaged


def load(key: str) -> dict[str, Any] | None:
    """Return a finished member's record with "history", "items" and "weights", or None if it is missing or damaged."""
    place = folder(key)
    try:
        record = results.read_result(place / "member.json")
        body = {name: value for name, value in record.items() if name != "own_hash"}
        if record["own_hash"] != _own_hash(body):
            return None
        if any(results.file_hash(place / name) != digest for name, digest in record["hashes"].items()):
            return None
        return {**record, "history": results.read_csv(place / "history.csv"),
                "items": results.read_arrays(place / "items.safetensors"),
                "weights": results.read_arrays(place / "weights.safetensors")}
    except (UserError, OSError, KeyError, TypeError):
        return None


def _own_hash(body: Mapping[str, Any]) -> str:
    return results.bytes_hash(json.dumps(body, sort_keys=True).encode())


def clear_leftovers() -> None:
    """Remove half-written folders that killed processes left behind; those of living ones are being written."""
    for leftover in results.RUNS.glob(".part-*"):
        writer = leftover.name.split("-")[1]
        if not (writer.isdecimal() and psutil.pid_exists(int(writer))):
            shutil.rmtree(leftover, ignore_errors=True)
