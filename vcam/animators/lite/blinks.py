"""When the eyes blink: at irregular intervals around the asked rate, now and then twice, and when a phrase ends."""

from __future__ import annotations

import math
from collections import deque
from functools import lru_cache

import numpy as np

from vcam.smoothstep import smoothstep

_CLOSING, _SHUT, _OPENING = 0.09, 0.05, 0.16  # s, of a blink (Caffier et al., 2003: about 0.3 in all)
_LASTS = _CLOSING + _SHUT + _OPENING
_CHAIN = 16  # blinks that are drawn together
_SPREAD = 0.6  # of the intervals' logarithm: long right tail, as observed (Doughty, 2001, about 0.5 to 0.7)
_SHORTEST = 0.75  # s between blinks
_DOUBLE, _SECOND = 0.07, 0.40  # how many are double, and when the second begins, s
_PHRASE, _PAUSE = 0.8, 0.16  # s: of speech that makes a phrase, of silence that ends it
_EARLY = 1.5  # mean intervals that a blink may be early, to be at a phrase's end
_RAREST = 1e-3  # blinks a minute; fewer are none
_AT_END = 0.65  # of the phrases end with a blink (blinks gather at the ends of utterances: Cummins, 2012)


class Blinks:
    """Scheduled blinks are a function of time and seed. Those at phrase ends follow what is heard, and each is the next
    scheduled one done early, so that the rate stays."""

    def __init__(self, seed: int, per_minute: float) -> None:
        self._seed = seed
        self._mean = 60 / per_minute if per_minute > _RAREST else 0.0
        self._extra: deque[float] = deque(maxlen=8)
        self._done: deque[float] = deque(maxlen=8)  # scheduled ones that were done early
        self._speaking_since: float | None = None
        self._quiet_since: float | None = None
        self._chains = lru_cache(8)(self._chain)

    def hear(self, seconds: float, speaking: bool) -> None:
        """Tell of each frame, in order, whether there is speech."""
        if not self._mean:
            return
        if speaking:
            if self._speaking_since is None or seconds < self._speaking_since:
                self._speaking_since = seconds
            self._quiet_since = None
        elif self._speaking_since is not None:
            if self._quiet_since is None or seconds < self._quiet_since:
                self._quiet_since = seconds
            if seconds - self._quiet_since >= _PAUSE - 1e-6:
                self._phrase_ended(seconds, self._quiet_since - self._speaking_since)
                self._speaking_since = self._quiet_since = None

    def at(self, seconds: float) -> float:
        """How far the lids are down, 0..1."""
        if not self._mean:
            return 0.0
        lid = max((_blink(seconds - begin) for begin in self._extra), default=0.0)
        for begin in self._scheduled(seconds - _LASTS, seconds):
            if begin not in self._done:
                lid = max(lid, _blink(seconds - begin))
        return lid

    def _phrase_ended(self, seconds: float, length: float) -> None:
        whether, when = np.random.default_rng([self._seed, 13, int(seconds * 1000) & 0xFFFFFFFF]).random(2).tolist()
        if length < _PHRASE or whether > _AT_END:
            return
        begin = seconds + 0.12 * when
        recent = [at for at in self._scheduled(begin - _SHORTEST, begin) if at not in self._done]
        if recent or (self._extra and begin - self._extra[-1] < _SHORTEST):
            return
        coming = (at for at in self._scheduled(begin, begin + _EARLY * self._mean) if at not in self._done)
        following = next(coming, None)
        if following is not None:
            self._extra.append(begin)
            self._done.append(following)

    def _scheduled(self, after: float, until: float) -> list[float]:
        """Where blinks begin in (after, until]."""
        length = _CHAIN * self._mean
        shift = self._shift()
        # the second of a double blink may lie in the next one's time
        chains = range(math.floor((after + shift - _SECOND) / length), math.floor((until + shift) / length) + 1)
        return [begin for chain in chains for part in self._chains(chain) if after < (begin := part - shift) <= until]

    def _shift(self) -> float:
        return float(self._chains(-1)[0] % self._mean) if self._mean else 0.0

    def _chain(self, number: int) -> tuple[float, ...]:
        """The blinks of one stretch of time: log-normal intervals that fill it exactly, so that the rate is kept."""
        draw = np.random.default_rng([self._seed, 7, number & 0xFFFFFFFF])
        doubles = draw.random(_CHAIN) < (_DOUBLE if self._mean > 4 * _SECOND else 0)
        count = max(2, _CHAIN - int(doubles.sum()))
        doubles = doubles[:count]
        intervals = np.exp(_SPREAD * draw.standard_normal(count))
        length = _CHAIN * self._mean
        least = min(_SHORTEST, 0.5 * self._mean)
        intervals = least + intervals * (length - least * count) / intervals.sum()
        begins = number * length + np.cumsum(intervals) - 0.5 * float(intervals[0])
        seconds = [begin + _SECOND for begin, double in zip(begins, doubles, strict=True) if double]
        return tuple(sorted([*begins.tolist(), *(float(s) for s in seconds)]))


def _blink(seconds: float) -> float:
    """How far the lid is down, ``seconds`` after the blink began."""
    if seconds <= 0 or seconds >= _LASTS:
        return 0.0
    if seconds < _CLOSING:
        part = seconds / _CLOSING
    elif seconds < _CLOSING + _SHUT:
        return 1.0
    else:
        part = 1 - (seconds - _CLOSING - _SHUT) / _OPENING
    return smoothstep(part)
