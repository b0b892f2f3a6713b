"""The report and the dashboard in headless Chromium."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import ROOT

BROWSER = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None)
pytestmark = [pytest.mark.browser, pytest.mark.skipif(BROWSER is None, reason="no Chromium here")]


def page(address: str, profile: Path, language: str = "en-US", wait: int = 3000) -> str:
    """Return the page as it stands after its scripts have run."""
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--disable-sync", f"--accept-lang={language}", f"--user-data-dir={profile}",
             f"--virtual-time-budget={wait}", "--dump-dom"]
    done = subprocess.run([BROWSER, *flags, address], capture_output=True, text=True, timeout=90, check=False,
                          env={**os.environ, "LANGUAGE": language.replace("-", "_"), "LC_ALL": "C.UTF-8"})
    return done.stdout


@pytest.mark.parametrize(("language", "shown"), [("en-US", "en"), ("zh-CN", "zh")])
def test_the_report_speaks_the_readers_language(whole, tmp_path, language, shown):
    text = page((whole / "report" / "index.html").as_uri(), tmp_path, language)
    assert re.search(rf'<html[^>]*data-language="{shown}"', text) and text.count("<article") == 42


def test_the_dashboard_lists_every_run_of_a_task(whole, tmp_path):
    server = subprocess.Popen([sys.executable, "-m", "pipelines.dashboard"], cwd=whole, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              text=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    try:
        address = next(line.split()[1] for line in server.stdout if "unrolled/templates" in line.split())
        assert address.startswith("http://127.0.0.1:")
        text, deadline = "", time.monotonic() + 60
        while "bidirectional_elman" not in text and time.monotonic() < deadline:
            text = page(address, tmp_path, wait=12000)
        assert all(name in text for name in ("feed_forward", "elman_matched", "bidirectional_elman"))
    finally:
        server.terminate()
        assert server.wait(timeout=30) == 0


def test_a_point_of_the_map_of_words_plays_its_sound(whole, tmp_path):
    shutil.copytree(whole / "report", tmp_path / "report")
    index = tmp_path / "report" / "index.html"
    index.write_text(index.read_text(encoding="utf-8") + """<script>
    player.addEventListener("loadedmetadata", () => { document.body.dataset.seconds = player.duration; });
    const plot = document.getElementById("plot-audio_tsne-audio_tsne");
    setTimeout(() => plot.scrollIntoView(), 300);
    setInterval(() => { if (plot.data && !player.src) plot.emit("plotly_click", {points: [{customdata: plot.data[0].customdata[0]}]}); }, 300);
    setInterval(() => { document.body.dataset.played = player.src; }, 300);
    </script>""", encoding="utf-8")
    text = page(index.as_uri(), tmp_path / "profile", wait=15000)
    played = re.search(r'data-played="([^"]+\.wav)"', text).group(1)
    assert Path(played.removeprefix("file://")).exists()
    assert 0.1 < float(re.search(r'data-seconds="([\d.]+)"', text).group(1)) < 3
