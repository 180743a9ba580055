"""Motion rows to what drives the key points: which parts follow the motion, blinks, per-frame controls, fades, gaze."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from vcam.errors import AnimatorError
from vcam.media import FloatArray

from .blinks import Blinks
from .keypoints import POINTS, degrees, keypoints
from .motion import EXP, KEYS, MOTION_SIZE, SourceMotion, T, check
from .options import POSE_KEYS, FrameControl, RunOptions

LIP_POINTS = (6, 12, 14, 17, 19, 20)
EYE_POINTS = (11, 13, 15, 16, 18)
IMAGE_KEYS = ("exp", "pitch", "yaw", "roll", "t")  # driven by default in a still image
VIDEO_KEYS = ("exp",)
CHARACTER_KEYS = ("exp", *POSE_KEYS)  # scaled by the ratio of the character's size to the source's
POSE = slice(1, 199)  # the logits of pitch, yaw and roll in a motion row
NO_CONTROL = FrameControl()

# Gaze: how far the eyes turn against the head, per degree, and what that is in the expression's units.
_GAZE_X, _GAZE_Y = 0.26, 0.28
_GAZE_NEAR, _GAZE_FAR, _GAZE_VERTICAL = 0.0007, 0.001, -0.001
_EYE_X, _EYE_Y = (33, 45), (34, 46)  # components of the expression


class SourcePose:
    """One source frame's motion as this stage needs it, made once.

    ``values``: float32 [265], a motion row with the scale itself; ``angles``: float32 [3], degrees; ``kp``: float32
    [63]; ``keypoints``: float32 [1, 21, 3].
    """

    def __init__(self, motion: SourceMotion) -> None:
        self.values = motion.row()
        self.values[0] = motion.scale[0, 0]
        self.kp = motion.kp[0]
        self.angles = degrees(self.values[POSE].reshape(3, -1))
        self.keypoints = keypoints(self.kp, self.angles, self.values[EXP], float(self.values[0]), self.values[T])


@dataclass(slots=True)
class Driven:
    """The driven face of one frame. ``values``: float32 [265], the scale itself; ``kp``: float32 [63].

    ``angles``: pitch, yaw and roll in degrees where a control has set them, which then replace the logits.
    """

    values: FloatArray
    kp: FloatArray
    angles: list[float | None]

    def degrees(self) -> FloatArray:
        """float32 [3]: pitch, yaw, roll."""
        made = degrees(self.values[POSE].reshape(3, -1))
        for axis, angle in enumerate(self.angles):
            if angle is not None:
                made[axis] = angle
        return made

    def copy(self) -> Driven:
        return Driven(self.values.copy(), self.kp.copy(), list(self.angles))


def scale_ratio(source: SourceMotion, options: RunOptions) -> float:
    """How much larger the motion is made because it belongs to another face (``ch_info``)."""
    if options.ch_info is None:
        return 1.0
    return float(options.ch_info.motions[0].scale[0, 0] / source.scale[0, 0])


class MotionControl:
    """Applies the run options and each frame's controls. One for each stream: a fade to "d0" remembers its first frame.

    Used from one thread; frames come in rising order and may be left out.
    """

    def __init__(self, options: RunOptions, is_video: bool, ratio: float = 1.0, blinks: Blinks | None = None) -> None:
        """``ratio``: see :func:`scale_ratio`; ``blinks``: when to blink, needed where there is a ``delta_eye_arr``."""
        keys = options.use_d_keys
        if keys is None:
            keys = dict.fromkeys(VIDEO_KEYS if is_video else IMAGE_KEYS, 1.0)
        self._drive_eye = not is_video if options.drive_eye is None else options.drive_eye
        self._blinks = blinks
        self._curve: FloatArray | None = None
        moving = [*LIP_POINTS]
        if self._drive_eye and options.delta_eye_arr is not None:
            if blinks is None:
                raise ValueError("a delta_eye_arr needs blinks")
            self._curve = options.delta_eye_arr * _of_points(EYE_POINTS)
        elif self._drive_eye:
            moving += EYE_POINTS
        self._factors = _factors(keys, ratio)
        self._factors[EXP] *= _of_points(moving)
        self._driven = np.zeros(MOTION_SIZE, bool)
        for key in keys.keys() & KEYS.keys():
            self._driven[KEYS[key]] = True
        self._driven[EXP] &= _of_points(moving) > 0
        self._relative = options.relative_d
        self._fade_type = options.fade_type
        self._fade_keys = options.fade_out_keys
        self._first: Driven | None = None

    def drive(
        self,
        source: SourcePose,
        row: FloatArray,
        d0: FloatArray | None,
        frame: int,
        control: FrameControl = NO_CONTROL,
    ) -> Driven:
        """The driven face of output frame ``frame``.

        ``row``: float32 [265], its motion; ``d0``: float32 [265], the motion at which the face looks as in the source
        (None only with ``relative_d`` off). Raises ValueError for other shapes.
        """
        check(row, (MOTION_SIZE,), "a motion row")
        driven = Driven(self._mix(source, row, d0), source.kp.copy(), [None, None, None])
        exp = driven.values[EXP]  # a view
        if self._curve is not None and self._blinks is not None:
            exp += self._curve[self._blinks.row(frame)]
        if control.vad_alpha is not None and control.vad_alpha < 1:
            _blend(exp, source.values[EXP], control.vad_alpha)
        _turn(driven, control)
        if control.delta_exp is not None:
            exp += control.delta_exp
        self._fade(driven, source, control)
        if self._drive_eye:
            _keep_gaze(exp, driven.degrees() - source.angles)
        return driven

    def _mix(self, source: SourcePose, row: FloatArray, d0: FloatArray | None) -> FloatArray:
        if not self._relative:
            own = row.copy()
            own[0] += 1
            return np.where(self._driven, own * self._factors, source.values)
        if d0 is None:
            raise ValueError("relative motion needs d0")
        check(d0, (MOTION_SIZE,), "d0")
        moved: FloatArray = source.values + (row - d0) * self._factors
        return moved

    def _fade(self, driven: Driven, source: SourcePose, control: FrameControl) -> None:
        if not self._fade_type:
            return
        if self._fade_type == "d0" and self._first is None:
            self._first = driven.copy()
        if control.fade_alpha is None:
            return
        target = self._first or Driven(source.values, source.kp, [None, None, None])
        alpha = control.fade_alpha
        for key in self._fade_keys if control.fade_out_keys is None else control.fade_out_keys:
            if key == "kp":
                _blend(driven.kp, target.kp, alpha)
            elif key in POSE_KEYS:
                _blend_pose(driven, target, POSE_KEYS.index(key), alpha)
            elif key in KEYS:
                _blend(driven.values[KEYS[key]], target.values[KEYS[key]], alpha)
            else:
                raise AnimatorError(
                    f"There is nothing called {key!r:.40} to fade.", f"Possible are: {', '.join(KEYS)}."
                )


def driven_keypoints(driven: Driven) -> FloatArray:
    """float32 [1, 21, 3]."""
    values = driven.values
    return keypoints(driven.kp, driven.degrees(), values[EXP], float(values[0]), values[T])


def timeline(
    frames: int, fade_in: int = -1, fade_out: int = -1, controls: Mapping[int, FrameControl] | None = None
) -> dict[int, FrameControl]:
    """The controls of a run of ``frames`` frames, with a fade at its beginning and end (counts of frames; -1: none).

    The first frame shows the fade's target alone, as does the last.
    """
    made = dict(controls or {})
    for frame in range(max(0, fade_in)):
        made[frame] = FrameControl(fade_alpha=frame / fade_in).over(made.get(frame, NO_CONTROL))
    start = frames - 1 - fade_out
    for frame in range(max(0, start), frames) if fade_out > 0 else ():
        alpha = (frames - 1 - frame) / fade_out
        made[frame] = FrameControl(fade_alpha=alpha).over(made.get(frame, NO_CONTROL))
    return made


def _of_points(points: tuple[int, ...] | list[int]) -> FloatArray:
    """float32 [63]: 1 at the points' components, else 0."""
    mask = np.zeros((POINTS, 3), np.float32)
    mask[list(points)] = 1
    return mask.reshape(-1)


