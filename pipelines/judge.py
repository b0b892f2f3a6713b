"""Claims and results -> results/verdicts.json: `python -m pipelines.judge`."""

from __future__ import annotations

from unrolled import guard, results, settings, stage_times, verifying
from unrolled.judging import claims, judge
from unrolled.judging.headlines import headlines


def main() -> None:
    """Judge every claim, and write the verdicts, every run's numbers, and the few of them that DVC shows."""
    with results.exit_on_user_error():
        guard.join_pipeline()
        chosen = settings.load()
        with stage_times.timed("judge", chosen.scale):
            verdicts = judge(claims.load(), chosen, guard.share_of_workers(chosen.workers))
            shown, left_out = headlines(chosen, verdicts)
            results.write_json(results.verdicts_file(), {"format": results.FORMAT, "scale": chosen.scale, "claims": verdicts})
            results.write_json(results.numbers_file(), verifying.numbers(chosen))
            results.write_json(results.metrics_file(), shown)
        print("\n".join(["judge: " + ", ".join(f"{count} {verdict}" for verdict, count in shown["verdicts"].items()), *left_out]))


if __name__ == "__main__":
    main()
