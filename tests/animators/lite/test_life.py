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


def test_gazes_move_in_saccades_and_rest_between() -> None:
    gaze = np.array([(m.gaze_x, m.gaze_y) for m in film(Life(3, blinks_per_minute=0), 60)])
    still = np.abs(np.diff(gaze, axis=0)).max(axis=1) == 0
    assert 0.7 < still.mean() < 0.98
    assert np.abs(gaze).max() > 0.05


def test_a_listener_nods_a_little_and_a_speaker_on_stresses() -> None:
    def dips(life: Life, presence: float, stress: bool) -> np.ndarray:
        beats = [life.at(n * FRAME_SAMPLES, presence, float(stress and n % 15 < 3)).pitch for n in range(25 * 60)]
        return np.array(beats)

    assert np.abs(dips(Life(4), 1.0, True) - dips(Life(4), 1.0, False)).max() > 0.3
    listening, away = Life(4), Life(4)
    away.away = True
    brows = [max(abs(m.brow) for m in film(life, 60)) for life in (listening, away)]
    assert brows[0] > 0.1  # brows go along with a listener's nods
    assert brows[1] < 0.5 * brows[0]


def test_stress_raises_the_brows() -> None:
    life = Life(9)
    calm = max(m.brow for m in (life.at(n * FRAME_SAMPLES, 0.0, 0.0) for n in range(50)))
    stressed = max(life.at(n * FRAME_SAMPLES, 1.0, float(50 <= n < 54)).brow for n in range(50, 60))
    assert stressed > calm + 0.2


def test_away_it_looks_around_and_breathes_slowly() -> None:
    def breaths(motions: list[Motion]) -> int:
        up = np.array([m.breath for m in motions]) > 0
        return int(np.count_nonzero(up[1:] & ~up[:-1]))

    here, gone = Life(11), Life(11)
    gone.away = True
    present, absent = film(here, 120), film(gone, 120)
    assert breaths(absent) < 0.8 * breaths(present)
    looks = [np.mean([max(abs(m.gaze_x), abs(m.gaze_y)) > 0.4 for m in motions]) for motions in (present, absent)]
    assert looks[1] > 3 * looks[0]
    assert looks[1] < 0.9


def test_going_away_and_coming_back_ease() -> None:
    life = Life(12)
    motions = []
    for n in range(25 * 40):
        life.away = 250 <= n < 600
        motions.append(life.at(n * FRAME_SAMPLES, 0.0, 0.0))
    heads = np.array([(m.x, m.y, m.roll, m.yaw, m.pitch, m.breath, m.brow) for m in motions])
    assert np.abs(np.diff(heads, axis=0)).max() < 0.25
    other = film(Life(12), 40)
    assert motions[:250] == other[:250]
    assert motions[-1].yaw == pytest.approx(other[-1].yaw, abs=1e-6)


def test_eyes_jump_and_never_glide_when_words_begin_and_end_or_somebody_goes_and_comes() -> None:
    life = Life(3, blinks_per_minute=0)
    gaze = []
    for n in range(25 * 240):
        life.away = n // 25 % 60 > 45
        motion = life.at(n * FRAME_SAMPLES, float(n // 25 % 7 < 4), 0.0)
        gaze.append((motion.gaze_x, motion.gaze_y))
    moving = np.abs(np.diff(np.array(gaze), axis=0)).max(axis=1) > 0.02
    longest = max(len(run) for run in "".join("x" if on else " " for on in moving).split())
    assert moving.any()
    assert longest <= 6  # frames: two jumps, one after the other


def test_back_from_away_the_eyes_are_at_the_camera_before_the_head_is() -> None:
    life = Life(11, blinks_per_minute=0)
    life.away = True
    motions = film(life, 60)
    aside = next(n for n in range(500, 1500) if abs(motions[n].gaze_x) > 0.6)
    life = Life(11, blinks_per_minute=0)
    life.away = True
    film(life, aside / 25)
    life.away = False
    back = film(life, 1, first=aside)
    assert abs(back[5].gaze_x) < 0.15
    assert abs(back[5].yaw) > 0.1
