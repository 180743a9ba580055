"""How late sound is: for good, or for a moment."""

from __future__ import annotations

import pytest

from vcam.live.latency import BlockAges

BLOCK = 0.01  # s


def come(ages: BlockAges, seconds: float, *, age: float = 0.02, start: float = 100.0) -> float:
    """Blocks that come evenly, each that old; returns when the next one would come."""
    for number in range(round(seconds / BLOCK)):
        ages.add(start + number * BLOCK - age, start + number * BLOCK)
    return start + seconds


def stand_still(ages: BlockAges, seconds: float, start: float) -> float:
    """Nothing comes for a while, then all of it at once."""
    end = start + seconds
    for number in range(round(seconds / BLOCK)):
        ages.add(start + number * BLOCK, end)
    return end


def test_nothing_is_late_before_anything_came() -> None:
    assert (BlockAges().recent, BlockAges().lasting) == (0.0, 0.0)


@pytest.mark.parametrize("stood", [0.15, 0.25, 1.0])
def test_a_standstill_every_few_seconds_is_nothing_lasting(stood: float) -> None:
    ages = BlockAges()
    end = 100.0
    for _ in range(4):
        end = stand_still(ages, stood, come(ages, 3.0, start=end))
        assert ages.recent > 0.02 + stood / 10
        assert ages.lasting == pytest.approx(0.02)


def test_a_device_that_has_become_slower_is_found_within_its_window() -> None:
    ages = BlockAges()
    end = come(ages, 10, age=0.02)
    come(ages, 4, age=0.07, start=end)
    assert ages.lasting == pytest.approx(0.07)


def test_a_device_that_hands_out_much_at_once_is_as_late_as_its_oldest() -> None:
    ages = BlockAges()
    for burst in range(100):
        stand_still(ages, 0.06, 100 + burst * 0.06)
    assert ages.lasting == pytest.approx(0.06, abs=0.002)


def test_another_device_begins_anew() -> None:
    ages = BlockAges()
    come(ages, 5, age=0.5)
    ages.clear()
    come(ages, 1, age=0.02)
    assert ages.recent == ages.lasting == pytest.approx(0.02)
