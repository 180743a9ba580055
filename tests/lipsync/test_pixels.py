from __future__ import annotations

import importlib
from collections.abc import Sequence
from types import ModuleType

import cv2
import numpy as np
import pytest

from vcam.animators.base import Animator, Pose
from vcam.media import CHUNK_SAMPLES, FRAME_SAMPLES, AudioChunk, ByteArray

SKIN, LIPS, INSIDE, EYES = (220, 180, 160), (190, 90, 90), (50, 10, 20), (20, 20, 30)
SIZE = (180, 320)


class Drawn(Animator):
    """An ellipse for a mouth, as open and wide as it is told, and eyes that wander."""

    kind = "drawn"

    def __init__(self, opening: np.ndarray, width: np.ndarray) -> None:
        self._opening, self._width = opening, width

    def portrait(self) -> ByteArray:
        return self._draw(0, 30, 0)

    def analyse(self, chunk: AudioChunk) -> Sequence[Pose]:
        return [Pose(chunk.pts)] if chunk.pts % FRAME_SAMPLES == 0 else []

    def render(self, pose: Pose) -> ByteArray:
        frame = pose.pts // FRAME_SAMPLES
        return self._draw(self._opening[frame], self._width[frame], frame % 5)

    def _draw(self, opening: float, width: float, look: int) -> ByteArray:
        picture = np.full((*SIZE, 3), SKIN, np.uint8)
        for x in (120, 200):
            cv2.circle(picture, (x + 3 * look, 60), 12, EYES, -1)
        cv2.ellipse(picture, (160, 120), (round(width) + 4, round(opening) + 5), 0, 0, 360, LIPS, -1)
        if opening > 0:
            cv2.ellipse(picture, (160, 120), (round(width), round(opening)), 0, 0, 360, INSIDE, -1)
        return picture


@pytest.fixture
def pixels() -> ModuleType:
    return importlib.import_module("lipsync.pixels")


def heard(loud: np.ndarray) -> list[AudioChunk]:
    return [
        AudioChunk(i * CHUNK_SAMPLES, np.full(CHUNK_SAMPLES, 0.3 * loud[i // 2], np.float32))
        for i in range(2 * len(loud))
    ]


def aims(jaw: np.ndarray, wide: np.ndarray, late: int = 0) -> np.ndarray:
    steps = np.zeros((2 * len(jaw), 6), np.float32)
    steps[:, 0], steps[:, 1] = np.repeat(jaw, 2), np.repeat(wide, 2)
    steps[:, 2] = steps[:, 0] < 0.05
    return np.roll(steps, -late, 0)


@pytest.fixture
def curves() -> tuple[np.ndarray, np.ndarray]:
    """Frames of openness 0..1 and width -1..1 of someone who speaks."""
    at = np.arange(150)
    return np.clip(0.5 + 0.6 * np.sin(at / 2.2), 0, 1), np.sin(at / 3.7)


def test_a_drawn_mouth_is_found_and_measured(pixels: ModuleType, curves: tuple[np.ndarray, np.ndarray]) -> None:
    jaw, wide = curves
    seen = pixels.seen(Drawn(20 * jaw, 30 + 10 * wide), heard(jaw))
    assert seen.opening.max() == pytest.approx(40, abs=3)
    assert seen.opening[jaw == 0].max() == 0
    assert seen.width.max() == pytest.approx(80, abs=3)
    found = pixels.agreement(seen, aims(jaw, wide))
    assert found.opening > 0.98
    assert found.width > 0.95
    assert found.closed_at_mbp == 1
    assert found.closed_at_vowels == 0


@pytest.mark.parametrize("late", [-2, 0, 2])
def test_a_late_mouth_is_called_late(pixels: ModuleType, curves: tuple[np.ndarray, np.ndarray], late: int) -> None:
    jaw, wide = curves
    seen = pixels.seen(Drawn(20 * jaw, 30 + 10 * wide), heard(jaw))
    expected = pixels.agreement(seen, aims(jaw, wide)).lag + 20 * late
    assert pixels.agreement(seen, aims(jaw, wide, late)).lag == pytest.approx(expected, abs=8)


def test_a_mouth_that_does_not_move_is_refused(pixels: ModuleType) -> None:
    still = np.zeros(30)
    with pytest.raises(ValueError, match="no mouth moves"):
        pixels.seen(Drawn(still, still + 30), heard(still))
