"""Jobs over a Ray cluster: the bits of this machine alone, whatever dies; and one sentence for everything that is missing."""

from __future__ import annotations

import dataclasses
import importlib.util
import os
import re
import signal
import time
from pathlib import Path

import pytest
import ray_nodes
import small_pipeline
import yaml

from unrolled import engines, execution, results, settings
from unrolled.engines import ray as engine
from unrolled.results import UserError
from unrolled.settings import SettingsError

pytestmark = pytest.mark.smoke
needs_ray = pytest.mark.skipif(importlib.util.find_spec("ray") is None,
                               reason="Ray is not installed: pip install -r requirements-cluster.lock")
SECTIONS = ("adding", "templates")


def make(home: Path, engine_name: str, **ray: object) -> Path:
    """Make the small pipeline with jobs of a second or two, and its data."""
    small_pipeline.make(home)
    tree = settings.read_yaml(home / "params.yaml") | {"engine": engine_name, "ray": ray, "workers": 2}
    tree["tasks"]["adding"].update(updates=200, seeds=6)
    results.write_text(home / "params.yaml", yaml.safe_dump(tree, sort_keys=False))
    train(home, "cities", script="pipelines.data")
    return home


def train(home: Path, section: str, script: str = "pipelines.train") -> str:
    process = small_pipeline.start(home, script, section)
    text = process.communicate(timeout=300)[0]
    assert process.returncode == 0, text
    return text


def trained(home: Path) -> dict[str, str]:
    return {name: digest for name, digest in small_pipeline.outcome(home).items() if name.startswith("results/train/")}


def finished_members(home: Path) -> int:
    return len(list((home / ".runs").glob("*/member.json")))


def wait_for(home: Path, count: int) -> None:
    deadline = time.monotonic() + 120
    while finished_members(home) < count and time.monotonic() < deadline:
        time.sleep(0.05)
    assert finished_members(home) >= count


@pytest.fixture(scope="module")
def alone(tmp_path_factory) -> dict[str, str]:
    """What the local engine leaves."""
    home = make(tmp_path_factory.mktemp("alone") / "home", "local")
    started = time.perf_counter()
    for section in SECTIONS:
        train(home, section)
    print(f"local engine: {time.perf_counter() - started:.1f} s for {finished_members(home)} members")
    return trained(home)


@needs_ray
def test_a_node_that_is_killed_changes_no_bit(alone, tmp_path, monkeypatch):
    """Two nodes, neither of which sees this folder or the sources; one is killed in the middle."""
    home = make(tmp_path / "home", "ray", address="", retries=3)
    with ray_nodes.cluster(home, joined=1) as nodes:
        for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN"):
            monkeypatch.setenv(name, nodes.environment[name])
        change(home, address=nodes.address)
        started = time.perf_counter()
        process = small_pipeline.start(home, "pipelines.train", "adding")
        wait_for(home, 3)
        ray_nodes.wait_until_busy(nodes.started[1])
        ray_nodes.kill(nodes.started[1])
        killed = time.perf_counter() - started
        text = process.communicate(timeout=300)[0]
        assert process.returncode == 0, text
        seconds = time.perf_counter() - started
        text += train(home, "templates")
    lost = len(re.findall("was lost with its worker or node; handed out again", text))
    print(f"two nodes, one killed after {killed:.1f} s: {seconds:.1f} s in all, {lost} jobs handed out again")
    assert lost >= 1 and trained(home) == alone
    assert not small_pipeline.left_over(home)


def change(home: Path, **ray: object) -> None:
    tree = settings.read_yaml(home / "params.yaml")
    tree["ray"].update(ray)
    results.write_text(home / "params.yaml", yaml.safe_dump(tree, sort_keys=False))


@needs_ray
def test_a_fresh_cluster_here_leaves_the_same_bits_and_ends_when_interrupted(alone, tmp_path):
    home = make(tmp_path / "home", "ray", address="")
    process = small_pipeline.start(home, "pipelines.train", "adding")
    wait_for(home, 3)
    os.kill(process.pid, signal.SIGINT)
    text = process.communicate(timeout=60)[0]
    assert process.returncode == 130 and "what had been finished is kept" in text and "Traceback" not in text, text
    assert not small_pipeline.processes(home)
    kept = finished_members(home)
    assert 3 <= kept < 18
    text = "".join(train(home, section) for section in SECTIONS)
    assert f"train adding: {18 - kept} of {18 - kept} jobs" in text
    assert trained(home) == alone


@needs_ray
def test_through_rays_client(alone, tmp_path, monkeypatch):
    """From a machine that has not joined the cluster: the same address with ray:// in front, and the client's port."""
    home = make(tmp_path / "home", "ray")
    with ray_nodes.cluster(home, joined=0) as nodes:
        for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN"):
            monkeypatch.setenv(name, nodes.environment[name])
        change(home, address=nodes.client_address)
        train(home, "templates")
    name = "results/train/templates/elman.safetensors"
    assert trained(home)[name] == alone[name]


