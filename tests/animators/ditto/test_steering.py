"""Which way head and eyes turn, as the picture is seen: x to the right, y down."""

from __future__ import annotations

import numpy as np
import pytest

from tests.animators.ditto.drawing import source_frame
from vcam.animators.base import Steering
from vcam.animators.ditto.controls import NO_CONTROL, MotionControl, SourcePose, driven_keypoints
from vcam.animators.ditto.motion import SourceMotion
from vcam.animators.ditto.options import FrameControl, RunOptions
from vcam.animators.ditto.steering import turned
from vcam.errors import AnimatorError
from vcam.media import FloatArray

GREY = np.full((140, 160, 3), 90, np.uint8)
IRISES = [11, 15]
NOSE, CROWN = 9, 0
REST = np.zeros(265, np.float32)


def points(control: FrameControl) -> FloatArray:
    """float32 [21, 2]: where the key points of a face that looked ahead are then."""
    motion = source_frame(GREY).motion
    values = {key: np.zeros_like(getattr(motion, key)) for key in SourceMotion.SHAPES}
    values["scale"] = np.ones_like(motion.scale)
    kp = np.zeros((21, 3), np.float32)
    kp[NOSE] = (0, 0.1, -0.4)  # towards the viewer
    kp[CROWN] = (0, -0.6, 0)
    values["kp"] = kp.reshape(1, 63)
    source = SourcePose(SourceMotion(**values))
    driven = MotionControl(RunOptions(), is_video=False).drive(source, REST, REST, 0, control)
    return np.asarray(driven_keypoints(driven)[0, :, :2] - source.keypoints[0, :, :2], np.float32)


def moved(**steering: float) -> FloatArray:
    return points(turned(NO_CONTROL, Steering(**steering)))


def test_eyes_look_where_they_are_asked_to() -> None:
    right, left = moved(gaze_x=1)[IRISES], moved(gaze_x=-1)[IRISES]
    assert (right[:, 0] > 0.01).all()
    assert (left[:, 0] < -0.01).all()
    assert not right[:, 1].any()
    assert (moved(gaze_y=1)[IRISES, 1] < -0.01).all()  # up
    assert (moved(gaze_y=-1)[IRISES, 1] > 0.01).all()


def test_the_head_turns_where_it_is_asked_to() -> None:
    assert moved(yaw=20)[NOSE, 0] > 0.1
    assert moved(yaw=-20)[NOSE, 0] < -0.1
    assert moved(pitch=20)[NOSE, 1] < -0.1
    assert moved(pitch=-20)[NOSE, 1] > 0.1
    assert moved(roll=20)[CROWN, 0] > 0.1  # clockwise
    assert moved(roll=-20)[CROWN, 0] < -0.1


def test_the_eyes_stay_with_the_viewer_while_the_head_turns() -> None:
    assert (moved(yaw=20)[IRISES, 0] < 0).all()
    assert (moved(pitch=20)[IRISES, 1] > 0).all()


def test_nothing_asked_is_no_control_at_all() -> None:
    control = FrameControl(delta_yaw=3.0)
    assert turned(control, Steering()) is control
    assert turned(NO_CONTROL, Steering()) is NO_CONTROL


def test_it_is_on_top_of_what_the_options_ask() -> None:
    given = FrameControl(delta_yaw=3.0, delta_pitch=2.0, delta_exp=np.ones(63, np.float32), vad_alpha=0.5)
    control = turned(given, Steering(yaw=10, roll=-4))
    assert (control.delta_yaw, control.delta_pitch, control.delta_roll) == (-7.0, 2.0, -4.0)
    assert control.vad_alpha == 0.5
    np.testing.assert_array_equal(control.delta_exp, given.delta_exp)
    looking = turned(given, Steering(gaze_x=1)).delta_exp
    assert looking is not None
    assert looking[33] > 1
    assert given.delta_exp is not None
    assert given.delta_exp[33] == 1


@pytest.mark.parametrize(
    "wrong", [{"yaw": 31}, {"pitch": -31}, {"roll": float("nan")}, {"gaze_x": 1.1}, {"gaze_y": -2}]
)
def test_too_far_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(AnimatorError, match=f"{next(iter(wrong))} must be between"):
        Steering(**wrong)
