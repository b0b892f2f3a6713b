"""Ray nodes on this machine that see nothing of a checkout, as if they stood elsewhere."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
from conftest import ROOT

RAY = Path(sys.executable).parent / "ray"
HIDING = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]  # a file system of its own, in which a folder can be covered


def free_port() -> int:
    """Return a port that nobody listens at."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return bound.getsockname()[1]


def environment() -> dict[str, str]:
    """Return an environment with a token of its own: whoever does not know it is refused by the nodes started with it."""
    return {**os.environ, "RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}


class Nodes:
    """A head of one processor, further nodes, and their environment."""

    def __init__(self, folder: Path, hidden: Path) -> None:
        self.folder, self.hidden, self.environment = folder, hidden, environment()
        self.address, self.started = f"127.0.0.1:{free_port()}", []
        port = free_port()
        self.client_address = f"ray://127.0.0.1:{port}"
        self.start("--head", "--node-ip-address=127.0.0.1", f"--port={self.address.split(':')[1]}", f"--ray-client-server-port={port}", f"--temp-dir={folder}",
                   "--include-dashboard=false")

    def start(self, *arguments: str) -> subprocess.Popen:
        """Start a node that sees neither the sources nor the working folder, where this machine allows to cover them."""
        line = [str(RAY), "start", "--block", "--num-cpus=1", "--disable-usage-stats", *arguments]
        if can_hide():
            cover = 'mount -t tmpfs none "$0" && mount -t tmpfs none "$1" && shift && exec "$@"'
            line = [*HIDING, cover, str(self.hidden), str(ROOT / "src"), *line]
        with (self.folder / f"node{len(self.started)}.log").open("w") as log:
            self.started.append(subprocess.Popen(line, cwd="/", env=self.environment, stdout=log, stderr=log, start_new_session=True))
        return self.started[-1]

    def join(self) -> subprocess.Popen:
        """Start a node that joins the head, under another address, so that no driver takes it for its own."""
        return self.start(f"--address={self.address}", f"--node-ip-address=127.0.0.{len(self.started) + 1}")

    def wait(self, count: int) -> None:
        """Wait until so many nodes are there."""
        ask = f"import ray; ray.init('{self.address}', logging_level='ERROR'); print(sum(node['Alive'] for node in ray.nodes()))"
        deadline, said = time.monotonic() + 60, ""
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(tuple(self.address.split(":")), timeout=1):
                done = subprocess.run([sys.executable, "-c", ask], env=self.environment, capture_output=True, text=True, check=False)
                said = done.stdout + done.stderr
                if done.stdout.strip() == str(count):
                    return
            time.sleep(0.5)
        raise AssertionError(said + "".join(path.read_text() for path in self.folder.glob("node*.log")))


def wait_until_busy(node: subprocess.Popen) -> None:
    """Wait until a worker of a node is at a job: Ray names the process after the function that it runs."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        with contextlib.suppress(psutil.Error):
            for process in psutil.Process(node.pid).children(recursive=True):
                with contextlib.suppress(psutil.Error):
                    if process.cmdline()[:1] == ["ray::train_there"]:
                        return
        time.sleep(0.02)
    raise AssertionError("no worker of the node was given a job")


def kill(node: subprocess.Popen) -> None:
    """End a node, all processes of it, as a power cut would."""
    with contextlib.suppress(psutil.Error):
        root = psutil.Process(node.pid)
        for process in (root, *root.children(recursive=True)):
            with contextlib.suppress(psutil.Error):
                process.kill()
    node.wait()


def can_hide() -> bool:
    """Return whether this machine lets one cover a folder for some processes only."""
    return shutil.which("unshare") is not None and not subprocess.run(
        [*HIDING, "mount -t tmpfs none tests"], cwd=ROOT, check=False, capture_output=True).returncode


@contextlib.contextmanager
def cluster(hidden: Path, joined: int) -> Iterator[Nodes]:
    """Yield a running cluster of a head and so many more nodes; nothing of it is left behind."""
    folder = Path(tempfile.mkdtemp(prefix="ray"))  # a short path: Ray makes sockets below it
    nodes = Nodes(folder, hidden)
    try:
        nodes.wait(1)
        for _ in range(joined):
            nodes.join()
        nodes.wait(1 + joined)
        yield nodes
    finally:
        for node in nodes.started:
            kill(node)
        shutil.rmtree(folder, ignore_errors=True)
