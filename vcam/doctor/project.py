"""Profiles, portraits, the folders vcam writes to, and whether it runs already."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from vcam.doctor.check import Check, Status
from vcam.errors import ProfileError, VcamError

ENOUGH_BYTES = 2**30  # about an hour of 720p
_PROBE = ".vcam-doctor"


def profiles() -> Check:
    from vcam.profile.loader import DEFAULT, available, load_file, user_folder

    broken: dict[str, str] = {}
    found = available()
    for name, path in found.items():
        try:
            load_file(path)
        except ProfileError as error:
            broken[name] = error.message.splitlines()[0]
    own = sum(path.parent == user_folder() for path in found.values())
    if DEFAULT not in found:
        return Check("profiles", "fail", "The default profile is missing.", "vcam profile new default")
    if broken:
        first = DEFAULT if DEFAULT in broken else next(iter(broken))
        status: Status = "fail" if DEFAULT in broken else "warn"
        return Check("profiles", status, " ".join(broken.values()), f'vcam profile check "{first}"')
    return Check("profiles", "ok", f"All {len(found)} are right ({own} of your own).")


def portrait() -> Check:
    from vcam.animators.lite import list_avatars, load_avatar

    names = list_avatars()
    if not names:
        return Check("portrait", "fail", "No bundled portrait is there.", "Install vcam again.")
    try:
        for name in names:
            load_avatar(name)
    except VcamError as error:
        return Check("portrait", "fail", error.message, "Install vcam again.")
    return Check("portrait", "ok", f"{', '.join(names)}.")


def folders() -> Check:
    """Settings, cache, log and the running session's folder: each must be writable, or be possible to make."""
    from vcam.daemon import paths

    try:
        runtime = paths.runtime_dir()
        log = paths.log_file().parent
    except VcamError as error:
        return Check("folders", "fail", error.message, error.hint)
    if not _writable(runtime):
        return Check("folders", "fail", f"{runtime} cannot be written to.", f"chmod u+rwx {runtime}")
    for folder in (log, paths.config_dir(), paths.cache_dir()):
        if not _writable(folder):
            return Check("folders", "warn", f"{folder} cannot be written to.", f"chmod u+rwx {_nearest(folder)}")
    return Check("folders", "ok", "Settings, cache, log and session folders can be written to.")


def _writable(folder: Path) -> bool:
    place = _nearest(folder)
    return place.is_dir() and os.access(place, os.W_OK | os.X_OK)


def _nearest(folder: Path) -> Path:
    """The folder itself, or the parent in which it would be made."""
    return next((place for place in (folder, *folder.parents) if place.exists()), folder)


def disk(folder: Path | None = None) -> Check:
    folder = folder or Path.cwd()
    free = shutil.disk_usage(folder).free
    shown = f"{free / 2**30:.1f} GB free in {folder}"
    if free < ENOUGH_BYTES:
        return Check("disk", "warn", f"{shown}: little for recordings.", "Record elsewhere: --camera /PATH/FILE.mp4")
    return Check("disk", "ok", f"{shown}.")


def session() -> Check:
    from vcam.daemon.lock import SessionLock

    try:
        lock = SessionLock()
        held, info = lock.is_held(), lock.info()
    except VcamError as error:
        return Check("session", "warn", error.message, error.hint)
    if not held:
        return Check("session", "ok", "None is running.")
    who = f" (pid {info.pid}, since {info.since})" if info is not None else ""
    return Check("session", "info", f"vcam is running{who}; another start is refused until it ends.", "vcam stop")
