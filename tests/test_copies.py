"""What is run apart, in a copy beside the sources: official data, and records of runs that the default scale leaves out."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import psutil
import pytest
from conftest import ROOT

from pipelines import clean, official, record, sandbox
from pipelines.sandbox import SOURCES
from unrolled import data, guard, results, settings, tuned
from unrolled.analyses import further_words, search_scores, spoken_search
from unrolled.analyses.word_scores import Scores
from unrolled.data import spoken

pytestmark = pytest.mark.unit


@pytest.fixture
def home(workplace):
    """The sources, as a checkout has them, in a folder of their own."""
    for name in SOURCES:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, workplace / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, workplace / name)
    return workplace


@pytest.fixture
def stages(monkeypatch):
    """The stages' scripts asked for, in order; each leaves behind a file that says who made it."""
    asked = []

    def pretended(command, folder, environment):
        stage, argument = command[2].removeprefix("pipelines."), " ".join(command[3:])
        asked.append((stage, argument))
        if stage == "analyse":
            results.write_json(folder / results.analysis_file(argument), {"made": argument})
        if stage == "train":
            for run in settings.read_yaml(folder / "params.yaml")["tasks"][argument].get("full", {}).get("runs", {}):
                path = folder / results.task_folder(argument) / f"{run}.json"
                metric = "chunk_f1" if argument == "slots" else "success"
                results.write_json(path, {"format": results.FORMAT, "run": run, "settings": {"kind": argument}, "members": [{"metrics": {metric: 1}}]})
                results.write_bytes(path.with_suffix(".items.safetensors"), b"items")
        return 0

    monkeypatch.setattr(guard, "run_pipeline", pretended)
    monkeypatch.setattr(guard, "end_on_signals", lambda: None)  # which would be this process'
    return asked


def test_a_mirror_that_is_named_from_here_is_found_from_a_copy(workplace, monkeypatch):
    monkeypatch.setenv("UNROLLED_MIRROR", "files")
    assert sandbox.mirror_from_elsewhere() == {"UNROLLED_MIRROR": str(workplace / "files")}
    monkeypatch.delenv("UNROLLED_MIRROR")
    assert sandbox.mirror_from_elsewhere() == {}


def test_clean_leaves_the_data_and_what_dvc_knows_of_them(workplace, capsys):
    for name in ("results", "report", ".runs", ".smoke", ".dvc/cache/runs", "data/slots"):
        (workplace / name).mkdir(parents=True)
        (workplace / name / "file").write_text("x", encoding="utf-8")
    lock = {"schema": "2.0", "stages": {"data@slots": {"cmd": "x"}, "train@slots": {"cmd": "y"}}}
    results.write_text("dvc.lock", json.dumps(lock))
    clean.main()
    assert settings.read_yaml("dvc.lock") == {"schema": "2.0", "stages": {"data@slots": {"cmd": "x"}}}
    assert sorted(path.name for path in workplace.iterdir()) == [".dvc", ".runs", "data", "dvc.lock"]
    assert {path.suffix for path in results.RUNS.iterdir()} == {".lock"} and "data and environment are left" in capsys.readouterr().out
    results.write_text("dvc.lock", json.dumps({**lock, "stages": {"train@slots": {}}}))
    clean.main()
    assert not (workplace / "dvc.lock").exists()


def test_a_smoke_run_has_a_share_of_the_speech_spoken_and_no_other_run_has(home):
    for purpose, share in (("smoke", 0.2), ("confirm", 1.0)):
        sandbox.make_copy(Path(f".{purpose}"))
        sandbox.change_settings(Path(f".{purpose}"), purpose)
        chosen = settings.load(f".{purpose}/params.yaml")
        data.check(chosen.data.sets)
        assert {name: data.make(name, options).share for name, options in chosen.data.sets.items() if name.startswith("spoken")} == dict.fromkeys(
            ("spoken_words", "spoken_further_words", "spoken_digits", "spoken_mandarin", "spoken_archive"), share)


@pytest.mark.parametrize("block", [3, [0.2], "all"])
def test_what_a_smoke_run_changes_of_a_set_is_a_mapping(home, stages, capsys, block):
    tree = settings.read_yaml("params.yaml")
    tree["data"]["sets"]["spoken_words"] = {"smoke": block}
    results.write_json("params.yaml", tree)  # which is YAML too
    with pytest.raises(SystemExit):
        sandbox.main("smoke")
    assert "data.sets.spoken_words.smoke must be a mapping" in capsys.readouterr().err and not stages


@pytest.mark.parametrize(("change", "complaint"), [
    (lambda tree: tree.update(data=None), "data must be a mapping"),
    (lambda tree: tree["tasks"]["slots"].pop("reads"), "tasks.slots.reads is missing"),
    (lambda tree: tree["tasks"].update(mine=None), "tasks.mine must be a mapping"),
    (lambda tree: tree["tasks"]["slots"].update(smoke=[3]), "tasks.slots.smoke must be a mapping")])
