"""The gradient by lag of every cell, to be switched on and off, at initialisation and after training, beside theory (E1)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np

from unrolled.analyses.base import Piece
from unrolled.analyses.lags import fit
from unrolled.analyses.rounding import short

SHOWN = ("lstm_1", "tanh", "gru", "orthogonal")  # switched on at first; they come first, so that their colours differ most
NAMES = {  # as the page has them; what is not named here is called by its name in params.yaml
    "orthogonal": ("tanh, orthogonal start", "tanh，正交初始化"), "relu": ("ReLU", "ReLU"), "jordan": ("Jordan", "Jordan"),
    "irnn": ("ReLU, identity start", "ReLU，单位矩阵初始化"), "tanh_untied": ("tanh, a new matrix each step", "tanh，每步换新矩阵"),
    "lstm_0": ("LSTM, bias 0", "LSTM，偏置 0"), "lstm_1": ("LSTM, bias 1", "LSTM，偏置 1"), "lstm_3": ("LSTM, bias 3", "LSTM，偏置 3"),
    "lstm_5": ("LSTM, bias 5", "LSTM，偏置 5"), "lstm_no_forget_gate": ("LSTM, no forget gate", "LSTM，无遗忘门"),
    "leaking": ("LSTM, leaking memory", "LSTM，记忆泄漏"), "overwriting": ("LSTM, overwritten memory", "LSTM，记忆覆盖"),
    "coupled": ("LSTM, coupled gates", "LSTM，门耦合"), "peephole": ("LSTM, peepholes", "LSTM，窥视孔"), "gru": ("GRU", "GRU"),
    "clockwork": ("clockwork", "Clockwork RNN"), "scrn": ("SCRN", "SCRN"),
}


class Flow(Protocol):
    """Gradient norms (members, lags) of one kind of network, and the factor per step that theory expects (members,)."""

    norms: np.ndarray
    expected: np.ndarray | None


def piece(initial: Mapping[str, Flow], trained: Mapping[str, Flow], task: str, first_lag: Callable[[Flow], int]) -> Piece:
    """Pack median and range of the norms, each curve starting at 1.

    Args:
        initial: by name, as initialised.
        trained: after training on `task`, by the same names where the kind of network is the same.
        task: the section's name.
        first_lag: the lag from which the factor of a flow is fitted.
    """
    names = sorted(dict.fromkeys([*initial, *trained]), key=lambda name: SHOWN.index(name) if name in SHOWN else len(SHOWN))
    sets = {"initial": initial, "trained": trained}
    data = {"cells": {name: dict(zip(("en", "zh"), NAMES.get(name, (name, name)), strict=True)) for name in names},
            "sets": {which: {name: _line(flow, first_lag(flow)) for name, flow in flows.items()} for which, flows in sets.items()},
            "shown": [name for name in SHOWN if name in names], "task": task}
    return Piece("gradient_flow", data, ["E1", "E3", "D9"], "Compare cells: the gradient on its way back.",
                 "比较各种单元：梯度往回传时的大小。",
                 "Norm of the gradient of the last output for the state so many steps before, lag 0 = 1, in float64; median over seeds, "
                 "shade: their range. Theory: recurrent gain times slope for a plain network, mean share a gate keeps for a gated one.",
                 "最后一步输出对若干步之前状态的梯度范数，间隔 0 处取 1，float64 计算；线为各种子的中位数，阴影为范围。"
                 "理论值：普通网络为循环增益乘以斜率，门控单元为门的平均保留率。")


def _line(flow: Flow, first: int) -> dict[str, Any]:
    """Return one curve: logarithms to base 10 of its median, lowest and highest seed by lag, and its factors per step."""
    logarithms = np.log10(flow.norms / flow.norms[:, :1])
    low, middle, high = np.quantile(logarithms, [0, 0.5, 1], axis=0).round(3)
    return {"low": short(low), "median": short(middle), "high": short(high), "seeds": len(flow.norms),
            "factor": short(float(np.median(fit(flow.norms, first).factor))), "first": first,
            "expected": None if flow.expected is None else short(float(np.median(flow.expected)))}
