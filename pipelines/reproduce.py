"""The whole pipeline: check the settings, `dvc repro`, and mirror the results into the dashboard. `make reproduce`."""

from __future__ import annotations

import os
import sys
from collections import Counter

from unrolled import analyses, catalogue, engines, guard, results, settings
from unrolled.judging import claims


def main() -> None:
    """Run what changed; with nothing to do, say so."""
    with results.exit_on_user_error():
        check()
        guard.end_on_signals()
        with guard.lock("reproduce"):
            before = _verdicts_stamp()
            os.environ["DVC_NO_ANALYTICS"] = "1"
            for command in (["dvc", "repro"], ["pipelines.track"]):
                status = guard.run_pipeline([sys.executable, "-m", *command])
                if status:
                    sys.exit(max(status, 1))
        _summary(changed=_verdicts_stamp() != before)


def check() -> None:
    """Check every setting, option and claim before anything runs."""
    chosen = settings.load()
    catalogue.check(chosen)
    analyses.check(chosen)
    claims.load()
    engines.check(chosen)


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
