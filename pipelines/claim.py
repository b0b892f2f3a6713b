"""One claim alone: run the stages that its evidence comes from, and print what they show. `make claim CLAIM=D4`.

It ends without a verdict: the p values of a family of claims are adjusted for each other, so that a verdict takes them all.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from pipelines import reproduce
from unrolled import guard, lanes, results
from unrolled.judging import Worked, claims, rules, wording, work_out
from unrolled.judging.claims import Claim, ClaimError
from unrolled.judging.evidence import runs_of
from unrolled.settings import Settings, nearest


def main(name: str) -> None:
    """Run what is out of date of a claim's stages, then print the claim."""
    with results.exit_on_user_error(), reproduce.prepared() as (chosen, answer):
        claim = found(name)
        with guard.lock("reproduce"):
            status = lanes.reproduce(chosen, answer, stages_of(claim, chosen))
        if status:
            sys.exit(max(status, 1))
        print("\n".join(lines(work_out(claim, chosen))))


def found(name: str) -> Claim:
    """Return the claim of that name, as it is written or in capitals.

    Raises:
        ClaimError: there is none.
    """
    known = {claim.id: claim for claim in claims.load()}
    if not name:
        raise ClaimError(f"CLAIM is empty; name one of {', '.join(known)}, as in `make claim CLAIM=D4`.")
    for given in (name, name.upper()):
        if given in known:
            return known[given]
    raise ClaimError(f"claims.yaml has no claim {name}{nearest(name.upper(), known)}")


def looked_up(claim: Claim) -> list[Mapping[str, Any]]:
    """Return what a claim's rule and its control look up, see `rules.references`."""
    return [reference for rule in (claim.rule, claim.control) if rule for reference in rules.references(rule)]


def stages_of(claim: Claim, settings: Settings) -> set[str]:
    """Return the stages that a claim's evidence comes from, and those that these need; what was recorded once takes none."""
    wanted: set[str] = set()
    for reference in looked_up(claim):
        if "analysis" in reference:
            wanted |= _analysis(reference["analysis"], settings)
        else:
            for section, _, run in (name.partition("/") for name in runs_of(reference)):
                wanted |= _section(section, settings) if section in settings.tasks and run in settings.tasks[section].runs else set()
    return wanted


def _analysis(name: str, settings: Settings) -> set[str]:
    """Return the stage of an analysis, those of the sections that it reads, and all data, into which any analysis may look."""
    if name not in settings.analyses:
        return set()
    reads = settings.analyses[name].reads
    sections = [section for section in settings.tasks if f"{results.task_folder(section)}/".startswith(f"{reads}/")]
    return {f"analyse@{name}", *(f"data@{data}" for data in settings.data.sets)}.union(*(_section(each, settings) for each in sections))


def _section(name: str, settings: Settings) -> set[str]:
    """Return the stage of a section, and that of the data that it reads."""
    read = [f"data@{data}" for data in settings.data.sets if settings.tasks[name].reads == str(results.data_folder(data))]
    return {f"train@{name}", *read}


def lines(worked: Worked) -> Iterator[str]:
    """Yield what is printed of a claim: the rule, what was observed here, figures to look at, and the verdict of the reference run."""
    claim, outcome, control, evidence = worked
    yield f"{claim.id}  {claim.statement}"
    yield f"Test: {claim.test}"
    yield f"Rule: {wording.sentence(claim.rule)}"
    yield "Observed:"
    for finding in outcome.findings:
        yield f"  {finding.name}: {finding.sentence}" if finding.name else f"  {finding.sentence}"
    if control is not None:
        held = "held" if control.verdict == "reproduced" else "failed"
        yield f"Control, which {held}: {'; '.join(each.sentence for each in control.findings)}"
    yield from (f"Beware: {warning}" for warning in evidence.warnings)
    yield from (f"Figure: {path}" for path in figures(claim))
    reference = results.read_result(results.of_reference(results.verdicts_file()))["claims"].get(claim.id)
    if reference is not None and reference["rule_hash"] == claim.rule_hash:
        yield f"Verdict of the reference run: {reference['verdict']} ({reference['reason']})."
    yield "A verdict of your own takes all claims, whose p values are adjusted for each other: `make reproduce`."


def figures(claim: Claim) -> Iterator[str]:
    """Yield the paths of the figures that the claim's analyses drew for it."""
    for name in dict.fromkeys(reference["analysis"] for reference in looked_up(claim) if "analysis" in reference):
        path = results.analysis_file(name)
        drawn = results.read_result(path)["figures"] if path.exists() else []
        yield from (str(path.parent / figure["file"]) for figure in drawn if claim.id in figure["claim"])


if __name__ == "__main__":
    main(os.environ.get("CLAIM", ""))
