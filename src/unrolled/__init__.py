"""Unrolled: a lecture on recurrent neural networks, put to the test claim by claim."""

import os

# MKL's fastest kernels sum in an order that depends on where in memory a matrix begins, so a member would not get the same bits
# alone as in company. This asks for kernels that do not; it must be said before the first matrix product.
os.environ.setdefault("MKL_CBWR", "AVX2,STRICT")
