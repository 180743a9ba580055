"""The command that installs something here: apt, dnf, pacman, zypper, brew or winget."""

from __future__ import annotations

import os
import sys
from pathlib import Path

OS_RELEASE = Path("/etc/os-release")

_MANAGERS = {
    # ID or ID_LIKE in os-release
    "debian": "apt",
    "ubuntu": "apt",
    "fedora": "dnf",
    "rhel": "dnf",
    "centos": "dnf",
    "arch": "pacman",
    "suse": "zypper",
    "opensuse": "zypper",
}
_COMMANDS = {
    "apt": "apt install {}",
    "dnf": "dnf install {}",
    "pacman": "pacman -S {}",
    "zypper": "zypper install {}",
    "brew": "brew install {}",
    "winget": "winget install {}",
}
_NAMES = {
    "portaudio": {"apt": "libportaudio2", "dnf": "portaudio", "pacman": "portaudio", "zypper": "libportaudio2"},
    "pactl": {"apt": "pulseaudio-utils", "dnf": "pulseaudio-utils", "pacman": "libpulse", "zypper": "pulseaudio-utils"},
    "alsa-pulse": {
        "apt": "libasound2-plugins",
        "dnf": "alsa-plugins-pulseaudio",
        "pacman": "alsa-plugins",
        "zypper": "alsa-plugins-pulse",
    },
    "v4l2loopback": {
        "apt": "v4l2loopback-dkms",
        "dnf": "akmod-v4l2loopback  # from RPM Fusion",
        "pacman": "v4l2loopback-dkms",
        "zypper": "v4l2loopback-kmp-default",
    },
    "blackhole": {"brew": "blackhole-2ch"},
    "obs": {"brew": "--cask obs", "winget": "OBSProject.OBSStudio"},
    "browser": {"dnf": "firefox", "pacman": "firefox", "zypper": "MozillaFirefox", "apt": "chromium"},
}


def package_manager(platform: str = sys.platform, os_release: Path = OS_RELEASE) -> str:
    """apt, dnf, pacman, zypper, brew or winget; "" where none of them is known to be there."""
    if platform == "darwin":
        return "brew"
    if platform == "win32":
        return "winget"
    try:
        lines = os_release.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    fields = {key: value.strip("\"' ") for key, _, value in (line.partition("=") for line in lines)}
    for word in f"{fields.get('ID', '')} {fields.get('ID_LIKE', '')}".split():
        for name, manager in _MANAGERS.items():
            if word == name or word.startswith(f"{name}-"):
                return manager
    return ""


def install_command(what: str, platform: str = sys.platform, os_release: Path = OS_RELEASE) -> str:
    """The command that installs one of _NAMES here; a sentence where there is none."""
    manager = package_manager(platform, os_release)
    name = _NAMES[what].get(manager)
    if name is None:
        return f"Install {what} with this system's package manager."
    command = _COMMANDS[manager].format(name)
    return command if manager in ("brew", "winget") or _is_root() else f"sudo {command}"


def pip_command(packages: str) -> str:
    """The command that installs Python packages for the very interpreter that runs vcam."""
    return (
        f'"{sys.executable}" -m pip install {packages}'
        if " " in sys.executable
        else (f"{sys.executable} -m pip install {packages}")
    )


def _is_root() -> bool:
    return sys.platform != "win32" and os.geteuid() == 0
