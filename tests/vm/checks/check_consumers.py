"""Those who show the camera: v4l2-ctl, FFmpeg and Chromium; early, late, several at once, and of two opinions."""

from __future__ import annotations

import os
import re
import subprocess
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from tests.waiting import wait_until
from vcam.camera.virtual import VirtualCamera
from vcam.errors import CameraError

from .browser import shows_test_picture, watching
from .check_virtual_camera import WRITE_WITH_FFMPEG, format, other_program, sending
from .command import vcam
from .loopback import FPS, LABEL, LIMIT, Viewer, other_camera, picture, record

SIZES = [(320, 240), (640, 360)]
# No multiples of 16, 8 or even 4: rows and planes that are not aligned to anything.
ODD_SIZES = [(322, 242), (426, 238)]


def v4l2_ctl(*arguments: str, device: Path | None = None) -> str:
    chosen = ["-d", str(device)] if device else []
    done = subprocess.run(["v4l2-ctl", *chosen, *arguments], capture_output=True, text=True, timeout=LIMIT, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


# -- what they see ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("width", "height"), [*SIZES, *ODD_SIZES])
def check_v4l2_ctl_sees_label_format_and_pictures(device: Path, tmp_path: Path, width: int, height: int) -> None:
    streamed = tmp_path / "streamed.i420"
    with sending(str(device), width, height):
        record(1)
        listed = v4l2_ctl("--list-devices", device=device)  # else it also wants /dev/video0, after listing
        told = v4l2_ctl("--get-fmt-video", device=device)
        offered = v4l2_ctl("--list-formats", device=device)
        v4l2_ctl("--stream-mmap", "--stream-count=8", f"--stream-to={streamed}", device=device)
    assert re.search(rf"^{LABEL} \(platform:v4l2loopback-\d+\):\s+{device}$", listed, re.MULTILINE), listed
    assert re.search(rf"Width/Height\s+: {width}/{height}", told), told
    assert re.search(r"Pixel Format\s+: 'YU12'", told), told
    assert re.search(rf"Size Image\s+: {width * height * 3 // 2}\b", told), told
    assert "'YU12'" in offered, offered
    frames = np.frombuffer(streamed.read_bytes(), np.uint8).reshape(-1, height * 3 // 2, width)
    assert len(frames) == 8
    np.testing.assert_array_equal(frames[-1][1:], picture(width, height)[1:])


@pytest.mark.parametrize(("width", "height"), ODD_SIZES)
def check_ffmpeg_reads_odd_sizes(device: Path, width: int, height: int) -> None:
    with sending(str(device), width, height):
        recording = record(10)
    assert (recording.fourcc, recording.width, recording.height) == ("I420", width, height)
    assert recording.colours_differ() == 0


@pytest.mark.parametrize(("width", "height"), ODD_SIZES)
def check_page_shows_odd_sizes(device: Path, tmp_path: Path, width: int, height: int) -> None:
    with sending(str(device), width, height), watching(tmp_path / "profile") as page:
        report = page.wait(lambda report: report["frames"] >= 10)
    assert (report["width"], report["height"]) == (width, height)
    assert shows_test_picture(report), report["colours"]


def check_pictures_arrive_at_the_rate_they_are_sent(device: Path) -> None:
    """In some two seconds at least: this machine, and its host, are not always that fast."""
    with sending(str(device)), Viewer(320, 240) as viewer:
        passed: list[int] = []
        while not passed or (abs(passed[-1] - 2 * FPS) > FPS // 5 and len(passed) < 30):
            first = int(viewer.more(1)[0, 0])
            last = int(viewer.more(2 * FPS)[0, 0])
            passed.append((last - first) % 200)  # pictures sent, as the producer counts, which keeps the time
    assert abs(passed[-1] - 2 * FPS) <= FPS // 5, f"pictures sent while {2 * FPS} arrived: {passed}"


# -- a page chooses --------------------------------------------------------------------------------------------------


def check_page_chooses_the_camera_by_its_label(device: Path, tmp_path: Path) -> None:
    with other_camera(), sending(str(device)), watching(tmp_path / "profile", label=LABEL) as page:
        report = page.wait(lambda report: report["frames"] >= 20)
        page.keep_screenshot("chromium-label")
    assert LABEL in report["cameras"]
    assert len(report["cameras"]) == 2, "there must be another one to choose from"
    assert report["label"] == LABEL
    assert (report["width"], report["height"]) == (320, 240)
    assert shows_test_picture(report), report["colours"]


# -- early and late --------------------------------------------------------------------------------------------------


def check_page_that_is_open_before_the_producer_gets_it_when_it_asks_again(device: Path, tmp_path: Path) -> None:
    with watching(tmp_path / "profile", label=LABEL, patient="yes") as page:
        early = page.wait(lambda report: report["refused"])
        assert early["refused"] == ["NotFoundError"]  # with exclusive_caps=1 it is no camera yet
        with sending(str(device)):
            report = page.wait(lambda report: report["frames"] >= 20)
            assert shows_test_picture(report), report["colours"]


def check_program_that_holds_the_device_before_the_producer(device: Path) -> None:
    reader = os.open(device, os.O_RDWR | os.O_NONBLOCK)
    try:
        with sending(str(device)):
            assert record(5).colours_differ() == 0
            taken = bytearray()

            def one_picture_came() -> bool:
                try:
                    taken[:] = os.read(reader, 320 * 360)
                except BlockingIOError:
                    return False
                return len(taken) == 320 * 360

            wait_until(one_picture_came, LIMIT)
    finally:
        os.close(reader)
    read = np.frombuffer(bytes(taken), np.uint8).reshape(360, 320)
    np.testing.assert_array_equal(read[1:], picture(320, 240)[1:])


def check_ffmpeg_before_the_producer_is_refused_and_does_no_harm(device: Path) -> None:
    with pytest.raises(AssertionError, match="Not a video capture device"):
        record(1)
    with sending(str(device)):
        assert record(5).colours_differ() == 0


def check_one_after_the_other(device: Path) -> None:
    with sending(str(device)):
        for _ in range(3):
            assert record(5).colours_differ() == 0


def check_two_at_once_and_one_leaves(device: Path) -> None:
    with sending(str(device)), Viewer(320, 240) as stays:
        with Viewer(320, 240) as leaves:
            for viewer in (stays, leaves):
                np.testing.assert_array_equal(viewer.more(10)[1:], picture(320, 240)[1:])
        np.testing.assert_array_equal(stays.more(10)[1:], picture(320, 240)[1:])


def check_page_and_ffmpeg_at_once(device: Path, tmp_path: Path) -> None:
    with sending(str(device)), watching(tmp_path / "profile") as page:
        before = page.wait(lambda report: report["frames"] >= 5)
        assert record(10).colours_differ() == 0
        after = page.wait(lambda report: report["frames"] >= before["frames"] + 20)
    assert after["track"] == "live"
    assert shows_test_picture(after), after["colours"]


def check_page_hangs_up_and_calls_again(device: Path, tmp_path: Path) -> None:
    with sending(str(device)), watching(tmp_path / "profile", label=LABEL) as page:
        first = page.wait(lambda report: report["frames"] >= 10)
        page.call("await again()")
        second = page.wait(lambda report: report["asked"] == 2 and report["frames"] >= first["frames"] + 20)
    assert second["track"] == "live"
    assert shows_test_picture(second), second["colours"]


# -- a second format -------------------------------------------------------------------------------------------------


def check_viewer_who_asks_for_another_format_does_not_disturb(device: Path) -> None:
    with sending(str(device)), Viewer(320, 240) as viewer:
        viewer.more(5)
        asking = "--set-fmt-video=width=640,height=480,pixelformat=YUYV"
        subprocess.run(["v4l2-ctl", "-d", str(device), asking], capture_output=True, timeout=LIMIT, check=False)
        np.testing.assert_array_equal(viewer.more(10)[1:], picture(320, 240)[1:])
        assert record(5).colours_differ() == 0


def check_device_that_was_used_in_another_format(device: Path) -> None:
    yuyv = [*WRITE_WITH_FFMPEG[:-4], "-pix_fmt", "yuyv422", "-f", "v4l2"]
    with ExitStack() as stack:
        with other_program(*yuyv, str(device)):
            command = ["ffmpeg", "-v", "error", "-nostdin", "-f", "v4l2", "-i", str(device), "-f", "null", "-"]
            viewer = subprocess.Popen(command)
            stack.callback(viewer.wait)
            stack.callback(viewer.kill)
            record(2)
        if viewer.poll() is None:  # newer drivers end a viewer's stream with the producer
            with pytest.raises(CameraError, match="YUYV") as refused:
                VirtualCamera(format(), str(device)).open()
            assert "Close the programs that show this camera" in refused.value.hint
    with sending(str(device)):
        recording = record(5)
    assert recording.fourcc == "I420"
    assert recording.colours_differ() == 0


def check_odd_size_is_refused_by_name(device: Path) -> None:
    code, said = vcam("start", "--camera", str(device), "--audio", "demo", "--size", "321x240")
    assert code != 0
    assert "must be even" in said
