"""Interactive pieces on w^999, the LSTM example, the cliff, gradients by lag and learning curves: their data, and what each control does."""

from __future__ import annotations

import decimal
import io
import json
import math
import re
from dataclasses import dataclass, replace

import numpy as np
import pytest
from matplotlib.image import imread
from pieces import page_of

from unrolled import results
from unrolled.analyses import (
    base,
    error_surface,
    error_surface_piece,
    gradient_flow_piece,
    learning_curves_piece,
    lstm_examples,
    lstm_steps_piece,
    repeated_weight,
    repeated_weight_piece,
)
from unrolled.analyses.base import AnalysisResult, Piece
from unrolled.analyses.rounding import short
from unrolled.reporting import exhibits, page

LECTURE = repeated_weight.WEIGHTS


# the mechanism

@pytest.mark.unit
def test_a_piece_is_kept_beside_its_analysis_and_put_at_its_first_claim(workplace):
    piece = Piece("lstm_steps", {"text": "</script>", "numbers": [1, 2.5]}, ["C2", "C1"], "Title", "标题", "Caption", "说明")
    base.save("worked_examples", AnalysisResult(pieces={"some": piece}))
    folder = results.analysis_folder("worked_examples")
    text = (folder / "some.piece.json").read_text(encoding="utf-8")
    assert json.loads(text) == piece.data and text.count("\n") == 1  # on one line: the page holds it as it is
    kept = results.read_result(results.analysis_file("worked_examples"))
    assert kept["pieces"] == [{"file": "some.piece.json", "kind": "lstm_steps", "claim": ["C2", "C1"], "title": "Title", "title_zh": "标题",
                               "caption": "Caption", "caption_zh": "说明"}]
    shown = exhibits.pieces({"worked_examples": kept})
    assert list(shown) == ["C2"] and len(shown["C2"]) == 1
    assert shown["C2"][0]["id"] == "piece-worked_examples-some"
    assert "</script" not in shown["C2"][0]["json"] and json.loads(shown["C2"][0]["json"]) == piece.data


@pytest.mark.unit
def test_data_that_json_has_no_word_for_is_not_written(workplace):
    with pytest.raises(ValueError, match="JSON"):
        base.save("worked_examples", AnalysisResult(pieces={"some": Piece("lstm_steps", {"x": math.nan}, ["C2"], "", "", "", "")}))
    assert not results.analysis_folder("worked_examples").exists()


@pytest.mark.unit
def test_each_kind_is_one_script_after_those_that_all_share():
    pieces = [{"kind": kind} for kind in ("lstm_steps", "error_surface", "lstm_steps")]
    assert exhibits.kinds({"one": {"pieces": pieces[:2]}, "other": {"pieces": pieces[2:]}}) == ["error_surface", "lstm_steps"]
    scripts = {path.stem: path.read_text(encoding="utf-8") for path in (page.TEMPLATES / "pieces").glob("*.js")}
    assert "const pieces = {}" in scripts[page.SHARED_SCRIPTS[0]]
    for kind, script in scripts.items():
        assert re.findall(r"^pieces\.(\w+) =", script, re.M) == ([] if kind in page.SHARED_SCRIPTS else [kind]) and "</script" not in script


@pytest.mark.smoke
def test_each_piece_stands_at_its_claim(whole):
    text = (whole / "report" / "index.html").read_text(encoding="utf-8")
    articles = {found.group(1): found.group(0) for found in re.finditer(r'<article[^>]* id="(\w+)".*?</article>|<article id="(\w+)".*?</article>', text, re.S)}
    for claim, kind in (("C2", "lstm_steps"), ("D4", "error_surface"), ("D7", "repeated_weight"), ("E1", "gradient_flow")):
        assert [name for name, article in articles.items() if f'data-kind="{kind}"' in article] == [claim]
    assert text.count('data-kind="learning_curves"') == 1 and text.index('id="lstm_vs_rnn"') < text.index('data-kind="learning_curves"')


