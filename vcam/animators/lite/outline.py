"""What is painted of a head, and where motion takes that: nothing of it is cut off, and little else is drawn."""

from __future__ import annotations

import math

import cv2
import numpy as np

from vcam.media import ByteArray, FloatArray

from .patch import Placement
from .rig import Rig

_MOST = 8.0  # of a Motion: the largest sway, expression and steering together stay below it

Edges = tuple[float, float, float, float]  # left, top, right, bottom in units


class Outline:
    """Around what is painted of ``texture`` (uint8 RGBA [h, w, 4]), which turns about the rig's pivot."""

    def __init__(self, rig: Rig, texture: ByteArray, place: Placement, block: float) -> None:
        """``block``: units between the points of the fields that bend the head."""
        self._rig = rig
        points = (_corners(texture) + 0.5) / place.scale + place.origin
        self._points = points - rig.head.pivot
        self._rim = 1 / min(place.scale)  # a pixel's colour reaches to its neighbours' middle
        #: units from the pivot to the farthest point
        self.far = max(1.0, float(np.hypot(*self._points.T).max()))
        (x, y), (across, down) = rig.head.centre, rig.head.radii
        self._dome = ((x - across - block, x + across + block), (y - down - block, y + down + block))

    def bounds(self, x: float, y: float, roll: float, jaw: float, bend: float) -> Edges:
        """Where all of it is when moved by ``x``, ``y`` units and ``roll`` radians, the chin ``jaw`` units down.

        Turning, brows and cheeks move what lies in the dome by at most ``bend`` units, and nothing outside it.
        """
        cos, sin = math.cos(roll), math.sin(roll)
        turned = self._points @ np.array([[cos, sin], [-sin, cos]])
        return self._around((x, y), turned.min(axis=0).tolist(), turned.max(axis=0).tolist(), jaw + self._rim, bend)

    def farthest(self) -> Edges:
        """Where any motion but a shift may take it."""
        motion = self._rig.motion
        swing = self.far * min(2.0, _MOST * math.radians(motion.roll))
        low, high = self._points.min(axis=0).tolist(), self._points.max(axis=0).tolist()
        return self._around((0.0, 0.0), low, high, swing + self._rig.jaw.drop + self._rim, math.inf)

    def shift(self) -> tuple[float, float]:
        """Units across and down that motion may shift it by."""
        across, down = self._rig.motion.shift
        return _MOST * across, _MOST * down

    def _around(self, shift: tuple[float, float], low: list[float], high: list[float], by: float, bend: float) -> Edges:
        edges = []
        for pivot, aside, least, most, (first, last) in zip(
            self._rig.head.pivot, shift, low, high, self._dome, strict=True
        ):
            start, end = pivot + aside + least - by, pivot + aside + most + by
            edges.append((min(start, max(start - bend, first)), max(end, min(end + bend, last))))
        (left, right), (top, bottom) = edges
        return left, top, right, bottom


def _corners(texture: ByteArray) -> FloatArray:
    """Of the smallest polygon without dents around what is painted: float32 [n, 2], whole pixels."""
    contours, _ = cv2.findContours(cv2.extractChannel(texture, 3), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    if not contours:  # nothing is painted
        return np.zeros((1, 2), np.float32)
    return np.asarray(cv2.convexHull(np.concatenate(contours))[:, 0], np.float32)
