from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from vcam.animators.ditto.avatar import Character
from vcam.animators.ditto.conditions import Conditions, ConditionUse
from vcam.animators.ditto.emotions import emotion_rows
from vcam.animators.ditto.motion import SourceMotion
from vcam.errors import AnimatorError
from vcam.media import FloatArray

EMOTION, EYE_OPEN, EYE_BALL, IDENTITY = slice(1024, 1032), slice(1032, 1034), slice(1034, 1040), slice(1040, 1103)
NEUTRAL = ((4,),)


def character(frames: int = 1) -> Character:
    motion = SourceMotion(**{key: np.zeros(shape, np.float32) for key, shape in SourceMotion.SHAPES.items()})
    at = np.arange(frames, dtype=np.float32)[:, None]
    return Character((motion,) * frames, np.arange(63, dtype=np.float32), at.repeat(2, 1) + 100, at.repeat(6, 1) + 200)


def features(count: int) -> FloatArray:
    return np.random.default_rng(count).normal(size=(count, 1024)).astype(np.float32)


def classes(rows: FloatArray) -> list[int]:
    return [int(row.argmax()) for row in rows[:, EMOTION]]


def test_everything_has_its_place() -> None:
    conditions, heard = Conditions(ConditionUse(), character(), NEUTRAL), features(5)
    rows = conditions.rows(0, heard)
    assert rows.shape == (5, conditions.size) == (5, 1103)
    assert rows.dtype == np.float32
    np.testing.assert_array_equal(rows[:, :1024], heard)
    assert rows[0, EMOTION][4] == pytest.approx(0.9977, abs=5e-5)
    np.testing.assert_allclose(rows[:, EMOTION].sum(axis=1), 1, rtol=1e-6)
    assert (rows[:, EYE_OPEN] == 100).all()
    assert (rows[:, EYE_BALL] == 200).all()
    np.testing.assert_array_equal(rows[3, IDENTITY], np.arange(63))


@pytest.mark.parametrize(
    ("flags", "size"),
    [
        ({"use_emo": True, "use_eye_open": True, "use_eye_ball": True, "use_sc": True}, 1103),
        ({"use_emo": True, "use_eye_open": False, "use_eye_ball": False, "use_sc": False}, 1032),
        ({"use_eye_open": True, "use_eye_ball": True}, 1032),
        ({"use_sc": True}, 1087),
        ({}, 1024),
    ],
)
def test_only_what_the_config_uses(flags: dict[str, Any], size: int) -> None:
    use = ConditionUse.of({**flags, "audio_feat_dim": size})
    assert Conditions(use, character(), NEUTRAL).rows(0, features(3)).shape == (3, size)


@pytest.mark.parametrize("size", [1059, 1024, None, "1103"])
def test_a_size_that_the_flags_do_not_add_up_to_is_refused(size: object) -> None:
    flags = {"use_emo": True, "use_eye_open": True, "use_eye_ball": True, "use_sc": True}
    with pytest.raises(AnimatorError, match="add up to 1103"):
        ConditionUse.of({**flags, "audio_feat_dim": size})


def test_emotions_repeat_and_silence_before_has_the_first() -> None:
    conditions = Conditions(ConditionUse(), character(), ((1,), (2,), (3,)))
    assert classes(conditions.rows(-4, features(12))) == [1, 1, 1, 1, 1, 2, 3, 1, 2, 3, 1, 2]


def test_several_emotions_share() -> None:
    (row,) = emotion_rows(((3, 6),))
    assert row[3] == row[6] == pytest.approx(0.5, abs=2e-3)


def test_emotions_may_be_an_array() -> None:
    given = np.random.default_rng(0).random((7, 8)).astype(np.float32)
    rows = Conditions(ConditionUse(), character(), given).rows(5, features(4))
    np.testing.assert_array_equal(rows[:, EMOTION], given[[5, 6, 0, 1]])


def test_a_videos_eyes_go_there_and_back() -> None:
    rows = Conditions(ConditionUse(), character(3), NEUTRAL).rows(-2, features(10))
    assert rows[:, 1032].tolist() == [100, 100, 100, 101, 102, 102, 101, 100, 100, 101]
    assert rows[:, 1034].tolist() == [200, 200, 200, 201, 202, 202, 201, 200, 200, 201]


def test_eyes_may_stay_with_the_first_frame() -> None:
    rows = Conditions(ConditionUse(), character(3), NEUTRAL, first_eyes_only=True).rows(0, features(10))
    assert set(rows[:, 1032]) == {100}


def test_a_change_begins_with_the_next_frame() -> None:
    conditions = Conditions(ConditionUse(), character(), NEUTRAL)
    conditions.rows(0, features(10))
    conditions.set_emotions(((0,), (1,)))
    rows = conditions.rows(10, features(4))
    assert classes(rows) == [0, 1, 0, 1]
    assert set(rows[:, 1034]) == {200}


def test_a_change_can_be_eased() -> None:
    conditions = Conditions(ConditionUse(), character(), NEUTRAL)
    conditions.rows(0, features(10))
    conditions.set_emotions(((3,),), ease=4)
    eased = np.concatenate([conditions.rows(10, features(2)), conditions.rows(12, features(4))])[:, 1024 + 3]
    np.testing.assert_allclose(np.diff(eased[:5]), 0.2 * (0.9977 - 0.0003), atol=1e-3)
    assert eased[4] == eased[5] == pytest.approx(0.9977, abs=5e-5)


def test_a_change_within_a_change_goes_on_from_there() -> None:
    conditions = Conditions(ConditionUse(), character(), NEUTRAL)
    seen = []
    for frame in range(60):
        seen.append(conditions.rows(frame, features(1))[0, EMOTION])
        if frame % 3 == 0:
            conditions.set_emotions(((frame % 8,),), ease=10)
    # A share of 1 in 11 of the way at most.
    assert np.abs(np.diff(seen, axis=0)).max() < 0.1


def test_an_empty_change_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Conditions(ConditionUse(), character(), NEUTRAL).set_emotions(np.empty((0, 8), np.float32))
