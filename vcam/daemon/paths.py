"""Where vcam keeps things for one user: settings, cache, log, and the private folder of the running session."""

from __future__ import annotations

import hashlib
import os
import stat
import sys
import tempfile
from pathlib import Path

import platformdirs

from vcam.errors import VcamError

APP = "vcam"

# sockaddr_un.sun_path is 104 bytes on macOS and the BSDs, 108 on Linux; one byte ends the string.
SOCKET_PATH_BYTES = 103


def config_dir() -> Path:
    """The user's own profiles; may not exist."""
    return platformdirs.user_config_path(APP, appauthor=False)


def cache_dir() -> Path:
    """What can be made again, such as prepared avatars; may not exist."""
    return platformdirs.user_cache_path(APP, appauthor=False)


def log_file() -> Path:
    """The log of sessions in the background; its folder is created, private to the user."""
    folder = platformdirs.user_log_path(APP, appauthor=False)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise VcamError(f"cannot create the log folder {folder}: {error.strerror}") from error
    return folder / "vcam.log"


def runtime_dir() -> Path:
    """The folder of the running session's lock, socket and key: created, mode 0700, owned by this user.

    Raises VcamError where the folder is there but others could have put it there or can write to it.
    """
    if sys.platform in ("win32", "darwin"):
        return private_dir(platformdirs.user_runtime_path(APP, appauthor=False))
    # Not through platformdirs: its fallback differs between releases, and all of a user's vcams must agree on one.
    for parent in (os.environ.get("XDG_RUNTIME_DIR", ""), f"/run/user/{os.geteuid()}"):
        if parent and _ours_alone(Path(parent)):
            return private_dir(Path(parent) / APP)
    return private_dir(Path(tempfile.gettempdir()) / f"{APP}-{os.geteuid()}")


def control_address(runtime: Path) -> str:
    """The address of the control channel that belongs to ``runtime``: a socket path, or a named pipe on Windows."""
    digest = hashlib.sha256(os.fsencode(runtime)).hexdigest()[:12]
    if sys.platform == "win32":
        return rf"\\.\pipe\{APP}-{digest}"
    path = runtime / "control.sock"
    if len(os.fsencode(path)) <= SOCKET_PATH_BYTES:
        return str(path)
    for folder in (Path(tempfile.gettempdir()), Path("/tmp")):
        path = folder / f"{APP}-{os.geteuid()}-{digest}" / "control.sock"
        if len(os.fsencode(path)) <= SOCKET_PATH_BYTES:
            private_dir(path.parent)
            return str(path)
    raise VcamError(f"no folder with a path short enough for a socket: {path.parent}", "Set TMPDIR to a shorter path.")


def private_dir(path: Path) -> Path:
    """Create ``path`` with mode 0700, or check that it is a real folder that this user alone can write to.

    Raises VcamError otherwise: whoever can write there could pose as the running session.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = path.lstat()
    except FileExistsError as error:
        raise VcamError(f"{path} is not a folder", f"Move it away: vcam keeps its socket in {path}.") from error
    except OSError as error:
        raise VcamError(
            f"cannot create {path}: {error.strerror}", "Set XDG_RUNTIME_DIR to a folder of yours."
        ) from error
    if sys.platform == "win32":
        return path
    if stat.S_ISLNK(found.st_mode):
        raise VcamError(f"{path} is a symbolic link", "Remove it: vcam makes a folder of its own there.")
    if found.st_uid != os.geteuid():
        raise VcamError(f"{path} belongs to another user", "Set XDG_RUNTIME_DIR to a folder of yours.")
    if found.st_mode & 0o022:
        raise VcamError(f"other users can write to {path}", f"Close it with: chmod 700 {path}")
    return path


def _ours_alone(folder: Path) -> bool:
    """Whether ``folder`` exists and nobody else can replace what is inside (sudo may hand down another user's)."""
    try:
        found = folder.stat()
    except OSError:
        return False
    sticky = bool(found.st_mode & stat.S_ISVTX)
    return stat.S_ISDIR(found.st_mode) and (sticky or (found.st_uid == os.geteuid() and not found.st_mode & 0o022))
