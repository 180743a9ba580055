"""Having v4l2loopback loaded as browsers need it, now and after each start: what is to be done, and doing it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from vcam.doctor.install import install_command, package_manager
from vcam.doctor.machine import Machine
from vcam.errors import CameraError

MODULE = "v4l2loopback"
#: Browsers list a camera only if it announces capture alone, which exclusive_caps=1 makes it do while vcam writes.
OPTIONS = "exclusive_caps=1 card_label=vcam video_nr=10"
OPTIONS_FILE = "/etc/modprobe.d/vcam-v4l2loopback.conf"
LOADED_FILE = "/etc/modules-load.d/vcam-v4l2loopback.conf"
AGAIN = "vcam doctor --fix"
# Folders that modprobe.d(5) and modules-load.d(5) name; /etc/modules is Debian's.
_OPTION_FOLDERS = ("/etc/modprobe.d", "/run/modprobe.d", "/usr/lib/modprobe.d", "/lib/modprobe.d")
_LOADED_FOLDERS = ("/etc/modules-load.d", "/run/modules-load.d", "/usr/lib/modules-load.d")
# Where dkms (Debian, Arch), Ubuntu's shim-signed and Fedora's akmods keep the public half of their signing keys.
_SIGNING_KEYS = (
    "/var/lib/dkms/mok.pub",
    "/var/lib/shim-signed/mok/MOK.der",
    "/etc/pki/akmods/certs/public_key.der",
)


@dataclass(frozen=True, slots=True)
class Step:
    """``purpose``: what it is for, as it is told to the user; ``command``: in the shell's language, for root."""

    purpose: str
    command: str


