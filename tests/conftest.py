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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs a GPU where there is none."""
    for item in items:
        if item.get_closest_marker("gpu") and not torch.cuda.is_available():
            item.add_marker(pytest.mark.skip(reason="torch finds no CUDA device"))
