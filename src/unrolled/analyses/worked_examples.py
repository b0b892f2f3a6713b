"""The lecture's worked pictures, computed through our own cells: A1, A2, A4 and D1 here, C1 to C4 in lstm_examples."""

from __future__ import annotations

import dataclasses
import math

import torch
from torch import Tensor

from unrolled import drawing as figures
from unrolled.analyses import lstm_examples, trained
from unrolled.analyses.base import AnalysisResult, Picture, compare
from unrolled.analyses.errata import ERRATA
from unrolled.analyses.weights import generators, set_weights
from unrolled.batches import Batch
from unrolled.cells.base import linear, unroll
from unrolled.cells.elman import Elman
from unrolled.models.reader import Reader
from unrolled.settings import Settings

SENTENCES = (("arrive", "taipei", "on", "november", "2nd"), ("leave", "taipei", "on", "november", "2nd"))


@dataclasses.dataclass(frozen=True)
class Options:
    """What is trained and what is compared.

    Attributes:
        tagger: the run whose trained members read the lecture's two sentences.
        seeds_that_may_miss: as a share, how many of its members may give Taipei the same label in both.
    """

    tagger: str = "templates/elman"
    seeds_that_may_miss: float = 0.1


def analyse(options: Options, settings: Settings) -> AnalysisResult:
    """Compute every worked example, and hold it against the lecture's numbers."""
    result = AnalysisResult(errata=list(ERRATA))
    for part in (all_ones, another_order, shared_weight, lstm_examples.gates, lstm_examples.lstm_example, lstm_examples.parameter_counts,
                 lstm_examples.scalar_cells, three_gradients):
        result.add(part())
    result.add(two_contexts(options, settings))
    return result


def run_all_ones(inputs: list[list[float]]) -> tuple[Tensor, Tensor]:
    """Return stored values and outputs, (time, 2) each, of the lecture's linear network with all weights 1."""
    cell = set_weights(Elman(2, 2, generators(), activation="linear"), input_weight=1.0, recurrent_weight=1.0, bias=0.0)
    with torch.no_grad():
        stored = unroll(cell, torch.tensor([[inputs]], dtype=torch.float64)).outputs
        outputs = linear(stored[:, 0], torch.ones(1, 2, 2, dtype=torch.float64))
    return stored[0, 0], outputs[0]


def all_ones() -> AnalysisResult:
    """A1: the lecture's sequence."""
    stored, outputs = run_all_ones([[1, 1], [1, 1], [2, 2]])
    return AnalysisResult([
        compare("A1", "stored values", [[2, 2], [6, 6], [16, 16]], stored),
        compare("A1", "outputs", [[4, 4], [12, 12], [32, 32]], outputs)])


def another_order() -> AnalysisResult:
    """A2: the same inputs, the last one first."""
    _, outputs = run_all_ones([[2, 2], [1, 1], [1, 1]])
    _, before = run_all_ones([[1, 1], [1, 1], [2, 2]])
    return AnalysisResult([
        compare("A2", "outputs of the worked example in another order", [[8, 8], [20, 20], [44, 44]], outputs),
        compare("A2", "outputs to (2,2) when it comes last and first", [[32, 32], [8, 8]], [before[2].tolist(), outputs[0].tolist()]),
        compare("A2", "outputs to (1,1) at the first and at the second step differ", True, bool((before[0] != before[1]).all()))])


def shared_weight() -> AnalysisResult:
    """A4: unrolling adds no parameters, and the shared weight's gradient is the sum over untied copies."""
    cell = Elman(3, 4, generators()).double()
    draw = torch.Generator().manual_seed(0)
    counts, inputs = [], torch.randn(1, 2, 12, 3, generator=draw, dtype=torch.float64)
    for length in (1, 10, 100):
        unroll(cell, inputs[:, :, :1].expand(-1, -1, length, -1))
        counts.append(sum(parameter.numel() for parameter in cell.parameters()))
    shared, = torch.autograd.grad(unroll(cell, inputs).outputs.square().sum(), [cell.recurrent_weight])
    copies = [cell.recurrent_weight.detach().clone().requires_grad_() for _ in range(inputs.shape[2])]
    hidden, loss = torch.zeros(1, 2, 4, dtype=torch.float64), 0.0
    for step, copy in enumerate(copies):
        hidden = torch.tanh(inputs[:, :, step] @ cell.input_weight + hidden @ copy + cell.bias)
        loss = loss + hidden.square().sum()
    untied = torch.autograd.grad(loss, copies)
    return AnalysisResult([
        compare("A4", "parameters at lengths 1, 10 and 100", [3 * 4 + 4 * 4 + 4] * 3, counts),
        compare("A4", "gradient of the shared weight = sum over 12 untied copies", torch.stack(untied).sum(0), shared, 1e-12),
        compare("A4", "each step's copy but the first, which reads zeros, adds a gradient of its own", [False] + [True] * 11,
                [bool((part != 0).any()) for part in untied])])


