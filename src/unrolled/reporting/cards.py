"""A claim's card: its entry of verdicts.json, with what the page can add: dots by seed, commands, links, earlier rules, fresh seeds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from unrolled import results, tuned
from unrolled.judging import claims as claims_file
from unrolled.judging.evidence import Evidence
from unrolled.judging.wording import sentence
from unrolled.reporting import exact_checks, links, rates
from unrolled.reporting.strips import strip
from unrolled.reporting.words import SECTIONS
from unrolled.settings import Settings


def cards(claims: Mapping[str, Any], settings: Settings, analyses: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the cards by claim, in the order of the lecture's sections; `analyses` are the results of the analyses."""
    written = {claim.id: claim for claim in claims_file.load()}
    changed, earlier, fresh = changed_rules(claims), earlier_rules(claims), fresh_seeds(claims)
    found, scores = {}, tuned.load_evidence()
    for name in in_lecture_order(claims):
        entry, claim = claims[name], written.get(name)
        made = links.origins(entry["evidence"])
        names = claim.parts_zh if claim else {}
        old_names = {**claim.earlier_parts_zh, **names} if claim else {}
        found[name] = {
            **entry, "rule_zh": _named(entry["rule_zh"], names), "control": _control(entry, claim), **_rule_parts(entry, claim),
            "findings": _findings(entry, claim, settings), "checks": exact_checks.of_claim(claim, name, analyses),
            "changed": name in changed, "earlier": [{**rule, "rule_zh": _named(rule["rule_zh"], old_names)} for rule in earlier[name]],
            "fresh": fresh.get(name), "recorded": bool(made.recorded), "tasks": made.tasks,
            "commands": links.commands(made) if entry["evidence"] else [], "code": links.code(made, settings),
            "at_an_end": rates.at_an_end(entry["evidence"], scores)}
    return found


def in_lecture_order(claims: Mapping[str, Any]) -> list[str]:
    """Return the claims by the place of their section in the lecture, then in their own order; an unknown section comes last."""
    places = {section: place for place, section in enumerate(SECTIONS)}
    return sorted(claims, key=lambda name: places.get(claims[name]["section"], len(places)))


def sections(found: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the lecture's sections in their order, each with an id for links and its claims."""
    grouped: dict[str, dict[str, Any]] = {}
    for name, card in found.items():
        section = grouped.setdefault(card["section"], {"name": card["section"], "name_zh": card["section_zh"], "claims": []})
        section["claims"].append(name)
    return [{**section, "id": f"section-{place}"} for place, section in enumerate(grouped.values(), 1)]


def _named(rule: str, names: Mapping[str, str]) -> str:
    """Put the Chinese names of a rule's parts into its sentence."""
    for name, chinese in names.items():
        rule = rule.replace(f"[{name}]", f"[{chinese}]")
    return rule


def _control(entry: Mapping[str, Any], claim: claims_file.Claim | None) -> dict[str, Any] | None:
    """Return what a control says and showed, part by part: its name, its rule unless it was changed since, and what was found."""
    control = entry["control"]
    if control is None:
        return None
    names = claim.parts_zh if claim else {}
    rules = claim.control.get("parts", {}) if _is_judged(entry, claim) else {}
    parts = []
    for finding in control.get("findings", ()):  # older verdicts have none
        name = finding["name"]
        rule = {"rule": sentence(rules[name]), "rule_zh": sentence(rules[name], chinese=True)} if name in rules else {}
        parts += [{**finding, "name_zh": names.get(name, name), **rule}] if name else []
    return {**control, "sentence_zh": _named(control["sentence_zh"], names), "parts": parts}


def _is_judged(entry: Mapping[str, Any], claim: claims_file.Claim | None) -> bool:
    """Tell whether claims.yaml still holds the rule that was judged."""
    return claim is not None and claim.rule_hash == entry["rule_hash"]


def _rule_parts(entry: Mapping[str, Any], claim: claims_file.Claim | None) -> dict[str, Any]:
    """Return the parts of the rule in words, none of a rule that is one sentence, and how they are put together."""
    parts = claim.rule.get("parts", {}) if _is_judged(entry, claim) else {}
    return {"together": claim.rule["kind"] if parts else "", "rule_parts": [
        {"name": name, "name_zh": claim.parts_zh.get(name, name), "rule": sentence(part), "rule_zh": sentence(part, chinese=True)}
        for name, part in parts.items()]}


def _findings(entry: Mapping[str, Any], claim: claims_file.Claim | None, settings: Settings) -> list[dict[str, Any]]:
    """Return the findings with their dots; none where claims.yaml no longer holds the rule that was judged."""
    names = claim.parts_zh if claim else {}
    if not _is_judged(entry, claim):
        return [{**finding, "name_zh": names.get(finding["name"], finding["name"]), "strip": None} for finding in entry["findings"]]
    parts, evidence = claim.rule.get("parts", {"": claim.rule}), Evidence(settings)
    return [{**finding, "name_zh": names.get(finding["name"], finding["name"]), "strip": strip(parts[finding["name"]], finding, evidence)}
            for finding in entry["findings"]]


def changed_rules(claims: Mapping[str, Any]) -> set[str]:
    """Return the claims whose rule is not the one that the committed reference was judged by."""
    path = results.of_reference(results.verdicts_file())
    if not path.exists():
        return set()
    before = results.read_result(path)["claims"]
    return {name for name, entry in claims.items() if name in before and before[name]["rule_hash"] != entry["rule_hash"]}


def earlier_rules(claims: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Return, by claim, the rules that stood before the one of now, the oldest first."""
    path = results.rules_file()
    ledger = results.read_json(path) if path.exists() else {}
    return {name: [entry for entry in ledger.get(name, []) if entry["hash"] != claim["rule_hash"]] for name, claim in claims.items()}


def fresh_seeds(claims: Mapping[str, Any]) -> dict[str, str]:
    """Return what each verdict became on fresh seeds, empty where it stayed, of those that `make confirm` judged by the rule of now.

    What rests on recorded runs alone is left out, whose seeds stay what they are; and so is a verdict that has changed since, as by more
    test words, and was not itself held against fresh seeds.
    """
    path = results.confirmed_file()
    if not path.exists():
        return {}
    confirmed = results.read_result(path)
    became = {flip["name"]: flip["here"] for flip in confirmed["flips"]}
    return {name: became.get(name, "") for name, claim in claims.items()
            if confirmed["rules"].get(name) == claim["rule_hash"] and confirmed["verdicts"].get(name) == claim["verdict"]
            and not links.is_recorded_alone(links.origins(claim["evidence"]))}


def count(found: Iterable[Mapping[str, Any]], verdicts: Iterable[str]) -> dict[str, int]:
    """Return how many claims have each verdict, in the order of the verdicts, those that none has left out."""
    each = [card["verdict"] for card in found]
    return {verdict: each.count(verdict) for verdict in verdicts if verdict in each}
