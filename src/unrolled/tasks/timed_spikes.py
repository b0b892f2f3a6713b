"""Timed spikes (in the manner of Gers, Schraudolph & Schmidhuber 2002, "Learning Precise Timing with LSTM Recurrent Networks").

One input a step: 0, but 1 at two steps, a delay apart. The network must fire exactly one same delay after the second spike; what
it says until then does not count, and its answer is the step at which its output is largest.

    spikes 0 1 0 1 0 0 0 0 0   -> 0 0 0 0 0 1 0 0 0 (delay 2: at steps 1, 3 and 5)
    spikes 1 0 0 0 1 0 0 0 0   -> 0 0 0 0 0 0 0 0 1 (delay 4: at steps 0, 4 and 8)
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from unrolled.batches import Batch, Sizes
from unrolled.cells.base import ROWS
from unrolled.tasks.base import GeneratedTask, Items


class TimedSpikes(GeneratedTask):
    """The timed spikes task.

    Args:
        folder: not read.
        length: number of steps, more than twice the longest delay.
        least_delay: shortest delay, in steps.
        most_delay: longest delay; all from shortest to longest are equally likely.
        solved_above: accuracy above which a member counts as having solved it.

    Notes:
        The first spike's step is drawn from the same range whatever the delay, so that it does not tell of the delay.
    """

    headline = "accuracy"
    higher_is_better = True

    def __init__(self, folder: Path, *, length: int = 40, least_delay: int = 5, most_delay: int = 12, solved_above: float = 0.9) -> None:
        super().__init__(folder)
        if not 1 <= least_delay <= most_delay:
            raise ValueError(f"least_delay must lie between 1 and most_delay {most_delay}, but is {least_delay}.")
        if length <= 2 * most_delay:
            raise ValueError(f"length must be more than twice most_delay {most_delay}, or the answer does not fit, but is {length}.")
        self.length, self.least_delay, self.most_delay, self.solved_above = length, least_delay, most_delay, solved_above
        self.starts = length - 2 * most_delay  # steps at which the first spike may stand: 0 to starts - 1
        self.sizes = Sizes(features=1, outputs=1, read="each", classes=False)

    @property
    def chance(self) -> dict[str, float]:
        """The same outputs for every input, chosen as well as can be.

        Since an answer only counts after the second spike, such outputs still answer more than one step: the largest one after
        each second spike. The steps that are ever answered follow one another, each answered for the second spikes from the step
        before it up to itself; so the best up to a step is the best up to some step before it and what lies between the two.
        """
        asked = np.zeros((self.length, self.length), dtype=np.int64)  # how often: (second spike, target)
        for delay in range(self.least_delay, self.most_delay + 1):
            for first in range(self.starts):
                asked[first + delay, first + 2 * delay] += 1
        right = [0]  # by last step that is answered
        for step in range(1, self.length):
            right.append(max(right[before] + int(asked[before:step, step].sum()) for before in range(step)))
        accuracy = max(right) / int(asked.sum())
        return {"accuracy": accuracy, "success": float(accuracy > self.solved_above)}

    def sample(self, size: int, generator: torch.Generator) -> Batch:
        """Draw sequences: inputs and targets (1, size, time, 1), and as extra the second spike's step (1, size)."""
        delay = torch.randint(self.least_delay, self.most_delay + 1, (size, 1), generator=generator)
        first = torch.randint(0, self.starts, (size, 1), generator=generator)
        second = first + delay
        silence = torch.zeros(size, self.length)
        spikes = silence.scatter(1, first, 1.0).scatter(1, second, 1.0)
        targets = silence.scatter(1, second + delay, 1.0)
        return Batch(spikes[None, ..., None], targets[None, ..., None], extra=second.T)

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Return the mean binary cross-entropy of each member, in nats.

        One step in `length` is a spike, so that never firing would be a good answer and the first that is learned; spikes
        therefore weigh `length - 1` times as much as silent steps: both kinds count the same in all.
        """
        logits, targets = outputs.flatten(1), batch.targets.expand_as(outputs).flatten(1)  # (members, batch * time)
        losses = torch.nn.functional.binary_cross_entropy_with_logits(
            _whole_vectors(logits), _whole_vectors(targets), pos_weight=logits.new_tensor(self.length - 1), reduction="none")
        return losses[:, : logits.shape[1]].mean(1)

    def items(self, outputs: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Return 1 for each sequence whose largest output after the second spike lies on the target, and how far off it lies."""
        counts = torch.arange(self.length, device=outputs.device) > batch.extra.unsqueeze(-1)  # (1, batch, time)
        answers = torch.where(counts, outputs.squeeze(-1), -torch.inf).argmax(-1)  # (members, batch)
        steps_off = (answers - batch.targets.squeeze(-1).argmax(-1)).abs()
        return {"right": (steps_off == 0).to(torch.uint8), "steps_off": steps_off.to(torch.int16)}

    def metrics(self, items: Items) -> dict[str, Tensor]:
        """Return the accuracy, and whether it lies above `solved_above`."""
        accuracy = items["right"].double().mean(1)
        return {"accuracy": accuracy, "success": (accuracy > self.solved_above).double()}


def _whole_vectors(values: Tensor) -> Tensor:
    """Fill the last axis up to a multiple of `ROWS`.

    The library computes the logarithms of an array's last few elements by other code than the rest, and which elements are last
    must not depend on how many members there are.
    """
    return torch.nn.functional.pad(values, (0, -values.shape[-1] % ROWS))
