"""Claims and results -> verdicts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from unrolled import significance, worker_processes
from unrolled.judging import rules, wording
from unrolled.judging.claims import Claim
from unrolled.judging.evidence import Evidence
from unrolled.judging.rules import Finding, Outcome
from unrolled.settings import Settings
from unrolled.significance import LEVEL

CLAIMS_OF_A_WORKER = 10


def judge(claims: Sequence[Claim], settings: Settings, workers: int = 1) -> dict[str, dict[str, Any]]:
    """Return the entry of verdicts.json for each claim.

    Every rule is worked out first; then Holm's correction is applied over the tests of each family; then verdicts fall. A control is
    no claim: it is not corrected for, since a control that passes too easily would make a verdict harder, not easier, to refute.

    Args:
        claims: all of them, since those of a family are corrected for each other.
        settings: all settings.
        workers: worker processes at most; each needs `CLAIMS_OF_A_WORKER` to be worth its start.
    """
    workers = min(workers, len(claims) // CLAIMS_OF_A_WORKER)
    worked = list(worker_processes.spread("judge", work_out, [(claim, settings) for claim in claims], workers))
    _adjust(worked)
    return {claim.id: _entry(claim, outcome, control, evidence) for claim, outcome, control, evidence in worked}


Worked = tuple[Claim, Outcome, Outcome | None, Evidence]


def work_out(claim: Claim, settings: Settings) -> Worked:
    """Return what a claim's rule and control find, the p values not yet adjusted for those of its family, and the evidence."""
    evidence = Evidence(settings)
    outcome = rules.work_out(claim.rule, evidence, claim.id)
    control = rules.work_out(claim.control, evidence, claim.id) if claim.control else None
    return claim, outcome, control, evidence


def _adjust(worked: Iterable[Worked]) -> None:
    """Replace p values by those adjusted over each family of claims."""
    families: dict[str, list[Finding]] = defaultdict(list)
    for claim, outcome, _, _ in worked:
        families[claim.family] += [finding for finding in outcome.findings if finding.test is not None]
    for findings in families.values():
        for name in ("p_for", "p_against", "p_within"):
            adjusted = significance.holm([getattr(finding, name) for finding in findings])
            for finding, value in zip(findings, adjusted, strict=True):
                setattr(finding, name, value)
        for finding in findings:
            finding.say_so()


def _entry(claim: Claim, outcome: Outcome, control: Outcome | None, evidence: Evidence) -> dict[str, Any]:
    """Put one claim's verdict and its reasons together."""
    verdict, reason, reason_zh = _decide(outcome, control, evidence, claim.parts_zh)
    tests = [finding for finding in outcome.findings if finding.test is not None]
    return {
        "verdict": verdict, "reason": reason, "reason_zh": reason_zh,
        "section": claim.section, "section_zh": claim.section_zh, "statement": claim.statement, "statement_zh": claim.statement_zh,
        "test": claim.test, "test_zh": claim.test_zh, "source": claim.source, "family": claim.family,
        "observed": _joined(outcome, "sentence", "; "), "observed_zh": _joined(outcome, "sentence_zh", "；"),
        "interval": list(tests[0].test.interval) if len(tests) == 1 else None,
        "n": min((finding.size for finding in outcome.findings if finding.size), default=0),
        "findings": [_finding(finding) for finding in outcome.findings],
        "rule": wording.sentence(claim.rule), "rule_zh": wording.sentence(claim.rule, chinese=True), "rule_hash": claim.rule_hash,
        "control": None if control is None else {
            "sentence": wording.sentence(claim.control), "sentence_zh": wording.sentence(claim.control, chinese=True),
            "observed": _joined(control, "sentence", "; "), "observed_zh": _joined(control, "sentence_zh", "；"),
            "findings": [_finding(finding) for finding in control.findings], "passed": control.verdict == "reproduced"},
        "published": claim.published, "differs": claim.differs, "differs_zh": claim.differs_zh,
        "change": claim.change, "change_zh": claim.change_zh, "settle": claim.settle, "settle_zh": claim.settle_zh,
        "evidence": evidence.files, "warnings": evidence.warnings}