@pytest.mark.unit
def test_short_numbers():
    assert short([1 / 3, 2.0, np.array([123456.0, math.inf])]) == [0.3333, 2, [123500, None]] and short(1.5e-300, 2) == 1.5e-300
    assert short(3) == 3 and isinstance(short(3.0), int)


# w^999

def weight_piece():
    return repeated_weight_piece.piece(999, 0.02, LECTURE)


@pytest.mark.unit
def test_powers_are_those_of_fifty_digits():
    data = weight_piece().data
    assert data["weight"] == sorted(set(data["weight"])) and set(LECTURE) <= set(data["weight"]) and data["weight"][0] == 0.01
    with decimal.localcontext(prec=50):
        for weight, output, gradient in zip(data["weight"], data["output_log10"], data["gradient_log10"], strict=True):
            exact = decimal.Decimal(str(weight))
            assert output == pytest.approx(float((exact**999).log10()), abs=2e-5)
            assert gradient == pytest.approx(float((999 * exact**998).log10()), abs=2e-5)


@pytest.mark.unit
def test_the_learning_rate_shown_is_the_largest_that_does_not_raise_the_loss():
    data = weight_piece().data
    for weight, log10 in zip(data["weight"], data["rate_log10"], strict=True):
        assert (log10 is None) is (weight == 1 or not 0.98 <= weight <= 1.02)
        if log10 is not None:
            power, slope = weight**999, (weight**999 - 1) * 999 * weight**998
            losses = [((weight - 10**log10 * times * slope) ** 999 - 1) ** 2 for times in (0.99, 1.01)]
            assert losses[0] <= (power - 1) ** 2 < losses[1]


@pytest.mark.browser
def test_the_slider_and_the_lectures_buttons_move_the_weight(visit, tmp_path):
    shown = visit(page_of(weight_piece(), tmp_path))
    values = shown.locator(".said dd")
    assert values.all_inner_texts() == ["1", "999", "any: the slope is 0 here"]
    shown.get_by_role("button", name="w = 1.01", exact=True).click()
    assert values.all_inner_texts()[:2] == ["2.08 × 10⁴", "2.05 × 10⁷"]
    marker = shown.locator('[data-marker="output_log10"]')
    before = float(marker.get_attribute("cx"))
    shown.get_by_role("slider").press("ArrowRight")
    assert shown.locator("output").inner_text() == "w = 1.0102" and values.all_inner_texts()[0] == "2.53 × 10⁴"
    assert float(marker.get_attribute("cx")) > before
    shown.get_by_role("button", name="w = 0.01", exact=True).click()
    assert values.all_inner_texts() == ["1.00 × 10⁻¹⁹⁹⁸", "9.99 × 10⁻¹⁹⁹⁴", "not computed this far from 1"]
    assert shown.locator('[data-line="rate_log10"]').count() == 0 and "0.5" in shown.locator("svg.drawing").text_content()  # seen from afar
    shown.evaluate("speak('zh')")
    assert "权重 w" in shown.locator("svg.drawing").text_content() and values.all_inner_texts()[0] == "1.00 × 10⁻¹⁹⁹⁸"


# the LSTM example

@pytest.mark.unit
def test_the_steps_are_those_of_a_loop_by_hand():
    data, memory = lstm_steps_piece.piece(lstm_examples.lecture_cell(), lstm_examples.INPUTS).data, 0.0
    for (x1, x2, x3), step in zip([[3, 1, 0], [4, 1, 0], [2, 0, 0], [1, 0, 1], [3, -1, 0]], data["steps"], strict=True):
        sums = [100 * x2 - 10, 100 * x2 + 10, 100 * x3 - 10, x1]
        write, keep, read = (1 / (1 + math.exp(-total)) for total in sums[:3])
        assert step["inputs"] == [x1, x2, x3] and step["sums"] == sums and step["gates"] == pytest.approx([write, keep, read], rel=1e-6)
        assert [step["written"], step["kept"], step["before"]] == pytest.approx([write * x1, keep * memory, memory], rel=1e-6)
        memory = keep * memory + write * x1
        assert [step["memory"], step["output"]] == pytest.approx([memory, read * memory], rel=1e-6)


