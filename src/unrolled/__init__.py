"""Unrolled: a lecture on recurrent neural networks, put to the test claim by claim."""
