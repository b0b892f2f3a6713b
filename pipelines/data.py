"""Fetch one data set by checksum and freeze it to data/<name>/: `python -m pipelines.data slots`."""

from __future__ import annotations

import sys
import time

from unrolled import data, guard, results, settings, stage_times


def main(name: str) -> None:
    """Build the set beside its place, then put it there."""
    with results.exit_on_user_error():
        chosen = settings.load()
        data_set = data.make(name, chosen.data.sets.get(name, {}))
        guard.join_pipeline()
        started = time.perf_counter()
        with (stage_times.timed(f"data@{name}", chosen.scale), guard.lock(f"data-{name}"),
              results.replaced_folder(results.data_folder(name)) as folder):
            card = data_set.build(chosen.data.source, folder)
        counts = ", ".join(f"{count} {split}" for split, count in card["splits"].items())
        print(f"data {name}: {counts} in {time.perf_counter() - started:.1f} s")


if __name__ == "__main__":
    main(*sys.argv[1:2] or [""])
