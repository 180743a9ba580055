"""`vcam doctor --fix`, on a system of its own: a folder for its files, shell scripts for its commands."""

from __future__ import annotations

import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from vcam.cli import doctor
from vcam.doctor import loopback
from vcam.doctor.machine import Machine
from vcam.errors import CameraError

if sys.platform != "linux":
    pytest.skip("kernel modules and their files are Linux's", allow_module_level=True)

KERNEL = "6.1.0-18-amd64"
OPTIONS = "options v4l2loopback exclusive_caps=1 card_label=vcam video_nr=10\n"

MODPROBE = """#!/bin/sh
echo "modprobe $*" >> {root}/ran
if [ -e {root}/refusal ]; then cat {root}/refusal >&2; exit 1; fi
if [ "$1" = -r ]; then rm -r {root}/sys/module/v4l2loopback {root}/sys/class/video4linux; exit 0; fi
mkdir -p {root}/sys/module/v4l2loopback/parameters {root}/sys/class/video4linux/video10
echo 0 > {root}/sys/module/v4l2loopback/refcnt
echo vcam > {root}/sys/class/video4linux/video10/name
echo 10 > {root}/sys/class/video4linux/video10/max_openers
case "$*" in *exclusive_caps=1*) caps=Y;; *) caps=N;; esac
echo $caps,N,N > {root}/sys/module/v4l2loopback/parameters/exclusive_caps
"""
SUDO = """#!/bin/sh
echo "{name} $1" >> {root}/ran
if [ -e {root}/no_password ]; then cat {root}/no_password >&2; exit 1; fi
exec "$@"
"""


class Bench:
    """A Debian whose kernel has v4l2loopback, not loaded, and whose user is nobody in particular."""

    def __init__(self, root: Path, programs: Path) -> None:
        self.root = root
        self.programs = programs
        self.machine = Machine(root, "linux", KERNEL, is_root=False)
        self.write("etc/os-release", "ID=debian\n")
        self.write(f"lib/modules/{KERNEL}/updates/dkms/v4l2loopback.ko.xz", "")
        for folder in ("etc/modprobe.d", "etc/modules-load.d", "proc"):
            (root / folder).mkdir(parents=True)
        for name in ("sh", "mkdir", "rm", "cat"):
            (programs / name).symlink_to(str(shutil.which(name)))
        self.program("modprobe", MODPROBE)
        self.program("sudo", SUDO)

    def program(self, name: str, text: str) -> None:
        path = self.programs / name
        path.write_text(text.format(root=self.root, name=name))
        path.chmod(0o755)

    def write(self, path: str, text: str) -> Path:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def loaded(self, exclusive: str = "Y", label: str = "OBS Virtual Camera", refcnt: int = 0) -> None:
        self.write("sys/module/v4l2loopback/parameters/exclusive_caps", f"{exclusive},N\n")
        self.write("sys/module/v4l2loopback/refcnt", f"{refcnt}\n")
        self.write("sys/class/video4linux/video0/name", f"{label}\n")
        self.write("sys/class/video4linux/video0/max_openers", "10\n")

    def used_by(self, name: str, number: int) -> None:
        self.write(f"proc/{number}/comm", f"{name}\n")
        (self.root / f"proc/{number}/fd").mkdir()
        (self.root / f"proc/{number}/fd/5").symlink_to(self.root / "dev/video0")

    def ran(self) -> list[str]:
        return (self.root / "ran").read_text().splitlines() if (self.root / "ran").exists() else []

    def mend(self, answer: str | None = None, machine: Machine | None = None) -> tuple[int, str]:
        """Exit code and output of `vcam doctor --fix`; with ``answer`` to its question, else with --yes."""
        app = typer.Typer()

        @app.command()
        def fix() -> None:
            doctor.mend(machine or self.machine, yes=answer is None)

        result = CliRunner().invoke(app, input=answer)
        if isinstance(result.exception, CameraError):
            raise result.exception
        return result.exit_code, result.stdout

    def refused(self) -> CameraError:
        with pytest.raises(CameraError) as caught:
            self.mend()
        return caught.value

    @property
    def files(self) -> dict[str, str]:
        return {
            str(path.relative_to(self.root)): path.read_text()
            for folder in ("etc/modprobe.d", "etc/modules-load.d")
            for path in (self.root / folder).iterdir()
        }


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    root, programs = tmp_path / "root", tmp_path / "bin"
    root.mkdir()
    programs.mkdir()
    made = Bench(root, programs)
    monkeypatch.setenv("PATH", str(programs))
    return made


