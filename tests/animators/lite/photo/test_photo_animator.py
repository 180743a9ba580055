from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import cv2
import numpy as np
import pytest

from tests.animators.lite.photo.faces import (
    FRAMES,
    LIP,
    SKIN,
    WHITE,
    Colour,
    draw,
    fringe,
    glasses,
    portrait,
    room,
    truth,
)
from tests.animators.lite.speech import chunks, poses, sentence
from vcam.animators.base import Scene
from vcam.animators.lite import LiteAnimator, LitePose
from vcam.animators.lite.compositor import HeadPose
from vcam.animators.lite.eyes import EyeShape
from vcam.animators.lite.mouth import MouthShape
from vcam.animators.lite.photo import PhotoAvatar
from vcam.animators.lite.photo.compositor import PHOTO_REACH, PhotoCompositor
from vcam.animators.lite.photo.framing import compose
from vcam.animators.lite.photo.glasses import find_glasses
from vcam.errors import AnimatorError
from vcam.media import ByteArray, silence
from vcam.profile.model import LiteOptions

SCENE = Scene(640, 360)
UNIT = 60.0


@lru_cache
def avatar(
    width: int = 640, height: int = 360, unit: float = UNIT, roll: float = 0.0, *, smile: bool = False
) -> PhotoAvatar:
    rgb, landmarks = portrait(width, height, unit, roll, smile=smile)
    return PhotoAvatar("me", landmarks, rgb)


def compositor(roll: float = 0.0) -> PhotoCompositor:
    return PhotoCompositor(avatar(roll=roll), SCENE)


def seen(mouth: MouthShape = MouthShape(), eyes: EyeShape = EyeShape(), head: HeadPose = HeadPose()) -> ByteArray:  # noqa: B008
    return compositor().draw(head, mouth, eyes).copy()


def around(rgb: ByteArray, where: tuple[float, float], across: float, down: float) -> ByteArray:
    """A part of the scene around a place of the face, in face units."""
    frame = compose(avatar().rgb, avatar().landmarks, SCENE).landmarks.frame
    x, y = (round(v) - 24 for v in frame.to_picture(where))
    a, d = round(across * frame.unit), round(down * frame.unit)
    return rgb[y - d : y + d, x - a : x + a]


def far_from(rgb: ByteArray, *colours: Colour, by: int = 60) -> int:
    """How many pixels look like none of these."""
    apart = [np.abs(rgb.astype(int) - colour).max(axis=2) for colour in colours]
    return int((np.min(apart, axis=0) > by).sum())


def like(rgb: ByteArray, colour: Colour, by: int = 30) -> int:
    return int((np.abs(rgb.astype(int) - colour).max(axis=2) < by).sum())


def test_at_rest_it_is_the_picture() -> None:
    rest = seen()
    np.testing.assert_array_equal(rest, avatar().rgb)  # of the scene's size and composed as a webcam shows people
    np.testing.assert_array_equal(rest, compose(avatar().rgb, avatar().landmarks, SCENE).rest)


@pytest.mark.parametrize("roll", [0.0, 14.0])
def test_it_comes_back_to_the_picture(roll: float) -> None:
    drawing = compositor(roll)
    rest = drawing.draw(HeadPose(), MouthShape(), EyeShape()).copy()
    moved = drawing.draw(PHOTO_REACH, MouthShape(0.7, 0.5, 0.2), EyeShape(0.5, 1, 1)).copy()
    assert np.abs(moved.astype(int) - rest).max() > 60
    np.testing.assert_array_equal(drawing.draw(HeadPose(), MouthShape(), EyeShape()), rest)


def opening(rgb: ByteArray) -> int:
    """Rows between the lips, in the middle of the mouth."""
    strip = around(rgb, (0, 1.15), 0.06, 0.4).astype(int)
    lips = np.minimum(np.abs(strip - LIP).max(axis=2), np.abs(strip - (168, 76, 76)).max(axis=2)).mean(axis=1) < 35
    return int(np.diff(np.nonzero(lips)[0]).max()) - 1


