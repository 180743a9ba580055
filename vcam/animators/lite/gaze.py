"""Where the eyes are: they jump from place to place and rest between (saccades and fixations)."""

from __future__ import annotations

from vcam.media import FRAME_SAMPLES, SAMPLE_RATE
from vcam.smoothstep import smoothstep

_FRAME = FRAME_SAMPLES / SAMPLE_RATE  # s
SACCADE = 2.5 * _FRAME  # s that a jump takes

Gaze = tuple[float, float]


class Eyes:
    """Follows whoever says where to look, frame by frame. Eyes cannot glide: a jump under way is made first."""

    def __init__(self) -> None:
        self._from: Gaze = (0.0, 0.0)
        self._to: Gaze = (0.0, 0.0)
        self._began = 0.0  # s
        self._shown: Gaze = (0.0, 0.0)

    def at(self, seconds: float, asked: Gaze) -> Gaze:
        """Where they are at ``seconds``, now that they are to look at ``asked``."""
        arrived = not 0 <= seconds - self._began < SACCADE
        if arrived and asked != self._to:
            self._from, self._to = self._shown, asked
            self._began = seconds - _FRAME  # the frame before was the last at rest
        ease = smoothstep((seconds - self._began) / SACCADE) if seconds >= self._began else 1.0
        x, y = (a + ease * (b - a) for a, b in zip(self._from, self._to, strict=True))
        self._shown = (x, y)
        return self._shown