def test_settings_are_checked_before_they_are_made_those_of_a_smoke_run(home, stages, capsys, change, complaint):
    tree = settings.read_yaml("params.yaml")
    change(tree)
    results.write_json("params.yaml", tree)
    with pytest.raises(SystemExit):
        sandbox.main("smoke")
    assert complaint in capsys.readouterr().err and not stages and not Path(".smoke").exists()


def test_a_section_may_change_nothing_for_a_smoke_run(home):
    tree = settings.read_yaml("params.yaml")
    tree["tasks"]["slots"]["smoke"] = None
    results.write_json("params.yaml", tree)
    sandbox.make_copy(Path(".smoke"))
    sandbox.change_settings(Path(".smoke"), "smoke")
    assert settings.load(".smoke/params.yaml").tasks["slots"].reads == "data/slots"


def test_confirm_needs_verdicts_before_it_runs_for_an_hour(home, stages):
    with pytest.raises(SystemExit):
        sandbox.main("confirm")
    assert not stages and not Path(".confirm").exists()


def test_official_data_are_fetched_tuned_trained_and_analysed_in_the_copy(home, stages):
    shutil.rmtree(home / "reference" / "official")
    official.main("audio_words speech_ctc", "audio_vectors recognition")
    assert stages == [("data", "spoken_digits"), ("data", "spoken_words"), ("tune", "audio_words speech_ctc"), ("train", "audio_words"),
                      ("train", "speech_ctc"), ("analyse", "audio_vectors"), ("analyse", "recognition")]
    changed = settings.read_yaml(official.COPY / "params.yaml")
    assert changed["scale"] == "official" and changed["data"]["source"] == "official"
    assert changed["analyses"]["recognition"]["sections"] == ["speech_ctc"]  # Mandarin was not asked for
    assert settings.read_yaml("params.yaml")["data"]["source"] == "packaged"
    assert not (official.COPY / results.recorded_file("", "").parent).exists()  # records of the packaged data stay out of it
    kept = sorted(path.name for path in results.official_file("x").parent.iterdir())
    assert kept == ["audio_vectors.json", "recognition.json"]
    assert json.loads(results.official_file("recognition").read_text()) == {"made": "recognition"}


def test_sets_that_analyses_look_into_are_fetched_too(home, stages):
    official.main("audio_words", "spoken_search")
    assert stages[:3] == [("data", "spoken_archive"), ("data", "spoken_words"), ("tune", "audio_words")]


def test_what_an_analysis_has_by_section_is_left_of_the_sections_asked_for(home, stages):
    official.main("character_clipping", "clipping")
    chosen = settings.load(official.COPY / "params.yaml")
    assert chosen.scale == "official"
    assert {key: chosen.analyses["clipping"].options[key] for key in ("sections", "shown_rates")} == {
        "sections": ["character_clipping"], "shown_rates": [8]}
    assert set(chosen.analyses["clipping"].options["more_seeds"]) == {"character_clipping"} and not chosen.analyses["clipping"].options["recorded"]


def test_what_official_data_would_make_of_the_settings_is_checked_before_anything_runs(home, stages, capsys):
    tree = settings.read_yaml("params.yaml")
    tree["analyses"]["audio_vectors"]["official"] = {"fraems": 3}  # which no other scale sees
    results.write_json("params.yaml", tree)
    with pytest.raises(SystemExit):
        official.main("audio_words", "audio_vectors")
    assert "analyses.audio_vectors.fraems is no option" in capsys.readouterr().err and not stages and not official.COPY.exists()


@pytest.mark.parametrize(("sections", "analyses", "sentence"), [
    ("audio_words", "recognition", "'recognition', which looks into none of SECTIONS; add speech_ctc or mandarin_ctc to SECTIONS, or leave recognition out."),
    ("", "recognition", "SECTIONS is empty; name some of "),
    ("speech_ctc", "", "ANALYSES is empty; name some of "),
    ("speech_ctcc", "recognition", "SECTIONS holds 'speech_ctcc', which params.yaml does not have; did you mean 'speech_ctc'?"),
    ("speech_ctc", "recognitions", "ANALYSES holds 'recognitions', which params.yaml does not have; did you mean 'recognition'?")])
def test_a_wrong_name_is_one_sentence_and_copies_nothing(home, stages, capsys, sections, analyses, sentence):
    with pytest.raises(SystemExit):
        official.main(sections, analyses)
    assert sentence in capsys.readouterr().err and not stages and not official.COPY.exists()


