"""Cameras, the preview and recordings."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.camera.fake_v4l2 import FakeKernel
from vcam.doctor import Check, video
from vcam.profile import loader

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="looks for what Linux alone has")


def modules(root: Path, installed: bool = True, loaded: bool = False, exclusive: str = "Y,N") -> Path:
    """A root folder whose kernel has v4l2loopback, or not."""
    folder = root / "lib" / "modules" / os.uname().release / "updates" / "dkms"
    folder.mkdir(parents=True)
    if installed:
        (folder / "v4l2loopback.ko.zst").touch()
    if loaded:
        parameters = root / "sys" / "module" / "v4l2loopback" / "parameters"
        parameters.mkdir(parents=True)
        (parameters / "exclusive_caps").write_text(f"{exclusive}\n")
    return root


@linux_only
def test_a_usable_virtual_camera_is_good(kernel: FakeKernel, tmp_path: Path) -> None:
    kernel.add_webcam(0)
    kernel.add_loopback(10)
    found = video.virtual_camera("linux", modules(tmp_path / "root", loaded=True))
    assert found == Check("virtual-camera", "ok", f"{kernel.dev}/video10 (vcam)")


@linux_only
def test_a_camera_that_vcam_itself_shows_is_good(kernel: FakeKernel, tmp_path: Path) -> None:
    device = kernel.add_loopback(10)
    code = """
import os, sys
from vcam.daemon.lock import SessionLock
lock = SessionLock()
lock.acquire()
os.open(sys.argv[1], os.O_WRONLY)
print(flush=True)
sys.stdin.read()
lock.release()
"""
    with subprocess.Popen(
        [sys.executable, "-c", code, str(device.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as session:
        assert session.stdout is not None
        session.stdout.readline()
        found = video.virtual_camera("linux", modules(tmp_path / "root", loaded=True))
        session.communicate()
    assert found == Check("virtual-camera", "ok", f"{kernel.dev}/video10 (vcam); vcam is showing it.")


@linux_only
def test_a_camera_that_browsers_would_not_list(kernel: FakeKernel, tmp_path: Path) -> None:
    kernel.add_loopback(10)
    found = video.virtual_camera("linux", modules(tmp_path / "root", loaded=True, exclusive="N,N"))
    assert found.status == "warn"
    assert "exclusive_caps=1" in found.detail
    assert found.fix == "vcam doctor --fix"


@linux_only
@pytest.mark.parametrize(
    ("installed", "loaded", "state", "fix"),
    [
        (False, False, "not installed", "modprobe v4l2loopback"),
        (True, False, "not loaded", "vcam doctor --fix"),
        (True, True, "loaded but has no device", "vcam doctor --fix"),
    ],
)
def test_each_stage_on_the_way_to_a_camera_has_its_command(
    kernel: FakeKernel, tmp_path: Path, installed: bool, loaded: bool, state: str, fix: str
) -> None:
    kernel.add_webcam(0)
    found = video.virtual_camera("linux", modules(tmp_path / "root", installed, loaded))
    assert found.status == "warn"
    assert f"v4l2loopback is {state}" in found.detail
    assert fix in found.fix
    assert "container" not in found.detail


@linux_only
def test_a_container_is_told_that_modules_are_its_hosts(kernel: FakeKernel, tmp_path: Path) -> None:
    assert "container" in video.virtual_camera("linux", tmp_path / "nothing").detail


@linux_only
def test_a_camera_without_permission(kernel: FakeKernel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel.add_loopback(10).permitted = False
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may do anything
    found = video.virtual_camera("linux", modules(tmp_path / "root", loaded=True))
    assert found.status == "warn"
    assert "may not use it" in found.detail
    assert found.fix.startswith("sudo usermod -aG video $USER")


def test_macos_and_windows_use_obs(monkeypatch: pytest.MonkeyPatch) -> None:
    found = video.virtual_camera("win32")
    assert found.status == "warn"
    assert "OBS" in found.detail


@pytest.mark.parametrize(
    ("value", "loaded", "status"),
    [(b"\x06\0\0\0\1", False, "warn"), (b"\x06\0\0\0\1", True, "ok"), (b"\x06\0\0\0\0", False, "ok")],
)
def test_secure_boot(tmp_path: Path, value: bytes, loaded: bool, status: str) -> None:
    file = tmp_path / "sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
    file.parent.mkdir(parents=True)
    file.write_bytes(value)
    if loaded:
        (tmp_path / "sys/module/v4l2loopback").mkdir(parents=True)
    found = video.secure_boot("linux", tmp_path)
    assert found.status == status
    assert ("mokutil" in found.fix) is (status == "warn")


def test_secure_boot_where_nothing_tells(tmp_path: Path) -> None:
    assert video.secure_boot("linux", tmp_path).status == "info"
    assert video.secure_boot("darwin", tmp_path).status == "info"


def test_the_preview_takes_the_next_port_and_fails_without_any() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        found = video.preview_port(port)
        assert found.status in ("ok", "fail")
        assert found.detail.startswith((f"{port} is in use", "None of the ports"))
    assert video.preview_port(0).status == "ok"
    with socket.create_server(("127.0.0.1", 65535)):
        found = video.preview_port(65535)
        assert found.status == "fail"
        assert "port: 0" in found.fix


def test_the_port_is_that_of_the_users_profile(user: Path) -> None:
    folder = loader.user_folder()
    folder.mkdir(parents=True)
    (folder / "default.yaml").write_text("camera: {port: 0}\n")
    assert video.preview_port().detail == "Any free one."


def test_a_browser_is_needed_only_where_there_is_a_display(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        monkeypatch.delenv(name, raising=False)
    assert video.browser("linux").status == "info"
    assert video.browser("darwin").status == "ok"
    firefox = tmp_path / "firefox"
    firefox.write_text("#!/bin/sh\n")
    firefox.chmod(0o755)
    assert video.browser("linux") == Check("browser", "info", "firefox, but there is no display here.")
    monkeypatch.setenv("DISPLAY", ":0")
    assert video.browser("linux") == Check("browser", "ok", "firefox.")


def test_recordings_need_both_encoders() -> None:
    assert video.recording().status == "ok"
    assert "H.264 and AAC" in video.recording().detail
