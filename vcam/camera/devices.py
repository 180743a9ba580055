"""Which cameras vcam can put pictures into here, and how to get one."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vcam.camera.v4l2 import V4L2

OBS_CAMERA = "OBS Virtual Camera"
UNITY_CAMERA = "Unity Video Capture"
# COM classes that the two cameras register on Windows; pyvirtualcam looks for the same ones.
_WINDOWS_CAMERAS = (
    (OBS_CAMERA, "obs", "{A3FCE0F5-3493-419F-958A-ABA1250EC20B}"),
    (UNITY_CAMERA, "unitycapture", "{5C2CD55C-92AD-4999-8666-912BD3E70010}"),
)
_MODPROBE = 'sudo modprobe v4l2loopback exclusive_caps=1 card_label="vcam" video_nr=10'
_INSTALL = (
    # file that marks the distribution, command
    ("/etc/debian_version", "sudo apt install v4l2loopback-dkms"),
    ("/etc/fedora-release", "sudo dnf install akmod-v4l2loopback  # from RPM Fusion"),
    ("/etc/arch-release", "sudo pacman -S v4l2loopback-dkms"),
)


@dataclass(frozen=True, slots=True)
class CameraDevice:
    """``device`` is what ``--camera`` takes. ``why_not``: a sentence if not ``usable``, or what is not known."""

    device: str
    label: str
    driver: str
    is_virtual: bool
    usable: bool
    why_not: str = ""
    busy: bool = False


def list_cameras(v4l2: V4L2 | None = None, platform: str = sys.platform) -> list[CameraDevice]:
    """The cameras of this computer: on Linux all video devices, elsewhere the virtual cameras that vcam can use.

    Nothing is changed and no real camera is opened. On macOS and Windows whether a camera is in use is not known.
    """
    if platform == "linux":
        return _linux_cameras(v4l2)
    if platform == "darwin":
        return [_mac_camera()]
    return [_windows_camera(*camera) for camera in _WINDOWS_CAMERAS]


def _linux_cameras(v4l2: V4L2 | None) -> list[CameraDevice]:
    from vcam.camera.v4l2 import V4L2

    v4l2 = v4l2 or V4L2()
    cameras = []
    for node in v4l2.nodes():
        state = v4l2.state(node)
        cameras.append(
            CameraDevice(
                device=str(node.path),
                label=node.label,
                driver=node.driver,
                is_virtual=node.loopback,
                usable=state.usable,
                why_not=state.why_not,
                busy=state.busy,
            )
        )
    return cameras


def _mac_camera(applications: tuple[Path, ...] = (Path("/Applications"), Path.home() / "Applications")) -> CameraDevice:
    installed = any((folder / "OBS.app").is_dir() for folder in applications)
    why = "OBS is here; whether its camera has been activated is known only when it is opened."
    return CameraDevice(OBS_CAMERA, OBS_CAMERA, "obs", True, installed, why if installed else "OBS is not installed.")


def _windows_camera(name: str, driver: str, class_id: str) -> CameraDevice:
    installed = _class_registered(class_id)
    return CameraDevice(name, name, driver, True, installed, "" if installed else "It is not installed.")


def _class_registered(class_id: str) -> bool:
    if sys.platform == "win32":
        import winreg

        try:
            winreg.CloseKey(winreg.OpenKey(winreg.HKEY_CLASSES_ROOT, rf"CLSID\{class_id}"))
        except OSError:
            return False
        return True
    return False


def how_to_get_one(platform: str = sys.platform, root: Path = Path("/")) -> str:
    """What to do to have a virtual camera on this system."""
    if platform == "darwin":
        return (
            "Install OBS 30 or newer (https://obsproject.com), choose Start Virtual Camera in it once, allow the "
            "extension in System Settings, then stop it and quit OBS."
        )
    if platform == "win32":
        return "Install OBS (https://obsproject.com): it brings the OBS Virtual Camera. It need not run."
    commands = [command for mark, command in _INSTALL if (root / mark.lstrip("/")).exists()]
    install = commands[0] if commands else "install v4l2loopback with your package manager"
    modules = root / "lib" / "modules" / os.uname().release
    if any(next(modules.glob(f"{depth}/v4l2loopback.ko*"), None) for depth in ("*", "*/*")):
        return f"Load it: {_MODPROBE}"
    return f"Get one: {install} && {_MODPROBE}" if commands else f"Get one: {install}, then {_MODPROBE}"
