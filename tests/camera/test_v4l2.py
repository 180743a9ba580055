"""Layouts against the kernel's own header, and what is made of the devices that a kernel shows."""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

if sys.platform != "linux":
    pytest.skip("V4L2 is Linux's", allow_module_level=True)

from tests.camera.fake_v4l2 import FakeKernel
from vcam.camera import v4l2
from vcam.camera.v4l2 import V4L2, Capability, Format, PixFormat

HEADER = """
#include <linux/videodev2.h>
#include <stddef.h>
#include <stdio.h>
#define SHOW(x) printf("%s = %llu\\n", #x, (unsigned long long)(x))
int main(void) {
  SHOW(sizeof(struct v4l2_capability)); SHOW(offsetof(struct v4l2_capability, card));
  SHOW(offsetof(struct v4l2_capability, capabilities)); SHOW(offsetof(struct v4l2_capability, device_caps));
  SHOW(sizeof(struct v4l2_format)); SHOW(sizeof(struct v4l2_pix_format)); SHOW(offsetof(struct v4l2_format, fmt));
  SHOW(offsetof(struct v4l2_pix_format, pixelformat)); SHOW(offsetof(struct v4l2_pix_format, sizeimage));
  SHOW(VIDIOC_QUERYCAP); SHOW(VIDIOC_G_FMT); SHOW(VIDIOC_STREAMON);
  SHOW(V4L2_BUF_TYPE_VIDEO_CAPTURE); SHOW(V4L2_BUF_TYPE_VIDEO_OUTPUT);
  SHOW(V4L2_CAP_VIDEO_CAPTURE); SHOW(V4L2_CAP_VIDEO_OUTPUT); SHOW(V4L2_PIX_FMT_YUV420);
  return 0;
}
"""


@pytest.fixture
def kernel(tmp_path: Path) -> FakeKernel:
    return FakeKernel(tmp_path)


def test_layouts_are_those_of_the_kernel_header(tmp_path: Path) -> None:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or not Path("/usr/include/linux/videodev2.h").exists():
        pytest.skip("needs a C compiler and the kernel's headers")
    (tmp_path / "show.c").write_text(HEADER)
    subprocess.run([compiler, "-o", tmp_path / "show", tmp_path / "show.c"], check=True)
    shown = subprocess.run([tmp_path / "show"], capture_output=True, text=True, check=True).stdout
    theirs = {name: int(value) for name, value in re.findall(r"(.+) = (\d+)", shown)}
    assert theirs == {
        "sizeof(struct v4l2_capability)": ctypes.sizeof(Capability),
        "offsetof(struct v4l2_capability, card)": Capability.card.offset,
        "offsetof(struct v4l2_capability, capabilities)": Capability.capabilities.offset,
        "offsetof(struct v4l2_capability, device_caps)": Capability.device_caps.offset,
        "sizeof(struct v4l2_format)": ctypes.sizeof(Format),
        "sizeof(struct v4l2_pix_format)": ctypes.sizeof(PixFormat),
        "offsetof(struct v4l2_format, fmt)": Format.fmt.offset,
        "offsetof(struct v4l2_pix_format, pixelformat)": PixFormat.pixelformat.offset,
        "offsetof(struct v4l2_pix_format, sizeimage)": PixFormat.sizeimage.offset,
        "VIDIOC_QUERYCAP": v4l2.VIDIOC_QUERYCAP,
        "VIDIOC_G_FMT": v4l2.VIDIOC_G_FMT,
        "VIDIOC_STREAMON": v4l2.VIDIOC_STREAMON,
        "V4L2_BUF_TYPE_VIDEO_CAPTURE": v4l2.BUF_TYPE_VIDEO_CAPTURE,
        "V4L2_BUF_TYPE_VIDEO_OUTPUT": v4l2.BUF_TYPE_VIDEO_OUTPUT,
        "V4L2_CAP_VIDEO_CAPTURE": v4l2.CAP_VIDEO_CAPTURE,
        "V4L2_CAP_VIDEO_OUTPUT": v4l2.CAP_VIDEO_OUTPUT,
        "V4L2_PIX_FMT_YUV420": v4l2.YUV420,
    }


def test_lists_what_sysfs_shows(kernel: FakeKernel) -> None:
    kernel.add_loopback(10)
    kernel.add_webcam(2)
    (kernel.sysfs / "v4l-subdev0").mkdir()
    assert [(node.number, node.label, node.driver, node.loopback) for node in kernel.v4l2.nodes()] == [
        (2, "HD Webcam", "uvcvideo", False),
        (10, "vcam", "v4l2loopback", True),
    ]


def test_a_kernel_without_video_has_no_devices(tmp_path: Path) -> None:
    assert V4L2(sysfs=tmp_path / "video4linux").nodes() == []


