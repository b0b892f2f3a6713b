"""Data and results to and from a place that others reach: `make push`, `make pull`; UNROLLED_REMOTE names a folder or s3://bucket/prefix.

DVC moves the files, by the hash of their content. Which files belong together dvc.lock says. Git does not keep it, since it holds hashes of
files with seconds in them, which differ from run to run; so it is laid beside DVC's files, under a hash of the sources that made them, and
a checkout of the same sources that pulls has nothing left to do.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from pipelines.sandbox import SOURCES
from unrolled import guard, results

VARIABLE = "UNROLLED_REMOTE"
NAME = "unrolled"
FILES = (results.metrics_file().name, results.DVC_LOCK.name)  # what is in no cache of DVC's; the last tells that all is there


class RemoteError(results.UserError):
    """The remote is not named, cannot be used, or lacks what is asked of it."""


def main(what: str) -> None:
    """Push or pull."""
    with results.exit_on_user_error():
        if what not in ("push", "pull"):
            raise RemoteError(f"pipelines.remote takes push or pull, not {what!r}.")
        os.environ["DVC_NO_ANALYTICS"] = "1"
        address = chosen_remote(what)
        guard.end_on_signals()
        with guard.lock("reproduce"):
            _dvc("remote", "add", "--quiet", "--local", "--force", "--default", NAME, address)
            _dvc("remote", "modify", "--quiet", "--local", NAME, "verify", "true")  # else DVC takes over a damaged file as it is
            (push if what == "push" else pull)()


def chosen_remote(what: str) -> str:
    """Return the address in UNROLLED_REMOTE.

    Raises:
        RemoteError: it is missing, is neither a folder nor S3, or DVC's part for S3 is not installed.
    """
    address = os.environ.get(VARIABLE, "")
    if not address:
        raise RemoteError(f"{VARIABLE} is not set; name a folder or s3://bucket/prefix: `make {what} {VARIABLE}=/somewhere/shared`.")
    if address.startswith("s3://"):
        if importlib.util.find_spec("dvc_s3") is None:
            raise RemoteError(f"{VARIABLE} is {address}, but DVC's part for S3 is not installed; run `pip install dvc-s3`.")
        return address
    if "://" in address:
        raise RemoteError(f"{VARIABLE} is {address}; give a folder or s3://bucket/prefix.")
    try:
        folder = Path(address).expanduser()
    except RuntimeError:
        raise RemoteError(f"{VARIABLE} is {address}, but there is no such user; give the whole path of the folder.") from None
    if what == "pull" and not folder.is_dir():
        raise RemoteError(f"{VARIABLE} is {address}, but there is no such folder; correct it, or `make push` there first.")
    return str(folder.resolve())


def push() -> None:
    """Send data, results and report, then what says that they belong together: whoever pulls meanwhile finds either all or nothing new.

    Raises:
        RemoteError: nothing has been run here yet, or what has is not of these sources.
    """
    if not results.DVC_LOCK.exists():
        raise RemoteError("dvc.lock is missing, so there is nothing to push; run `make reproduce` first.")
    if subprocess.run([sys.executable, "-m", "dvc", "status", "--quiet"], check=False).returncode:
        raise RemoteError("these results are not those of the sources as they are now; run `make reproduce` first.")
    _dvc("push")
    system, root = _place()
    for folder in (_sources_hash(), "latest"):
        for name in filter(lambda name: Path(name).exists(), FILES):
            target = system.join(root, "locks", folder, name)
            system.makedirs(system.parent(target), exist_ok=True)
            system.put_file(name, target)
    print("push: data, results and report are there; `make pull` gets them in a checkout of the same commit.")


def pull() -> None:
    """Get data, results and report that the same sources made, or the latest there are.

    Raises:
        RemoteError: nothing has been pushed there, or results of another run stand here.
    """
    system, root = _place()
    same, latest = (system.join(root, "locks", folder) for folder in (_sources_hash(), "latest"))
    found = same if system.exists(system.join(same, results.DVC_LOCK.name)) else latest
    if not system.exists(system.join(found, results.DVC_LOCK.name)):
        raise RemoteError(f"nothing has been pushed to {root} yet; run `make push` where the results are.")
    lock = system.cat_file(system.join(found, results.DVC_LOCK.name))
    if results.DVC_LOCK.exists() and results.DVC_LOCK.read_bytes() != lock:
        raise RemoteError("this checkout has results of its own, which `make pull` would replace; "
                          "move dvc.lock away if you do not need them.")
    for name in FILES[:-1]:
        if system.exists(system.join(found, name)):
            results.write_bytes(name, system.cat_file(system.join(found, name)))
    results.write_bytes(results.DVC_LOCK, lock)
    _dvc("pull", "--force")
    print("pull: everything is here; `make reproduce` has nothing left to do." if found == same else
          "pull: the latest results are here, of other sources than these; `make reproduce` does again what differs.")


def _place() -> tuple[Any, str]:
    """Return the remote's file system as DVC sees it, and the root of what DVC keeps there."""
    from dvc.repo import Repo  # takes a second to import: after everything that can be refused

    store = Repo().cloud.get_remote_odb(NAME)
    return store.fs, store.fs.parent(store.fs.parent(store.path)) if store.path.endswith("files/md5") else store.path


def _sources_hash() -> str:
    """Return a hash of all that decides what a run leaves."""
    paths = sorted(path for name in SOURCES for path in (Path(name), *Path(name).rglob("*")) if path.is_file())
    kept = [path for path in paths if path.suffix != ".pyc" and not any(part.endswith(".egg-info") for part in path.parts)]
    return results.bytes_hash("".join(f"{path.as_posix()}\0{results.file_hash(path)}\n" for path in kept).encode())


def _dvc(*arguments: str) -> None:
    """Run DVC; its own messages are shown."""
    if subprocess.run([sys.executable, "-m", "dvc", *arguments], check=False).returncode:
        raise RemoteError(f"`dvc {arguments[0]}` failed; its message stands above.")


if __name__ == "__main__":
    main(*sys.argv[1:2] or ["?"])
