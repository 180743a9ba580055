from __future__ import annotations

import numpy as np
import pytest

from vcam.animators.ditto.joining import KEPT, Joiner, JoinRules
from vcam.animators.ditto.motion import EXP
from vcam.animators.ditto.options import RunOptions
from vcam.errors import AnimatorError
from vcam.media import FloatArray

SOURCE = np.full(265, -5, np.float32)
POSE_COLUMN, EXP_COLUMN = 50, 250


def clip(seed: int) -> FloatArray:
    return np.random.default_rng(seed).normal(size=(80, 265)).astype(np.float32)


def joined(rules: JoinRules, count: int) -> Joiner:
    joiner = Joiner(rules, SOURCE)
    for seed in range(count):
        joiner.join(clip(seed))
    return joiner


def test_rules_of_the_options() -> None:
    options = RunOptions(overlap_v2=70, smo_k_d=5, fix_kp_cond=2, fix_kp_cond_dim=(0, 202))
    online, offline = JoinRules.online(options), JoinRules.offline(options)
    assert (online.overlap, online.valid, online.fuse) == (70, 10, 10)
    assert (offline.overlap, offline.valid, offline.fuse) == (70, 10, 70)
    assert (online.smooth, online.reset_every, online.reset_except) == (5, 2, (0, 202))
    assert (online.keep, offline.keep) == (KEPT, None)
    assert JoinRules.online(RunOptions(overlap_v2=10)).fuse == 10


@pytest.mark.parametrize(("overlap", "fuse"), [(0, 0), (80, 1), (10, 11), (10, 0)])
def test_impossible_rules_are_refused(overlap: int, fuse: int) -> None:
    with pytest.raises(AnimatorError, match="overlap"):
        JoinRules(overlap, fuse)


def test_the_expression_is_faded_and_not_smoothed() -> None:
    joiner = joined(JoinRules(70, 10), 2)
    first, second = clip(0)[:, EXP], clip(1)[:, EXP]
    rows = joiner.rows(0, 90)[:, EXP]
    np.testing.assert_array_equal(rows[:70], first[:70])
    np.testing.assert_array_equal(rows[80:], second[70:])
    share = np.arange(10)[:, None] / 10
    np.testing.assert_allclose(rows[70:80], first[70:] * (1 - share) + second[60:70] * share, atol=1e-6)


