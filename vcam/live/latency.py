"""What lies between the sound at the microphone and the picture of it at the camera, known before it is live."""

from __future__ import annotations

from dataclasses import dataclass

from vcam.animators.base import Animator
from vcam.media import SAMPLE_RATE


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
