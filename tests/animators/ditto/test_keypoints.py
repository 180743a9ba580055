"""Logits to degrees, rotation and key points, against their formulas written out in float64."""

from __future__ import annotations

import numpy as np
import pytest

from vcam.animators.ditto.keypoints import degrees, keypoints, rotation


def test_one_sure_bin_is_its_angle() -> None:
    logits = np.full((3, 66), -100, np.float32)
    for axis, at in enumerate((0, 32, 65)):
        logits[axis, at] = 100
    assert degrees(logits) == pytest.approx([-97.5, -1.5, 97.5])


def test_equal_bins_mean_no_turn_whatever_their_height() -> None:
    assert degrees(np.full((1, 66), 1e4, np.float32)) == pytest.approx([0.0], abs=1e-4)


def test_rotation_is_roll_after_yaw_after_pitch_for_rows() -> None:
    rng = np.random.default_rng(1)
    for angles in rng.uniform(-90, 90, (5, 3)).astype(np.float32):
        x, y, z = np.radians(angles.astype(np.float64))
        rx = np.array([(1, 0, 0), (0, np.cos(x), -np.sin(x)), (0, np.sin(x), np.cos(x))])
        ry = np.array([(np.cos(y), 0, np.sin(y)), (0, 1, 0), (-np.sin(y), 0, np.cos(y))])
        rz = np.array([(np.cos(z), -np.sin(z), 0), (np.sin(z), np.cos(z), 0), (0, 0, 1)])
        assert rotation(angles) == pytest.approx((rz @ ry @ rx).T, abs=1e-6)


def test_keypoints_scale_then_move_in_the_picture_only() -> None:
    rng = np.random.default_rng(2)
    kp, exp = rng.normal(size=(2, 63)).astype(np.float32)
    t = np.array([0.5, -0.25, 7], np.float32)
    made = keypoints(kp, np.zeros(3, np.float32), exp, 1.5, t)
    expected = 1.5 * (kp + exp).reshape(21, 3) + np.array([0.5, -0.25, 0])
    assert made.dtype == np.float32
    assert made == pytest.approx(expected[None], abs=1e-6)