@pytest.mark.browser
def test_the_cell_is_stepped_by_buttons_and_arrow_keys(visit, tmp_path):
    shown = visit(page_of(lstm_steps_piece.piece(lstm_examples.lecture_cell(), lstm_examples.INPUTS), tmp_path))

    def seen():
        return [shown.locator(f'[data-shown="{name}"]').text_content().split()[-1] for name in ("memory", "output")]

    def gates():
        return [shown.locator(f'[data-gate="{name}"]').get_attribute("data-open") for name in ("input", "forget", "output")]

    assert seen() == ["3", "0"] and gates() == ["true", "true", "false"] and shown.get_by_role("button", name="previous").is_disabled()
    shown.get_by_role("button", name="next").click()
    assert seen() == ["7", "0"]
    shown.get_by_role("button", name="4", exact=False).nth(1).click()  # the first with a 4 is step 2, whose x1 is 4
    assert seen() == ["7", "7"] and gates() == ["false", "true", "true"]
    shown.keyboard.press("ArrowRight")
    assert seen() == ["0", "0"] and gates() == ["false", "false", "false"] and shown.get_by_role("button", name="next").is_disabled()
    assert "100 × (−1) + 10 = −90" in shown.locator("table").inner_text()
    shown.keyboard.press("ArrowLeft")
    assert seen() == ["7", "7"] and "0.99995 × 6.99977 = 6.99946" in shown.locator(".said").inner_text()
    shown.evaluate("speak('zh')")
    assert "输入门" in shown.locator("svg.drawing").text_content() and "output gate" not in shown.locator("svg.drawing").text_content()


# the cliff

SMALL = error_surface.Options(points=61, windows=1, starts=20, updates=40, other_rates=(0.1,), thresholds=(1.0, 15.0))


@pytest.fixture(scope="module")
def cliff():
    return error_surface.analyse(SMALL, None).pieces["cliff"]


def by_hand(weight, bias, threshold, rate, updates):
    """Descend one number at a time: 50 steps forwards, the chain rule backwards, and a step of clipped length."""
    def sigmoid(value):
        return 1 / (1 + math.exp(-value))

    path, longest = [(weight, bias)], 0.0
    for _ in range(updates):
        states = [0.5]
        for _ in range(50):
            states.append(weight * sigmoid(states[-1]) + bias)
        end = sigmoid(states[-1])
        back, by_weight, by_bias = 2 * (end - 0.7) * end * (1 - end), 0.0, 0.0
        for state in reversed(states[:-1]):
            by_weight, by_bias = by_weight + back * sigmoid(state), by_bias + back
            back *= weight * sigmoid(state) * (1 - sigmoid(state))
        norm = math.hypot(by_weight, by_bias)
        shorter = min(1.0, threshold / norm) if threshold and norm else 1.0
        longest = max(longest, rate * norm * shorter)
        weight, bias = weight - rate * shorter * by_weight, bias - rate * shorter * by_bias
        path.append((weight, bias))
    return path, longest


@pytest.mark.unit
def test_paths_are_those_of_a_descent_by_hand(cliff):
    data = cliff.data
    assert data["rates"] == [0.1, 0.5] and data["thresholds"] == {"none": None, "norm_15": 15, "norm_1": 1}
    exact = np.array(error_surface.near_the_cliff(*error_surface.grid(SMALL), np.hypot(*error_surface.error(*error_surface.grid(SMALL))[1:]), SMALL)).T
    start = exact[np.abs(exact - data["start"]).sum(1).argmin()]
    for name, threshold in data["thresholds"].items():
        for place, rate in enumerate(data["rates"]):
            found = data["paths"][name][place]
            path, longest = by_hand(*start, threshold, rate, SMALL.updates)
            assert found["longest"] == pytest.approx(longest, rel=2e-3), (name, rate)
            kept = np.array(path)[found["updates"]]
            assert np.stack([found["weights"], found["biases"]], 1) == pytest.approx(kept, rel=2e-3, abs=2e-3)
    lengths = {name: data["paths"][name][1]["longest"] for name in data["thresholds"]}
    assert lengths["norm_1"] <= 0.5 < 1 < lengths["none"] and lengths["norm_15"] <= 7.5


