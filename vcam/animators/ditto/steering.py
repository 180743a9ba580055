"""Head and eyes that are asked to turn, as a control of one frame.

The model's own angles run the other way for yaw and pitch: its gaze correction (section 8, step 4) adds to the eyes'
x, to the right of the picture, for a positive yaw, and takes from their y, upwards, for a positive pitch, so that they
stay with the viewer while the head turns to the left and down.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from vcam.animators.base import Steering

from .controls import turn_eyes
from .options import FrameControl

GAZE_UNITS = 20.0  # of the model's eye components at the full gaze
AHEAD = Steering()


def turned(control: FrameControl, steering: Steering) -> FrameControl:
    """``control``, and what ``steering`` asks on top of it; ``control`` itself if that is nothing."""
    if steering == AHEAD:
        return control
    exp = np.zeros(63, np.float32) if control.delta_exp is None else control.delta_exp.copy()
    turn_eyes(exp, steering.gaze_x * GAZE_UNITS, steering.gaze_y * GAZE_UNITS)
    return replace(
        control,
        delta_yaw=(control.delta_yaw or 0.0) - steering.yaw,
        delta_pitch=(control.delta_pitch or 0.0) - steering.pitch,
        delta_roll=(control.delta_roll or 0.0) + steering.roll,
        delta_exp=exp,
    )
