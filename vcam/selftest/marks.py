"""Marks in a picture: a row of light and dark cells that holds a number, read back from whatever an application gets.

Two rows lie at the picture's upper edge. The upper one is drawn with the animator's frame and says which frame that is,
and where in its sound a click was; the lower one is drawn as the camera takes the picture and says for which moment
(PTS) it is shown. The cells are grey, so neither JPEG nor chroma subsampling matters; a CRC tells what was misread.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from vcam.media import FRAME_SAMPLES, ByteArray

_SYNC = (1, 0, 1, 0)
_BITS = 31
_CRC_BITS = 8
CELLS = len(_SYNC) + _BITS + _CRC_BITS  # 43: in a picture 160 pixels wide a cell still has 3
_POLYNOMIAL = 0x07  # CRC-8 of ITU-T I.432.1
_OFFSET_BITS = 10  # 0: no click; else 1 + its sample within the frame (of 640)
_LIGHT, _DARK = 215, 40  # of 255; as luma, within the limited range of BT.601 whichever way they are converted
_LEAST_CONTRAST = 60


@dataclass(frozen=True, slots=True)
class FrameMark:
    """Frame ``number`` shows samples [640 number, 640 (number + 1)); ``click``: PTS of a click in it, or None."""

    number: int
    click: int | None = None

    @property
    def value(self) -> int:
        offset = 0 if self.click is None else 1 + self.click - self.number * FRAME_SAMPLES
        return (self.number << _OFFSET_BITS | offset) & ((1 << _BITS) - 1)

    @classmethod
    def of(cls, value: int) -> FrameMark:
        number, offset = value >> _OFFSET_BITS, value & ((1 << _OFFSET_BITS) - 1)
        return cls(number, number * FRAME_SAMPLES + offset - 1 if offset else None)


def row_height(height: int) -> int:
    """Pixel rows of one row of cells in a picture of that height; even."""
    return max(8, height // 60 * 2)


def marked_rows(height: int) -> int:
    """Pixel rows at the upper edge that do not show the portrait."""
    return 2 * row_height(height)


def draw_frame_mark(rgb: ByteArray, mark: FrameMark) -> None:
    """Into the upper row of uint8 [height, width, 3]."""
    rgb[: row_height(len(rgb))] = _line(mark.value, rgb.shape[1])[None, :, None]


def draw_tick_mark(i420: ByteArray, pts: int) -> None:
    """Into the lower row of an I420 picture, uint8 [height * 3 / 2, width]."""
    height, width = len(i420) * 2 // 3, i420.shape[1]
    rows = row_height(height)
    i420[rows : 2 * rows] = _line(pts & ((1 << _BITS) - 1), width)
    for plane in i420[height:].reshape(2, height // 2, width // 2):
        plane[rows // 2 : rows] = 128


def read_frame_mark(luma: ByteArray) -> FrameMark | None:
    """From uint8 [height, width], or None if it is not there or cannot be read."""
    rows = row_height(len(luma))
    value = _read(luma[rows // 4 : rows - rows // 4])
    return None if value is None else FrameMark.of(value)


def read_tick_mark(luma: ByteArray) -> int | None:
    """The PTS for which the picture is shown, from uint8 [height, width]."""
    rows = row_height(len(luma))
    return _read(luma[rows + rows // 4 : 2 * rows - rows // 4])


def _line(value: int, width: int) -> ByteArray:
    code = [value >> bit & 1 for bit in reversed(range(_BITS))]
    crc = [_crc(value) >> bit & 1 for bit in reversed(range(_CRC_BITS))]
    cells = np.array([*_SYNC, *code, *crc])
    bounds = np.arange(width) * CELLS // width
    return np.where(cells[bounds] == 1, _LIGHT, _DARK).astype(np.uint8)


def _read(strip: ByteArray) -> int | None:
    """``strip``: the middle of a row of cells."""
    width = strip.shape[1]
    columns = strip.mean(axis=0)
    edges = np.arange(CELLS + 1) * width / CELLS
    margin = width / CELLS / 4  # neighbours bleed in at a cell's sides
    means = np.array(
        [columns[round(a + margin) : max(round(a + margin) + 1, round(b - margin))].mean() for a, b in pairwise(edges)]
    )
    light, dark = means[[0, 2]].mean(), means[[1, 3]].mean()
    if light - dark < _LEAST_CONTRAST:
        return None
    bits = (means > (light + dark) / 2).astype(int)
    if tuple(bits[: len(_SYNC)]) != _SYNC:
        return None
    value = _number(bits[len(_SYNC) : -_CRC_BITS])
    return value if _number(bits[-_CRC_BITS:]) == _crc(value) else None


def _number(bits: np.ndarray) -> int:
    return int("".join(map(str, bits)), 2)


def _crc(value: int) -> int:
    register = 0
    for byte in value.to_bytes(4, "big"):
        register ^= byte
        for _ in range(8):
            register = (register << 1 ^ _POLYNOMIAL if register & 0x80 else register << 1) & 0xFF
    return register ^ 0x55  # so that an all-dark row is no valid zero
