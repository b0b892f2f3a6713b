"""Claims and results -> results/verdicts.json: `python -m pipelines.judge`."""

from __future__ import annotations

from collections import Counter

from unrolled import guard, results, settings, verifying
from unrolled.judging import claims, judge


def main() -> None:
    """Judge every claim, and write the verdicts and a few headline numbers."""
    with results.exit_on_user_error():
        guard.join_pipeline()
        chosen = settings.load()
        verdicts = judge(claims.load(), chosen)
        results.write_json(results.verdicts_file(), {"format": results.FORMAT, "scale": chosen.scale, "claims": verdicts})
        counts = Counter(entry["verdict"] for entry in verdicts.values())
        results.write_json(results.metrics_file(), {"verdicts": dict(sorted(counts.items())), **verifying.headlines(chosen)})
        print("judge: " + ", ".join(f"{count} {verdict}" for verdict, count in counts.most_common()))


if __name__ == "__main__":
    main()
