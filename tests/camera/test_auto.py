"""Which camera a name stands for."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

if sys.platform != "linux":
    pytest.skip("the devices of this test are Linux's", allow_module_level=True)

from tests.camera.fake_v4l2 import FakeKernel, fake_kernel
from vcam.camera.auto import open_camera
from vcam.camera.file import FileCamera
from vcam.camera.null import NullCamera
from vcam.camera.preview import PreviewCamera
from vcam.camera.virtual import VirtualCamera
from vcam.errors import CameraError
from vcam.profile.model import CameraSettings

SETTINGS = CameraSettings(size=(320, 240), fps=29.97, port=0)


@pytest.fixture
def kernel(tmp_path: Path) -> Iterator[FakeKernel]:
    with fake_kernel(tmp_path) as kernel:
        yield kernel


def test_auto_takes_a_virtual_camera_if_there_is_one(kernel: FakeKernel) -> None:
    device = kernel.add_loopback(10)
    camera, notice = open_camera(SETTINGS, v4l2=kernel.v4l2)
    camera.close()
    assert isinstance(camera, VirtualCamera)
    assert notice is None
    assert device.size == (320, 240)
    assert camera.format.fps.limit_denominator(100) == pytest.approx(29.97)


def test_auto_falls_back_to_the_preview_and_says_how_to_get_better(kernel: FakeKernel) -> None:
    camera, notice = open_camera(SETTINGS, "auto", v4l2=kernel.v4l2)
    camera.close()
    assert isinstance(camera, PreviewCamera)
    assert notice is not None
    assert "no virtual camera" in notice
    assert "preview" in notice
    assert "modprobe" in notice


def test_virtual_does_not_fall_back(kernel: FakeKernel) -> None:
    for settings, spec in ((SETTINGS, "virtual"), (SETTINGS.model_copy(update={"kind": "virtual"}), None)):
        with pytest.raises(CameraError, match="no virtual camera"):
            open_camera(settings, spec, v4l2=kernel.v4l2)


def test_the_profile_may_name_the_device(kernel: FakeKernel) -> None:
    kernel.add_loopback(10, "first")
    second = kernel.add_loopback(11, "second")
    settings = SETTINGS.model_copy(update={"device": "second"})
    camera, _ = open_camera(settings, v4l2=kernel.v4l2)
    camera.close()
    assert second.size == (320, 240)
    camera, _ = open_camera(settings, "none", v4l2=kernel.v4l2)
    assert isinstance(camera, NullCamera)


def test_names_on_the_command_line(kernel: FakeKernel, tmp_path: Path) -> None:
    camera, _ = open_camera(SETTINGS, "none")
    assert isinstance(camera, NullCamera)
    camera, _ = open_camera(SETTINGS, "preview")
    camera.close()
    assert isinstance(camera, PreviewCamera)
    for name in ("a.mp4", "B.MP4"):
        camera, _ = open_camera(SETTINGS, str(tmp_path / name))
        camera.close()
        assert isinstance(camera, FileCamera)
    with pytest.raises(CameraError, match="not call"):
        open_camera(SETTINGS, "call.mkv")
    with pytest.raises(CameraError, match="no camera 'preveiw'") as caught:
        open_camera(SETTINGS, "preveiw", v4l2=kernel.v4l2)
    assert "Did you mean preview" in caught.value.hint


def test_an_existing_recording_is_kept_unless_told_otherwise(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"precious")
    with pytest.raises(CameraError, match="already there"):
        open_camera(SETTINGS, str(path))
    camera, _ = open_camera(SETTINGS, str(path), overwrite=True)
    camera.close()
    assert not path.exists()
