from __future__ import annotations

import itertools
import math

import cv2
import numpy as np
import pytest

from tests.animators.lite.photo.faces import LIP, draw, portrait, room, truth
from vcam.animators.base import Scene
from vcam.animators.lite import LiteAnimator
from vcam.animators.lite.photo.landmarks import Landmarks
from vcam.animators.lite.photo.propose import propose_landmarks
from vcam.errors import AvatarError
from vcam.media import ByteArray
from vcam.profile.model import LiteOptions

# Of the eyes' distance: how far a point may be off.
TOLERANCE = {"eye": 0.08, "brow": 0.12, "mouth": 0.09, "nose": 0.12, "jaw": 0.12, "forehead": 0.3}


def misses(found: Landmarks, right: Landmarks) -> dict[str, float]:
    """The points that are too far off."""
    unit, seen = right.frame.unit, found.points()
    off = {name: math.dist(seen[name], point) / unit for name, point in right.points().items()}
    for name in off:
        if name.startswith("jaw"):  # anywhere along the jaw is right
            x, y = right.frame.to_face(seen[name])
            off[name] = abs(math.hypot(x / 1.05, (y - 0.4) / 1.35) - 1)
    return {name: round(far, 3) for name, far in off.items() if far > TOLERANCE[name.split(".")[0].split("_")[0]]}


@pytest.mark.parametrize(("unit", "roll"), [(80.0, 0.0), (80.0, 12.0), (60.0, -20.0), (30.0, 5.0)])
def test_a_drawn_face_is_found(unit: float, roll: float) -> None:
    picture, right = portrait(unit=unit, roll=roll)
    proposal = propose_landmarks(picture)
    assert misses(proposal.landmarks, right) == {}
    assert proposal.confidence > 0.7
    left, top, right_edge, bottom = proposal.face
    assert left < 320 < right_edge
    assert top < 202 < bottom


@pytest.mark.parametrize(("unit", "roll"), [(80.0, 0.0), (60.0, 10.0)])
def test_the_lips_of_an_open_smile_end_where_the_teeth_begin(unit: float, roll: float) -> None:
    picture, right = portrait(unit=unit, roll=roll, smile=True)
    found = propose_landmarks(picture).landmarks
    assert misses(found, right) == {}
    for edge in ("upper_inner", "lower_inner"):
        seen, wanted = (getattr(face.mouth, edge).middle for face in (found, right))
        assert math.dist(seen, wanted) / unit < 0.05


def laughing(up: float, teeth: float, dark: float) -> tuple[ByteArray, Landmarks]:
    """A face whose upper lip ends at ``up`` units; teeth below it and the mouth's dark inside below those."""
    picture, right = portrait()
    edges = [up - 0.07, up, up + teeth, up + teeth + dark, up + teeth + dark + 0.13]
    for (top, bottom), colour in zip(
        itertools.pairwise(edges), ((168, 76, 76), (244, 242, 238), (60, 20, 25), LIP), strict=True
    ):
        ring = [(-0.4, 1.03), (-0.2, top), (0.2, top), (0.4, 1.03), (0.2, bottom), (-0.2, bottom)]
        shape = np.round(np.array([right.frame.to_picture(p) for p in ring]) * 16).astype(np.int32)
        cv2.fillPoly(picture, [shape], colour, cv2.LINE_AA, 4)
    return picture, right


@pytest.mark.parametrize(
    ("up", "teeth", "dark"), [(0.9, 0.1, 0.2), (0.94, 0.12, 0.08), (0.98, 0.05, 0.1), (0.98, 0.15, 0.0)]
)
def test_a_laughing_mouth_is_all_that_is_between_the_lips(up: float, teeth: float, dark: float) -> None:
    picture, right = laughing(up, teeth, dark)
    mouth = propose_landmarks(picture).landmarks.mouth
    for edge, wanted in (("upper_inner", up), ("lower_inner", up + teeth + dark)):
        assert right.frame.to_face(getattr(mouth, edge).middle)[1] == pytest.approx(wanted, abs=0.04)


def test_a_fringe_is_no_brow() -> None:
    picture, right = portrait()
    left, top = (round(v) for v in right.frame.to_picture((-1.2, -1.5)))
    right_edge, bottom = (round(v) for v in right.frame.to_picture((1.2, -0.62)))
    picture[top:bottom, left:right_edge] = (70, 45, 32)
    assert {name for name in misses(propose_landmarks(picture).landmarks, right) if name.startswith("brow")} == set()


def test_dark_skin_is_seen_as_well() -> None:
    picture = draw(room(640, 480), (320, 200), 80, skin=(120, 80, 60), hair=(25, 20, 18))
    assert misses(propose_landmarks(picture).landmarks, truth((320, 200), 80)) == {}


