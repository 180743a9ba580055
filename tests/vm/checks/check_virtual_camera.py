"""VirtualCamera on a real device: FFmpeg sees what was sent, and the driver's troubles are dealt with or named."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from tests.waiting import wait_until
from vcam.camera.auto import open_camera
from vcam.camera.base import CameraFormat
from vcam.camera.devices import list_cameras
from vcam.camera.virtual import VirtualCamera
from vcam.errors import CameraError, CameraLost
from vcam.media import ByteArray, Picture
from vcam.profile.model import CameraSettings

from .browser import shows_test_picture, watching
from .check_pyvirtualcam import producing
from .loopback import (
    DEVICE,
    FPS,
    LABEL,
    LIMIT,
    Producer,
    Viewer,
    driver_version,
    load_module,
    other_camera,
    picture,
    record,
    wait_for_producer,
)

WRITE_WITH_PYVIRTUALCAM = """
import numpy, pyvirtualcam, sys
camera = pyvirtualcam.Camera(320, 240, 25, fmt=pyvirtualcam.PixelFormat.I420, device=sys.argv[1])
while True:
    camera.send(numpy.full(320 * 360, 128, numpy.uint8))
    camera.sleep_until_next_frame()
"""
WRITE_WITH_FFMPEG = [
    *("ffmpeg", "-v", "error", "-nostdin", "-re", "-f", "lavfi", "-i", "testsrc=320x240:r=25"),
    *("-pix_fmt", "yuv420p", "-f", "v4l2"),
]


keeps_viewers = pytest.mark.skipif(
    not driver_version().startswith("0.12"), reason="newer drivers end a viewer's stream with the producer"
)


def format(width: int = 320, height: int = 240) -> CameraFormat:
    return CameraFormat(width, height, Fraction(FPS))


@contextmanager
def sending(device: str | None, width: int = 320, height: int = 240) -> Iterator[VirtualCamera]:
    camera = VirtualCamera(format(width, height), device)
    camera.open()

    def send(i420: ByteArray) -> None:
        camera.send(Picture(0, i420))

    try:
        with Producer(send, width, height):
            yield camera
    finally:
        camera.close()


@contextmanager
def other_program(*command: str) -> Iterator[subprocess.Popen[bytes]]:
    """A program that writes to the device; killed at the end."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    try:
        wait_for_producer()
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize(("width", "height"), [(320, 240), (640, 360)])
def check_frames_arrive_as_sent(device: Path, width: int, height: int) -> None:
    with sending(str(device), width, height) as camera:
        recording = record(25)
        assert camera.device == f"{device} ({LABEL})"
    assert (recording.fourcc, recording.width, recording.height) == ("I420", width, height)
    assert recording.colours_differ() == 0
    assert len(set(recording.numbers())) > 15


@pytest.mark.parametrize("wanted", [None, "10", "video10", "VCAM", "vca"])
def check_device_is_found_by(device: Path, wanted: str | None) -> None:
    with sending(wanted):
        assert record(3).colours_differ() == 0


def check_auto_takes_it(device: Path) -> None:
    camera, notice = open_camera(CameraSettings(size=(320, 240)), "auto")
    try:
        assert (camera.kind, camera.device, notice) == ("virtual", f"{device} ({LABEL})", None)
    finally:
        camera.close()


def check_works_without_exclusive_caps() -> None:
    load_module("exclusive_caps=0 card_label=vcam video_nr=10")
    for _ in range(2):
        with sending(str(DEVICE)):
            assert record(5).colours_differ() == 0


# -- one producer after another --------------------------------------------------------------------------------------


def check_opens_again_and_again(device: Path) -> None:
    for width, height in ((320, 240), (320, 240), (640, 360)):
        with sending(str(device), width, height):
            recording = record(5)
        assert (recording.width, recording.height) == (width, height)
        assert recording.colours_differ() == 0


def check_opens_after_another_program(device: Path) -> None:
    with producing(device, 640, 360):
        record(2)
    with sending(str(device)):
        assert record(5).width == 320


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def check_opens_after_a_killed_program(device: Path, number: signal.Signals) -> None:
    with other_program(sys.executable, "-c", WRITE_WITH_PYVIRTUALCAM, str(device)) as program:
        program.send_signal(number)
        program.wait()
        with sending(str(device)):
            assert record(5).colours_differ() == 0


@keeps_viewers
def check_viewer_goes_on_when_the_producer_is_back(device: Path) -> None:
    with ExitStack() as stack:
        with sending(str(device)):
            viewer = stack.enter_context(Viewer(320, 240))
            viewer.more(10)
        with sending(str(device)):
            np.testing.assert_array_equal(viewer.more(10)[1:], picture(320, 240)[1:])


# -- refusals --------------------------------------------------------------------------------------------------------


