"""A picture as a whole: at rest, in motion, and in its scene."""

from __future__ import annotations

import random

import cv2
import numpy as np
import pytest

from tests.animators.lite.photo.faces import LIP, SKIN, draw, portrait, room, truth
from tests.animators.lite.photo.posing import SCENE, UNIT, around, avatar, compositor, far_from, seen
from tests.animators.lite.speech import chunks, poses, sentence
from vcam.animators.base import Scene
from vcam.animators.lite import LiteAnimator, LitePose
from vcam.animators.lite.compositor import HeadPose
from vcam.animators.lite.eyes import EyeShape
from vcam.animators.lite.mouth import MouthShape
from vcam.animators.lite.photo import Landmarks, PhotoAvatar
from vcam.animators.lite.photo.compositor import PHOTO_REACH, PhotoCompositor
from vcam.animators.lite.photo.framing import compose
from vcam.errors import AnimatorError, AvatarError
from vcam.media import ByteArray, silence
from vcam.profile.model import LiteOptions


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


@pytest.mark.parametrize("roll", [0.0, 14.0, 30.0])
def test_the_same_pose_gives_the_same_pixels_whatever_came_before(roll: float) -> None:
    drawing = compositor(roll)
    wanted = all_poses()
    forward = [drawing.draw(*pose).copy() for pose in wanted]
    for pose, expected in list(zip(wanted, forward, strict=True))[::-1]:
        np.testing.assert_array_equal(drawing.draw(*pose), expected)


@pytest.mark.parametrize("roll", [-30.0, 0.0, 20.0, 30.0])
@pytest.mark.parametrize("eyes", [EyeShape(1.0), EyeShape(0.0, 1.0, 1.0)])
def test_words_leave_the_eyes_as_they_are(roll: float, eyes: EyeShape) -> None:
    drawing = compositor(roll)
    for jaw in (0.3, 0.8, 0.0):
        spoken = drawing.draw(HeadPose(), MouthShape(jaw), eyes)
        np.testing.assert_array_equal(spoken, compositor(roll).draw(HeadPose(), MouthShape(jaw), eyes))


def test_a_black_and_white_picture_speaks_in_black_and_white() -> None:
    grey = cv2.cvtColor(cv2.cvtColor(avatar().rgb, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    drawing = PhotoCompositor(PhotoAvatar("me", avatar().landmarks, np.asarray(grey, np.uint8)), SCENE)
    for shape in (MouthShape(1.0), MouthShape(0.4, tongue=1.0), MouthShape(0.0, teeth=1.0)):
        spoken = drawing.draw(HeadPose(), shape, EyeShape())
        assert (spoken.max(axis=2) - spoken.min(axis=2)).max() <= 2


def test_the_jaw_does_not_push_the_picture_out_over_its_lower_edge() -> None:
    me = avatar()
    tight = me.rgb[: round(me.landmarks.jaw.chin[1] + 0.3 * UNIT)]
    scene = Scene(640, 360, zoom=0.7)
    drawing = PhotoCompositor(PhotoAvatar("me", me.landmarks, tight), scene)
    rest = drawing.draw(HeadPose(), MouthShape(), EyeShape()).copy()
    shot = compose(tight, me.landmarks, scene)
    edge = shot.inner[3] - 24
    assert edge < 350
    spoken = drawing.draw(HeadPose(), MouthShape(1.0), EyeShape()).astype(int)
    assert np.abs(spoken[edge - 1 :] - rest[edge - 1 :]).max() <= 2
    chin = round(shot.landmarks.jaw.chin[1]) - 24
    assert np.abs(spoken[:chin] - rest[:chin]).max() > 60


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


@pytest.mark.parametrize("seed", range(2))
def test_points_dragged_anywhere_are_refused_or_can_be_drawn(seed: int) -> None:
    """Past each other, onto each other, below each other: no error of another kind, and no warning."""
    still, chance = avatar(320, 240, 40, smile=True), random.Random(seed)
    first, drawn = still.landmarks.points(), 0
    for _ in range(60):
        points = dict(first)
        for name in chance.sample(sorted(points), chance.choice([1, 2, 4, 8])):
            x, y = points[name]
            other = points[chance.choice(sorted(points))]
            near = (x + chance.gauss(0, 12), y + chance.gauss(0, 12))
            points[name] = chance.choice([near, near, other, (other[0], y), (x, other[1])])
        try:
            face = Landmarks.from_points(points)
        except AvatarError:
            continue
        drawing = PhotoCompositor(PhotoAvatar("dragged", face, still.rgb), Scene(320, 180))
        drawing.draw(PHOTO_REACH, MouthShape(0.7, 0.5, 0.2), EyeShape(0.5, 1, 1))
        drawing.draw(HeadPose(), MouthShape(0.3, -0.8), EyeShape(1, -1, 0))
        drawn += 1
    assert drawn > 15


@pytest.mark.parametrize(
    "scene", [Scene(480, 270, 0.25), Scene(160, 120, 0.75), Scene(160, 120, 0.25), Scene(160, 120, 0.25, 1.0, -1.0)]
)
@pytest.mark.parametrize("roll", [0.0, 14.0])
def test_a_good_picture_can_be_shown_very_small(scene: Scene, roll: float) -> None:
    for picture in (avatar(roll=roll), avatar(300, 600, 50, roll), avatar(300, 600, 50, roll, smile=True)):
        drawing = PhotoCompositor(picture, scene)
        for pose in all_poses():
            assert drawing.draw(*pose).shape == (scene.height, scene.width, 3)


def test_a_picture_can_be_shown_larger_than_any_picture_is() -> None:
    wide, face = portrait(960, 540, unit=35)
    points = face.points() | {"shoulders.left": (0.0, 530.0), "shoulders.right": (959.0, 530.0)}
    scene = Scene(3840, 2160, 4.0)
    shown = compose(wide, Landmarks.from_points(points), scene).landmarks
    assert shown.shoulders is not None
    assert shown.shoulders.right[0] > 8000
    assert shown.frame.unit == pytest.approx(compose(wide, face, Scene(1920, 1080, 4.0)).landmarks.frame.unit * 2)


def test_a_scene_of_an_odd_size_is_refused() -> None:
    with pytest.raises(AnimatorError, match="641x360"):
        LiteAnimator(avatar(), LiteOptions(), Scene(641, 360))


def test_a_pose_is_drawn_by_the_animator() -> None:
    lite = LiteAnimator(avatar(), LiteOptions(), SCENE)
    pose = LitePose(0, HeadPose(), MouthShape(0.5), EyeShape())
    np.testing.assert_array_equal(lite.render(pose), seen(MouthShape(0.5)))
