"""A GPU that fails in the middle of a call: ditto is restarted once, then lite takes over; the camera never freezes.

The whole of vcam but for the GPU: sessions with ditto's stand-in networks, through onnxruntime's bound memory and
through the emulated TensorRT. What fails raises the very classes, with the very texts, of onnxruntime and of pycuda.
"""

from __future__ import annotations

import itertools
import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.animators.ditto.backends.emulated import compiler
from tests.animators.ditto.backends.emulated.device import Device, Stream
from tests.animators.ditto.backends.emulated.tensorrt import Emulation
from tests.live.parts import Microphone, RecordingCamera
from tests.waiting import wait_until
from vcam.animators.base import Animator
from vcam.animators.ditto import build as ditto_build
from vcam.animators.ditto.backends import cuda, providers, tensorrt
from vcam.animators.ditto.backends.onnx import OnnxBackend
from vcam.animators.ditto.backends.onnx_bound import Bound
from vcam.animators.ditto.backends.tensorrt_runtime import TensorRt
from vcam.animators.ditto.networks import ANIMATION
from vcam.animators.ditto.standin import make_stand_in_checkpoint
from vcam.build import build_animator, camera_format
from vcam.engines.build import Workshop
from vcam.engines.build import build as build_engines
from vcam.live import supervisor
from vcam.media import FRAME_SAMPLES
from vcam.profile.model import Profile
from vcam.session import Session

pytestmark = pytest.mark.timeout(400)  # of which a machine with nothing else to do needs a tenth

CUDA_700 = (
    "[ONNXRuntimeError] : 1 : FAIL : Non-zero status code returned while running Conv node. Name:'/conv' Status"
    " Message: CUDA failure 700: an illegal memory access was encountered ; GPU=0 ; hostname=box ; line=1"
)
CUDA_2 = CUDA_700.replace("700: an illegal memory access was encountered", "2: out of memory")


class Fault:
    """``left``: how many more calls fail; ``skip``: how many come through before; ``error``: what they raise."""

    def __init__(self) -> None:
        self.left, self.skip = 0, 0
        self.error: Callable[[], Exception] = RuntimeError

    def strike(self) -> None:
        if self.left and self.skip:
            self.skip -= 1
        elif self.left:
            self.left -= 1
            raise self.error()


class Pulse:
    """The longest that a thread with nothing to do had to wait for its turn: what the machine itself stood still."""

    def __init__(self) -> None:
        self.longest = 0.0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        before = time.monotonic()
        while not self._end.wait(0.02):
            now = time.monotonic()
            self.longest, before = max(self.longest, now - before), now

    def stop(self) -> float:
        self._end.set()
        self._thread.join()
        return self.longest


class Call:
    """A session on a camera that notes all, and the animators that were made for it."""

    def __init__(self, profile: Profile) -> None:
        self.camera = RecordingCamera(camera_format(profile))
        self.made: list[Animator] = []
        self.tries = 0  # to make one
        self.pulse = Pulse()
        self.live = 0  # the first picture that was shown after going live
        self.session = Session(profile, Microphone(), lambda: self.camera, make_animator=self._noted)

    def _noted(self, profile: Profile) -> tuple[Animator, str]:
        self.tries += 1
        animator, notice = build_animator(profile)
        self.made.append(animator)
        return animator, notice

    def shown(self, seconds: float) -> None:
        target = len(self.camera.pictures) + round(seconds * 25)
        wait_until(lambda: len(self.camera.pictures) >= target, seconds + 20)

    def hears(self, text: str) -> None:
        """Wait until the status tells of it."""
        wait_until(lambda: self.told(text), 60)

    def told(self, text: str) -> bool:
        return any(text in warning for warning in self.session.status()["warnings"])

    @property
    def shows(self) -> str:
        return str(self.session.status()["animator"])

    def check_rate(self) -> None:
        """Since it was live: a picture every 40 ms by PTS, but for what a busy machine leaves out; no standstill."""
        live = self.camera.pictures[self.live :]
        steps = [(b[0] - a[0]) // FRAME_SAMPLES for a, b in itertools.pairwise(live)]
        assert min(steps) >= 1, "never back"
        assert sum(steps) <= 2 * len(steps)
        assert max(b[1] - a[1] for a, b in itertools.pairwise(live)) < 0.5 + 2 * self.pulse.stop()


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path) -> Iterator[None]:
    caplog.set_level(logging.CRITICAL)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(supervisor, "RETRY_PAUSE", 0.5)
    yield
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("vcam-")]