def check_other_size_under_a_viewer_is_noticed(device: Path) -> None:
    with ExitStack() as stack:
        with sending(str(device)):
            stack.enter_context(Viewer(320, 240)).more(5)
        camera = VirtualCamera(format(640, 360), str(device))
        with pytest.raises(CameraError, match="320x240") as refused:
            camera.open()
        assert refused.value.hint
    with sending(str(device), 640, 360):
        assert record(5).width == 640


@pytest.mark.parametrize(
    "command",
    [
        pytest.param([sys.executable, "-c", WRITE_WITH_PYVIRTUALCAM], id="pyvirtualcam"),
        pytest.param(WRITE_WITH_FFMPEG, id="ffmpeg"),
    ],
)
def check_busy_device_is_refused(device: Path, command: list[str]) -> None:
    with other_program(*command, str(device)):
        record(2)
        with pytest.raises(CameraError, match="using it") as refused:
            VirtualCamera(format(), str(device)).open()
        assert refused.value.hint
        (camera,) = list_cameras()
        assert (camera.usable, camera.busy) == (False, True)
        assert len(record(5).frames) == 5, "the look at the device must not disturb its user"


def check_second_camera_of_ours_is_refused(device: Path) -> None:
    with sending(str(device)):
        record(2)
        with pytest.raises(CameraError, match="using it"):
            VirtualCamera(format(), str(device)).open()
        assert record(5).colours_differ() == 0


def check_forbidden_device_is_refused(device: Path) -> None:
    device.chmod(0o600)
    os.seteuid(65534)
    try:
        with pytest.raises(CameraError, match="may not") as refused:
            VirtualCamera(format(), str(device)).open()
    finally:
        os.seteuid(0)
    assert "group" in refused.value.hint


def check_removed_device_is_noticed(device: Path) -> None:
    number = device.stat().st_rdev
    camera = VirtualCamera(format(), str(device))
    camera.open()
    camera.send(Picture(0, picture(320, 240)))
    device.unlink()
    with pytest.raises(CameraLost, match="removed"):  # it looks only now and then
        wait_until(lambda: camera.send(Picture(0, picture(320, 240))), LIMIT)
    with pytest.raises(CameraError, match="no /dev/video10"):
        camera.open()
    os.mknod(device, 0o666 | stat.S_IFCHR, number)
    with sending(str(device)):
        assert record(5).colours_differ() == 0


def check_other_program_cannot_change_the_size(device: Path) -> None:
    with sending(str(device)):
        record(2)
        with pytest.raises(RuntimeError), producing(device, 640, 360):
            record(2)
        assert record(5).width == 320


def check_real_camera_is_refused(device: Path) -> None:
    with other_camera() as other:
        with pytest.raises(CameraError, match="not a virtual one") as refused:
            VirtualCamera(format(), str(other)).open()
        assert str(device) in refused.value.hint
        with sending(None) as camera:
            assert str(device) in camera.device


def check_unknown_device_is_refused(device: Path) -> None:
    with pytest.raises(CameraError, match="no camera") as refused:
        VirtualCamera(format(), "/dev/video11").open()
    assert str(device) in refused.value.hint


# -- enumeration -----------------------------------------------------------------------------------------------------


def check_list_before_while_and_after(device: Path) -> None:
    (camera,) = list_cameras()
    assert (camera.device, camera.label, camera.driver) == (str(device), LABEL, "v4l2loopback")
    assert (camera.is_virtual, camera.usable, camera.busy) == (True, True, False)
    with producing(device, 320, 240):
        record(2)
    (camera,) = list_cameras()
    assert (camera.usable, camera.busy) == (True, False)


def check_list_tells_real_cameras(device: Path) -> None:
    with other_camera() as other:
        cameras = {camera.device: camera for camera in list_cameras()}
    assert (cameras[str(device)].is_virtual, cameras[str(other)].is_virtual) == (True, False)
    assert not cameras[str(other)].usable


# -- a browser -------------------------------------------------------------------------------------------------------


def check_page_sees_it(device: Path, tmp_path: Path) -> None:
    with sending(str(device), 640, 360), watching(tmp_path / "profile") as page:
        report = page.wait(lambda report: report["frames"] >= 40)
    assert report["cameras"] == [LABEL]
    assert (report["width"], report["height"]) == (640, 360)
    assert shows_test_picture(report), report["colours"]


@keeps_viewers
def check_page_goes_on_when_the_producer_is_back(device: Path, tmp_path: Path) -> None:
    with ExitStack() as stack:
        with sending(str(device)):
            page = stack.enter_context(watching(tmp_path / "profile"))
            before = page.wait(lambda report: report["frames"] >= 10)
        with sending(str(device)):
            after = page.wait(lambda report: report["frames"] >= before["frames"] + 40)
    assert after["track"] == "live"
