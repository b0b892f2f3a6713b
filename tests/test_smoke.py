"""The whole pipeline at toy sizes, from real data to the report."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import torch
import yaml
from conftest import ROOT, run
from device_mode import ExplicitDevices

from pipelines import ask, reproduce
from unrolled import asking, catalogue, guard, models, results, searching, settings, training
from unrolled.analyses import trained
from unrolled.data import spoken, wav
from unrolled.judging import claims

pytestmark = pytest.mark.smoke


def test_every_claim_has_a_verdict_and_every_run_its_files(whole):
    verdicts = results.read_result(whole / results.verdicts_file())
    assert set(verdicts["claims"]) == {claim.id for claim in claims.load(ROOT / "claims.yaml")}
    assert verdicts["scale"] == "smoke"
    for section in settings.load(whole / "params.yaml").tasks.values():
        for name in section.runs:
            record = results.read_result(whole / results.run_file(section.name, name))
            assert record["members"] and (whole / results.weights_file(section.name, name)).exists()
    assert (whole / results.REPORT / "index.html").stat().st_size > 100_000
    assert (whole / "mlflow.db").exists()


def test_exact_claims_hold_at_any_scale(whole):
    verdicts = results.read_result(whole / results.verdicts_file())["claims"]
    assert {name: verdicts[name]["verdict"] for name in ("A1", "A4", "C1", "C2", "C3", "C4", "D1", "D7")} == dict.fromkeys(
        ("A1", "A4", "C1", "C2", "C3", "C4", "D1", "D7"), "reproduced")


def test_nothing_untuned_is_reproduced(whole):
    """At toy sizes no rate has been tuned, so no verdict may rest on one."""
    verdicts = results.read_result(whole / results.verdicts_file())["claims"]
    assert {verdicts[name]["verdict"] for name in ("A3", "A7", "E1")} == {"inconclusive"}


def test_a_second_run_changes_nothing(whole):
    before = results.folder_hash(whole / results.RESULTS)
    done = run("dvc", "repro", folder=whole)
    assert "up to date" in done.stdout and results.folder_hash(whole / results.RESULTS) == before


def refused(capsys, main, *arguments: str) -> str:
    """Return the one sentence with which a stage ends instead of doing anything; in this process, since starting one takes seconds."""
    with pytest.raises(SystemExit) as ended:
        main(*arguments)
    sentence = capsys.readouterr().err
    assert ended.value.code == 2 and sentence.count("\n") == 1, sentence
    return sentence


@pytest.mark.parametrize(("place", "value", "complaint"), [
    (("tasks", "adding", "lenght"), 30, "did you mean 'length'?"), (("tasks", "adding", "hidden"), -3, "tasks.adding.hidden must be at least 1"),
    (("tasks", "adding", "kind"), "addign", "did you mean 'adding'?"), (("analyses", "error_surface", "pionts"), 3, "did you mean 'points'?"),
    (("device",), "gpu", "device is 'gpu'")])
def test_a_slip_in_params_ends_before_anything_runs(params, workplace, monkeypatch, capsys, place, value, complaint):
    section = params
    for key in place[:-1]:
        section = section[key]
    section[place[-1]] = value
    for name in ("claims.yaml", "tuned.yaml"):
        shutil.copy2(ROOT / name, name)
    results.write_text("params.yaml", yaml.safe_dump(params))
    monkeypatch.setattr(guard, "run_pipeline", lambda command: pytest.fail("something runs"))
    assert complaint in refused(capsys, reproduce.main)
    assert {path.name for path in workplace.iterdir()} == {"claims.yaml", "tuned.yaml", "params.yaml"}


def code_of(run: settings.Run) -> tuple[tuple[str, object], ...]:
    """Return what of a run's settings decides which code it runs through: words and switches, and of numbers whether they are 0."""
    chosen = {**vars(run), **run.options, "name": "", "options": ""}
    return tuple(sorted((name, value if isinstance(value, str) else bool(value)) for name, value in chosen.items()))


@pytest.mark.long
def test_one_update_of_every_kind_of_run_makes_no_tensor_on_the_default_device(whole, monkeypatch):
    monkeypatch.chdir(whole)
    chosen = settings.load()
    cpu = torch.device("cpu")
    for section in chosen.tasks.values():
        kinds = {code_of(run): run for run in section.runs.values()}
        for made in kinds.values():
            task = catalogue.make_task(made, section.reads)
            batch = next(task.training_batches([training.generator(0, "data")], 4))
            loop = training._Loop(made, task, [(0, 0.01)], models.build(made, catalogue.cell_options(made), task.sizes,
                                                                       [training.generator(0, "values")]), cpu, training.Trained(), None)
            with ExplicitDevices():
                loop._update(batch, 0)


