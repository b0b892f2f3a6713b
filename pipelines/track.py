"""Results -> MLflow: `make track`; with --follow the trainings that are running, live; with --stage as DVC's last stage."""

from __future__ import annotations

import sys
import time

from unrolled import guard, results, settings, stage_times, tracking

EVERY_SECONDS = 3


def main(arguments: list[str]) -> None:
    """Mirror once, or for as long as something trains."""
    with results.exit_on_user_error():
        chosen = settings.load()
        if "--follow" in arguments:
            follow(chosen)
            return
        guard.join_pipeline()
        if "--stage" in arguments:
            with stage_times.timed("track", chosen.scale):
                counts = tracking.mirror(chosen)
                hashes = {f"{task}/{run}": tracking.result_hash(task, run) for task, section in chosen.tasks.items() for run in section.runs
                          if results.run_file(task, run).exists()}
                results.write_json(results.RESULTS / "tracked.json", {"format": results.FORMAT, "runs": hashes})
        else:
            counts = tracking.mirror(chosen)
        print("track: " + (", ".join(f"{count} {what}" for what, count in sorted(counts.items())) or "no results yet"))


def follow(chosen: settings.Settings) -> None:
    """Mirror running trainings every few seconds until Ctrl-C."""
    print("follow: mirroring running trainings; Ctrl-C ends it.", flush=True)
    before = ""
    try:
        while True:
            complaint = _mirror_or_complain(chosen)
            if complaint and complaint == before:  # it stays, so no stage is writing there
                print(f"follow: {complaint}", file=sys.stderr, flush=True)
            before = complaint
            tracking.mirror_live(chosen)
            time.sleep(EVERY_SECONDS)
    except KeyboardInterrupt:
        print("follow: ended.")


def _mirror_or_complain(chosen: settings.Settings) -> str:
    """Mirror what is finished; return what kept this turn from it, as when DVC clears the results of a stage that it starts."""
    try:
        tracking.mirror(chosen)
    except (results.ResultsError, FileNotFoundError) as error:
        return str(error)
    return ""


if __name__ == "__main__":
    main(sys.argv[1:])
