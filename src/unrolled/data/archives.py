"""Reading members out of archives without trusting them: nothing is unpacked to disk by an archive's own say."""

from __future__ import annotations

import io
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from unrolled.results import UserError

# A damaged archive can claim to be encrypted (RuntimeError), packed by an unknown method (NotImplementedError), or of impossible sizes.
DAMAGE = (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, struct.error, EOFError, OSError, RuntimeError, ValueError,
          OverflowError)
LARGEST_MEMBER = 512 * 1024**2  # bytes; nothing the lecture needs comes near it


class DataError(UserError):
    """A data file cannot be had, or is not what it should be."""


def read_members(archive: Path, names: Iterable[str]) -> dict[str, bytes]:
    """Return the content of members of a zip (a wheel is one) or tar archive, by the name asked for.

    In a tar archive a name may leave out the leading folder that source packages have.

    Raises:
        DataError: the archive is damaged, or a member is missing, is a link, lies outside the archive or is larger than 512 MiB.
    """
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as opened:
                return {name: _zip_member(opened, name, archive) for name in names}
        with tarfile.open(archive) as opened:
            return {name: _tar_member(opened, name, archive) for name in names}
    except DAMAGE as error:
        reason = " ".join(str(error).split())[:200]
        raise DataError(f"{archive.name} is damaged ({reason}); delete it where it was kept and run the same command again.") from None


def _check(name: str, size: int, archive: Path) -> None:
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts:
        raise DataError(f"{archive.name} holds {name!r}, which points outside the archive; do not use this file.")
    if size > LARGEST_MEMBER:
        raise DataError(f"{archive.name} holds {name!r} of {size} bytes, more than the {LARGEST_MEMBER} that are read.")


def _zip_member(opened: zipfile.ZipFile, name: str, archive: Path) -> bytes:
    try:
        entry = opened.getinfo(name)
    except KeyError:
        raise DataError(f"{archive.name} has no member {name!r}; it is not the file that is meant.") from None
    _check(entry.filename, entry.file_size, archive)
    if (entry.external_attr >> 16) & 0o170000 == 0o120000:
        raise DataError(f"{archive.name}: {name!r} is a link, where a file is expected.")
    with opened.open(entry) as stream:
        return _limited(stream, name, archive)


def _tar_member(opened: tarfile.TarFile, name: str, archive: Path) -> bytes:
    matches = [entry for entry in opened.getmembers() if entry.name == name or entry.name.partition("/")[2] == name]
    if not matches:
        raise DataError(f"{archive.name} has no member {name!r}; it is not the file that is meant.")
    entry = matches[0]
    _check(entry.name, entry.size, archive)
    if not entry.isfile():
        raise DataError(f"{archive.name}: {name!r} is no plain file, where one is expected.")
    return _limited(opened.extractfile(entry), name, archive)


def _limited(stream: io.BufferedIOBase, name: str, archive: Path) -> bytes:
    """Read no more than is allowed, whatever the archive says of the size."""
    content = stream.read(LARGEST_MEMBER + 1)
    _check(name, len(content), archive)
    return content
