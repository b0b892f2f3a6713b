"""Unrolled: a lecture on recurrent neural networks, put to the test claim by claim."""

import os

from unrolled.processor import matrix_kernels

# To be said before the libraries that read them are loaded.
os.environ.setdefault("MKL_CBWR", matrix_kernels())
for _threads in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")  # stages and workers share the cores; sums then do not depend on how many there are either
