"""Which kernels a processor gets, and that keeping memory does not fail."""

from __future__ import annotations

import pytest

from unrolled import processor

pytestmark = pytest.mark.unit
NEW = "processor\t: 0\nvendor_id\t: GenuineIntel\nflags\t\t: fpu avx2 avx512f avx512dq avx512bw avx512vl\n\nprocessor\t: 1\n"


@pytest.mark.parametrize(("description", "kernels"), [
    (NEW, "AVX512,STRICT"), (NEW.replace("GenuineIntel", "AuthenticAMD"), "AVX2,STRICT"), (NEW.replace("avx512vl", ""), "AVX2,STRICT"),
    ("", "AVX2,STRICT"), ("Processor: ARM", "AVX2,STRICT")])
def test_kernels_are_those_the_library_knows_for_the_processor(description, kernels):
    assert processor.matrix_kernels(description) == kernels


@pytest.mark.parametrize("platform", ["linux", "darwin"])
def test_memory_is_kept_where_that_can_be_asked_for(monkeypatch, platform):
    asked = []
    monkeypatch.setattr(processor.sys, "platform", platform)
    monkeypatch.setattr(processor.ctypes, "CDLL", lambda name: type("Library", (), {"mallopt": staticmethod(lambda *pair: asked.append(pair))}))
    processor.keep_memory()
    assert len(asked) == (3 if platform == "linux" else 0)


def test_another_c_library_is_no_error(monkeypatch):
    monkeypatch.setattr(processor.ctypes, "CDLL", lambda name: object())
    processor.keep_memory()
