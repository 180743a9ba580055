"""Run options as configs, profiles and callers write them."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import pytest

from vcam.animators.ditto.emotions import emotion_rows
from vcam.animators.ditto.motion import SourceMotion
from vcam.animators.ditto.options import FrameControl, RunOptions
from vcam.errors import AnimatorError

CHARACTER = {
    "x_s_info_lst": [{key: np.zeros(shape) for key, shape in SourceMotion.SHAPES.items()}] * 2,
    "sc": np.zeros(63),
    "eye_open_lst": [[0.1, 0.2]] * 2,
    "eye_ball_lst": [np.zeros((1, 6))] * 2,
}
WEIRD: list[Any] = [
    *(True, "no", "false", "", b"x", object(), 0, -5, 2**70, 1.5, float("nan"), float("inf")),
    *([], [[]], [1], [-3, 900], [[1, 2], [3]], [[0.1] * 63], {}, {"a": 1}, {"exp": float("nan")}, {3: [1]}),
    *({3: None}, {"x": {}}, {3: {"delta_exp": [1, 2]}}, {3: {"fade_out_keys": ["nose"]}}, {"x_s_info_lst": [1]}),
    *(np.zeros((0, 8)), np.zeros((0, 63)), np.zeros((1, 265)), np.full((2, 265), np.nan)),
]


def set_to(name: str, value: Any) -> Any:
    return getattr(RunOptions().replaced({name: value}), name)


@pytest.mark.parametrize("name", [field.name for field in fields(RunOptions)])
def test_anything_odd_is_taken_or_refused_in_words(name: str) -> None:
    refusals = []
    for value in WEIRD:
        try:
            set_to(name, value)
        except AnimatorError as error:
            refusals.append(error.message)
    assert refusals
    told = (f"The run option {name} cannot be", name, "There is no control", "The control", "A frame's controls")
    assert [message for message in refusals if not message.startswith(told)] == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("relative_d", "false"), ("flag_stitching", "no"), ("drive_eye", 2), ("crop_scale", True)),
        *(("template_n_frames", 0), ("template_n_frames", -2), ("N_d", -2), ("max_size", None)),
        *(("v_min_max_for_clip", np.zeros((1, 265))), ("delta_eye_arr", np.zeros((0, 63)))),
        *(("delta_eye_open_n", []), ("delta_eye_open_n", [20, -1]), ("fix_kp_cond_dim", [5, 1])),
        *(("fade_out_keys", ["nose"]), ("use_d_keys", "nose"), ("emo", [0.5] * 8), ("emo", "bored"), ("emo", {3: 1})),
    ],
)
def test_what_could_be_misunderstood_is_refused(name: str, value: Any) -> None:
    with pytest.raises(AnimatorError):
        set_to(name, value)


def test_arrays_are_given_as_arrays_or_lists() -> None:
    bounds = np.arange(4 * 265.0).reshape(4, 265)
    for given in (bounds, bounds.tolist()):
        made = set_to("v_min_max_for_clip", given)
        assert made.dtype == np.float32
        np.testing.assert_array_equal(made, bounds)


def test_emotions_are_classes_names_or_shares() -> None:
    assert set_to("emo", 3) == set_to("emo", np.int64(3)) == set_to("emo", "happy") == ((3,),)
    assert set_to("emo", [3, 4]) == set_to("emo", ["happy", "neutral"]) == ((3, 4),)
    assert set_to("emo", [[4], (3, 4), ["sad"]]) == ((4,), (3, 4), (5,))
    shares = np.eye(8)[[3, 4]]
    for given in (shares, shares.tolist()):
        np.testing.assert_array_equal(emotion_rows(set_to("emo", given)), shares)


def test_keys_are_names_or_names_with_factors() -> None:
    assert set_to("use_d_keys", ("exp", "t")) == set_to("use_d_keys", ["exp", "t"]) == {"exp": 1.0, "t": 1.0}
    assert set_to("use_d_keys", {"exp": 1.3}) == {"exp": 1.3}
    assert set_to("fade_out_keys", "exp") == ("exp",)


def test_none_is_for_options_that_may_be_unset() -> None:
    made = RunOptions(delta_eye_arr=np.zeros((15, 63), np.float32), fade_type="s")
    made = made.replaced({"delta_eye_arr": None, "fade_type": None, "ctrl_info": None})
    assert made.delta_eye_arr is None
    assert (made.fade_type, made.ctrl_info) == ("", {})


def test_another_character_is_read_as_the_reference_has_it() -> None:
    who = set_to("ch_info", CHARACTER)
    assert (len(who.motions), who.eye_open.shape, who.eye_ball.shape) == (2, (2, 2), (2, 6))
    for key in CHARACTER:
        with pytest.raises(AnimatorError, match=f"'{key}' is missing"):
            set_to("ch_info", {name: value for name, value in CHARACTER.items() if name != key})


def test_controls_of_frames() -> None:
    controls = set_to("ctrl_info", {3: {"delta_yaw": 5, "delta_exp": 0.5}, "4": {"delta_exp": np.ones((1, 63))}})
    assert controls[3].delta_yaw == 5.0
    np.testing.assert_array_equal(controls[3].delta_exp, np.full(63, 0.5, np.float32))
    assert controls[4].delta_exp.shape == (63,)
    assert set_to("overall_ctrl_info", {"delta_pitch": 2}) == FrameControl(delta_pitch=2.0)