def test_the_jaw_opens_the_mouth_further_and_further() -> None:
    opened = [opening(seen(MouthShape(float(jaw)))) for jaw in np.linspace(0, 1, 11)]
    assert opened == sorted(opened)
    assert len(set(opened)) >= 8
    assert opened[-1] - opened[0] > 0.19 * UNIT


def test_the_chin_goes_down_with_the_jaw_and_the_nose_stays() -> None:
    rest, wide = seen(), seen(MouthShape(1.0))

    def chin(rgb: ByteArray) -> int:
        """The row of the strongest edge below the mouth."""
        column = around(rgb, (0, 1.8), 0.05, 0.3).astype(float).mean(axis=(1, 2))
        return int(np.abs(np.diff(column)).argmax())

    assert chin(wide) - chin(rest) > 0.08 * UNIT
    np.testing.assert_array_equal(around(wide, (0, 0.45), 0.3, 0.1), around(rest, (0, 0.45), 0.3, 0.1))


def test_width_and_rounding_move_the_corners() -> None:
    def width(shape: MouthShape) -> int:
        line = around(seen(shape), (0, 1.05), 0.6, 0.12)
        return int(np.ptp(np.nonzero(((line[..., 0].astype(int) - line[..., 1]) > 60).any(axis=0))[0]))

    assert width(MouthShape(wide=-1)) < 0.85 * width(MouthShape())
    assert width(MouthShape(wide=1)) > 1.05 * width(MouthShape())


def test_pressed_lips_are_thinner() -> None:
    def lips(shape: MouthShape) -> int:
        return like(around(seen(shape), (0, 1.07), 0.3, 0.25), LIP, 35)

    assert lips(MouthShape(pressed=1)) < 0.75 * lips(MouthShape())


def enamel(rgb: ByteArray) -> int:
    """Pixels of the mouth that are as pale as teeth: no red."""
    part = around(rgb, (0, 1.1), 0.36, 0.3).astype(int)
    return int(((part.min(axis=2) > 140) & (np.ptp(part, axis=2) < 45)).sum())


def test_the_lower_lip_goes_to_the_teeth_for_f_and_v() -> None:
    rest, little, bitten = (seen(MouthShape(teeth=amount)) for amount in (0.0, 0.5, 1.0))
    assert enamel(rest) == 0
    assert 0 < enamel(little) < enamel(bitten)
    # nothing dark is left between them and the lip, unlike in a mouth that is open so far
    dark = [(around(rgb, (0, 1.1), 0.2, 0.2).max(axis=2) < 95).sum() for rgb in (seen(MouthShape(0.3)), bitten)]
    assert dark[0] > 5 * dark[1]
    # however open the jaw
    assert np.abs(seen(MouthShape(0.3, teeth=1.0)).astype(int) - bitten).mean() < 0.1


def test_the_tongue_comes_up_for_l_and_th() -> None:
    def cavity(shape: MouthShape) -> float:
        """How dark it is below the teeth, 0 as the tongue."""
        return float((190 - around(seen(shape), (0, 1.13), 0.12, 0.05)[..., 0].astype(int)).clip(0).mean())

    assert cavity(MouthShape(0.5)) > 1.1 * cavity(MouthShape(0.5, tongue=0.5)) > 1.2 * cavity(MouthShape(0.5, tongue=1))
    assert opening(seen(MouthShape(0.02, tongue=1.0))) > opening(seen(MouthShape(0.02)))


def test_teeth_that_the_picture_shows_stay_above_and_pressed_lips_cover_them() -> None:
    drawing = PhotoCompositor(avatar(smile=True), SCENE)
    shapes = (MouthShape(), MouthShape(0.6), MouthShape(pressed=1.0), MouthShape(teeth=1.0))
    rest, open_, pressed, bitten = (drawing.draw(HeadPose(), shape, EyeShape()).copy() for shape in shapes)
    assert enamel(open_) > 0.6 * enamel(rest)  # its own, not drawn ones
    assert enamel(pressed) < 0.1 * enamel(rest)
    assert 0.1 * enamel(rest) < enamel(bitten) < 0.8 * enamel(rest)
    strip = around(open_, (0, 1.15), 0.02, 0.3).astype(int)
    dark, pale = ((strip.max(axis=2) < 90).mean(axis=1) > 0.5), ((strip.min(axis=2) > 170).mean(axis=1) > 0.5)
    assert np.nonzero(pale)[0].max() < np.nonzero(dark)[0].min()  # the cavity opens below them


