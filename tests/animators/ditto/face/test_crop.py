from __future__ import annotations

import math

import numpy as np
import pytest

from vcam.animators.ditto.face.crop import (
    FacePoints,
    Framing,
    blob,
    crop_matrix,
    cut,
    inverse,
    square_matrix,
    transformed,
)
from vcam.errors import AvatarError
from vcam.media import FloatArray

# An upright face: a box of 200 x 100 pixels around (300, 200), higher than wide.
POINTS = np.array([[250, 100], [350, 100], [250, 300], [350, 300], [280, 150], [320, 150], [300, 250]], np.float32)


def face(points: FloatArray = POINTS) -> FacePoints:
    return FacePoints(points, points[4], points[5], points[6])


def turned(points: FloatArray, degrees: float, around: tuple[float, float] = (300, 200)) -> FloatArray:
    """Clockwise as seen."""
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    centre = np.array(around)
    return ((points - centre) @ np.array([[cosine, sine], [-sine, cosine]]) + centre).astype(np.float32)


def test_the_square_is_as_large_as_asked_and_lies_around_the_points() -> None:
    matrix = crop_matrix(face(), 512, Framing(2.0))
    corners = transformed(np.array([[0, 0], [512, 512]], np.float32), inverse(matrix))
    np.testing.assert_allclose(corners, [[100, 0], [500, 400]], atol=1e-3)


@pytest.mark.parametrize("degrees", [-150.0, -90.0, -17.0, 0.3, 45.0, 180.0])
def test_a_turned_face_gives_the_same_crop(degrees: float) -> None:
    framing = Framing(2.3, right=0.1, down=-0.125)
    upright = transformed(POINTS, crop_matrix(face(), 512, framing))
    points = turned(POINTS, degrees)
    np.testing.assert_allclose(transformed(points, crop_matrix(face(points), 512, framing)), upright, atol=0.01)


def test_the_matrix_neither_mirrors_nor_stretches() -> None:
    part = crop_matrix(face(turned(POINTS, 33)), 512, Framing(2.0))[:2, :2]
    np.testing.assert_allclose(part @ part.T, np.eye(2) * (512 / 400) ** 2, atol=1e-4)
    assert np.linalg.det(part) > 0


def test_a_mirrored_face_gives_the_mirrored_crop() -> None:
    points = turned(POINTS, 20)
    mirrored = points * np.array([-1, 1], np.float32) + np.array([640, 0], np.float32)
    other = FacePoints(mirrored, mirrored[5], mirrored[4], mirrored[6])
    framing = Framing(2.3, down=-0.125)
    left = transformed(points, crop_matrix(face(points), 512, framing))
    right = transformed(mirrored, crop_matrix(other, 512, framing))
    np.testing.assert_allclose(right, left * [-1, 1] + [512, 0], atol=0.01)


def test_the_square_moves_along_the_faces_own_axes() -> None:
    points = turned(POINTS, 90)  # the chin now points to the left of the picture
    middle = np.array([[256, 256]], np.float32)
    before = transformed(middle, inverse(crop_matrix(face(points), 512, Framing(2.0))))
    right = transformed(middle, inverse(crop_matrix(face(points), 512, Framing(2.0, right=0.1))))
    down = transformed(middle, inverse(crop_matrix(face(points), 512, Framing(2.0, down=0.1))))
    np.testing.assert_allclose(right - before, [[0, 40]], atol=1e-3)
    np.testing.assert_allclose(down - before, [[-40, 0]], atol=1e-3)


def test_a_crop_that_does_not_turn_is_level() -> None:
    matrix = crop_matrix(face(turned(POINTS, 30)), 512, Framing(2.0, turned=False))
    assert matrix[0, 1] == matrix[1, 0] == 0
    middle = transformed(np.array([[300, 200]], np.float32), matrix)
    np.testing.assert_allclose(middle, [[256, 256]], atol=1e-3)


@pytest.mark.parametrize("degrees", [-120.0, -2.0, 0.0, 0.02, 5.0, 179.0])
def test_the_angle_from_its_cosine_is_nearly_right(degrees: float) -> None:
    points = face(turned(POINTS, degrees))
    exact, rounded = (crop_matrix(points, 512, Framing(2.0, by_cosine=flag)) for flag in (False, True))
    np.testing.assert_allclose(rounded[:2, :2], exact[:2, :2], atol=6e-4)


def test_eyes_and_lips_at_one_place_make_an_upright_crop() -> None:
    points = POINTS.copy()
    points[4:] = 300, 200
    assert crop_matrix(face(points), 512, Framing(2.0))[0, 1] == 0


def test_points_that_coincide_are_refused() -> None:
    with pytest.raises(AvatarError, match="no size"):
        crop_matrix(face(np.full((7, 2), 5, np.float32)), 512, Framing(2.0))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -1e30])
def test_points_that_are_no_numbers_are_refused(bad: float) -> None:
    points = POINTS.copy()
    points[0, 0] = bad
    with pytest.raises(AvatarError, match="could not be told"):
        face(points)


@pytest.mark.parametrize(
    ("count", "left", "lips"), [(106, (33, 35, 40, 39), (52, 61)), (203, (0, 6, 12, 18), (48, 66))]
)
def test_the_usual_landmarks_have_eyes_and_lips(count: int, left: tuple[int, ...], lips: tuple[int, int]) -> None:
    points = np.zeros((count, 2), np.float32)
    points[list(left)] = 8, 4
    points[lips[0]] = 2, 6
    found = FacePoints.of(points)
    assert found.left.tolist() == [8, 4]
    assert found.right.tolist() == [0, 0]
    assert found.lips.tolist() == [1, 3]


def test_other_landmarks_are_unknown() -> None:
    with pytest.raises(ValueError, match="106 or 203"):
        FacePoints.of(np.zeros((68, 2), np.float32))


def test_cutting_samples_the_picture_and_is_black_outside() -> None:
    picture = np.full((40, 60, 3), 200, np.uint8)
    picture[10, 20] = 1, 2, 3
    crop = cut(picture, square_matrix(np.array([15, 5, 25, 15], np.float32), 1.0, 10), 10)
    assert crop[5, 5].tolist() == [1, 2, 3]
    outside = cut(picture, square_matrix(np.array([-30, -30, -10, -10], np.float32), 1.0, 10), 10)
    assert not outside.any()


def test_an_upright_square_has_the_longer_side_around_the_box() -> None:
    matrix = square_matrix(np.array([10, 20, 50, 120], np.float32), 1.5, 192)
    corners = transformed(np.array([[0, 0], [192, 192]], np.float32), inverse(matrix))
    np.testing.assert_allclose(corners, [[-45, -5], [105, 145]], atol=1e-4)


def test_a_blob_is_planes_in_0_to_1() -> None:
    crop = np.zeros((2, 2, 3), np.uint8)
    crop[0, 1] = 255, 51, 0
    made = blob(crop)
    assert made.dtype == np.float32
    assert made.flags.c_contiguous
    np.testing.assert_allclose(made[0, :, 0, 1], [1, 0.2, 0], atol=1e-7)
