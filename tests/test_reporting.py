"""The report: whole, offline, in both languages, and the README's table is that of the reference run."""

from __future__ import annotations

import html.parser
import json
import re
import xml.etree.ElementTree
from collections import Counter

import pytest
import small_report
from conftest import ROOT

from unrolled import results, settings
from unrolled.judging import claims
from unrolled.reporting import cards, exhibits, figures, front, page, readme, runs

pytestmark = pytest.mark.unit


class Outline(html.parser.HTMLParser):
    """Notes ids, links, external addresses (what is loaded apart from what may be clicked) and unclosed elements."""

    VOID = {"meta", "link", "br", "img", "input", "hr"}

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids, self.links, self.outside, self.leads, self.open = [], [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.ids += [found["id"]] if "id" in found else []
        self.links += [found["href"][1:]] if found.get("href", "").startswith("#") else []
        places = [value for key, value in attributes if key in ("src", "href") and value and value.startswith(("http", "//"))]
        (self.leads if tag == "a" else self.outside).extend(places)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, tag


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """The page of a small real run (see small_report)."""
    patch = pytest.MonkeyPatch()
    yield small_report.make(tmp_path_factory.mktemp("report"), patch)
    patch.undo()


def test_the_page_is_whole_and_needs_nothing_from_outside(report):
    outline = Outline(report)
    assert not outline.open and not outline.outside
    assert [place.partition("?")[0] for place in outline.leads] == ["https://www.youtube.com/watch"] * 2  # the lecture
    assert len(set(outline.ids)) == len(outline.ids)
    assert set(outline.links) <= set(outline.ids)
    assert not re.search(r"url\((?!#)", report) and "@import" not in report


def test_every_claim_is_on_the_page_in_both_languages(report):
    for claim in claims.load(ROOT / "claims.yaml"):
        assert f'id="{claim.id}"' in report and claim.statement_zh in report
    assert report.count('lang="zh"') > 100 and "None" not in re.sub(r"<svg.*?</svg>", "", report, flags=re.DOTALL)


def test_a_picture_is_drawn_once_and_pointed_to_after(report):
    assert report.count("Caption &lt;b&gt;") == 1 and "Caption <b>" not in report
    card = report[report.index('<article id="D4"') : report.index('<article id="D5"')]
    assert 'href="#D3"' in card and 'class="drawn"' not in card


def card(report, claim):
    start = report.index(f'<article id="{claim}"')
    return report[start : report.index("</article>", start)]


def test_sentences_tables_and_plots_stand_on_their_cards(report):
    assert "Where it fails." in card(report, "D3") and "不成立之处。" in card(report, "D4")
    assert "1 &lt; 2" in card(report, "D4") and "<details" in card(report, "D4") and "Numbers" not in card(report, "D3")
    assert 'class="plot" id="plot-error_surface-turn"' in card(report, "D3") and 'src="plotly.min.js"' in report


def test_a_specification_cannot_end_its_script(report):
    data = card(report, "D3").split('id="plot-error_surface-turn-data">')[1].split("</script>")[0]
    assert json.loads(data)["data"][0]["name"] == "</script>" and "<" not in data  # nor begin a comment in which it would not end


def test_the_rules_that_stood_before_are_returned(workplace):
    entries = [{"hash": name, "rule": name, "rule_zh": name, "verdict": "pending"} for name in ("first", "second")]
    results.write_json(results.rules_file(), {"D5": entries})
    found = cards.earlier_rules({"D5": {"rule_hash": "second"}, "D6": {"rule_hash": "only"}})
    assert found == {"D5": entries[:1], "D6": []}


def test_fresh_seeds_speak_only_of_what_they_judged(workplace):
    """A claim that was not confirmed, or by another rule or verdict than that of now, or that rests on recorded runs alone, is said
    nothing of."""
    claims_now = {name: {"rule_hash": f"{name} now", "verdict": "reproduced", "evidence": ["results/train/adding/gru.json"]}
                  for name in ("D5", "D6", "D7", "F2", "F8")}
    claims_now |= {"A5": {"rule_hash": "A5 now", "verdict": "reproduced", "evidence": ["reference/recorded/slots/elman_2.json"]}}
    assert cards.fresh_seeds(claims_now) == {}
    results.write_json(results.confirmed_file(), {"format": results.FORMAT, "flips": [{"name": "D5", "here": "conditional"}],
                                                  "rules": {"A5": "A5 now", "D5": "D5 now", "D6": "D6 now", "D7": "before", "F8": "F8 now"},
                                                  "verdicts": dict.fromkeys(claims_now, "reproduced") | {"F8": "inconclusive"}})
    assert cards.fresh_seeds(claims_now) == {"D5": "conditional", "D6": ""}


def test_what_official_data_gave_stands_beside(workplace):
    table = {"claim": ["F8"], "title": "Scores.", "title_zh": "得分。", "rows": []}
    found = {"format": results.FORMAT, "tables": {"scores": table}, "sentences": [{"claim": ["F8"], "text": "One.", "text_zh": "一。"}]}
    results.write_json(results.official_file("audio_vectors"), found)
    official = exhibits.official({"audio_vectors": {}, "recognition": {}})
    assert list(official) == ["audio_vectors"]
    assert [each["title"] for each in exhibits.tables({"audio_vectors": {"tables": {"a": table}}}, official)["F8"]] == [
        "Scores.", "On the official data: Scores."]
    assert exhibits.sentences({}, official)["F8"][0]["text_zh"] == "官方数据：一。"


def test_many_runs_are_drawn_a_panel_each(report):
    def record(rates):
        return {"settings": {"length": 5}, "members": [{"learning_rate": rate, "metrics": {"m": 0.5}} for rate in rates]}
    records = {f"run{place}": record([0.1]) for place in range(20)}
    rows = [{"seed": "0", "learning_rate": "0.1", "step": str(step), "loss": "1.0"} for step in (1, 2)]
    assert figures.learning_curves("t", records, dict.fromkeys(records, rows)).count("run19") == 1
    assert figures.final_scores("t", records, "m", 0.1).count("run19") == 1
    groups = figures.groups_of({"a": record([0.1, 0.2]), "a_9": {**record([0.1]), "settings": {"length": 9}}})
    assert [(group.row, group.column) for group in groups] == [("a", "T = 5, rate 0.1"), ("a", "T = 5, rate 0.2"), ("a", "T = 9, rate 0.1")]


def test_time_per_update_counts_the_updates_that_were_done(workplace):
    """Of 100: all, until it had solved its task, until it was left out after it had diverged, and one that diverged in the last window."""
    members = [{"stopped": stopped, "diverged": step and {"step": step, "cause": "loss"}}
               for stopped, step in ((None, None), (40, None), (None, 21), (None, 99))]
    results.write_json(results.run_file("adding", "tanh"), {
        "format": results.FORMAT, "parameters": 7, "members": members, "settings": {"updates": 100, "stride": 15}})
    results.write_json(results.seconds_file("adding"), {"tanh": 2.7})
    assert [runs.updates_done(member, {"updates": 100, "stride": 15}) for member in members] == [100, 40, 30, 100]
    assert runs.seconds_per_update() == [{"name": "tanh", "parameters": 7, "milliseconds": pytest.approx(10)}]


def test_a_member_that_diverged_is_shown_with_step_and_cause(report):
    assert re.search(r"seed 0, rate 1e\+30: step \d+, (loss|gradient norm) is not finite", report)


def test_without_verdicts_one_sentence(workplace, params):
    with pytest.raises(results.ResultsError, match="make reproduce"):
        page.build(settings.parse(params))


@pytest.mark.parametrize(("name", "chinese"), readme.FILES.items())
def test_the_readmes_table_is_that_of_the_reference_run(name, chinese, monkeypatch):
    monkeypatch.chdir(ROOT)
    verdicts = results.read_result(ROOT / "reference" / "verdicts.json")["claims"]
    assert readme.table(verdicts, chinese) in (ROOT / name).read_text(encoding="utf-8")


@pytest.mark.parametrize(("name", "chinese"), front.FILES.items())
def test_the_readmes_picture_is_that_of_the_reference_run(name, chinese):
    verdicts = results.read_result(ROOT / "reference" / "verdicts.json")["claims"]
    picture = front.build(verdicts, results.read_json(ROOT / "reference" / "numbers.json"), chinese)
    assert picture == (ROOT / name).read_text(encoding="utf-8"), "run `python -m pipelines.verify --write`, or front.update()"
    assert xml.etree.ElementTree.fromstring(picture).tag.endswith("svg")
    counts = Counter(claim["verdict"] for claim in verdicts.values())
    assert all(f"{readme.SYMBOLS[verdict]} {readme.VERDICTS_ZH[verdict] if chinese else verdict} {count}<" in picture
               for verdict, count in counts.items())


def test_a_length_without_a_run_is_a_dash_in_the_picture():
    claims = {"A1": {"verdict": "contradicted", "section": "RNN example"}}
    assert front.build(claims, {"adding/gru/success": {"mean": 2 / 3, "spread": 0.5, "n": 3}}, False).count("–<") == 23
    assert "2/3<" in front.build(claims, {"adding/gru/success": {"mean": 2 / 3, "spread": 0.5, "n": 3}}, True)


def test_the_reference_was_judged_by_the_rules_of_now():
    verdicts = results.read_result(ROOT / "reference" / "verdicts.json")["claims"]
    assert {claim.id: claim.rule_hash for claim in claims.load(ROOT / "claims.yaml")} == {
        name: claim["rule_hash"] for name, claim in verdicts.items()}


def test_the_readmes_table_says_what_a_verdict_rests_on_and_how_often_its_rule_changed(workplace):
    claim = {"statement": "So it is.", "statement_zh": "是这样。", "verdict": "reproduced", "section": "?", "rule_hash": "now"}
    origins = {"A": ("exact", ["results/analyses/x/result.json"]), "B": ("one", ["results/train/a/b.json"]),
               "C": ("one", ["results/train/a/b.json", "reference/recorded/a/c.json"]), "D": ("one", ["reference/recorded/a/c.json"])}
    claims = {name: {**claim, "family": family, "evidence": evidence} for name, (family, evidence) in origins.items()}
    rules = [{"hash": "first", "verdict": "pending"}, {"hash": "second", "verdict": "conditional"}, {"hash": "now", "verdict": "reproduced"}]
    results.write_json(results.rules_file(), {"D": rules})
    results.write_json(results.confirmed_file(), {"format": results.FORMAT, "flips": [], "rules": dict.fromkeys("ABCD", "now"),
                                                  "verdicts": dict.fromkeys("ABCD", "reproduced")})
    *rows, _, fresh = readme.table(claims, False).splitlines()
    assert [row.split(" | ")[3:] for row in rows[2:]] == [["calculated", " |"], ["default run", " |"], ["default run, recorded runs", " |"],
                                                         ["recorded runs", "1 |"]]
    assert fresh.startswith("On fresh seeds (`make confirm`) 0 of 3 verdicts differ. 2 of the 3 rest on nothing that keeps its seeds")


def test_a_readme_without_marks_is_refused(workplace):
    for name in readme.FILES:
        results.write_text(name, "no marks\n")
    with pytest.raises(results.ResultsError, match="marks"):
        readme.update({})
