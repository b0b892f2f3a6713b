"""DVC as `make reproduce` calls it: `python -m pipelines.dvc repro`. It does what `dvc` does, but finds settings faster.

DVC itself reads params.yaml anew for every stage, and goes through all of it for every setting that a stage names: with dozens of stages
that is most of the time that it needs to find nothing to do.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import dpath
from dvc.cli import main as dvc
from dvc.utils.serialize import _yaml


def read_once() -> None:
    """Keep what a YAML file of settings was read as, by its text; nothing of DVC changes what it has read."""
    _yaml.parse_yaml = functools.cache(_yaml.parse_yaml)


def straight(search: Callable[..., Any]) -> Callable[..., Any]:
    """Return `dpath.get` that goes straight to a path of plain names, and leaves all else, as patterns, to `search`."""

    @functools.wraps(search)
    def get(tree: Mapping[str, Any], path: str, **options: Any) -> Any:
        found: Any = tree
        for name in path.split(options.get("separator", "/")):
            if not isinstance(found, Mapping) or name not in found:
                return search(tree, path, **options)
            found = found[name]
        return found

    return get


def main(arguments: Sequence[str]) -> int:
    """Run a command of DVC; return its exit status."""
    read_once()
    dpath.get = straight(dpath.get)
    return dvc(list(arguments))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
