from __future__ import annotations

import math

import numpy as np
import pytest

from tests.animators.lite.photo.faces import draw, portrait, room, truth
from tests.animators.lite.photo.meshes import mesh_of, moved
from vcam.animators.lite.photo.facemesh import NoFaceMesh, Points, landmarks_of
from vcam.animators.lite.photo.landmarks import Landmarks
from vcam.media import ByteArray


def far_off(found: Landmarks, right: Landmarks, most: float = 0.04) -> dict[str, float]:
    """The points that are more than ``most`` of the eyes' distance off; a jaw's may be anywhere along the jaw."""
    unit, seen = right.frame.unit, found.points()
    off = {name: math.dist(seen[name], point) / unit for name, point in right.points().items()}
    for name in off:
        if name.startswith("jaw") and name != "jaw.chin":
            x, y = right.frame.to_face(seen[name])
            off[name] = abs(math.hypot(x / 1.05, (y - 0.4) / 1.35) - 1) / 2
    off["forehead"] /= 5  # read from the picture
    return {name: round(value, 3) for name, value in off.items() if value > most}


@pytest.mark.parametrize(("unit", "roll"), [(80.0, 0.0), (60.0, 20.0), (30.0, -35.0)])
def test_the_landmarks_are_the_meshs(unit: float, roll: float) -> None:
    picture, right = portrait(unit=unit, roll=roll)
    found, clear = landmarks_of(mesh_of(right), picture)
    assert far_off(found, right) == {}
    assert clear == 1.0
    assert found.mouth.upper_inner == found.mouth.lower_inner  # closed


def test_an_open_mouth_stays_open() -> None:
    picture, right = portrait(smile=True)
    found, _ = landmarks_of(mesh_of(right), picture)
    assert far_off(found, right) == {}
    assert found.mouth.lower_inner.middle[1] - found.mouth.upper_inner.middle[1] > 8


def test_teeth_that_the_mesh_takes_for_a_lip_are_seen() -> None:
    picture, right = portrait(smile=True)
    edge = {f"mouth.lower_inner.{part}": getattr(right.mouth.upper_inner, part) for part in ("left", "middle", "right")}
    closed = Landmarks.from_points(right.points() | edge)
    found, _ = landmarks_of(mesh_of(closed), picture)
    assert found.mouth.lower_inner.middle == pytest.approx(right.mouth.lower_inner.middle, abs=4)


def test_a_glance_aside_keeps_the_lids_over_the_iris() -> None:
    picture, right = portrait()
    points = right.points()
    for eye in ("eye_left", "eye_right"):
        points |= {
            f"{eye}.{name}": (points[f"{eye}.{name}"][0] + 6, points[f"{eye}.{name}"][1]) for name in ("iris", "rim")
        }
    found, _ = landmarks_of(mesh_of(Landmarks.from_points(points)), picture)
    for seen in (found.eye_left, found.eye_right):
        assert seen.top[0] == pytest.approx(seen.iris[0], abs=0.5)
        assert seen.top[1] < seen.iris[1] < seen.bottom[1]


def test_the_jaw_runs_from_beside_the_eyes_to_the_chin() -> None:
    picture, right = portrait()
    jaw = landmarks_of(mesh_of(right), picture)[0].jaw
    heights = [point[1] for point in (*jaw.left, jaw.chin)]
    assert heights == sorted(heights)
    for left, other in zip(jaw.left, jaw.right, strict=True):
        assert left[0] < 320 < other[0]
        assert left[1] == pytest.approx(other[1], abs=1.5)


def test_dark_skin_is_no_obstacle() -> None:
    picture = draw(room(640, 480), (320, 200), 80, skin=(90, 60, 45), hair=(25, 20, 18))
    assert far_off(landmarks_of(mesh_of(truth((320, 200), 80)), picture)[0], truth((320, 200), 80)) == {}


@pytest.mark.parametrize(
    ("numbers", "shift"),
    [
        ((1,), (0.0, 1.5)),  # the nose
        ((61, 291), (0.0, -1.0)),  # the corners of the mouth
        ((152,), (0.0, -1.2)),  # the chin
        ((10,), (0.0, 1.3)),  # the top
        ((33,), (-0.9, 0.0)),  # an eye's corner
        ((468,), (0.4, 0.0)),  # an iris
        ((0, 17), (0.5, 0.0)),  # the middle of the lips
        ((132,), (1.6, 0.0)),  # the jaw, on the other side
    ],
)
def test_what_is_no_face_is_refused(numbers: tuple[int, ...], shift: tuple[float, float]) -> None:
    picture, right = portrait()
    mesh = mesh_of(right)
    mesh[list(numbers)] += np.array(shift) * 80
    with pytest.raises(NoFaceMesh):
        landmarks_of(mesh, picture)


def scattered() -> Points:
    return np.random.default_rng(3).uniform(100, 400, (478, 2))


@pytest.mark.parametrize("mesh", [scattered(), np.full((478, 2), 100.0), np.full((478, 2), np.nan)])
def test_points_anywhere_are_refused(mesh: Points) -> None:
    with pytest.raises(NoFaceMesh):
        landmarks_of(mesh, portrait()[0])


def test_a_mirrored_mesh_is_refused() -> None:
    picture, right = portrait()
    mesh = mesh_of(right)
    mesh[:, 0] = 639 - mesh[:, 0]
    with pytest.raises(NoFaceMesh):
        landmarks_of(mesh, picture)


def wall() -> ByteArray:
    return np.full((480, 640, 3), 150, np.uint8)


@pytest.mark.parametrize("picture", [wall(), room(640, 480)])
def test_a_face_where_the_picture_has_none_is_refused(picture: ByteArray) -> None:
    with pytest.raises(NoFaceMesh, match="shows no eyes"):
        landmarks_of(mesh_of(portrait()[1]), picture)


@pytest.mark.parametrize(("dx", "dy"), [(0.0, 0.45), (0.0, -1.2), (2.5, 0.0), (-2.2, 0.5)])
def test_a_face_beside_the_real_one_is_refused(dx: float, dy: float) -> None:
    picture, right = portrait()
    with pytest.raises(NoFaceMesh, match="the picture shows no"):
        landmarks_of(moved(mesh_of(right), dx, dy, 1.0, right.frame), picture)