def test_an_open_smile_closes_as_far_as_the_words_say() -> None:
    drawing = PhotoCompositor(avatar(smile=True), SCENE)

    def teeth(shape: MouthShape) -> int:
        return enamel(drawing.draw(HeadPose(), shape, EyeShape()))

    grin = teeth(MouthShape())
    shown = [teeth(MouthShape(float(jaw), shut=1.0)) for jaw in (0.0, 0.1, 0.2, 0.4)]
    assert shown[0] < 0.25 * grin
    assert shown == sorted(shown)
    assert shown[-1] > 0.6 * grin
    closing = [teeth(MouthShape(shut=float(part))) for part in np.linspace(0, 1, 9)]
    assert closing == sorted(closing, reverse=True)
    # nothing dark opens: the lips meet
    strip = around(drawing.draw(HeadPose(), MouthShape(shut=1.0), EyeShape()), (0, 1.12), 0.25, 0.12)
    assert (strip.max(axis=2) < 90).mean() < 0.02


def test_an_open_smile_speaks_with_lips_that_meet_and_grins_again_in_silence() -> None:
    lite = LiteAnimator(avatar(smile=True), LiteOptions(sway=0, blinks_per_minute=0), SCENE)
    grin = enamel(lite.portrait())
    spoken = [pose.mouth for pose in poses(lite, chunks(sentence(2)))]
    speaking = [mouth for mouth in spoken if mouth.shut > 0.9]
    assert len(speaking) > 0.5 * len(spoken)
    shown = [enamel(lite.render(LitePose(0, HeadPose(), mouth, EyeShape()))) for mouth in speaking]
    assert min(shown) < 0.3 * grin
    end = poses(lite, chunks(silence(32000), pts=len(spoken) * 640, speech=False))
    assert end[-1].mouth == MouthShape()
    closing = np.diff([0.0, *(mouth.shut for mouth in spoken)])
    assert closing.max() < 0.3  # nothing pops
    opening_ = np.diff([pose.mouth.shut for pose in end])
    assert np.abs(opening_).max() < 0.15  # it comes back slowly


def test_a_laugh_opens_a_smile_in_the_picture_as_far_as_a_closed_mouth() -> None:
    options = LiteOptions.model_validate({"expression": "laugh", "sway": 0, "blinks_per_minute": 0})
    shut = []
    for smile in (True, False):
        lite = LiteAnimator(avatar(smile=smile), options, SCENE)
        shut.append(poses(lite, chunks(silence(3200), speech=False))[-1].mouth.shut)
    assert shut[0] > 0.8
    assert shut[1] == 0


@pytest.mark.parametrize("name", ["sad", "angry"])
def test_a_face_that_does_not_smile_does_not_show_the_pictures_smile(name: str) -> None:
    options = LiteOptions.model_validate({"expression": name, "sway": 0, "blinks_per_minute": 0})
    lite = LiteAnimator(avatar(smile=True), options, SCENE)
    pose = poses(lite, chunks(silence(3200), speech=False))[-1]
    assert enamel(lite.render(pose)) < 0.3 * enamel(lite.portrait())


@pytest.mark.parametrize("roll", [0.0, 12.0])
def test_the_mouth_is_drawn_without_a_seam(roll: float) -> None:
    """On skin with fine lines: where the moving part begins, nothing shifts."""
    face = avatar(roll=roll)
    lined = face.rgb.copy()
    lined[1::2] = np.clip(lined[1::2].astype(int) + 24, 0, 255)
    drawing = PhotoCompositor(replace(face, rgb=lined), SCENE)
    rest = drawing.draw(HeadPose(), MouthShape(), EyeShape()).copy()
    moved = np.abs(drawing.draw(HeadPose(), MouthShape(0.5), EyeShape()).astype(int) - rest).max(axis=2).max(axis=1)
    first = int(np.nonzero(moved)[0][0])
    assert moved[first : first + 3].max() < 8  # it begins gently
    assert moved.max() > 60


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


