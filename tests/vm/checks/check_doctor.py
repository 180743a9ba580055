"""`vcam doctor --fix` on a real kernel: modprobe, its files, and what the kernel and modprobe say when they refuse."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.waiting import wait_until
from vcam.doctor.loopback import LOADED_FILE, OPTIONS, OPTIONS_FILE
from vcam.doctor.run import ALL_CHECKS, run_checks

from . import loopback
from .check_virtual_camera import WRITE_WITH_FFMPEG
from .command import vcam
from .loopback import DEVICE, LIMIT, MODULES, record

SYSFS = Path("/sys/module/v4l2loopback")


class Kernel:
    """The running kernel's modules as packages would have installed them, and modprobe's configuration."""

    def __init__(self) -> None:
        self.release = Path("/proc/sys/kernel/osrelease").read_text().strip()
        self.folder = Path("/lib/modules") / self.release
        self.module = self.folder / "updates/dkms/v4l2loopback.ko"

    def install(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        (self.folder / "kernel").mkdir(parents=True)
        self.module.parent.mkdir(parents=True)
        for code in MODULES.glob("*.ko"):
            shutil.copy(code, self.module if code.name == self.module.name else self.folder / "kernel")
        self.index()

    def index(self) -> None:
        (self.folder / "modules.order").touch()
        (self.folder / "modules.builtin").touch()
        subprocess.run(["/sbin/depmod", "-a", self.release], check=True)

    def forget(self) -> None:
        """No module, no configuration."""
        self.take_out()
        for path in (OPTIONS_FILE, LOADED_FILE):
            Path(path).unlink(missing_ok=True)

    def take_out(self) -> None:
        if SYSFS.is_dir():
            loopback.wait_until_unused()
            subprocess.run(["/sbin/rmmod", "v4l2loopback"], check=True)

    def change(self, old: bytes, new: bytes) -> None:
        """Change the installed module's code, byte for byte."""
        code = self.module.read_bytes()
        assert old in code
        assert len(old) == len(new)
        self.module.write_bytes(code.replace(old, new))
        self.index()


@contextmanager
def ending(program: subprocess.Popen[bytes]) -> Iterator[None]:
    try:
        yield
    finally:
        program.kill()


@pytest.fixture
def kernel(device: Path) -> Iterator[Kernel]:
    """The module is installed and not loaded; nothing is configured."""
    kernel = Kernel()
    kernel.install()
    kernel.forget()
    yield kernel
    kernel.forget()
    shutil.rmtree(kernel.folder.parent)
    for leftover in (Path("/usr/src/v4l2loopback-0.12.7"), Path("/var/lib/dkms")):
        shutil.rmtree(leftover, ignore_errors=True)
    for name in (MODULES / "order").read_text().split():  # modprobe -r may have taken others out as well
        if name != "v4l2loopback" and not Path("/sys/module", name).is_dir():
            subprocess.run([loopback.BUSYBOX, "insmod", str(MODULES / f"{name}.ko")], check=True)


def fix(*options: str, answer: str = "") -> tuple[int, str]:
    """Exit code and output of `vcam doctor --fix`, errors included."""
    return vcam("doctor", "--fix", *options, answer=answer)


def doctor() -> tuple[str, str, str]:
    """Status, detail and fix of what `vcam doctor` finds of the camera, for which it has more time than usual."""
    (check,) = run_checks([check for check in ALL_CHECKS if check[0] == "virtual-camera"], limit=120)
    return check.status, check.detail, check.fix


def parameter(name: str) -> str:
    return (SYSFS / "parameters" / name).read_text().strip().partition(",")[0]


