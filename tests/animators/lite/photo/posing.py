"""A drawn face as a user's picture, and what is seen of it in a pose."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from tests.animators.lite.photo.faces import Colour, portrait
from vcam.animators.base import Scene
from vcam.animators.lite.compositor import HeadPose
from vcam.animators.lite.eyes import EyeShape
from vcam.animators.lite.mouth import MouthShape
from vcam.animators.lite.photo import PhotoAvatar
from vcam.animators.lite.photo.compositor import PhotoCompositor
from vcam.animators.lite.photo.framing import compose
from vcam.media import ByteArray

SCENE = Scene(640, 360)
UNIT = 60.0


@lru_cache
def avatar(
    width: int = 640, height: int = 360, unit: float = UNIT, roll: float = 0.0, *, smile: bool = False
) -> PhotoAvatar:
    rgb, landmarks = portrait(width, height, unit, roll, smile=smile)
    return PhotoAvatar("me", landmarks, rgb)


def compositor(roll: float = 0.0) -> PhotoCompositor:
    return PhotoCompositor(avatar(roll=roll), SCENE)


def seen(mouth: MouthShape = MouthShape(), eyes: EyeShape = EyeShape(), head: HeadPose = HeadPose()) -> ByteArray:  # noqa: B008
    return compositor().draw(head, mouth, eyes).copy()


def around(rgb: ByteArray, where: tuple[float, float], across: float, down: float) -> ByteArray:
    """A part of the scene around a place of the face, in face units."""
    frame = compose(avatar().rgb, avatar().landmarks, SCENE).landmarks.frame
    x, y = (round(v) - 24 for v in frame.to_picture(where))
    a, d = round(across * frame.unit), round(down * frame.unit)
    return rgb[y - d : y + d, x - a : x + a]


def far_from(rgb: ByteArray, *colours: Colour, by: int = 60) -> int:
    """How many pixels look like none of these."""
    apart = [np.abs(rgb.astype(int) - colour).max(axis=2) for colour in colours]
    return int((np.min(apart, axis=0) > by).sum())


def like(rgb: ByteArray, colour: Colour, by: int = 30) -> int:
    return int((np.abs(rgb.astype(int) - colour).max(axis=2) < by).sum())