def test_records_of_named_runs_are_kept(home, stages):
    results.DATA.mkdir()
    shutil.rmtree(home / "reference" / "recorded")
    record.main("slots", "elman_2")
    assert stages == [("tune", "slots"), ("train", "slots")]
    changed = settings.read_yaml(record.COPY / "params.yaml")
    assert changed["scale"] == "full" and list(changed["tasks"]["slots"]["full"]["runs"]) == ["elman_2"]
    made = record.COPY / results.task_folder("slots") / "elman_2.json"
    assert results.recorded_file("slots", "elman_2").read_bytes() == made.read_bytes()
    assert [path.name for path in sorted(results.recorded_file("slots", "x").parent.iterdir())] == ["elman_2.items.safetensors", "elman_2.json"]
    record.main("templates_state", "elman_few_400")  # no claim resamples its test items
    assert [path.name for path in results.recorded_file("templates_state", "x").parent.iterdir()] == ["elman_few_400.json"]


def held(name):
    """Tell whether this process holds a lock."""
    holder = results.RUNS / f"{name}.holder"
    return holder.exists() and holder.read_text() == str(os.getpid())


def test_copies_and_tuned_rates_are_written_by_one_process_at_a_time(home, stages, monkeypatch):
    """The stages in the copy take locks of their own: this checkout's, since they share its finished members."""
    found, pretended, load, save = [], guard.run_pipeline, tuned.load_evidence, tuned.save
    monkeypatch.setattr(guard, "run_pipeline", lambda command, folder, environment: (
        found.append((str(folder), held(folder.name[1:]), held("tune"))) or pretended(command, folder, environment)))
    monkeypatch.setattr(tuned, "load_evidence", lambda *given: (given or found.append(("read", held("record"), held("tune"))), load(*given))[1])
    monkeypatch.setattr(tuned, "save", lambda *given: found.append(("saved", held("record"), held("tune"))) or save(*given))
    results.DATA.mkdir()
    record.main("slots", "elman_2")
    official.main("speech_ctc", "recognition")
    assert found == [(".record", True, False)] * 2 + [("read", True, True), ("saved", True, True)] + [(".official", True, False)] * 4
    assert not held("record") and not held("official")


def test_what_was_tuned_while_runs_were_recorded_stays(home, stages, monkeypatch):
    pretended, other = guard.run_pipeline, {"learning_rate": 0.5, "code": "x"}

    def tuned_meanwhile(command, folder, environment):
        if "pipelines.train" in command:
            tuned.save({**tuned.load(), "adding": {"tanh": other}}, tuned.load_evidence())
        return pretended(command, folder, environment)

    monkeypatch.setattr(guard, "run_pipeline", tuned_meanwhile)
    results.DATA.mkdir()
    record.main("slots", "elman_2")
    assert tuned.load()["adding"] == {"tanh": other}


@pytest.mark.parametrize(("module", "arguments"), [
    ("sandbox", ("smoke",)), pytest.param("record", ("slots", "elman_2"), marks=pytest.mark.long), ("official", ("speech_ctc", "recognition"))])
