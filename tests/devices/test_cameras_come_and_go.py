"""Virtual cameras that are busy, are taken away and come back, under a live session."""

from __future__ import annotations

import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

if sys.platform != "linux":
    pytest.skip("the devices of this test are Linux's", allow_module_level=True)

from tests.camera.fake_v4l2 import FakeDevice, FakeKernel, fake_kernel
from tests.devices.bench import files, threads
from tests.live.parts import CountingAnimator, Microphone
from tests.waiting import wait_until
from vcam.build import camera_format
from vcam.camera.base import Camera
from vcam.camera.virtual import VirtualCamera
from vcam.errors import CameraError
from vcam.profile.model import Profile
from vcam.session import Session

PROFILE = Profile.model_validate({"camera": {"size": "320x240", "fps": 25}, "gate": {"kind": "off"}})


@pytest.fixture
def kernel(tmp_path: Path) -> Iterator[FakeKernel]:
    with fake_kernel(tmp_path) as kernel:
        yield kernel


def make_session(kernel: FakeKernel) -> Session:
    def open_camera() -> Camera:
        camera = VirtualCamera(camera_format(PROFILE), "10", v4l2=kernel.v4l2)
        camera.open()
        return camera

    return Session(PROFILE, Microphone(), open_camera, make_animator=lambda _: (CountingAnimator(320, 240), ""))


def test_a_camera_that_is_busy_at_the_start_is_told_and_can_be_used_when_it_is_free(kernel: FakeKernel) -> None:
    device = kernel.add_loopback(10)
    device.output = False
    with pytest.raises(CameraError, match="in use by another program") as caught:
        make_session(kernel).start()
    assert caught.value.hint
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("vcam-")]
    device.output = True
    with make_session(kernel):
        wait_until(lambda: len(device.pictures) > 10)


def taken(kernel: FakeKernel, device: FakeDevice) -> Callable[[], None]:
    """Another program opens it at another size, and keeps it for a while."""
    device.size, device.output = (800, 600), False

    def give_back() -> None:
        device.output = True

    return give_back


def unloaded(kernel: FakeKernel, device: FakeDevice) -> Callable[[], None]:
    """The module is unloaded."""
    device.path.unlink()
    shutil.rmtree(kernel.sysfs / "video10")

    def load() -> None:
        kernel.add_loopback(10).pictures = device.pictures

    return load


def dumb(kernel: FakeKernel, device: FakeDevice) -> Callable[[], None]:
    """It does not answer, as after a suspend to disk."""
    device.answers = False

    def answer() -> None:
        device.answers = True

    return answer


@pytest.mark.parametrize("trouble", [taken, unloaded, dumb])
def test_a_camera_that_goes_away_is_told_and_used_again_at_the_same_delay(
    kernel: FakeKernel, trouble: Callable[[FakeKernel, FakeDevice], Callable[[], None]]
) -> None:
    device = kernel.add_loopback(10)
    with make_session(kernel) as session:
        wait_until(lambda: len(device.pictures) > 10)
        plan, before = session.latency, (threads(), files())
        undo = trouble(kernel, device)
        wait_until(lambda: session.state == "degraded")
        assert any("Trying again until it is back" in text for text in session.status()["warnings"])
        heard = session.status()["audio"]["level_dbfs"]
        assert heard > -30, "the sound goes on"
        undo()
        wait_until(lambda: session.state == "live")
        shown = len(device.pictures)
        wait_until(lambda: len(device.pictures) > shown + 10)
        assert session.status()["warnings"] == []
        assert session.latency == plan
        number = round((float(device.pictures[-1][0]) - 16) * 255 / 219) - 50  # of the frame, modulo 100
        behind = (session._parts.presenter.position // 640 - number) % 100
        assert behind <= 3, "the delay has grown"
        wait_until(lambda: (threads(), files()) <= before)
