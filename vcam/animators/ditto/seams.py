"""From one motion to another that begins elsewhere, without a jump."""

from __future__ import annotations

import numpy as np

from vcam.media import FloatArray
from vcam.smoothstep import smoothsteps

from .controls import LIP_POINTS
from .joining import JoinRules
from .motion import EXP, MOTION_SIZE, check
from .options import CLIP
from .sampler import Sampler

LIPS = [EXP.start + 3 * point + axis for point in LIP_POINTS for axis in range(3)]  # columns of a motion row
EASE = 25  # frames until the new motion is there


class Seam:
    """What is left of the difference between where a face was and where the new motion has it."""

    def __init__(self) -> None:
        self._away = np.zeros(MOTION_SIZE, np.float32)

    def begin(self, away: FloatArray) -> None:
        """``away``: float32 [265], the difference in the frame before the first that is eased."""
        check(away, (MOTION_SIZE,), "away")
        self._away = away

    def rows(self, first: int, count: int) -> FloatArray:
        """float32 [count, 265] to add to frames ``first`` (1: the one after the seam) and following."""
        left = smoothsteps(1 - np.arange(first, first + count, dtype=np.float32) / EASE)
        return left[:, None] * self._away


class BridgedSampler:
    """A sampler whose clips can follow motion that it did not make.

    Clips are joined by a fade of as many frames as they bring: two, where the delay is short. That suits clips that
    agree about where they overlap. After idle motion, or a gap, the head is elsewhere: then it is led over slowly. Lips
    belong to the sound, and take the short way.
    """

    def __init__(self, sampler: Sampler, rules: JoinRules) -> None:
        self._sampler = sampler
        self._rules = rules
        self._seen = CLIP - rules.valid - rules.fuse  # the first row of a clip that is seen
        self._seam = Seam()
        self._since = EASE
        self._last: FloatArray | None = None

    def bridge(self, tail: FloatArray) -> None:
        """The next clip follows ``tail``, float32 [overlap, 265], which came from elsewhere."""
        self._last = tail[len(tail) - self._rules.fuse].copy()

    def clip(self, first_pose: FloatArray, conditions: FloatArray) -> FloatArray:
        """As ``Sampler.clip``."""
        clip = self._sampler.clip(first_pose, conditions)
        if self._last is not None:
            away = self._last - clip[self._seen]
            away[LIPS] = 0
            self._seam.begin(away)
            self._since, self._last = 0, None
        if self._since < EASE:
            clip[self._seen :] += self._seam.rows(self._since, CLIP - self._seen)
            self._since += self._rules.valid
        return clip
