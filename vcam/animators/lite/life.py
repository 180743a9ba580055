"""What a living head does besides speaking: sway, turn, breathe, blink, glance, nod.

A function of the PTS, the seed and the speech that was heard; what follows speech, or eases, has memory.
"""

from __future__ import annotations

import math
from dataclasses import astuple, dataclass
from functools import lru_cache

import numpy as np

from vcam.media import SAMPLE_RATE
from vcam.smoothstep import smoothstep

from .blinks import Blinks
from .gaze import SACCADE, Eyes, Gaze

_EASE = 0.88  # a jump's remainder after each frame: gone in about a second
_BREATH, _AWAY_BREATH = 4.2, 6.0  # s a breath; adults at rest take 12 to 16 a minute, dozing ones 10
_QUICK, _SLOW = 0.30, 0.07  # of the way that a frame goes to a stressed beat, and to the usual stress
_SPEAKING = 0.35  # presence above which it counts as speaking
_NOD_EVERY, _NODS = 6.5, 0.62  # s; in how many stretches of that length a listener nods
_TURN = 0.8  # s: eyes jump, the head turns
_LIVELY = 0.5  # from here on the eyes glance as a speaker's do


@dataclass(frozen=True, slots=True)
class _Looks:
    """Somewhere new every so many seconds, in a ``share`` of them within ``reach`` (of the gaze), else straight on."""

    channel: int
    every: float
    share: float
    reach: float


_LISTENER, _SPEAKER = _Looks(8, 1.9, 0.10, 0.8), _Looks(11, 1.9, 0.26, 1.0)
_AROUND = _Looks(12, 3.4, 0.72, 1.0)
_SMALL = _Looks(10, 1.0, 1.0, 0.07)  # micro-saccades


