"""`python -m benchmarks`: time an update of every cell, and a spoken query, against their peers and write RESULTS.md."""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks import search_time, update_time
from unrolled import results


def main(arguments: list[str] | None = None) -> None:
    """Measure, write the table and print it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="toy sizes, to see that it runs; the times mean nothing")
    parser.add_argument("--output", type=Path, default=Path(__file__).with_name("RESULTS.md"))
    options = parser.parse_args(arguments)
    sizes = update_time.QUICK if options.quick else update_time.Sizes()
    searched = search_time.QUICK if options.quick else search_time.Sizes()
    with results.exit_on_user_error():
        tables = [update_time.report(update_time.measure(sizes), sizes), search_time.report(search_time.measure(searched), searched)]
        table = "\n".join(tables)
        results.write_text(options.output, table)
    print(table)


if __name__ == "__main__":
    main()
