"""Runs one command in the machine and hands its exit status back."""

from __future__ import annotations

import compileall
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from .image import Image

MEMORY = "4G"
EXIT_TIMED_OUT = 124
# Without these a kernel that gets little of a busy host's time takes its timer for broken, or itself for hung.
PATIENCE = "no_timer_check nowatchdog rcupdate.rcu_cpu_stall_suppress=1"
# What is tried, copied: whoever edits it meanwhile would pull files from under the guest, which remembers their sizes.
TRIED = ("vcam", "tests", "pyproject.toml")
KEPT_VARIABLES = ("PATH", "HOME", "LANG", "VIRTUAL_ENV")


class MachineFailed(Exception):
    """The machine ended without an exit status: it did not boot, or the kernel gave up."""


def run(
    image: Image, command: Sequence[str], shared: Path, *, timeout: float, kvm: bool = False, slow: float = 1.0
) -> int:
    """Run ``command`` in the current folder as the guest sees it; what it writes goes to standard output.

    ``shared`` is the guest's /run/vm. ``slow``: so many seconds here are one to the guest, roughly; its emulated cores
    can so be as quick, by its own clock, as real ones. Gives 124 if the machine was stopped after ``timeout`` seconds.
    """
    interactive = sys.stdin.isatty() and sys.stdout.isatty()
    status = shared / "status"
    status.unlink(missing_ok=True)
    (shared / "command").write_text(_script(command, os.environ.get("TERM", "linux") if interactive else "dumb"))
    (shared / "terminal").write_text("sane" if interactive else "-opost -echo")
    image.write_initramfs(shared / "initramfs")

    # QEMU stops reading output when its standard input ends, so it gets a pipe that nobody closes.
    stdin = None if interactive else subprocess.PIPE
    with TemporaryDirectory(prefix="vcam-vm-tree-") as tree:
        _copy_checkout(Path(tree))
        with subprocess.Popen(_qemu(image, shared, Path(tree), kvm, slow), stdin=stdin) as machine:
            try:
                machine.wait(timeout)
            except subprocess.TimeoutExpired:
                return EXIT_TIMED_OUT
            finally:
                machine.kill()
    if not status.exists():
        log = (shared / "console.log").read_text(errors="replace").splitlines()
        raise MachineFailed("\n".join(["the machine ended without an exit status; its console:", *log[-30:]]))
    return int(status.read_text())


def _copy_checkout(tree: Path) -> None:
    """Put a copy of TRIED where the guest lays it over the host's files, compiled: the guest takes long for that."""
    here = Path.cwd()
    copy = tree / here.relative_to("/")
    copy.mkdir(parents=True)
    for name in TRIED:
        if (here / name).is_dir():
            shutil.copytree(here / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(here / name, copy)
    compileall.compile_dir(copy, stripdir=tree, prependdir="/", quiet=2)


def _script(command: Sequence[str], terminal: str) -> str:
    variables = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    variables |= {"TERM": terminal, "XDG_RUNTIME_DIR": "/run/user/0", "VCAM_IN_VM": "1"}
    exports = [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
    return "\n".join([*exports, f"cd {shlex.quote(str(Path.cwd()))}", f"exec {shlex.join(command)}", ""])


def _clock(slow: float) -> str:
    """Kernel options that make the guest's clock slow: it is told of a counter that runs faster than the host's does.

    Its timers go off too early then, and are set again until the counter agrees.
    """
    if slow == 1:
        return ""
    speeds = re.findall(r"^cpu MHz\s*: ([\d.]+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    host = max(map(float, speeds), default=2500.0)
    return f" tsc=reliable tsc_early_khz={round(host * slow * 1000)}"


def _qemu(image: Image, shared: Path, tree: Path, kvm: bool, slow: float) -> list[str]:
    # fmt: off
    return [
        "qemu-system-x86_64", "-M", "q35", "-m", MEMORY, "-smp", "2", "-nodefaults", "-display", "none", "-no-reboot",
        *(["-accel", "kvm", "-cpu", "host"] if kvm else ["-accel", "tcg,thread=multi", "-cpu", "max,la57=off"]),
        "-kernel", str(image.kernel), "-initrd", str(shared / "initramfs"),
        "-append", f"console=ttyS0 quiet panic=-1 mitigations=off {PATIENCE}{_clock(slow)}",
        "-serial", f"file:{shared / 'console.log'}",
        "-device", "virtio-serial-pci", "-chardev", "stdio,id=out,signal=off", "-device", "virtconsole,chardev=out",
        "-fsdev", "local,id=host,path=/,security_model=none,readonly=on,multidevs=remap",
        "-device", "virtio-9p-pci,fsdev=host,mount_tag=host",
        "-fsdev", f"local,id=tree,path={tree},security_model=none,readonly=on",
        "-device", "virtio-9p-pci,fsdev=tree,mount_tag=tree",
        "-fsdev", f"local,id=run,path={shared},security_model=none",
        "-device", "virtio-9p-pci,fsdev=run,mount_tag=run",
    ]
    # fmt: on