def profile(**ditto: Any) -> Profile:
    settings = {"landmarks": "lite", "sampling_timesteps": 2, **ditto}
    return Profile.model_validate(
        {
            "animator": {"kind": "ditto", "quality": "low-latency", "ditto": settings},
            "camera": {"size": "320x240", "fps": 25},
            "gate": {"kind": "off"},
        }
    )


# -- onnxruntime -----------------------------------------------------------------------------------------------------


@pytest.fixture
def onnx_fault(monkeypatch: pytest.MonkeyPatch) -> Fault:
    """In whatever is run from bound memory."""
    fault = Fault()
    state = pytest.importorskip("onnxruntime.capi.onnxruntime_pybind11_state")
    fault.error = lambda: state.Fail(CUDA_700)
    really_run = Bound.run

    def run(self: Bound) -> None:
        fault.strike()
        really_run(self)

    monkeypatch.setattr(Bound, "run", run)
    monkeypatch.setattr(ditto_build, "make_backend", lambda *_: OnnxBackend("cpu", threads=1, bind=True))
    return fault


@pytest.fixture
def call() -> Iterator[Call]:
    made = Call(profile(stand_in=True))
    with made.session:
        made.shown(0.5)
        assert made.shows == "ditto"
        made.live = len(made.camera.pictures)
        yield made
    made.check_rate()


def test_one_error_restarts_ditto_once(onnx_fault: Fault, call: Call) -> None:
    onnx_fault.left = 1
    call.hears("It was restarted.")
    assert call.told("The GPU stopped in the middle of its work")
    assert call.told("CUDA failure 700: an illegal memory access")
    call.shown(1)
    assert call.shows == "ditto"
    assert call.session.state == "live"
    assert call.tries == 2


def test_a_second_error_lets_lite_take_over_for_good(onnx_fault: Fault, call: Call) -> None:
    onnx_fault.left = 1
    call.hears("It was restarted.")
    call.shown(0.3)
    onnx_fault.left = 1
    call.hears("lite has taken over.")
    call.shown(0.5)
    assert call.shows == "lite"
    assert call.session.state == "degraded"
    assert call.told("CUDA failure 700")
    assert call.tries == 2, "ditto is made anew but once"


def test_a_gpu_that_is_lost_for_good(onnx_fault: Fault, call: Call) -> None:
    """As after most errors: every call of CUDA by this process fails from then on, while warming up too."""
    onnx_fault.left = 1_000_000
    call.hears("could not be restarted")
    call.shown(0.3)
    call.hears("lite has taken over.")
    call.shown(0.5)
    assert call.shows == "lite"
    assert call.tries == 2


def test_memory_that_is_full_is_told_with_its_cure(onnx_fault: Fault, call: Call) -> None:
    onnx_fault.error = lambda: RuntimeError(CUDA_2)
    onnx_fault.left = 1
    call.hears("There is not enough memory for the network")
    assert call.told("nvidia-smi")
    call.hears("It was restarted.")


