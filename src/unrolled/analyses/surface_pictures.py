"""Pictures of error surfaces: always side by side on one scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.colors import LogNorm
from scipy.stats import bootstrap

from unrolled import drawing as figures
from unrolled.analyses.base import Picture
from unrolled.analyses.slices import Slice
from unrolled.analyses.stable_rates import Descents
from unrolled.analyses.unit_surfaces import NETWORKS, Plane

TITLES = {"pascanu": ("Pascanu's problem", "Pascanu 的问题"),
          "latch": ("A latch: remember the first sign", "锁存（记住第一个输入的正负号）")}
SHOWN = {"rnn": "plain", "lstm_0": "LSTM, bias 0", "lstm_1": "LSTM, bias 1", "lstm_5": "LSTM, bias 5",
         "lstm_no_forget_gate": "LSTM, no forget gate"}
RUNS = {"tanh": "plain", "lstm_bias_0": "LSTM, bias 0", "lstm": "LSTM, bias 1", "lstm_bias_5": "LSTM, bias 5",
        "lstm_no_forget_gate": "LSTM, no forget gate"}
TURNED_ZH = {"rnn": "普通网络", "lstm_1": "LSTM，偏置 1"}  # of the surfaces to be turned, whose words the page chooses
LEAST, MOST = 1e-6, 1e2  # of the colours
CORNERS = 61  # points along each side of a surface to be turned


@figures.styled
def gradient_maps(problem: str, planes: Mapping[str, tuple[np.ndarray, ...]], plane: Plane, limits: tuple[float, float]) -> Picture:
    """Draw every network's gradient norm over the plane, with the same colours; the bar shows below and above which is flat and steep."""
    figure, axes = figures.panels(len(planes), width=9.6, height=2.5, sharey=True)
    for panel, (network, (_, by_weight, by_bias)) in zip(axes, planes.items(), strict=True):
        image = panel.imshow(np.clip(np.hypot(by_weight, by_bias), LEAST, MOST).T, origin="lower", aspect="auto", cmap="magma",
                             extent=(*plane.weights, *plane.biases), norm=LogNorm(LEAST, MOST))
        panel.set(title=SHOWN[network], xlabel="w")
    axes[0].set_ylabel("b")
    bar = figure.colorbar(image, ax=axes, label="gradient norm")
    for limit, text, side in zip(limits, ("flat below", "steep above"), ("top", "bottom"), strict=True):
        bar.ax.axhline(limit, color="white", linewidth=1)
        bar.ax.annotate(text, (0, limit), xytext=(-3, 0), textcoords="offset points", xycoords=("axes fraction", "data"), ha="right",
                        va=side, fontsize=7)
    title, title_zh = TITLES[problem]
    return Picture(figure, ["E2", "D3"], f"{title}: gradient norm of one-unit networks.", f"{title_zh}：单神经元网络的梯度范数。",
                   "Every recurrent weight is w, every bias b (the forget gate's plus its own). Dark is flat, bright a cliff; one scale "
                   "for all.",
                   "所有循环权重为 w，所有偏置为 b（遗忘门另加自己的偏置）。暗处平坦，亮处是悬崖；所有图同一标度。")


@figures.styled
def shares(values: Mapping[str, Any], limits: Mapping[str, tuple[float, float]]) -> Picture:
    """Draw flat and steep shares: a dot per window or member, a bar for the 95 % interval of the mean.

    Args:
        values: of the analysis. limits: below and above which a norm is flat and steep, of a "plane" and (times the median) a "slice".
    """
    places = {"pascanu": SHOWN, "latch": SHOWN, "slice": RUNS}
    (flat, steep), (low, high) = limits["plane"], limits["slice"]
    figure, axes = figures.panels(3, 2, width=9.2, height=4.4, sharey="col")
    for column, (place, names) in enumerate(places.items()):
        for row, kind in enumerate(("flat", "steep")):
            panel = axes[row, column]
            keys = {shown: f"{kind}_{name}_{place}" for name, shown in names.items()}
            found = {shown: np.asarray(values[key]) for shown, key in keys.items() if key in values}
            figures.dots(panel, found)
            for line, sample in enumerate(found.values()):
                panel.plot(interval(sample), [line + 0.3] * 2, color=figures.BLACK, linewidth=1.2)
            panel.set_xlabel(f"{kind} share")
            if row == 0:
                panel.set_title({"pascanu": "Pascanu's plane", "latch": "latch plane", "slice": "slices, trained"}[place])
            panel.tick_params(labelleft=column == 0 or len(found) < len(names))  # the rows are the same in all columns
            if kind == "flat":
                panel.set_xlim(-0.03, 1)  # the whole range: what is next to nothing is to look like that
    return Picture(figure, ["E2", "D3"], "How much is flat, how much is steep.", "多少平坦，多少陡峭。",
                   f"Flat: gradient norm below {flat:g}; steep: above {steep:g}; of slices, below {low:g} and above {high:g} times their "
                   "median. Dots are shifted windows or trained seeds, black lines 95 % bootstrap intervals of the mean. The steep shares "
                   "have a scale each.",
                   f"平坦：梯度范数低于 {flat:g}；陡峭：高于 {steep:g}；对切片，则为低于其中位数的 {low:g} 倍、高于 {high:g} 倍。"
                   "点为平移的窗口或训练的种子，黑线为均值的 95 % 自助法（bootstrap）置信区间。陡峭占比各图标度不同。")


def interval(sample: np.ndarray) -> tuple[float, float]:
    """Return the 95 % percentile bootstrap interval of a mean; the value itself where nothing varies."""
    if np.ptp(sample) == 0:
        return float(sample[0]), float(sample[0])
    found = bootstrap((sample,), np.mean, method="percentile", n_resamples=2000, rng=np.random.default_rng(0)).confidence_interval
    return float(found.low), float(found.high)


