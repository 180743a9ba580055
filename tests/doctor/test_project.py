"""Profiles, folders and the session."""

from __future__ import annotations

import os
import types
from pathlib import Path

import pytest

from vcam.daemon.lock import SessionLock
from vcam.doctor import Check, project
from vcam.profile import loader


def test_a_broken_profile_of_the_users_is_named(user: Path) -> None:
    assert project.profiles().detail.startswith("All 5 are right (0 of your own)")
    folder = loader.user_folder()
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text("fsp: 1\n")
    found = project.profiles()
    assert (found.status, found.fix) == ("warn", 'vcam profile check "mine"')
    assert "unknown key fsp" in found.detail


def test_a_broken_default_prevents_the_main_job(user: Path) -> None:
    folder = loader.user_folder()
    folder.mkdir(parents=True)
    (folder / "default.yaml").write_text("fsp: 1\n")
    found = project.profiles()
    assert (found.status, found.fix) == ("fail", 'vcam profile check "default"')


def test_the_bundled_portraits_load() -> None:
    assert project.portrait().status == "ok"
    assert "robin" in project.portrait().detail


def test_folders_that_can_be_made_are_good(user: Path) -> None:
    assert project.folders().status == "ok"


def test_a_folder_that_is_a_file_is_told(user: Path) -> None:
    (user / "config_home" / "vcam").write_text("in the way")
    found = project.folders()
    assert (found.status, str(user / "config_home" / "vcam") in found.detail) == ("warn", True)


def test_a_runtime_folder_of_others_prevents_the_main_job(user: Path) -> None:
    runtime = user / "runtime_dir" / "vcam"
    runtime.mkdir()
    runtime.chmod(0o777)
    found = project.folders()
    assert found.status == "fail"
    assert found.fix == f"Close it with: chmod 700 {runtime}"


def test_disk_space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def usage(free: int) -> types.SimpleNamespace:
        return types.SimpleNamespace(total=2**40, used=0, free=free)

    monkeypatch.setattr(project.shutil, "disk_usage", lambda folder: usage(5 * 2**30))
    assert project.disk(tmp_path) == Check("disk", "ok", f"5.0 GB free in {tmp_path}.")
    monkeypatch.setattr(project.shutil, "disk_usage", lambda folder: usage(2**20))
    assert project.disk(tmp_path).status == "warn"


def test_a_running_session_is_told(user: Path) -> None:
    assert project.session().status == "ok"
    with SessionLock():
        found = project.session()
    assert (found.status, found.fix) == ("info", "vcam stop")
    assert f"pid {os.getpid()}" in found.detail
    assert project.session().status == "ok"
