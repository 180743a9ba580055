from __future__ import annotations

import numpy as np
import pytest

from tests.animators.lite.photo.faces import portrait
from tests.animators.lite.photo.test_propose import misses
from vcam.animators.lite.photo.closeup import close_up
from vcam.animators.lite.photo.landmarks import Landmarks
from vcam.animators.lite.photo.propose import Proposal, propose_landmarks
from vcam.errors import AvatarError
from vcam.media import ByteArray


def photograph(unit: float, at: tuple[int, int]) -> tuple[ByteArray, Landmarks]:
    """A photograph with a face somewhere, as from a few metres away."""
    part, landmarks = portrait(round(unit * 5), round(unit * 5), unit=unit)
    picture = np.full((2400, 3600, 3), 150, np.uint8)
    picture[at[1] : at[1] + len(part), at[0] : at[0] + part.shape[1]] = part
    return picture, landmarks.shown(1.0, at)


@pytest.mark.parametrize(
    ("unit", "at"), [(110, (2100, 900)), (29, (1500, 1100)), (110, (3000, 10)), (150, (1425, 885))]
)
def test_a_small_face_in_a_large_picture_keeps_its_pixels(unit: float, at: tuple[int, int]) -> None:
    picture, right = photograph(unit, at)
    kept, proposal = close_up(picture, propose_landmarks)
    assert kept.shape == (1920, 1920, 3)
    found = proposal.landmarks.frame
    scale = min(1.0, 128 / unit)
    assert found.unit == pytest.approx(unit * scale, rel=0.06)
    middle = [
        min(max(c, 960 / scale), side - 960 / scale) for c, side in zip(right.frame.origin, (3600, 2400), strict=True)
    ]
    here = right.shown(scale, (960 - middle[0] * scale, 960 - middle[1] * scale))
    assert misses(proposal.landmarks, here) == {}
    assert proposal.notices[0].startswith("The face is small in this picture")


def test_of_a_face_that_is_large_enough_the_whole_picture_is_kept() -> None:
    picture, right = photograph(300, (700, 200))
    kept, proposal = close_up(picture, propose_landmarks)
    assert kept.shape == (1280, 1920, 3)
    assert misses(proposal.landmarks, right.scaled(1920 / 3600)) == {}
    assert proposal.notices == ()


def test_a_picture_that_is_not_large_is_kept_as_it_is() -> None:
    picture, _ = portrait(640, 480, unit=80)
    assert close_up(picture, propose_landmarks)[0] is picture


def test_a_second_look_that_sees_another_face_or_none_is_not_trusted() -> None:
    picture, right = photograph(110, (2100, 900))

    for second in (None, (300, 300)):
        looks: list[int] = []

        def look(part: ByteArray, second: tuple[int, int] | None = second, looks: list[int] = looks) -> Proposal:
            looks.append(part.shape[1])
            proposal = propose_landmarks(part)
            if len(looks) == 1:
                return proposal
            if second is None:
                raise AvatarError("No face was found in this picture.")
            return propose_landmarks(np.roll(part, second, (0, 1)))

        kept, proposal = close_up(picture, look)
        assert looks == [1920, 1920]
        assert proposal.landmarks.frame.unit == pytest.approx(right.frame.unit, rel=0.06)
        x, y = proposal.landmarks.frame.origin
        assert (x, y) == pytest.approx((960, 960), abs=12)
        assert kept.shape == (1920, 1920, 3)
        left, top, right_edge, bottom = proposal.face
        assert left < x < right_edge
        assert top < y < bottom
        # of the face as it is kept: nothing is said of one that would have been soft
        assert proposal.notices == ("The face is small in this picture: the 1920x1920 pixels around it are kept.",)


def test_a_large_face_that_only_a_second_look_sees_is_where_it_is_in_the_picture_kept() -> None:
    picture, right = photograph(300, (700, 200))
    looks = []

    def look(part: ByteArray) -> Proposal:
        looks.append(part.shape[1])
        if len(looks) == 1:
            raise AvatarError("No face was found in this picture.")
        return propose_landmarks(part)

    kept, proposal = close_up(picture, look)
    assert looks == [1920, 3600]
    assert kept.shape == (1280, 1920, 3)
    assert misses(proposal.landmarks, right.scaled(1920 / 3600)) == {}


def test_others_in_the_photograph_are_told_of_though_they_are_not_kept() -> None:
    picture, _ = photograph(110, (2100, 900))
    picture[900:1450, 100:650] = photograph(110, (100, 900))[0][900:1450, 100:650]
    _, proposal = close_up(picture, propose_landmarks)
    assert proposal.faces == 2
    assert "There are 2 faces in the picture; the largest one in the middle is used." in proposal.notices


def test_a_large_picture_without_a_face_is_refused() -> None:
    with pytest.raises(AvatarError, match="No face was found"):
        close_up(np.full((2400, 3600, 3), 150, np.uint8), propose_landmarks)
