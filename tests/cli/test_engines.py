"""`vcam engines` on a machine without a GPU, and on an emulated one."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from tests.animators.ditto.backends.emulated.device import Device
from tests.animators.ditto.backends.emulated.tensorrt import Emulation
from vcam.animators.ditto.backends import cuda, tensorrt, tensorrt_runtime
from vcam.animators.ditto.backends.tensorrt_part import Part
from vcam.animators.ditto.standin import make_stand_in_checkpoint
from vcam.cli import app
from vcam.engines import build

SOME = ("--only", "stitch_network", "--only", "lmdm")


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    return make_stand_in_checkpoint(tmp_path / "checkpoint")


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> Emulation:
    """A machine with a GPU and TensorRT."""
    device: Any = Device()
    emulation = Emulation(device)
    real = tensorrt_runtime.TensorRt
    for module in (cuda, tensorrt, build):
        monkeypatch.setattr(module, "CudaDevice", lambda index: device)
    for module in (tensorrt_runtime, tensorrt, build):
        monkeypatch.setattr(module, "TensorRt", lambda: real(emulation.module()))
    return emulation


def run(checkpoint: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["engines", *arguments, "--folder", str(checkpoint)])


def test_builds_verifies_lists_and_cleans(checkpoint: Path, gpu: Emulation) -> None:
    built = run(checkpoint, "build", *SOME)
    assert built.exit_code == 0, built.output
    assert "stitch_network-fp32-b1-sm89-trt10.13.3.9.engine" in built.stdout
    assert "an emulated GPU, TensorRT 10.13.3.9, fp16" in built.stdout
    assert "All engines are up to date." in run(checkpoint, "build", *SOME).stdout

    verified = run(checkpoint, "verify", *SOME, "--json")
    assert verified.exit_code == 0, verified.output
    found = json.loads(verified.stdout)
    assert {one["network"] for one in found} == {"stitch_network", "lmdm"}
    assert all(one["good"] and one["relative"] < 1e-4 for one in found)

    listed = json.loads(run(checkpoint, "list", "--json").stdout)
    assert {one["state"] for one in listed} == {"current"}
    assert "nothing to remove" in run(checkpoint, "clean").stdout
    gpu.device.capability = (9, 0)
    assert "compute capability 8.9" in run(checkpoint, "list").stdout
    assert "Removed ditto_engines/stitch_network" in run(checkpoint, "clean").stdout
    assert run(checkpoint, "clean", "--all", "--yes").exit_code == 0
    assert "There are no engines" in run(checkpoint, "list").stdout


def test_verifies_several_frames_at_once_and_sound_of_all_lengths(checkpoint: Path, gpu: Emulation) -> None:
    some = ("--only", "decoder", "--only", "hubert", "--precision", "fp32")
    assert run(checkpoint, "build", *some, "--batch", "2").exit_code == 0
    verified = run(checkpoint, "verify", *some, "--batch", "2")
    assert verified.exit_code == 0, verified.output
    assert "2 at once" in verified.stdout
    for samples in (3240, 6480, 12960):
        assert f"{samples} samples" in verified.stdout


def test_an_engine_that_gives_something_else_is_found(checkpoint: Path, gpu: Emulation) -> None:
    run(checkpoint, "build", "--only", "stitch_network")
    fetch = Part.fetch
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Part, "fetch", lambda self, name: fetch(self, name) + 1)
        found = run(checkpoint, "verify", "--only", "stitch_network")
    assert found.exit_code == 1
    assert "stitch_network" in found.stderr


def test_without_tensorrt_one_message_says_so(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("tensorrt", "pycuda", "pycuda.driver"):
        monkeypatch.setitem(sys.modules, name, None)
    for command in ("build", "verify"):
        found = run(checkpoint, command)
        assert found.exit_code == 1
        assert "vcam: TensorRT is not installed." in found.stderr
        assert "pip install" in found.stderr
    assert not (checkpoint / "ditto_engines").exists()
    assert run(checkpoint, "list").exit_code == 0
    assert run(checkpoint, "clean").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("build", "--only", "hubort"), "There is no network 'hubort'"),
        (("build", "--batch", "3"), "3 frames at once"),
        (("build", "--precision", "int4"), "no precision 'int4'"),
    ],
)
def test_wrong_options_are_refused(checkpoint: Path, arguments: tuple[str, ...], message: str) -> None:
    found = run(checkpoint, *arguments)
    assert found.exit_code == 2
    assert message in found.stderr


def test_a_missing_checkpoint_is_told(tmp_path: Path, gpu: Emulation) -> None:
    found = run(tmp_path, "build")
    assert found.exit_code == 1
    assert "vcam checkpoints pull" in found.stderr
