"""A user's own avatars: each a folder with ``avatar.yaml`` and a picture, in the user's data directory."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import cv2
import numpy as np
import platformdirs
import yaml
from pydantic import AfterValidator, Field, ValidationError

from vcam.errors import AvatarError, nearest
from vcam.images import read_image
from vcam.media import ByteArray

from ..files import BUNDLED, MAX_YAML_BYTES, parse_yaml, path_inside, read_file
from .landmarks import Landmarks, Part, explain
from .names import checked_name, is_name

PACKAGE_FILE = "avatar.yaml"
PICTURE_FILE = "picture.png"
MAX_SIDE = 1920  # pixels; larger pictures are shrunk when they are saved
MAX_PICTURE_SIDE = 4096  # pixels; larger ones are refused when they are read
_PICTURE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}\.(png|jpg|jpeg)")


def _picture_name(value: str) -> str:
    if not _PICTURE.fullmatch(value):
        raise ValueError(f"expected the plain name of a .png or .jpg file beside {PACKAGE_FILE}")
    return value


Side = Annotated[int, Field(ge=16, le=MAX_PICTURE_SIDE)]


class AvatarPackage(Part):
    """Everything in ``avatar.yaml``. ``size``: the picture's width and height, which the landmarks refer to."""

    format: Literal[1] = 1
    name: Annotated[str, AfterValidator(checked_name)]
    picture: Annotated[str, AfterValidator(_picture_name)] = PICTURE_FILE
    size: tuple[Side, Side]
    landmarks: Landmarks


@dataclass(frozen=True, slots=True)
class PhotoAvatar:
    """A picture ready to be animated: ``rgb`` is uint8 [h, w, 3]."""

    name: str
    landmarks: Landmarks
    rgb: ByteArray

    @property
    def backdrop(self) -> ByteArray:
        """What can be shown, blurred, where the picture does not reach: the picture itself."""
        return self.rgb


def avatars_dir() -> Path:
    """The folder of the user's avatars; may not exist."""
    return platformdirs.user_data_path("vcam", appauthor=False) / "avatars"


def avatar_folder(name: str) -> Path:
    """The folder of the avatar ``name``, which may not exist. Raises AvatarError if it cannot be a name."""
    try:
        return avatars_dir() / checked_name(name)
    except ValueError as error:
        raise AvatarError(f"{name[:80]!r} cannot be an avatar's name: {error}.") from error


def list_user_avatars() -> list[str]:
    """Names of the user's avatars, in alphabetical order."""
    try:
        found = [entry.name for entry in avatars_dir().iterdir() if (entry / PACKAGE_FILE).is_file()]
    except OSError:  # no such folder yet, or not ours to read: there are none to be had
        return []
    return sorted(name for name in found if is_name(name))


def shrunk(rgb: ByteArray, side: int = MAX_SIDE) -> ByteArray:
    """``rgb`` (uint8 [h, w, 3]) with at most ``side`` pixels on its longer side; itself if it is small enough."""
    longest = max(rgb.shape[:2])
    if longest <= side:
        return rgb
    size = [max(1, round(length * side / longest)) for length in (rgb.shape[1], rgb.shape[0])]
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)


def save_package(name: str, rgb: ByteArray, landmarks: Landmarks, *, replace: bool = False) -> Path:
    """Store a new avatar: the picture (uint8 RGB [h, w, 3], shrunk if it is large) and its landmarks.

    The folder appears whole or not at all. Returns it. Raises AvatarError if the name cannot be used, is taken (unless
    ``replace``), or if nothing can be written there.
    """
    folder = avatar_folder(name)
    if (BUNDLED / name).exists():
        raise AvatarError(f"{name!r} is a bundled avatar.", "Choose another name with --name.")
    if folder.exists() and not replace:
        raise AvatarError(
            f"There is an avatar {name!r} already.",
            f"Remove it (`vcam avatar remove {name}`) and try again, or begin anew with another --name.",
        )
    small = shrunk(rgb)
    if small is not rgb:
        landmarks = landmarks.scaled(max(small.shape[:2]) / max(rgb.shape[:2]))
    height, width = small.shape[:2]
    try:
        package = AvatarPackage(name=name, size=(width, height), landmarks=landmarks)
    except ValidationError as error:
        raise AvatarError(f"This picture cannot be an avatar: {explain(error)}.") from error
    done, png = cv2.imencode(".png", cv2.cvtColor(small, cv2.COLOR_RGB2BGR))
    if not done:
        raise AvatarError("The picture cannot be stored as PNG.")
    old: Path | None = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=".new-", dir=folder.parent))
        old = scratch / "old"
        try:
            fresh = scratch / "fresh"
            fresh.mkdir()
            (fresh / PICTURE_FILE).write_bytes(png.tobytes())
            (fresh / PACKAGE_FILE).write_text(_text(package), encoding="utf-8")
            if folder.exists():
                folder.rename(old)
            fresh.rename(folder)  # Windows refuses this while a virus scanner looks into the folder
        finally:
            if os.path.lexists(old) and not folder.exists():
                old.rename(folder)
            shutil.rmtree(scratch, ignore_errors=True)  # not reached while it holds the only copy
    except OSError as error:
        lost = old is not None and os.path.lexists(old)
        hint = f"The avatar as it was is in {old}: move it back by hand." if lost else ""
        raise AvatarError(f"Cannot store the avatar in {folder}: {error.strerror or error}.", hint) from error
    return folder