def test_whoever_ends_what_runs_in_a_copy_ends_its_stages(home, module, arguments):
    """A stage that sleeps says its number and who started it."""
    results.DATA.mkdir()
    stage = home / "stage"
    stage.write_text(f'#!/bin/sh\necho "$$ ${guard.STARTER}"\nexec sleep 60\n', encoding="utf-8")
    stage.chmod(0o755)
    code = textwrap.dedent(f"""
        import types
        from pipelines import sandbox, {module}
        from unrolled import guard
        guard.PATIENCE = 0.5
        sandbox.sys = types.SimpleNamespace(executable={str(stage)!r})
        {module}.main{arguments!r}
    """)
    process = subprocess.Popen([sys.executable, "-c", code], cwd=home, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"})
    number, starter, _ = process.stdout.readline().split()
    assert int(starter) == process.pid
    process.terminate()
    complaint = process.communicate(timeout=30)[1]
    assert process.returncode == 130 and complaint.startswith("interrupted: ") and not psutil.pid_exists(int(number))


def test_a_copy_finds_the_finished_members_of_a_checkout_that_was_moved(workplace, monkeypatch):
    before, after = workplace / "before", workplace / "after"
    before.mkdir()
    monkeypatch.chdir(before)
    for place in (before, after):
        sandbox.make_copy(record.COPY)
        sandbox.share_members(record.COPY)
        (results.RUNS / place.name).touch()
        assert (record.COPY / results.RUNS / place.name).exists()
        if place == before:
            before.rename(after)
            monkeypatch.chdir(after)
            assert (record.COPY / results.RUNS / "before").exists()  # even before it is made anew


def test_a_link_to_members_that_leads_nowhere_is_made_anew(workplace):
    record.COPY.mkdir()
    (record.COPY / results.RUNS).symlink_to("/nowhere/.runs")
    sandbox.make_copy(record.COPY)
    sandbox.share_members(record.COPY)
    assert (record.COPY / results.RUNS).resolve() == results.RUNS.resolve()


def test_what_can_be_recorded_are_the_runs_of_full_scale_alone(home, stages, capsys):
    """Official data may have runs of their own, which full scale does not know."""
    tree = settings.read_yaml("params.yaml")
    tree["tasks"]["slots"]["official"] = {"runs": {"mine": {"cell": "gru"}}}
    results.write_json("params.yaml", tree)
    results.DATA.mkdir()
    with pytest.raises(SystemExit):
        record.main("slots", "mine")
    assert "tasks.slots.full has no run mine" in capsys.readouterr().err and not stages
    record.main("slots")
    assert set(settings.read_yaml(record.COPY / "params.yaml")["tasks"]["slots"]["full"]["runs"]) == set(tree["tasks"]["slots"]["full"]["runs"])


def test_what_is_recorded_is_trained_at_its_own_length_alone(params):
    params["tasks"]["adding"]["full"]["runs"]["wide"] = {"cell": "gru", "hidden": 64}
    chosen = settings.parse(record.at_full_scale(params, "adding", ["wide"]))
    assert chosen.scale == "full" and list(chosen.tasks["adding"].runs) == ["wide"]


@pytest.mark.parametrize("name", ["irnn_30", "sigmoid_100", "sigmoid_matched"])
def test_what_full_scale_alone_repeats_at_a_length_can_be_recorded(params, name):
    assert name in settings.parse(params).tasks["adding"].elsewhere
    full = settings.parse(params | {"scale": "full"}).tasks["adding"].runs[name]
    alone = settings.parse(record.at_full_scale(params, "adding", [name])).tasks["adding"].runs
    assert alone == {name: full} and full.seeds <= 10


def test_scores_of_further_words_are_kept_beside_the_record(home, stages, monkeypatch):
    """They are told in the copy, where the weights are."""
    asked, found = [], Scores(np.full((2, 3), 0.25), np.full((2, 3), 0.5))
    monkeypatch.setattr(spoken, "voices", lambda _: {"first": {}, "second": {}})
    monkeypatch.setattr(spoken, "load", lambda _, name: spoken.Spoken([], {"first": ["b", "a", "b"], "second": ["c"]}[name], [], [], []))
    monkeypatch.setattr(further_words, "of_run", lambda run, further, chosen: asked.append(
        (run, Path.cwd().name, further, list(chosen.tasks["audio_words"].runs))) or found)
    results.DATA.mkdir()
    record.main("audio_words", "own_output")
    further = further_words.Further(Path("data/spoken_further_words"), "audio_words")
    assert asked == [("own_output", ".record", further, ["own_output"])] and Path.cwd() == home
    kept = results.read_arrays(further_words.recorded_file("audio_words", "own_output"))
    assert kept["plain"].dtype == kept["voice_mean"].dtype == np.float32 and kept["words"].tobytes() == b"a b\nc"
    assert all(np.array_equal(read, made) for read, made in zip(further_words.recorded("own_output", further, 2), found))


def test_a_search_is_kept_of_the_further_seeds_alone(home, stages, monkeypatch):
    scores, asked = search_scores.Scores(vectors=[np.full((2, 3), 0.5)]), ["white house"] * 3
    monkeypatch.setattr(further_words, "of_run", lambda *_: Scores(np.zeros((1, 1)), np.zeros((1, 1))))
    monkeypatch.setattr(spoken, "voices", lambda _: {})
    monkeypatch.setattr(spoken_search, "of_further_seeds", lambda options, chosen: (scores, asked) if Path.cwd().name == ".record" else None)
    results.DATA.mkdir()
    record.main("audio_words", "autoencoder_further", "own_output")
    candidates = settings.read_yaml("params.yaml")["analyses"]["spoken_search"]["candidates"]
    assert np.array_equal(search_scores.recorded("audio_words", "autoencoder_further", 1, asked, candidates)["vectors"], scores["vectors"])
    assert not search_scores.recorded_file("audio_words", "own_output").exists()


@pytest.mark.parametrize(("names", "sentence"), [
    (("adding_stopped",), "tasks.adding_stopped has no runs at full scale only"),
    (("slots", "elman_22"), "tasks.slots.full has no run elman_22; did you mean 'elman_2'?"),
    (("slots", "elman_2"), "data/ is not there yet")])
def test_what_cannot_be_recorded_is_one_sentence(home, stages, capsys, names, sentence):
    with pytest.raises(SystemExit):
        record.main(*names)
    assert sentence in capsys.readouterr().err and not stages
