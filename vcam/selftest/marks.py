"""Marks in a picture: a row of light and dark cells that holds a number, read back from whatever an application gets.

Two rows lie at the picture's upper edge. The upper one is drawn with the animator's frame and says which frame that is,
and where in its sound a click was; the lower one is drawn as the camera takes the picture and says for which moment
(PTS) it is shown. The cells are grey, so neither JPEG nor chroma subsampling matters; a CRC tells what was misread.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vcam.media import FRAME_SAMPLES, ByteArray

_SYNC = (1, 0, 1, 0)
_BITS = 32
_CRC_BITS = 8
CELLS = len(_SYNC) + _BITS + _CRC_BITS  # 44: in a picture 160 pixels wide a cell still has 3
_POLYNOMIAL = 0x07  # CRC-8 of ITU-T I.432.1
_SINCE_BITS = 12  # samples from the click to the end of the frame; 0: no click
REMEMBERED = (1 << _SINCE_BITS) - 1  # samples, 256 ms: a camera of 5 pictures a second passes none over
_LIGHT, _DARK = 215, 40  # of 255; as luma, within the limited range of BT.601 whichever way they are converted
_LEAST_CONTRAST = 60


@dataclass(frozen=True, slots=True)
class FrameMark:
    """Frame ``number`` shows samples [640 number, 640 (number + 1)); ``click``: PTS of the last click, if it was in
    this frame or shortly before."""

    number: int
    click: int | None = None

    @property
    def end(self) -> int:
        """The PTS after the frame's last sample."""
        return (self.number + 1) * FRAME_SAMPLES

    @property
    def value(self) -> int:
        since = 0 if self.click is None else self.end - self.click
        return (self.number << _SINCE_BITS | since) & ((1 << _BITS) - 1)

    @classmethod
    def of(cls, value: int) -> FrameMark:
        mark, since = cls(value >> _SINCE_BITS), value & REMEMBERED
        return cls(mark.number, mark.end - since) if since else mark


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
    sums = np.concatenate(([0.0], np.cumsum(strip.mean(axis=0))))
    margin = width / CELLS / 4  # neighbours bleed in at a cell's sides
    edges = np.arange(CELLS + 1) * width / CELLS
    low = np.round(edges[:-1] + margin).astype(int)
    high = np.maximum(low + 1, np.round(edges[1:] - margin).astype(int))
    means = (sums[high] - sums[low]) / (high - low)
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
