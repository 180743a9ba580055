"""The format that a profile asks for."""

from __future__ import annotations

from fractions import Fraction

import pytest

from vcam.camera.base import CameraFormat
from vcam.profile.model import CameraSettings


@pytest.mark.parametrize(
    ("fps", "expected"),
    [
        (29.97, Fraction(30_000, 1001)),
        (59.94, Fraction(60_000, 1001)),
        (23.976, Fraction(24_000, 1001)),
        (23.98, Fraction(24_000, 1001)),
        (30_000 / 1001, Fraction(30_000, 1001)),
        (30, Fraction(30)),
        (60, Fraction(60)),
        (24, Fraction(24)),
        (12.5, Fraction(25, 2)),
        (29.9, Fraction(299, 10)),
        (59.95, Fraction(1199, 20)),
    ],
)
def test_television_rates_are_exact_and_others_as_they_are_written(fps: float, expected: Fraction) -> None:
    assert CameraFormat.of(CameraSettings(fps=fps)).fps == expected
