"""Hold results/ against reference/: `make verify`. With --write this run becomes the reference, also in the READMEs and their picture."""

from __future__ import annotations

import sys

from unrolled import results, verifying
from unrolled.reporting import front, readme


def main(write: bool) -> None:
    """Print a table of differences; exit 1 if any is not excused."""
    with results.exit_on_user_error():
        if write:
            verifying.write_reference()
            readme.update(results.read_result(results.verdicts_file())["claims"])
            front.update()
            print(f"verify: {results.REFERENCE}/ now holds this run.")
            return
        rows = verifying.differences()
    for row in rows:
        print(f"{row['kind']:8} {row['name']:48} {row['reference']:>22} -> {row['here']:22} {row['excuse']}")
    serious = [row for row in rows if not row["excuse"]]
    print(f"verify: {len(serious)} differences from the reference, {len(rows) - len(serious)} excused.")
    sys.exit(1 if serious else 0)


if __name__ == "__main__":
    main("--write" in sys.argv[1:])