def _factors(keys: Mapping[str, float], ratio: float) -> FloatArray:
    factors = np.zeros(MOTION_SIZE, np.float32)
    for key, factor in keys.items():
        if key in KEYS:
            factors[KEYS[key]] = factor * ratio if key in CHARACTER_KEYS else factor
    return factors


def _turn(driven: Driven, control: FrameControl) -> None:
    for axis, (delta, alpha) in enumerate(
        (
            (control.delta_pitch, control.alpha_pitch),
            (control.delta_yaw, control.alpha_yaw),
            (control.delta_roll, control.alpha_roll),
        )
    ):
        if delta is not None:
            angle = float(degrees(driven.values[KEYS[POSE_KEYS[axis]]])) + delta
            driven.angles[axis] = angle if alpha is None else angle * alpha
        elif alpha is not None:
            driven.values[KEYS[POSE_KEYS[axis]]] *= np.float32(alpha)


def _blend(values: FloatArray, target: FloatArray, alpha: float) -> None:
    values *= np.float32(alpha)
    values += target * np.float32(1 - alpha)


def _blend_pose(driven: Driven, target: Driven, axis: int, alpha: float) -> None:
    """Logits with logits, as the reference does; as degrees where one of them has nothing else."""
    key = KEYS[POSE_KEYS[axis]]
    if driven.angles[axis] is None and target.angles[axis] is None:
        _blend(driven.values[key], target.values[key], alpha)
    else:
        driven.angles[axis] = float(driven.degrees()[axis] * alpha + target.degrees()[axis] * (1 - alpha))


def _keep_gaze(exp: FloatArray, turned: FloatArray) -> None:
    """``turned``: degrees of pitch, yaw and roll against the source; the eyes go the other way."""
    turn_eyes(exp, float(turned[1]) * _GAZE_X, float(turned[0]) * _GAZE_Y)


def turn_eyes(exp: FloatArray, x: float, y: float) -> None:
    """Turn the eyes in ``exp`` (float32 [63], in place), against a head turned by ``x`` (yaw) and ``y`` (pitch)."""
    left, right = (_GAZE_NEAR, _GAZE_FAR) if x > 0 else (_GAZE_FAR, _GAZE_NEAR)
    exp[_EYE_X[0]] += left * x
    exp[_EYE_X[1]] += right * x
    for component in _EYE_Y:
        exp[component] += _GAZE_VERTICAL * y
