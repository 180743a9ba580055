from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from tests.animators.ditto.face.painted import Detector, Points, paint
from tests.animators.lite.photo.faces import draw, portrait, room
from vcam.animators.ditto.face.finders import InsightFace, Proposal
from vcam.animators.ditto.networks import LANDMARK106
from vcam.errors import AvatarError


def test_insightface_gives_the_106_points_of_the_largest_face() -> None:
    seen: dict[str, Any] = {}
    face = InsightFace(Detector(), Points(LANDMARK106)).find(paint((260, 170), (340, 190)), seen.__setitem__)
    np.testing.assert_allclose(face.points.left, [260, 170], atol=1.5)
    np.testing.assert_allclose(face.points.right, [340, 190], atol=1.5)
    assert face.count == 1
    assert len(face.points.points) == 106
    assert list(seen) == ["det_boxes", "det_kps", "lmk106"]


def test_insightface_counts_faces() -> None:
    boxes = [(10, 10, 50, 50, 0.9), (150, 60, 330, 300, 0.8)]
    face = InsightFace(Detector(boxes), Points(LANDMARK106)).find(paint((260, 180), (340, 180)))
    assert face.count == 2
    np.testing.assert_allclose(face.box, np.array([150, 60, 330, 300]) * 640 / 512, atol=1e-3)


def test_insightface_says_when_there_is_no_face() -> None:
    with pytest.raises(AvatarError, match="No face was found") as caught:
        InsightFace(Detector([]), Points(LANDMARK106)).find(np.zeros((100, 100, 3), np.uint8))
    assert "from the front" in caught.value.hint


@pytest.mark.parametrize("roll", [0.0, 15.0])
def test_lites_proposal_needs_no_network(roll: float) -> None:
    picture, right = portrait(roll=roll)
    face = Proposal().find(picture)
    assert face.count == 1
    for side, eye in (("left", right.eye_left), ("right", right.eye_right)):
        assert math.dist(getattr(face.points, side), eye.iris) < 8
    far = np.linalg.norm(face.points.points - np.array(right.jaw.chin), axis=1)
    assert far.min() < 12  # so the box of the points reaches to the chin


def test_lites_proposal_counts_faces() -> None:
    picture = draw(draw(room(900, 480), (220, 200), 60), (640, 200), 90)
    face = Proposal().find(picture)
    assert face.count == 2
    assert face.points.left[0] > 500


def test_lites_proposal_says_when_there_is_no_face() -> None:
    with pytest.raises(AvatarError, match="No face was found"):
        Proposal().find(room(320, 240))
