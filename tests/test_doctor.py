"""The checks behind `vcam doctor`."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import types
from pathlib import Path

import pytest

from tests.camera.fake_v4l2 import FakeKernel
from tests.pulse import PulseServer
from vcam.animators.ditto.backends import nvidia
from vcam.animators.ditto.standin import make_stand_in_checkpoint
from vcam.audio import devices, outputs, virtual_mic
from vcam.camera import v4l2
from vcam.daemon.lock import SessionLock
from vcam.doctor import ALL_CHECKS, Check, can_work, gpu, install, project, run_checks, sound, system, versions, video
from vcam.profile import loader

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="looks for what Linux alone has")


@pytest.fixture(autouse=True)
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user of their own, as far as vcam can tell."""
    for name in ("RUNTIME_DIR", "CONFIG_HOME", "STATE_HOME", "CACHE_HOME"):
        folder = tmp_path / "user" / name.lower()
        folder.mkdir(mode=0o700, parents=True)
        monkeypatch.setenv(f"XDG_{name}", str(folder))
    return tmp_path / "user"


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeKernel:
    made = FakeKernel(tmp_path)
    monkeypatch.setattr(v4l2, "V4L2", lambda: made.v4l2)
    return made


# -- running them ----------------------------------------------------------------------------------------------------


def test_all_checks_answer_under_their_own_names() -> None:
    found = run_checks()
    assert [check.name for check in found] == [name for name, _, _ in ALL_CHECKS]
    for check in found:
        assert check.detail
        assert "\n" not in check.detail + check.fix
        assert "No answer" not in check.detail
        assert "check itself failed" not in check.detail
        assert check.fix or check.status in ("ok", "info") or check.detail.startswith("Not known")


def test_what_an_installation_needs_is_good_here() -> None:
    found = {check.name: check for check in run_checks()}
    for name in ("python", "packages", "folders", "profiles", "portrait", "recording"):
        assert found[name].status == "ok", found[name]


def test_a_check_that_hangs_is_cut_off_and_the_others_are_told() -> None:
    never = threading.Event()

    def hang() -> Check:
        never.wait()
        return Check("hang", "ok", "")

    def answer() -> Check:
        return Check("quick", "ok", "fine")

    found = run_checks((("hang", hang, False), ("needed", hang, True), ("quick", answer, True)), limit=0.2)
    never.set()
    assert [(check.name, check.status) for check in found] == [("hang", "warn"), ("needed", "fail"), ("quick", "ok")]
    assert "No answer within 0.2 s" in found[0].detail


def test_a_check_that_breaks_is_a_finding() -> None:
    def broken() -> Check:
        raise ZeroDivisionError("by design")

    (found,) = run_checks((("broken", broken, False),))
    assert (found.name, found.status) == ("broken", "warn")
    assert "ZeroDivisionError: by design" in found.detail


def test_only_what_the_main_job_needs_prevents_it() -> None:
    good, poor, bad = (Check("x", status, "") for status in ("ok", "warn", "fail"))
    assert can_work([good, poor])
    assert not can_work([good, bad])


def test_versions_name_what_helpers_ask_for() -> None:
    found = versions()
    assert {"vcam", "python", "system", "executable", "numpy", "av", "opencv-python-headless"} <= set(found)
    json.dumps(found)


# -- Python and packages ---------------------------------------------------------------------------------------------


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


# -- commands for each system ----------------------------------------------------------------------------------------


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


# -- sound -----------------------------------------------------------------------------------------------------------