def smoothed(rows: FloatArray, start: int, end: int, width: int) -> FloatArray:
    """The mean filter, written plainly."""
    made = rows.copy()
    for row in range(start, end):
        made[row] = rows[max(0, row - width // 2) : row + width // 2 + 1].mean(axis=0)
    return made


@pytest.mark.parametrize("width", [1, 2, 3, 5, 13])
def test_the_pose_is_smoothed_around_the_seam(width: int) -> None:
    rules, plain = JoinRules(70, 10, width), JoinRules(70, 10, 1)
    first = clip(0)[:, :202]
    np.testing.assert_allclose(joined(rules, 1).rows(0, 80)[:, :202], smoothed(first, 0, 80, width), atol=1e-6)
    joiner = Joiner(plain, SOURCE)
    start = clip(0)
    start[:, :202] = smoothed(first, 0, 80, width)
    joiner.join(start)
    joiner.join(clip(1))
    expected = smoothed(joiner.rows(0, 90)[:, :202], 70, 81, width)
    np.testing.assert_allclose(joined(rules, 2).rows(0, 90)[:, :202], expected, atol=1e-6)


def test_a_clip_begins_after_the_row_before_the_overlap() -> None:
    joiner = Joiner(JoinRules(70, 10), SOURCE)
    assert joiner.condition is SOURCE
    for seed in range(20):
        joiner.join(clip(seed))
        np.testing.assert_array_equal(joiner.condition, joiner.rows(joiner.end - 71, joiner.end - 70)[0])


def test_the_pose_can_be_reset_every_few_clips() -> None:
    joiner = Joiner(JoinRules(70, 10, reset_every=2, reset_except=(0, 202)), SOURCE)
    for count in range(1, 7):
        joiner.join(clip(count))
        row = joiner.rows(joiner.end - 71, joiner.end - 70)[0]
        if count % 2:
            np.testing.assert_array_equal(joiner.condition, row)
        else:
            np.testing.assert_array_equal(joiner.condition[:202], row[:202])
            np.testing.assert_array_equal(joiner.condition[202:], SOURCE[202:])
    joiner = joined(JoinRules(70, 10, reset_every=1), 3)
    np.testing.assert_array_equal(joiner.condition, SOURCE)


def test_bounds_are_for_what_leaves() -> None:
    bounds = np.stack([np.full(265, -0.1), np.full(265, 0.2)]).astype(np.float32)
    bounded, free = joined(JoinRules(70, 10, bounds=bounds), 3), joined(JoinRules(70, 10), 3)
    np.testing.assert_array_equal(bounded.condition, free.condition)
    np.testing.assert_array_equal(bounded.tail(), free.tail())
    np.testing.assert_array_equal(bounded.rows(10, 90), free.rows(10, 90).clip(bounds[0], bounds[1]))


@pytest.mark.parametrize("overlap", [40, 70, 79])
def test_a_sequence_goes_on_without_the_network_and_no_seam_shows(overlap: int) -> None:
    rules = JoinRules.online(RunOptions(overlap_v2=overlap))
    joiner = Joiner(rules, SOURCE)

    def motion(start: int, count: int) -> FloatArray:
        """A slow sway: at most 0.05 a row."""
        return np.sin(np.arange(start, start + count, dtype=np.float32) / 20)[:, None].repeat(265, axis=1)

    joiner.join(motion(0, 80))
    for _ in range(30):
        joiner.extend(motion(joiner.end, rules.valid))
    # The network again, in the middle of the sway.
    joiner.join(motion(joiner.end - overlap, 80))
    end = joiner.end - 1  # the last row has only one neighbour to be smoothed with, until the next clip
    rows, expected = joiner.rows(end - 100, end), motion(end - 100, 100)
    np.testing.assert_allclose(rows[:, EXP], expected[:, EXP], atol=1e-6)
    pose = rows[:, : EXP.start]
    np.testing.assert_allclose(pose, expected[:, : EXP.start], atol=0.026)  # half a row's way
    assert np.abs(np.diff(pose, axis=0)).max() < 0.07


def test_a_different_clip_is_faded_to_over_the_fade() -> None:
    joiner = Joiner(JoinRules(70, 10), SOURCE)
    joiner.join(np.zeros((80, 265), np.float32))
    joiner.join(np.ones((80, 265), np.float32))
    rows = joiner.rows(60, 90)
    assert np.abs(np.diff(rows, axis=0)).max() <= 0.1001
    assert (rows[:10] == 0).all()
    assert (rows[20:, EXP_COLUMN] == 1).all()
    assert rows[22:, POSE_COLUMN] == pytest.approx(1)


def test_what_is_held_does_not_grow() -> None:
    seen: list[int] = []
    joiner = Joiner(JoinRules(79, 1), SOURCE, lambda name, value: seen.append(value) if name == "seq_len" else None)
    one = clip(0)
    for _ in range(3000):
        joiner.join(one)
    assert joiner.end == 80 + 2999
    assert max(seen) == KEPT + 1
    assert joiner.rows(joiner.end - KEPT, joiner.end).shape == (KEPT, 265)
    with pytest.raises(ValueError, match="not held"):
        joiner.rows(0, 10)
    with pytest.raises(ValueError, match="not held"):
        joiner.rows(joiner.end, joiner.end + 1)


def test_rows_are_copies() -> None:
    joiner = joined(JoinRules(70, 10), 2)
    before = joiner.rows(0, 90)
    for array in (joiner.rows(0, 90), joiner.tail(), joiner.condition):
        array[:] = 0
    np.testing.assert_array_equal(joiner.rows(0, 90), before)