@pytest.mark.unit
def test_the_surface_has_a_row_per_bias(cliff):
    data = cliff.data
    assert (len(data["errors"]), len(data["errors"][0])) == (len(data["biases"]), len(data["weights"]))
    for row, column in ((3, 50), (40, 10), (-5, 2)):
        value, *_ = error_surface.error(np.array(data["weights"][column]), np.array(data["biases"][row]))
        assert data["errors"][row][column] == pytest.approx(float(value), abs=1e-3)
    assert data["edge"]["bias"] == SMALL.biases[1] and data["biases"][-1] > data["edge"]["bias"]  # what is judged ends below what is drawn
    assert data["edge"]["errors"] == pytest.approx(data["errors"][data["biases"].index(data["edge"]["bias"])], abs=1e-3)
    assert len(json.dumps(data)) < 150_000 and error_surface_piece.CLOSE > 0


@pytest.mark.browser
@pytest.mark.long
def test_the_switches_of_the_cliff_choose_the_path(visit, tmp_path, cliff):
    shown = visit(page_of(cliff, tmp_path, plotly=True))
    shown.wait_for_selector(".js-plotly-plot canvas")

    def trace():
        return shown.evaluate("(() => { const t = document.querySelector('.js-plotly-plot').data[1]; return [t.name, t.x.length]; })()")

    flown = shown.locator(".said").inner_text()
    assert "flies off" in flown and "no limit" in flown and trace()[0] == "none"
    shown.locator("label.chip", has_text=re.compile(r"^1$")).first.click()
    assert "stays" in shown.locator(".said").inner_text() and "1 × 0.5 = 0.5" in shown.locator(".said").inner_text() and trace()[0] == "norm_1"
    shown.locator("label.chip", has_text=re.compile(r"^15$")).click()
    shown.locator("label.chip", has_text=re.compile(r"^0.1$")).click()
    assert "15 × 0.1 = 1.5" in shown.locator(".said").inner_text()
    points = trace()[1]
    shown.get_by_role("slider").fill("5")
    assert trace()[1] == 6 < points and shown.locator("output").inner_text() == "5"
    axis = "document.querySelector('.js-plotly-plot').layout.scene.xaxis.range"
    wide = shown.evaluate(axis)
    shown.get_by_text("the cliff close by").click()
    close = shown.evaluate(axis)
    assert close[1] - close[0] == pytest.approx(2) and wide == [0, 12]
    shown.evaluate("speak('zh')")
    assert shown.evaluate("document.querySelector('.js-plotly-plot').layout.scene.zaxis.title.text") == "误差"


@pytest.mark.browser
@pytest.mark.long
def test_the_path_can_be_seen(visit, tmp_path, cliff):
    """What plotly draws lies under transparent drawings, which a page's background for drawings once covered."""
    shown = visit(page_of(cliff, tmp_path, plotly=True))
    shown.wait_for_selector(".js-plotly-plot canvas")
    shown.wait_for_timeout(2500)
    pixels = imread(io.BytesIO(shown.locator(".js-plotly-plot").screenshot()))[..., :3]
    vermilion = np.abs(pixels - np.array([0xD5, 0x5E, 0]) / 255).max(-1) < 0.12
    assert vermilion.sum() > 100


# the gradient by lag

@dataclass
class Flow:
    norms: np.ndarray
    expected: np.ndarray | None


