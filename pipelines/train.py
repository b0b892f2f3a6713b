"""Train all runs of one task: `python -m pipelines.train adding`."""

from __future__ import annotations

import sys

from unrolled import catalogue, execution, guard, results, settings, stage_times


def main(name: str) -> None:
    """Check all settings, then train one section."""
    with results.exit_on_user_error():
        chosen = settings.load()
        catalogue.check(chosen)
        if name not in chosen.tasks:
            raise settings.SettingsError(f"there is no section tasks.{name}{settings.nearest(name, chosen.tasks)}")
        guard.join_pipeline()
        with stage_times.timed(f"train@{name}", chosen.scale):
            execution.train_section(chosen, name)


if __name__ == "__main__":
    main(*sys.argv[1:2] or [""])
