"""Bad settings are refused in one sentence that names the key; good ones resolve in the stated order."""

from __future__ import annotations

import dataclasses
import re
import subprocess
import sys

import pytest
from conftest import ROOT

from unrolled import analyses, catalogue, data, models, settings
from unrolled.batches import Sizes
from unrolled.settings import SettingsError
from unrolled.training import generator

pytestmark = pytest.mark.unit


def put(tree: dict, path: str, value: object) -> dict:
    *parents, last = path.split("/")
    for name in parents:
        tree = tree[name]
    tree[last] = value
    return tree


BAD = [
    ("scael", 1, "scael is not a setting; did you mean 'scale'?"),
    ("scale", "laptpo", "did you mean 'laptop'?"),
    ("device", "gpu", "device"),
    ("workers", -1, "workers must be at least 0"),
    ("data/source", "oficial", "did you mean 'official'?"),
    ("data/sets/spoken_words/shares", 1, "data.sets.spoken_words.shares is not a setting; did you mean 'share'?"),
    ("data/sets/sltos", {}, "did you mean 'slots'?"),
    ("tasks/adding/lenght", 30, "lenght"),
    ("tasks/adding/length", -3, "length must be at least 2"),
    ("tasks/adding/length", "long", "length must be a whole number"),
    ("tasks/adding/length", 1.5, "length must be a whole number"),
    ("tasks/adding/kind", "ading", "did you mean 'adding'?"),
    ("tasks/adding/updates", 0, "must give either updates or epochs"),
    ("tasks/adding/updates", float("nan"), "updates"),
    ("tasks/adding/runs/tanh/cell", "elmann", "did you mean 'elman'?"),
    ("tasks/adding/runs/tanh/hidden", 0, "hidden must be at least 1"),
    ("tasks/adding/runs/tanh/clip_at", -1.0, "clip_at must be above 0"),
    ("tasks/adding/runs/tanh/clip_at", float("inf"), "clip_at must be a finite number"),
    ("tasks/adding/runs/tanh/forget_bias", 1.0, "forget_bias is no setting of a run, of task adding, of cell elman or of model reader"),
    ("tasks/adding/runs/tanh/dropout", 1.5, "dropout must be at most"),
    ("tasks/adding/runs/tanh/bidirectional", "yes", "bidirectional must be true or false"),
    ("tasks/adding/runs/tanh/learning_rates", [0.0], "learning_rates must be above 0"),
    ("tasks/adding/runs/tanh/learning_rates", [0.01, 0.03, 0.01], "tasks.adding.runs.tanh.learning_rates gives 0.01 more than once"),
    ("tasks/adding/runs/tanh", {"cell": "elman", "epochs": 3, "updates": 0}, "task adding draws its data without end; give updates"),
    ("tasks/adding/runs/tanh/first_seed", 8999, "meet the seeds"),
    ("tasks/adding/runs", [], "tasks.adding.runs must be a mapping"),
    ("tasks/speech_ctc/full", {"runs": True}, "tasks.speech_ctc.full.runs must be a mapping"),
    ("analyses/gradient_flwo", {"reads": "x"}, "did you mean 'gradient_flow'?"),
    ("tuning/learning_rates", [0.01, 0.1, 0.1], "tuning.learning_rates gives 0.1 more than once; give each number once."),
    ("tuning/further_rates", [0.3, 0.3], "tuning.further_rates gives 0.3 more than once"),
    ("tuning/seeds", "three", "tuning.seeds must be a whole number"),
]


@pytest.mark.parametrize(("path", "value", "sentence"), BAD)
def test_a_bad_setting_is_refused(params, path, value, sentence):
    put(params, path, value)
    with pytest.raises(SettingsError) as raised:
        chosen = settings.parse(params)
        data.check(chosen.data.sets)
        catalogue.check(chosen)
        analyses.check(chosen)
    message = str(raised.value)
    assert sentence in message
    assert "\n" not in message and len(message) < 600


def test_the_file_as_committed_is_good(params):
    catalogue.check(settings.parse(params))


