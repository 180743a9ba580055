"""Keeping the voice a fixed time behind the microphone, on a playback device whose clock is not the microphone's.

The microphone's sample counter is the session's clock; a playback device tells when a block of sound will be heard.
Together they tell how late each block is. A second-order loop changes the speed of playback by so little that nobody
hears it; only after an underrun or overrun, when much is wrong at once, does it leave sound out or wait.
"""

from __future__ import annotations

import math
import time
from collections import deque
from dataclasses import dataclass
from statistics import median

from vcam.audio.wideband import RATIO, VOICE_RATE
from vcam.live.clock import SampleClock

MAX_CORRECTION = 0.005  # of the speed: 9 cents, half of what trained ears notice in a tone
SMOOTHING = 1.0  # s over which a delay is averaged before it steers
PROPORTIONAL = 0.5  # speed a second of error; with the smoothing above it overshoots by 4 %
INTEGRAL = 0.01
JUMP = 0.012  # s of error that no drift brings about: 200 ppm would take a minute, and is corrected before
SURE_JUMP = 0.006  # s, where the time stamps agree so well that the median cannot be off by much: half a percent of
# the speed would take two seconds or more for it
CERTAINTY = 6.0  # times that the median's own uncertainty goes into such an error,
MANY = 20  # reports being there to tell that from
JUMP_AFTER_GAP = 0.003  # s, where the device has just said that it ran dry
WINDOW = 0.4  # s in which the median error must be that large
SHORT_WINDOW = 0.15  # s of the first measurement, and of that after a gap
CREDIBLE = 2 * JUMP  # s; what is further off is mended by a jump, or was a wrong time stamp: it does not steer
FEW = 3  # reports without which there is no median
MAX_STEP = 0.5  # s between two reports that count as continuous


@dataclass(frozen=True, slots=True)
class Stretch:
    """What to play in a block: from index ``position`` of the voice line, ``step`` apart.

    ``leaving``: where the block before would have gone on, if this one does not follow it.
    """

    number: int
    position: float
    step: float
    leaving: float | None = None


class DelayLoop:
    """Says what each block plays, and learns from the device's reports when the blocks were heard. Not thread-safe.

    ``rate`` of the device in Hz; ``delay`` in seconds from the microphone to the playback device's output.
    """

    def __init__(self, clock: SampleClock, rate: int, delay: float) -> None:
        self.delay = delay
        self.jumps = 0
        self.settled = False  # whether it has been measured at all
        self.measured = delay  # s between the microphone and the playback device's output, of the last blocks
        self._clock = clock
        self._rate = rate
        self._position: float | None = None
        self._number = 0
        self._sent: deque[Stretch] = deque(maxlen=256)
        self._recent: deque[tuple[float, float]] = deque()  # (time heard, error) since the last jump
        self._recent_since = 0.0  # when they began to be collected
        self._ignore_before = 0  # blocks sent before the last jump tell of an error that is mended
        self._error = 0.0  # s, smoothed
        self._drift = 0.0  # of the speed
        self._last_heard: float | None = None
        self._gap = False
        self._due_jump: float | None = None

    @property
    def drift_ppm(self) -> float:
        """How much slower the playback device's clock runs than the microphone's, in millionths."""
        return self._drift * 1e6

    def change_delay(self, delay: float) -> None:
        """Go on with another delay, at once."""
        if delay != self.delay:
            self._jump_by(self._error + self.delay - delay)
            self.delay = delay

    def gap(self) -> None:
        """The device ran dry, or lost sound: the delay is probably wrong now."""
        if not self._gap:
            self._recent.clear()
        self._gap = True

    def next(self, frames: int, heard_at: float | None = None) -> Stretch:
        """The next block of ``frames``; ``heard_at``: for the very first, about when it will be heard."""
        leaving = None
        if self._position is None:
            at = time.monotonic() if heard_at is None else heard_at
            self._position = self._clock.pts_at(at - self.delay) * RATIO
        elif self._due_jump is not None:
            leaving = self._position
            self._position += self._due_jump * VOICE_RATE
            self._ignore_before = self._number
        self._due_jump = None
        step = VOICE_RATE / self._rate * (1 + self._correction())
        stretch = Stretch(self._number, self._position, step, leaving)
        self._position += step * frames
        self._number += 1
        self._sent.append(stretch)
        return stretch

    def played(self, number: int, heard_at: float) -> None:
        """Block ``number`` begins to be heard at monotonic time ``heard_at``."""
        while self._sent and self._sent[0].number < number:
            self._sent.popleft()
        if not self._sent or self._sent[0].number != number or number < self._ignore_before:
            return
        lateness = heard_at - self._clock.time_of(self._sent.popleft().position / RATIO) - self.delay
        if self._due_jump is None:
            self._learn(heard_at, lateness)

    def _learn(self, heard_at: float, error: float) -> None:
        elapsed = heard_at - self._last_heard if self._last_heard is not None else 0.0
        self._last_heard = heard_at
        if not 0 <= elapsed <= MAX_STEP:  # the machine was asleep, or the device away
            self._recent.clear()
            elapsed = 0.0
        if not self._recent:
            self._recent_since = heard_at
        self._recent.append((heard_at, error))
        window = WINDOW if self.settled and not self._gap else SHORT_WINDOW
        while heard_at - self._recent[0][0] > window and len(self._recent) > FEW:
            self._recent.popleft()
        middle = self._middle()
        self.measured = self.delay + middle
        if heard_at - self._recent_since >= window and len(self._recent) >= FEW:
            if not self.settled:
                self.settled = True
                self._jump_by(middle)
                return
            limit = JUMP_AFTER_GAP if self._gap else self._surprising(middle)
            self._gap = False
            if abs(middle) > limit:
                self.jumps += 1
                self._jump_by(middle)
                return
        if self.settled and abs(error) <= CREDIBLE:
            share = min(1.0, elapsed / SMOOTHING)
            self._error += (error - self._error) * share
            self._drift += INTEGRAL * self._error * elapsed
            self._drift = min(max(self._drift, -MAX_CORRECTION), MAX_CORRECTION)

    def _middle(self) -> float:
        """The median error in s of an odd number of reports: between two halves, it would be half a jump."""
        errors = [error for _, error in self._recent]
        return median(errors if len(errors) % 2 else errors[1:])

    def _surprising(self, middle: float) -> float:
        """The error in s from which on the median is no drift and no chance: the surer it is, the less it takes."""
        if len(self._recent) < MANY:
            return JUMP
        spread = median(abs(error - middle) for _, error in self._recent)
        # of a median: 1.25 standard deviations / sqrt(n), each 1.48 times the median deviation
        uncertainty = 1.25 * 1.48 * spread / math.sqrt(len(self._recent))
        return min(max(SURE_JUMP, CERTAINTY * uncertainty), JUMP)

    def _jump_by(self, late: float) -> None:
        """The block after next leaves out ``late`` seconds, or waits for as long if that is negative."""
        self._due_jump = late if self._position is not None else None
        self._recent.clear()
        self._error = 0.0

    def _correction(self) -> float:
        wanted = PROPORTIONAL * self._error + self._drift
        return min(max(wanted, -MAX_CORRECTION), MAX_CORRECTION)
