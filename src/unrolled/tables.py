"""Tables of what there is, whose entries are imported when first asked for: the imports of all take seconds, and a stage needs few."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from typing import Any


class Table(Mapping[str, Any]):
    """A mapping of names to modules, or to what a module defines.

    Args:
        package: in which the modules lie.
        places: by name, `module`, or `module.Thing` for what it defines.
    """

    def __init__(self, package: str, places: Mapping[str, str]) -> None:
        self.package, self.places = package, places

    def __getitem__(self, name: str) -> Any:
        """Import an entry.

        Raises:
            KeyError: there is no such name.
        """
        module, _, thing = self.places[name].partition(".")
        found = importlib.import_module(f"{self.package}.{module}")
        return getattr(found, thing) if thing else found

    def __contains__(self, name: object) -> bool:
        return name in self.places

    def __iter__(self) -> Iterator[str]:
        return iter(self.places)

    def __len__(self) -> int:
        return len(self.places)
