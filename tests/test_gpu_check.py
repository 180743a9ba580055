"""The check that users run on their GPU, run here on an emulated one."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.animators.ditto.backends.emulated import compiler
from tests.animators.ditto.backends.emulated.device import Device
from tests.animators.ditto.backends.emulated.tensorrt import Emulation
from vcam.animators.ditto.backends import tensorrt
from vcam.animators.ditto.backends.cuda_kernels import FORMATS
from vcam.animators.ditto.backends.tensorrt_runtime import TensorRt
from vcam.animators.ditto.standin import make_stand_in_checkpoint
from vcam.cli import app
from vcam.errors import UsageError

SCRIPTS = Path(__file__).resolve().parents[1] / "scripts"
QUICK = ("--seconds", "0.01", "--minutes", "0.001", "--live", "1.5", "--precision", "fp32", "--size", "320x180")


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    return importlib.import_module("gpu_check")


def in_this_process(arguments: Sequence[str], timeout: float) -> tuple[int, str]:
    """`vcam`, where its GPU is emulated."""
    done = CliRunner().invoke(app, list(arguments))
    return done.exit_code, done.output


def summary(report: Path) -> dict[str, str]:
    """The result of each check by its name."""
    rows = report.read_text().partition("## Summary")[2].splitlines()
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows if row.startswith("|")]
    return {row[0]: row[1] for row in cells[2:]}


@pytest.mark.timeout(400)  # of which a machine with nothing else to do needs a twentieth
@pytest.mark.usefixtures("private_user")
@pytest.mark.skipif(compiler.COMPILER is None, reason="there is no C++ compiler")
def test_everything_is_tried_and_reported(tmp_path: Path, script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """From kernels to a live session, on the emulated GPU and by onnxruntime on the CPU."""
    checkpoint = make_stand_in_checkpoint(tmp_path / "checkpoint")
    device: Any = Device(compiler.compile_kernels(tmp_path))
    library = TensorRt(Emulation(device).module())
    monkeypatch.setattr(tensorrt, "CudaDevice", lambda index: device)
    monkeypatch.setattr(tensorrt, "TensorRt", lambda: library)
    report = tmp_path / "report.md"
    arguments = [*QUICK, "--checkpoint", str(checkpoint), "--report", str(report)]
    failed = script.main(arguments, device, library, in_this_process)
    text = report.read_text()
    assert failed == 0, text
    results = summary(report)
    engines = ("Engines", "Engines against onnxruntime", "Networks", "Frames", "Diffusion", "Memory")
    own = [f"{name}: {what}" for name in ("TensorRT", "TensorRT with graphs") for what in ("bench", "live")]
    chain = [f"onnxruntime on the CPU: {what}" for what in ("bound memory against copies", "memory", "bench", "live")]
    wanted = ["Machine", "Kernels against their twins", "Copies", "CUDA graphs", *engines, *own, *chain]
    assert list(results) == wanted
    assert all(result.startswith("ok") for result in results.values())
    assert "| with graphs |" in text
    assert "| in bound memory |" in text
    for kernel in FORMATS:
        assert f"| {kernel} | " in text
    for target in ("fps, whole frames of 320x180", "times host copies", "ms mic to frame, low-latency"):
        assert f"| TensorRT | {target} |" in text
    assert "not judged" not in text
    assert "an emulated GPU" in text


def test_failures_are_reported_and_the_rest_goes_on(
    tmp_path: Path, script: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(script, "by_onnxruntime", lambda *_: None)  # is another test's
    device: Any = Device()
    emulation = Emulation(device)
    emulation.driver = False
    checkpoint = make_stand_in_checkpoint(tmp_path / "checkpoint")
    report = tmp_path / "report.md"
    arguments = [*QUICK, "--checkpoint", str(checkpoint), "--report", str(report)]
    assert script.main(arguments, device, TensorRt(emulation.module())) == 2
    results = summary(report)
    assert results["Kernels against their twins"].startswith("FAILED: AssertionError: there is no compiler")
    assert results["Engines"].startswith("FAILED")
    assert results["CUDA graphs"].startswith("ok")
    assert "Networks" not in results


@pytest.mark.timeout(400)
@pytest.mark.usefixtures("private_user")
def test_without_a_gpu_it_says_what_is_missing_and_does_the_rest(
    tmp_path: Path, script: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    needed = importlib.import_module("gpu.needed")
    monkeypatch.setattr(needed, "why_not", lambda gpu: ("there is no NVIDIA driver.", "Install one."))
    monkeypatch.setattr(needed, "find_spec", lambda name: None)
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setenv("VCAM_CHECKPOINTS", str(tmp_path / "none"))
    report = tmp_path / "report.md"
    note = "pycuda or TensorRT could not be installed: no such thing"
    arguments = [*QUICK, "--live", "0", "--report", str(report), "--note", note]
    assert script.main(arguments) == 0
    text = report.read_text()
    for line in (
        "Missing: GPU: there is no NVIDIA driver. Install one.",
        "Missing: nvcc: not on the PATH",
        "Missing: pycuda: not installed, or could not be built",
        "Missing: TensorRT: TensorRT is not installed",
        "Missing: onnxruntime ",
        "Missing: checkpoint: There is no checkpoint in",
        f"Missing: {note}",
    ):
        assert sum(told.startswith(line) for told in text.splitlines()) == 1, line
    assert "stand-in networks are used" in text
    results = summary(report)
    for name in ("Kernels against their twins", "Copies", "CUDA graphs", "TensorRT"):
        assert results[name].startswith("skipped: ")
    for name in ("bound memory against copies", "memory", "bench"):
        assert results[f"onnxruntime on the CPU: {name}"].startswith("ok")
    assert "| onnxruntime on the CPU | times host copies |" in text
    assert "not judged: no GPU" in text
    assert "MISSED" not in text


def test_a_size_that_is_none(script: ModuleType) -> None:
    with pytest.raises(UsageError, match="no size"):
        script.main(["--size", "large"])


def test_the_script_has_no_error_of_syntax() -> None:
    subprocess.run(["bash", "-n", str(SCRIPTS / "gpu_check.sh")], check=True)
