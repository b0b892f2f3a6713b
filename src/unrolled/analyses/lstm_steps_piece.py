"""The lecture's LSTM example, to be stepped through: what every gate sums, how far it opens, what is written, kept and read (C2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from unrolled.analyses.base import Piece
from unrolled.analyses.rounding import short
from unrolled.cells.lstm import LSTM

PARTS = ("input", "forget", "output", "candidate")  # the order along the cell's width


@torch.no_grad()
def steps(cell: LSTM, inputs: Sequence[Sequence[float]]) -> list[dict[str, Any]]:
    """Run a cell of one unit without recurrent weights, and return what is seen of it at each step, in float64.

    Args:
        cell: of one member and one unit, with linear g and h, whose gates see the inputs only.
        inputs: (time, features).
    """
    state, found = type(cell.initial_state(1))(*(part.double() for part in cell.initial_state(1))), []
    for given in inputs:
        projected = cell.project(torch.tensor([[given]], dtype=torch.float64))
        sums = projected.flatten()
        gates = torch.sigmoid(sums[:3])
        before = state.memory.item()
        output, state = cell.step(projected, state)
        found.append({"inputs": list(given), "sums": sums.tolist(), "gates": gates.tolist(), "before": before,
                      "written": (gates[0] * sums[3]).item(), "kept": gates[1].item() * before,
                      "memory": state.memory.item(), "output": output.item()})
    return found


def piece(cell: LSTM, inputs: Sequence[Sequence[float]]) -> Piece:
    """Step the lecture's cell through the lecture's inputs."""
    found = steps(cell, inputs)
    data = {"parts": list(PARTS), "weights": cell.input_weight[0].t().tolist(), "biases": cell.bias.flatten().tolist(),
            "steps": [{name: short(value, 7) for name, value in step.items()} for step in found]}
    apart = max(abs(step[name] - round(step[name])) for step in found for name in ("memory", "output"))
    return Piece("lstm_steps", data, ["C2"], "Step through the cell.", "一步一步看这个单元怎样运作。",
                 "Choose a step, or use the buttons or the arrow keys. A gate whose bar lies along the line lets it pass; its sum and the "
                 f"sigmoid of it stand beside. A sigmoid is never quite 0 or 1, so memory and output are up to {apart:.1g} away from the "
                 "whole numbers of the slide.",
                 "点选某一步，或用按钮、方向键前后移动。横杆顺着线路的门放行，横在线上的门拦住；旁边是各门的加权和与 sigmoid 值。"
                 f"sigmoid 不会恰好等于 0 或 1，所以记忆与输出跟幻灯片上的整数最多相差 {apart:.1g}。")
