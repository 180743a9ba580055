"""Frames that tests of the stage show."""

from __future__ import annotations

import cv2
import numpy as np

from vcam.media import ByteArray

RED, GREEN, BLUE, GREY = (220, 30, 30), (30, 200, 40), (30, 40, 210), (120, 120, 120)


def flat(width: int, height: int, colour: tuple[int, int, int] = GREY) -> ByteArray:
    return np.full((height, width, 3), colour, np.uint8)


def halves(width: int, height: int) -> ByteArray:
    """Red at the left, blue at the right."""
    picture = flat(width, height, RED)
    picture[:, width // 2 :] = BLUE
    return picture


def noise(width: int, height: int) -> ByteArray:
    return np.random.default_rng(7).integers(0, 256, (height, width, 3), np.uint8)


def as_rgb(i420: ByteArray) -> ByteArray:
    return cv2.cvtColor(i420, cv2.COLOR_YUV2RGB_I420).astype(np.uint8, copy=False)


def near(picture: ByteArray, colour: tuple[int, int, int], tolerance: int = 6) -> bool:
    return bool(np.all(np.abs(picture.astype(int) - colour) <= tolerance))
