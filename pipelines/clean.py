"""`make clean`: remove all that was made here but the data and the environment, so that the next run trains everything again."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

import yaml

from unrolled import guard, results, settings

COPIES = (".smoke", ".confirm", ".record", ".official")
LOCKS = (*(copy.removeprefix(".") for copy in COPIES), "reproduce", "tune")  # in the order in which others hold several
MADE = (results.RESULTS, results.REPORT, *COPIES, ".dvc/cache/runs", "dvc_plots", "mlflow.db", "mlruns")
OF_LOCKS = (".lock", ".holder")  # stay in .runs: whoever waits for a lock would get one of no account if its file were gone


def main() -> None:
    """Remove, and leave in dvc.lock what it says of the data: DVC would fetch anew what it knows nothing of."""
    with results.exit_on_user_error():
        with contextlib.ExitStack() as held:
            for name in LOCKS:
                held.enter_context(guard.lock(name))
            kept = _data_stages()
            for path in (*map(Path, MADE), *(path for path in results.RUNS.iterdir() if path.suffix not in OF_LOCKS)):
                shutil.rmtree(path, ignore_errors=True) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)
            if kept:
                results.write_text(results.DVC_LOCK, yaml.safe_dump({"schema": "2.0", "stages": kept}, sort_keys=False))
            else:
                results.DVC_LOCK.unlink(missing_ok=True)
        print("clean: data and environment are left; `make reproduce` trains everything again.")


def _data_stages() -> dict[str, object]:
    """Return what dvc.lock says of data sets."""
    stages = settings.read_yaml(results.DVC_LOCK).get("stages", {}) if results.DVC_LOCK.exists() else {}
    return {name: entry for name, entry in stages.items() if name.startswith("data@")}


if __name__ == "__main__":
    main()
