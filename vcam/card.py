"""The standby card: what the camera shows at once when everything else must not be seen."""

from __future__ import annotations

import cv2
import numpy as np
from PIL import Image, ImageDraw

from vcam.fonts import readable
from vcam.media import ByteArray, Picture

TEXT = "Be right back"
BACK = (31, 41, 51)
INK = (232, 236, 241)
TEXT_SIZE = 0.085  # of the picture's height, at most of its width
RULE = 0.004  # thickness of the line below the text, likewise


def draw_card(width: int, height: int, text: str = TEXT) -> Picture:
    """``text`` in the middle of a plain, dark picture of the camera's size (both sides even)."""
    short = min(width, height)
    text, sized = readable(text)
    font = sized(short * TEXT_SIZE)
    image = Image.new("RGB", (width, height), BACK)
    draw = ImageDraw.Draw(image)
    draw.text((width / 2, height / 2), text, INK, font, anchor="mm")
    reach, thick = short * TEXT_SIZE, max(1, round(short * RULE))
    below = height / 2 + short * TEXT_SIZE
    draw.rectangle((width / 2 - reach / 2, below, width / 2 + reach / 2, below + thick), INK)
    rgb: ByteArray = np.asarray(image)
    return Picture(0, cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV_I420).astype(np.uint8, copy=False))