def _decide(outcome: Outcome, control: Outcome | None, evidence: Evidence, parts_zh: Mapping[str, str]) -> tuple[str, str, str]:
    """Return the verdict with its reason in English and Chinese; nothing is reproduced on doubtful evidence."""
    verdict = outcome.verdict
    if verdict == "pending":
        return verdict, "the experiment is not part of the pipeline yet", "相应实验尚未加入流水线"
    if control is not None and control.verdict != "reproduced":
        if any(finding.missing for finding in control.findings):
            return "inconclusive", "what the control takes is missing", "缺少对照所需的结果"
        return "inconclusive", "the control did not succeed, so a failure would say nothing", "对照未通过，即使不成立也说明不了问题"
    if evidence.warnings:
        return "inconclusive", "; ".join(evidence.warnings), "；".join(evidence.warnings_zh)
    silent = [finding for finding in outcome.findings if finding.says_nothing]
    part, part_zh = ("part that could be tested", "能检验的每一部分") if silent else ("part of the rule", "规则的每一部分")
    reasons = {
        "reproduced": (f"every {part} holds, beyond its margin", f"{part_zh}都成立，且差距足够大"),
        "contradicted": ("the rule fails: the opposite is significant, or an effect beyond the margin is ruled out",
                         "规则不成立：相反方向的效应显著，或已能排除超过要求差距的效应"),
        "conditional": ("it holds under some of the named conditions and fails under others", "在一些条件下成立，在另一些条件下不成立"),
    }
    if outcome.findings and all(finding.passed for finding in outcome.findings):
        return verdict, "every check holds", "各项核对全部成立"
    others = [finding.verdict for finding in outcome.findings if not finding.says_nothing]
    if verdict == "inconclusive" and silent and set(others) == {"reproduced"}:
        return verdict, "the parts that could be tested hold, the others say nothing", "能检验的各项都成立，其余各项说明不了什么"
    missing = [finding.missing for finding in outcome.findings if finding.missing]
    if verdict == "inconclusive" and missing:
        return verdict, "; ".join(missing), "缺少证据：" + "；".join(missing)
    return verdict, *(_what_is_open(outcome, parts_zh) if verdict == "inconclusive" else reasons[verdict])


def _what_is_open(outcome: Outcome, parts_zh: Mapping[str, str]) -> tuple[str, str]:
    """Say in English and Chinese which parts of an inconclusive rule are open, and how."""
    kinds: dict[tuple[str, str], list[str]] = {}
    for finding in outcome.findings:
        if finding.verdict == "inconclusive" and not finding.says_nothing:
            kinds.setdefault(_how_it_is_open(finding), []).append(finding.name)
    english, chinese = [], []
    for (said, said_zh), names in kinds.items():
        english.append(f"{' / '.join(names)}: {said}" if any(names) else said)
        chinese.append(f"{' / '.join(parts_zh.get(name, name) for name in names)}：{said_zh}" if any(names) else said_zh)
    return "; ".join(english), "；".join(chinese)


def _how_it_is_open(finding: Finding) -> tuple[str, str]:
    """Tell what only the correction, or the size of an effect, stands against from that of which nothing is known."""
    test = finding.test
    if test is None:
        return "the data decide neither way", "数据不足以判定"
    if test.interval[0] > 0 and finding.p_within < LEVEL:
        return "there is an effect, but a smaller one than the margin", "效应存在，但小于要求的差距"
    p_within = test.p_within if test.interval[0] <= 0 else 1.0
    for p, said, said_zh in ((test.p_for, "what is claimed", "论断所说的效应"), (test.p_against, "the opposite", "相反的效应"),
                             (p_within, "that there is no effect beyond the margin", "“没有超过要求差距的效应”这一点")):
        if p < LEVEL:
            return f"{said} is significant only before the correction for the family", f"{said_zh}仅在族内校正之前显著"
    if test.interval[0] > 0:
        return "the interval lies above 0, but not above the margin", "区间在 0 之上，但并未整个超过要求的差距"
    return "the data decide neither way", "数据不足以判定"


def _joined(outcome: Outcome, attribute: str, separator: str) -> str:
    colon = "：" if attribute.endswith("_zh") else ": "
    return separator.join((f"{finding.name}{colon}" if finding.name else "") + getattr(finding, attribute) for finding in outcome.findings)


def _finding(finding: Finding) -> dict[str, Any]:
    """Return one leaf's numbers."""
    entry: dict[str, Any] = {"name": finding.name, "verdict": finding.verdict, "sentence": finding.sentence,
                             "sentence_zh": finding.sentence_zh, "n": finding.size}
    if finding.test is not None:
        entry |= {"effect": finding.test.effect, "interval": list(finding.test.interval),
                  "p_for": finding.p_for, "p_against": finding.p_against, "p_within": finding.p_within}
    return entry
