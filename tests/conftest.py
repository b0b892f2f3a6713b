"""Shared by all tests: one thread, and folders of their own."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch

from unrolled import settings

ROOT = Path(__file__).resolve().parent.parent
torch.set_num_threads(1)
torch.set_flush_denormal(True)


@pytest.fixture
def params() -> dict:
    """params.yaml as a tree, to be changed at will."""
    return copy.deepcopy(settings.read_yaml(ROOT / "params.yaml"))


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory; results.py's paths are relative to it."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
