"""What photographs of people have and plain drawn faces have not: tight cuts, painted lips, low brows, dark glasses."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from tests.animators.lite.photo.faces import HAIR, LIP, SKIN, TRUTH, draw, frame_at, portrait, room, truth
from vcam.animators.base import Scene
from vcam.animators.lite.compositor import HeadPose
from vcam.animators.lite.eyes import EyeShape
from vcam.animators.lite.mouth import MouthShape
from vcam.animators.lite.photo import PhotoAvatar
from vcam.animators.lite.photo.compositor import PhotoCompositor
from vcam.animators.lite.photo.evidence import UprightFace, read_eye
from vcam.animators.lite.photo.framing import compose
from vcam.animators.lite.photo.landmarks import Landmarks
from vcam.animators.lite.photo.lipline import read_lips
from vcam.animators.lite.photo.propose import propose_landmarks
from vcam.media import ByteArray

SCENE = Scene(640, 360)
CENTRE, UNIT = (320.0, 150.0), 60.0


def off(found: Landmarks, right: Landmarks, *names: str) -> float:
    """How far the worst of these points is away, in units."""
    a, b = found.points(), right.points()
    return max(math.dist(a[name], b[name]) for name in names) / right.frame.unit


def strokes(picture: ByteArray, points: list[tuple[float, float]], thick: float, colour: tuple[int, int, int]) -> None:
    """A line into ``picture``, in units of a face at ``CENTRE``."""
    frame = frame_at(CENTRE, UNIT, 0.0)
    shape = np.round(np.array([frame.to_picture(point) for point in points]) * 16).astype(np.int32)
    cv2.polylines(picture, [shape], False, colour, max(1, round(thick * UNIT)), cv2.LINE_AA, 4)


def drawn(picture: ByteArray, face: Landmarks, mouth: MouthShape, eyes: EyeShape) -> tuple[ByteArray, ByteArray]:
    """At rest, and posed."""
    compositor = PhotoCompositor(PhotoAvatar("me", face, picture), SCENE)
    rest = compositor.draw(HeadPose(), MouthShape(), EyeShape()).copy()
    return rest, compositor.draw(HeadPose(), mouth, eyes).copy()


def place(picture: ByteArray, face: Landmarks, shown: ByteArray, box: tuple[float, float, float, float]) -> ByteArray:
    """The part of a shown frame between left, top, right and bottom in units of the face."""
    shot = compose(picture, face, SCENE)
    margin = (shot.canvas.shape[0] - shown.shape[0]) // 2
    (x0, y0), (x1, y1) = (shot.landmarks.frame.to_picture(corner) for corner in (box[:2], box[2:]))
    return shown[round(y0) - margin : round(y1) - margin, round(x0) - margin : round(x1) - margin]


@pytest.mark.parametrize("roll", [0.0, -14.0])
def test_a_face_cut_from_the_brows_to_the_chin_is_found(roll: float) -> None:
    picture, right = portrait(640, 480, 110, roll)
    (x0, y0), (x1, y1) = (right.frame.to_picture(corner) for corner in ((-1.0, -0.62), (1.0, 1.7)))
    left, top = round(min(x0, x1)), round(min(y0, y1))
    cut = picture[top : round(max(y0, y1)), left : round(max(x0, x1))].copy()
    found = propose_landmarks(cut)
    assert found.confidence > 0.7
    moved = {name: (x - left, y - top) for name, (x, y) in right.points().items()}
    wanted = Landmarks.from_points(moved)
    assert off(found.landmarks, wanted, "eye_left.iris", "eye_right.iris", "mouth.left", "mouth.right") < 0.1


@pytest.mark.parametrize("aside", [-0.14, 0.14])
def test_an_iris_in_the_corner_of_the_eye_is_found_from_its_middle(aside: float) -> None:
    face = UprightFace(draw(room(640, 480), (320.0, 200.0), 90), frame_at((320.0, 200.0), 90, 0.0))
    for x in (-0.5, 0.5):
        first = read_eye(face, (x + aside, 0.0))
        assert math.dist(read_eye(face, first.iris).iris, (x, 0.0)) < 0.04


def test_light_on_the_lids_is_not_taken_for_the_eyes_white() -> None:
    picture = draw(room(640, 360), CENTRE, UNIT)
    for side in (-1, 1):
        strokes(picture, [(side * 0.34, -0.17), (side * 0.66, -0.17)], 0.07, (236, 230, 226))
    right = truth(CENTRE, UNIT)
    assert off(propose_landmarks(picture).landmarks, right, "eye_left.top", "eye_right.top") < 0.05


def test_pale_skin_below_one_eye_does_not_open_both() -> None:
    picture = draw(room(640, 360), CENTRE, UNIT)
    strokes(picture, [(0.3, 0.16), (0.7, 0.16)], 0.14, (240, 236, 232))
    seen = propose_landmarks(picture).landmarks
    assert off(seen, truth(CENTRE, UNIT), "eye_left.bottom", "eye_right.bottom") < 0.05


def test_a_shadow_above_the_lips_middle_is_no_lip() -> None:
    picture = draw(room(640, 360), CENTRE, UNIT)
    strokes(picture, [(0.0, 0.9), (0.0, 0.95)], 0.06, (150, 60, 60))
    lips = read_lips(UprightFace(picture, frame_at(CENTRE, UNIT, 0.0)), ((-0.4, 1.03), (0.4, 1.03)))
    assert abs(lips.edges[0][1][1] - TRUTH["mouth.upper_outer.middle"][1]) < 0.05


def test_a_mouth_beside_the_middle_is_found_where_it_is() -> None:
    """As in a head that is turned a little: it is not straight below the eyes."""
    picture = draw(room(640, 480), (320, 200), 80)
    right = truth((320, 200), 80)
    shift = np.array([[1, 0.16, -0.16 * 200], [0, 1, 0]], np.float32)  # what is below the eyes goes to the right
    leaning = np.asarray(cv2.warpAffine(picture, shift, (640, 480), borderMode=cv2.BORDER_REPLICATE), np.uint8)
    found = propose_landmarks(leaning).landmarks
    for name in ("mouth.left", "mouth.right"):
        across, down = right.points()[name]
        assert math.dist(found.points()[name], (across + 0.16 * (down - 200), down)) / 80 < 0.1


def test_painted_lips_with_a_dark_upper_one_are_closed() -> None:
    picture, right = portrait(640, 480, 80)
    top = [right.points()[f"mouth.{name}"] for name in ("left", "upper_outer.left", "upper_outer.middle")]
    top += [right.points()[f"mouth.{name}"] for name in ("upper_outer.right", "right")]
    line = [right.points()[f"mouth.upper_inner.{name}"] for name in ("right", "middle", "left")]
    dark = tuple(round(0.8 * value) for value in LIP)
    cv2.fillPoly(picture, [np.round(np.array(top + line) * 16).astype(np.int32)], dark, cv2.LINE_AA, 4)
    mouth = propose_landmarks(picture).landmarks.mouth
    assert mouth.upper_inner == mouth.lower_inner


@pytest.mark.parametrize("skin", [SKIN, (150, 105, 80)])
def test_low_brows_stay_while_the_eyes_blink(skin: tuple[int, int, int]) -> None:
    picture = draw(room(640, 360), CENTRE, UNIT, skin=skin)
    points = truth(CENTRE, UNIT).points()
    frame = frame_at(CENTRE, UNIT, 0.0)
    for side, name in ((-1, "left"), (1, "right")):
        line = [(side * 0.3, -0.19), (side * 0.5, -0.21), (side * 0.74, -0.2)]
        strokes(picture, line, 0.07, HAIR)
        for part, at in zip(("inner", "middle", "outer"), line, strict=True):
            points[f"brow_{name}.{part}"] = frame.to_picture(at)
    face = Landmarks.from_points(points)
    rest, shut = drawn(picture, face, MouthShape(), EyeShape(1.0))
    for x in (-0.5, 0.5):
        before, after = (place(picture, face, shown, (x - 0.18, -0.26, x + 0.18, -0.17)) for shown in (rest, shut))
        dark = before.max(axis=2) < 120
        assert dark.mean() > 0.3
        assert (after.max(axis=2)[dark] < 130).mean() > 0.95
        eye = place(picture, face, shut, (x - 0.08, -0.04, x + 0.08, 0.04))
        assert (eye.max(axis=2) > 100).mean() > 0.6  # and they do blink


def test_nothing_moves_behind_dark_glasses() -> None:
    picture = draw(room(640, 360), CENTRE, UNIT)
    frame = frame_at(CENTRE, UNIT, 0.0)
    for side in (-0.5, 0.5):
        x, y = (round(value) for value in frame.to_picture((side, 0.02)))
        cv2.ellipse(picture, (x, y), (round(0.42 * UNIT), round(0.3 * UNIT)), 0, 0, 360, (12, 12, 14), -1, cv2.LINE_AA)
        cv2.circle(picture, (x - 8, y - 6), 2, (250, 250, 250), -1, cv2.LINE_AA)
    strokes(picture, [(-0.1, 0.0), (0.1, 0.0)], 0.06, (12, 12, 14))
    face = truth(CENTRE, UNIT)
    for eyes in (EyeShape(1.0), EyeShape(gaze_x=1.0), EyeShape(squint=1.0)):
        rest, posed = drawn(picture, face, MouthShape(), eyes)
        np.testing.assert_array_equal(rest, posed)


@pytest.mark.parametrize("jaw", [0.0, 0.3])
def test_rounded_lips_bring_nothing_into_the_face_from_behind_it(jaw: float) -> None:
    green = (20, 230, 40)
    picture = draw(np.full((360, 640, 3), green, np.uint8), CENTRE, UNIT, hair=green)
    face = truth(CENTRE, UNIT)
    points = face.points()
    frame = face.frame
    for at, name in ((-0.55, "left"), (0.55, "right")):  # a wide mouth in the same face
        points[f"mouth.{name}"] = frame.to_picture((at, 1.03))
    for name in [name for name in points if name.startswith(("jaw.left", "jaw.right"))]:
        across, down = frame.to_face(points[name])  # whose edge was read a little too far outside
        points[name] = frame.to_picture((1.05 * across, down))
    wide = Landmarks.from_points(points)
    rest, posed = drawn(picture, wide, MouthShape(jaw=jaw, wide=-1.0), EyeShape())
    shot = compose(picture, wide, SCENE)
    margin = (shot.canvas.shape[0] - rest.shape[0]) // 2
    edge = compose(picture, face, SCENE).landmarks.jaw
    jaw_line = [*edge.left[1:], edge.chin, *reversed(edge.right[1:])]
    inside = np.zeros(rest.shape[:2], np.uint8)
    cv2.fillPoly(inside, [np.round(np.array(jaw_line) - margin).astype(np.int32)], 1)
    face_only = cv2.erode(inside, np.ones((7, 7), np.uint8)) > 0
    for shown in (rest, posed):
        assert not (np.abs(shown.astype(int) - green).max(axis=2)[face_only] < 80).any()
