"""Head and eyes on their way to where they were asked to turn."""

from __future__ import annotations

from dataclasses import astuple, fields

import numpy as np

from vcam.animators.base import Steering

EASE = 0.8  # what is left of the eyes' way after each frame: nine tenths of it are gone in 0.4 s
HEAD_EASE = 0.68  # the same of the head's, twice over, as it sets out from rest: nine tenths in 0.4 s too
NEAR = 1e-3  # degrees, or of the full gaze: there
_NUMBERS = len(fields(Steering))
_GAZE = np.array([field.name.startswith("gaze") for field in fields(Steering)])
_LEAD_EASE, _EASE = np.where(_GAZE, 0.0, HEAD_EASE), np.where(_GAZE, EASE, HEAD_EASE)


class EasedSteering:
    """A :class:`Steering` that follows the asked one without a jump or a jerk."""

    def __init__(self) -> None:
        self._now = np.zeros(_NUMBERS)
        self._lead = np.zeros(_NUMBERS)  # what the head follows, which follows what was asked
        self._target = np.zeros(_NUMBERS)

    def turn_to(self, steering: Steering) -> None:
        """From any thread."""
        self._target = np.array(astuple(steering))

    def next(self) -> Steering:
        """Where they are in the next frame; exactly 0 again once nothing is asked any more."""
        target = self._target
        self._lead = target + _LEAD_EASE * (self._lead - target)
        self._now = self._lead + _EASE * (self._now - self._lead)
        if max(np.abs(target - self._now).max(), np.abs(target - self._lead).max()) <= NEAR:
            self._now, self._lead = target.copy(), target.copy()
        return Steering(*self._now.tolist())
