"""Drawings in the page: lighter than the file, the same picture, names of their own, words in both languages."""

from __future__ import annotations

import re

import numpy as np
import pytest

from unrolled.drawing import apart, panels, to_svg
from unrolled.reporting.drawn_words import in_chinese
from unrolled.reporting.svg import _compact_path, inline

pytestmark = pytest.mark.unit


@pytest.fixture(scope="module")
def drawing() -> str:
    figure, axes = panels()
    axes.plot(np.arange(200), np.sin(np.arange(200)) * 7)
    axes.plot(np.arange(30), np.cos(np.arange(30)), "o", label="a < b")
    axes.set(xlabel="updates", ylabel="something of my own", title="rate 0.1")
    axes.legend()
    return to_svg(figure).decode()


def points(path: str) -> np.ndarray:
    """Follow a path of M, L and l, and return every point of it."""
    found, at = [], np.zeros(2)
    for command, numbers in re.findall(r"([MLlzZ])([^MLlzZ]*)", path):
        for pair in np.array([float(number) for number in re.findall(r"-?(?:\d+\.?\d*|\.\d+)", numbers)]).reshape(-1, 2):
            at = at + pair if command == "l" else pair
            found.append(at)
    return np.array(found)


def test_a_path_stays_where_it_was():
    """A hundred steps later no rounding has added up."""
    walk = np.cumsum(np.random.default_rng(0).normal(size=(300, 2)) / 3, 0)
    path = "M " + " L ".join(f"{x:.6f} {y:.6f} \n" for x, y in walk)
    short = _compact_path(path)
    assert len(short) < len(path) / 2
    assert np.abs(points(short) - points(path)).max() <= 0.0051


@pytest.mark.parametrize(("path", "wanted"), [
    ("M 0 0 \nL 0 3.5 \n", "M0 0l0 3.5"), ("M -0.5 0.25 \nQ 1 2.000001 3 -4.999999 \nz\n", "M-.5 .25Q1 2 3-5z"),
    ("M 1 1 \nL 0.999 0.5 \nL 2 2 \nz\n", "M1 1l0-.5 1 1.5z"), ("M 1e-05 3", "M 1e-05 3"), ("M 1 2 L 3 4 C 1 2 3 4 5 6 L 7 8", "M1 2l2 2C1 2 3 4 5 6l2 2")])
def test_paths_are_written_short(path, wanted):
    assert _compact_path(path) == wanted


def test_a_drawing_is_lighter_and_has_names_of_its_own(drawing):
    first, second = inline(drawing, "first"), inline(drawing, "second")
    assert len(first) < 0.7 * len(drawing)
    names = [set(re.findall(r' id="([^"]+)"', svg)) for svg in (first, second)]
    assert names[0] and not names[0] & names[1]
    used = set(re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', first))
    assert used and {one or other for one, other in used} <= names[0]
    assert 'aria-labelledby="first-title"' in first


def test_no_dot_is_lost_and_each_keeps_its_style(drawing):
    """Dots that look alike lie in a group that holds their style."""
    svg = inline(drawing, "x")
    assert svg.count("<use") == drawing.count("<use")
    group = re.search(r'<g style="([^"]+)">(?:<use [^>]*?/>){30}</g>', svg)
    assert group and group.group(1) in drawing and "style" not in group.group(0).removeprefix(f'<g style="{group.group(1)}"')


def test_drawn_words_speak_both_languages(drawing):
    svg = inline(drawing, "x")
    assert '<tspan lang="en">updates</tspan><tspan lang="zh">更新次数</tspan>' in svg and "学习率 0.1</tspan>" in svg
    assert ">something of my own</text>" in svg and ">a &lt; b</text>" in svg


@pytest.mark.parametrize(("drawn", "chinese"), [
    ("lstm, rate 0.003", "lstm，学习率 0.003"), ("T = 50, rate 0.01", "T = 50，学习率 0.01"), ("LSTM, bias 5", "LSTM，偏置 5"), ("chunk f1", "组块 F1"),
    ("lstm", None), ("0.5", None)])
def test_chinese_of_what_is_drawn(drawn, chinese):
    assert in_chinese(drawn) == chinese


def test_a_row_whose_chinese_is_longer_gets_room():
    """单位矩阵初始化 sigmoid at eight points reaches some 96 to the left of where it ends, at 60; to the right of 90 it misses as much."""
    text = '<text style="font-size: 8px; text-anchor: {}" x="{}" y="9" transform="rotate(-0 {} 9)">identity sigmoid</text>'
    whole = '<svg width="100pt" height="50pt" viewBox="0 0 100 50">{}</svg>'
    seen = {place: re.search(r'width="(.*?)pt".*viewBox="(.*?) 0 (.*?) 50"', inline(whole.format(text.format(*place)), "x")).groups()
            for place in (("end", 60, 60), ("end", 99, 99), ("start", 4, 4), ("start", 90, 90))}
    assert list(seen.values()) == [("138", "-37", "138"), ("100", "0", "100"), ("100", "0", "100"), ("188", "-1", "188")]


def test_texts_stand_apart():
    """Of five words in one place each stands within a line, none on another, and what finds no room is left out."""
    places = np.zeros((5, 2))
    found = apart(places, ["near"] * 5, letter=1, line=1)
    assert found[:3] == [(0, 0), (0, 1), (0, -1)]
    kept = [place for place in found if place is not None]
    assert all(abs(a[0] - b[0]) > 4 or abs(a[1] - b[1]) >= 1 for number, a in enumerate(kept) for b in kept[:number]) and len(kept) < 5
    assert apart(np.array([[0.0, 0.0], [9.0, 0.0]]), ["near", "fear"], 1, 1) == [(0, 0), (9, 0)]
