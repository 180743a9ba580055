"""Which parts of a face follow the motion, and what the controls of a frame do to it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.animators.ditto.golden import Case, every_case
from vcam.animators.ditto.avatar import Character
from vcam.animators.ditto.blinks import Blinks, reference_blinks
from vcam.animators.ditto.controls import (
    EYE_POINTS,
    LIP_POINTS,
    Driven,
    MotionControl,
    SourcePose,
    driven_keypoints,
    scale_ratio,
    timeline,
    turn_eyes,
)
from vcam.animators.ditto.keypoints import degrees
from vcam.animators.ditto.motion import EXP, KEYS, PITCH, ROLL, SCALE, YAW, SourceMotion, T
from vcam.animators.ditto.options import FrameControl, RunOptions
from vcam.animators.ditto.randomness import Legacy
from vcam.errors import AnimatorError
from vcam.media import FloatArray

RNG = np.random.default_rng(11)
MOTION = SourceMotion(
    **{key: RNG.normal(0, 0.3, shape).astype(np.float32) for key, shape in SourceMotion.SHAPES.items()}
)
MOTION.scale[:] = 1.2
SOURCE = SourcePose(MOTION)
D0, ROW = RNG.normal(0, 0.3, (2, 265)).astype(np.float32)
DELTA = ROW - D0


def drive(
    control: FrameControl | None = None,
    *,
    is_video: bool = False,
    ratio: float = 1.0,
    blinks: Blinks | None = None,
    row: FloatArray = ROW,
    frame: int = 0,
    **options: Any,
) -> Driven:
    options.setdefault("drive_eye", False)  # without the eyes' own turning, except where a test is about it
    made = MotionControl(RunOptions().replaced(options), is_video, ratio, blinks)
    return made.drive(SOURCE, row, D0, frame, control or FrameControl())


def components(points: Iterable[int]) -> list[int]:
    return [3 * point + axis for point in points for axis in range(3)]


@every_case
def test_key_points_are_the_golden_ones(case: Case) -> None:
    golden, options, frames = case.golden, case.options, int(case.golden["num_f"])
    sources = [SourcePose(frame.motion) for frame in case.avatar.frames]
    blinks = None
    if options.delta_eye_arr is not None:
        blinks = reference_blinks(Legacy(case.seed), len(options.delta_eye_arr), frames, options.delta_eye_open_n)
    motion = MotionControl(options, case.avatar.is_video, scale_ratio(case.avatar.frames[0].motion, options), blinks)
    controls = golden_timeline(case)
    assert controls == {int(at): FrameControl.of(one) for at, one in json.loads(str(golden["frame_ctrl"])).items()}
    for frame, row in enumerate(golden["motion"]):
        source = sources[case.avatar.index(frame)]
        control = controls.get(frame, FrameControl()).over(options.overall_ctrl_info)
        x_d = driven_keypoints(motion.drive(source, row, golden["d0"], frame, control))
        assert source.keypoints[0] == pytest.approx(golden["x_s"][frame % len(golden["x_s"])], abs=2e-6)
        assert x_d[0] == pytest.approx(golden["x_d_before_stitch"][frame], abs=2e-6)


def golden_timeline(case: Case) -> dict[int, FrameControl]:
    run = case.run_kwargs
    given = {int(at): FrameControl.of(control) for at, control in run.get("ctrl_info", {}).items()}
    return timeline(int(case.golden["num_f"]), run.get("fade_in", -1), run.get("fade_out", -1), given)


def test_a_picture_follows_in_pose_place_and_lips() -> None:
    driven = drive()
    for key in (PITCH, YAW, ROLL, T):
        assert driven.values[key] == pytest.approx(SOURCE.values[key] + DELTA[key])
    assert driven.values[SCALE] == pytest.approx([1.2])
    lips = components(LIP_POINTS)
    expected = SOURCE.values[EXP].copy()
    expected[lips] += DELTA[EXP][lips]
    assert driven.values[EXP] == pytest.approx(expected)


def test_a_video_follows_in_its_lips_alone() -> None:
    driven = drive(is_video=True, drive_eye=None)
    assert np.array_equal(driven.values[: EXP.start], SOURCE.values[: EXP.start])
    moved = np.flatnonzero(driven.values[EXP] != SOURCE.values[EXP])
    assert moved.tolist() == sorted(components(LIP_POINTS))


def test_eyes_follow_where_they_are_driven() -> None:
    driven = drive(drive_eye=True, use_d_keys=["exp"])  # the head stands still, so the gaze needs no correction
    moved = np.flatnonzero(np.abs(driven.values[EXP] - SOURCE.values[EXP]) > 1e-5)
    assert moved.tolist() == sorted(components(LIP_POINTS + EYE_POINTS))


def test_factors_of_keys_and_the_character_multiply() -> None:
    driven = drive(use_d_keys={"exp": 1.3, "yaw": 0.5, "t": 2.0, "scale": 1.0}, ratio=1.1)
    assert np.array_equal(driven.values[PITCH], SOURCE.values[PITCH])
    assert driven.values[YAW] == pytest.approx(SOURCE.values[YAW] + DELTA[YAW] * 0.55, rel=1e-5)
    assert driven.values[T] == pytest.approx(SOURCE.values[T] + DELTA[T] * 2, rel=1e-5)
    assert driven.values[SCALE] == pytest.approx(SOURCE.values[SCALE] + DELTA[SCALE])
    lip = 3 * LIP_POINTS[0]
    assert driven.values[EXP][lip] == pytest.approx(SOURCE.values[EXP][lip] + DELTA[EXP][lip] * 1.43, rel=1e-5)


def test_absolute_motion_needs_no_d0() -> None:
    control = MotionControl(
        RunOptions().replaced({"relative_d": False, "use_d_keys": ["pitch", "scale"], "drive_eye": False}), False
    )
    driven = control.drive(SOURCE, ROW, None, 0)
    assert np.array_equal(driven.values[PITCH], ROW[PITCH])
    assert driven.values[SCALE] == pytest.approx(ROW[SCALE] + 1)
    assert np.array_equal(driven.values[YAW], SOURCE.values[YAW])


def test_relative_motion_without_d0_is_refused() -> None:
    with pytest.raises(ValueError, match="d0"):
        MotionControl(RunOptions(), False).drive(SOURCE, ROW, None, 0)


def test_a_row_of_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match="motion row"):
        drive(row=np.zeros(264, np.float32))


def test_the_ratio_is_how_much_larger_the_character_is() -> None:
    larger = replace(MOTION, scale=np.array([[1.8]], np.float32))
    character = Character(
        (larger,), np.zeros(63, np.float32), np.zeros((1, 2), np.float32), np.zeros((1, 6), np.float32)
    )
    assert scale_ratio(MOTION, RunOptions(ch_info=character)) == pytest.approx(1.5)
    assert scale_ratio(MOTION, RunOptions()) == 1.0


def test_blinks_are_laid_over_the_sources_eyes() -> None:
    class Third(Blinks):
        def row(self, frame: int) -> int:
            return frame

    curve = RNG.normal(size=(15, 63)).astype(np.float32)
    driven = drive(drive_eye=True, delta_eye_arr=curve, use_d_keys=["pitch"], row=D0, frame=3, blinks=Third())
    eyes = components(EYE_POINTS)
    expected = SOURCE.values[EXP].copy()
    expected[eyes] += curve[3][eyes]
    assert driven.values[EXP] == pytest.approx(expected, abs=1e-6)


def test_a_curve_without_blinks_is_refused() -> None:
    with pytest.raises(ValueError, match="blinks"):
        drive(drive_eye=True, delta_eye_arr=np.zeros((15, 63), np.float32))


def test_deltas_are_degrees_and_their_factors_too() -> None:
    plain = drive().degrees()
    turned = drive(FrameControl(delta_pitch=4, delta_yaw=-6, alpha_yaw=0.5)).degrees()
    assert turned == pytest.approx([plain[0] + 4, (plain[1] - 6) / 2, plain[2]], abs=1e-4)


def test_a_factor_alone_multiplies_logits() -> None:
    plain, turned = drive(), drive(FrameControl(alpha_roll=0.5))
    assert turned.values[ROLL] == pytest.approx(plain.values[ROLL] / 2)


def test_an_expression_is_added_after_silence_has_calmed_the_face() -> None:
    delta = RNG.normal(size=63).astype(np.float32)
    driven = drive(FrameControl(vad_alpha=0.25, delta_exp=delta))
    expected = 0.25 * drive().values[EXP] + 0.75 * SOURCE.values[EXP] + delta
    assert driven.values[EXP] == pytest.approx(expected, abs=1e-6)


def test_a_fade_to_the_source_ends_there() -> None:
    options: dict[str, Any] = {"fade_type": "s", "fade_out_keys": list(KEYS)}
    assert drive(FrameControl(fade_alpha=0), **options).values == pytest.approx(SOURCE.values)
    half = drive(FrameControl(fade_alpha=0.5), **options).values
    assert half == pytest.approx((drive().values + SOURCE.values) / 2, abs=1e-6)


def test_a_fade_touches_its_keys_only_and_a_frame_may_name_others() -> None:
    faded = drive(FrameControl(fade_alpha=0), fade_type="s")
    assert np.array_equal(faded.values[EXP], SOURCE.values[EXP])
    assert np.array_equal(faded.values[YAW], drive().values[YAW])
    other = drive(FrameControl(fade_alpha=0, fade_out_keys=("yaw",)), fade_type="s")
    assert np.array_equal(other.values[YAW], SOURCE.values[YAW])
    assert np.array_equal(other.values[EXP], drive().values[EXP])


def test_without_a_type_nothing_fades() -> None:
    assert np.array_equal(drive(FrameControl(fade_alpha=0)).values, drive().values)


def test_a_fade_to_d0_ends_at_the_first_frame() -> None:
    options = RunOptions().replaced({"fade_type": "d0", "fade_out_keys": ["exp", "yaw", "kp"], "drive_eye": False})
    control = MotionControl(options, False)
    first = control.drive(SOURCE, ROW, D0, 0).copy()
    later = control.drive(SOURCE, ROW + 1, D0, 1, FrameControl(fade_alpha=0))
    assert later.values[EXP] == pytest.approx(first.values[EXP])
    assert later.values[YAW] == pytest.approx(first.values[YAW])
    assert later.values[PITCH] != pytest.approx(first.values[PITCH])


def test_a_turned_head_fades_in_degrees() -> None:
    control = FrameControl(fade_alpha=0.5, fade_out_keys=("yaw",), delta_yaw=10)
    driven = drive(control, fade_type="s")
    turned = drive(FrameControl(delta_yaw=10)).degrees()[1]
    assert driven.degrees()[1] == pytest.approx((turned + SOURCE.angles[1]) / 2, abs=1e-4)


def test_an_unknown_key_to_fade_is_refused() -> None:
    with pytest.raises(AnimatorError, match="nose"):
        drive(FrameControl(fade_alpha=0, fade_out_keys=("nose",)), fade_type="s")


def test_the_gaze_stays_while_the_head_turns() -> None:
    still = drive(drive_eye=True, use_d_keys=["exp"])
    turned = drive(FrameControl(delta_yaw=10, delta_pitch=-5), drive_eye=True, use_d_keys=["exp"])
    change = turned.values[EXP] - still.values[EXP]
    expected = np.zeros(63)
    expected[[33, 45]] = 10 * 0.26 * np.array([0.0007, 0.001])
    expected[[34, 46]] = -5 * 0.28 * -0.001
    assert change == pytest.approx(expected, abs=1e-6)


def test_eyes_turn_further_on_the_side_they_turn_to() -> None:
    right, left = np.zeros((2, 63), np.float32)
    turn_eyes(right, 1, 0)
    turn_eyes(left, -1, 0)
    assert right[[33, 45]] == pytest.approx(-left[[45, 33]])


def test_a_timeline_fades_in_and_out_over_other_controls() -> None:
    made = timeline(10, 2, 4, {1: FrameControl(delta_yaw=3), 5: FrameControl(vad_alpha=0.5)})
    assert {at: one.fade_alpha for at, one in made.items()} == {0: 0, 1: 0.5, 5: 1, 6: 0.75, 7: 0.5, 8: 0.25, 9: 0}
    assert made[1].delta_yaw == 3
    assert made[5].vad_alpha == 0.5


def test_a_fade_longer_than_the_run_begins_on_its_way() -> None:
    assert timeline(3, -1, 4)[0].fade_alpha == 0.5


def test_source_angles_are_its_logits() -> None:
    assert SOURCE.angles == pytest.approx(
        np.concatenate([degrees(getattr(MOTION, k)) for k in ("pitch", "yaw", "roll")])
    )