OURS = {
    "etc/modprobe.d/vcam-v4l2loopback.conf": OPTIONS,
    "etc/modules-load.d/vcam-v4l2loopback.conf": "v4l2loopback\n",
}


def test_loads_it_with_the_right_options_now_and_at_each_start(bench: Bench) -> None:
    code, said = bench.mend("y\n")
    assert code == 0
    assert bench.ran() == ["sudo sh", "modprobe v4l2loopback exclusive_caps=1 card_label=vcam video_nr=10"]
    assert bench.files == OURS
    assert "installed, but not loaded" in said
    asked = said.partition("Do it?")[0]
    assert all(str(bench.root / path) in asked for path in OURS), "what it writes is said before"
    assert f"is loaded: {bench.root}/dev/video10 (vcam)" in said


def test_the_second_time_there_is_nothing_to_do(bench: Bench) -> None:
    bench.mend()
    before = bench.ran()
    code, said = bench.mend("n\n")
    assert (code, bench.ran()) == (0, before)
    assert "Nothing is to be done" in said


@pytest.mark.parametrize("answer", ["n\n", "\n", ""])
def test_nothing_is_changed_without_a_yes(bench: Bench, answer: str) -> None:
    code, _ = bench.mend(answer)
    assert code == 1
    assert bench.ran() == []
    assert bench.files == {}


def test_files_that_were_lost_are_written_again_though_it_is_loaded(bench: Bench) -> None:
    bench.mend()
    (bench.root / loopback.OPTIONS_FILE[1:]).write_text("options v4l2loopback exclusive_caps=0\n")
    (bench.root / loopback.LOADED_FILE[1:]).unlink()
    shutil.rmtree(bench.root / "etc/modules-load.d")
    bench.mend()
    assert bench.files == OURS
    assert len([line for line in bench.ran() if line.startswith("modprobe")]) == 1


def test_loaded_with_wrong_options_it_is_loaded_anew_if_nobody_uses_it(bench: Bench) -> None:
    bench.loaded(exclusive="N")
    _, said = bench.mend()
    assert bench.ran()[1:] == [
        "modprobe -r v4l2loopback",
        "modprobe v4l2loopback exclusive_caps=1 card_label=vcam video_nr=10",
    ]
    assert "no exclusive_caps=1" in said
    assert bench.files == OURS


def test_without_a_device_it_is_loaded_anew(bench: Bench) -> None:
    bench.loaded()
    shutil.rmtree(bench.root / "sys/class/video4linux/video0")
    bench.mend()
    assert bench.ran()[1] == "modprobe -r v4l2loopback"


def test_a_module_in_use_is_left_alone_and_its_user_named(bench: Bench) -> None:
    bench.loaded(exclusive="N", refcnt=1)
    bench.used_by("obs", 4711)
    assert "obs (process 4711)" in bench.refused().message
    shutil.rmtree(bench.root / "proc/4711")
    assert "another user" in bench.refused().message
    assert bench.ran() == []


def test_a_camera_of_anothers_is_good_enough_whatever_its_name(bench: Bench) -> None:
    bench.loaded()
    bench.write("etc/modprobe.d/obs.conf", "options  v4l2loopback devices=1 exclusive_caps=1  # for OBS\n")
    bench.write("etc/modules", "v4l2loopback\n")
    code, said = bench.mend("n\n")
    assert code == 0
    assert "OBS Virtual Camera" in said
    assert bench.ran() == []


def test_options_of_anothers_are_kept_and_told(bench: Bench) -> None:
    theirs = bench.write("etc/modprobe.d/v4l2loopback.conf", "# mine\noptions v4l2loopback devices=2\n")
    _, said = bench.mend()
    assert f"{theirs} has other options" in said
    assert set(bench.files) == {"etc/modprobe.d/v4l2loopback.conf", "etc/modules-load.d/vcam-v4l2loopback.conf"}
    assert theirs.read_text() == "# mine\noptions v4l2loopback devices=2\n"


def test_root_needs_no_sudo(bench: Bench) -> None:
    bench.mend(machine=replace(bench.machine, is_root=True))
    assert bench.ran() == ["modprobe v4l2loopback exclusive_caps=1 card_label=vcam video_nr=10"]


