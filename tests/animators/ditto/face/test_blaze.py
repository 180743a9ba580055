from __future__ import annotations

import numpy as np
import pytest

from tests.animators.ditto.face.painted import Blaze, paint
from vcam.animators.ditto.face.blaze import BlazeFace, anchors, merged, nearest_to, overlaps

FACE = paint((216, 200), (296, 200), 512, 512)


def test_the_anchors_are_mediapipes() -> None:
    made = anchors()
    assert made.shape == (896, 2)
    np.testing.assert_allclose(made[:3], [[1 / 32, 1 / 32], [1 / 32, 1 / 32], [3 / 32, 1 / 32]])
    np.testing.assert_allclose(made[512:519], [[1 / 16, 1 / 16]] * 6 + [[3 / 16, 1 / 16]])
    np.testing.assert_allclose(made[-1], [15 / 16, 15 / 16])


def test_what_several_anchors_say_of_one_face_is_averaged() -> None:
    (face,) = BlazeFace(Blaze())(FACE)
    expected = np.array([256 - 88, 232 - 108, 256 + 88, 232 + 108]) / 512
    np.testing.assert_allclose(face.box, expected, atol=0.006)
    np.testing.assert_allclose(face.points[:2] * 512, [[216, 200], [296, 200]], atol=2.5)


def test_nothing_is_an_empty_answer() -> None:
    assert BlazeFace(Blaze(blind=True))(FACE) == []


def test_a_numberless_answer_is_left_out() -> None:
    assert len(BlazeFace(Blaze([(np.nan, 0, 10, 10, 9.0)]))(FACE)) == 1


def test_the_mean_is_weighted_by_score() -> None:
    values = np.zeros((3, 16))
    values[:, :4] = np.array([[0, 0, 1, 1], [0.1, 0, 1.1, 1], [5, 5, 6, 6]])
    faces = merged(values, np.array([0.6, 0.9, 0.7]))
    assert [face.score for face in faces] == [0.9, 0.7]
    np.testing.assert_allclose(faces[0].box, [0.06, 0, 1.06, 1])


def test_boxes_without_an_area_do_no_harm() -> None:
    assert len(merged(np.zeros((2, 16)), np.array([0.9, 0.8]))) == 2
    assert overlaps(np.zeros(4), np.zeros((1, 4))).tolist() == [0]


def test_the_face_that_was_meant_is_taken_even_if_a_neighbour_is_surer() -> None:
    faces = BlazeFace(Blaze([(90, 5, 125, 45, 9.0)]))(FACE)
    assert faces[0].score > faces[1].score
    points = np.array([[170, 130], [340, 330]], np.float32) / np.float32(512)
    assert nearest_to(faces, points) is faces[1]
    assert nearest_to([], points) is None


@pytest.mark.parametrize("far", [1e4, -1e4])
def test_scores_beyond_reason_do_not_overflow(far: float) -> None:
    assert len(BlazeFace(Blaze([(90, 5, 125, 45, far)]))(FACE)) == (2 if far > 0 else 1)
