"""From what was seen and heard to rows: known delays, losses and repetitions are found, and judged."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest

from vcam.media import FRAME_SAMPLES, SAMPLE_RATE
from vcam.selftest.figures import Frames, Heard, judge
from vcam.selftest.lips import loudness
from vcam.selftest.marks import REMEMBERED, FrameMark
from vcam.selftest.result import Row, SelfTest
from vcam.selftest.stimulus import Stimulus, make_stimulus
from vcam.selftest.viewer import Seen

START = 5000.0  # monotonic seconds at PTS 0
BEGAN = 2.0  # s after that the stimulus
DELAY = 0.150  # s
FPS = Fraction(25)


@pytest.fixture(scope="module")
def stimulus() -> Stimulus:
    return make_stimulus(12)


def pictures(
    stimulus: Stimulus, mouth_late: float = 0.0, late: float = 0.0, keep: Callable[[int], bool] = lambda number: True
) -> list[Seen]:
    """What a perfect session shows, only all of it ``late``, its mouth ``mouth_late``, and of it what ``keep`` says."""
    speech = stimulus.speech()
    clicks = {int((BEGAN + at) * FPS): round((BEGAN + at) * SAMPLE_RATE) for at in stimulus.clicks}
    numbers = range(int((BEGAN + stimulus.seconds) * FPS) + 5)
    starts = np.array(numbers, float) * FRAME_SAMPLES - (BEGAN + mouth_late) * SAMPLE_RATE
    noise = np.random.default_rng(3)
    seen = []
    for number, opening in zip(numbers, loudness(speech, starts), strict=True):
        small = noise.normal(100, 1, (54, 96))
        small[35:38, 44:52] += 80 * opening
        frame = FrameMark(number, clicks.get(number))
        at = START + number / float(FPS) + DELAY + late + noise.uniform(0, 0.002)
        if keep(number):
            seen.append(Seen(at, number * FRAME_SAMPLES, frame, small.astype(np.uint8)))
    return seen


def heard(stimulus: Stimulus, voice_late: float = 0.0) -> Heard:
    spoken = [START + BEGAN + at for at in stimulus.clicks]
    return Heard(spoken, [at + DELAY + voice_late for at in spoken], [at + 0.003 for at in spoken])


def rows(stimulus: Stimulus, seen: list[Seen], sound: Heard) -> dict[str, Row]:
    return {row.key: row for row in judge(seen, sound, stimulus, FPS, (DELAY, DELAY))}


def value(row: Row) -> float:
    assert row.value is not None
    return row.value


def test_a_session_in_step_keeps_all_limits(stimulus: Stimulus) -> None:
    found = rows(stimulus, pictures(stimulus), heard(stimulus))
    assert value(found["camera_latency"]) == pytest.approx(151, abs=1)
    assert value(found["voice_latency"]) == pytest.approx(150, abs=1)
    assert value(found["skew"]) == pytest.approx(1, abs=1)
    assert value(found["lips"]) == pytest.approx(0, abs=20)
    assert value(found["lips_skew"]) == pytest.approx(0, abs=20)
    assert value(found["jitter"]) < 2
    assert value(found["clocks"]) == pytest.approx(-3, abs=0.2)
    assert found["dropped"].value == found["repeated"].value == found["unreadable"].value == 0
    assert all(row.passed for row in found.values())


def test_a_late_voice_is_a_negative_skew_and_missed(stimulus: Stimulus) -> None:
    found = rows(stimulus, pictures(stimulus), heard(stimulus, voice_late=0.08))
    assert value(found["skew"]) == pytest.approx(-79, abs=1)
    assert not found["skew"].passed
    assert found["camera_latency"].passed


def test_a_late_picture_is_missed_by_delay_and_skew(stimulus: Stimulus) -> None:
    found = rows(stimulus, pictures(stimulus, late=0.06), heard(stimulus))
    assert value(found["skew"]) == pytest.approx(61, abs=1)
    assert not found["camera_latency"].passed
    assert not found["skew"].passed


def test_a_late_mouth_is_seen_in_the_pixels_alone(stimulus: Stimulus) -> None:
    found = rows(stimulus, pictures(stimulus, mouth_late=0.12), heard(stimulus))
    assert found["skew"].passed
    assert value(found["lips"]) == pytest.approx(120, abs=20)
    assert not found["lips_skew"].passed


def test_every_fifth_picture_lost_is_counted(stimulus: Stimulus) -> None:
    seen = pictures(stimulus, keep=lambda number: number % 5 > 0)
    found = rows(stimulus, seen, heard(stimulus))
    assert value(found["dropped"]) == pytest.approx(len(seen) / 4, abs=2)
    assert not found["dropped"].passed


def test_nothing_seen_is_missed_and_not_passed_over(stimulus: Stimulus) -> None:
    found = rows(stimulus, [], heard(stimulus))
    missed = {key for key, row in found.items() if not row.passed}
    assert missed == {"camera_latency", "skew", "dropped"}
    assert found["skew"].text == "not measured"


def test_frames_that_were_not_drawn_are_told_from_those_lost_on_the_way() -> None:
    small = np.zeros((54, 96), np.uint8)
    numbers = [0, 1, 2, 2, 4, 5, 7]  # 3 was not drawn in time; the picture of 6 was lost
    ticks = [0, 1, 2, 3, 4, 5, 7]
    seen = [
        Seen(tick / 25, tick * FRAME_SAMPLES, FrameMark(number), small)
        for tick, number in zip(ticks, numbers, strict=True)
    ]
    frames = Frames.of(seen, FPS)
    assert (frames.lost, frames.unshown, frames.repeated, frames.twice) == (1, 1, 1, 0)


def test_at_30_a_second_frames_shown_twice_are_as_they_should_be() -> None:
    small = np.zeros((54, 96), np.uint8)
    fps = Fraction(30)
    seen = [
        Seen(tick / 30, pts, FrameMark(pts // FRAME_SAMPLES), small)
        for tick in range(60)
        for pts in [int(tick * SAMPLE_RATE / fps)]
    ]
    frames = Frames.of(seen, fps)
    assert (frames.lost, frames.unshown, frames.repeated, frames.twice) == (0, 0, 0, 0)
    assert np.abs(frames.jitter).max() < 1e-4


def test_a_slow_camera_passes_no_click_over(stimulus: Stimulus) -> None:
    clicks = [round((BEGAN + at) * SAMPLE_RATE) for at in stimulus.clicks]
    seen = []
    for tick in range(int((BEGAN + stimulus.seconds) * 5)):
        number = tick * 5
        before = [click for click in clicks if 0 < (number + 1) * FRAME_SAMPLES - click <= REMEMBERED]
        mark = FrameMark(number, max(before, default=None))
        seen.append(Seen(START + tick / 5 + DELAY, tick * 3200, mark, np.zeros((54, 96), np.uint8)))
    found = {row.key: row for row in judge(seen, heard(stimulus), stimulus, Fraction(5), (DELAY, DELAY))}
    assert value(found["skew"]) == pytest.approx(0, abs=0.5)
    assert found["skew"].note.startswith(f"{len(clicks)} clicks")


def test_missed_rows_are_named() -> None:
    result = SelfTest("a", "b", "c", "d", 6, [Row("skew", "skew", -80.25, "ms", -20, 20), Row("x", "x", 3, "")])
    assert not result.passed
    assert result.missed == ["skew -80.2 ms (limit ±20 ms)"]
    assert result.to_dict()["rows"][0]["passed"] is False
    with pytest.raises(KeyError):
        result.row("unknown")
