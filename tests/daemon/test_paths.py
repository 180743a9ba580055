from __future__ import annotations

import os
import socket
import sys
import tempfile
from pathlib import Path

import pytest

from vcam.daemon import paths
from vcam.errors import VcamError

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="modes and Unix sockets")


@pytest.fixture
def temp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "temp"
    folder.mkdir(mode=0o700)
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def xdg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "run"
    folder.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    return folder


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_the_runtime_folder_is_private_and_in_the_users_own(xdg: Path) -> None:
    previous = os.umask(0)
    try:
        folder = paths.runtime_dir()
    finally:
        os.umask(previous)
    assert folder == xdg / "vcam"
    assert mode(folder) == 0o700
    assert paths.runtime_dir() == folder


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS has a folder of its own")
@pytest.mark.parametrize("value", [None, "", "/nowhere/at/all"])
def test_without_a_runtime_folder_of_the_system_the_temporary_one_serves(
    value: str | None, temp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if Path(f"/run/user/{os.geteuid()}").exists():
        pytest.skip("this system has a runtime folder for the user")
    if value is None:
        monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    else:
        monkeypatch.setenv("XDG_RUNTIME_DIR", value)
    folder = paths.runtime_dir()
    assert folder.parent == temp
    assert mode(folder) == 0o700


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS has a folder of its own")
def test_a_runtime_folder_that_others_can_write_to_is_not_used(xdg: Path, temp: Path) -> None:
    xdg.chmod(0o777)
    assert xdg not in paths.runtime_dir().parents


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give files away")
def test_another_users_folders_are_not_used(xdg: Path, temp: Path) -> None:
    os.chown(xdg, 12345, 12345)  # what `sudo` without a clean environment leads to
    assert xdg not in paths.runtime_dir().parents
    os.chown(paths.runtime_dir(), 12345, 12345)
    with pytest.raises(VcamError, match="belongs to another user"):
        paths.runtime_dir()


def test_a_link_in_place_of_the_folder_is_refused(xdg: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (xdg / "vcam").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(VcamError, match="symbolic link"):
        paths.runtime_dir()


def test_a_folder_that_others_can_write_to_is_refused(xdg: Path) -> None:
    (xdg / "vcam").mkdir()
    (xdg / "vcam").chmod(0o770)
    with pytest.raises(VcamError, match="other users can write") as caught:
        paths.runtime_dir()
    assert "chmod 700" in caught.value.hint


def test_a_file_in_place_of_the_folder_is_refused(xdg: Path) -> None:
    (xdg / "vcam").touch()
    with pytest.raises(VcamError, match="not a folder"):
        paths.runtime_dir()


def test_a_long_runtime_path_leads_to_a_short_socket_path(
    tmp_path: Path, temp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/tmp")
    deep = tmp_path / ("d" * 120)
    address = Path(paths.control_address(deep))
    try:
        assert mode(address.parent) == 0o700
        assert paths.control_address(deep) == str(address)
        assert paths.control_address(tmp_path / ("e" * 120)) != str(address)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(address))
    finally:
        address.unlink(missing_ok=True)
        address.parent.rmdir()
        Path(paths.control_address(tmp_path / ("e" * 120))).parent.rmdir()


def test_the_log_folder_is_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    log = paths.log_file()
    assert log.name == "vcam.log"
    assert tmp_path in log.parents or sys.platform == "darwin"
    assert mode(log.parent) == 0o700