@needs_ray
def test_a_node_of_other_versions_is_named(params, workplace):
    job = execution.plan(settings.parse(params).tasks["adding"].runs["tanh_10"], "reads", [(0, 0.01)], "cpu")[0]
    with pytest.raises(engine.EngineError, match=r"torch .* instead of 1.0, so its results would differ"):
        engine.train_there(job, "cpu", engine.versions() | {"torch": "1.0"})


@needs_ray
def test_an_address_where_nothing_answers_is_one_sentence(params, workplace):
    chosen = with_ray(params, address=f"127.0.0.1:{ray_nodes.free_port()}")
    job = execution.plan(chosen.tasks["adding"].runs["tanh_10"], "reads", [(0, 0.01)], "cpu")
    started = time.monotonic()
    with pytest.raises(engine.EngineError, match=r"no Ray cluster answers at ray\.address 127\.0\.0\.1"):
        list(engine.run(job, "cpu", chosen, "test"))
    assert time.monotonic() - started < 10


@needs_ray
@pytest.mark.parametrize("address", ["here", "127.0.0.1", "http://a:1", "ray://a"])
def test_an_address_that_is_none_is_refused(params, address):
    with pytest.raises(SettingsError, match="give host:port"):
        engines.check(with_ray(params, address=address))


def with_ray(params: dict, device: str = "auto", **ray: object) -> settings.Settings:
    return settings.parse(params | {"engine": "ray", "device": device, "ray": ray})


def test_without_ray_the_sentence_says_what_to_install(params, monkeypatch):
    monkeypatch.setattr(engine.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"Ray is not installed; run `pip install -r requirements-cluster\.lock`"):
        engines.check(with_ray(params))


@pytest.mark.parametrize(("device", "share", "found"), [("auto", 0, "cpu"), ("auto", 0.25, "cuda"), ("cuda", 1, "cuda"), ("cpu", 0.5, "cpu")])
def test_the_share_of_a_gpu_decides_the_device(params, device, share, found):
    assert engines.device(with_ray(params, device, gpus_per_job=share)) == found


def test_every_cluster_of_this_process_has_the_same_token():
    """Ray keeps the first one that it reads: `make tune` starts a cluster for each round."""
    assert engine._token() == engine._token() and len(engine._token()) == 64


@pytest.mark.parametrize("reads", ["/data/slots", "../data/slots", "data/../../slots"])
def test_what_lies_outside_this_folder_is_not_carried(params, monkeypatch, reads):
    monkeypatch.setattr(engine.importlib.util, "find_spec", lambda name: "there")
    params["tasks"]["slots"]["reads"] = reads
    with pytest.raises(SettingsError, match=r"tasks\.slots\.reads is .* only what lies in this folder; give its path from here"):
        engine.check(with_ray(params))


def test_data_within_data_travel_once_under_their_names(params, workplace):
    results.write_text("data/x/train.txt", "words")
    run = settings.parse(params).tasks["adding"].runs["tanh_10"]
    jobs = [execution.plan(run, reads, [(0, 0.01)], "cpu")[0] for reads in ("data/x", "data")]
    with engine._working_folder(jobs) as folder:
        assert (folder / "data/x/train.txt").read_text(encoding="utf-8") == "words" and (folder / engine.PACKAGE.name / "engines").is_dir()


def test_cuda_without_a_share_is_refused(params):
    with pytest.raises(SettingsError, match=r"ray\.gpus_per_job is 0"):
        engines.device(with_ray(params, "cuda"))


@pytest.mark.parametrize(("change", "complaint"), [
    ({"engine": "rya"}, "did you mean 'ray'"), ({"ray": {"adress": ""}}, "did you mean 'address'"), ({"ray": {"retries": -1}}, "at least 0"),
    ({"ray": {"gpus_per_job": 2}}, "at most 1"), ({"ray": {"address": 3}}, "must be a word")])
def test_a_slip_in_the_settings_is_named(params, change, complaint):
    with pytest.raises(SettingsError, match=complaint):
        settings.parse(params | change)


def test_the_engine_is_part_of_no_key(params):
    local, other = settings.parse(params), with_ray(params, address="a:1", retries=9)
    for name, section in local.tasks.items():
        for run in section.runs.values():
            assert dataclasses.asdict(run) == dataclasses.asdict(other.tasks[name].runs[run.name])
            members = [(0, 0.01)]
            break
        assert execution.keyed_members(run, "x", members, "cpu") == execution.keyed_members(other.tasks[name].runs[run.name], "x", members, "cpu")
