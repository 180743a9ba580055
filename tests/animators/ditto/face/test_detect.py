from __future__ import annotations

import numpy as np
import pytest

from tests.animators.ditto.face.painted import Detector, paint
from vcam.animators.ditto.face.detect import FaceDetector, letterbox, suppressed

WALL = np.full((600, 300, 3), 90, np.uint8)


@pytest.mark.parametrize(
    ("height", "width", "filled"),
    [(600, 300, (512, 256)), (300, 600, (256, 512)), (7, 7, (512, 512)), (5, 4000, (1, 512))],
)
def test_a_picture_is_fitted_into_the_top_left(height: int, width: int, filled: tuple[int, int]) -> None:
    square, scale = letterbox(np.full((height, width, 3), 90, np.uint8))
    rows, columns = filled
    assert (square[:rows, :columns] == 90).all()
    assert not square[rows:].any()
    assert not square[:, columns:].any()
    assert scale == pytest.approx(rows / height)


def test_boxes_come_back_in_pixels_of_the_picture() -> None:
    found = FaceDetector(Detector([(51.2, 102.4, 153.6, 256, 0.75)]))(WALL)
    np.testing.assert_allclose(found.boxes, [[60, 120, 180, 300, 0.75]], atol=1e-3)
    np.testing.assert_allclose(found.points[0], np.tile([120, 210], (5, 1)), atol=1e-3)


def test_a_painted_face_is_found_by_its_colours() -> None:
    picture = paint((260, 180), (340, 180))
    found = FaceDetector(Detector())(picture)
    np.testing.assert_allclose(found.largest, [300 - 88, 212 - 108, 300 + 88, 212 + 108], atol=2.5)


def test_the_largest_is_not_the_surest() -> None:
    found = FaceDetector(Detector([(10, 10, 50, 50, 0.99), (100, 100, 300, 300, 0.6), (350, 10, 400, 60, 0.7)]))(WALL)
    np.testing.assert_allclose(found.boxes[:, 4], [0.99, 0.7, 0.6])
    np.testing.assert_allclose(found.largest, np.array([100, 100, 300, 300]) * 600 / 512, atol=1e-3)


@pytest.mark.parametrize("boxes", [[], [(10, 10, 50, 50, 0.49)], [(10, 10, 50, np.nan, 0.9)]])
def test_no_face_is_an_empty_answer(boxes: list[tuple[float, ...]]) -> None:
    found = FaceDetector(Detector(boxes))(WALL)
    assert len(found) == 0
    assert found.points.shape == (0, 5, 2)


def test_boxes_that_overlap_a_surer_one_are_dropped() -> None:
    boxes = np.array(
        [[0, 0, 9, 9, 0.9], [0, 3, 9, 12, 0.8], [0, 5, 9, 14, 0.7], [20, 20, 29, 29, 0.6]], np.float32
    )  # of 10 pixels each, the last included: 0.54 and 0.33 of the first
    assert suppressed(boxes) == [0, 2, 3]
    assert suppressed(boxes[:0]) == []


def test_the_last_pixel_counts() -> None:
    # 6 x 10 of 14 x 10 pixels in common: 0.43; without the last pixels it would be 5 x 9 of 13 x 9: 0.38
    assert suppressed(np.array([[0, 0, 9, 9, 0.9], [4, 0, 13, 9, 0.8]], np.float32)) == [0]