def test_without_portaudio_only_the_demo_is_left(tmp_path: Path, user: Path) -> None:
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')\n")
    program = (
        "import json; from dataclasses import asdict; from vcam.doctor import sound; "
        "print(json.dumps([asdict(check()) for check in (sound.portaudio, sound.microphone)]))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(Path(__file__).parents[1])])}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, check=True)
    portaudio, microphone = json.loads(done.stdout)
    assert portaudio["status"] == microphone["status"] == "warn"
    assert "PortAudio library not found" in portaudio["detail"]
    assert portaudio["fix"] == install.install_command("portaudio")
    assert "without PortAudio" in microphone["detail"]


@pytest.mark.audio
@linux_only
def test_the_virtual_microphone_can_be_made_or_it_is_said_what_is_missing(
    user: Path, sound_server: PulseServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found = sound.virtual_microphone("linux")
    assert (found.name, found.status) == ("virtual-microphone", "ok")
    assert "--monitor virtual-mic" in found.detail
    virtual_mic.create()
    left = sound.virtual_microphone("linux")
    assert left.status == "warn"
    assert "left behind" in left.detail
    for command in left.fix.split(" && "):
        subprocess.run(command.split(), check=True)
    assert virtual_mic.modules() == []
    sound_server.kill()
    assert "No sound server" in sound.virtual_microphone("linux").detail
    monkeypatch.setenv("PATH", str(tmp_path))
    missing = sound.virtual_microphone("linux")
    assert "pactl" in missing.detail
    assert missing.fix == install.install_command("pactl")


@pytest.mark.parametrize(("platform", "how"), [("darwin", "brew install blackhole-2ch"), ("win32", "VB-Cable")])
def test_where_none_can_be_made_it_is_said_which_one_to_install(
    platform: str, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices, "audio_problem", lambda: None)
    monkeypatch.setattr(outputs, "list_audio_devices", list)
    found = sound.virtual_microphone(platform)
    assert found.status == "info"
    assert how in found.fix


def test_a_missing_demo_prevents_the_main_job(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from vcam.audio import demo

    monkeypatch.setattr(demo, "files", lambda package: tmp_path)
    assert sound.demo().status == "fail"
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "demo.flac").write_bytes(b"x" * 2048)
    assert sound.demo() == Check("demo", "ok", "The bundled voice is there (2 kB).")


# -- video -----------------------------------------------------------------------------------------------------------


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


# -- profiles, folders, session --------------------------------------------------------------------------------------


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


# -- what is optional ------------------------------------------------------------------------------------------------


def test_the_driver_is_read_from_the_kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    driver = tmp_path / "version"
    driver.write_text("NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.14  Thu Feb 22 01:44:30 UTC 2024\nGCC\n")
    monkeypatch.setattr(nvidia, "why_not", lambda *_: ("there is no GPU.", "cure"))
    assert gpu.nvidia(driver) == Check("nvidia", "info", "NVIDIA driver 550.54.14, but there is no GPU.", "cure")
    monkeypatch.setattr(nvidia, "why_not", lambda *_: None)
    assert gpu.nvidia(driver) == Check("nvidia", "ok", "NVIDIA driver 550.54.14.")
    driver.write_text("NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.86.15  Release Build\n")
    assert gpu.nvidia(driver).detail == "NVIDIA driver 570.86.15."
    monkeypatch.setenv("PATH", str(tmp_path))
    driver.write_text("")
    assert gpu.nvidia(driver).status == "info"
    assert gpu.nvidia(tmp_path / "none").status == "info"


@pytest.mark.parametrize(
    ("providers", "problem", "status", "says", "hint"),
    [
        (["CPU"], "no driver.", "ok", "CPU.", ""),
        (["CPU"], None, "info", "There is an NVIDIA GPU, which it cannot use.", "onnxruntime-gpu[cuda,cudnn]"),
        (["CUDA", "CPU"], None, "ok", "CUDA, CPU.", ""),
        (["CUDA", "CPU"], "the driver is too old.", "info", "CUDA cannot be used: the driver is too old.", "cure"),
    ],
)
def test_whether_onnxruntime_can_use_the_gpu(
    monkeypatch: pytest.MonkeyPatch, providers: list[str], problem: str | None, status: str, says: str, hint: str
) -> None:
    runtime = pytest.importorskip("onnxruntime")
    names = [f"{name}ExecutionProvider" for name in providers]
    monkeypatch.setattr(runtime, "get_available_providers", lambda: names)
    monkeypatch.setattr(nvidia, "why_not", lambda *_: None if problem is None else (problem, "cure"))
    check = gpu.onnxruntime()
    assert check.status == status
    assert check.detail.endswith(says)
    assert hint in check.fix


def test_nothing_optional_is_ever_a_fault() -> None:
    for check in (gpu.nvidia, gpu.onnxruntime, gpu.tensorrt, gpu.ditto):
        assert check().status in ("ok", "info")


def test_a_checkpoint_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VCAM_CHECKPOINTS", str(tmp_path))
    found = gpu.ditto()
    assert found.detail.startswith(f"No checkpoint in {tmp_path}")
    assert found.fix == "vcam checkpoints pull"
    (tmp_path / "ditto_onnx").mkdir()
    assert "no config" in gpu.ditto().detail
    make_stand_in_checkpoint(tmp_path)
    assert gpu.ditto().status == "ok"
    (tmp_path / "ditto_onnx" / "decoder.onnx").unlink()
    assert "decoder.onnx" in gpu.ditto().detail
