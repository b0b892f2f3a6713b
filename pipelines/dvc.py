"""DVC as `make reproduce` calls it: `python -m pipelines.dvc repro`. It does what `dvc` does, but reads params.yaml once.

DVC itself reads it anew for every stage, which with dozens of them takes two thirds of the time that it needs to find nothing to do.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Sequence

from dvc.cli import main as dvc
from dvc.utils.serialize import _yaml


def read_once() -> None:
    """Keep what a YAML file of settings was read as, by its text; nothing of DVC changes what it has read."""
    _yaml.parse_yaml = functools.cache(_yaml.parse_yaml)


def main(arguments: Sequence[str]) -> int:
    """Run a command of DVC; return its exit status."""
    read_once()
    return dvc(list(arguments))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