@pytest.mark.parametrize(("what", "name", "question"), [("tag", "SENTENCE", "leave taipei on november 2nd"), pytest.param("translate", "TEXT", "machine learning", marks=pytest.mark.long)])
def test_trained_networks_can_be_asked(whole, monkeypatch, capsys, what, name, question):
    monkeypatch.setenv(name, question)
    lines = run("pipelines.ask", what, folder=whole).stdout.splitlines()
    assert all("seeds" in line or line.startswith("unknown to training") for line in lines)
    assert what == "translate" or [line.split()[0] for line in lines[:5]] == question.split()
    monkeypatch.setenv(name, "xyzzy")
    *_, last = run("pipelines.ask", what, folder=whole).stdout.splitlines()
    assert last == "unknown to training: xyzzy; nothing else was said, so the answer is a guess"
    monkeypatch.chdir(whole)
    assert "did you mean" in refused(capsys, ask.main, what, "slots/lstmm" if what == "tag" else "translation/encoder_decodr")


def test_a_spoken_phrase_can_be_looked_for(whole, monkeypatch, tmp_path):
    """A phrase, and the sound of one out of the archive's own sentences, which lies nearest to itself."""
    monkeypatch.setenv("PHRASE", "White house! gnu")
    lines = run("pipelines.ask", "find", folder=whole).stdout.splitlines()
    assert len(lines) == 7 and lines[-1] == "no sentence of the archive holds: gnu; what stands above only sounds like it"
    rate, sounds = spoken.audio(whole / "data/spoken_archive", "sentences")
    sentences = spoken.load(whole / "data/spoken_archive", "sentences")
    start, end = (int(times[3][place] * rate / 100) for times, place in ((sentences.starts, 1), (sentences.ends, 3)))
    silence = np.zeros(rate // 2, np.int16)  # as around whatever is recorded by hand
    (tmp_path / "query.wav").write_bytes(wav.write(np.concatenate([silence, sounds[3][start:end], silence]), rate))
    monkeypatch.setenv("WAV", str(tmp_path / "query.wav"))
    monkeypatch.setenv("PHRASE", "")
    header, first, *_ = run("pipelines.ask", "find", folder=whole).stdout.splitlines()
    assert header.split() == ["cosine", "distance", "at", "voice", "sentence"]
    assert first.endswith(sentences.texts[3]) and abs(float(first.split()[2]) - sentences.starts[3][1] / 100) < 0.1


def test_the_archives_index_is_kept_until_something_changes(whole, monkeypatch):
    monkeypatch.chdir(whole)
    times, encode, path = [], searching.encode, results.RUNS / "index" / "audio_words__correspondence.safetensors"
    monkeypatch.setattr(searching, "encode", lambda *given: times.append(given) or encode(*given))
    found = trained.load(asking.SEARCHER, settings.load(), "RUN", "audio_words", pairs="none", limit=1)
    path.unlink(missing_ok=True)
    archives = [asking.kept_index(found, asking.SEARCHER) for _ in range(2)]
    assert len(times) == 1
    path.write_bytes(b"damaged")
    archives.append(asking.kept_index(found, asking.SEARCHER))
    results.write_arrays(path, results.read_arrays(path) | {"seen": np.zeros(32, np.uint8)})
    archives.append(asking.kept_index(found, asking.SEARCHER))
    assert len(times) == 3
    query = archives[0].vectors[:3]
    for other in archives[1:]:
        assert np.array_equal(archives[0].vectors, other.vectors) and np.array_equal(archives[0].segments.starts, other.segments.starts)
        assert all(np.array_equal(*pair) for pair in zip(archives[0].by_vectors(query), other.by_vectors(query)))


@pytest.mark.parametrize(("name", "value", "complaint"), [
    ("PHRASE", "", "PHRASE is empty"), ("PHRASE", "one two three four", "at most 3"), ("PHRASE", "?!", "nothing"), ("WAV", "no.wav", "no.wav")])
def test_a_query_that_cannot_be_looked_for_gets_one_sentence(whole, monkeypatch, capsys, name, value, complaint):
    monkeypatch.setenv(name, value)
    monkeypatch.chdir(whole)
    assert complaint in refused(capsys, ask.main, "find")
    monkeypatch.setenv("PHRASE", "white house")
    monkeypatch.setenv("WAV", "query.wav")
    assert "both PHRASE and WAV are given" in refused(capsys, ask.main, "find")
