"""The check that users run on their GPU, run here on an emulated one."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.animators.ditto.backends.emulated import compiler
from tests.animators.ditto.backends.emulated.device import Device
from tests.animators.ditto.backends.emulated.tensorrt import Emulation
from vcam.animators.ditto.backends.tensorrt_runtime import TensorRt
from vcam.animators.ditto.standin import make_stand_in_checkpoint

SCRIPTS = Path(__file__).resolve().parents[1] / "scripts"
QUICK = ("--seconds", "0.01", "--minutes", "0.001", "--live", "0", "--precision", "fp32", "--size", "320x180")


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    return importlib.import_module("gpu_check")


@pytest.mark.skipif(compiler.COMPILER is None, reason="there is no C++ compiler")
def test_everything_is_tried_and_reported(tmp_path: Path, script: ModuleType) -> None:
    checkpoint = make_stand_in_checkpoint(tmp_path / "checkpoint")
    device: Any = Device(compiler.compile_kernels(tmp_path))
    library = TensorRt(Emulation(device).module())
    report = tmp_path / "report.md"
    arguments = [*QUICK, "--checkpoint", str(checkpoint), "--report", str(report)]
    failed = script.main(arguments, device, library)
    text = report.read_text()
    assert failed == 0, text
    for heading in ("Kernels", "Copies", "CUDA graphs", "Engines against", "Networks", "Frames", "Diffusion", "Memory"):
        assert f"## {heading}" in text
    assert "| with graphs |" in text
    assert "FAILED" not in text


def test_failures_are_reported_and_the_rest_goes_on(tmp_path: Path, script: ModuleType) -> None:
    device: Any = Device()
    emulation = Emulation(device)
    emulation.driver = False
    report = tmp_path / "report.md"
    arguments = [*QUICK, "--checkpoint", str(tmp_path), "--report", str(report)]
    assert script.main(arguments, device, TensorRt(emulation.module())) == 2
    text = report.read_text()
    assert "| Kernels against their twins | FAILED: AssertionError: there is no compiler" in text
    assert "| Engines | FAILED: There is no checkpoint" in text
    assert "| CUDA graphs | ok" in text
    assert "## Networks" not in text


def test_without_a_gpu_one_message_says_so(tmp_path: Path, script: ModuleType) -> None:
    report = tmp_path / "report.md"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(__import__("sys").modules, "pycuda", None)
        patch.delitem(__import__("sys").modules, "pycuda.driver", raising=False)
        assert script.main([*QUICK, "--report", str(report)]) == 1
    assert "pycuda is not installed" in report.read_text()