def all_poses() -> list[tuple[HeadPose, MouthShape, EyeShape]]:
    far = PHOTO_REACH
    back = HeadPose(*(-getattr(far, name) for name in HeadPose.__slots__))
    return [
        (head, MouthShape(jaw, wide), EyeShape(lid))
        for head in (far, back)
        for jaw, wide, lid in ((1.0, 0.0, 0.0), (0.5, -1.0, 1.0), (0.0, 1.0, 0.5))
    ]


def test_the_background_stays_still() -> None:
    drawing = compositor()
    rest = drawing.draw(HeadPose(), MouthShape(), EyeShape()).copy()
    unit = compose(avatar().rgb, avatar().landmarks, SCENE).landmarks.frame.unit
    reach = round(2.3 * unit)  # beside the head
    head = slice(0, round(0.42 * 360 + 1.2 * unit))
    for pose in all_poses():
        moved = drawing.draw(*pose)
        np.testing.assert_array_equal(moved[head, : 320 - reach], rest[head, : 320 - reach])
        np.testing.assert_array_equal(moved[head, 320 + reach :], rest[head, 320 + reach :])
        np.testing.assert_array_equal(moved[:, : round(0.5 * unit)], rest[:, : round(0.5 * unit)])


def test_the_skin_does_not_tear() -> None:
    """Colours that are in the face at rest are all that is in it later: nothing of the room or the clothes."""
    for pose in all_poses():
        face = around(seen(pose[1], pose[2], pose[0]), (0, 0.7), 0.6, 0.25)
        blue = (face[..., 2].astype(int) - face[..., 0]) > 20
        assert not blue.any()


def test_the_same_pose_gives_the_same_pixels_whatever_came_before() -> None:
    drawing = compositor()
    wanted = all_poses()
    forward = [drawing.draw(*pose).copy() for pose in wanted]
    for pose, expected in list(zip(wanted, forward, strict=True))[::-1]:
        np.testing.assert_array_equal(drawing.draw(*pose), expected)


def film(seed: int) -> list[bytes]:
    lite = LiteAnimator(avatar(), LiteOptions(seed=seed), SCENE)
    return [lite.render(pose).tobytes() for pose in poses(lite, chunks(sentence(1)))]


def test_the_same_seed_gives_the_same_frames() -> None:
    assert film(3) == film(3)
    assert film(3) != film(4)


def test_it_speaks_and_is_closed_in_silence() -> None:
    lite = LiteAnimator(avatar(), LiteOptions(sway=0, blinks_per_minute=0), SCENE)

    def opened(rgb: ByteArray) -> int:
        return far_from(around(rgb, (0, 1.1), 0.42, 0.32), SKIN, LIP, (168, 76, 76))

    still = [opened(lite.render(pose)) for pose in poses(lite, chunks(silence(8320), speech=False))]
    assert max(still) == opened(lite.portrait())
    spoken = [opened(lite.render(pose)) for pose in poses(lite, chunks(sentence(2), pts=8320))]
    assert max(spoken) > opened(lite.portrait()) + 0.03 * UNIT**2


def test_small_motion_is_not_drawn() -> None:
    drawing = compositor()
    first = drawing.draw(HeadPose(x=2), MouthShape(), EyeShape()).copy()
    np.testing.assert_array_equal(drawing.draw(HeadPose(x=2.05), MouthShape(), EyeShape()), first)


