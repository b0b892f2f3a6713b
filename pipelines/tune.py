"""Choose learning rates on validation data: `make tune` (only what is stale; --all for everything; names of sections for those alone)."""

from __future__ import annotations

import sys

from unrolled import catalogue, guard, results, settings, tuning


def main(everything: bool, sections: list[str]) -> None:
    """Tune and print one line per run."""
    with results.exit_on_user_error():
        chosen = settings.load()
        catalogue.check(chosen)
        guard.join_pipeline()
        lines = tuning.tune(chosen, everything, sections)
        print("\n".join(lines) if lines else "tuned.yaml is up to date.")


if __name__ == "__main__":
    main("--all" in sys.argv[1:], [name for name in sys.argv[1:] if name != "--all"])
