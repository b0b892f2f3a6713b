"""The exact checks behind a claim, as a table says them: what was computed, what it should be, and what came out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from unrolled.judging.claims import Claim

MOST = 6  # numbers that are written out; of more, how far they lie apart
Words = tuple[str, str]  # English, Chinese

# Analyses name their checks in English; the first pattern that fits says it in Chinese.
CHINESE = [(re.compile(pattern), words) for pattern, words in (
    (r"stored values", "存下的值"), (r"outputs", "输出"), (r"memory", "记忆"), (r"output", "输出"),
    (r"outputs of the worked example in another order", "算例换一种次序时的输出"),
    (r"outputs to \(2,2\) when it comes last and first", "(2,2) 排在最后与最前时的输出"),
    (r"outputs to \(1,1\) at the first and at the second step differ", "(1,1) 在第一步与第二步的输出不同"),
    (r"parameters at lengths 1, 10 and 100", "长度为 1、10、100 时的参数量"),
    (r"gradient of the shared weight = sum over (\d+) untied copies", r"共享权重的梯度 = \1 份独立副本的梯度之和"),
    (r"each step's copy but the first, which reads zeros, adds a gradient of its own", "除读入零的第一步外，每一步的副本都贡献自己的梯度"),
    (r"input gate (\d), forget gate (\d), output gate (\d): memory and output", r"输入门 \1、遗忘门 \2、输出门 \3：记忆与输出"),
    (r"LSTM over Elman layer", "LSTM 层与 Elman 层的参数量之比"),
    (r"torch\.nn\.(\w+) over torch\.nn\.RNN", r"torch.nn.\1 与 torch.nn.RNN 的参数量之比"),
    (r"GRU over Elman layer, one inner bias a unit apart", "GRU 层与 Elman 层的参数量之比（每个单元多出的一个内部偏置不计）"),
    (r"peepholes add three weights a unit", "窥视孔给每个单元增加三个权重"),
    (r"vector cell = loop over scalar cells", "向量形式 = 逐个标量单元循环"),
    (r"vector cell = torch\.nn\.LSTM", "向量形式 = torch.nn.LSTM"),
    (r"BPTT by hand = automatic differentiation, (\w+)", r"手工 BPTT = 自动微分，\1"),
    (r"central differences = automatic differentiation, (\w+)", r"中心差分 = 自动微分，\1"),
    (r"trained members whose scores for Taipei differ after arrive and leave", "Taipei 的得分在 arrive 与 leave 之后不同的网络数"),
    (r"trained members that label Taipei otherwise after arrive and leave", "Taipei 的标签在 arrive 与 leave 之后不同的网络数"),
    (r"outputs of our linear Elman cell = w\^999, relative error", "线性 Elman 单元的输出 = w^999，相对误差"),
    (r"outputs = powers by logarithms, relative error", "输出 = 用对数求得的幂，相对误差"),
    (r"gradients of our cell = 999 w\^998, relative error", "梯度 = 999 w^998，相对误差"),
    (r"outputs for 1, 1\.01, 0\.99 and 0\.01 are 1, about 20000, about 0 and about 0",
     "w 为 1、1.01、0.99、0.01 时，输出为 1、约 20000、约 0、约 0"),
    (r"output for (.+)", r"w = \1 时的输出"), (r"gradient for (\S+) is below the least float64", r"w = \1 时的梯度小于最小的 float64"),
    (r"gradient for (\S+)", r"w = \1 时的梯度"), (r"outputs for 0\.99 and 0\.01 are below 0\.0001", "w 为 0.99、0.01 时输出小于 0.0001"),
    (r"test documents whose bag of words is that of the swapped one", "与子句互换后词袋相同的测试文档数"),
)]


def of_claim(claim: Claim | None, name: str, analyses: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the checks that a claim's rule rests on, in words of both languages.

    Args:
        claim: as claims.yaml has it. name: its id.
        analyses: the results of the analyses, by name.
    """
    if claim is None:
        return []
    parts = claim.rule.get("parts", {"": claim.rule}).values()
    read = dict.fromkeys(part["analysis"] for part in parts if part["kind"] == "exact")
    checks = [check for analysis in read for check in analyses.get(analysis, {}).get("checks", []) if check["claim"] == name]
    return [{"name": check["name"], "name_zh": in_chinese(check["name"]), "passed": check["passed"], **_values(check)} for check in checks]


def in_chinese(name: str) -> str:
    """Return a check's name in Chinese, or as it is where nobody has put it into words."""
    for pattern, words in CHINESE:
        if found := pattern.fullmatch(name):
            return found.expand(words)
    return name


def _values(check: Mapping[str, Any]) -> dict[str, Words]:
    """Return what was expected and computed; of many numbers how many they are and how far they lie apart."""
    expected, observed = ([*_leaves(check[key])] for key in ("expected", "observed"))
    if len(expected) <= MOST:
        return {"expected": (_shown(expected),) * 2, "observed": (_shown(observed),) * 2}
    if len(expected) != len(observed):
        return {"expected": (f"{len(expected)} numbers", f"{len(expected)} 个数"), "observed": (f"{len(observed)}", f"{len(observed)} 个")}
    if not all(isinstance(value, int | float) for value in (*expected, *observed)):
        return {"expected": (f"{len(expected)} numbers", f"{len(expected)} 个数"), "observed": ("not all are numbers", "并非都是数")}
    if all(isinstance(value, bool) for value in expected):
        agree = sum(one == other for one, other in zip(expected, observed, strict=True))
        return {"expected": (f"{len(expected)} answers", f"{len(expected)} 个判断"), "observed": (f"{agree} agree", f"{agree} 个一致")}
    apart = max(abs(one - other) for one, other in zip(expected, observed, strict=True))
    return {"expected": (f"{len(expected)} numbers", f"{len(expected)} 个数"),
            "observed": (f"the same within {apart:.1g}" if apart else "the same", f"相差不超过 {apart:.1g}" if apart else "相同")}


def _leaves(value: Any) -> Iterator[Any]:
    """Yield the numbers of a (nested) list, in order."""
    if isinstance(value, list):
        for item in value:
            yield from _leaves(item)
    else:
        yield value


def _shown(values: list[Any]) -> str:
    """Return a few values in a line."""
    def one(value: Any) -> str:
        if isinstance(value, bool):
            return "✓" if value else "✗"
        return f"{value:.4g}" if isinstance(value, float) else str(value)

    return ", ".join(map(one, values))
