"""What only some need: a GPU and checkpoints."""

from __future__ import annotations

from pathlib import Path

import pytest

from vcam.animators.ditto.backends import nvidia
from vcam.animators.ditto.standin import make_stand_in_checkpoint
from vcam.doctor import Check, gpu


def test_the_driver_is_read_from_the_kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    driver = tmp_path / "version"
    driver.write_text("NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.14  Thu Feb 22 01:44:30 UTC 2024\nGCC\n")
    monkeypatch.setattr(nvidia, "why_not", lambda *_: ("there is no GPU.", "cure"))
    assert gpu.nvidia(driver) == Check("nvidia", "info", "NVIDIA driver 550.54.14, but there is no GPU.", "cure")
    monkeypatch.setattr(nvidia, "why_not", lambda *_: None)
    assert gpu.nvidia(driver) == Check("nvidia", "ok", "NVIDIA driver 550.54.14.")
    driver.write_text("NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.86.15  Release Build\n")
    assert gpu.nvidia(driver).detail == "NVIDIA driver 570.86.15."
    monkeypatch.setenv("PATH", str(tmp_path))
    driver.write_text("")
    assert gpu.nvidia(driver).status == "info"
    assert gpu.nvidia(tmp_path / "none").status == "info"


@pytest.mark.parametrize(
    ("providers", "problem", "status", "says", "hint"),
    [
        (["CPU"], "no driver.", "ok", "CPU.", ""),
        (["CPU"], None, "info", "There is an NVIDIA GPU, which it cannot use.", "onnxruntime-gpu[cuda,cudnn]"),
        (["CUDA", "CPU"], None, "ok", "CUDA, CPU.", ""),
        (["CUDA", "CPU"], "the driver is too old.", "info", "CUDA cannot be used: the driver is too old.", "cure"),
    ],
)
def test_whether_onnxruntime_can_use_the_gpu(
    monkeypatch: pytest.MonkeyPatch, providers: list[str], problem: str | None, status: str, says: str, hint: str
) -> None:
    runtime = pytest.importorskip("onnxruntime")
    names = [f"{name}ExecutionProvider" for name in providers]
    monkeypatch.setattr(runtime, "get_available_providers", lambda: names)
    monkeypatch.setattr(nvidia, "why_not", lambda *_: None if problem is None else (problem, "cure"))
    check = gpu.onnxruntime()
    assert check.status == status
    assert check.detail.endswith(says)
    assert hint in check.fix


def test_nothing_optional_is_ever_a_fault() -> None:
    for check in (gpu.nvidia, gpu.onnxruntime, gpu.tensorrt, gpu.ditto):
        assert check().status in ("ok", "info")


def test_a_checkpoint_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VCAM_CHECKPOINTS", str(tmp_path))
    found = gpu.ditto()
    assert found.detail.startswith(f"No checkpoint in {tmp_path}")
    assert found.fix == "vcam checkpoints pull"
    (tmp_path / "ditto_onnx").mkdir()
    assert "no config" in gpu.ditto().detail
    make_stand_in_checkpoint(tmp_path)
    assert gpu.ditto().status == "ok"
    (tmp_path / "ditto_onnx" / "decoder.onnx").unlink()
    assert "decoder.onnx" in gpu.ditto().detail
