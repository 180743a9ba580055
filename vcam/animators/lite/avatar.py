"""Finding and reading avatar folders. What is in one may come from anywhere, so everything is checked first."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import yaml
from pydantic import ValidationError

from vcam.errors import AvatarError, nearest
from vcam.media import ByteArray
from vcam.paths import at_home, quoted

from .files import BUNDLED, MAX_YAML_BYTES, parse_yaml, read_file
from .photo.package import PACKAGE_FILE, PhotoAvatar, list_user_avatars, load_package
from .rig import Rig

RIG_FILE = "rig.yaml"
MAX_PICTURE_BYTES = 16 * 1024 * 1024
MAX_PICTURE_SIDE = 8192
MAX_PICTURE_PIXELS = 16_000_000
_PICTURES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".avif", ".heic"}


@dataclass(frozen=True, slots=True)
class Avatar:
    """A portrait ready to be animated: uint8, ``backdrop`` RGB [h, w, 3], ``body`` and ``head`` RGBA [h, w, 4]."""

    name: str
    folder: Path
    rig: Rig
    backdrop: ByteArray
    body: ByteArray
    head: ByteArray


def list_avatars() -> list[str]:
    """Names of the bundled avatars, in alphabetical order."""
    return sorted(rig.parent.name for rig in BUNDLED.glob(f"*/{RIG_FILE}"))


def load_avatar(name_or_path: str | Path) -> Avatar | PhotoAvatar:
    """A bundled avatar or one of the user's own by name, or a folder of the same layout by path.

    Raises AvatarError if there is none of that name, or if anything in the folder is not as it should be.
    """
    bundled = list_avatars()
    if str(name_or_path) in bundled:
        return _read_folder(BUNDLED / str(name_or_path))
    own = list_user_avatars()
    if str(name_or_path) in own:
        return load_package(str(name_or_path))
    path = at_home(name_or_path)
    try:
        if path.is_dir():
            return load_package(path) if (path / PACKAGE_FILE).is_file() else _read_folder(path)
        is_file = path.is_file()
    except (OSError, ValueError) as error:  # too long a name, no permission, a zero byte
        raise AvatarError(f"Cannot open the avatar {str(name_or_path)[:200]!r}: {error}.") from error
    if is_file and path.suffix.lower() in _PICTURES:
        raise AvatarError(
            f"{path} is a picture, not an avatar yet.",
            f"`vcam avatar new {quoted(path)}` makes one of it."
            " Only ditto takes pictures as they are (`--animator ditto`).",
        )
    if is_file:
        raise AvatarError(f"{path} is not an avatar folder.", f"Name the folder that holds the {RIG_FILE}.")
    near = nearest(str(name_or_path), [*bundled, *own])
    yours = f"; your own: {', '.join(own)}" if own else ""
    known = f"Bundled avatars: {', '.join(bundled)}{yours}; or give the path of an avatar folder."
    raise AvatarError(
        f"There is no avatar {str(name_or_path)[:200]!r}.", f"Did you mean {near[0]!r}? {known}" if near else known
    )


def _read_folder(folder: Path) -> Avatar:
    rig = _parse_rig(read_file(folder, RIG_FILE, MAX_YAML_BYTES), folder)
    layers = rig.layers
    return Avatar(
        name=folder.resolve().name,
        folder=folder,
        rig=rig,
        backdrop=read_picture(folder, layers.background.file, transparent=False),
        body=read_picture(folder, layers.body.file, transparent=True),
        head=read_picture(folder, layers.head.file, transparent=True),
    )


def _parse_rig(data: bytes, folder: Path) -> Rig:
    path = folder / RIG_FILE
    try:
        return Rig.model_validate(parse_yaml(data))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        key = ".".join(str(part) for part in first["loc"]) or "the file"
        raise AvatarError(f"{path}: {key}: {first['msg']}.") from error
    except (yaml.YAMLError, ValueError) as error:  # ValueError also: not UTF-8, an impossible date or number
        reason = " ".join(str(error).split())[:300]
        raise AvatarError(f"{path} is not a valid rig: {reason}.") from error


def read_picture(folder: Path, name: str, *, transparent: bool) -> ByteArray:
    """A picture of an avatar folder: uint8 RGB [h, w, 3], or RGBA if it must be ``transparent``. Raises AvatarError."""
    path = folder / name
    data = read_file(folder, name, MAX_PICTURE_BYTES)
    size = picture_size(data)
    if size is None:
        raise AvatarError(f"{path} is neither a PNG nor a WebP picture.")
    width, height = size
    if not (0 < width <= MAX_PICTURE_SIDE and 0 < height <= MAX_PICTURE_SIDE and width * height <= MAX_PICTURE_PIXELS):
        raise AvatarError(
            f"{path} is {width}x{height}: too large.", f"At most {MAX_PICTURE_PIXELS / 1e6:.0f} megapixels."
        )
    try:
        mode = cv2.IMREAD_UNCHANGED if transparent else cv2.IMREAD_COLOR
        image = cv2.imdecode(np.frombuffer(data, np.uint8), mode)
    except cv2.error as error:
        raise AvatarError(f"Cannot decode {path}.") from error
    if image is None or image.shape[:2] != (height, width):
        raise AvatarError(f"Cannot decode {path}: it is damaged.")
    if transparent and (image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 4):
        raise AvatarError(f"{path} must have 8 bits a channel and transparency (RGBA).")
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGRA2RGBA if transparent else cv2.COLOR_BGR2RGB), np.uint8)


def picture_size(data: bytes) -> tuple[int, int] | None:
    """Width and height as the header of a PNG (IHDR) or WebP (VP8, VP8L, VP8X: RFC 9649) says; None for others."""
    if len(data) < 30:
        return None
    if data.startswith(b"\x89PNG\r\n\x1a\n") and data[12:16] == b"IHDR":
        width, height = struct.unpack(">II", data[16:24])
        return width, height
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP":
        return None
    kind = data[12:16]
    if kind == b"VP8X":
        return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
    if kind == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 ":
        width, height = struct.unpack("<HH", data[26:30])
        return width & 0x3FFF, height & 0x3FFF
    return None
