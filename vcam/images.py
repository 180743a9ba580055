"""Reading pictures from outside: size and type are checked before anything is decoded."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from vcam.errors import AvatarError
from vcam.media import ByteArray

MAX_BYTES = 64 * 2**20
MAX_PIXELS = 50_000_000
SMALLER = "Make it smaller first."
ANEW = "Save it anew from an image editor."
BEHIND = (208, 210, 213)  # RGB: what is seen through transparent pictures, a studio's light grey
FORMATS = ("PNG", "JPEG", "WEBP", "BMP")


def read_image(path: Path) -> ByteArray:
    """The picture as uint8 RGB [height, width, 3], turned upright by its EXIF data; of a moving one its first picture.

    Raises AvatarError if it is missing, not a picture of a known kind, damaged, or larger than 64 MB or 50 megapixels.
    """
    try:
        size = path.stat().st_size
        if not path.is_file():
            raise AvatarError(f"{path} is not a file.")
        if size > MAX_BYTES:
            raise AvatarError(f"{path} is too large ({size / 2**20:.0f} MB; at most {MAX_BYTES // 2**20} MB).")
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=FORMATS) as header:  # reads the header only
                columns, rows = header.size
                see_through = header.has_transparency_data
        if columns * rows > MAX_PIXELS:
            raise AvatarError(f"{path} is too large ({columns} x {rows} pixels).", SMALLER)
        data = path.read_bytes()
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise AvatarError(f"{path} is too large (more than {MAX_PIXELS // 10**6} megapixels).", SMALLER) from error
    except (UnidentifiedImageError, SyntaxError) as error:
        raise AvatarError(f"{path} is not a picture that vcam can read.", "Use PNG, JPEG or WebP.") from error
    except OSError as error:
        if error.errno is None:  # from Pillow: nothing is wrong with the file itself
            raise AvatarError(f"{path} is damaged and cannot be decoded.", ANEW) from error
        raise AvatarError(f"{str(path)[:200]} cannot be read: {error.strerror or error}.") from error
    except ValueError as error:  # a zero byte in the path
        raise AvatarError(f"{str(path)[:200]!r} is not a path.") from error
    decoded = _before_grey(data) if see_through else _decoded(data)
    if decoded is None:
        raise AvatarError(f"{path} is damaged and cannot be decoded.", ANEW)
    return decoded


def _decoded(data: bytes) -> ByteArray | None:
    log = cv2.utils.logging
    said = log.setLogLevel(log.LOG_LEVEL_ERROR)  # what is wrong with a picture is said once, and in plain words
    try:
        decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
    finally:
        log.setLogLevel(said)
    return None if decoded is None else decoded.astype(np.uint8, copy=False)


def _before_grey(data: bytes) -> ByteArray | None:
    """A picture that can be seen through, before ``BEHIND``; what colour its clear pixels have does not matter."""
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            upright = ImageOps.exif_transpose(image).convert("RGBA")
    except (OSError, SyntaxError, ValueError):
        return None
    whole = Image.new("RGBA", upright.size, (*BEHIND, 255))
    whole.alpha_composite(upright)
    return np.asarray(whole.convert("RGB"), np.uint8)
