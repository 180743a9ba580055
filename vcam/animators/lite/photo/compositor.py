"""Puts a picture's moving parts together: mouth and eyes into the picture, the picture bent into the scene."""

from __future__ import annotations

import math

from vcam.animators.base import Scene
from vcam.media import ByteArray

from ..compositor import HeadPose, moved
from ..eyes import EyeShape
from ..mouth import MouthShape
from .eyes import Eyes
from .framing import compose
from .head import HeadWarp
from .lips import Lips
from .package import PhotoAvatar

#: How far the head goes for each number of a Motion, in the units of :class:`HeadPose`; the jaw is the mouth's own.
PHOTO_REACH = HeadPose(
    x=7.0, y=4.0, roll=1.3, yaw=8.0, pitch=5.5,
    jaw=0.0, brow_left=6.0, brow_right=6.0, frown=11.0, cheeks=5.0, breath=3.0,
)  # fmt: skip


class PhotoCompositor:
    """One picture in one scene. ``draw`` gives the same pixels for the same pose, whatever was drawn before."""

    def __init__(self, avatar: PhotoAvatar, scene: Scene) -> None:
        shot = compose(avatar.rgb, avatar.landmarks, scene)
        self._texture = shot.canvas.copy()
        self._picture = shot.rest.copy()
        self._lips = Lips(shot)
        self._eyes = Eyes(shot.canvas, shot.landmarks)
        self._near = self._eyes.within(self._lips.rect)
        self._head = HeadWarp(shot)
        self._drawn = (MouthShape(), EyeShape(), self._head.steps(HeadPose()))

    @property
    def mouth_open(self) -> bool:
        """Whether the picture shows the mouth open."""
        return self._lips.open

    def draw(self, pose: HeadPose, mouth: MouthShape, eyes: EyeShape) -> ByteArray:
        """uint8 RGB [h, w, 3]; the same buffer every time. At rest the picture itself."""
        state = (mouth, eyes, self._head.steps(pose))
        if state == self._drawn:
            return self._picture
        if spoke := mouth != self._drawn[0]:
            self._lips.draw(mouth, self._texture)
        # of a tilted face the mouth's part reaches into an eye's: it has brought that back to rest
        if eyes != self._drawn[1] or (spoke and self._near):
            self._eyes.draw(eyes, self._texture)
        self._drawn = state
        self._head.bend(self._texture, state[2], self._picture)
        return self._picture

    def moved(self, a: HeadPose, b: HeadPose) -> float:
        """How far apart, in pixels at most, two poses show the same point."""
        x, y, roll, yaw, pitch, *parts, breath = self._head.strength
        return moved(a, b, (max(x, y), max(yaw, pitch), max(parts), breath), math.radians(roll))
