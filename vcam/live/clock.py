"""The session's clock: PTS counted by the microphone, mapped to ``time.monotonic()`` and back."""

from __future__ import annotations

import threading
import time

from vcam.media import SAMPLE_RATE

# A second-order loop, much overdamped: at 100 observations a second the phase follows with a time constant of about a
# second, and the rate with one of half a minute. A crystal that is off by 200 ppm leaves the phase 0.2 ms behind, until
# the rate is learnt; a faster rate swung by 0.2 % whenever a busy machine was late for a second, and the voice with it.
PHASE_GAIN = 0.01
RATE_GAIN = PHASE_GAIN**2 / 32
MAX_RATE_ERROR = 0.001  # real crystals stay within 0.0002; more than this is a wrong observation


class SampleClock:
    """Where the sample counter stands at any moment, smoothed over the jitter of the audio callbacks.

    Between observations, and when the microphone has gone, it runs on at the last known rate. Thread-safe.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pts = 0.0
        self._time = time.monotonic()
        self._period = 1 / SAMPLE_RATE  # seconds a sample

    def restart(self) -> None:
        """PTS 0 is now."""
        with self._lock:
            self._pts, self._time = 0.0, time.monotonic()

    def observe(self, pts: int, at: float) -> None:
        """Sample ``pts`` was at the microphone at monotonic time ``at``. Corrects phase and rate, never jumps."""
        with self._lock:
            expected = self._time + (pts - self._pts) * self._period
            error = at - expected
            step = max(pts - self._pts, 1.0)
            self._pts, self._time = float(pts), expected + PHASE_GAIN * error
            period = self._period + RATE_GAIN * error / step
            nominal = 1 / SAMPLE_RATE
            self._period = min(max(period, nominal * (1 - MAX_RATE_ERROR)), nominal * (1 + MAX_RATE_ERROR))

    def time_of(self, pts: float) -> float:
        """The monotonic time, in seconds, at which sample ``pts`` is (or was) at the microphone."""
        with self._lock:
            return self._time + (pts - self._pts) * self._period

    def pts_at(self, at: float) -> float:
        """The sample at the microphone at monotonic time ``at``, with its fraction."""
        with self._lock:
            return self._pts + (at - self._time) / self._period

    @property
    def rate_error(self) -> float:
        """How much faster than nominal the microphone's crystal runs, as a fraction (5e-5 is 50 ppm)."""
        with self._lock:
            return 1 / (self._period * SAMPLE_RATE) - 1
