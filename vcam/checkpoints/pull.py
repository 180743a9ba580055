"""Fetching a checkpoint: what is there is kept, what arrives is checked before it gets its name.

Files are downloaded into ``.incomplete`` beside the checkpoint's own folders, named by their hashes, so that a pull
that was broken off goes on from where it was, and a half file never stands where a whole one should.
"""

from __future__ import annotations

import errno
import hashlib
import io
import logging
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from vcam.checkpoints.hub import Hub, RemoteFile
from vcam.checkpoints.manifest import Entry, Manifest
from vcam.checkpoints.parts import PARTS
from vcam.errors import VcamError
from vcam.paths import at_home

logger = logging.getLogger(__name__)

USUAL = tuple(part.name for part in PARTS if part.usual)
_INCOMPLETE, _PART, _LOCK = ".incomplete", ".part", "lock"
_SPARE = 256 * 2**20  # bytes of disk that are left free
_PIECE = 2**20

Progress = Callable[[str, int, int], None]  # file, bytes that are there, bytes in all


@dataclass(frozen=True, slots=True)
class Plan:
    """``files``: all of the parts that were asked for; ``present``: the SHA-256 of those that are there and right;
    ``bytes``: what has to be fetched of the others, less what an earlier pull has left."""

    folder: Path
    revision: str
    files: tuple[RemoteFile, ...]
    present: Mapping[str, str]
    bytes: int

    @property
    def needed(self) -> tuple[RemoteFile, ...]:
        return tuple(file for file in self.files if file.path not in self.present)


def plan_pull(hub: Hub, folder: Path, parts: Sequence[str] = USUAL, revision: str | None = None) -> Plan:
    """Ask the hub what there is, and look what is there already. Writes nothing.

    Raises VcamError if the hub cannot be reached, or the disk has too little space.
    """
    folder = at_home(folder).absolute()
    listing = hub.list(revision, parts)
    with _disk_errors(folder):
        present = {file.path: sha256 for file in listing.files if (sha256 := _present(folder, file))}
        missing = sum(file.size - _arrived(folder, file) for file in listing.files if file.path not in present)
        free = shutil.disk_usage(_existing(folder)).free
    if missing and missing + _SPARE > free:
        raise VcamError(
            f"There is too little space in {folder}: {human(missing)} are to be fetched, {human(free)} are free.",
            f"Free {human(missing + _SPARE - free)}, or choose another disk with --folder.",
        )
    return Plan(folder, listing.revision, listing.files, present, missing)


def pull(hub: Hub, plan: Plan, progress: Progress) -> None:
    """Fetch what the plan needs. Raises VcamError; KeyboardInterrupt passes through, and what has arrived is kept."""
    with _disk_errors(plan.folder):
        incomplete = plan.folder / _INCOMPLETE
        incomplete.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(incomplete / _LOCK, timeout=0):
                _record(hub, plan)
                for file in plan.needed:
                    _fetch(hub, plan, file, progress)
        except Timeout as error:
            raise VcamError(f"Another pull into {plan.folder} is running.", "Wait until it is done.") from error
        except BaseException:
            _tidy(incomplete, keep_parts=True)
            raise
        _tidy(incomplete, keep_parts=False)


def _record(hub: Hub, plan: Plan) -> None:
    """Write down the files that were there already, if they are not yet: somebody may have copied them."""
    manifest = known = Manifest.read(plan.folder)
    for file in plan.files:
        sha256, entry = plan.present.get(file.path), known.files.get(file.path)
        if sha256 is not None and (entry is None or entry.sha256 != sha256):
            manifest = manifest.with_file(hub.repository, file.path, Entry(file.size, sha256, plan.revision))
    if manifest is not known:
        manifest.write(plan.folder)


def _tidy(incomplete: Path, keep_parts: bool) -> None:
    """Leave nothing but parts that a later pull can go on from."""
    for path in incomplete.iterdir():
        if not (keep_parts and path.suffix == _PART and path.stat().st_size):
            path.unlink(missing_ok=True)
    if not any(incomplete.iterdir()):
        incomplete.rmdir()


def human(size: float) -> str:
    """A size for people, such as "1.3 GB"."""
    for unit in ("B", "kB", "MB"):
        if size < 999.5:
            return f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"


class _Counted(io.FileIO):
    """A file that tells how long it is whenever it was written to."""

    def __init__(self, path: Path, tell: Callable[[int], None]) -> None:
        super().__init__(path, "ab")
        self._tell = tell

    def write(self, data: Any) -> int:
        rest = memoryview(data)
        while rest:  # an unbuffered file may take less than it is given
            rest = rest[super().write(rest) :]
        self._tell(self.tell())
        return len(data)


def _fetch(hub: Hub, plan: Plan, file: RemoteFile, progress: Progress) -> None:
    part = _part(plan.folder, file)
    have = _arrived(plan.folder, file)
    if have == 0:
        part.unlink(missing_ok=True)
    progress(file.path, have, file.size)
    if have < file.size or file.size == 0:
        with _Counted(part, lambda size: progress(file.path, size, file.size)) as into:
            hub.fetch(file, plan.revision, into, have)
            os.fsync(into.fileno())
    found = _hashes(part)
    if part.stat().st_size != file.size or not found.match(file):
        part.unlink()
        raise VcamError(
            f"{file.path} arrived damaged: it is not what the hub says it should be.",
            "Fetch it again: vcam checkpoints pull",
        )
    target = plan.folder / file.path
    target.parent.mkdir(parents=True, exist_ok=True)
    part.replace(target)
    entry = Entry(file.size, found.sha256, plan.revision)
    Manifest.read(plan.folder).with_file(hub.repository, file.path, entry).write(plan.folder)


@dataclass(frozen=True, slots=True)
class _Hashes:
    sha256: str
    blob: str  # git's name for the content

    def match(self, file: RemoteFile) -> bool:
        """By the strongest hash that the hub told."""
        if file.sha256 is not None:
            return self.sha256 == file.sha256
        return self.blob == file.blob


def _hashes(path: Path) -> _Hashes:
    sha256 = hashlib.sha256()
    blob = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            sha256.update(piece)
            blob.update(piece)
    return _Hashes(sha256.hexdigest(), blob.hexdigest())


def _present(folder: Path, file: RemoteFile) -> str | None:
    """The SHA-256 of the file in the checkpoint, if it is there and what the hub has."""
    path = folder / file.path
    if not path.is_file() or path.stat().st_size != file.size:
        return None
    found = _hashes(path)
    return found.sha256 if found.match(file) else None


def _part(folder: Path, file: RemoteFile) -> Path:
    return folder / _INCOMPLETE / f"{file.sha256 or file.blob}{_PART}"


def _arrived(folder: Path, file: RemoteFile) -> int:
    """Bytes of the file that an earlier pull has left."""
    part = _part(folder, file)
    size = part.stat().st_size if part.is_file() else 0
    return size if size <= file.size else 0


def _existing(folder: Path) -> Path:
    """The folder or its nearest parent that exists."""
    return next(path for path in (folder, *folder.parents) if path.exists())


@contextmanager
def _disk_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise VcamError(
                f"The disk of {folder} is full.", "Free some space; `vcam checkpoints pull` goes on from there."
            ) from error
        raise VcamError(
            f"{folder} cannot be written: {error.strerror or error}.", "Choose another folder with --folder."
        ) from error
