"""The page as a reader has it: languages, filter, themes, phone, paper, keyboard, and what axe-core says of it."""

from __future__ import annotations

from pathlib import Path

import pytest
import small_report
from conftest import ROOT

pytestmark = pytest.mark.browser
PHONE, DESK = {"width": 390, "height": 800}, {"width": 1280, "height": 900}
AXE = (ROOT / "tests" / "vendor" / "axe" / "axe.min.js").read_text(encoding="utf-8")
# What is far from the window is not laid out, and axe would take it to lie on top of each other.
LAID_OUT = "article, .run { content-visibility: visible !important; }"


@pytest.fixture(scope="module")
def address(tmp_path_factory) -> str:
    folder, patch = tmp_path_factory.mktemp("small"), pytest.MonkeyPatch()
    small_report.make(folder, patch)
    patch.undo()
    return (folder / "report" / "index.html").as_uri()


def count(page) -> list[int]:
    """Return how many rows and cards are to be seen, and how many the page says are."""
    return [len(page.locator(f"{part}[data-claim]").filter(visible=True).all()) for part in ("tr", "article")] + [
        int(page.locator("#count .shown").filter(visible=True).inner_text())]


@pytest.mark.parametrize(("locale", "shown", "title"), [("en-GB", "en", "claim by claim"), ("zh-CN", "zh", "逐条检验"), ("fr-FR", "en", "claim by claim")])
def test_the_page_speaks_the_readers_language(address, visit, locale, shown, title):
    page = visit(address, locale=locale)
    assert page.locator("html").get_attribute("lang").startswith(shown) and title in page.title() and title in page.locator("h1").inner_text()
    other = page.locator(f"body [lang={'zh' if shown == 'en' else 'en'}]")
    assert other.count() > 300 and not other.filter(visible=True).count()


def test_switching_the_language_keeps_the_place(address, visit):
    page = visit(address)
    page.evaluate("document.getElementById('E4').scrollIntoView()")
    page.wait_for_timeout(200)
    before = page.locator("#E4 h4").bounding_box()["y"]
    page.locator("#language").dispatch_event("click")  # a click by the mouse would have the driver scroll first
    page.wait_for_timeout(200)
    assert abs(page.locator("#E4 h4").bounding_box()["y"] - before) < 3
    assert page.evaluate("[document.documentElement.lang, document.title.includes('逐条')]") == ["zh-CN", True]
    assert page.locator("#section option").first.inner_text() == "所有章节" and page.locator("#contents").get_attribute("aria-label") == "目录"
    page.reload()
    assert page.locator("html").get_attribute("data-language") == "zh"


def test_the_filter_hides_rows_and_cards_and_says_how_many_are_left(address, visit):
    page = visit(address)
    every = count(page)
    assert every == [42, 42, 42]
    verdict = page.locator("#filter [data-verdict]").last.get_attribute("data-verdict")  # any that toy sizes have left
    wanted = page.locator(f"tr[data-verdict={verdict}]").count()
    page.click(f"#filter [data-verdict={verdict}]")
    assert count(page) == [wanted] * 3 and 0 < wanted < 42
    assert page.locator(f"#filter [data-verdict={verdict}]").get_attribute("aria-pressed") == "true"
    assert page.locator("#count").get_attribute("aria-live") == "polite"
    page.click(f"#filter [data-verdict={verdict}]")
    page.select_option("#section", label="LSTM")
    assert count(page) == [6] * 3 and page.locator("section[data-group]").filter(visible=True).count() == 1
    page.click("#language")
    assert count(page) == [6] * 3 and "6 / 42" in page.locator("#count").inner_text()
    page.click("#reset")
    assert count(page) == every and page.locator("#reset").is_disabled()


def test_a_filter_can_be_sent_on(address, visit):
    page = visit(address)
    page.click("#filter [data-verdict=pending]")
    page.select_option("#section", label="Why?")
    sent = page.url
    assert "#/?verdict=pending&section=" in sent
    other = visit(sent)
    assert count(other) == count(page) and count(other)[0] in range(1, 42)
    assert count(visit(f"{address}#/?verdict=nonsense&section=x%22]")) == [42] * 3


def test_asking_for_a_hidden_card_shows_it(address, visit):
    page = visit(address)
    page.select_option("#section", label="LSTM")
    page.evaluate("location.hash = '#F1'")
    page.wait_for_function("document.querySelector('#F1 h4').getBoundingClientRect().top >= 0 && !document.getElementById('F1').hidden")
    assert count(page) == [42] * 3 and page.locator("#F1").bounding_box()["y"] < 200


def test_the_filter_works_from_the_keyboard(address, visit):
    page = visit(address)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip" and page.locator(".skip").bounding_box()["x"] >= 0
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('#filter') !== null")
    style = page.evaluate("(s => [s.outlineStyle, parseFloat(s.outlineWidth) >= 2])(getComputedStyle(document.activeElement))")
    assert style == ["solid", True]
    wanted = page.evaluate("document.activeElement.dataset.verdict")
    page.keyboard.press("Enter")
    assert count(page)[0] == page.locator(f"tr[data-verdict={wanted}]").count()