@dataclass(frozen=True, slots=True)
class Motion:
    """Head: ``x``, ``y``, ``roll``, ``yaw``, ``pitch`` in -1..1 of the rig's ranges. ``brow`` -1..1, ``breath``
    -1.25..1.25; ``lid`` 0 open to 1 shut; ``gaze_x``, ``gaze_y`` -1..1."""

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
    """Set ``away`` when nobody sits there: the head looks around, nods no more and breathes slowly."""

    def __init__(self, seed: int, sway: float = 1.0, blinks_per_minute: float = 15.0) -> None:
        self.away = False
        self._seed = seed
        self._sway = sway
        self._blinks = Blinks(seed, blinks_per_minute)
        self._eyes = Eyes()
        self._liveliness = 0.0
        self._gone = 0.0  # how far away, eased twice
        self._going = 0.0
        self._beat = (0.0, 0.0)  # emphasis, smoothed once and twice
        self._usual = 0.0
        self._last = Motion()
        self._offset: tuple[float, ...] = (0.0,) * 7
        self._resumed = True
        self._draws = lru_cache(512)(self._draw)

    def resume(self) -> None:
        """The next frame does not follow the last: ease into it."""
        self._resumed = True

    def at(self, pts: int, presence: float, emphasis: float) -> Motion:
        """The motion of one frame; ``presence`` (0..1) makes it livelier, ``emphasis`` (0..1) makes it nod."""
        seconds = pts / SAMPLE_RATE
        self._follow(presence, emphasis)
        self._blinks.hear(seconds, presence > _SPEAKING)
        lively, away = self._liveliness, self._gone
        beat = self._beat[1] - self._usual
        gaze_x, gaze_y = self._gaze(seconds)
        face_x, face_y = self._facing(seconds)

        def drift(channel: int, slow: float, quick: float) -> float:
            value = self._noise(channel, seconds / slow) * (0.55 + 0.45 * lively)
            return value + self._noise(channel + 100, seconds / quick) * 0.55 * lively if lively > 1e-3 else value

        sway = self._sway
        breath = self._breath(seconds)
        # the head follows the eyes by a part, further when it looks around
        turn = drift(3, 3.4, 1.1) + (0.4 + 0.7 * away) * face_x
        lean = self._noise(9, seconds / 2.6)  # to which side the head leans on a stress
        nod = self._nod(seconds) * (1 - lively) * (1 - away)
        moving = (
            sway * (drift(0, 3.1, 1.3) + 0.35 * turn),
            sway * (drift(1, 3.7, 1.0) * 0.7 + 0.8 * beat + 0.4 * nod - 0.25 * breath),
            sway * (drift(2, 4.3, 1.5) + 0.9 * lean * max(0.0, beat)),
            sway * turn,
            sway * (drift(4, 3.9, 1.2) * 0.8 + 1.5 * beat + 0.9 * nod + (0.3 + 0.4 * away) * face_y),
            breath * (1 + 0.25 * lively),
            max(-1.0, min(1.0, self._noise(5, seconds / 1.7) * 0.6 * lively + 1.5 * max(0.0, beat) + 0.25 * nod)),
        )
        if self._resumed:
            self._offset = tuple(a - b for a, b in zip(astuple(self._last)[:7], moving, strict=True))
            self._resumed = False
        self._offset = tuple(_EASE * value for value in self._offset)
        x, y, roll, yaw, pitch, breath, brow = (a + b for a, b in zip(moving, self._offset, strict=True))
        self._last = Motion(x, y, roll, yaw, pitch, breath, brow, self._blinks.at(seconds), gaze_x, gaze_y)
        return self._last

    @property
    def gone(self) -> float:
        """How far away, 0..1, eased."""
        return self._gone

    def _follow(self, presence: float, emphasis: float) -> None:
        self._liveliness += (0.10 if presence > self._liveliness else 0.035) * (presence - self._liveliness)
        once, twice = self._beat
        once += _QUICK * (emphasis * presence - once)
        self._beat = (once, twice + _QUICK * (once - twice))
        self._usual += _SLOW * (once - self._usual)
        self._going += 0.10 * (self.away - self._going)
        self._gone += 0.10 * (self._going - self._gone)
        if not self.away and self._gone < 1e-4:  # back for good
            self._going = self._gone = 0.0

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
        """In a little quicker than out; slower and deeper while away."""
        breath = 0.0
        for share, period in ((1 - self._gone, _BREATH), (1.15 * self._gone, _AWAY_BREATH)):
            if share > 0:
                phase = 2 * math.pi * seconds / period
                breath += share * math.sin(phase + 0.35 * math.sin(phase))
        return breath

    def _nod(self, seconds: float) -> float:
        """A listener's small nods, one or two dips each, in some stretches of time; 0..1 down."""
        cell = math.floor(seconds / _NOD_EVERY)
        whether, place, twice, size = self._draws(6, cell)
        if whether > _NODS:
            return 0.0
        since = seconds - (cell + 0.1 + 0.6 * place) * _NOD_EVERY
        dips, dip = (2 if twice < 0.5 else 1), 0.46
        if not 0 < since < dips * dip:
            return 0.0
        fade = 1.0 if since < dip else 0.6  # the second one is smaller
        return (0.55 + 0.45 * size) * fade * math.sin(math.pi * since / dip) ** 2

    def _gaze(self, seconds: float) -> Gaze:
        """The eyes: at the camera; a glance aside now and then, more while speaking; around, as one who is not in the
        call, while away. They are there at once, while the head still turns, and never quite still."""
        looks = _AROUND if self.away else _SPEAKER if self._liveliness > _LIVELY else _LISTENER
        before, place, since = self._look(looks, seconds)
        eyes = self._eyes.at(seconds, before if since < 0 else place)
        small = self._turning(_SMALL, seconds, SACCADE)
        x, y = (a + b for a, b in zip(small, eyes, strict=True))
        return max(-1.0, min(1.0, x)), max(-1.0, min(1.0, y))

    def _facing(self, seconds: float) -> Gaze:
        """Where the head turns to: slowly to where the eyes look."""
        lively, away = self._liveliness, self._gone
        listening, speaking, around = (self._turning(looks, seconds, _TURN) for looks in (_LISTENER, _SPEAKER, _AROUND))
        x, y = ((1 - away) * ((1 - lively) * listening[i] + lively * speaking[i]) + away * around[i] for i in (0, 1))
        return x, y

    def _turning(self, looks: _Looks, seconds: float, took: float) -> Gaze:
        """On the way from one place to the next, which takes ``took`` seconds."""
        (x0, y0), (x1, y1), since = self._look(looks, seconds)
        ease = smoothstep(since / took)
        return x0 + ease * (x1 - x0), y0 + ease * (y1 - y0)

    def _look(self, looks: _Looks, seconds: float) -> tuple[Gaze, Gaze, float]:
        """The place before, the place of this stretch of time, and for how many seconds it has been that."""
        cell = math.floor(seconds / looks.every)
        begin = (cell + 0.5 * self._draws(looks.channel, cell)[3]) * looks.every
        return self._place(looks, cell - 1), self._place(looks, cell), seconds - begin

    def _place(self, looks: _Looks, cell: int) -> Gaze:
        aside, across, down, _ = self._draws(looks.channel, cell)
        if aside >= looks.share:
            return 0.0, 0.0
        across = 2 * across - 1  # a glance aside is never hardly aside
        return looks.reach * math.copysign(0.4 + 0.6 * abs(across), across), looks.reach * (2 * down - 1) * 0.6