def test_a_picture_in_grey_is_seen_as_well() -> None:
    picture, right = portrait()
    grey = np.asarray(cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB), np.uint8)
    found = propose_landmarks(grey).landmarks
    assert {name for name in misses(found, right) if name.startswith("eye")} == set()
    assert found.mouth.left == pytest.approx(right.mouth.left, abs=12)


def test_the_bundled_portrait_is_found() -> None:
    picture = LiteAnimator("robin", LiteOptions(), Scene(1280, 720)).portrait()
    proposal = propose_landmarks(picture)
    assert proposal.notices == ()
    face = proposal.landmarks
    assert face.eye_left.iris == pytest.approx((586, 287), abs=8)
    assert face.eye_right.iris == pytest.approx((694, 287), abs=8)
    assert face.mouth.left == pytest.approx((596, 384), abs=10)
    assert face.mouth.right == pytest.approx((684, 384), abs=10)
    assert face.jaw.chin == pytest.approx((640, 460), abs=14)


def test_the_largest_of_several_faces_is_taken_and_said() -> None:
    picture = draw(draw(room(960, 480), (250, 230), 45), (660, 200), 80)
    proposal = propose_landmarks(picture)
    assert misses(proposal.landmarks, truth((660, 200), 80)) == {}
    assert any("2 faces" in notice for notice in proposal.notices)


def test_a_small_face_is_noticed() -> None:
    picture, _ = portrait(unit=26)
    assert any("small" in notice for notice in propose_landmarks(picture).notices)


def test_a_tiny_face_is_refused() -> None:
    picture, _ = portrait(640, 480, unit=64)
    tiny = np.asarray(cv2.resize(picture, (128, 96), interpolation=cv2.INTER_AREA), np.uint8)
    with pytest.raises(AvatarError, match="too small"):
        propose_landmarks(tiny)


def noise() -> ByteArray:
    return np.random.default_rng(1).integers(0, 255, (240, 320, 3)).astype(np.uint8)


def clouds() -> ByteArray:
    return np.asarray(cv2.resize(noise()[:24, :32], (480, 360), interpolation=cv2.INTER_CUBIC), np.uint8)


@pytest.mark.parametrize("picture", [noise(), clouds(), room(320, 240), np.zeros((64, 64, 3), np.uint8)])
def test_a_picture_without_a_face_is_refused(picture: ByteArray) -> None:
    with pytest.raises(AvatarError, match="No face") as caught:
        propose_landmarks(picture)
    assert "from the front" in caught.value.hint


@pytest.mark.parametrize("shape", [(1, 1), (20, 6000), (6000, 20), (35, 35)])
def test_a_strip_has_no_face(shape: tuple[int, int]) -> None:
    with pytest.raises(AvatarError, match="No face"):
        propose_landmarks(np.full((*shape, 3), 128, np.uint8))


@pytest.mark.parametrize(
    ("turns", "words", "hint"),
    [(1, "on its side", "90 degrees to the right"), (3, "on its side", "90 degrees to the left"), (2, "upside", "180")],
)
def test_a_picture_that_lies_on_its_side_is_refused_with_a_word_how_to_turn_it(
    turns: int, words: str, hint: str
) -> None:
    picture, _ = portrait(320, 300, unit=50)
    with pytest.raises(AvatarError, match=words) as caught:
        propose_landmarks(np.rot90(picture, turns).copy())
    assert hint in caught.value.hint


def test_a_small_face_in_a_large_picture_is_found() -> None:
    picture = draw(room(1600, 1000), (1200, 600), 26)
    assert misses(propose_landmarks(picture).landmarks, truth((1200, 600), 26)) == {}


def test_a_face_that_fills_the_picture_is_found() -> None:
    picture, right = portrait(480, 640, unit=180)
    assert misses(propose_landmarks(picture).landmarks, right) == {}


def test_of_faces_alike_the_one_in_the_middle_is_taken() -> None:
    picture = room(900, 300)
    for x in (150, 450, 750):
        picture = draw(picture, (x, 130), 40)
    proposal = propose_landmarks(picture)
    assert proposal.faces == 3
    assert misses(proposal.landmarks, truth((450, 130), 40)) == {}


@pytest.mark.parametrize(("gain", "lift"), [(0.15, 0.0), (0.25, 185.0)], ids=["dark", "hazy"])
def test_a_face_in_bad_light_is_found(gain: float, lift: float) -> None:
    picture, right = portrait(320, 240, unit=40)
    found = propose_landmarks((picture * gain + lift).astype(np.uint8)).landmarks
    assert {name for name in misses(found, right) if name.startswith("eye")} == set()


def test_the_same_picture_gives_the_same_points() -> None:
    picture, _ = portrait(320, 240, unit=40)
    assert propose_landmarks(picture) == propose_landmarks(picture)
