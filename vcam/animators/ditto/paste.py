"""Puts the face's picture back into the photo, softly at its edges, and touches nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from vcam.media import ByteArray, FloatArray

from .renderer import CROP

BORDER = int(CROP * 0.05)  # pixels over which the mask rises from 0 at the crop's edge to 1

# OpenCV's fixed-point coordinates: computed in 1/1024 of a pixel, used in 1/32.
_COMPUTED_BITS, _USED_BITS = 10, 5
_ROUND = 1 << (_COMPUTED_BITS - _USED_BITS - 1)


Box = tuple[int, int, int, int]  # left, top, right, bottom, in pixels; the last two are beyond it


@cache
def crop_mask() -> FloatArray:
    """float32 [512, 512]: how much of the face's picture is seen: 1, falling linearly to 0 around rounded corners."""
    outside = np.maximum(0, BORDER - np.minimum(np.arange(CROP), np.arange(CROP)[::-1])).astype(np.float32)
    distance = np.hypot(outside[:, None], outside[None, :])
    mask = np.clip(1 - distance / BORDER, 0, 1).astype(np.float32)
    mask.flags.writeable = False
    return mask


@dataclass(frozen=True, slots=True, eq=False)
class PasteParts:
    """What a paste needs beside the crop. ``box``: left, top, columns, rows in the picture. For each pixel of it:

    ``whole`` int16 [rows, columns, 2]: the pixel (x, y) of the crop; ``fraction`` uint16 [rows, columns]: how far
    beyond, in 1/32 (y << 5 | x); ``mask`` [rows, columns, 3]: how much of it is shown; ``rest``: what is added.
    """

    box: tuple[int, int, int, int]
    whole: npt.NDArray[np.int16]
    fraction: npt.NDArray[np.uint16]
    mask: npt.NDArray[Any]
    rest: npt.NDArray[Any]


class Paster:
    """Pastes crops at one place into one picture.

    What does not depend on the crop is made once: where each pixel of the face's bounding box comes from, how much of
    the crop it shows, and what is left of the picture. ``exact``: the crops are float32, blended and truncated as the
    reference does; otherwise they are uint8, and the result is at most 2 grey levels away.
    """

    def __init__(
        self, picture: ByteArray, crop_to_picture: FloatArray, within: Box | None = None, exact: bool = False
    ) -> None:
        """``picture``: uint8 RGB [h, w, 3]; ``crop_to_picture``: [3, 3], pixels of the 512 crop to the picture's;
        ``within``: what of the picture may be changed, None for all."""
        self.picture = picture
        left, top, right, bottom = _box(crop_to_picture, picture.shape[1], picture.shape[0])
        if within is not None:
            left, top = max(left, within[0]), max(top, within[1])
            right, bottom = min(right, within[2]), min(bottom, within[3])
        self._rows, self._columns = slice(top, bottom), slice(left, right)
        self._empty = left >= right or top >= bottom
        if self._empty:
            return
        self._maps = _sampling(crop_to_picture, left, top, right, bottom)
        mask = cv2.merge([cv2.remap(crop_mask(), *self._maps, cv2.INTER_LINEAR)] * 3)
        rest = (1 - mask) * picture[self._rows, self._columns]
        if exact:
            self._mask, self._rest = mask, rest
        else:
            self._mask, self._rest = np.rint(mask * 255).astype(np.uint8), np.rint(rest).astype(np.uint8)
        self._warped: npt.NDArray[Any] = np.empty_like(self._mask)

    @property
    def box(self) -> tuple[slice, slice]:
        """The rows and columns of the picture that a paste can change."""
        return self._rows, self._columns

    @property
    def parts(self) -> PasteParts | None:
        """For a paste elsewhere than on the CPU; None where the crop lies outside the picture."""
        if self._empty:
            return None
        rows, columns = self._rows, self._columns
        box = (columns.start, rows.start, columns.stop - columns.start, rows.stop - rows.start)
        return PasteParts(box, *self._maps, self._mask, self._rest)

    def paste(self, crop: npt.NDArray[np.uint8] | FloatArray, out: ByteArray) -> None:
        """Write the blend of ``crop`` (RGB [512, 512, 3] in 0..255) and the picture into the box of ``out``.

        ``out``: uint8 like the picture. Raises ValueError for a crop of another shape or type.
        """
        if self._empty:
            return
        if crop.shape != (CROP, CROP, 3) or crop.dtype != self._mask.dtype:
            raise ValueError(f"a crop must be {self._mask.dtype} [512, 512, 3], not {crop.dtype} {crop.shape}")
        warped = self._warped
        cv2.remap(crop, *self._maps, cv2.INTER_LINEAR, dst=warped)
        if warped.dtype == np.uint8:
            cv2.multiply(warped, self._mask, dst=warped, scale=1 / 255)
            cv2.add(warped, self._rest, dst=out[self._rows, self._columns])
        else:
            warped *= self._mask
            warped += self._rest
            np.copyto(out[self._rows, self._columns], warped, casting="unsafe")  # truncates


def _box(matrix: FloatArray, width: int, height: int) -> Box:
    """Left, top, right, bottom of what the crop can reach in a picture of this size."""
    last = CROP - 1
    corners = np.array([(0, 0), (last, 0), (0, last), (last, last)]) @ matrix[:2, :2].T + matrix[:2, 2]
    (left, top), (right, bottom) = np.floor(corners.min(axis=0)), np.ceil(corners.max(axis=0)) + 1
    return max(0, int(left)), max(0, int(top)), min(width, int(right)), min(height, int(bottom))


def _sampling(
    matrix: FloatArray, left: int, top: int, right: int, bottom: int
) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.uint16]]:
    """Where in the crop each pixel of a box comes from, as OpenCV's fixed-point maps.

    They hold what cv2.warpAffine computes for these pixels of the whole picture, to the last bit: shifting its matrix
    to the box would round them differently, and a pixel beside a sharp edge would be several grey levels off.
    """
    (a, b, p), (c, d, q) = matrix[:2].astype(np.float64)
    determinant = a * d - b * c
    inverse = 1 / determinant if determinant else 0.0
    a, b, c, d = d * inverse, -b * inverse, -c * inverse, a * inverse
    p, q = -a * p - b * q, -c * p - d * q
    x, y = np.arange(left, right), np.arange(top, bottom)[:, None]
    unit = 1 << _COMPUTED_BITS
    across = [np.rint(k * x * unit).astype(np.int32) for k in (a, c)]
    down = [np.rint((k * y + shift) * unit).astype(np.int32) + _ROUND for k, shift in ((b, p), (d, q))]
    at_x, at_y = ((one + other) >> (_COMPUTED_BITS - _USED_BITS) for one, other in zip(down, across, strict=True))
    inside = (1 << _USED_BITS) - 1
    whole = np.stack([at_x >> _USED_BITS, at_y >> _USED_BITS], axis=-1).astype(np.int16)
    return whole, ((at_y & inside) << _USED_BITS | at_x & inside).astype(np.uint16)
