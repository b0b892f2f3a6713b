"""The pieces about sentences and speech in headless Chromium: every control changes what is shown, every sound can be played."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import speech_pieces
from pieces import page_of
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser
NARROW = {"viewport": {"width": 390, "height": 800}, "color_scheme": "dark"}


@pytest.fixture
def slots(visit: Callable[..., Page], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Page, dict]:
    piece, _ = speech_pieces.slot_filling(tmp_path, monkeypatch)
    return visit(page_of(piece, tmp_path)), piece.data


@pytest.fixture
def ctc(visit: Callable[..., Page], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Page, dict]:
    result = speech_pieces.ctc(tmp_path, monkeypatch)
    speech_pieces.write_sounds(result, "recognition", tmp_path)
    return visit(page_of(result.pieces["ctc_posteriors"], tmp_path)), result.pieces["ctc_posteriors"].data


@pytest.fixture
def archive(visit: Callable[..., Page], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Page, dict]:
    result = speech_pieces.search(tmp_path, monkeypatch)
    speech_pieces.write_sounds(result, "spoken_search", tmp_path)
    return visit(page_of(result.pieces["archive_search"], tmp_path)), result.pieces["archive_search"].data


@pytest.fixture
def listed(visit: Callable[..., Page], tmp_path: Path) -> tuple[Page, dict]:
    result = speech_pieces.words()
    speech_pieces.write_sounds(result, "audio_tsne", tmp_path)
    return visit(page_of(result.pieces["sound_list"], tmp_path)), result.pieces["sound_list"].data


def heard(page: Page, address: str) -> float:
    """Wait until the player has loaded an address, and return the seconds that its sound lasts."""
    page.wait_for_function("address => player.src.includes(address) && player.readyState >= 1", arg=address)
    return page.evaluate("player.duration")


def listen(page: Page) -> None:
    """Keep what is played."""
    page.evaluate("window.played = []; player.addEventListener('playing', () => played.push(decodeURI(player.src)))")


def given(page: Page) -> list[str]:
    return [text.split()[0] for text in page.locator(".given").all_inner_texts()]


def test_a_sentence_and_a_network_are_chosen(slots: tuple[Page, dict]) -> None:
    page, data = slots
    page.wait_for_selector(".given")
    for network, found in enumerate(data["networks"]):
        page.locator(f'input[value="{network}"]').check()
        for sentence, told in enumerate(data["sentences"]):
            page.locator("select").select_option(str(sentence))
            assert given(page) == found["answers"][sentence]["labels"]
            assert page.locator(".word").all_inner_texts() == told["words"]
            marks = page.locator(".given").evaluate_all("all => all.map(each => each.dataset.right)")
            assert marks == ["null" if truth is None else str(truth == label).lower()
                             for truth, label in zip(told["truth"], found["answers"][sentence]["labels"], strict=True)]
            assert page.locator("rect[data-unit]").count() == len(told["words"]) * len(found["units"])
            right = found["answers"][sentence]["right_seeds"]
            expect(page.locator(".said").first).to_contain_text(f"{right} of 3 seeds")
    assert page.locator(".unknown").count() == sum(data["sentences"][-1]["unknown"])


def test_a_cell_tells_its_value_to_the_pointer_and_to_the_keyboard(slots: tuple[Page, dict]) -> None:
    page, data = slots
    memory = next(found for found in data["networks"] if found["run"] == "elman_hidden_cities")["answers"][0]["memory"]
    page.locator("rect[data-word='1'][data-unit='2']").hover()
    number = f"{memory[1][2]:.2f}".replace("-", "−")
    expect(page.locator("[data-shown=value]")).to_contain_text("After “taipei”: unit → ")
    expect(page.locator("[data-shown=value]")).to_contain_text(f"= {number}")
    page.mouse.move(0, 0)
    page.locator(".slot-words").press("ArrowDown")
    expect(page.locator("[data-shown=value]")).to_contain_text("After “on”")
    expect(page.locator("[data-shown=value]")).to_contain_text(f"= {memory[2][2]:.2f}".replace("-", "−"))
    page.locator(".slot-words").press("ArrowLeft")
    expect(page.locator("[data-shown=value]")).to_contain_text(f"= {memory[2][1]:.2f}".replace("-", "−"))
    page.evaluate("speak('zh')")
    expect(page.locator("[data-shown=value]")).to_contain_text("读完“on”后")


def test_a_recording_is_chosen_and_its_answers_stand_beside(ctc: tuple[Page, dict]) -> None:
    page, data = ctc
    for place, recording in enumerate(data["recordings"]):
        page.locator("select").select_option(str(place))
        for name, reading in recording["readings"].items():
            shown = page.locator(f"[data-reading={name}] strong").first
            expect(shown).to_contain_text(" ".join(reading["answer"]) or "–")
            assert shown.get_attribute("data-right") == str(reading["answer"] == recording["words"]).lower()
            assert page.locator(f"[data-reading={name}] .step").count() == len(reading["stretches"])
        assert set(page.locator("[data-line]").evaluate_all("all => all.map(each => each.dataset.line)")) == set(recording["readings"]["ctc"]["lines"])
        bars = len(recording["readings"]["trimming"]["stretches"]) + len(recording["readings"]["silence"]["stretches"])
        assert page.locator("rect[data-label]").count() == bars


def test_a_recording_plays_while_the_cursor_moves(ctc: tuple[Page, dict]) -> None:
    page, data = ctc
    cursor = page.locator("[data-shown=cursor]")
    begin = float(cursor.get_attribute("x1"))
    listen(page)
    page.locator(".piece button").click()
    assert heard(page, data["recordings"][0]["sound"]) == pytest.approx(data["recordings"][0]["seconds"], abs=0.01)
    page.wait_for_function("begin => Number(document.querySelector('[data-shown=cursor]').getAttribute('x1')) > begin + 5", arg=begin)
    page.wait_for_function("player.ended")
    expect(page.locator(".piece button")).to_contain_text("play")
    assert float(page.locator("input[type=range]").input_value()) == pytest.approx(data["recordings"][0]["seconds"], abs=0.02)
    page.locator("select").select_option("1")
    page.locator(".piece button").click()
    assert heard(page, data["recordings"][1]["sound"]) == pytest.approx(data["recordings"][1]["seconds"], abs=0.01)


def test_the_time_tells_what_every_network_holds_for_likely(ctc: tuple[Page, dict]) -> None:
    page, data = ctc
    reading = data["recordings"][0]["readings"]
    for step in (0, 3, 6):
        seconds = round((step + 0.5) * reading["ctc"]["step"], 3)
        page.locator("input[type=range]").evaluate("(each, value) => { each.value = value; each.dispatchEvent(new Event('input')); }", str(seconds))
        likeliest, value = max(((name, line[step]) for name, line in reading["ctc"]["lines"].items()), key=lambda each: each[1])
        expect(page.locator(".ctc-now span[lang=en]")).to_contain_text(f"CTC: {likeliest} {value:.2f}")
        label = [name for name, count in reading["trimming"]["stretches"] for _ in range(count)][step]
        expect(page.locator(".ctc-now span[lang=en]")).to_contain_text(f"a label per step, merged: {label}")


def test_the_archive_is_searched_for_each_phrase_by_each_method(archive: tuple[Page, dict]) -> None:
    page, data = archive
    for phrase, found in enumerate(data["phrases"]):
        page.locator("select").select_option(str(phrase))
        for method, rows in found["found"].items():
            page.locator(f"input[value={method}]").check()
            assert page.locator(".found-list li").count() == len(rows)
            for row, (sentence, score, begin, end) in zip(page.locator(".found-list li").all(), rows, strict=True):
                told = data["sentences"][str(sentence)]
                expect(row).to_contain_text(told["text"])
                expect(row.locator("small")).to_contain_text(f"at {begin:.2f}–{end:.2f} s of {told['seconds']:.2f} s")
                expect(row.locator("small")).to_contain_text(f"{score:.3f}")
                assert row.get_attribute("data-right") == str(told["phrase"] == found["phrase"]).lower()
            right = sum(data["sentences"][str(row[0])]["phrase"] == found["phrase"] for row in rows)
            expect(page.locator(".said")).to_contain_text(f"{right} of the first {len(rows)} are right; 2 sentences")


def test_query_sentence_and_place_can_be_heard(archive: tuple[Page, dict]) -> None:
    page, data = archive
    page.locator("input[value=alignment]").check()
    sentence, _, begin, end = data["phrases"][0]["found"]["alignment"][0]
    address = data["sentences"][str(sentence)]["sound"]
    page.locator(".controls button").click()
    assert heard(page, data["phrases"][0]["sound"]) == pytest.approx(0.5, abs=0.01)
    page.locator(".plays button").nth(0).click()
    assert heard(page, address) == pytest.approx(0.9, abs=0.01)
    page.locator(".plays button").nth(1).click()
    assert heard(page, f"{address}#t={begin},{end}") == pytest.approx(0.9, abs=0.01)
    page.wait_for_function("player.paused")  # at the end of the place, not of the sentence
    assert page.evaluate("player.currentTime") == pytest.approx(end, abs=0.15) and 0 < begin < end < 0.8
    assert page.locator(".found-list li").first.get_attribute("class") == "playing"


def test_a_word_is_heard_in_the_voice_that_is_chosen_by_keyboard_alone(listed: tuple[Page, dict]) -> None:
    page, data = listed
    word = data["families"][0]["words"][1]
    button = page.locator(".rhymes button", has_text=word["word"])
    button.press("Enter")
    assert heard(page, word["sounds"]["a"]) > 0
    page.locator("input[value=a]").press("ArrowRight")
    page.locator(".rhymes button", has_text=word["word"]).press("Enter")
    assert heard(page, word["sounds"]["b"]) > 0
    expect(page.locator(".said")).to_contain_text(f"{word['word']}, voice b")


@pytest.mark.parametrize("kind", ["slots", "ctc", "archive", "listed"])
def test_pieces_speak_chinese_and_fit_a_telephone(kind: str, request: pytest.FixtureRequest) -> None:
    page, _ = request.getfixturevalue(kind)
    page.set_viewport_size(NARROW["viewport"])
    page.emulate_media(color_scheme=NARROW["color_scheme"])
    before = page.locator(".piece > div").inner_text()
    page.evaluate("speak('zh')")
    after = page.locator(".piece > div").inner_text()
    assert before != after and any("一" <= letter <= "鿿" for letter in after)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    unnamed = page.locator(".piece :is(select, button, input, svg[role=img])").evaluate_all(
        "all => all.filter(each => !(each.getAttribute('aria-label') || each.textContent.trim() || (each.labels && each.labels.length))).length")
    assert unnamed == 0
