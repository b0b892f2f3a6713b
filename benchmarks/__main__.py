"""`python -m benchmarks`: time an update of every cell against its peers and write RESULTS.md."""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks import update_time
from unrolled import results


def main(arguments: list[str] | None = None) -> None:
    """Measure, write the table and print it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="toy sizes, to see that it runs; the times mean nothing")
    parser.add_argument("--output", type=Path, default=Path(__file__).with_name("RESULTS.md"))
    options = parser.parse_args(arguments)
    sizes = update_time.QUICK if options.quick else update_time.Sizes()
    with results.exit_on_user_error():
        table = update_time.report(update_time.measure(sizes), sizes)
        results.write_text(options.output, table)
    print(table)


if __name__ == "__main__":
    main()