def flow_piece():
    lags = np.arange(31)
    initial = {"tanh": Flow(np.stack([3 * rate**lags for rate in (0.4, 0.5, 0.7)]), np.array([0.5, 0.45, 0.6])),
               "lstm_1": Flow(np.stack([0.9**lags] * 2), None), "jordan": Flow(np.stack([0.1**lags]), None)}
    trained = {"lstm_1": Flow(np.stack([0.99**lags]), np.array([0.98]))}
    return gradient_flow_piece.piece(initial, trained, "adding", lambda flow: 10)


@pytest.mark.unit
def test_lines_begin_at_one_and_say_median_and_range():
    line = flow_piece().data["sets"]["initial"]["tanh"]
    for name, rate in (("low", 0.4), ("median", 0.5), ("high", 0.7)):
        assert line[name] == pytest.approx([lag * math.log10(rate) for lag in range(31)], abs=5e-3) and line[name][0] == 0
    assert line["factor"] == pytest.approx(0.5) and line["expected"] == 0.5 and line["seeds"] == 3
    assert list(flow_piece().data["cells"]) == ["lstm_1", "tanh", "jordan"]  # those shown at first come first


@pytest.mark.browser
def test_cells_are_switched_on_and_off(visit, tmp_path):
    shown = visit(page_of(flow_piece(), tmp_path))

    def lines():
        return sorted(line.get_attribute("data-line") for line in shown.locator("[data-line]").all())

    assert lines() == ["lstm_1", "tanh"]
    shown.get_by_label("Jordan").focus()
    shown.keyboard.press("Space")
    assert lines() == ["jordan", "lstm_1", "tanh"] and "0.100" in shown.locator("table").inner_text()
    shown.get_by_label("with theory").check()
    assert [line.get_attribute("data-theory") for line in shown.locator("[data-theory]").all()] == ["tanh"]
    shown.get_by_label("trained (adding)").check()
    assert lines() == ["lstm_1"] and shown.get_by_label("tanh").is_disabled() and "0.990" in shown.locator("table").inner_text()
    shown.get_by_role("button", name="none").click()
    assert lines() == [] and "No cell is chosen" in shown.locator(".said").inner_text()
    shown.get_by_label("as initialised").check()
    shown.get_by_role("button", name="all").click()
    assert lines() == ["jordan", "lstm_1", "tanh"]
    shown.evaluate("speak('zh')")
    assert "间隔" in shown.locator("svg.drawing").last.text_content()


# learning curves

def record_run(section, run, members, losses):
    """Write a record and a history, of which a member's losses may end early."""
    made = [{"seed": seed, "learning_rate": 0.1, "metrics": {}, "diverged": diverged, "stopped": stopped} for seed, diverged, stopped in members]
    results.write_json(results.run_file(section, run), {"format": results.FORMAT, "members": made})
    rows = [{"seed": seed, "learning_rate": 0.1, "step": 10 * (place + 1), "loss": loss} for seed, values in losses.items() for place, loss in enumerate(values)]
    results.write_csv(results.history_file(section, run), rows)


@pytest.fixture
def curve(workplace):
    record_run("adding", "tanh", [(4, None, None), (5, {"step": 25, "cause": "loss is not finite"}, None), (6, None, 20), (7, {"step": 3, "cause": "loss"}, None)],
               {4: [1.0, 0.8, 0.6, 0.4], 5: [2.0, 9.0], 6: [0.5, 0.01]})
    return learning_curves_piece.curve("adding/tanh", None)


@pytest.mark.unit
def test_a_solved_seed_keeps_its_loss_and_a_diverged_one_ends(curve):
    assert curve["steps"] == [10, 20, 30, 40] and curve["low"] == [0.5, 0.01, 0.01, 0.01]
    assert curve["median"] == pytest.approx([1.0, 0.8, 0.305, 0.205]) and curve["high"] == [2, 9, 0.6, 0.4]
    assert curve["diverged"] == [{"seed": 5, "step": 25}, {"seed": 7, "step": 3}] and (curve["stopped"], curve["seeds"], curve["rate"]) == (1, 4, 0.1)


