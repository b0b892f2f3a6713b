"""Rules and samples put into words, in English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from unrolled.judging.names import metric
from unrolled.judging.value_names import value


def summary(values: np.ndarray, counted: bool = False) -> str:
    """Return a sample in a few characters: successes of how many, or mean, spread and size; of (members, items), the spread of members."""
    if values.ndim == 2:
        return summary(values.mean(1)).replace(")", f"×{values.shape[1]})")
    if len(values) > 1 and counted:
        return f"{int(values.sum())}/{len(values)}"
    spread = f" ± {values.std(ddof=1):.3g}" if len(values) > 1 else ""
    return f"{values.mean():.4g}{spread} (n={len(values)})"


def label(reference: Mapping[str, Any], chinese: bool = False) -> str:
    """Return the name of a piece of evidence."""
    if "analysis" in reference:
        return value(reference["analysis"], reference["value"], chinese)
    words = "（学习率 {:g}）" if chinese else " at rate {:g}"
    rate = words.format(reference["learning_rate"]) if "learning_rate" in reference else ""
    return f"{run(reference, chinese)} {metric(reference['metric'], chinese)}{rate}"


def run(reference: Mapping[str, Any], chinese: bool = False) -> str:
    """Return the name of a run, and of how many folds of cross-validation it stands for."""
    words = "（{} 折）" if chinese else " ({} folds)"
    return reference["run"] + (words.format(reference["folds"]) if "folds" in reference else "")


def sentence(rule: Mapping[str, Any], chinese: bool = False) -> str:
    """Put a rule into words."""
    kind = rule["kind"]
    if kind in ("all", "conditions"):
        joint = {"all": ("; and ", "；并且"), "conditions": ("; or, as a condition: ", "；或在另一条件下：")}[kind][chinese]
        return joint.join(f"[{name}] {sentence(part, chinese)}" for name, part in rule["parts"].items())
    if "only_if" in rule:
        but = sentence({key: value for key, value in rule.items() if key != "only_if"}, chinese)
        own = sentence(rule["only_if"], chinese)
        return f"{but}（仅当{own}时才算数）" if chinese else f"{but} (counts only if {own})"
    if kind == "exact":
        return f"{rule['analysis']} 的各项核对全部成立" if chinese else f"all exact checks of {rule['analysis']} hold"
    first = label(rule["of"], chinese)
    if kind == "cannot" and "run" in rule["of"]:
        first = run(rule["of"], chinese)
    if kind == "success":
        first, second = (run(rule[key], chinese) if "run" in rule[key] else label(rule[key], chinese) for key in ("of", "than"))
        return (f"{first} 的成功率高于 {second}（差距须超过 {rule['margin']:g}）" if chinese else
                f"{first} succeeds more often than {second} (margin {rule['margin']:g})")
    if kind == "leads":
        return f"{first} 大于 0（差距须超过 {rule['margin']:g}）" if chinese else f"{first} exceeds 0 (margin {rule['margin']:g})"
    if kind in ("above", "below", "cannot"):
        words = {"above": ("lies above", "高于"), "below": ("lies below", "低于"), "cannot": ("succeeds at a rate below", "的成功率低于")}
        return f"{first} {words[kind][chinese]} {rule['limit']:g}"
    words = {"higher": ("{0} exceeds {1} (margin {2:g})", "{0} 高于 {1}（差距须超过 {2:g}）"),
             "lower": ("{0} lies below {1} (margin {2:g})", "{0} 低于 {1}（差距须超过 {2:g}）"),
             "equivalent": ("{0} is within ±{2:g} of {1}", "{0} 与 {1} 相差不超过 ±{2:g}"),
             "not_below": ("{0} is at most {2:g} below {1}", "{0} 至多比 {1} 低 {2:g}"),
             "not_above": ("{0} is at most {2:g} above {1}", "{0} 至多比 {1} 高 {2:g}")}
    return words[kind][chinese].format(first, label(rule["than"], chinese), rule["margin"])
