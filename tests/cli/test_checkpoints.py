"""`vcam checkpoints`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner, Result

from tests.checkpoints.hub_server import HubServer
from vcam.animators.ditto.config_file import read_config
from vcam.animators.ditto.standin import make_stand_in_checkpoint
from vcam.cli import checkpoints

pytestmark = pytest.mark.usefixtures("private_user")

app = typer.Typer()
checkpoints.register(app)


@app.callback()
def options() -> None:
    """More than one command, so that ``checkpoints`` must be named."""


def run(*arguments: str, answer: str | None = None) -> Result:
    return CliRunner().invoke(app, ["checkpoints", *arguments], input=answer)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_stand_in_checkpoint(tmp_path_factory.mktemp("checkpoint"))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the checkpoint is looked for; empty."""
    place = tmp_path / "checkpoints"
    monkeypatch.setenv("VCAM_CHECKPOINTS", str(place))
    return place


@pytest.fixture
def stand_in(made: Path, folder: Path) -> Path:
    return shutil.copytree(made, folder)


@pytest.fixture
def hub(made: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    """A hub with the stand-in checkpoint."""
    server = HubServer({path.relative_to(made).as_posix(): path.read_bytes() for path in made.glob("ditto_*/*")})
    # the library reads HF_ENDPOINT when it is imported, which may have been before
    template = server.endpoint + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", server.endpoint)
    monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", template)
    yield server
    server.close()


def test_pull_shows_asks_fetches_and_verify_agrees(hub: HubServer, folder: Path) -> None:
    asked = run("pull", answer="n\n")
    assert asked.exit_code == 1
    assert not folder.exists()
    for words in ("ditto_onnx/insightface_det.onnx", "360 kB", "to fetch", "non-commercial", "Apache-2.0", "MIT"):
        assert words in asked.stdout
    assert "Fetch 572 kB into" in asked.stdout
    pulled = run("pull", answer="y\n")
    assert pulled.exit_code == 0, pulled.output
    assert "The checkpoint is in" in pulled.stdout
    assert run("verify").exit_code == 0
    again = run("pull")
    assert again.exit_code == 0
    assert "is there" in again.stdout
    assert "Fetch" not in again.stdout


def test_pull_in_a_process_of_its_own(hub: HubServer, tmp_path: Path) -> None:
    """With the mirror given as people give it, and nothing on stderr but what went wrong."""
    folder = tmp_path / "checkpoints"
    command = [sys.executable, "-m", "vcam", "checkpoints", "pull", "--yes", "--folder", str(folder)]
    environment = {**os.environ, "HF_ENDPOINT": hub.endpoint, "HF_HUB_DISABLE_TELEMETRY": "1"}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (result.returncode, result.stderr) == (0, "")
    assert len(list(folder.glob("ditto_*/*"))) == 14


def test_pull_of_one_part_elsewhere(hub: HubServer, folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    result = run("pull", "--only", "cfg", "--revision", "main", "--folder", str(other), "--yes")
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in other.iterdir()) == ["ditto_cfg", "manifest.json"]
    assert not folder.exists()


def test_pull_of_what_there_is_not(hub: HubServer, folder: Path) -> None:
    result = run("pull", "--only", "weights")
    assert result.exit_code == 2
    assert "There is no part 'weights'" in result.stderr
    result = run("pull", "--revision", "v9", "--yes")
    assert result.exit_code == 1
    assert "no revision 'v9'" in result.stderr


def test_pull_interrupted(hub: HubServer, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("vcam.checkpoints.pull.pull", interrupted)
    result = run("pull", "--yes")
    assert result.exit_code == 130
    assert "goes on from there" in result.stderr


def test_verify_names_what_is_wrong(stand_in: Path) -> None:
    good = run("verify")
    assert good.exit_code == 0
    assert "no hash is known" in good.stdout
    (stand_in / "ditto_onnx" / "hubert.onnx").unlink()
    (stand_in / "ditto_onnx" / "decoder.onnx").write_bytes(b"broken")
    bad = run("verify")
    assert bad.exit_code == 1
    assert "2 of 14 files are not as they should be" in bad.stderr
    assert "vcam checkpoints pull" in bad.stderr
    told = json.loads(run("verify", "--json").stdout)
    assert {"status": "fail", "file": "ditto_onnx/hubert.onnx", "detail": "missing"} in told


def test_without_a_checkpoint(folder: Path) -> None:
    for command in ("verify", "show"):
        result = run(command)
        assert result.exit_code == 1
        assert "There is no checkpoint in" in result.stderr
        assert "vcam checkpoints pull" in result.stderr
    listed = run("list")
    assert listed.exit_code == 0
    assert listed.stdout.count("missing") >= 12
    assert "Fetch what is missing: vcam checkpoints pull" in listed.stdout


def test_list(stand_in: Path) -> None:
    result = run("list")
    assert result.exit_code == 0
    for words in ("insightface_det", "non-commercial research only", "LivePortrait", "MIT", "stand_in_online.yaml"):
        assert words in result.stdout
    assert "missing" not in result.stdout
    told = json.loads(run("list", "--json").stdout)
    assert len(told["networks"]) == 12
    assert all(one["bytes"] > 0 for one in told["networks"])


def test_show_and_export(stand_in: Path, tmp_path: Path) -> None:
    shown = run("show")
    assert shown.exit_code == 0
    for words in ("stand_in_online.yaml", "sampling_timesteps", "10", "decoder_cfg.model_path", "list of 15"):
        assert words in shown.stdout
    assert "stand_in_offline.yaml" in run("show", "--offline").stdout
    target = tmp_path / "mine.yaml"
    assert run("show", "--yaml", str(target)).exit_code == 0
    again, first = read_config(target), read_config(stand_in / "ditto_cfg" / "stand_in_online.yaml")
    assert again.options.delta_eye_arr is not None
    assert first.options.delta_eye_arr is not None
    np.testing.assert_array_equal(again.options.delta_eye_arr, first.options.delta_eye_arr)
    failed = run("show", "--yaml", str(tmp_path / "none" / "mine.yaml"))
    assert failed.exit_code == 1
    assert "cannot be written" in failed.stderr
