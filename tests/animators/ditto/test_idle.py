from __future__ import annotations

import numpy as np
import pytest

from vcam.animators.ditto.idle import IdleMotion
from vcam.animators.ditto.motion import EXP, MOTION_SIZE, YAW
from vcam.animators.ditto.seams import EASE, LIPS
from vcam.media import FloatArray

COLUMN = YAW.start  # any of the pose
EYE = EXP.start + 33


def counting(count: int = 6) -> FloatArray:
    """Rows whose every column is their number."""
    return np.arange(count, dtype=np.float32)[:, None].repeat(MOTION_SIZE, axis=1)


def test_it_is_played_there_and_back() -> None:
    idle = IdleMotion(counting(), np.full(MOTION_SIZE, 9, np.float32))
    rows, which = idle.rows(14)
    assert which == [1, 2, 3, 4, 5, 4, 3, 2, 1, 0, 1, 2, 3, 4]
    assert rows[:, COLUMN].tolist() == which
    assert (rows[:, LIPS] == 9).all()
    assert rows[:, EYE].tolist() == which


@pytest.mark.parametrize("piece", [1, 2, 5, 40])
def test_it_is_entered_where_the_face_is_and_takes_it_along_slowly(piece: int) -> None:
    idle = IdleMotion(counting(100), np.zeros(MOTION_SIZE, np.float32))
    last = np.full(MOTION_SIZE, 60.3, np.float32)
    last[EXP] = 1.0
    idle.enter(last)
    made = [idle.rows(piece) for _ in range(40 // piece)]
    rows = np.concatenate([one for one, _ in made])
    which = [row for _, rows in made for row in rows]
    there = [60 + k if k < 40 else 98 for k in range(EASE, 41)]  # the turn is at 99
    assert which == ([None] * (EASE - 1) + there)[: len(which)]
    steps = np.diff(np.concatenate([last[None], rows]), axis=0)
    assert np.abs(steps[:, COLUMN]).max() < 1.1  # its own pace is 1
    assert np.abs(steps[:, EYE]).max() < 1 + 1.6 * 59 / EASE
    assert np.abs(steps[:, LIPS]).max() < 1.6 / EASE
    np.testing.assert_array_equal(rows[EASE:, LIPS], 0)


def test_what_it_is_made_of_stays_as_it_was() -> None:
    made = counting()
    IdleMotion(made, np.full(MOTION_SIZE, 9, np.float32)).rows(3)
    np.testing.assert_array_equal(made, counting())


def test_a_single_row_does_not_move() -> None:
    with pytest.raises(ValueError, match="two rows"):
        IdleMotion(counting(1), np.zeros(MOTION_SIZE, np.float32))
