"""Small measuring instruments, each safe to read from any thread."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import deque
from dataclasses import dataclass

import numpy as np

from vcam.media import SAMPLE_RATE, FloatArray

logger = logging.getLogger(__name__)

FLOOR_DBFS = -90.0
LEVEL_DECAY_DB = 20 / SAMPLE_RATE  # fall of the level meter a sample: 20 dB a second, as on a PPM


class Timings:
    """Durations in seconds; keeps the last ``size`` of them, older ones are forgotten."""

    def __init__(self, size: int = 500) -> None:
        self._recent: deque[float] = deque(maxlen=size)
        self.total = 0.0
        self.count = 0

    def add(self, seconds: float) -> None:
        self._recent.append(seconds)
        self.total += seconds
        self.count += 1

    def forget(self) -> None:
        """As new."""
        self._recent.clear()
        self.total, self.count = 0.0, 0

    def measure(self) -> Stopwatch:
        """``with timings.measure() as spent:`` adds the duration, which ``spent.seconds`` then has too."""
        return Stopwatch(self)

    @staticmethod
    def stopwatch() -> Stopwatch:
        """The same, adding it nowhere."""
        return Stopwatch(None)

    def percentile_ms(self, percent: float) -> float:
        """The given percentile of the recent durations in milliseconds; 0 before the first."""
        recent = list(self._recent)
        return float(np.percentile(recent, percent)) * 1000 if recent else 0.0


class Stopwatch:
    """Measures the body of a ``with`` statement, into :class:`Timings` where there are some."""

    def __init__(self, timings: Timings | None) -> None:
        self.seconds = 0.0
        self._timings = timings
        self._start = 0.0

    def __enter__(self) -> Stopwatch:
        self._start = time.perf_counter()
        return self

    def __exit__(self, *ignored: object) -> None:
        self.seconds = time.perf_counter() - self._start
        if self._timings is not None:
            self._timings.add(self.seconds)


class LevelMeter:
    """RMS level in dBFS with instant rise and a steady fall."""

    def __init__(self) -> None:
        self.dbfs = FLOOR_DBFS

    def add(self, samples: FloatArray) -> None:
        if len(samples):
            power = float(np.dot(samples, samples)) / len(samples)
            level = 10 * math.log10(power) if power > 1e-9 else FLOOR_DBFS
            self.dbfs = max(level, self.dbfs - LEVEL_DECAY_DB * len(samples), FLOOR_DBFS)


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing the user should know. ``key`` says what it is about: a newer notice with the same key replaces it.

    ``until``: the monotonic time after which it is old news; None as long as nobody clears it.
    """

    key: str
    text: str
    until: float | None
    count: int = 1


class Notices:
    """What the user should know, newest last. Bounded: beyond ``size`` the oldest is dropped (the log has them all)."""

    def __init__(self, size: int = 20) -> None:
        self._lock = threading.Lock()
        self._size = size
        self._by_key: dict[str, Notice] = {}

    def add(self, key: str, text: str, *, seconds: float | None = None, quiet: bool = False) -> None:
        """Tell the user, for so many ``seconds`` or until it is cleared; the log too, the first time.

        ``quiet``: this only brings an earlier notice up to date; it is not counted as another, nor is it for the log.
        """
        with self._lock:
            previous = self._by_key.pop(key, None)
            repeated = previous is not None and previous.text == text
            count = previous.count + (not quiet) if previous is not None and repeated else 1
            until = None if seconds is None else time.monotonic() + seconds
            self._by_key[key] = Notice(key, text, until, count)
            while len(self._by_key) > self._size:
                del self._by_key[next(iter(self._by_key))]
        (logger.debug if repeated or quiet else logger.warning)("%s", text)

    def clear(self, key: str) -> None:
        """What the notice was about is over."""
        with self._lock:
            self._by_key.pop(key, None)

    def texts(self) -> list[str]:
        """What is still worth knowing, oldest first."""
        now = time.monotonic()
        with self._lock:
            notices = [n for n in self._by_key.values() if n.until is None or n.until > now]
        return [n.text if n.count == 1 else f"{n.text} ({n.count} times)" for n in notices]
