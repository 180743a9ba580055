from __future__ import annotations

import numpy as np
import pytest

from vcam.live.clock import MAX_RATE_ERROR, SampleClock


def feed(clock: SampleClock, seconds: float, *, ppm: float = 0.0, jitter: float = 0.0, seed: int = 1) -> float:
    """Observe a microphone whose crystal is off by ``ppm``, every 10 ms; returns the true time of the last sample."""
    rng = np.random.default_rng(seed)
    start = clock.time_of(0)
    true = start
    for block in range(1, round(seconds * 100) + 1):
        true = start + block * 160 / (16_000 * (1 + ppm * 1e-6))
        clock.observe(block * 160, true + rng.uniform(-jitter, jitter))
    return true


@pytest.mark.parametrize("ppm", [-200, -50, 0, 50, 200])
def test_follows_a_crystal_that_is_off_through_the_jitter_of_callbacks(ppm: float) -> None:
    clock = SampleClock()
    true = feed(clock, 120, ppm=ppm, jitter=0.010)
    assert clock.time_of(120 * 16_000) == pytest.approx(true, abs=0.002)
    assert clock.rate_error * 1e6 == pytest.approx(ppm, abs=150)


def test_time_never_runs_backwards_under_jitter() -> None:
    clock = SampleClock()
    rng = np.random.default_rng(2)
    start = clock.time_of(0)
    seen = []
    for block in range(1, 3000):
        clock.observe(block * 160, start + block * 0.01 + rng.uniform(-0.01, 0.01))
        seen.append(clock.time_of(block * 160))
    assert np.all(np.diff(seen) > 0)


def test_a_wild_observation_cannot_spoil_the_rate() -> None:
    clock = SampleClock()
    feed(clock, 10)
    clock.observe(10 * 16_000 + 160, clock.time_of(10 * 16_000) + 5.0)
    assert abs(clock.rate_error) <= MAX_RATE_ERROR * 1.01


def test_runs_on_at_the_last_rate_when_nothing_is_observed() -> None:
    clock = SampleClock()
    true = feed(clock, 60, ppm=100)
    later = true + 30
    assert clock.pts_at(later) == pytest.approx(60 * 16_000 + 30 * 16_000 * 1.0001, abs=20)


def test_both_directions_agree() -> None:
    clock = SampleClock()
    feed(clock, 5, ppm=30, jitter=0.005)
    assert clock.pts_at(clock.time_of(123_456)) == pytest.approx(123_456, abs=1e-3)


def test_a_day_of_samples_keeps_its_precision() -> None:
    clock = SampleClock()
    start = clock.time_of(0)
    day = 24 * 3600
    clock.observe(day * 16_000, start + day)
    assert clock.pts_at(start + day + 1) == pytest.approx((day + 1) * 16_000, abs=90)


def test_a_second_of_late_observations_does_not_swing_the_rate() -> None:
    """After a standstill what has queued up is observed late, for as long as the standstill was."""
    clock = SampleClock()
    start = clock.time_of(0)
    rates, off = [], []
    for block in range(1, 4001):
        late = 0.010 if 2000 <= block < 2100 else 0.0
        clock.observe(block * 160, start + block * 0.01 + late)
        rates.append(clock.rate_error * 1e6)
        off.append(clock.time_of(block * 160) - start - block * 0.01)
    assert max(abs(rate) for rate in rates) < 300
    assert max(abs(error) for error in off[2300:]) < 0.001