def test_a_real_driver_refuses_the_real_ioctls(kernel: FakeKernel, tmp_path: Path) -> None:
    kernel.add_loopback(0)
    real = V4L2(kernel.sysfs, kernel.dev)  # fcntl.ioctl on an ordinary file
    state = real.state(real.nodes()[0])
    assert not state.usable
    assert "does not answer" in state.why_not


def test_a_free_loopback_device_is_usable(kernel: FakeKernel) -> None:
    kernel.add_loopback(0)
    kernel.add_webcam(1)
    loopback, webcam = kernel.v4l2.nodes()
    assert kernel.v4l2.state(loopback).usable
    assert not kernel.v4l2.state(loopback).stale
    assert "real camera" in kernel.v4l2.state(webcam).why_not


def test_a_device_of_another_driver_is_not_taken_for_loopback(kernel: FakeKernel) -> None:
    kernel.add_loopback(0).driver = "vivid"
    assert "not a v4l2loopback" in kernel.v4l2.state(kernel.v4l2.nodes()[0]).why_not


def test_a_device_without_its_file_is_said_to_be_so(kernel: FakeKernel) -> None:
    kernel.add_loopback(0).path.unlink()
    assert "there is no" in kernel.v4l2.state(kernel.v4l2.nodes()[0]).why_not


def test_a_device_that_may_not_be_opened(kernel: FakeKernel) -> None:
    kernel.add_loopback(0).permitted = False
    state = kernel.v4l2.state(kernel.v4l2.nodes()[0])
    assert state.denied
    assert not state.usable


def test_names_the_process_that_writes(kernel: FakeKernel) -> None:
    device = kernel.add_loopback(0)
    code = "import os, sys; os.open(sys.argv[1], os.O_WRONLY); print(flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(device.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        state = kernel.v4l2.state(kernel.v4l2.nodes()[0])
        child.communicate()
    assert state.busy
    assert f"(process {child.pid}) is using it" in state.why_not
    assert kernel.v4l2.state(kernel.v4l2.nodes()[0]).usable


def test_names_the_only_other_process_where_somebody_writes_as_readers_open_it(kernel: FakeKernel) -> None:
    device = kernel.add_loopback(0)
    device.output = False
    device.path.unlink()
    os.mkfifo(device.path)
    code = """
import os, sys, threading
pictures = os.open(sys.argv[1], os.O_RDWR)
done = threading.Thread(target=sys.stdin.read)
done.start()
print(flush=True)
while done.is_alive():
    os.write(pictures, b"x")
    done.join(0.02)
"""
    with subprocess.Popen(
        [sys.executable, "-c", code, str(device.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        state = kernel.v4l2.state(kernel.v4l2.nodes()[0])
        child.communicate()
    assert state.busy
    assert f"(process {child.pid}) is using it" in state.why_not


def test_a_device_left_unusable_by_its_last_producer_is_revived(kernel: FakeKernel) -> None:
    device = kernel.add_loopback(0)
    device.output = False
    device.revivable = True
    state = kernel.v4l2.state(kernel.v4l2.nodes()[0])
    assert state.usable
    assert state.stale
    assert not device.output  # looking changes nothing
    assert kernel.v4l2.revive(device.path)
    assert device.output


def test_a_newer_device_without_output_is_not_revived(kernel: FakeKernel) -> None:
    device = kernel.add_loopback(0)
    device.output = False
    assert not kernel.v4l2.revive(device.path)


@pytest.fixture
def arriving(kernel: FakeKernel) -> Iterator[Path]:
    """A device without OUTPUT into which somebody writes: a pipe, which blocks its readers as the device does."""
    device = kernel.add_loopback(0)
    device.output = False
    device.path.unlink()
    os.mkfifo(device.path)
    stop = threading.Event()
    pipe = os.open(device.path, os.O_RDWR)

    def write() -> None:
        while not stop.wait(0.01):
            os.write(pipe, b".")

    thread = threading.Thread(target=write)
    thread.start()
    yield device.path
    stop.set()
    thread.join()
    os.close(pipe)


def test_a_device_into_which_pictures_go_is_busy(kernel: FakeKernel, arriving: Path) -> None:
    state = kernel.v4l2.state(kernel.v4l2.nodes()[0])
    assert state.busy
    assert not state.usable


def test_watch_tells_the_format_and_notices_the_end(kernel: FakeKernel) -> None:
    device = kernel.add_loopback(0)
    watch = kernel.v4l2.watch(device.path)
    assert watch.format() == (640, 480, v4l2.YUV420)
    device.streaming = True  # now only the capture side answers
    assert watch.format() == (640, 480, v4l2.YUV420)
    assert watch.why_dead() == ""
    device.answers = False
    assert watch.format() is None
    assert "does not answer" in watch.why_dead()
    device.answers = True
    device.path.unlink()
    assert watch.why_dead() == "it was removed"
    device.path.touch()
    assert watch.why_dead() == "it was made anew"
    watch.close()
    watch.close()
