"""Head and eyes that are asked to turn, as controls of each frame: eased, so that nothing jumps."""

from __future__ import annotations

from dataclasses import astuple

import numpy as np

from vcam.animators.base import Steering

from .controls import NO_CONTROL, turn_eyes
from .options import FrameControl

EASE = 0.8  # what is left of the way after each frame: nine tenths of it are gone in 0.4 s
NEAR = 1e-3  # degrees, or of the full gaze: there
GAZE_UNITS = 20.0  # of the model's eye components at the full gaze


class Steered:
    """Where head and eyes are on their way to what was asked."""

    def __init__(self) -> None:
        self._now = np.zeros(5)
        self._target = np.zeros(5)

    def turn_to(self, steering: Steering) -> None:
        """From any thread."""
        self._target = np.array(astuple(steering))

    def next(self) -> FrameControl:
        """The control of the next frame; ``NO_CONTROL`` itself where nothing is asked."""
        away = (self._target - self._now) * (1 - EASE)
        self._now = self._now + away if np.abs(away).max() > NEAR * (1 - EASE) else self._target
        if not self._now.any():
            return NO_CONTROL
        yaw, pitch, roll, gaze_x, gaze_y = self._now.tolist()
        exp = np.zeros(63, np.float32)
        turn_eyes(exp, -gaze_x * GAZE_UNITS, -gaze_y * GAZE_UNITS)  # it turns them against what it is given
        return FrameControl(delta_yaw=yaw, delta_pitch=pitch, delta_roll=roll, delta_exp=exp)
