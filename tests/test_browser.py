"""The whole pipeline's report in headless Chromium."""

from __future__ import annotations

import pytest

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


def test_a_point_of_the_map_of_words_plays_its_sound(whole, visit):
    page = visit((whole / "report" / "index.html").as_uri())
    page.evaluate("document.getElementById('plot-audio_tsne-audio_tsne').scrollIntoView()")
    page.wait_for_function("document.getElementById('plot-audio_tsne-audio_tsne').data")
    page.evaluate("(plot => plot.emit('plotly_click', {points: [{customdata: plot.data[0].customdata[0]}]}))"
                  "(document.getElementById('plot-audio_tsne-audio_tsne'))")
    page.wait_for_function("player.duration > 0.1 && player.duration < 3")
    assert page.evaluate("player.src").endswith(".wav")
