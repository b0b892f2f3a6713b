"""Unrolled: a lecture on recurrent neural networks, put to the test claim by claim."""

import os

from unrolled.processor import matrix_kernels

os.environ.setdefault("MKL_CBWR", matrix_kernels())  # must be said before the first matrix product
