"""Motion for the stretches in which nobody speaks: a stretch made once from silence, played there and back.

It costs nothing but its playing. Whoever enters it begins where the face is, and is drawn into it slowly, so that no
seam shows; the lips are at rest throughout.
"""

from __future__ import annotations

import numpy as np

from vcam.media import FloatArray

from .motion import EXP, MOTION_SIZE, check

LIPS = (6, 12, 14, 17, 19, 20)  # key points of the mouth (section 8 of the pipeline: what the audio drives)
EASE = 25  # frames until the pose at the entry has gone
_SMOOTHED = slice(0, EXP.start)


class IdleMotion:
    """``made``: float32 [n >= 2, 265], from silence; ``rest``: float32 [265], the motion whose lips are at rest."""

    def __init__(self, made: FloatArray, rest: FloatArray) -> None:
        check(made, (None, MOTION_SIZE), "made")
        check(rest, (MOTION_SIZE,), "rest")
        if len(made) < 2:
            raise ValueError("idle motion needs at least two rows")
        self._loop = made.copy()
        for point in LIPS:
            columns = slice(EXP.start + 3 * point, EXP.start + 3 * point + 3)
            self._loop[:, columns] = rest[columns]
        self._at = 0
        self._away = np.zeros(MOTION_SIZE, np.float32)  # from the loop, where it was entered
        self._since = EASE

    @property
    def settled(self) -> bool:
        """Whether the loop itself is played, and nothing is left of where it was entered."""
        return self._since >= EASE

    def enter(self, last: FloatArray) -> None:
        """The next row follows ``last``, float32 [265]."""
        check(last, (MOTION_SIZE,), "last")
        near = np.square(self._loop[:, _SMOOTHED] - last[_SMOOTHED]).sum(axis=1)
        self._at = int(near.argmin())
        self._away = last - self._loop[self._at]
        self._since = 0

    def rows(self, count: int) -> tuple[FloatArray, list[int | None]]:
        """The next rows, float32 [count, 265], and for each the row of the loop that it is, None while easing."""
        made = np.empty((count, MOTION_SIZE), np.float32)
        which: list[int | None] = []
        for k in range(count):
            self._at += 1
            self._since += 1
            index = self._index(self._at)
            made[k] = self._loop[index]
            if self._since < EASE:
                left = 1 - self._since / EASE
                made[k] += np.float32(left * left * (3 - 2 * left)) * self._away
                which.append(None)
            else:
                which.append(index)
        return made, which

    def _index(self, at: int) -> int:
        """There and back: the turning rows are shown once."""
        period = 2 * (len(self._loop) - 1)
        at %= period
        return at if at < len(self._loop) else period - at
