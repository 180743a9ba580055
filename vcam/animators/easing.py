"""Head and eyes on their way to where they were asked to turn."""

from __future__ import annotations

from dataclasses import astuple

import numpy as np

from vcam.animators.base import Steering

EASE = 0.8  # what is left of the way after each frame: nine tenths of it are gone in 0.4 s
NEAR = 1e-3  # degrees, or of the full gaze: there


class EasedSteering:
    """A :class:`Steering` that follows the asked one without a jump."""

    def __init__(self) -> None:
        self._now = np.zeros(5)
        self._target = np.zeros(5)

    def turn_to(self, steering: Steering) -> None:
        """From any thread."""
        self._target = np.array(astuple(steering))

    def next(self) -> Steering:
        """Where they are in the next frame; exactly 0 again once nothing is asked any more."""
        target = self._target
        left = (target - self._now) * EASE
        self._now = target - left if np.abs(left).max() > NEAR else target.copy()
        return Steering(*self._now.tolist())
