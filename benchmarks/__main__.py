"""`python -m benchmarks`: time updates, their cost against work, the pipeline and a spoken query, and write RESULTS.md."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from benchmarks import cost, machine, pipeline_time, search_time, update_time
from unrolled import processor, results

WITHOUT_GPU = """# On a GPU

Not run on a GPU: there was none at hand. docs/scaling.md does the arithmetic of what to expect.
"""
WITH_GPU = """# On a GPU

This machine has one, but these tables are of its processor; `pytest -m gpu` checks the GPU's results. docs/scaling.md does the
arithmetic of what to expect of its speed.
"""


def main(arguments: list[str] | None = None) -> None:
    """Measure, write the tables and print them."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="toy sizes, to see that it runs; the times mean nothing")
    parser.add_argument("--output", type=Path, default=Path(__file__).with_name("RESULTS.md"))
    options = parser.parse_args(arguments)
    with results.exit_on_user_error():
        text = "\n".join(sections(options.quick))
        results.write_text(options.output, text)
    print(text)


def sections(quick: bool) -> list[str]:
    """Return each part of the results; but for the pipeline, which has all cores, everything runs on one."""
    processor.prepare()
    machine.stay_on_one_core()
    try:
        peak = machine.peak()
        updates = [(sizes, *update_time.measure(sizes)) for sizes in (update_time.QUICK if quick else update_time.ALL)]
        costs, queries = (cost.QUICK, search_time.QUICK) if quick else (cost.Sizes(), search_time.Sizes())
        parts = [update_time.report(updates, peak), cost.report(cost.measure(costs), costs),
                 search_time.report(search_time.measure(queries), queries)]
    finally:
        machine.use_every_core()
    pipeline = pipeline_time.QUICK if quick else pipeline_time.Sizes()
    parts.insert(2, pipeline_time.report(pipeline_time.measure(pipeline), pipeline))
    return [*parts, WITH_GPU if torch.cuda.is_available() else WITHOUT_GPU]


if __name__ == "__main__":
    main()