@pytest.mark.unit
def test_seeds_that_all_diverged_at_once_have_no_curve(workplace):
    record_run("adding", "tanh", [(4, {"step": 3, "cause": "loss"}, None)], {})
    found = learning_curves_piece.curve("adding/tanh", 0.1)
    assert found["steps"] == found["median"] == [] and len(found["diverged"]) == 1


@pytest.mark.unit
def test_only_what_was_trained_is_to_be_chosen(workplace):
    members, losses = [(4, None, None)], {4: [1.0, 0.5]}
    for run in ("tanh", "lstm", "tanh_10"):
        record_run("adding", run, members, losses)
    record_run("character_clipping", "tanh_none", members, losses)  # at another rate than its task asks for
    data = learning_curves_piece.piece().data
    assert [(task["en"], list(task["curves"])) for task in data["tasks"]] == [("adding, T = 10", ["plain"]), ("adding, T = 50", ["plain", "lstm"])]
    assert data["first"] == 1


@pytest.mark.browser
def test_task_axis_and_networks_are_chosen(visit, tmp_path, curve):
    calm = {**curve, "diverged": [], "median": [1, 0.1, 0.01, 0.001]}
    data = {"networks": {"plain": {"en": "tanh", "zh": "tanh"}, "lstm": {"en": "LSTM", "zh": "LSTM"}}, "first": 1,
            "tasks": [{"en": "one", "zh": "一", "curves": {"plain": calm}}, {"en": "two", "zh": "二", "curves": {"plain": curve, "lstm": calm}}]}
    shown = visit(page_of(replace(weight_piece(), kind="learning_curves", data=data), tmp_path))

    def lines():
        return [line.get_attribute("data-line") for line in shown.locator("[data-line]").all()]

    assert lines() == ["plain", "lstm"] and shown.locator("[data-diverged]").count() == 2 and "2/4" in shown.locator("table").inner_text()
    before = shown.locator('[data-line="lstm"]').get_attribute("d")
    shown.get_by_label("linear").check()
    assert shown.locator('[data-line="lstm"]').get_attribute("d") != before
    shown.get_by_label("tanh").uncheck()
    assert lines() == ["lstm"] and shown.locator("[data-diverged]").count() == 0
    shown.get_by_label("tanh").check()
    shown.get_by_label("Task").select_option(label="one")
    assert lines() == ["plain"] and "0/4" in shown.locator("table").inner_text()
    shown.evaluate("speak('zh')")
    assert shown.locator("option").first.inner_text() == "一" and "更新次数" in shown.locator("svg.drawing").last.text_content()


# on a telephone, at night

def every_piece(cliff, curve):
    curves = {"networks": {"plain": {"en": "tanh, equal parameters", "zh": "tanh，参数相等"}}, "first": 0, "tasks": [{"en": "one", "zh": "一", "curves": {"plain": curve}}]}
    return [weight_piece(), lstm_steps_piece.piece(lstm_examples.lecture_cell(), lstm_examples.INPUTS), cliff, flow_piece(),
            replace(weight_piece(), kind="learning_curves", data=curves)]


@pytest.mark.browser
@pytest.mark.long
def test_nothing_is_wider_than_a_telephone_and_all_controls_have_names(visit, tmp_path, cliff, curve):
    for piece in every_piece(cliff, curve):
        shown = visit(page_of(piece, tmp_path, plotly=piece is cliff), viewport={"width": 390, "height": 800}, color_scheme="dark")
        for language in ("en", "zh"):
            shown.evaluate(f"speak('{language}')")
            assert shown.evaluate("document.documentElement.scrollWidth") <= 390, piece.kind
            nameless = shown.evaluate("""[...document.querySelectorAll('input, select, button')].filter(part =>
                !part.getAttribute('aria-label') && !part.innerText && ![...(part.labels || [])].some(label => label.innerText.trim())).length""")
            assert nameless == 0 and shown.locator("[role=img][aria-label], .js-plotly-plot[aria-label]").count() >= 1, piece.kind
            assert shown.locator("[aria-live=polite]").count() == 1