def test_pkexec_does_where_there_is_no_sudo(bench: Bench) -> None:
    (bench.programs / "sudo").rename(bench.programs / "pkexec")
    bench.program("pkexec", SUDO)
    bench.mend()
    assert bench.ran()[0] == "pkexec sh"
    assert bench.files == OURS


def test_without_either_the_commands_are_told(bench: Bench) -> None:
    (bench.programs / "sudo").unlink()
    code, said = bench.mend()
    assert code == 1
    assert "Run these as root:\n  modprobe v4l2loopback exclusive_caps=1" in said
    assert f"> {bench.root}/etc/modprobe.d/vcam-v4l2loopback.conf" in said
    assert bench.ran() == []


@pytest.mark.parametrize(
    "said", ["sudo: a password is required", "Error executing command as another user: Request dismissed"]
)
def test_who_may_not_become_root_is_told_that_nothing_was_changed(bench: Bench, said: str) -> None:
    bench.write("no_password", said)
    error = bench.refused()
    assert "Nothing was changed" in error.message
    assert said in error.message
    assert bench.files == {}


REFUSALS = {
    "Key was rejected by service": "Secure Boot",
    "Required key not available": "Secure Boot",
    "Module v4l2loopback is in use.": "a program uses it",
    "Exec format error": "built for another kernel",
    "Operation not permitted": "does not let",
    "Cannot allocate memory": "could not be loaded: modprobe: ERROR",
}


@pytest.mark.parametrize("why", REFUSALS)
def test_each_refusal_is_explained_and_nothing_is_written(bench: Bench, why: str) -> None:
    bench.write("refusal", f"modprobe: ERROR: could not insert 'v4l2loopback': {why}\n")
    error = bench.refused()
    assert REFUSALS[why] in error.message
    assert error.hint
    assert bench.files == {}


def test_the_key_to_enrol_is_the_one_that_is_there(bench: Bench) -> None:
    bench.write("refusal", "modprobe: ERROR: could not insert 'v4l2loopback': Key was rejected by service\n")
    assert "mokutil" not in bench.refused().hint
    bench.write("var/lib/dkms/mok.pub", "")
    assert "sudo mokutil --import /var/lib/dkms/mok.pub" in bench.refused().hint


@pytest.mark.parametrize(
    ("release", "command"),
    [
        ("ID=debian\n", f"apt install v4l2loopback-dkms linux-headers-{KERNEL}"),
        ("ID=fedora\n", "dnf install akmod-v4l2loopback  # from RPM Fusion"),
        ("ID=arch\n", "pacman -S v4l2loopback-dkms"),
        ("ID=nixos\n", "Install v4l2loopback with this system's package manager"),
    ],
)
def test_a_missing_module_is_not_installed_but_its_package_named(bench: Bench, release: str, command: str) -> None:
    bench.write("etc/os-release", release)
    shutil.rmtree(bench.root / f"lib/modules/{KERNEL}/updates")
    error = bench.refused()
    assert "not installed" in error.message
    assert command in error.hint
    assert bench.ran() == []


def test_a_module_that_was_not_built_is_told_from_one_that_is_not_there(bench: Bench) -> None:
    shutil.rmtree(bench.root / f"lib/modules/{KERNEL}/updates")
    (bench.root / "usr/src/v4l2loopback-0.12.7").mkdir(parents=True)
    error = bench.refused()
    assert f"not built for the running kernel ({KERNEL})" in error.message
    assert f"linux-headers-{KERNEL} && sudo dkms autoinstall" in error.hint


def test_a_container_and_an_updated_kernel_are_told_apart(bench: Bench) -> None:
    modules = bench.root / "lib/modules"
    (modules / KERNEL).rename(modules / "6.1.0-21-amd64")
    assert "Restart the computer" in bench.refused().hint
    shutil.rmtree(modules)
    assert "container" in bench.refused().message


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_other_systems_are_told_what_to_do(bench: Bench, platform: str) -> None:
    code, said = bench.mend(machine=replace(bench.machine, platform=platform))
    assert code == 1
    assert "OBS" in said
    assert bench.ran() == []


def test_a_path_that_the_shell_would_take_apart_is_quoted(bench: Bench, tmp_path: Path) -> None:
    root = tmp_path / "a folder; with $signs"
    bench.root.rename(root)
    bench.root.symlink_to(root)
    machine = replace(bench.machine, root=root)
    bench.mend(machine=machine)
    assert (root / "etc/modules-load.d/vcam-v4l2loopback.conf").exists()
