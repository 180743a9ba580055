"""What CUDA's driver says through pycuda, in the driver's own words (cuGetErrorString), and what the user is told.

Over a stand-in for pycuda.driver with its classes of errors, for machines where neither it nor a driver is.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest

from vcam.animators.ditto.backends import cuda
from vcam.errors import AnimatorError


class Card:
    """A graphics card as pycuda tells of it."""

    capability = (8, 6)
    count_of_all = 1

    def __init__(self, index: int) -> None:
        self.index = index

    @classmethod
    def count(cls) -> int:
        return cls.count_of_all

    def name(self) -> str:
        return "Some Card"

    def compute_capability(self) -> tuple[int, int]:
        return self.capability


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> Any:
    made: Any = ModuleType("pycuda.driver")
    made.Error = type("Error", (Exception,), {})
    for name in ("MemoryError", "LogicError", "LaunchError", "RuntimeError"):
        setattr(made, name, type(name, (made.Error,), {}))
    made.Device = type("Device", (Card,), {})
    made.init = lambda: None
    made.get_driver_version = lambda: 12040
    monkeypatch.setitem(sys.modules, "pycuda", ModuleType("pycuda"))
    monkeypatch.setitem(sys.modules, "pycuda.driver", made)
    return made


@pytest.mark.parametrize(
    ("kind", "text", "message", "hint"),
    [
        ("MemoryError", "cuMemAlloc failed: out of memory", "The memory of GPU 0 is full.", "nvidia-smi"),
        ("RuntimeError", "cuInit failed: no CUDA-capable device is detected", "no GPU that CUDA can use", "lite"),
        ("LogicError", "cuDeviceGet failed: invalid device ordinal", "no GPU that CUDA can use", "nvidia-smi"),
        (
            "RuntimeError",
            "cuInit failed: CUDA driver version is insufficient for CUDA runtime version",
            "driver is too old",
            "nvidia.com/drivers",
        ),
        (
            "LogicError",
            "cuModuleLoadDataEx failed: the provided PTX was compiled with an unsupported toolchain.",
            "driver is too old",
            "nvidia.com/drivers",
        ),
        (
            "LaunchError",
            "cuStreamSynchronize failed: unspecified launch failure",
            "GPU 0 failed: cuStreamSynchronize failed: unspecified launch failure",
            "restart the computer",
        ),
    ],
)
def test_each_error_has_its_message_and_its_cure(driver: Any, kind: str, text: str, message: str, hint: str) -> None:
    with pytest.raises(AnimatorError) as caught, cuda.explained("GPU 0"):
        raise getattr(driver, kind)(text)
    assert message in caught.value.message
    assert "\n" not in caught.value.message
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("count", "index", "message", "hint"),
    [
        (0, 0, "There is no GPU that CUDA can use.", "nvidia-smi"),
        (1, 1, "There is no GPU 1: there is only one, GPU 0.", "from 0 to 0"),
        (3, 7, "There is no GPU 7: there are 3, from 0 on.", "from 0 to 2"),
    ],
)
def test_a_gpu_that_is_not_there(driver: Any, count: int, index: int, message: str, hint: str) -> None:
    driver.Device.count_of_all = count
    with pytest.raises(AnimatorError) as caught:
        cuda.CudaDevice(index)
    assert caught.value.message == message
    assert hint in caught.value.hint


def test_a_gpu_that_is_too_old(driver: Any) -> None:
    driver.Device.capability = (6, 1)
    with pytest.raises(AnimatorError, match=r"Some Card has compute capability 6\.1; TensorRT needs 7\.5") as caught:
        cuda.CudaDevice(0)
    assert "onnxruntime" in caught.value.hint
    assert "lite" in caught.value.hint


def test_a_driver_that_does_not_start(driver: Any) -> None:
    def fail() -> None:
        raise driver.RuntimeError("cuInit failed: system has unsupported display driver / cuda driver combination")

    driver.init = fail
    with pytest.raises(AnimatorError, match="NVIDIA's driver is too old"):
        cuda.CudaDevice(0)
