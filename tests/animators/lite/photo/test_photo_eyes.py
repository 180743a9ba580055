"""What a picture's eyes do, and what hangs before them."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from tests.animators.lite.photo.faces import FRAMES, WHITE, fringe, glasses
from tests.animators.lite.photo.posing import SCENE, UNIT, around, avatar, like, seen
from vcam.animators.base import Scene
from vcam.animators.lite.compositor import HeadPose
from vcam.animators.lite.eyes import EyeShape
from vcam.animators.lite.mouth import MouthShape
from vcam.animators.lite.photo.compositor import PHOTO_REACH, PhotoCompositor
from vcam.animators.lite.photo.glasses import find_glasses
from vcam.media import ByteArray


@pytest.mark.parametrize("side", [-0.5, 0.5])
def test_shut_lids_cover_the_iris(side: float) -> None:
    lids = [around(seen(eyes=EyeShape(lid)), (side, 0), 0.22, 0.16) for lid in (0.0, 0.25, 0.5, 0.75, 1.0)]
    for colour, least in (((70, 95, 120), 0.01), (WHITE, 0.01)):
        counts = [like(eye, colour) for eye in lids]
        assert counts[0] > least * UNIT**2
        assert counts == sorted(counts, reverse=True)
        assert counts[-1] == 0


CENTRE = (320.0, 360 * 0.42)


def drawn_over(rgb: ByteArray, eyes: EyeShape) -> tuple[ByteArray, ByteArray]:
    """The face with something before its eyes: at rest, and with these eyes."""
    drawing = PhotoCompositor(replace(avatar(), rgb=rgb), SCENE)
    return rgb, drawing.draw(HeadPose(), MouthShape(), eyes).copy()


@pytest.mark.parametrize(
    "eyes",
    [EyeShape(0.4), EyeShape(1.0), EyeShape(squint=1.0), EyeShape(widen=1.0)],
    ids=["half", "shut", "squint", "wide"],
)
def test_glasses_stay_where_they_are_when_eyes_move(eyes: EyeShape) -> None:
    rest, moved = drawn_over(glasses(avatar().rgb, CENTRE, UNIT), eyes)
    frames = np.abs(rest.astype(int) - FRAMES).max(axis=2) < 12
    assert frames.sum() > 100
    assert np.abs(moved.astype(int) - rest).max(axis=2)[frames].max() <= 2
    assert np.abs(moved.astype(int) - rest).max() > 40
    # and nothing of them is seen elsewhere
    there = cv2.dilate(frames.astype(np.uint8), np.ones((5, 5), np.uint8)) == 0
    again = (np.abs(moved.astype(int) - FRAMES).max(axis=2) < 25) & there
    assert again.sum() <= ((np.abs(rest.astype(int) - FRAMES).max(axis=2) < 25) & there).sum() + 2


@pytest.mark.parametrize(("name", "much"), [("brow_left", 1.6), ("frown", 1.0), ("cheeks", 1.0)])
def test_glasses_are_stiff_when_the_face_around_them_moves(name: str, much: float) -> None:
    head = HeadPose(**{name: much * getattr(PHOTO_REACH, name)})
    face, scene = avatar(1280, 720, 2 * UNIT), Scene(1280, 720)
    rest = glasses(face.rgb, (640.0, 720 * 0.42), 2 * UNIT)
    moved = PhotoCompositor(replace(face, rgb=rest), scene).draw(head, MouthShape(), EyeShape())
    frames = np.abs(rest.astype(int) - FRAMES).max(axis=2) < 12
    assert np.abs(moved.astype(int) - rest).max(axis=2)[frames].max() <= 24  # a tenth of a pixel
    assert np.abs(moved.astype(int) - rest).max() > 10  # it does move elsewhere


def test_hair_over_the_brows_stays_in_a_blink() -> None:
    """Strands that end just above the lashes are not drawn down by the lid."""
    rest, shut = drawn_over(fringe(avatar().rgb, CENTRE, UNIT, ends=-0.18), EyeShape(1.0))
    for side in (-0.5, 0.5):
        above, below = around(rest, (side, -0.3), 0.2, 0.1), around(shut, (side, -0.3), 0.2, 0.1)
        np.testing.assert_array_equal(above, below)
        lid = around(shut, (side, -0.01), 0.14, 0.05).astype(int)
        assert (lid.max(axis=2) > 150).mean() > 0.9  # skin, no hair


def test_eyes_behind_hair_do_not_blink() -> None:
    rest, shut = drawn_over(fringe(avatar().rgb, CENTRE, UNIT, ends=0.02), EyeShape(1.0))
    assert np.abs(shut.astype(int) - rest).max() <= 2


def test_a_shut_lid_is_smooth_skin_with_one_dark_line() -> None:
    """The crease above the eye and lashes that point up are not drawn down with it."""
    rgb = avatar().rgb.copy()
    for side in (-0.5, 0.5):
        x, y = CENTRE[0] + side * UNIT, CENTRE[1]
        for dx in range(-8, 9, 2):
            cv2.line(
                rgb, (round(x + dx), round(y - 6)), (round(x + 1.3 * dx), round(y - 11)), (50, 35, 30), 1, cv2.LINE_AA
            )
    _, shut = drawn_over(rgb, EyeShape(1.0))
    for side in (-0.5, 0.5):
        lid = around(shut, (side, 0.0), 0.13, 0.14).astype(int)
        dark = (lid.max(axis=2) < 140).mean(axis=1) > 0.5
        assert np.diff(np.concatenate([[0], dark.astype(int), [0]])).clip(0).sum() == 1
        skin = lid[: int(np.nonzero(dark)[0][0]) - 2]
        assert len(skin) > 0.1 * UNIT
        assert np.abs(np.diff(skin, axis=0)).max() < 14


@pytest.mark.parametrize("roll", [0.0, 12.0])
def test_glasses_are_found_and_bare_faces_have_none(roll: float) -> None:
    rgb, landmarks = avatar(roll=roll).rgb, avatar(roll=roll).landmarks
    assert find_glasses(rgb, landmarks) is None
    lenses = find_glasses(glasses(rgb, CENTRE, UNIT, roll), landmarks)
    assert lenses is not None
    for lens in lenses:
        assert lens.down == pytest.approx(0.31, abs=0.05)
        assert lens.up == pytest.approx(0.23, abs=0.05)


def test_a_glance_moves_the_iris_and_not_the_lids() -> None:
    def middle(x: float) -> float:
        eye = around(seen(eyes=EyeShape(0, x, 0)), (0.5, 0), 0.24, 0.12)
        return float(np.nonzero(np.abs(eye.astype(int) - (70, 95, 120)).max(axis=2) < 40)[1].mean())

    assert middle(1) - middle(0) > 0.02 * UNIT
    assert middle(0) - middle(-1) > 0.02 * UNIT
    lid = around(seen(eyes=EyeShape(0, 1, 0)), (0.5, -0.25), 0.24, 0.08)
    np.testing.assert_array_equal(lid, around(seen(), (0.5, -0.25), 0.24, 0.08))
