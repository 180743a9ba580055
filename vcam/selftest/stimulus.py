"""What is played into the microphone: clicks that can be told to the sample, and speech in between.

The gaps between the clicks are irregular, so that clicks heard at two places can be matched whatever lies between
them: a wrong match would fit for one pair and not for the next.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr

from vcam.audio.decode import decode
from vcam.audio.demo import demo_path
from vcam.audio.wideband import VOICE_RATE
from vcam.media import SAMPLE_RATE, FloatArray, silence

CLICK_LEVEL = 0.9
CLICK_SECONDS = 0.001
SPEECH_PEAK = 0.3
THRESHOLD = 0.6  # of a click, never reached by speech
LEAST_SECONDS = 6.0
_REFRACTORY = 0.1  # s after a click in which its echoes are none
_GAPS = (0.31, 0.47, 0.38, 0.55, 0.34, 0.43, 0.51, 0.36, 0.59, 0.41, 0.33, 0.49)  # s between clicks
_CLICKS_A_ROUND = 6
_SPEECH_SECONDS = 2.3
_PAUSE = 0.5  # s of silence around the speech
_AGREEING = (0.008, 0.02, 0.04, 0.08)  # s within which delays may differ, tried in this order: machines may be busy
_SPREAD = 0.1  # s that a match may differ from the others; less than a third of the smallest gap


@dataclass(frozen=True, slots=True)
class Stimulus:
    """``sound``: float32 [n] at 48 kHz; ``clicks``: seconds from its beginning at which each click begins."""

    sound: FloatArray
    clicks: tuple[float, ...]

    @property
    def seconds(self) -> float:
        return len(self.sound) / VOICE_RATE

    def speech(self) -> FloatArray:
        """The same at 16 kHz without the clicks."""
        quiet = np.where(np.abs(self.sound) > THRESHOLD, np.float32(0), self.sound)
        return np.asarray(soxr.resample(quiet, VOICE_RATE, SAMPLE_RATE), np.float32)


def make_stimulus(seconds: float, speech: Path | None = None) -> Stimulus:
    """About so many seconds (at least 6) of rounds: clicks, a pause, speech (the bundled voice, if not another)."""
    voice = np.concatenate(list(decode(speech or demo_path())))
    voice = np.asarray(soxr.resample(voice, SAMPLE_RATE, VOICE_RATE), np.float32)
    voice *= SPEECH_PEAK / max(float(np.abs(voice).max()), 1e-6)
    gaps, spoken = itertools.cycle(_GAPS), 0
    parts, clicks, at = [_quiet(_PAUSE)], [], _PAUSE
    while True:
        for _ in range(_CLICKS_A_ROUND):
            gap = next(gaps)
            click = _quiet(gap)
            click[: round(CLICK_SECONDS * VOICE_RATE)] = CLICK_LEVEL
            clicks.append(at)
            parts.append(click)
            at += len(click) / VOICE_RATE
        words = np.take(voice, np.arange(spoken, spoken + round(_SPEECH_SECONDS * VOICE_RATE)), mode="wrap")
        spoken += len(words)
        fade = np.minimum(1.0, np.minimum(np.arange(len(words)), np.arange(len(words))[::-1]) / 480)
        parts += [_quiet(_PAUSE), (words * fade).astype(np.float32), _quiet(_PAUSE)]
        at += 2 * _PAUSE + len(words) / VOICE_RATE
        if at + _SPEECH_SECONDS > max(seconds, LEAST_SECONDS):
            return Stimulus(np.concatenate(parts), tuple(clicks))


def _quiet(seconds: float) -> FloatArray:
    return silence(round(seconds * VOICE_RATE))


class ClickDetector:
    """Finds clicks in contiguous 16 kHz sound; ``push`` gives the positions, fractions of samples included."""

    def __init__(self, position: int = 0) -> None:
        self._position = position
        self._last = 0.0
        self._deaf_until = -1.0

    def push(self, sound: FloatArray) -> list[float]:
        """Where, from the first sample ever pushed, clicks begin: where they rise through the threshold."""
        joined = np.concatenate(([self._last], sound))
        found = []
        for index in np.flatnonzero((joined[1:] > THRESHOLD) & (joined[:-1] <= THRESHOLD)):
            rise = (THRESHOLD - joined[index]) / (joined[index + 1] - joined[index])
            position = self._position + index - 1 + float(rise)
            if position >= self._deaf_until:
                found.append(position)
                self._deaf_until = position + _REFRACTORY * SAMPLE_RATE
        self._last = float(joined[-1])
        self._position += len(sound)
        return found


def matches(first: Sequence[float], second: Sequence[float], most: float = np.inf) -> list[tuple[float, float]]:
    """Pairs of times, one of each sequence in seconds, that belong together: ``second`` is later by nearly the same.

    ``most``: seconds that it can be later by, either way. Empty if fewer than half of the clicks, or three, agree.
    """
    if not len(first) or not len(second):
        return []
    one, other = np.asarray(first, float), np.asarray(second, float)
    apart = other[None, :] - one[:, None]
    candidates = np.sort(apart[np.abs(apart) <= most])
    enough = max(3, min(len(one), len(other)) // 2)
    for width in _AGREEING:
        ends = np.searchsorted(candidates, candidates + width, side="right")
        counts = ends - np.arange(len(candidates))
        if len(counts) and counts.max() >= enough:
            break
    else:
        return []
    best = int(np.argmax(counts))
    centre = float(np.median(candidates[best : ends[best]]))
    pairs = []
    for index, row in enumerate(apart):
        nearest = int(np.argmin(np.abs(row - centre)))
        if abs(row[nearest] - centre) <= _SPREAD:
            pairs.append((float(one[index]), float(other[nearest])))
    return pairs
