"""Python and packages, and the command for what is missing on each system."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from vcam.doctor import install, system


def test_an_old_python_is_refused() -> None:
    assert system.python((3, 9, 18)).status == "fail"
    assert system.python((3, 10, 0)).status == "ok"
    assert system.python((4, 0, 0)).status == "ok"


def test_missing_packages_are_named_with_the_command_for_this_interpreter() -> None:
    found = system.packages({"numpy": "numpy", "no_such_module": "one-package", "nor_this": "another"})
    assert found.status == "fail"
    assert found.detail == "one-package is missing; another is missing."
    assert found.fix.endswith("-m pip install one-package another")
    assert sys.executable in found.fix


def test_a_package_that_does_not_load_is_told_from_a_missing_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_one.py").write_text("raise OSError('libGL.so.1: cannot open shared object file')\n")
    monkeypatch.syspath_prepend(tmp_path)
    found = system.packages({"broken_one": "its-package"})
    assert found.detail == "its-package does not load: libGL.so.1: cannot open shared object file."
    assert "--force-reinstall its-package" in found.fix


@pytest.mark.parametrize(
    ("release", "manager", "command"),
    [
        ('ID=debian\nVERSION_ID="12"\n', "apt", "apt install libportaudio2"),
        ("ID=linuxmint\nID_LIKE='ubuntu debian'\n", "apt", "apt install libportaudio2"),
        ("ID=fedora\n", "dnf", "dnf install portaudio"),
        ('ID="rocky"\nID_LIKE="rhel centos fedora"\n', "dnf", "dnf install portaudio"),
        ("ID=manjaro\nID_LIKE=arch\n", "pacman", "pacman -S portaudio"),
        ('ID="opensuse-tumbleweed"\nID_LIKE="opensuse suse"\n', "zypper", "zypper install libportaudio2"),
        ("ID=nixos\n", "", "Install portaudio with this system's package manager."),
        ("not a release file \x00", "", "Install portaudio with this system's package manager."),
    ],
)
def test_the_command_is_that_of_the_distribution(tmp_path: Path, release: str, manager: str, command: str) -> None:
    file = tmp_path / "os-release"
    file.write_text(release)
    assert install.package_manager("linux", file) == manager
    assert install.install_command("portaudio", "linux", file).removeprefix("sudo ") == command


def test_other_systems_have_their_own_commands(tmp_path: Path) -> None:
    missing = tmp_path / "none"
    assert install.package_manager("linux", missing) == ""
    assert install.install_command("obs", "darwin", missing) == "brew install --cask obs"
    assert install.install_command("obs", "win32", missing) == "winget install OBSProject.OBSStudio"
