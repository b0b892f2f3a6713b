"""`make push` and `make pull`: a second checkout of the same sources has nothing left to do."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import small_pipeline

pytestmark = pytest.mark.smoke


def remote(home: Path, what: str, address: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-m", "pipelines.remote", what], cwd=home, capture_output=True, text=True, check=False,
                          env={**small_pipeline.environment(), "UNROLLED_REMOTE": address})


def stages_to_run(home: Path) -> list[str]:
    """Return what DVC would run; of stages that depend on it, it names none whose inputs are still as they were."""
    done = subprocess.run([sys.executable, "-m", "dvc", "repro", "--no-run-cache", "--dry"], cwd=home, capture_output=True, text=True, check=True,
                          env=small_pipeline.environment())
    return [line.split("'")[1] for line in done.stdout.splitlines() if line.startswith("Running stage")]


@pytest.fixture(scope="module")
def first(finished, tmp_path_factory) -> Path:
    """A checkout that has run."""
    return shutil.copytree(finished, tmp_path_factory.mktemp("first") / "home")


@pytest.fixture(scope="module")
def fresh(tmp_path_factory) -> Path:
    """A fresh checkout of the same sources; to be copied, not changed."""
    return small_pipeline.make(tmp_path_factory.mktemp("fresh") / "home")


@pytest.fixture
def second(fresh, tmp_path) -> Path:
    """A fresh checkout of the same sources."""
    return shutil.copytree(fresh, tmp_path / "second")


@pytest.mark.long
def test_what_one_pushes_another_pulls_and_has_nothing_to_do(first, second, tmp_path):
    place = tmp_path / "a shared place"
    done = remote(first, "push", str(place))
    assert done.returncode == 0, done.stdout + done.stderr
    done = remote(second, "pull", str(place))
    assert done.returncode == 0 and "nothing left to do" in done.stdout, done.stdout + done.stderr
    assert small_pipeline.outcome(second) == small_pipeline.outcome(first)
    assert stages_to_run(second) == []
    assert "Nothing changed" in small_pipeline.finish(second)
    assert remote(second, "pull", str(place)).returncode == 0  # again: the same
    assert "unrolled" in (second / ".dvc" / "config.local").read_text() and "unrolled" not in (second / ".dvc" / "config").read_text()


@pytest.mark.long
def test_other_sources_get_the_latest_and_do_what_differs(first, second, tmp_path):
    remote(first, "push", str(tmp_path / "place"))
    tree = (second / "params.yaml").read_text()
    assert tree.count("updates: 20") == 1
    (second / "params.yaml").write_text(tree.replace("updates: 20", "updates: 21"))
    done = remote(second, "pull", str(tmp_path / "place"))
    assert done.returncode == 0 and "of other sources than these" in done.stdout, done.stdout + done.stderr
    again = stages_to_run(second)
    assert "train@templates" in again and "train@adding" not in again and not any(stage.startswith("data@") for stage in again)


@pytest.mark.long
def test_results_of_ones_own_are_not_replaced(first, second, tmp_path):
    remote(first, "push", str(tmp_path / "place"))
    (second / "dvc.lock").write_text("schema: '2.0'\nstages: {}\n")
    done = remote(second, "pull", str(tmp_path / "place"))
    assert done.returncode == 2 and "has results of its own" in done.stderr and (second / "dvc.lock").read_text().startswith("schema")


def test_results_of_other_sources_are_not_pushed(first, second, tmp_path):
    text = (first / "params.yaml").read_text(encoding="utf-8")
    (first / "params.yaml").write_text(text.replace("updates: 60", "updates: 61"), encoding="utf-8")
    try:
        done = remote(first, "push", str(tmp_path / "remote"))
    finally:
        (first / "params.yaml").write_text(text, encoding="utf-8")
    assert done.returncode == 2 and "not those of the sources as they are now; run `make reproduce` first" in done.stderr


@pytest.mark.parametrize(("what", "address", "complaint"), [
    ("push", "", "UNROLLED_REMOTE is not set"), ("pull", "", "UNROLLED_REMOTE is not set"), ("push", "ftp://x/y", "give a folder or s3://"),
    ("pull", "/no/such/folder", "there is no such folder"), ("push", "/tmp", "nothing to push"), ("pull", ".", "nothing has been pushed"),
    ("push", "~nosuchuser/x", "no such user")])
def test_what_is_wrong_is_one_sentence(second, what, address, complaint):
    done = remote(second, what, address)
    assert done.returncode == 2 and complaint in done.stderr and done.stderr.count("\n") == 1, done.stderr


@pytest.fixture
def bucket(monkeypatch):
    """A bucket of a server on this machine that speaks S3."""
    for package in ("dvc_s3", "moto", "flask"):
        pytest.importorskip(package, reason="`pip install dvc-s3 'moto[server]'` adds what this test needs")
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_DEFAULT_REGION": "us-east-1",
                        "AWS_ENDPOINT_URL": f"http://{host}:{port}"}.items():
        monkeypatch.setenv(name, value)
    boto3.client("s3").create_bucket(Bucket="lecture")
    yield "s3://lecture/results"
    server.stop()


def test_s3_gives_back_what_was_pushed(first, second, bucket):
    done = remote(second, "pull", bucket)
    assert done.returncode == 2 and "nothing has been pushed" in done.stderr, done.stdout + done.stderr
    done = remote(first, "push", bucket)
    assert done.returncode == 0, done.stdout + done.stderr
    done = remote(second, "pull", bucket)
    assert done.returncode == 0 and "nothing left to do" in done.stdout, done.stdout + done.stderr
    assert small_pipeline.outcome(second) == small_pipeline.outcome(first)
    assert stages_to_run(second) == []


@pytest.mark.skipif(importlib.util.find_spec("dvc_s3") is not None, reason="DVC's part for S3 is installed here")
def test_s3_without_its_part_of_dvc_says_what_to_install(second):
    done = remote(second, "push", "s3://bucket/prefix")
    assert done.returncode == 2 and "run `pip install dvc-s3`" in done.stderr and done.stderr.count("\n") == 1, done.stderr


@pytest.mark.long
def test_a_damaged_file_in_the_remote_is_not_taken_over(first, second, tmp_path):
    place = tmp_path / "place"
    remote(first, "push", str(place))
    digest = next(path for path in (place / "files").rglob("*") if path.is_file() and path.stat().st_size > 1000 and path.suffix != ".dir")
    os.chmod(digest, 0o644)
    digest.write_bytes(b"damaged")
    done = remote(second, "pull", str(place))
    assert done.returncode == 2 and "`dvc pull` failed" in done.stderr, done.stdout + done.stderr
    assert not any(path.read_bytes() == b"damaged" for folder in ("data", "results", "report") for path in (second / folder).rglob("*") if path.is_file())
