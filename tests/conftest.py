"""Shared by all tests: one thread, and folders of their own."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import filelock
import pytest
import threadpoolctl
import torch
from pieces import NAME as PIECE
from playwright.sync_api import Page, sync_playwright

from pipelines import sandbox
from unrolled import processor, settings

ROOT = Path(__file__).resolve().parent.parent
processor.prepare()
threadpoolctl.threadpool_limits(1)  # numpy was loaded before this package could say so
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell's background job ignores Ctrl-C, and so would all that tests start
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def params() -> dict:
    """params.yaml as a tree, to be changed at will: what an anchor shares in the file is not shared here."""
    return json.loads(json.dumps(settings.read_yaml(ROOT / "params.yaml")))


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory; results.py's paths are relative to it."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*command: str, folder: Path, check: bool = True) -> subprocess.CompletedProcess:
    """Run `python -m command` in a folder, with this Python first on the path."""
    environment = {**os.environ, "DVC_NO_ANALYTICS": "1", "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run([sys.executable, "-m", *command], cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0 or not check, done.stdout + done.stderr
    return done


def go_on(home: Path) -> None:
    """Do in `home` what `make smoke` has not done with the sources as they are now; DVC knows what that is."""
    folder, fresh = home / ".smoke", home / ".fresh"
    shutil.copytree(ROOT / ".smoke", folder, symlinks=True)
    with contextlib.chdir(home):
        sandbox.make_copy(fresh)
        sandbox.change_settings(fresh, "smoke")
    for source in fresh.iterdir():
        shutil.rmtree(folder / source.name) if source.is_dir() else (folder / source.name).unlink()
        source.rename(folder / source.name)
    run("dvc", "repro", "--no-run-cache", folder=folder)


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sources, in a folder with a blank and Chinese in its name, in which the smoke run has ended."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base  # workers share one run: whoever comes second waits for it
    home = shared / "循环 网络"
    with filelock.FileLock(shared / "smoke.lock"):
        if not (shared / "smoke.done").exists():
            shutil.rmtree(home, ignore_errors=True)
            home.mkdir()
            for name in sandbox.SOURCES:
                source = ROOT / name
                (shutil.copytree if source.is_dir() else shutil.copy2)(source, home / name)
            go_on(home) if (ROOT / ".smoke" / "dvc.lock").exists() else run("pipelines.sandbox", "smoke", folder=home)
            (shared / "smoke.done").touch()
    return home / ".smoke"


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the small pipeline has ended to which nothing happened, a blank and Chinese in the folder's name; to be copied, not changed."""
    import small_pipeline  # here: it imports from this file

    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    home = shared / "小 循环"
    with filelock.FileLock(shared / "small.lock"):
        if not (shared / "small.done").exists():
            shutil.rmtree(home, ignore_errors=True)
            small_pipeline.finish(small_pipeline.make(home))
            (shared / "small.done").touch()
    return home


BROWSER = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None)


@pytest.fixture(scope="session")
def chromium() -> Iterator[object]:
    """A headless Chromium of this machine; tests are skipped where there is none."""
    if BROWSER is None:
        pytest.skip("no Chromium here: install Debian's package `chromium`")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox", "--autoplay-policy=no-user-gesture-required"])
        yield browser
        browser.close()


LATE = "ResizeObserver loop completed with undelivered notifications"  # of MLflow's pages, on a busy machine: the rest comes a frame later


@pytest.fixture
def visit(chromium) -> Iterator[Callable[..., Page]]:
    """Open an address: `visit(address, locale="zh-CN", viewport={...}, color_scheme="dark")`.

    When the test ends, no page may have complained on its console or asked anything of another machine.
    """
    contexts, faults = [], []

    def opened(address: str, **options: object) -> Page:
        contexts.append(chromium.new_context(**({"locale": "en-US"} | options)))
        page = contexts[-1].new_page()

        def complained(text: str) -> None:
            if LATE not in text or page.url.startswith("file:"):
                faults.append(text)

        page.on("console", lambda message: message.type == "error" and complained(message.text))
        page.on("pageerror", lambda error: complained(str(error)))
        page.on("request", lambda request: request.url.startswith(("file:", "data:", "blob:", "http://127.0.0.1:"))
                or faults.append(f"asks for {request.url}"))
        page.goto(address)
        if page.locator(f"#{PIECE}").count():  # a piece is drawn when its place is seen to be near, some time after the page is there
            page.locator(f"#{PIECE} > *").first.wait_for(state="attached")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not faults


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs a GPU where there is none."""
    for item in items:
        if item.get_closest_marker("gpu") and not torch.cuda.is_available():
            item.add_marker(pytest.mark.skip(reason="torch finds no CUDA device"))
