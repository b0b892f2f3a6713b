"""The dashboard in headless Chromium: what `make dashboard` prints leads to runs, charts, a comparison and figures, on this machine alone."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from conftest import ROOT

pytestmark = pytest.mark.browser
PATIENCE = 60_000  # milliseconds: MLflow's page is large


class Dashboard:
    """A running dashboard, and what it has printed."""

    def __init__(self, folder: Path) -> None:
        self.complaints = tempfile.TemporaryFile("w+")  # noqa: SIM115 (as long as the process)
        self.process = subprocess.Popen([sys.executable, "-m", "pipelines.dashboard"], cwd=folder, stdout=subprocess.PIPE,
                                        stderr=self.complaints, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
        watchdog = threading.Timer(120, self.process.kill)
        watchdog.start()
        self.lines = []
        for line in self.process.stdout:
            self.lines.append(line.rstrip())
            if line.startswith("The dashboard is open at"):
                break
        watchdog.cancel()
        self.home = re.search(r"http://127\.0\.0\.1:\d+", self.lines[-1]).group()

    def ask(self, path: str, host: str | None = None, method: str = "GET") -> http.client.HTTPResponse:
        place = urllib.parse.urlsplit(self.home)
        connection = http.client.HTTPConnection(place.hostname, place.port, timeout=60)
        connection.request(method, path, headers={"Host": host} if host else {})
        return connection.getresponse()


@contextlib.contextmanager
def open_dashboard(folder: Path) -> Iterator[Dashboard]:
    dashboard = Dashboard(folder)
    try:
        yield dashboard
    finally:
        children = psutil.Process(dashboard.process.pid).children(recursive=True)
        dashboard.process.terminate()
        assert dashboard.process.wait(timeout=30) == 0
        assert not [child for child in children if child.is_running()]


@pytest.fixture(scope="module")
def dashboard(whole) -> Iterator[Dashboard]:
    with open_dashboard(whole) as opened:
        yield opened


def test_what_it_prints(dashboard):
    """An address and what to compare for each task, and the comparison of LSTM with the plain network."""
    tasks = [re.match(r"  http://127\.0\.0\.1:\d+/unrolled/(\w+) +\w", line) for line in dashboard.lines]
    assert sum(bool(found) for found in tasks) == 22
    assert f"LSTM against the plain RNN:  {dashboard.home}/unrolled/adding/compare" in dashboard.lines
    dashboard.complaints.seek(0)
    assert "Warning" not in dashboard.complaints.read()


def test_the_table_shows_every_run_those_to_look_at_first_on_top(dashboard, visit):
    page = visit(f"{dashboard.home}/unrolled/templates", viewport={"width": 1800, "height": 900})
    page.get_by_text("4 matching runs").wait_for(timeout=PATIENCE)
    page.wait_for_function("document.querySelectorAll('.ag-pinned-left-cols-container .ag-row a').length === 4", timeout=PATIENCE)
    names = page.evaluate("""[...document.querySelectorAll('.ag-pinned-left-cols-container .ag-row')]
        .sort((one, other) => one.getAttribute('row-index') - other.getAttribute('row-index')).map(row => row.querySelector('a').innerText)""")
    assert names == ["elman", "feed_forward", "bidirectional_elman", "elman_matched"]
    for column in ("final/accuracy_slots", "spread/accuracy_slots", "cell", "learning_rate", "seeds"):
        assert page.get_by_role("columnheader").filter(has_text=column).count()
    assert page.get_by_text("逐个网络看").count() and not page.get_by_text("MLflow Assistant").is_visible()


@pytest.mark.long
def test_the_charts_are_those_that_tell_the_runs_apart(dashboard, visit):
    page = visit(f"{dashboard.home}/unrolled/adding/charts", viewport={"width": 1400, "height": 1400})
    page.get_by_text("(6)").wait_for(timeout=PATIENCE)
    assert "What to compare" in page.get_by_text("(6)").locator("..").inner_text()
    for chart in ("final/success", "training/loss", "training/loss_first_seed", "training/gradient_norm"):
        page.get_by_text(chart, exact=True).first.wait_for(timeout=PATIENCE)
    page.locator(".js-plotly-plot .scatterlayer .trace, .js-plotly-plot .scatterlayer path.js-line").first.wait_for(
        state="attached", timeout=PATIENCE)


@pytest.mark.long
def test_a_comparison_shows_settings_and_scores_of_both(dashboard, visit):
    page = visit(f"{dashboard.home}/unrolled/adding/compare", viewport={"width": 1400, "height": 2400})
    page.get_by_text("Comparing 2 Runs from 1 Experiment").wait_for(timeout=PATIENCE)
    rows = [" ".join(text.split()) for text in page.get_by_role("row").all_inner_texts()]
    assert "Run Name: lstm tanh" in rows and "cell lstm elman" in rows
    page.get_by_text("final/mean_squared_error").first.wait_for(timeout=PATIENCE)
    table = page.locator("body").inner_text().partition("\nfinal/diverged\n")[2].partition("\nArtifacts\n")[0].split("\n")
    names = ["final/diverged", *(text for text in table if "/" in text)]  # their column stands before that of the numbers, two for each
    numbers = [float(text) for text in table if "/" not in text]
    assert len(numbers) == 2 * len(names) and {"final/success", "spread/success", "training/loss_first_seed"} <= set(names)
    place = names.index("final/mean_squared_error")
    assert all(0 < number < 1 for number in numbers[2 * place : 2 * place + 2])


@pytest.mark.long
def test_figures_of_the_task_are_among_a_runs_artifacts(dashboard, visit):
    page = visit(f"{dashboard.home}/unrolled/adding")
    page.get_by_role("link", name="lstm", exact=True).click(timeout=PATIENCE)
    page.get_by_role("tab", name="Artifacts").click(timeout=PATIENCE)
    page.get_by_text("figures", exact=True).click(timeout=PATIENCE)
    page.get_by_text("learning_curves.svg", exact=True).first.click(timeout=PATIENCE)
    page.wait_for_function("[...document.querySelectorAll('img')].some(image => image.src.startsWith('blob:') && image.naturalWidth > 300)",
                           timeout=PATIENCE)


@pytest.mark.parametrize(("host", "status"), [("127.0.0.1:5050", 200), ("localhost:5050", 200), ("elsewhere.example", 403)])
def test_only_this_machine_is_answered(dashboard, host, status):
    """Another site's name that was made to lead here, as DNS rebinding does, is refused, for our own addresses too."""
    assert dashboard.ask("/", host).status == status
    assert dashboard.ask("/unrolled/adding", host).status == {200: 302, 403: 403}[status]


def test_it_listens_on_this_machine_alone(dashboard):
    listening = {line.laddr.ip for line in psutil.Process(dashboard.process.pid).net_connections("inet") if line.status == psutil.CONN_LISTEN}
    assert listening == {"127.0.0.1"}


def test_the_assistant_runs_no_commands(dashboard):
    assert dashboard.ask("/ajax-api/3.0/mlflow/assistant/message", method="POST").status == 403


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.long)])
def test_a_taken_port_is_passed_over_and_a_signal_ends_it(whole, number):
    with socket.socket() as taken:
        with contextlib.suppress(OSError):  # something has it already: as good
            taken.bind(("127.0.0.1", 5050))
            taken.listen()
        dashboard = Dashboard(whole)
        assert not dashboard.home.endswith(":5050") and dashboard.ask("/").status == 200
        dashboard.process.send_signal(number)
        said, _ = dashboard.process.communicate(timeout=30)
    assert dashboard.process.returncode == 0 and said.strip() == "The dashboard is closed."
