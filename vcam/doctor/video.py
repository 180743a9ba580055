"""Cameras: the virtual one, the preview in the browser, and what recordings need."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import sys
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING

from vcam.doctor.check import Check
from vcam.doctor.install import install_command, pip_command
from vcam.errors import ProfileError, VcamError

if TYPE_CHECKING:
    from vcam.camera.devices import CameraDevice

PORTS_TRIED = 10  # as many as the preview tries
_MODULE = Path("sys/module/v4l2loopback")
_FIX = "vcam doctor --fix"
# UEFI 2.10, section 3.3: the global variable SecureBoot; Linux puts four bytes of attributes before its one byte
_SECURE_BOOT = Path("sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c")
_BROWSERS = (
    *("firefox", "firefox-esr", "google-chrome", "google-chrome-stable", "chromium", "chromium-browser"),
    *("brave-browser", "microsoft-edge", "opera", "vivaldi", "epiphany", "falkon", "konqueror"),
)


def virtual_camera(platform: str = sys.platform, root: Path = Path("/")) -> Check:
    from vcam.camera.devices import how_to_get_one, list_cameras

    cameras = [camera for camera in list_cameras(platform=platform) if camera.is_virtual]
    usable = [camera for camera in cameras if camera.usable]
    shown_by_us = [camera for camera in cameras if _is_shown_by_vcam(camera)]
    if usable or shown_by_us:
        best = (usable or shown_by_us)[0]
        shown = best.device if best.label in ("", best.device) else f"{best.device} ({best.label})"
        if platform == "linux" and not _exclusive(root):
            why = f"{shown} can be used, but browsers do not list it: v4l2loopback was loaded without exclusive_caps=1."
            return Check("virtual-camera", "warn", why, _FIX)
        if not usable:
            return Check("virtual-camera", "ok", f"{shown}; vcam is showing it.")
        return Check("virtual-camera", "ok", f"{shown}. {best.why_not}".rstrip(" ."))
    if cameras:
        why = " ".join(f"{camera.device}: {camera.why_not}" for camera in cameras)
        denied = platform == "linux" and any(not os.access(c.device, os.R_OK | os.W_OK) for c in cameras)
        fix = "sudo usermod -aG video $USER  # then log out and in again" if denied else how_to_get_one(platform)
        if any(camera.busy for camera in cameras):
            fix = "Close the program that uses it."
        return Check("virtual-camera", "warn", why, fix)
    if platform != "linux":
        why = "There is no virtual camera; the preview in the browser is used."
        return Check("virtual-camera", "warn", why, install_command("obs", platform))
    modules = root / "lib" / "modules" / os.uname().release
    loaded, installed = (root / _MODULE).is_dir(), _installed(modules)
    state = "loaded but has no device" if loaded else "not loaded" if installed else "not installed"
    why = f"v4l2loopback is {state}; the preview in the browser is used."
    if not modules.is_dir() and not loaded:
        why += " (This looks like a container: kernel modules belong to its host.)"
    return Check(
        "virtual-camera", "warn", why, _FIX if loaded or installed else _command(how_to_get_one(platform, root))
    )


def _is_shown_by_vcam(camera: CameraDevice) -> bool:
    """Whether it is in use by this user's own session, which is as it should be."""
    from vcam.daemon.lock import SessionLock

    if not camera.busy:
        return False
    try:
        lock = SessionLock()
        session = lock.info() if lock.is_held() else None
    except VcamError:  # has a check of its own
        return False
    return session is not None and f"(process {session.pid})" in camera.why_not


def _installed(modules: Path) -> bool:
    return any(next(modules.glob(f"{depth}/v4l2loopback.ko*"), None) for depth in ("*", "*/*"))


def _exclusive(root: Path) -> bool:
    """Whether the first device has exclusive_caps; True where the module does not tell."""
    try:
        said = (root / _MODULE / "parameters" / "exclusive_caps").read_text()
    except OSError:
        return True
    return said[:1] in ("Y", "1")


def _command(text: str) -> str:
    """The command alone, of a text such as "Get one: COMMAND"."""
    return text.partition(": ")[2] if text.startswith(("Get one: ", "Load it: ")) else text


def secure_boot(platform: str = sys.platform, root: Path = Path("/")) -> Check:
    if platform != "linux":
        return Check("secure-boot", "info", "Matters on Linux only.")
    try:
        on = (root / _SECURE_BOOT).read_bytes()[-1:] == b"\x01"
    except OSError:
        return Check("secure-boot", "info", "This system does not tell (no UEFI, or a virtual machine).")
    if on and not (root / _MODULE).is_dir():
        why = "On: the kernel refuses v4l2loopback until its signing key is enrolled (set a password, reboot, enroll)."
        return Check("secure-boot", "warn", why, "sudo mokutil --import /var/lib/dkms/mok.pub")
    return Check("secure-boot", "ok", "On, and v4l2loopback is loaded." if on else "Off.")


def preview_port(port: int | None = None) -> Check:
    if port is None:
        port = _profile_port()
    if port == 0:
        return Check("preview-port", "ok", "Any free one.")
    for number in range(port, min(port + PORTS_TRIED, 65536)):
        try:
            socket.create_server(("127.0.0.1", number)).close()
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                return Check("preview-port", "fail", f"127.0.0.1 cannot be served on: {error.strerror}.")
            continue
        if number == port:
            return Check("preview-port", "ok", f"{port} is free.")
        return Check("preview-port", "ok", f"{port} is in use by another program (or vcam); {number} is free.")
    last = min(port + PORTS_TRIED, 65536) - 1
    return Check(
        "preview-port",
        "fail",
        f"None of the ports {port} to {last} can be used.",
        "Set camera: {port: 0} in the profile: any free one.",
    )


def _profile_port() -> int:
    from vcam.profile import Profile
    from vcam.profile.loader import load

    try:
        return load().camera.port
    except ProfileError:  # has a check of its own
        return Profile().camera.port


def browser(platform: str = sys.platform) -> Check:
    if platform in ("darwin", "win32"):
        return Check("browser", "ok", "The system's own.")
    found = next((path for name in _BROWSERS if (path := shutil.which(name))), "")
    graphical = "DISPLAY" in os.environ or "WAYLAND_DISPLAY" in os.environ
    if found and graphical:
        return Check("browser", "ok", f"{Path(found).name}.")
    if found:
        return Check("browser", "info", f"{Path(found).name}, but there is no display here.")
    try:
        name = webbrowser.get().name if graphical else ""
    except webbrowser.Error:
        name = ""
    if name:
        return Check("browser", "ok", f"{Path(str(name)).name}.")
    why = "None found: the preview's page cannot be opened for you; any browser on this computer can show it."
    return Check("browser", "warn" if graphical else "info", why, install_command("browser") if graphical else "")


def recording() -> Check:
    try:
        import av
        from av.codec.codec import UnknownCodecError
    except ImportError as error:
        return Check("recording", "warn", f"PyAV does not load: {error}", pip_command("--force-reinstall av"))
    missing = []
    for name, names in (("H.264", ("libx264", "h264")), ("AAC", ("aac",))):
        for codec in names:
            try:
                av.codec.Codec(codec, "w")
            except UnknownCodecError:
                continue
            break
        else:
            missing.append(name)
    if missing:
        why = f"PyAV {av.__version__} has no encoder for {' and '.join(missing)}: no MP4 files."
        return Check("recording", "warn", why, pip_command("--force-reinstall --only-binary av av"))
    return Check("recording", "ok", f"H.264 and AAC (PyAV {av.__version__}).")
