from __future__ import annotations

import pytest
from pydantic import ValidationError

from tests.animators.lite.photo.faces import truth
from vcam.animators.lite.photo.landmarks import LINES, Landmarks
from vcam.errors import AvatarError

FACE = truth((320, 200), 80, roll=8)


def test_points_round_trip() -> None:
    again = Landmarks.from_points(FACE.points()).points()
    for name, (x, y) in FACE.points().items():
        assert again[name] == pytest.approx((x, y), abs=1e-9)


def test_lines_name_points() -> None:
    names = set(FACE.points())
    assert {name for line in LINES for name in line} <= names


def test_the_frame_is_upright_and_as_large_as_the_eyes_are_apart() -> None:
    frame = FACE.frame
    assert frame.unit == pytest.approx(80)
    assert frame.to_face(FACE.eye_left.iris) == pytest.approx((-0.5, 0))
    assert frame.to_face(FACE.jaw.chin) == pytest.approx((0, 1.75))
    assert frame.to_picture(frame.to_face((11.0, 22.0))) == pytest.approx((11, 22))


def test_scaled_scales_all() -> None:
    half = FACE.scaled(0.5)
    assert half.eye_left.radius == pytest.approx(FACE.eye_left.radius / 2)
    assert half.mouth.left == pytest.approx([v / 2 for v in FACE.mouth.left])


def test_outline_and_shoulders_are_kept() -> None:
    points = FACE.points() | {f"head.{i}": (100.0 + 20 * i, 50.0 + (i % 4) * 30) for i in range(12)}
    points |= {"shoulders.left": (100.0, 400.0), "shoulders.right": (500.0, 400.0)}
    again = Landmarks.from_points(points)
    assert again.head is not None
    assert again.head[11] == (320.0, 140.0)
    assert Landmarks.from_points(again.points()) == again


def move(name: str, x: float, y: float) -> dict[str, tuple[float, float]]:
    points = FACE.points()
    return points | {name: (points[name][0] + x, points[name][1] + y)}


def below_each_other(*names: str) -> dict[str, tuple[float, float]]:
    """The face with these points at one place along the line through its eyes."""
    points, frame = FACE.points(), FACE.frame
    x = frame.to_face(points[names[0]])[0]
    return points | {name: frame.to_picture((x, frame.to_face(points[name])[1])) for name in names}


EDGE = tuple(name for name in FACE.points() if name.startswith("jaw.") and not name.endswith(".0"))


@pytest.mark.parametrize(
    ("points", "words"),
    [
        (FACE.points() | {"eye_left.outer": FACE.frame.to_picture((-0.26, 0.3))}, "eye_left has an impossible width"),
        (below_each_other("jaw.chin", *EDGE), "jaw's points lie below each other"),
        (move("eye_left.iris", 160, 0), "left eye must be on the picture's left"),
        (move("eye_left.iris", 75, 5), "closer than 16 pixels"),
        (move("eye_left.top", 0, 40), "upper lid must be above"),
        (move("eye_left.rim", 60, 0), "iris is larger"),
        (move("mouth.left", 70, 0), "left of the right one"),
        (move("mouth.upper_outer.middle", 0, 60), "upper lip above"),
        (move("jaw.chin", 0, -100), "chin must be below"),
        (move("forehead", 0, 200), "forehead must be above"),
        ({k: v for k, v in FACE.points().items() if k != "nose"}, "nose"),
        (FACE.points() | {"tail": (1.0, 1.0)}, "tail"),
        (FACE.points() | {"nose.tip": (1.0, 1.0)}, "nose"),
        (FACE.points() | {"nose": (float("nan"), 1.0)}, "nose"),
        (FACE.points() | {"nose": (1e9, 1.0)}, "nose"),
        ({}, "eye_left"),
    ],
)
def test_what_is_no_face_is_explained(points: dict[str, tuple[float, float]], words: str) -> None:
    with pytest.raises(AvatarError, match=words):
        Landmarks.from_points(points)


def test_landmarks_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        FACE.nose = (0.0, 0.0)  # type: ignore[misc]