def check_it_is_loaded_after_asking_and_at_each_start(kernel: Kernel) -> None:
    status, detail, remedy = doctor()
    assert (status, remedy) == ("warn", "vcam doctor --fix")
    assert "not loaded" in detail

    code, said = fix(answer="n\n")
    assert code == 1
    assert f"modprobe v4l2loopback {OPTIONS}" in said
    assert "Nothing was changed" in said
    assert not SYSFS.exists()
    assert not Path(OPTIONS_FILE).exists()

    code, said = fix(answer="y\n")
    assert (code, "/dev/video10 (vcam)" in said) == (0, True)
    assert parameter("exclusive_caps") == "Y"
    assert Path("/sys/class/video4linux/video10/name").read_text().strip() == "vcam"
    assert Path(OPTIONS_FILE).read_text() == f"options v4l2loopback {OPTIONS}\n"
    assert Path(LOADED_FILE).read_text() == "v4l2loopback\n"

    status, detail, _ = doctor()
    assert (status, detail) == ("ok", "/dev/video10 (vcam)")
    code, said = fix("--yes")
    assert (code, "Nothing is to be done" in said) == (0, True)

    kernel.take_out()  # the next start of the computer: it is loaded by its name alone
    subprocess.run(["/sbin/modprobe", Path(LOADED_FILE).read_text().strip()], check=True)
    assert parameter("exclusive_caps") == "Y"
    assert doctor()[0] == "ok"


def check_wrong_options_are_explained_and_mended(kernel: Kernel) -> None:
    subprocess.run(["/sbin/modprobe", "v4l2loopback", "exclusive_caps=0", "video_nr=3"], check=True)
    status, detail, remedy = doctor()
    assert (status, remedy) == ("warn", "vcam doctor --fix")
    assert "browsers do not list it" in detail
    code, said = fix("--yes")
    assert code == 0
    assert "no exclusive_caps=1" in said
    assert "modprobe -r v4l2loopback" in said
    assert parameter("exclusive_caps") == "Y"
    assert not Path("/dev/video3").exists()
    assert DEVICE.exists()
    assert doctor()[0] == "ok"


def check_a_program_that_holds_the_device_is_named(kernel: Kernel) -> None:
    loopback.load_module("exclusive_caps=0 card_label=vcam video_nr=10")
    with subprocess.Popen([*WRITE_WITH_FFMPEG, str(DEVICE)], stdin=subprocess.DEVNULL) as program, ending(program):
        # not by reading: without exclusive_caps a reader may come first, and then keeps the size from being set
        wait_until(lambda: "320x240" in Path("/sys/class/video4linux/video10/format").read_text(), LIMIT)
        code, said = fix("--yes")
        assert code != 0
        assert f"ffmpeg (process {program.pid})" in said
        assert "Close that" in said
        assert record(3).width == 320, "its user must not be disturbed"
    loopback.wait_until_unused()
    assert fix("--yes")[0] == 0
    assert parameter("exclusive_caps") == "Y"


def check_a_module_that_is_not_installed_is_explained(kernel: Kernel) -> None:
    kernel.module.unlink()
    kernel.index()
    status, detail, remedy = doctor()
    assert status == "warn"
    assert "not installed" in detail
    assert "apt install v4l2loopback-dkms" in remedy
    code, said = fix("--yes")
    assert code != 0
    assert "v4l2loopback is not installed" in said
    assert f"apt install v4l2loopback-dkms linux-headers-{kernel.release}" in said

    Path("/usr/src/v4l2loopback-0.12.7").mkdir(parents=True)  # the package is there, but has not built it
    code, said = fix("--yes")
    assert code != 0
    assert f"was not built for the running kernel ({kernel.release})" in said
    assert "dkms autoinstall" in said


def check_a_module_of_another_kernel_is_explained(kernel: Kernel) -> None:
    kernel.change(b" SMP preempt mod_unload ", b" SMP another mod_unload ")
    code, said = fix("--yes")
    assert code != 0
    assert f"built for another kernel than the running one ({kernel.release})" in said
    assert "dkms autoinstall" in said
    assert not SYSFS.exists()


@pytest.mark.last(reason="the kernel takes no unsigned module from here on")
def check_secure_boot_s_refusal_is_explained(kernel: Kernel) -> None:
    Path("/sys/module/module/parameters/sig_enforce").write_text("1")  # what Secure Boot makes of it
    code, said = fix("--yes")
    assert code != 0
    assert "Secure Boot refuses v4l2loopback" in said
    assert "MOK" in said
    assert not SYSFS.exists()

    Path("/var/lib/dkms").mkdir(parents=True)  # where dkms on Debian has put the key that signed it
    Path("/var/lib/dkms/mok.pub").touch()
    code, said = fix("--yes")
    assert code != 0
    assert "mokutil --import /var/lib/dkms/mok.pub" in said
