"""Registered avatars on disk, by what they were made of: the picture, the options that matter, and the networks."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from vcam.daemon.paths import cache_dir
from vcam.errors import AvatarError

from .array_file import TEMPORARY, read_arrays, write_arrays
from .avatar import DittoAvatar, FaceFound, SourceFrame
from .backends.base import Array
from .file_hashes import FileHashes, sha256
from .motion import SourceMotion, check
from .options import RunOptions
from .registration import NO_QUIRKS, Quirks
from .source import check_file

logger = logging.getLogger(__name__)

_FORMAT = 2  # raised whenever an avatar registered by older code would differ
_OPTIONS = (
    "crop_scale",
    "crop_vx_ratio",
    "crop_vy_ratio",
    "crop_flag_do_rot",
    "max_size",
    "template_n_frames",
    "smo_k_s",
)
_SUFFIX = ".avatar"
_HASHES = "networks.json"
_LIMIT = 4 * 2**30  # bytes: 300 pictures of 1920 x 1080, or some videos
_STALE = 3600.0  # seconds after which an unfinished file belongs to nobody


class AvatarCache:
    """``folder``: None for the user's own; made when needed. ``limit``: bytes; what was used longest ago goes first.

    Several processes may use one folder. Trouble with it is logged, never raised: an avatar is then registered again.
    """

    def __init__(self, folder: Path | None = None, limit: int = _LIMIT) -> None:
        self.folder = cache_dir() / "avatars" if folder is None else folder
        self._limit = limit
        self._hashes = FileHashes(self.folder / _HASHES)

    def key(
        self, source: Path, options: RunOptions, networks: Iterable[Path], finder: str, quirks: Quirks = NO_QUIRKS
    ) -> str:
        """The name of what is made of these. ``networks``: the registration networks' files; ``finder``: the face
        finder's name. Raises AvatarError if a file cannot be read."""
        check_file(source)
        try:
            made_of = {
                "format": _FORMAT,
                "source": sha256(source),
                "options": {name: getattr(options, name) for name in _OPTIONS},
                "networks": sorted((path.name, self._hashes(path)) for path in networks),
                "finder": finder,
                "quirks": dataclasses.asdict(quirks),
            }
        except OSError as error:
            raise AvatarError(f"{error.filename or source} cannot be read: {error.strerror or error}.") from error
        return hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()

    def get(self, key: str, make: Callable[[], DittoAvatar]) -> DittoAvatar:
        """The avatar ``key``, or else what ``make`` gives, which is then kept."""
        avatar = self.load(key)
        if avatar is None:
            avatar = make()
            self.store(key, avatar)
        return avatar

    def load(self, key: str) -> DittoAvatar | None:
        """None if it is not there, or broken. Its arrays must not be changed."""
        path = self._path(key)
        try:
            avatar = _unpacked(read_arrays(path))
            os.utime(path)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, MemoryError) as error:
            logger.warning("the cached avatar %s cannot be used and is made anew: %s", path, error)
            return None
        return avatar

    def store(self, key: str, avatar: DittoAvatar) -> None:
        arrays = _packed(avatar)
        if sum(array.nbytes for array in arrays.values()) > self._limit:
            logger.info("the avatar is not cached: it is larger than %d MB", self._limit // 2**20)
            return
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # portraits are private
            write_arrays(self._path(key), arrays)
            self._tidy(keep=self._path(key))
        except OSError as error:
            logger.warning("the avatar cannot be cached in %s: %s", self.folder, error)

    def clear(self) -> int:
        """Forget all avatars. Returns how many bytes that freed. Raises OSError if one cannot be removed."""
        freed = 0
        for path, status in self._entries():
            path.unlink(missing_ok=True)
            freed += status.st_size
        return freed

    @property
    def size(self) -> int:
        """Bytes that the avatars take."""
        return sum(status.st_size for _, status in self._entries())

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}{_SUFFIX}"

    def _entries(self) -> list[tuple[Path, os.stat_result]]:
        """Those used longest ago first."""
        found = []
        for path in self.folder.glob(f"*{_SUFFIX}"):
            try:
                found.append((path, path.stat()))
            except FileNotFoundError:  # another process was quicker
                continue
        return sorted(found, key=lambda entry: entry[1].st_mtime_ns)

    def _tidy(self, keep: Path) -> None:
        entries = self._entries()
        total = sum(status.st_size for _, status in entries)
        for path, status in entries:
            if total > self._limit and path != keep:
                path.unlink(missing_ok=True)
                total -= status.st_size
        for path in self.folder.glob(f"{TEMPORARY}*"):
            if path.is_file() and time.time() - path.stat().st_mtime > _STALE:
                path.unlink(missing_ok=True)


def _packed(avatar: DittoAvatar) -> dict[str, Array]:
    frames = avatar.frames
    arrays: dict[str, Array] = {
        "numbers": np.array([len(frames), avatar.is_video, avatar.face.count], np.int64),
        "identity": avatar.identity,
        "box": avatar.face.box,
        "landmarks": avatar.face.landmarks,
        "crop_to_image": np.stack([frame.crop_to_image for frame in frames]),
        "eye_open": np.stack([frame.eye_open for frame in frames]),
        "eye_ball": np.stack([frame.eye_ball for frame in frames]),
    }
    for name in SourceMotion.SHAPES:
        arrays[f"motion_{name}"] = np.stack([getattr(frame.motion, name) for frame in frames])
    for number, frame in enumerate(frames):  # not stacked: a video's would be in memory twice
        arrays[f"image_{number}"] = frame.image
        arrays[f"features_{number}"] = frame.features
    return arrays


def _unpacked(arrays: dict[str, Array]) -> DittoAvatar:
    """Raises ValueError or KeyError if something is missing or of another shape."""
    count, is_video, faces = (int(number) for number in arrays["numbers"])
    check(arrays["box"], (4,), "box")
    check(arrays["landmarks"], (203, 2), "landmarks")
    for name in ("crop_to_image", "eye_open", "eye_ball", *(f"motion_{key}" for key in SourceMotion.SHAPES)):
        if len(arrays[name]) != count:
            raise ValueError(f"{name} is not of {count} frames")
    frames = tuple(
        SourceFrame(
            arrays[f"image_{k}"],
            arrays["crop_to_image"][k],
            arrays["eye_open"][k],
            arrays["eye_ball"][k],
            SourceMotion(**{key: arrays[f"motion_{key}"][k] for key in SourceMotion.SHAPES}),
            arrays[f"features_{k}"],
        )
        for k in range(count)
    )
    face = FaceFound(arrays["box"], faces, arrays["landmarks"])
    return DittoAvatar(frames, arrays["identity"], bool(is_video), face)
