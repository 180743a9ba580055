from __future__ import annotations

import numpy as np
import pytest

from vcam.animators.lite.life import Life, Motion
from vcam.media import FRAME_SAMPLES


def film(life: Life, seconds: float, presence: float = 0.0, first: int = 0) -> list[Motion]:
    return [life.at((first + n) * FRAME_SAMPLES, presence, 0.5 * presence) for n in range(round(25 * seconds))]


def blinks(motions: list[Motion]) -> int:
    shut = np.array([motion.lid > 0.8 for motion in motions])
    return int(np.count_nonzero(shut[1:] & ~shut[:-1]))


@pytest.mark.parametrize("rate", [6, 15, 30])
def test_it_blinks_about_as_often_as_asked(rate: float) -> None:
    assert blinks(film(Life(1, blinks_per_minute=rate), 600)) / 10 == pytest.approx(rate, rel=0.2)


def test_without_blinks_the_eyes_stay_open() -> None:
    assert {motion.lid for motion in film(Life(1, blinks_per_minute=0), 60)} == {0.0}


def test_blinks_are_not_regular() -> None:
    shut = [n for n, motion in enumerate(film(Life(2), 300)) if motion.lid > 0.8]
    gaps = np.diff([n for n, before in zip(shut[1:], shut, strict=False) if n - before > 5])
    assert gaps.std() > 20


def test_speaking_is_livelier_than_silence() -> None:
    def energy(presence: float) -> float:
        motions = film(Life(5), 60, presence)
        return float(np.abs(np.diff([(m.x, m.y, m.roll, m.yaw, m.pitch) for m in motions], axis=0)).mean())

    assert energy(1.0) > 1.3 * energy(0.0)


def test_it_begins_at_rest_and_stays_in_range() -> None:
    motions = film(Life(6), 120, 1.0)
    first = motions[0]
    assert max(map(abs, (first.x, first.y, first.roll, first.yaw, first.pitch, first.breath))) < 0.25
    reach = np.abs([(m.x, m.y, m.roll, m.yaw, m.pitch) for m in motions]).max()
    assert 0.4 < reach < 2.5
    assert all(0 <= m.lid <= 1 and abs(m.gaze_x) <= 1 and abs(m.gaze_y) <= 1 for m in motions)


def test_motion_depends_on_the_pts_and_not_on_the_number_of_calls() -> None:
    one, other = Life(7), Life(7)
    film(one, 4)
    film(other, 1)
    other.resume()
    late, later = film(one, 8, first=1000), film(other, 8, first=1000)
    assert late[-1].x == pytest.approx(later[-1].x, abs=1e-3)
    assert [m.lid for m in late] == [m.lid for m in later]


def test_a_long_session_has_no_end() -> None:
    year = 365 * 24 * 3600 * 25
    assert max(abs(m.yaw) for m in film(Life(8), 10, first=year)) > 0.05