@pytest.mark.parametrize("size", [(160, 120), (640, 360), (1280, 720), (360, 640), (640, 640), (320, 180)])
@pytest.mark.parametrize("shape", [(640, 360), (400, 400), (300, 600), (900, 300), (96, 120)])
def test_every_shape_fits_every_scene(size: tuple[int, int], shape: tuple[int, int]) -> None:
    scene = Scene(*size)
    drawing = PhotoCompositor(avatar(*shape, unit=min(shape) / 6), scene)
    rest = drawing.draw(HeadPose(), MouthShape(), EyeShape()).copy()
    assert rest.shape == (size[1], size[0], 3)
    moved = drawing.draw(PHOTO_REACH, MouthShape(1.0), EyeShape(1.0))
    assert moved.flags.c_contiguous
    assert not np.array_equal(moved, rest)
    face = compose(
        avatar(*shape, unit=min(shape) / 6).rgb, avatar(*shape, unit=min(shape) / 6).landmarks, scene
    ).landmarks
    x, y = (v - 24 for v in face.frame.origin)
    assert 0 < x < size[0]
    assert 0 < y < size[1]


def test_a_wide_picture_is_cut_so_that_the_face_is_as_large_as_a_webcam_shows_it() -> None:
    rgb, landmarks = portrait(1920, 1080, unit=70)
    face = compose(rgb, landmarks, Scene(1280, 720)).landmarks
    tall = face.jaw.chin[1] - face.forehead[1]
    assert 0.35 < tall / 720 < 0.45


def test_a_tall_picture_stands_before_its_own_blurred_copy() -> None:
    shot = compose(avatar(300, 600, 50).rgb, avatar(300, 600, 50).landmarks, SCENE)
    left, _, right, _ = shot.inner
    assert left > 24
    beside = shot.rest[:, : left - 24]
    assert cv2.Laplacian(cv2.cvtColor(beside, cv2.COLOR_RGB2GRAY), cv2.CV_64F).std() < 2
    # its edges fade into that: no frame around it
    steps = np.abs(np.diff(shot.rest[:, left - 30 : left + 10].astype(int), axis=1)).mean(axis=(0, 2))
    whole = np.abs(shot.rest[:, left + 10].astype(int) - beside[:, -6]).mean()
    assert steps.max() < 0.3 * whole
    drawing = PhotoCompositor(avatar(300, 600, 50), SCENE)
    for pose in all_poses():
        moved = drawing.draw(*pose)
        np.testing.assert_array_equal(moved[:, : left - 24], beside)
        np.testing.assert_array_equal(moved[:, right - 24 :], shot.rest[:, right - 24 :])


def test_the_scene_moves_and_enlarges_the_picture_and_gives_what_is_beside_it() -> None:
    tall = avatar(300, 600, 50)
    at = [compose(tall.rgb, tall.landmarks, scene).landmarks.frame for scene in (
        SCENE, Scene(640, 360, zoom=1.5), Scene(640, 360, shift_x=0.1), Scene(640, 360, shift_y=0.05))]  # fmt: skip
    assert at[1].unit == pytest.approx(1.5 * at[0].unit)
    assert at[2].origin[0] - at[0].origin[0] == pytest.approx(36, abs=1)
    assert at[3].origin[1] - at[0].origin[1] == pytest.approx(18, abs=1)
    red = np.full((360, 640, 3), (200, 10, 10), np.uint8)
    assert compose(tall.rgb, tall.landmarks, Scene(640, 360, backdrop=red)).rest[5, 5].tolist() == [200, 10, 10]


def test_a_face_at_the_edge_of_its_picture_can_speak() -> None:
    rgb = draw(room(300, 260), (60, 40), 70)
    drawing = PhotoCompositor(PhotoAvatar("edge", truth((60, 40), 70), rgb), SCENE)
    rest = drawing.draw(HeadPose(), MouthShape(), EyeShape()).copy()
    assert not np.array_equal(drawing.draw(PHOTO_REACH, MouthShape(1.0), EyeShape(1.0)), rest)


def test_a_scene_of_an_odd_size_is_refused() -> None:
    with pytest.raises(AnimatorError, match="641x360"):
        LiteAnimator(avatar(), LiteOptions(), Scene(641, 360))


def test_a_pose_is_drawn_by_the_animator() -> None:
    lite = LiteAnimator(avatar(), LiteOptions(), SCENE)
    pose = LitePose(0, HeadPose(), MouthShape(0.5), EyeShape())
    np.testing.assert_array_equal(lite.render(pose), seen(MouthShape(0.5)))