@figures.styled
def by_rate(problem: str, descents: Mapping[str, Descents], rates: Sequence[float], small: float, flown: float) -> Picture:
    """Draw the share of descents that are stable and that arrive against the learning rate."""
    figure, (left, right) = figures.panels(2, width=8.2, height=2.7, sharey=True)
    for place, network in enumerate(NETWORKS):
        for panel, outcome in ((left, descents[network].stable), (right, descents[network].arrived)):
            beside = np.array(rates) * 1.07 ** (place - 2)  # so that equal shares do not hide each other
            panel.plot(beside, outcome.mean((1, 2)), "o-", color=figures.colour(place), markersize=3.5, linewidth=1.3,
                       label=SHOWN[network])
    for panel, name in ((left, f"stable: no step longer than {flown:g}"), (right, "arrived: at a low error")):
        panel.axvline(small, color=figures.GREY, linestyle=":", linewidth=1)
        panel.set(xscale="log", xlabel="learning rate", ylim=(-0.03, 1.03), title=name)
    left.set_ylabel("share of descents")
    figure.legend(*left.get_legend_handles_labels(), loc="outside right upper")
    title, title_zh = TITLES[problem]
    return Picture(figure, ["E2"], f"{title}: which learning rates work.", f"{title_zh}：哪些学习率可用。",
                   f"Plain gradient descent from random places of the plane; dotted: the small rate {small:g}.",
                   f"从平面上随机起点做普通梯度下降；虚线为小学习率 {small:g}。")


@figures.styled
def slices_side_by_side(shown: Mapping[str, Slice], length: int) -> Picture:
    """Draw loss and gradient norm of slices through trained networks, each pair on one scale."""
    figure, axes = figures.panels(len(shown), 2, width=2.5 * len(shown) + 1.2, height=5.2, sharex=True, sharey=True)
    for row, (kind, colours) in enumerate((("losses", "cividis"), ("norms", "magma"))):
        values = [np.clip(np.nan_to_num(getattr(one, kind), nan=1e3, posinf=1e3), 1e-3, 1e3) for one in shown.values()]
        scale = LogNorm(min(part.min() for part in values), max(part.max() for part in values))
        for panel, name, one, part in zip(axes[row], shown, shown.values(), values, strict=True):
            reach = one.at[-1]
            image = panel.imshow(part.T, origin="lower", extent=(-reach, reach, -reach, reach), cmap=colours, norm=scale)
            panel.plot(0, 0, "+", color="white")
            panel.set_title(f"{RUNS[name]}: {'loss' if kind == 'losses' else 'gradient norm'}")
        figure.colorbar(image, ax=axes[row], label="loss" if kind == "losses" else "gradient norm")
    for panel in axes[-1]:
        panel.set_xlabel("first direction")
    for panel in axes[:, 0]:
        panel.set_ylabel("second direction")
    return Picture(figure, ["E2", "D3"], "Slices through trained networks.", "穿过训练好的网络的切片。",
                   f"Adding, T = {length}, both stopped at the same training loss; two filter-normalised random directions (Li et al. "
                   "2018), the cross is the trained network. One scale per row.",
                   f"加法任务 T = {length}，两者在相同训练损失处停止；两个按滤波器归一化的随机方向（Li 等，2018），"
                   "十字为训练好的网络。每行同一标度。")


def three_dimensional(errors: Mapping[str, np.ndarray], plane: Plane) -> dict[str, Any]:
    """Return surfaces side by side as a plotly specification: height and colour are the error, on one scale; texts are {en, zh}.

    Args:
        errors: by network, (points, points), the weight along the first axis.
        plane: what the grid spans.
    """
    most = float(max(np.quantile(values, 0.999) for values in errors.values()))
    traces, scenes, words = [], {}, {"en": "error", "zh": "误差"}
    bar = {"title": {"text": words, "side": "top"}, "orientation": "h", "y": -0.02, "yanchor": "top", "len": 0.5, "thickness": 12}
    names = {network: {"en": SHOWN[network], "zh": TURNED_ZH[network]} for network in errors}
    for place, (network, values) in enumerate(errors.items()):
        chosen = np.linspace(0, len(values) - 1, min(CORNERS, len(values))).round().astype(int)
        scene = "scene" if place == 0 else f"scene{place + 1}"
        height = np.clip(values[np.ix_(chosen, chosen)], 0, most)
        weights, biases = (np.linspace(*ends, len(values))[chosen].round(3).tolist() for ends in (plane.weights, plane.biases))
        traces.append({"type": "surface", "scene": scene, "name": names[network], "x": weights, "y": biases,
                       "z": height.T.round(4).tolist(), "cmin": 0, "cmax": most, "colorscale": "Cividis", "showscale": place == 0,
                       "colorbar": bar})
        scenes[scene] = {"domain": {"x": [place / len(errors), (place + 1) / len(errors)]}, "xaxis": {"title": {"text": "w"}, "nticks": 5},
                         "yaxis": {"title": {"text": "b"}, "nticks": 5}, "zaxis": {"title": {"text": words}, "range": [0, most]},
                         "aspectmode": "cube",  # plotly would give each scene an aspect of its own, and heights could not be compared
                         "camera": {"eye": {"x": -1.75, "y": -1.75, "z": 1.2}, "center": {"x": 0, "y": 0, "z": -0.1}}}
    notes = [{"text": names[network], "x": (place + 0.5) / len(errors), "y": 1, "xref": "paper", "yref": "paper", "showarrow": False}
             for place, network in enumerate(errors)]
    return {"data": traces, "layout": {**scenes, "annotations": notes, "margin": {"l": 0, "r": 0, "t": 10, "b": 60}}}
