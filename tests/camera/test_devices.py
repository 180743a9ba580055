"""What `vcam devices` knows of cameras."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from vcam.camera.devices import CameraDevice, how_to_get_one, list_cameras


@pytest.mark.skipif(sys.platform != "linux", reason="V4L2 is Linux's")
def test_lists_virtual_and_real_cameras(tmp_path: Path) -> None:
    from tests.camera.fake_v4l2 import FakeKernel

    kernel = FakeKernel(tmp_path)
    kernel.add_webcam(0)
    kernel.add_loopback(10)
    kernel.add_loopback(11, "broken").answers = False
    webcam, free, broken = list_cameras(kernel.v4l2, "linux")
    assert webcam.driver == "uvcvideo"
    assert (webcam.is_virtual, webcam.usable) == (False, False)
    assert free == CameraDevice(str(kernel.dev / "video10"), "vcam", "v4l2loopback", is_virtual=True, usable=True)
    assert not broken.usable
    assert "does not answer" in broken.why_not


def test_lists_the_known_ones_elsewhere() -> None:
    (obs,) = list_cameras(platform="darwin")
    assert obs.device == "OBS Virtual Camera"
    assert obs.why_not
    assert [camera.driver for camera in list_cameras(platform="win32")] == ["obs", "unitycapture"]


@pytest.mark.parametrize(
    ("mark", "command"),
    [
        ("debian_version", "apt install"),
        ("fedora-release", "dnf install"),
        ("arch-release", "pacman -S"),
        ("", "manager"),
    ],
)
def test_says_how_to_get_one(tmp_path: Path, mark: str, command: str) -> None:
    (tmp_path / "etc").mkdir()
    if mark:
        (tmp_path / "etc" / mark).touch()
    advice = how_to_get_one("linux", tmp_path)
    assert command in advice
    assert advice.endswith('modprobe v4l2loopback exclusive_caps=1 card_label="vcam" video_nr=10')


@pytest.mark.skipif(sys.platform != "linux", reason="modules are Linux's")
def test_an_installed_module_need_only_be_loaded(tmp_path: Path) -> None:
    folder = tmp_path / "lib" / "modules" / os.uname().release / "updates" / "dkms"
    folder.mkdir(parents=True)
    (folder / "v4l2loopback.ko.xz").touch()
    assert how_to_get_one("linux", tmp_path).startswith("Load it: sudo modprobe v4l2loopback")


def test_other_systems_need_obs() -> None:
    assert "OBS" in how_to_get_one("darwin")
    assert "OBS" in how_to_get_one("win32")
