"""The virtual camera over a backend registered with pyvirtualcam, which writes to devices that are not there."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

if sys.platform != "linux":
    pytest.skip("the devices of this test are Linux's", allow_module_level=True)

from tests.camera.fake_v4l2 import FakeKernel, fake_kernel
from vcam.camera.base import CameraFormat
from vcam.camera.virtual import VirtualCamera
from vcam.errors import CameraError, CameraLost
from vcam.media import Picture

FORMAT = CameraFormat(320, 240, Fraction(30))
PICTURE = Picture(0, np.arange(320 * 360, dtype=np.uint32).astype(np.uint8).reshape(360, 320))


class Clock:
    """Time that passes when it is told to, in seconds."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def kernel(tmp_path: Path) -> Iterator[FakeKernel]:
    with fake_kernel(tmp_path) as kernel:
        yield kernel


def camera(kernel: FakeKernel, device: str | None = None, clock: Clock | None = None) -> VirtualCamera:
    return VirtualCamera(FORMAT, device, v4l2=kernel.v4l2, clock=clock or Clock())


def test_sends_i420_as_it_is(kernel: FakeKernel) -> None:
    device = kernel.add_loopback(10)
    virtual = camera(kernel)
    virtual.open()
    assert virtual.device == f"{device.path} (vcam)"
    assert device.size == (320, 240)
    virtual.send(PICTURE)
    virtual.close()
    virtual.close()
    assert (device.pictures[0] == PICTURE.i420.reshape(-1)).all()


def test_opens_again_after_close(kernel: FakeKernel) -> None:
    device = kernel.add_loopback(10)
    virtual = camera(kernel)
    for _ in range(2):
        virtual.open()
        virtual.send(PICTURE)
        virtual.close()
    assert len(device.pictures) == 2
    with pytest.raises(CameraLost):
        virtual.send(PICTURE)


@pytest.mark.parametrize("name", ["11", "video11", "VCAM two", "two", "{dev}/video11", "{dev}/link"])
def test_finds_the_device_by_path_number_and_label(kernel: FakeKernel, name: str) -> None:
    kernel.add_loopback(10, "vcam")
    kernel.add_webcam(2, "Webcam two")
    wanted = kernel.add_loopback(11, "vcam two")
    (kernel.dev / "link").symlink_to(wanted.path)
    virtual = camera(kernel, name.format(dev=kernel.dev))
    virtual.open()
    virtual.close()
    assert wanted.size == (320, 240)


def test_takes_the_first_usable_one(kernel: FakeKernel) -> None:
    kernel.add_webcam(0)
    kernel.add_loopback(1, "broken").answers = False
    good = kernel.add_loopback(2, "good")
    virtual = camera(kernel)
    virtual.open()
    virtual.close()
    assert good.size == (320, 240)


def test_cures_a_device_left_unusable(kernel: FakeKernel) -> None:
    device = kernel.add_loopback(10)
    device.output = False
    device.revivable = True
    virtual = camera(kernel)
    virtual.open()
    virtual.send(PICTURE)
    virtual.close()
    assert device.pictures


def test_says_when_it_is_in_use(kernel: FakeKernel) -> None:
    kernel.add_loopback(10).output = False
    with pytest.raises(CameraError, match="in use by another program"):
        camera(kernel).open()


def test_says_when_it_may_not_be_used(kernel: FakeKernel) -> None:
    kernel.add_loopback(10).permitted = False
    with pytest.raises(CameraError, match="You may not use it") as caught:
        camera(kernel, "10").open()
    assert "usermod -aG video" in caught.value.hint


def test_says_when_there_is_none_and_how_to_get_one(kernel: FakeKernel) -> None:
    kernel.add_webcam(0)
    with pytest.raises(CameraError, match="no virtual camera") as caught:
        camera(kernel).open()
    assert "modprobe v4l2loopback exclusive_caps=1" in caught.value.hint


def test_refuses_a_real_webcam(kernel: FakeKernel) -> None:
    kernel.add_webcam(0)
    kernel.add_loopback(10)
    with pytest.raises(CameraError, match="real camera") as caught:
        camera(kernel, "HD webcam").open()
    assert "video10" in caught.value.hint


@pytest.mark.parametrize(("name", "meant"), [("vcan", "vcam"), ("video1", "video10"), ("preveiw", "preview")])
def test_an_unknown_name_brings_the_nearest(kernel: FakeKernel, name: str, meant: str) -> None:
    kernel.add_loopback(10)
    with pytest.raises(CameraError, match=f"no camera '{name}'") as caught:
        camera(kernel, name).open()
    assert f"Did you mean {meant}" in caught.value.hint


def test_refuses_a_device_that_keeps_another_size(kernel: FakeKernel) -> None:
    device = kernel.add_loopback(10)
    device.size_kept = True
    with pytest.raises(CameraError, match="still set to 640x480 YU12") as caught:
        camera(kernel).open()
    assert "--size 640x480" in caught.value.hint
    device.size = (320, 240)
    device.pixel_format = int.from_bytes(b"YUYV", "little")
    with pytest.raises(CameraError, match="still set to 320x240 YUYV"):
        camera(kernel).open()


@pytest.mark.parametrize("end", ["removed", "made anew", "does not answer", "set it to 800x600"])
def test_notices_within_a_second_that_the_device_is_gone(kernel: FakeKernel, end: str) -> None:
    device = kernel.add_loopback(10)
    clock = Clock()
    virtual = camera(kernel, clock=clock)
    virtual.open()
    clock.now = 5.0
    virtual.send(PICTURE)
    if end in ("removed", "made anew"):
        device.path.rename(device.path.with_name("gone"))
        if end == "made anew":
            device.path.touch()
    elif end == "does not answer":
        device.answers = False
    else:
        device.size = (800, 600)
    clock.now = 5.9
    virtual.send(PICTURE)
    clock.now = 6.0
    with pytest.raises(CameraLost, match=end):
        virtual.send(PICTURE)
    virtual.close()
    device.answers = True
    device.path.touch()
    virtual.open()
    virtual.send(PICTURE)
    virtual.close()


def test_other_systems_leave_the_choice_to_pyvirtualcam(kernel: FakeKernel) -> None:
    name = str(kernel.add_loopback(10).path)
    virtual = VirtualCamera(FORMAT, name, platform="darwin")
    virtual.open()
    assert virtual.device == name
    virtual.close()
    with pytest.raises(CameraError, match="Device None does not exist") as caught:
        VirtualCamera(FORMAT, platform="darwin").open()
    assert "Start Virtual Camera" in caught.value.hint


def test_refuses_odd_sizes() -> None:
    with pytest.raises(ValueError, match="even"):
        VirtualCamera(CameraFormat(321, 240, Fraction(30)))
