"""The verdict table of the READMEs, between two marks, from the verdicts of the reference run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from unrolled import results
from unrolled.reporting import links
from unrolled.reporting.cards import earlier_rules, fresh_seeds, in_lecture_order
from unrolled.reporting.words import SYMBOLS, VERDICTS_ZH

START, END = "<!-- verdicts -->", "<!-- /verdicts -->"
FILES = {"README.md": False, "README.zh-CN.md": True}
EVIDENCE = {"exact": ("calculated", "计算"), "here": ("default run", "默认运行"),
            "both": ("default run, recorded runs", "默认运行、存档运行"), "recorded": ("recorded runs", "存档运行")}
HEADS = ("| Claim | What the lecture says | Verdict | Evidence | Rules before |", "| 编号 | 课上的说法 | 结论 | 依据 | 先前规则 |")


def table(claims: Mapping[str, Any], chinese: bool) -> str:
    """Return the table in Markdown: every claim that has been tested, how many wait, and which verdicts differ on fresh seeds."""
    rows, before = [HEADS[chinese], "|---|---|---|---|---:|"], earlier_rules(claims)
    for name in in_lecture_order(claims):
        claim = claims[name]
        if claim["verdict"] != "pending":
            verdict = VERDICTS_ZH[claim["verdict"]] if chinese else claim["verdict"]
            judged = sum(rule["verdict"] != "pending" for rule in before[name])
            rows.append(f"| {name} | {claim['statement_zh' if chinese else 'statement']} | {SYMBOLS[claim['verdict']]} {verdict} | "
                        f"{EVIDENCE[_kind(claim)][chinese]} | {judged or ''} |")
    waiting = sum(claim["verdict"] == "pending" for claim in claims.values())
    if waiting:
        rows += ["", f"另有 {waiting} 条待做。" if chinese else f"{waiting} more are pending."]
    fresh = fresh_seeds(claims)
    if fresh:
        differ = [name for name in claims if fresh.get(name)]
        words = ("On fresh seeds (`make confirm`) {0} of {1} verdicts {3}{2}. {4} of the {1} rest on nothing that keeps its seeds, the "
                 "others on recorded runs too; not counted are those that rest on recorded runs alone, and those whose rule or outcome has "
                 "changed since.")
        if chinese:
            words = ("用新的种子重做（`make confirm`），{1} 个论断中有 {0} 个结论不同{2}。这 {1} 个中有 {4} 个完全不依据种子不变的运行，"
                     "其余还依据存档运行；只依据存档运行的，以及规则或结论此后有变的，不计在内。")
        colon, comma = ("：", "、") if chinese else (": ", ", ")
        named = colon + comma.join(differ) if differ else ""
        anew = sum(_kind(claims[name]) in ("exact", "here") for name in fresh)
        rows += ["", words.format(len(differ), len(fresh), named, "differs" if len(differ) == 1 else "differ", anew)]
    return "\n".join(rows)


def _kind(claim: Mapping[str, Any]) -> str:
    """Return on what a verdict rests: a key of `EVIDENCE`."""
    found = links.origins(claim["evidence"])
    if claim["family"] == "exact":
        return "exact"
    return "recorded" if links.is_recorded_alone(found) else "both" if found.recorded else "here"


def update(claims: Mapping[str, Any]) -> None:
    """Write the table into both READMEs.

    Raises:
        ResultsError: a README lacks the marks.
    """
    for name, chinese in FILES.items():
        text = Path(name).read_text(encoding="utf-8")
        before, start, rest = text.partition(START)
        _, end, after = rest.partition(END)
        if not start or not end:
            raise results.ResultsError(f"{name} lacks the marks {START} and {END}; put them where the verdict table belongs.")
        results.write_text(name, f"{before}{START}\n{table(claims, chinese)}\n{END}{after}")
