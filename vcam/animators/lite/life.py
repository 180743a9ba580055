"""What a living head does besides speaking: sway, turn, breathe, blink, glance. A function of the PTS and the seed.

Only the liveliness, which follows speech, and the easing after a gap have memory.
"""

from __future__ import annotations

import math
from dataclasses import astuple, dataclass
from functools import lru_cache

import numpy as np

from vcam.media import FRAME_SAMPLES, SAMPLE_RATE

_FRAME = FRAME_SAMPLES / SAMPLE_RATE  # s
_EASE = 0.88  # a jump's remainder after each frame: gone in about a second
_BREATH = 4.2  # s a breath; adults at rest take 12 to 16 a minute
_CLOSING, _SHUT, _OPENING = 0.09, 0.05, 0.16  # s, of a blink (Caffier et al., 2003: about 0.3 in all)


@dataclass(frozen=True, slots=True)
class Motion:
    """Head: ``x``, ``y``, ``roll``, ``yaw``, ``pitch`` in -1..1 of the rig's ranges. ``breath`` and ``brow`` -1..1;
    ``lid`` 0 open to 1 shut; ``gaze_x``, ``gaze_y`` -1..1."""

    x: float = 0.0
    y: float = 0.0
    roll: float = 0.0
    yaw: float = 0.0
    pitch: float = 0.0
    breath: float = 0.0
    brow: float = 0.0
    lid: float = 0.0
    gaze_x: float = 0.0
    gaze_y: float = 0.0


class Life:
    def __init__(self, seed: int, sway: float = 1.0, blinks_per_minute: float = 15.0) -> None:
        self._seed = seed
        self._sway = sway
        self._blink_cell = 60 / blinks_per_minute if blinks_per_minute > 0 else 0.0
        self._liveliness = 0.0
        self._stress = 0.0
        self._last = Motion()
        self._offset: tuple[float, ...] = (0.0,) * 7
        self._resumed = True
        self._draws = lru_cache(512)(self._draw)

    def resume(self) -> None:
        """The next frame does not follow the last: ease into it."""
        self._resumed = True

    def at(self, pts: int, presence: float, jaw: float) -> Motion:
        """The motion of one frame; ``presence`` and ``jaw`` (0..1) make it livelier and stress its beats."""
        seconds = pts / SAMPLE_RATE
        self._liveliness += (0.10 if presence > self._liveliness else 0.035) * (presence - self._liveliness)
        self._stress += 0.22 * (jaw * presence - self._stress)
        lively, beat = self._liveliness, self._stress - 0.3 * self._liveliness
        gaze_x, gaze_y = self._gaze(seconds)

        def drift(channel: int, slow: float, quick: float) -> float:
            return self._noise(channel, seconds / slow) * (0.55 + 0.45 * lively) + (
                self._noise(channel + 100, seconds / quick) * 0.55 * lively
            )

        sway = self._sway
        turn = drift(3, 3.4, 1.1) + 0.35 * gaze_x
        moving = (
            sway * (drift(0, 3.1, 1.3) + 0.35 * turn),
            sway * (drift(1, 3.7, 1.0) * 0.7 + 0.8 * beat - 0.25 * math.sin(2 * math.pi * seconds / _BREATH)),
            sway * drift(2, 4.3, 1.5),
            sway * turn,
            sway * (drift(4, 3.9, 1.2) * 0.8 + 1.1 * beat + 0.25 * gaze_y),
            self._breath(seconds) * (1 + 0.25 * lively),
            max(-1.0, min(1.0, self._noise(5, seconds / 1.7) * 0.6 * lively + 1.0 * max(0.0, beat))),
        )
        if self._resumed:
            self._offset = tuple(a - b for a, b in zip(astuple(self._last)[:7], moving, strict=True))
            self._resumed = False
        self._offset = tuple(_EASE * value for value in self._offset)
        x, y, roll, yaw, pitch, breath, brow = (a + b for a, b in zip(moving, self._offset, strict=True))
        self._last = Motion(x, y, roll, yaw, pitch, breath, brow, self._lid(seconds), gaze_x, gaze_y)
        return self._last

    def _draw(self, channel: int, cell: int) -> tuple[float, ...]:
        """Four uniform numbers that belong to one stretch of time, so that any moment can be asked for."""
        return tuple(np.random.default_rng([self._seed, channel, cell & 0xFFFFFFFF]).random(4).tolist())

    def _noise(self, channel: int, position: float) -> float:
        """Smooth noise within about +-1: cubic B-spline through random values, one for each whole position."""
        cell = math.floor(position)
        t = position - cell
        a, b, c, d = (self._draws(channel, cell + i)[0] * 2 - 1 for i in (-1, 0, 1, 2))
        weights = ((1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3)
        return 1.5 * (a * weights[0] + b * weights[1] + c * weights[2] + d * weights[3]) / 6

    def _breath(self, seconds: float) -> float:
        """In a little quicker than out."""
        phase = 2 * math.pi * seconds / _BREATH
        return math.sin(phase + 0.35 * math.sin(phase))

    def _lid(self, seconds: float) -> float:
        """One blink in each stretch of time, somewhere in its middle part; some are double, some are skipped."""
        if not self._blink_cell:
            return 0.0
        lid = 0.0
        now = math.floor(seconds / self._blink_cell)
        for cell in (now - 1, now):
            place, double, _, _ = self._draws(7, cell)
            begin = (cell + 0.08 + 0.84 * place) * self._blink_cell
            lid = max(lid, _blink(seconds - begin))
            if double < 0.06 and self._blink_cell > 2:
                lid = max(lid, _blink(seconds - begin - 0.42))
        return lid

    def _gaze(self, seconds: float) -> tuple[float, float]:
        """Mostly at the camera; now and then a glance aside, always small, reached in two or three frames."""
        cell = math.floor(seconds / 1.6)
        begin = (cell + 0.5 * self._draws(8, cell)[3]) * 1.6
        ease = min(1.0, max(0.0, (seconds - begin) / (2.5 * _FRAME)))
        ease = ease * ease * (3 - 2 * ease)
        before, after = self._glance(cell - 1), self._glance(cell)
        return before[0] + ease * (after[0] - before[0]), before[1] + ease * (after[1] - before[1])

    def _glance(self, cell: int) -> tuple[float, float]:
        aside, across, down, _ = self._draws(8, cell)
        reach = 1.0 if aside < 0.3 else 0.16
        return reach * (2 * across - 1), reach * (2 * down - 1) * 0.6


def _blink(seconds: float) -> float:
    """How far the lid is down, ``seconds`` after the blink began."""
    if seconds <= 0 or seconds >= _CLOSING + _SHUT + _OPENING:
        return 0.0
    if seconds < _CLOSING:
        part = seconds / _CLOSING
    elif seconds < _CLOSING + _SHUT:
        return 1.0
    else:
        part = 1 - (seconds - _CLOSING - _SHUT) / _OPENING
    return part * part * (3 - 2 * part)
