"""The few numbers that DVC shows and compares: how many claims got which verdict, and the means that params.yaml names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from unrolled.judging.evidence import Evidence, Missing
from unrolled.judging.rules import VERDICTS
from unrolled.settings import Settings

DIGITS = 4  # a difference in the fifth place is no news


def headlines(settings: Settings, verdicts: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return what metrics.json holds, and a sentence for each number that is not to be had.

    Args:
        settings: all settings; `headlines` of them names the numbers.
        verdicts: the claims' entries of verdicts.json.

    Returns:
        {"verdicts": {verdict: claims}, "headlines": {name: mean over seeds}} and the sentences.
    """
    counts = Counter(entry["verdict"] for entry in verdicts.values())
    found, sentences = {}, []
    for name, reference in settings.headlines.items():
        try:
            found[name] = round(float(Evidence(settings).values(reference).mean()), DIGITS)
        except Missing as missing:
            sentences.append(f"headlines.{name} is left out: {missing}.")
    shown = {verdict: counts[verdict] for verdict in VERDICTS if counts[verdict] or verdict != "pending"}
    return {"verdicts": shown, "headlines": found}, sentences
