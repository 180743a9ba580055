"""The badge: a small label in the picture's corner, for those who want to disclose that it is an avatar."""

from __future__ import annotations

import cv2
import numpy as np
from PIL import Image, ImageDraw

from vcam.fonts import readable
from vcam.media import ByteArray

HEIGHT = 0.055  # of the picture's height, at most of twice its width
MARGIN = 0.03
BACK_ALPHA = 0.62
TEXT_SIZE = 0.52  # of the badge's height
SUPERSAMPLING = 4  # drawn this much larger, then scaled down


class Badge:
    """Text on a dark, rounded, see-through plate at the lower left. Drawn once, blended into each I420 picture."""

    def __init__(self, text: str, width: int, height: int) -> None:
        short = min(height, 2 * width)  # in a very tall picture its width decides
        high = max(12, round(short * HEIGHT / 2) * 2)
        margin = round(short * MARGIN / 2) * 2
        room = width - 2 * margin
        text, sized = readable(text)
        size = high * TEXT_SIZE
        length = sized(size * SUPERSAMPLING).getlength(text) / SUPERSAMPLING
        if length > room - high:  # a long text in a narrow picture
            size *= (room - high) / length
            length = room - high
        wide = min(round((length + high) / 2) * 2, room)
        image = Image.new("RGB", (wide * SUPERSAMPLING, high * SUPERSAMPLING), (18, 22, 28))
        alpha = Image.new("L", image.size, 0)
        ImageDraw.Draw(alpha).rounded_rectangle(
            (0, 0, image.width - 1, image.height - 1), image.height / 2, fill=round(255 * BACK_ALPHA)
        )
        font = sized(size * SUPERSAMPLING)
        for target, colour in ((image, (245, 247, 250)), (alpha, 255)):
            ImageDraw.Draw(target).text((image.width / 2, image.height / 2), text, colour, font, anchor="mm")
        small = cv2.resize(np.asarray(image), (wide, high), interpolation=cv2.INTER_AREA)
        mask = cv2.resize(np.asarray(alpha), (wide, high), interpolation=cv2.INTER_AREA)
        self._row, self._column = height - margin - high, margin
        self._height, self._width = height, width
        planes = cv2.cvtColor(small, cv2.COLOR_RGB2YUV_I420)
        half = cv2.resize(mask, (wide // 2, high // 2), interpolation=cv2.INTER_AREA)
        u, v = planes[high:].reshape(2, high // 2, wide // 2)
        self._patches = [(planes[:high], mask), (u, half), (v, half)]

    def stamp(self, i420: ByteArray) -> None:
        """Blend the badge into uint8 [height * 3 / 2, width], in place."""
        half_size = (2, self._height // 2, self._width // 2)
        u, v = i420[self._height :].reshape(half_size)
        for plane, scale, (patch, mask) in zip((i420, u, v), (1, 2, 2), self._patches, strict=True):
            row, column = self._row // scale, self._column // scale
            area = plane[row : row + patch.shape[0], column : column + patch.shape[1]]
            weight = mask.astype(np.uint16)
            mixed = patch * weight + area * (255 - weight)
            area[...] = ((mixed + 127) // 255).astype(np.uint8)