@dataclass(frozen=True, slots=True)
class Plan:
    """``found``: how it is now; ``steps``: what mends it, none if all is well; ``remarks``: what else to know."""

    found: str
    steps: tuple[Step, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def commands(self) -> list[str]:
        return [step.command for step in self.steps]


def plan(machine: Machine) -> Plan:
    """What is to be done so that there is a virtual camera. Looks only.

    Raises CameraError where vcam cannot do it: the module is not installed, or programs use it as it is.
    """
    loaded = machine.at(f"/sys/module/{MODULE}").is_dir()
    cameras = list(_cameras(machine))
    exclusive = _exclusive(machine)
    steps: list[Step] = []
    if loaded and cameras and exclusive:
        device, label = cameras[0]
        found = f"{MODULE} is loaded: {device} ({label})."
    elif loaded:
        wrong = "it has no camera" if not cameras else "browsers do not list its cameras (no exclusive_caps=1)"
        found = f"{MODULE} is loaded, but {wrong}."
        _refuse_while_used(machine, [device for device, _ in cameras], found)
        steps.append(Step("take the module out", f"modprobe -r {MODULE}"))
    else:
        _refuse_without_module(machine)
        found = f"{MODULE} is installed, but not loaded."
    if not loaded or steps:
        steps.append(Step("load it as browsers need it", f"modprobe {MODULE} {OPTIONS}"))
    remarks: list[str] = []
    steps += _permanent(machine, remarks)
    return Plan(found, tuple(steps), tuple(remarks))


def carry_out(machine: Machine, wanted: Plan) -> str:
    """Do what was planned; what is there now. Raises CameraError, which says what refused and what to do."""
    outcome = machine.run_as_root(wanted.commands)
    if outcome.status != 0:
        raise _explained(machine, outcome.said, outcome.status)
    now = plan(machine)
    if now.steps:
        raise CameraError(f"All was done, and still: {now.found}", "Restart the computer, then: vcam doctor")
    return now.found


# -- how it is -------------------------------------------------------------------------------------------------------


def _cameras(machine: Machine) -> Iterator[tuple[Path, str]]:
    """Path and label of each loopback device, by number."""
    from vcam.camera.v4l2 import V4L2

    v4l2 = V4L2(machine.at("/sys/class/video4linux"), machine.at("/dev"), machine.at("/proc"))
    return ((node.path, node.label) for node in v4l2.nodes() if node.loopback)


def _exclusive(machine: Machine) -> bool:
    """Whether the first device has exclusive_caps; True where the module does not tell."""
    said = machine.read(f"/sys/module/{MODULE}/parameters/exclusive_caps")
    return said[:1] in ("", "Y", "1")


def _refuse_while_used(machine: Machine, devices: list[Path], found: str) -> None:
    users = sorted(_users(machine, devices))
    count = machine.read(f"/sys/module/{MODULE}/refcnt").strip()
    if users or count not in ("", "0"):
        who = ", ".join(users) or "a program (of another user)"
        raise CameraError(f"{found} It cannot be loaded anew while {who} uses it.", f"Close that, then: {AGAIN}")


def _users(machine: Machine, devices: list[Path]) -> set[str]:
    """The processes that have one of the devices open, as far as this user may see them."""
    found = set()
    for process in machine.at("/proc").glob("[0-9]*"):
        try:
            held = any(fd.readlink() in devices for fd in (process / "fd").iterdir())
        except OSError:  # it has ended, or is not ours to look into
            continue
        if held:
            name = machine.read(f"/proc/{process.name}/comm").strip() or "process"
            found.add(f"{name} (process {process.name})")
    return found


def _refuse_without_module(machine: Machine) -> None:
    kernels = machine.at("/lib/modules")
    own = kernels / machine.kernel
    if any(next(own.glob(f"{depth}/{MODULE}.ko*"), None) for depth in ("*", "*/*", "*/*/*")):
        return
    apt = package_manager(machine.platform, machine.at("/etc/os-release")) == "apt"
    headers = f"sudo apt install linux-headers-{machine.kernel}"
    if not own.is_dir() and kernels.is_dir() and next(kernels.iterdir(), None) is not None:
        raise CameraError(
            f"The running kernel ({machine.kernel}) has no modules any more: it was updated.",
            f"Restart the computer, then: {AGAIN}",
        )
    if not own.is_dir():
        raise CameraError(
            "This system has no kernel modules; it looks like a container, and they belong to its host.",
            f"On the host: {AGAIN}, then pass /dev/video10 into the container. Or use the preview in the browser.",
        )
    if next(machine.at("/usr/src").glob(f"{MODULE}-*"), None) is not None:
        first = f"{headers} && " if apt else ""
        raise CameraError(
            f"{MODULE} is installed, but was not built for the running kernel ({machine.kernel}).",
            f"Build it: {first}sudo dkms autoinstall  # needs this kernel's headers; then: {AGAIN}",
        )
    install = install_command(MODULE, machine.platform, machine.at("/etc/os-release"))
    if apt:
        install += f" linux-headers-{machine.kernel}"
    raise CameraError(f"{MODULE} is not installed. vcam installs no packages by itself.", f"{install}\nThen: {AGAIN}")


# -- at each start ---------------------------------------------------------------------------------------------------


def _permanent(machine: Machine, remarks: list[str]) -> Iterator[Step]:
    """What makes it be loaded, with its options, when the computer starts."""
    options = f"options {MODULE} {OPTIONS}"
    ours = machine.at(OPTIONS_FILE)
    others = [
        (path, line) for path, line in _lines(machine, _OPTION_FOLDERS) if line.split()[:2] == options.split()[:2]
    ]
    foreign = [(path, line) for path, line in others if path != ours]
    if foreign:
        remarks += [
            f"{path} has other options, which are kept; add exclusive_caps=1 there, or browsers will not list the "
            "camera after the next start."
            for path, line in foreign
            if "exclusive_caps=1" not in line
        ]
    elif (ours, options) not in others:
        yield from _write(machine, OPTIONS_FILE, options, "keep these options for the next start")
    already = [line for _, line in _lines(machine, _LOADED_FOLDERS)] + machine.read("/etc/modules").split()
    if MODULE not in already:
        yield from _write(machine, LOADED_FILE, MODULE, "load it when the computer starts")


def _lines(machine: Machine, folders: tuple[str, ...]) -> Iterator[tuple[Path, str]]:
    """The lines of all configuration files in the folders, without comments, with single spaces."""
    for folder in folders:
        for path in sorted(machine.at(folder).glob("*.conf")):
            for line in machine.read(f"{folder}/{path.name}").splitlines():
                if words := line.partition("#")[0].split():
                    yield path, " ".join(words)


def _write(machine: Machine, path: str, line: str, purpose: str) -> Iterator[Step]:
    folder = machine.at(path).parent
    first = "" if folder.is_dir() else f"mkdir -p {shlex.quote(str(folder))} && "
    yield Step(purpose, first + machine.write_command(path, line))


# -- refusals --------------------------------------------------------------------------------------------------------


def _explained(machine: Machine, said: str, status: int) -> CameraError:
    """The error of a command, in words that help."""
    lines = said.splitlines()
    quoted = lines[-1] if lines else f"exit status {status}"
    if "Key was rejected" in said or "Required key not available" in said:
        key = next((key for key in _SIGNING_KEYS if machine.at(key).exists()), "")
        return CameraError(
            f"Secure Boot refuses {MODULE}: the key that signed it is not enrolled in this computer's firmware.",
            _how_to_enrol(key),
        )
    if "in use" in said:
        return CameraError(f"{MODULE} cannot be loaded anew: a program uses it.", f"Close that, then: {AGAIN}")
    if any(text in said for text in ("Invalid module format", "Exec format error", "Unknown symbol")):
        return CameraError(
            f"{MODULE} was built for another kernel than the running one ({machine.kernel}): {quoted}",
            f"Restart the computer, or build it anew (sudo dkms autoinstall); then: {AGAIN}",
        )
    if "sudo:" in said or "as another user" in said:  # what sudo and pkexec say of a wrong or no password
        return CameraError(f"Nothing was changed, for you were not allowed to become root: {quoted}", by_hand([]))
    if "not permitted" in said:
        return CameraError(
            f"The kernel does not let {MODULE} be loaded: {quoted}",
            f"In a container, do it on its host: {AGAIN}. Else the kernel may be locked down (see `vcam doctor`).",
        )
    return CameraError(f"{MODULE} could not be loaded: {quoted}", "`sudo dmesg | tail` may tell more.")


def _how_to_enrol(key: str) -> str:
    if not key:
        return (
            'Sign the module with a key of your own and enrol it (your distribution\'s documentation: "Secure Boot", '
            f'"MOK"), or switch Secure Boot off in the firmware; then: {AGAIN}'
        )
    return (
        f"Enrol it once: sudo mokutil --import {key}  # choose a password\n"
        "Restart; in the blue screen choose Enroll MOK, Continue, Yes, and type that password.\n"
        f"Then: {AGAIN}"
    )


def by_hand(commands: list[str]) -> str:
    """What to tell a user for whom nothing can be run as root."""
    if not commands:
        return "Ask somebody who may, or run it as root: " + AGAIN
    return "\n".join(["Run these as root:", *(f"  {command}" for command in commands)])
