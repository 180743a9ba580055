from __future__ import annotations

import numpy as np
import pytest

from tests.animators.ditto.face.painted import Blaze, Mesh, landmarks, paint
from vcam.animators.ditto.face.blaze import BlazeFace
from vcam.animators.ditto.face.eyes import EyeReader, eyeballs, openness
from vcam.animators.ditto.face.mesh import FaceMesh
from vcam.errors import AvatarError
from vcam.media import FloatArray

NEAR = np.array([[0.3, 0.2], [0.7, 0.7]], np.float32)


def mesh() -> FloatArray:
    return np.concatenate([landmarks(478), np.zeros((478, 1))], axis=1).astype(np.float32)


def reader(blaze: Blaze | None = None, points: Mesh | None = None) -> EyeReader:
    return EyeReader(BlazeFace(blaze or Blaze()), FaceMesh(points or Mesh()))


def test_openness_is_lids_over_width_whatever_the_size() -> None:
    np.testing.assert_allclose(openness(mesh()), [[0.75, 0.75]], atol=1e-5)  # 3 * 0.1 / 0.4
    np.testing.assert_allclose(openness(mesh() * np.float32(0.07)), [[0.75, 0.75]], atol=1e-5)


def test_each_eye_has_its_own_openness() -> None:
    points = mesh()
    points[[160, 144, 159, 145, 158, 153], 1] = 0
    np.testing.assert_allclose(openness(points), [[0, 0.75]], atol=1e-5)


def test_an_iris_in_the_middle_does_not_look_anywhere() -> None:
    np.testing.assert_allclose(eyeballs(mesh()), np.zeros((1, 6)), atol=1e-7)


def test_an_iris_stands_off_the_outward_direction() -> None:
    points = mesh()
    points[468] = -0.5, -0.03, 0.04  # up and in depth, 0.05 in all; outwards is to the left
    points[473] = 0.56, 0, 0  # outwards altogether
    np.testing.assert_allclose(eyeballs(points), [[0.05, 0, -0.03, 0, 0.04, 0]], atol=1e-6)


@pytest.mark.parametrize("roll", [-40, 0, 25])
def test_the_mesh_lies_on_the_painted_eyes(roll: int) -> None:
    turn = np.radians(roll)
    half = 45 * np.array([np.cos(turn), np.sin(turn)])
    left, right = np.array([256, 220]) - half, np.array([256, 220]) + half
    crop = paint((left[0], left[1]), (right[0], right[1]), 512, 512)
    state = reader()(crop, NEAR)
    np.testing.assert_allclose(state.mesh[[468, 473], :2] * 512, [left, right], atol=1.0)
    np.testing.assert_allclose(state.open, [[0.75, 0.75]], atol=0.01)
    np.testing.assert_allclose(state.ball, np.zeros((1, 6)), atol=1e-4)


def test_eyes_that_cannot_be_found_are_told() -> None:
    crop = paint((210, 220), (300, 220), 512, 512)
    with pytest.raises(AvatarError, match="eyes could not be found") as caught:
        reader(Blaze(blind=True))(crop, NEAR)
    assert "both eyes" in caught.value.hint
    for blaze, points in ((Blaze(), Mesh(blind=True)), (Blaze([(110, 70, 110, 70, 9.0)], blind=True), Mesh())):
        with pytest.raises(AvatarError, match="could not be told apart"):
            reader(blaze, points)(crop, NEAR)