def test_ditto_is_not_restarted_on_a_processor(onnx_fault: Fault, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the provider "auto", onnxruntime would take the CPU once CUDA does not start any more."""
    call.made[0].runs_on = "CUDA"
    onnx_fault.left = 1
    call.hears("could not be restarted: CUDA cannot be used any more, only CPU.")
    call.hears("lite has taken over.")
    call.shown(0.3)
    assert call.shows == "lite"


# -- TensorRT --------------------------------------------------------------------------------------------------------


def pycuda_driver() -> ModuleType:
    """pycuda.driver's classes of errors, which cannot be imported without NVIDIA's driver."""
    driver = ModuleType("pycuda.driver")
    base = type("Error", (Exception,), {})
    made = {name: type(name, (base,), {}) for name in ("MemoryError", "LogicError", "LaunchError", "RuntimeError")}
    for name, kind in {"Error": base, **made}.items():
        setattr(driver, name, kind)
    return driver


class FailingDevice(Device):
    """Explains what fails inside, as the real ``CudaDevice.current`` does."""

    def __init__(self, library: Path, error: type[Exception]) -> None:
        super().__init__(library)
        self._error = error

    @contextmanager
    def current(self) -> Iterator[None]:
        try:
            yield
        except self._error as error:
            with cuda.explained(f"GPU {self.index}, {self.name},"):
                raise error


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A checkpoint with engines, and the kernels for the CPU."""
    if compiler.COMPILER is None:
        pytest.skip("there is no C++ compiler")
    folder = make_stand_in_checkpoint(tmp_path_factory.mktemp("gpu") / "checkpoint")
    device: Any = Device()
    shop = Workshop(device, TensorRt(Emulation(device).module()))
    list(build_engines(folder, shop, "fp32", only=[spec.name for spec in ANIMATION]))
    return folder, compiler.compile_kernels(tmp_path_factory.mktemp("kernels"))


@pytest.fixture
def pycuda_fault(engines: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> Fault:
    """In whatever is waited for: CUDA tells of what went wrong only then."""
    fault, driver = Fault(), pycuda_driver()
    monkeypatch.setitem(sys.modules, "pycuda", ModuleType("pycuda"))
    monkeypatch.setitem(sys.modules, "pycuda.driver", driver)
    fault.error = lambda: driver.LaunchError("cuStreamSynchronize failed: unspecified launch failure")
    really_wait = Stream.synchronize

    def wait(self: Stream) -> None:
        really_wait(self)
        fault.strike()

    monkeypatch.setattr(Stream, "synchronize", wait)

    shared: Any = FailingDevice(engines[1], driver.Error)
    monkeypatch.setattr(tensorrt, "CudaDevice", lambda index: shared)
    monkeypatch.setattr(tensorrt, "TensorRt", lambda: TensorRt(Emulation(shared).module()))
    return fault


@pytest.fixture(params=[False, True], ids=["plain", "graphs"])
def gpu_call(engines: tuple[Path, Path], pycuda_fault: Fault, request: pytest.FixtureRequest) -> Iterator[Call]:
    options = {"backend": "tensorrt", "precision": "fp32", "checkpoint": str(engines[0])}
    made = Call(profile(cuda_graphs=request.param, **options))
    with made.session:
        made.shown(0.5)
        assert made.shows == "ditto"
        assert made.made[0].runs_on == "an emulated GPU"
        made.live = len(made.camera.pictures)
        yield made
    made.check_rate()


def test_an_error_of_the_driver_restarts_ditto_and_a_second_one_ends_it(pycuda_fault: Fault, gpu_call: Call) -> None:
    pycuda_fault.left = 1
    gpu_call.hears("It was restarted.")
    assert gpu_call.told("GPU 0, an emulated GPU, failed: cuStreamSynchronize failed: unspecified launch failure")
    gpu_call.shown(0.5)
    assert gpu_call.shows == "ditto"
    pycuda_fault.left = 1
    gpu_call.hears("lite has taken over.")
    gpu_call.shown(0.5)
    assert gpu_call.shows == "lite"
    assert gpu_call.tries == 2


def test_a_gpu_whose_driver_fails_for_good(pycuda_fault: Fault, gpu_call: Call) -> None:
    pycuda_fault.left = 1_000_000
    gpu_call.hears("could not be restarted")
    gpu_call.hears("lite has taken over.")
    gpu_call.shown(0.5)
    assert gpu_call.shows == "lite"
    assert gpu_call.tries == 2


def test_onnxruntimes_errors_are_those_that_are_caught() -> None:
    state = pytest.importorskip("onnxruntime.capi.onnxruntime_pybind11_state")
    for name in ("Fail", "RuntimeException", "EPFail", "EngineError", "InvalidArgument"):
        assert issubclass(getattr(state, name), providers.runtime_errors())
