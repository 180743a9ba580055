"""When the eyes blink: the reference's lists, and a schedule without an end."""

from __future__ import annotations

import random
import sys

import numpy as np
import pytest

from tests.animators.ditto.golden import case, needs_golden
from vcam.animators.ditto.blinks import EndlessBlinks, ListedBlinks, reference_blinks
from vcam.animators.ditto.randomness import Legacy, Seeded

LENGTH = 15


def starts(rows: list[int]) -> list[int]:
    """Where each blink begins; every blink must run through the whole curve."""
    found = [at - 1 for at, row in enumerate(rows) if row == 1]
    for at in found:
        assert rows[at : at + LENGTH] == list(range(LENGTH))
    assert sum(row > 0 for row in rows) == len(found) * (LENGTH - 1)
    return found


@needs_golden
def test_the_reference_list_is_the_golden_one() -> None:
    one = case("online_full_cfg")
    curve = one.options.delta_eye_arr
    assert curve is not None
    frames = int(one.golden["num_f"])
    blinks = reference_blinks(Legacy(one.seed), len(curve), frames, one.options.delta_eye_open_n, one.options.N_d)
    assert np.array_equal(blinks.rows, one.golden["delta_eye_idx"])


def test_the_reference_draws_at_set_up_and_again() -> None:
    class Counting(Legacy):
        drawn = 0

        def integer(self, low: int, high: int) -> int:
            Counting.drawn += 1
            return super().integer(low, high)

    rows = reference_blinks(Counting(7), LENGTH, 1000).rows.tolist()
    assert len(starts(rows)) in range(8, 14)
    assert Counting.drawn > 3000 / (100 + LENGTH) + len(starts(rows))


def test_a_listed_schedule_begins_again_at_its_end() -> None:
    blinks = ListedBlinks(np.arange(5))
    assert [blinks.row(frame) for frame in (0, 4, 5, 12)] == [0, 4, 0, 2]


def test_an_empty_list_is_refused() -> None:
    with pytest.raises(ValueError, match="blink list"):
        ListedBlinks(np.zeros(0, np.int64))


@pytest.mark.parametrize("listed", [True, False])
def test_random_gaps_are_60_to_100_frames(listed: bool) -> None:
    made = reference_blinks(Seeded(3), LENGTH, 9000) if listed else EndlessBlinks(Seeded(3), LENGTH)
    begins = starts([made.row(frame) for frame in range(8800)])
    gaps = np.diff([-LENGTH, *begins]) - LENGTH
    assert gaps.min() >= 60
    assert gaps.max() <= 100
    assert len(set(gaps.tolist())) > 20


def test_blinks_never_end_and_nothing_piles_up() -> None:
    blinks = EndlessBlinks(Seeded(4), LENGTH)
    size = sys.getsizeof(blinks) + sum(sys.getsizeof(value) for value in vars(blinks).values())
    late = [blinks.row(frame) for frame in range(1_000_000, 1_000_400)]
    assert len([row for row in late if row == 1]) in (3, 4, 5, 6)
    assert sys.getsizeof(blinks) + sum(sys.getsizeof(value) for value in vars(blinks).values()) <= size + 8


def test_left_out_frames_do_not_move_blinks() -> None:
    every, some = EndlessBlinks(Seeded(5), LENGTH), EndlessBlinks(Seeded(5), LENGTH)
    rows = [every.row(frame) for frame in range(2000)]
    rng, frame = random.Random(5), 0
    while frame < 2000:
        assert some.row(frame) == rows[frame]
        frame += rng.randint(1, 7)


@pytest.mark.parametrize("listed", [True, False])
def test_fixed_gaps_and_none(listed: bool) -> None:
    def rows(open_frames: int) -> list[int]:
        rule = (LENGTH, 300, open_frames) if listed else (LENGTH, open_frames)
        made = reference_blinks(Seeded(1), *rule) if listed else EndlessBlinks(Seeded(1), *rule)
        return [made.row(frame) for frame in range(240)]

    assert starts(rows(40)) == [40, 95, 150, 205]
    assert starts(rows(-1)) == []


def test_gaps_of_a_list_follow_each_other() -> None:
    rule = (20, 40, 30)
    endless = EndlessBlinks(Seeded(1), LENGTH, rule)
    assert starts([endless.row(frame) for frame in range(240)]) == [20, 75, 120, 155, 210]
    listed = reference_blinks(Seeded(1), LENGTH, 240, rule).rows.tolist()
    assert starts(listed) == [20, 75, 120, 155]  # the last 30 frames are kept free
