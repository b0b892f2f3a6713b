"""How a process uses the processor: which matrix kernels, one thread, no denormals, memory kept for the next update."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from pathlib import Path

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD = -1, -2, -3  # of glibc's malloc.h
LARGEST = 2**31 - 1
PAD = 64 * 2**20
AVX512 = {"avx512f", "avx512dq", "avx512bw", "avx512vl"}


def matrix_kernels(description: str | None = None) -> str:
    """Return the setting of MKL_CBWR: kernels whose sums do not depend on where in memory a matrix begins.

    MKL's fastest kernels do, so a member would not get the same bits alone as in company. Of the two strict sets the older one, for
    every processor since 2013, computes a tanh five times slower; the newer is taken where MKL knows the processor.

    Args:
        description: text of /proc/cpuinfo; read where not given, and taken as empty where there is none.
    """
    if description is None:
        path = Path("/proc/cpuinfo")
        description = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
    lines = dict(line.split(":", 1) for line in description.split("\n\n")[0].splitlines() if ":" in line)
    facts = {name.strip(): value.strip() for name, value in lines.items()}
    is_new = facts.get("vendor_id") == "GenuineIntel" and set(facts.get("flags", "").split()) >= AVX512
    return "AVX512,STRICT" if is_new else "AVX2,STRICT"


def prepare() -> None:
    """Make this process fit to train small networks: to be called once, by whatever computes."""
    import torch  # here: the choice of kernels must be made before torch's first product

    torch.set_num_threads(1)
    torch.set_flush_denormal(True)  # a product of denormals is up to 190 times slower
    keep_memory()


def keep_memory() -> None:
    """Ask the allocator to keep what is freed: by default every array above some hundred kB is given back to the system and its pages
    are faulted in anew at the next update, which takes up to a third of an LSTM's time. Does nothing where there is no glibc.
    """
    mallopt = _of_glibc("mallopt")
    if mallopt:
        for parameter, value in ((M_MMAP_THRESHOLD, LARGEST // 2), (M_TRIM_THRESHOLD, LARGEST), (M_TOP_PAD, PAD)):
            mallopt(parameter, value)


def give_memory_back() -> None:
    """Return kept memory to the system, between jobs: a worker that seems to grow would be replaced by a fresh one."""
    trim = _of_glibc("malloc_trim")
    if trim:
        trim(0)


def _of_glibc(name: str) -> Callable[..., int] | None:
    """Return a function of the GNU C library, or None on another system."""
    if sys.platform != "linux":
        return None
    try:
        return getattr(ctypes.CDLL(None), name, None)
    except OSError:
        return None
