"""JPEG straight from the camera's I420, with no detour through RGB."""

from __future__ import annotations

import cv2
import numpy as np
import simplejpeg

from vcam.media import ByteArray


def _stretched(zero: int, span: int, target: int) -> ByteArray:
    """Lookup table [256] that widens a limited range around ``zero`` to JPEG's full range around ``target``."""
    levels = (np.arange(256) - zero) * (255 / span) + target
    return np.clip(np.rint(levels), 0, 255).astype(np.uint8)


# I420 is limited range (ITU-R BT.601: luma 16-235, chroma 16-240), JPEG is full range (JFIF 1.02, section 7).
_LUMA = _stretched(16, 219, 0)
_CHROMA = _stretched(128, 224, 128)


class JpegEncoder:
    """Encodes pictures of one size; keeps its work buffer, so it serves one thread at a time."""

    def __init__(self, width: int, height: int, quality: int = 85) -> None:
        self._height = height
        self._quality = quality
        self._full_range = np.empty((height * 3 // 2, width), np.uint8)
        flat = self._full_range.reshape(-1)
        luma, chroma = width * height, width * height // 4
        self._y = flat[:luma].reshape(height, width)
        self._u = flat[luma : luma + chroma].reshape(height // 2, width // 2)
        self._v = flat[luma + chroma :].reshape(height // 2, width // 2)

    def encode(self, i420: ByteArray) -> bytes:
        """``i420``: uint8 [height * 3 / 2, width], BT.601 limited range, as ``cv2.COLOR_RGB2YUV_I420`` makes it."""
        cv2.LUT(i420[: self._height], _LUMA, self._full_range[: self._height])
        cv2.LUT(i420[self._height :], _CHROMA, self._full_range[self._height :])
        jpeg: bytes = simplejpeg.encode_jpeg_yuv_planes(self._y, self._u, self._v, self._quality)
        return jpeg