def save_landmarks(name: str, avatar: PhotoAvatar, landmarks: Landmarks) -> None:
    """Give a stored avatar other landmarks; ``avatar`` is what :func:`load_package` gave for its name.

    One that is gone meanwhile is stored anew. Raises AvatarError if it was changed meanwhile, is broken or cannot be
    written.
    """
    folder = avatar_folder(name)
    if not folder.exists():
        save_package(name, avatar.rgb, landmarks)
        return
    package = _parse(_existing(name))
    if package.size != avatar.rgb.shape[1::-1] or package.landmarks != avatar.landmarks:
        raise AvatarError(
            f"The avatar {name!r} was changed meanwhile.", f"See what it is now: `vcam avatar edit {name}` again."
        )
    package = package.model_copy(update={"landmarks": landmarks})
    fresh = folder / f".{PACKAGE_FILE}.new"
    try:
        fresh.write_text(_text(package), encoding="utf-8")
        fresh.replace(folder / PACKAGE_FILE)
    except OSError as error:
        raise AvatarError(f"Cannot write {folder / PACKAGE_FILE}: {error.strerror or error}.") from error


def load_package(name_or_folder: str | Path) -> PhotoAvatar:
    """A user's avatar by name (a str), or a folder of the same layout (a Path).

    Raises AvatarError if there is none, or if anything in it is not as it should be.
    """
    folder = name_or_folder if isinstance(name_or_folder, Path) else _existing(name_or_folder)
    package = _parse(folder)
    rgb = read_image(path_inside(folder, package.picture))
    height, width = rgb.shape[:2]
    if (width, height) != package.size:
        said = "x".join(map(str, package.size))
        raise AvatarError(f"{folder / package.picture} is {width}x{height}, but {PACKAGE_FILE} says {said}.")
    face = package.landmarks
    for x, y in (face.eye_left.iris, face.eye_right.iris, face.mouth.left, face.mouth.right):
        if not (0 <= x < width and 0 <= y < height):
            raise AvatarError(
                f"{folder / PACKAGE_FILE}: the face is beside its picture of {width}x{height} ({x:.0f},{y:.0f}).",
                "Make the avatar anew of its picture.",
            )
    return PhotoAvatar(folder.resolve().name, package.landmarks, rgb)


def remove(name: str) -> None:
    """Delete one of the user's avatars. Raises AvatarError if there is none of that name."""
    folder = _existing(name)
    try:
        if folder.is_symlink():
            folder.unlink()
        else:
            shutil.rmtree(folder)
    except OSError as error:
        raise AvatarError(f"Cannot delete {folder}: {error.strerror or error}.") from error


def _existing(name: str) -> Path:
    folder = avatar_folder(name)
    if not (folder / PACKAGE_FILE).is_file():
        near = nearest(name, list_user_avatars())
        hint = f"Did you mean {near[0]!r}?" if near else "`vcam avatar list` shows what there is."
        raise AvatarError(f"You have no avatar {name!r} of your own.", hint)
    return folder


def _parse(folder: Path) -> AvatarPackage:
    path = folder / PACKAGE_FILE
    try:
        return AvatarPackage.model_validate(parse_yaml(read_file(folder, PACKAGE_FILE, MAX_YAML_BYTES)))
    except ValidationError as error:
        raise AvatarError(f"{path}: {explain(error)}.") from error
    except (yaml.YAMLError, ValueError) as error:
        reason = " ".join(str(error).split())[:300]
        raise AvatarError(f"{path} is not a valid avatar: {reason}.") from error


def _text(package: AvatarPackage) -> str:
    data = package.model_dump(mode="json", exclude_none=True)
    return yaml.safe_dump(_tidy(data), sort_keys=False, default_flow_style=None, width=120)


def _tidy(node: object) -> object:
    """Coordinates to a tenth of a pixel."""
    if isinstance(node, float):
        return round(node, 1)
    if isinstance(node, dict):
        return {key: _tidy(value) for key, value in node.items()}
    return [_tidy(item) for item in node] if isinstance(node, list) else node
