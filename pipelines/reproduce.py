"""The whole pipeline: check the settings, then run every stage that is out of date, some side by side. `make reproduce`."""

from __future__ import annotations

import contextlib
import os
import sys
from collections import Counter
from collections.abc import Iterator

from unrolled import checks, engines, guard, lanes, results, settings


def main() -> None:
    """Run what changed; with nothing to do, say so."""
    with results.exit_on_user_error():
        with prepared() as (chosen, answer), guard.lock("reproduce"):
            before = _verdicts_stamp()
            status = lanes.reproduce(chosen, answer) or _fill_missing_store()
            if status:
                sys.exit(max(status, 1))
        _summary(changed=_verdicts_stamp() != before)


@contextlib.contextmanager
def prepared() -> Iterator[tuple[settings.Settings, lanes.Answer]]:
    """Give the checked settings, and what `lanes.asking` gives, which looks for what is out of date meanwhile."""
    settings.load()
    guard.end_on_signals()
    os.environ["DVC_NO_ANALYTICS"] = "1"
    with lanes.asking() as answer:
        yield check(), answer


def check() -> settings.Settings:
    """Return the settings, after every one of them, every option and claim, and the engine have been checked."""
    chosen = checks.everything()
    engines.check(chosen)
    return chosen


def _fill_missing_store() -> int:
    """Mirror the results again where somebody has taken the dashboard's store away: no stage of the pipeline misses it."""
    there = results.STORE.exists() and not os.environ.get("MLFLOW_TRACKING_URI")
    return 0 if there else guard.run_pipeline([sys.executable, "-m", "pipelines.track"])


def _verdicts_stamp() -> float:
    path = results.verdicts_file()
    return path.stat().st_mtime if path.exists() else 0.0


def _summary(changed: bool) -> None:
    """Print the count of each verdict and where to look."""
    claims = results.read_result(results.verdicts_file())["claims"]
    counts = Counter(claim["verdict"] for claim in claims.values())
    print(f"{'Verdicts' if changed else 'Nothing changed; verdicts'}: "
          + ", ".join(f"{count} {verdict}" for verdict, count in counts.most_common()))
    print(f"Read {results.REPORT / 'index.html'}; `make dashboard` shows the runs.")


if __name__ == "__main__":
    main()
