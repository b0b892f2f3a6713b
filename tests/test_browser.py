"""The whole pipeline's report and dashboard in headless Chromium."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.parse

import pytest
from conftest import ROOT

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(("locale", "shown"), [("en-US", "en"), ("zh-CN", "zh")])
def test_the_report_speaks_the_readers_language(whole, visit, locale, shown):
    page = visit((whole / "report" / "index.html").as_uri(), locale=locale)
    assert page.locator("html").get_attribute("data-language") == shown and page.locator("article").count() == 42
    page.add_style_tag(content="article, .run { content-visibility: visible !important; }")
    page.set_viewport_size({"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_every_sentence_of_a_card_has_the_same_numbers_in_both_languages(whole, visit):
    page = visit((whole / "report" / "index.html").as_uri())
    faults = page.evaluate("""[...document.querySelectorAll('article span[lang=en]')].filter(part => !part.closest('svg, figure')).flatMap(part => {
        const numbers = text => (text.replace(/(\\d),(?=\\d{3})/g, '$1').match(/\\d*\\.?\\d+/g) || []).map(Number).sort().join(' ');
        const [english, chinese] = [part.textContent, part.nextElementSibling.textContent];
        return numbers(english) === numbers(chinese) ? [] : [[english, chinese]];
    })""")
    assert page.locator("article span[lang=en]").count() > 1000 and not faults


def _wait_for(address: str) -> None:
    """Wait until the server, which says its address before it listens there, takes calls."""
    place, deadline = urllib.parse.urlsplit(address), time.monotonic() + 60
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            socket.create_connection((place.hostname, place.port), timeout=5).close()
            return
        time.sleep(0.2)


def test_the_dashboard_lists_every_run_of_a_task(whole, chromium):
    """Not by `visit`: MLflow's own pages complain on the console of what they do not find. They ask nothing of another machine."""
    server = subprocess.Popen([sys.executable, "-m", "pipelines.dashboard"], cwd=whole, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              text=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    try:
        address = next(line.split()[1] for line in server.stdout if "unrolled/templates" in line.split())
        assert address.startswith("http://127.0.0.1:")
        _wait_for(address)
        page, asked = chromium.new_page(locale="en-US"), []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(address)
        for name in ("feed_forward", "elman_matched", "bidirectional_elman"):
            page.get_by_text(name, exact=False).first.wait_for(timeout=60_000)
        page.close()
        assert asked and all(url.startswith(("http://127.0.0.1:", "data:", "blob:")) for url in asked)
    finally:
        server.terminate()
        assert server.wait(timeout=30) == 0


def test_a_point_of_the_map_of_words_plays_its_sound(whole, visit):
    page = visit((whole / "report" / "index.html").as_uri())
    page.evaluate("document.getElementById('plot-audio_tsne-audio_tsne').scrollIntoView()")
    page.wait_for_function("document.getElementById('plot-audio_tsne-audio_tsne').data")
    page.evaluate("(plot => plot.emit('plotly_click', {points: [{customdata: plot.data[0].customdata[0]}]}))"
                  "(document.getElementById('plot-audio_tsne-audio_tsne'))")
    page.wait_for_function("player.duration > 0.1 && player.duration < 3")
    assert page.evaluate("player.src").endswith(".wav")