@pytest.mark.parametrize("scale", settings.SCALES)
def test_every_scale_is_good(params, scale):
    params["scale"] = scale
    catalogue.check(settings.parse(params))


def test_order_of_resolution(params):
    section = params["tasks"]["adding"]
    run = settings.parse(params).tasks["adding"].runs["tanh_10"]
    assert run.options["length"] == 10 != section["length"]  # its own line wins over its section
    assert run.hidden == params["defaults"]["hidden"]
    params["scale"] = "smoke"
    assert settings.parse(params).tasks["adding"].runs["tanh_10"].updates == section["smoke"]["updates"]  # the scale wins over all


def test_seed_offset_moves_every_run(params):
    params["seed_offset"] = 50_000
    assert {run.first_seed for task in settings.parse(params).tasks.values() for run in task.runs.values()} == {50_000}


def test_settings_cannot_be_changed(params):
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.parse(params).scale = "full"


def test_a_doubled_key_is_refused(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text("scale: laptop\nscale: full\n", encoding="utf-8")
    with pytest.raises(SettingsError, match="given twice"):
        settings.load(path)


@pytest.mark.parametrize("text", ["a: [1", "\t- x", "- just\n- a list\n", ""])
def test_unreadable_yaml_is_one_sentence(tmp_path, text):
    path = tmp_path / "params.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError) as raised:
        settings.load(path)
    assert "\n" not in str(raised.value)


def test_a_stage_exits_with_2_and_one_line(tmp_path):
    (tmp_path / "params.yaml").write_text("scael: laptop\n", encoding="utf-8")
    done = subprocess.run([sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r}); from pipelines.train import main; "
                           "main('adding')"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1


def test_options_of_tasks_and_cells_do_not_collide():
    for task in catalogue.TASKS.values():
        for cell in catalogue.CELLS.values():
            assert not set(catalogue.options_of(task)) & set(catalogue.options_of(cell))


MATCHED = [("adding", "tanh_matched", "lstm"), ("adding", "irnn_matched", "lstm"), ("adding", "gru_matched", "lstm"),
           ("adding", "clockwork_matched", "tanh"), ("adding", "clockwork_matched_10", "tanh_10"), ("digits", "tanh_matched", "lstm"),
           ("small_digits", "tanh_matched", "lstm"), ("small_digits", "irnn_matched", "lstm"), ("temporal_order", "tanh_as_scrn", "scrn"),
           ("character_model", "tanh_as_scrn", "scrn"), ("sequence_generation", "clockwork", "elman")]
SIZES = {"adding": Sizes(2, 1, classes=False), "digits": Sizes(1, 10), "small_digits": Sizes(1, 10), "temporal_order": Sizes(6, 4),
         "character_model": Sizes(0, 39, vocabulary=39), "sequence_generation": Sizes(1, 1, classes=False)}


def parameters(run, sizes):
    return models.count_parameters(models.build(run, catalogue.cell_options(run), sizes, [generator(0, "values")]))


@pytest.mark.parametrize(("section", "run", "other"), MATCHED)
def test_matched_runs_match(params, section, run, other):
    """Runs that are said to have as many parameters as others do, to 6 %; masked weights do not count."""
    chosen = settings.parse(params).tasks[section].runs
    assert parameters(chosen[run], SIZES[section]) == pytest.approx(parameters(chosen[other], SIZES[section]), rel=0.06)


@pytest.mark.parametrize("cell", ["elman", "lstm"])
def test_stacks_have_as_many_parameters_as_one_layer(params, cell):
    params["scale"] = "full"
    runs = settings.parse(params).tasks["character_model"].runs
    one, *deeper = (parameters(runs[f"{cell}_{layers}"], SIZES["character_model"]) for layers in (1, 2, 3))
    assert deeper == pytest.approx([one] * 2, rel=0.025) and max(deeper) <= one


def test_what_a_scale_says_of_one_run_stands(params):
    section = params["tasks"]["adding"]
    params["scale"], section["full"] = "full", {"updates": 7, "seeds": 3, "runs": {"brief": {"cell": "elman", "updates": 5}}}
    runs = settings.parse(params).tasks["adding"].runs
    assert (runs["brief"].updates, runs["brief"].seeds, runs["tanh"].updates) == (5, 3, 7)


def test_a_scale_changes_of_a_run_what_it_names_alone(params):
    """The block's own settings stand over the run's, the run's line in the block over both."""
    section = params["tasks"]["adding"]
    section["runs"]["lstm"] = {"cell": "lstm", "path": "fused", "hidden": 64, "updates": 9}
    params["scale"], section["full"] = "full", {"updates": 7, "runs": {"lstm": {"hidden": 128}}}
    run = settings.parse(params).tasks["adding"].runs["lstm"]
    assert (run.cell, run.path, run.hidden, run.updates) == ("lstm", "fused", 128, 7)


def test_runs_are_repeated_at_other_lengths(params):
    section = params["tasks"]["adding"]
    section["other_lengths"] = [10, 30]
    section["runs"] = {"tanh": {"cell": "elman"}, "tanh_30": {"cell": "elman", "length": 30, "hidden": 7}, "long": {"cell": "gru", "length": 100}}
    runs = settings.parse(params).tasks["adding"].runs
    assert {name: run.options["length"] for name, run in runs.items()} == {"tanh": 50, "tanh_30": 30, "long": 100, "tanh_10": 10}
    assert runs["tanh_30"].hidden == 7  # a line of its own stands
    section["runs"]["tanh_30"]["length"] = 31
    with pytest.raises(settings.SettingsError, match=r"runs\.tanh_30 has a length of 31, but its name is that of tanh at length 30"):
        settings.parse(params)
    section["runs"]["tanh_30"]["length"] = 30
    params["scale"], section["full"] = "full", {"other_lengths": [200]}
    assert set(settings.parse(params).tasks["adding"].runs) == {"tanh", "tanh_30", "long", "tanh_200"}


def test_what_is_repeated_keeps_its_length_and_has_no_more_seeds_than_told(params):
    section = params["tasks"]["adding"]
    section.update(other_lengths=[10], other_seeds=4, seeds=50)
    section["runs"] = {"tanh": {"cell": "elman"}, "gru": {"cell": "gru", "seeds": 3}, "lstm": {"cell": "lstm", "seeds": 30}}
    section["laptop"] = {"length": 100}
    runs = settings.parse(params).tasks["adding"].runs
    assert {name: (run.seeds, run.options["length"]) for name, run in runs.items()} == {
        "tanh": (50, 100), "gru": (3, 100), "lstm": (30, 100), "tanh_10": (4, 10), "gru_10": (3, 10), "lstm_10": (4, 10)}
    section["laptop"] = {"seeds": 7}  # a scale's word holds for all
    assert {run.seeds for run in settings.parse(params).tasks["adding"].runs.values()} == {7}


def test_what_is_looked_at_between_strides_is_refused(params):
    params["tasks"]["adding"].update(stride=20, evaluate_every=50)
    with pytest.raises(SettingsError, match=r"adding\.runs\.tanh\.evaluate_every is 50, but is looked at after every stride of 20 updates alone"):
        settings.parse(params)


def test_a_grid_holds_a_rate(params):
    params["tuning"]["learning_rates"] = []
    with pytest.raises(SettingsError, match=r"tuning\.learning_rates is empty; give one learning rate at least"):
        settings.parse(params)


@pytest.mark.parametrize("bad", ["many", [0.5], [-3]])
def test_other_lengths_are_whole_numbers(params, bad):
    params["tasks"]["adding"]["other_lengths"] = bad
    with pytest.raises(SettingsError, match=r"tasks\.adding\.other_lengths must be"):
        settings.parse(params)


def test_an_anchor_may_be_taken_over(tmp_path):
    path = tmp_path / "some.yaml"
    path.write_text("a: &shared {x: 1, y: 2}\nb: {<<: *shared, y: 3}\n", encoding="utf-8")
    assert settings.read_yaml(path)["b"] == {"x": 1, "y": 3}


@pytest.mark.parametrize(("line", "word"), [
    ({"cell": "elman", "activation": "tahn"}, "'tahn', which it does not know"), ({"cell": "elman", "initialisation": "ortho"}, "'ortho'"),
    ({"cell": "clockwork", "groups": 40}, "clockwork refuses its options"), ({"cell": "lstm", "kept": 0.5}, "lstm refuses its options")])
def test_what_a_cell_refuses_is_said_before_anything_runs(params, line, word):
    params["tasks"]["adding"]["runs"] = {"some": line}
    with pytest.raises(SettingsError, match=re.escape(word)) as said:
        catalogue.check(settings.parse(params))
    assert str(said.value).startswith("tasks.adding.runs.some: cell ")


@pytest.mark.parametrize(("section", "line", "words"), [
    ("audio_words", {"objective": "contrastive"}, "one of objective: contrastive and decoder_input: none"),
    ("audio_words", {"decoder_input": "none"}, "one of objective: contrastive and decoder_input: none"),
    ("audio_words", {"model": "reader", "bidirectional": False}, "has model: reader for task audio_words"),
    ("sequence_generation", {"model": "audio_autoencoder"}, "has model: audio_autoencoder for task sequence_generation")])
def test_a_model_of_spoken_words_and_their_task_go_together(params, section, line, words):
    if "model" in line:
        params["tasks"][section].pop("decoder_input", None)
        params["tasks"][section]["runs"] = {}
    params["tasks"][section]["runs"]["some"] = {"cell": "gru", **line}
    with pytest.raises(SettingsError, match=words) as said:
        catalogue.check(settings.parse(params))
    assert str(said.value).startswith(f"tasks.{section}.runs.some has ") and "\n" not in str(said.value)


@pytest.mark.parametrize(("section", "line", "words"), [
    ("adding", {"model": "encoder_decoder"}, "writes an answer of any length, for which task adding does not ask"),
    ("temporal_order", {"length": 5}, "length must be at least 10"), ("adding", {"embedding": 8}, "inputs are no words; leave both out"),
    ("adding", {"feedback": "target"}, "feedback is 'target', but only a Jordan cell"),
    ("timing", {"least_delay": 200}, "least_delay must lie between 1 and most_delay")])
def test_what_a_generated_task_or_its_model_refuses_is_said_before_anything_runs(params, section, line, words):
    params["tasks"][section]["runs"]["some"] = {"cell": "elman", **line}
    chosen = settings.parse(params)
    catalogue.check(chosen)
    with pytest.raises(SettingsError, match=words) as said:
        catalogue.check_generated(chosen)
    assert str(said.value).startswith(f"tasks.{section}.runs.some: ") and "\n" not in str(said.value)


@pytest.mark.parametrize("scale", settings.SCALES)
def test_generated_tasks_and_models_of_every_scale_are_good_and_few_are_built(params, scale, monkeypatch):
    params["scale"], built, real = scale, [], catalogue.make_model
    monkeypatch.setattr(catalogue, "make_model", lambda run, *others, **how: built.append(run) or real(run, *others, **how))
    catalogue.check_generated(settings.parse(params))
    assert 10 < len(built) < 100


@pytest.mark.parametrize("name", ["a__b", "a/b", "tanh.items", "", ".", "..", "a\n", "a b", "a_", "-a", "3", "é"])
@pytest.mark.parametrize("of_section", [False, True])
def test_names_that_files_could_not_bear_are_refused(params, name, of_section):
    if of_section:
        params["tasks"][name] = params["tasks"].pop("adding")
    else:
        params["tasks"]["adding"]["runs"] = {name: {"cell": "elman"}}
    with pytest.raises(SettingsError, match="files are named after it, so that it must begin with a letter") as said:
        catalogue.check(settings.parse(params))
    assert "\n" not in str(said.value) and repr(name) in str(said.value)


def test_a_run_is_not_called_as_the_file_beside_its_own(params):
    params["tasks"]["adding"]["runs"] = {"seconds": {"cell": "elman"}}
    with pytest.raises(SettingsError, match=r"tasks\.adding\.runs\.seconds: call the run something else"):
        catalogue.check(settings.parse(params))
