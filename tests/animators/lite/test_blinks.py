from __future__ import annotations

import itertools

import numpy as np
import pytest

from vcam.animators.lite.blinks import Blinks
from vcam.media import FRAME_SAMPLES, SAMPLE_RATE

FRAME = FRAME_SAMPLES / SAMPLE_RATE


def begins(blinks: Blinks, seconds: float, speech: tuple[tuple[float, float], ...] = ()) -> list[float]:
    """When lids begin to fall, in frames of 40 ms; ``speech`` from and until."""
    found, before = [], 0.0
    for n in range(round(seconds / FRAME)):
        now = n * FRAME
        blinks.hear(now, any(begin <= now < end for begin, end in speech))
        lid = blinks.at(now)
        if lid > 0 and before == 0:
            found.append(now)
        before = lid
    return found


@pytest.mark.parametrize("rate", [10, 15, 20])
def test_the_rate_is_kept_in_silence_and_with_many_phrases(rate: float) -> None:
    quiet = len(begins(Blinks(1, rate), 600)) / 10
    phrases = tuple((float(at), at + 3.2) for at in range(0, 600, 5))
    talking = len(begins(Blinks(1, rate), 600, phrases)) / 10
    assert quiet == pytest.approx(rate, rel=0.15)
    assert talking == pytest.approx(rate, rel=0.35)


def test_intervals_are_spread_like_those_of_people() -> None:
    gaps = np.array([b - a for a, b in itertools.pairwise(begins(Blinks(2, 15), 1800))])
    gaps = gaps[gaps > 0.6]  # without double blinks
    spread = np.log(gaps).std()
    assert 0.3 < spread < 0.8
    assert np.mean(gaps) > np.median(gaps)  # the long tail


def test_a_phrase_often_ends_with_a_blink() -> None:
    ends = [at + 3.0 for at in range(0, 600, 10)]
    blinks = begins(Blinks(3, 6), 600, tuple((end - 2.0, end) for end in ends))

    def near(moments: list[float]) -> float:
        return float(np.mean([any(0.1 <= blink - moment <= 0.45 for blink in blinks) for moment in moments]))

    assert near(ends) > 0.45
    assert near([end - 1.2 for end in ends]) < 0.3


def test_a_word_is_no_phrase_and_a_short_stop_is_no_end() -> None:
    blinks, plain = Blinks(4, 10), begins(Blinks(4, 10), 120)
    assert begins(blinks, 120, tuple((float(at), at + 0.4) for at in range(0, 120, 4))) == plain
    stops = tuple((at + part, at + part + 0.9) for at in range(0, 120, 60) for part in range(59))
    assert len(begins(Blinks(4, 10), 118, stops)) == pytest.approx(len(plain), abs=2)


def test_some_blinks_are_double() -> None:
    gaps = [b - a for a, b in itertools.pairwise(begins(Blinks(5, 15), 1800))]
    double = sum(gap < 0.6 for gap in gaps) / len(gaps)
    assert 0.01 < double < 0.15


def test_blinks_depend_on_seed_and_time_alone() -> None:
    late, again = Blinks(6, 15), Blinks(6, 15)
    begins(again, 50)
    assert [late.at(1000 + n * FRAME) for n in range(500)] == [again.at(1000 + n * FRAME) for n in range(500)]
    assert begins(Blinks(6, 15), 60) != begins(Blinks(7, 15), 60)


def test_rate_0_never_blinks() -> None:
    assert begins(Blinks(1, 0), 60, ((0.0, 2.0), (4.0, 8.0))) == []


@pytest.mark.parametrize("rate", [6, 15, 30])
def test_lids_fall_no_quicker_than_in_one_blink_and_none_is_hidden(rate: float) -> None:
    for seed in range(6):
        blinks = Blinks(seed, rate)
        lids = np.array([blinks.at(n * FRAME) for n in range(25 * 300)])
        assert np.abs(np.diff(lids)).max() < 0.7
        gaps = np.diff(begins(Blinks(seed, rate), 300))
        assert gaps.min() > 0.35  # a double one's second, at the earliest


@pytest.mark.parametrize("rate", [1, 2, 6, 15])
@pytest.mark.parametrize(("said", "pause"), [(1.2, 0.4), (3.0, 1.0)])
def test_who_talks_without_end_blinks_no_more_often_than_asked(rate: float, said: float, pause: float) -> None:
    phrases = tuple((at, at + said) for at in np.arange(0, 1200, said + pause).tolist())
    assert len(begins(Blinks(2, rate), 1200, phrases)) / 20 == pytest.approx(rate, rel=0.15, abs=0.2)


def test_hardly_ever_is_never() -> None:
    assert begins(Blinks(1, 1e-320), 60) == []