@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
def test_nothing_scrolls_sideways_on_a_phone(address, visit, locale):
    page = visit(address, locale=locale, viewport=PHONE)
    page.add_style_tag(content=LAID_OUT)
    page.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_dark_and_light(address, visit):
    page = visit(address, color_scheme="dark")
    ground = "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).reduce((sum, part) => sum + Number(part), 0)"
    assert page.evaluate(ground) < 150
    page.click("#theme")
    assert page.evaluate(ground) > 700
    page.reload()
    assert page.evaluate(ground) > 700  # remembered, although the machine is dark
    page.click("#theme")
    assert page.evaluate(ground) < 150


def test_on_paper_all_is_open_light_and_without_controls(address, visit):
    page = visit(address, color_scheme="dark")
    closed = page.locator("details:not([open])").count()
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    assert closed and not page.locator("details:not([open])").count() and page.locator("html").get_attribute("data-theme") == "light"
    assert not page.locator("button, select, nav").filter(visible=True).count() and page.locator("#D3 .command").first.is_visible()
    page.emulate_media(media="screen")
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("details:not([open])").count() == closed and page.locator("html").get_attribute("data-theme") == "dark"


def test_every_link_within_the_page_leads_somewhere(address, visit):
    page = visit(address)
    assert page.evaluate("""[...document.querySelectorAll('a[href^="#"]')].filter(a => !document.getElementById(a.hash.slice(1))).length""") == 0
    assert page.locator('a[href^="#"]').count() > 100
    page.click("tr[data-claim=D3] a")
    page.wait_for_timeout(200)
    assert 0 <= page.locator("#D3").bounding_box()["y"] < 100
    page.click("#D3 >> text=back to the table")
    page.wait_for_timeout(200)
    assert 0 <= page.locator("#verdicts").bounding_box()["y"] < 200


def test_a_plot_is_drawn_when_it_comes_near_and_its_point_plays(address, visit):
    page = visit(address)
    plot = page.locator("#plot-error_surface-hear")
    assert plot.locator("*").count() == 0
    plot.scroll_into_view_if_needed()
    page.wait_for_function("document.getElementById('plot-error_surface-hear').data")
    page.evaluate("(plot => plot.emit('plotly_click', {points: [{customdata: plot.data[0].customdata[0]}]}))(document.getElementById('plot-error_surface-hear'))")
    page.wait_for_function("player.duration > 0.1")
    assert page.evaluate("player.src").endswith("sounds/error_surface/beep.wav")


def test_what_a_plot_says_is_in_the_language_of_the_page(address, visit):
    page = visit(address)
    said = "inLanguage({data: [{z: [[1, null]]}], layout: {title: {text: {en: 'error', zh: '误差'}}, annotations: [{text: {en: 'plain', zh: '普通'}}]}})"
    for title, note in (("error", "plain"), ("误差", "普通")):
        assert page.evaluate(said) == {"data": [{"z": [[1, None]]}], "layout": {"title": {"text": title}, "annotations": [{"text": note}]}}
        page.click("#language")


# Each pair of language, window and scheme once: four pages instead of eight, and one of them where time is short.
@pytest.mark.parametrize(("locale", "viewport", "scheme"), [
    pytest.param("en-US", DESK, "light", id="en-desk-light", marks=pytest.mark.long),
    pytest.param("en-US", PHONE, "dark", id="en-phone-dark", marks=pytest.mark.long),
    pytest.param("zh-CN", DESK, "dark", id="zh-desk-dark", marks=pytest.mark.long),
    pytest.param("zh-CN", PHONE, "light", id="zh-phone-light")])
def test_axe_finds_nothing_serious(address, visit, locale, viewport, scheme):
    page = visit(address, locale=locale, viewport=viewport, color_scheme=scheme)
    page.add_style_tag(content=LAID_OUT)
    page.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true; })")
    page.locator("#plot-error_surface-hear").scroll_into_view_if_needed()
    page.wait_for_function("document.getElementById('plot-error_surface-hear').data")
    page.evaluate(AXE)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    assert [check["id"] for check in found["passes"]]
    assert not [(fault["id"], [node["html"][:200] for node in fault["nodes"][:3]]) for fault in found["violations"]
                if fault["impact"] in ("serious", "critical")]


def test_axe_would_find_something(address, visit):
    page = visit(address)
    page.evaluate("document.querySelector('h1').insertAdjacentHTML('afterend', '<button></button>')")
    page.evaluate(AXE)
    found = page.evaluate("axe.run(document, {runOnly: ['button-name']})")
    assert [fault["id"] for fault in found["violations"]] == ["button-name"]


def test_the_page_is_small_and_opens_at_once(address, visit):
    page = visit(address)
    times = page.evaluate("(n => [performance.getEntriesByName('first-contentful-paint')[0].startTime, n.loadEventEnd])"
                          "(performance.getEntriesByType('navigation')[0])")
    assert 0 < times[0] < times[1] < 10_000  # milliseconds; two seconds on an idle laptop, of which a busy machine knows nothing
    assert sum(path.stat().st_size for path in Path(address.removeprefix("file://")).parent.rglob("*") if path.is_file()) < 15e6
