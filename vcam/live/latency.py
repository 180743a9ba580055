"""What lies between the sound at the microphone and the picture of it at the camera, known before it is live."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import groupby
from statistics import median_low

import numpy as np

from vcam.animators.base import Animator
from vcam.media import SAMPLE_RATE

AGES = 500  # blocks that are remembered
RECENT = 200  # of them, for what is so at the moment
MOST = 95  # percent of the blocks that should be in time


@dataclass(frozen=True, slots=True)
class LatencyPlan:
    """From the sound at the microphone to the frame at the camera, in seconds; known before the session goes live.

    ``algorithmic``: collecting the frame's sound, plus look-ahead or pre-roll, whichever is longer; ``compute``: what
    is allowed for analysis and drawing; ``source`` and ``camera``: what the devices report; ``voice``: what the
    picture waits for the voice's output, where that takes longer than the animator.
    """

    algorithmic: float
    compute: float
    source: float
    camera: float
    voice: float = 0.0

    @property
    def delay(self) -> float:
        """What the session keeps between capture and presentation."""
        return self.algorithmic + self.compute + self.source + self.voice

    @property
    def total(self) -> float:
        return self.delay + self.camera


def plan_latency(animator: Animator, hold: int, source: float, camera: float) -> LatencyPlan:
    """The plan for an animator behind a gate that holds ``hold`` samples; device latencies in seconds."""
    waited = animator.algorithmic_latency - animator.look_ahead + max(hold, animator.look_ahead)
    return LatencyPlan(waited / SAMPLE_RATE, animator.compute_allowance, source, camera)


class BlockAges:
    """How old the latest blocks of sound were when they came, in seconds. All zero before the first."""

    def __init__(self) -> None:
        self._ages: deque[tuple[int, float]] = deque(maxlen=AGES)  # whole second in which it came, age

    def add(self, captured_at: float, now: float) -> None:
        """A block came ``now`` whose last sample was captured then; both monotonic seconds."""
        self._ages.append((int(now), now - captured_at))

    def clear(self) -> None:
        """What comes next is another device's."""
        self._ages.clear()

    @property
    def recent(self) -> float:
        """What nearly all of the last seconds' blocks kept below."""
        ages = [age for _, age in list(self._ages)[-RECENT:]]
        return float(np.percentile(ages, MOST)) if ages else 0.0

    @property
    def lasting(self) -> float:
        """The same for most seconds of the last five: one in which everything stood still does not count."""
        seconds = groupby(list(self._ages), key=lambda aged: aged[0])
        of_each = [float(np.percentile([age for _, age in blocks], MOST)) for _, blocks in seconds]
        return median_low(of_each) if of_each else 0.0
