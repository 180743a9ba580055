"""Which backend a profile gets."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Any

import pytest

from vcam.animators.ditto.backends import tensorrt
from vcam.animators.ditto.backends.choice import make_backend
from vcam.animators.ditto.backends.tensorrt_engines import engines_folder
from vcam.animators.ditto.backends.tensorrt_runtime import TensorRt
from vcam.animators.ditto.checkpoint import Checkpoint
from vcam.errors import AnimatorError
from vcam.profile.model import DittoOptions

from .emulated.device import Device
from .emulated.tensorrt import Emulation


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> Emulation:
    """A machine with a GPU and TensorRT."""
    device: Any = Device()
    emulation = Emulation(device)
    monkeypatch.setattr(tensorrt, "CudaDevice", lambda index: device)
    monkeypatch.setattr(tensorrt, "TensorRt", lambda: TensorRt(emulation.module()))
    return emulation


def chosen(folder: Path, **options: Any) -> str:
    return make_backend(DittoOptions(**options), Checkpoint.open(folder)).name


def test_engines_that_are_ready_are_used(built: Path, gpu: Emulation) -> None:
    assert chosen(built, provider="auto", precision="fp32") == "tensorrt"
    assert chosen(built, backend="tensorrt", precision="fp32") == "tensorrt"


def test_whoever_asks_for_another_gets_it(built: Path, gpu: Emulation) -> None:
    assert chosen(built, backend="onnxruntime", provider="auto") == "onnxruntime"
    assert chosen(built, provider="cpu") == "onnxruntime"


def test_engines_that_are_not_ready_are_told(built: Path, gpu: Emulation, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert chosen(built, provider="auto", precision="fp16") == "onnxruntime"
    assert "no fp16 engine" in caplog.text
    assert "vcam engines build" in caplog.text
    assert gpu.device.closed
    with pytest.raises(AnimatorError, match="no fp16 engine"):
        chosen(built, backend="tensorrt", precision="fp16")


def test_without_engines_nothing_is_tried(tmp_path: Path, built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    (tmp_path / "ditto_onnx").symlink_to(built / "ditto_onnx")
    (tmp_path / "ditto_cfg").symlink_to(built / "ditto_cfg")
    assert not engines_folder(tmp_path).exists()
    assert chosen(tmp_path, provider="auto") == "onnxruntime"
    with pytest.raises(AnimatorError, match="TensorRT is not installed"):
        chosen(tmp_path, backend="tensorrt")
