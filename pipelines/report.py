"""Results and verdicts -> report/index.html: `python -m pipelines.report`."""

from __future__ import annotations

import time

from unrolled import guard, results, settings, stage_times
from unrolled.reporting import page


def main() -> None:
    """Build the page and put it in place."""
    with results.exit_on_user_error():
        guard.join_pipeline()
        started = time.perf_counter()
        chosen = settings.load()
        with stage_times.timed("report", chosen.scale):
            html = page.build(chosen)
            with guard.lock("report"), results.replaced_folder(results.REPORT) as folder:  # `make report` may run beside the stage
                results.write_text(folder / "index.html", html)
                results.write_text(folder / "plotly.min.js", page.plotting_library())
                page.copy_sounds(chosen, folder)
        print(f"report: {results.REPORT / 'index.html'}, {len(html) / 1e6:.1f} MB in {time.perf_counter() - started:.1f} s")


if __name__ == "__main__":
    main()
