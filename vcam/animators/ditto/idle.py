"""Motion for the stretches in which nobody speaks: a stretch made once from silence, played there and back.

It costs nothing but its playing. Whoever enters it begins where the face is, and is drawn into it slowly, so that no
seam shows; the lips are at rest throughout.
"""

from __future__ import annotations

import numpy as np

from vcam.media import FloatArray

from .motion import EXP, MOTION_SIZE, check
from .seams import EASE, LIPS, Seam

_POSE = slice(0, EXP.start)


class IdleMotion:
    """``made``: float32 [n >= 2, 265], from silence; ``rest``: float32 [265], the motion whose lips are at rest."""

    def __init__(self, made: FloatArray, rest: FloatArray) -> None:
        check(made, (None, MOTION_SIZE), "made")
        check(rest, (MOTION_SIZE,), "rest")
        if len(made) < 2:
            raise ValueError("idle motion needs at least two rows")
        self._loop = made.copy()
        self._loop[:, LIPS] = rest[LIPS]
        self._at = 0
        self._seam = Seam()
        self._since = EASE

    def enter(self, last: FloatArray) -> None:
        """The next row follows ``last``, float32 [265]."""
        check(last, (MOTION_SIZE,), "last")
        near = np.square(self._loop[:, _POSE] - last[_POSE]).sum(axis=1)
        self._at = int(near.argmin())
        self._seam.begin(last - self._loop[self._at])
        self._since = 0

    def rows(self, count: int) -> tuple[FloatArray, list[int | None]]:
        """The next rows, float32 [count, 265], and for each the row of the loop that it is, None while easing."""
        played = [self._index(self._at + k) for k in range(1, count + 1)]
        rows = self._loop[played] + self._seam.rows(self._since + 1, count)
        which = [row if self._since + k >= EASE else None for k, row in enumerate(played, 1)]
        self._at += count
        self._since += count
        return rows, which

    def _index(self, at: int) -> int:
        """There and back: the turning rows are shown once."""
        period = 2 * (len(self._loop) - 1)
        at %= period
        return at if at < len(self._loop) else period - at
