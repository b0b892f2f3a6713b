"""Every cell in JAX: `lax.scan` over time, `vmap` over members, `jit` around it all.

The functions take one network's weights by name, without member axis, and inputs (batch, time, features), as those of naive.py do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

Weights = Mapping[str, Any]


def scanned(step: Callable, start: Any, inputs: Any) -> Any:
    """Run a step (state, input of one time) -> (state, output) over the time axis of (batch, time, size)."""
    _, outputs = lax.scan(step, start, jnp.swapaxes(inputs, 0, 1))
    return jnp.swapaxes(outputs, 0, 1)


def projected(weights: Weights, inputs: Any) -> Any:
    """Return the inputs' share of every sum at once."""
    return inputs @ weights["input_weight"] + weights["bias"]


def zeros(weights: Weights, inputs: Any) -> Any:
    """Return the first hidden value (batch, hidden)."""
    return jnp.zeros((inputs.shape[0], weights["recurrent_weight"].shape[0]))


def feed_forward(weights: Weights, inputs: Any) -> Any:
    """Answer each input on its own."""
    return jnp.tanh(projected(weights, inputs))


def elman(weights: Weights, inputs: Any) -> Any:
    """Elman's network."""

    def step(hidden: Any, given: Any) -> tuple[Any, Any]:
        hidden = jnp.tanh(given + hidden @ weights["recurrent_weight"])
        return hidden, hidden

    return scanned(step, zeros(weights, inputs), projected(weights, inputs))


def jordan(weights: Weights, inputs: Any) -> Any:
    """Jordan's network, fed its own answers."""

    def step(fed: Any, given: Any) -> tuple[Any, Any]:
        output = jnp.tanh(given + fed @ weights["recurrent_weight"]) @ weights["output_weight"] + weights["output_bias"]
        return jax.nn.softmax(output), output

    return scanned(step, zeros(weights, inputs), projected(weights, inputs))


def lstm(weights: Weights, inputs: Any) -> Any:
    """LSTM with a forget gate."""

    def step(state: Any, given: Any) -> tuple[Any, Any]:
        memory, hidden = state
        opening, keeping, reading, new = jnp.split(given + hidden @ weights["recurrent_weight"], 4, -1)
        memory = jax.nn.sigmoid(keeping) * memory + jax.nn.sigmoid(opening) * jnp.tanh(new)
        hidden = jax.nn.sigmoid(reading) * jnp.tanh(memory)
        return (memory, hidden), hidden

    start = zeros(weights, inputs)
    return scanned(step, (start, start), projected(weights, inputs))


def peephole_lstm(weights: Weights, inputs: Any) -> Any:
    """LSTM whose gates see the memory."""
    to_opening, to_keeping, to_reading = weights["peephole_weight"]

    def step(state: Any, given: Any) -> tuple[Any, Any]:
        memory, hidden = state
        opening, keeping, reading, new = jnp.split(given + hidden @ weights["recurrent_weight"], 4, -1)
        opening, keeping = jax.nn.sigmoid(opening + to_opening * memory), jax.nn.sigmoid(keeping + to_keeping * memory)
        memory = keeping * memory + opening * jnp.tanh(new)
        hidden = jax.nn.sigmoid(reading + to_reading * memory) * jnp.tanh(memory)
        return (memory, hidden), hidden

    start = zeros(weights, inputs)
    return scanned(step, (start, start), projected(weights, inputs))


def gru(weights: Weights, inputs: Any) -> Any:
    """GRU whose reset gate acts after the product."""

    def step(hidden: Any, given: Any) -> tuple[Any, Any]:
        from_input, from_hidden = jnp.split(given, 3, -1), jnp.split(hidden @ weights["recurrent_weight"], 3, -1)
        reset, update = jax.nn.sigmoid(from_input[0] + from_hidden[0]), jax.nn.sigmoid(from_input[1] + from_hidden[1])
        new = jnp.tanh(from_input[2] + reset * (from_hidden[2] + weights["candidate_bias"]))
        hidden = (1 - update) * new + update * hidden
        return hidden, hidden

    return scanned(step, zeros(weights, inputs), projected(weights, inputs))


def clockwork(weights: Weights, inputs: Any, groups: int = 8) -> Any:
    """Clockwork RNN."""
    size = weights["recurrent_weight"].shape[-1]
    group = jnp.arange(size) * groups // size
    recurrent_weight = weights["recurrent_weight"] * (group[:, None] >= group[None])

    def step(state: Any, given: Any) -> tuple[Any, Any]:
        hidden, time = state
        hidden = jnp.where(time % 2**group == 0, jnp.tanh(given + hidden @ recurrent_weight), hidden)
        return (hidden, time + 1), hidden

    return scanned(step, (zeros(weights, inputs), 0), projected(weights, inputs))


def scrn(weights: Weights, inputs: Any, decay: float = 0.95) -> Any:
    """Structurally constrained network."""

    def step(state: Any, given: Any) -> tuple[Any, Any]:
        hidden, context = state
        direct, slow = given
        context = (1 - decay) * slow + decay * context
        hidden = jax.nn.sigmoid(context @ weights["context_weight"] + direct + hidden @ weights["recurrent_weight"])
        return (hidden, context), jnp.concatenate([hidden, context], -1)

    context = jnp.zeros((inputs.shape[0], weights["context_weight"].shape[0]))
    given = (jnp.swapaxes(projected(weights, inputs), 0, 1), jnp.swapaxes(inputs @ weights["context_input_weight"], 0, 1))
    _, outputs = lax.scan(step, (zeros(weights, inputs), context), given)
    return jnp.swapaxes(outputs, 0, 1)


CELLS: dict[str, Callable[[Weights, Any], Any]] = {
    "feed_forward": feed_forward, "elman": elman, "jordan": jordan, "lstm": lstm, "gru": gru, "clockwork": clockwork, "scrn": scrn,
    "lstm, peepholes": peephole_lstm,
}


def prepared(name: str, weights: Mapping[str, np.ndarray], inputs: np.ndarray
             ) -> tuple[Callable[[], np.ndarray], Callable[[], dict[str, np.ndarray]]]:
    """Compile a cell for all members at once.

    Args:
        name: of the cell.
        weights: by name: (members, ...).
        inputs: (members, batch, time, features).

    Returns:
        A function that returns the outputs (members, batch, time, size), and one that returns the gradients of their sum.
    """
    own, given = {key: jnp.asarray(value) for key, value in weights.items()}, jnp.asarray(inputs)
    outputs = jax.jit(jax.vmap(CELLS[name]))
    gradients = jax.jit(jax.grad(lambda own, given: jax.vmap(CELLS[name])(own, given).sum()))
    return (lambda: np.asarray(outputs(own, given)),
            lambda: {key: np.asarray(value) for key, value in jax.block_until_ready(gradients(own, given)).items()})