def three_gradients() -> AnalysisResult:
    """D1: BPTT written by hand, automatic differentiation and central differences, on an Elman network."""
    cell = Elman(2, 3, generators()).double()
    draw = torch.Generator().manual_seed(2)
    inputs = torch.randn(1, 4, 8, 2, generator=draw, dtype=torch.float64)
    targets = torch.randn(1, 4, 8, 3, generator=draw, dtype=torch.float64)

    def loss() -> Tensor:
        return (unroll(cell, inputs).outputs - targets).square().sum() / 2

    names = ("input_weight", "recurrent_weight", "bias")
    parameters = dict(cell.named_parameters())
    automatic = torch.autograd.grad(loss(), [parameters[name] for name in names])
    by_hand = backpropagation_through_time(cell, inputs[0], targets[0])
    result = AnalysisResult()
    for name, found, hand in zip(names, automatic, by_hand, strict=True):
        result.checks += [compare("D1", f"BPTT by hand = automatic differentiation, {name}", found[0], hand, 1e-12),
                          compare("D1", f"central differences = automatic differentiation, {name}",
                                  found, _central_differences(loss, parameters[name]), 1e-7)]
    return result


@torch.no_grad()
def backpropagation_through_time(cell: Elman, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the gradient of half the squared error for input weight, recurrent weight and bias (Werbos 1990).

    Args:
        cell: a tanh Elman network of one member.
        inputs: (batch, time, features).
        targets: (batch, time, hidden).
    """
    input_weight, recurrent_weight, bias = cell.input_weight[0], cell.recurrent_weight[0], cell.bias[0]
    hidden = [torch.zeros(len(inputs), cell.hidden, dtype=inputs.dtype)]
    for step in inputs.unbind(1):
        hidden.append(torch.tanh(step @ input_weight + hidden[-1] @ recurrent_weight + bias))
    gradients = [torch.zeros_like(weight) for weight in (input_weight, recurrent_weight, bias)]
    later = torch.zeros_like(hidden[0])  # error that comes back from the step after
    for time in reversed(range(inputs.shape[1])):
        error = (hidden[time + 1] - targets[:, time] + later) * (1 - hidden[time + 1].square())
        gradients[0] += inputs[:, time].t() @ error
        gradients[1] += hidden[time].t() @ error
        gradients[2] += error.sum(0, keepdim=True)
        later = error @ recurrent_weight.t()
    return tuple(gradients)


@torch.no_grad()
def _central_differences(loss: callable, parameter: Tensor, step: float = 1e-6) -> Tensor:
    """Return the gradient of a loss for one parameter, value by value."""
    found, flat = torch.empty_like(parameter), parameter.view(-1)
    for place in range(flat.numel()):
        before, around = flat[place].item(), []
        for shift in (step, -step):
            flat[place] = before + shift
            around.append(loss().item())
        flat[place] = before
        found.view(-1)[place] = (around[0] - around[1]) / (2 * step)
    return found


def two_contexts(options: Options, settings: Settings) -> AnalysisResult:
    """A2: trained taggers read the lecture's sentence with "arrive" and with "leave"; Taipei never occurred in training."""
    model, task = _tagger(options, settings)
    words = torch.tensor([[task.encode_words(list(sentence)) for sentence in SENTENCES]])  # (1, sentences, time)
    with torch.no_grad():
        scores = model(Batch(words, words))  # (members, sentences, time, labels)
        hidden = unroll(model.forward_cells[0], model.embed(words, None)).outputs
    labels = scores.argmax(-1)
    names = [[[task.labels[index] for index in sentence] for sentence in member] for member in labels.tolist()]
    differing = sum(member[0][1] != member[1][1] for member in names)
    right = sum((member[0][1], member[1][1]) == ("B-destination", "B-departure") for member in names)
    members = len(names)
    return AnalysisResult([
        compare("A2", "trained members whose scores for Taipei differ after arrive and leave", members,
                int((scores[:, 0, 1] != scores[:, 1, 1]).any(-1).sum()), run=options.tagger),
        compare("A2", "trained members that label Taipei otherwise after arrive and leave", members, differing,
                math.floor(options.seeds_that_may_miss * members), options.tagger)],
        values={"members_right_about_taipei": right, "members": members},
        figures={"two_contexts": _picture(hidden[0], names[0])})


def _tagger(options: Options, settings: Settings) -> tuple[Reader, object]:
    """Return the trained model and its task."""
    found = trained.load(options.tagger, settings, "analyses.worked_examples.tagger", "templates")
    return found.model, found.task


@figures.styled
def _picture(hidden: Tensor, names: list[list[str]]) -> Picture:
    """Draw the hidden layer (sentences, time, hidden) of one member over both sentences, with its labels."""
    figure, axes = figures.panels(2, width=7.2, height=3.2, sharey=True)
    for panel, values, words, labels in zip(axes, hidden, SENTENCES, names, strict=True):
        image = panel.imshow(values.t().numpy(), cmap=figures.DIVERGING, vmin=-1, vmax=1, aspect="auto")
        panel.set_xticks(range(len(words)), [f"{word}\n{label.replace('_', chr(10))}" for word, label in zip(words, labels, strict=True)],
                         fontsize=6.5)
    axes[0].set_ylabel("hidden unit")
    figure.colorbar(image, ax=list(axes), label="value")
    return Picture(figure, ["A2"], "The same word after another one.", "同一个词，前面的词不同。",
                   "Hidden layer of one Elman tagger trained on template sentences (the table further down is of taggers trained on ATIS), "
                   "word by word, with the label it gives; Taipei is unknown to it. Orange above 0, blue below.",
                   "一个在模板句上训练的 Elman 标注器（下方表格则是在 ATIS 上训练的标注器），逐词的隐层取值及所给标签；"
                   "训练中从未出现过 Taipei。橙色为正，蓝色为负。")
