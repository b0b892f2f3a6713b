"""Run one analysis that is not a training: `python -m pipelines.analyse error_surface`."""

from __future__ import annotations

import sys
import time

from unrolled import analyses, checks, guard, processor, results, settings, stage_times
from unrolled.analyses import base, trained


def main(name: str) -> None:
    """Check all settings, then do the analysis and write its checks, values and figures."""
    with results.exit_on_user_error():
        chosen = checks.everything()
        if name not in chosen.analyses:
            raise settings.SettingsError(f"there is no section analyses.{name}{settings.nearest(name, chosen.analyses)}")
        options = analyses.options_of(chosen.analyses[name])
        guard.join_pipeline()
        if "torch" in sys.modules:  # an analysis that computes has imported it by now; others need not wait for it
            processor.prepare()
        started = time.perf_counter()
        with stage_times.timed(f"analyse@{name}", chosen.scale):
            with trained.noted() as runs:
                result = analyses.ANALYSES[name].analyse(options, chosen)
            result.runs = sorted(runs)
            with guard.lock(f"analyse-{name}"):
                base.save(name, result)
        failed = [check.name for check in result.checks if not check.passed]
        print(f"analyse {name}: {len(result.checks)} checks, {len(failed)} fail, {len(result.figures)} figures "
              f"in {time.perf_counter() - started:.1f} s")


if __name__ == "__main__":
    main(*sys.argv[1:2] or [""])
