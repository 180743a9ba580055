from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any, ClassVar

import cv2
import numpy as np
import pytest

from tests.animators.ditto.face.painted import Blaze, Detector, Mesh, Points, paint, painted_networks
from tests.animators.ditto.videos import write_video
from vcam.animators.ditto.avatar import DittoAvatar
from vcam.animators.ditto.backends.base import Array
from vcam.animators.ditto.face.crop import FacePoints
from vcam.animators.ditto.face.finders import RoughFace
from vcam.animators.ditto.motion import SourceMotion
from vcam.animators.ditto.networks import LANDMARK106, LANDMARK203
from vcam.animators.ditto.observing import Observe, nobody
from vcam.animators.ditto.options import RunOptions
from vcam.animators.ditto.registration import REFERENCE, Quirks, register, register_frames, smoothed
from vcam.animators.ditto.source import Source
from vcam.errors import AvatarError
from vcam.media import ByteArray, FloatArray

EYES = ((260.0, 180.0), (340.0, 180.0))


def still(picture: ByteArray | None = None, options: RunOptions | None = None, **others: Any) -> DittoAvatar:
    source = Source((paint(*EYES) if picture is None else picture,), is_video=False)
    networks = {name: others.pop(name) for name in list(others) if name not in ("finder", "quirks", "observe")}
    return register_frames(source, options or RunOptions(), painted_networks(**networks), **others)


def moved(dx: float, dy: float = 0.0) -> ByteArray:
    return paint((EYES[0][0] + dx, EYES[0][1] + dy), (EYES[1][0] + dx, EYES[1][1] + dy))


def in_image(avatar: DittoAvatar, point: tuple[float, float], frame: int = 0) -> FloatArray:
    """A point of the working crop, in pixels of the picture."""
    return (avatar.frames[frame].crop_to_image @ np.array([*point, 1], np.float32))[:2]


def test_a_picture_becomes_an_avatar(tmp_path: Path) -> None:
    path = tmp_path / "face.png"
    cv2.imwrite(str(path), paint(*EYES)[:, :, ::-1])
    done: list[tuple[int, int]] = []
    avatar = register(path, RunOptions(), painted_networks(), progress=lambda *at: done.append(at))
    (frame,) = avatar.frames
    assert not avatar.is_video
    assert done == [(0, 1), (1, 1)]
    np.testing.assert_array_equal(frame.image, paint(*EYES))
    assert avatar.face.count == 1
    np.testing.assert_allclose(avatar.face.landmarks[[0, 24]], EYES, atol=0.5)
    np.testing.assert_array_equal(avatar.identity, frame.motion.kp[0])
    np.testing.assert_allclose(frame.eye_open, [[0.75, 0.75]], atol=0.01)
    assert frame.features.dtype == np.float32


def test_the_working_crop_holds_the_face_as_the_options_say() -> None:
    # the points' box is 270 / 1.25 high around (300, 212): 2.7 of the eyes' distance of 80
    avatar = still()
    np.testing.assert_allclose(in_image(avatar, (256, 256)), [300, 212 - 0.125 * 2.3 * 216], atol=1.5)
    side = in_image(avatar, (512, 0)) - in_image(avatar, (0, 0))
    np.testing.assert_allclose(side, [2.3 * 216, 0], atol=3)
    other = still(options=RunOptions(crop_scale=3.0, crop_vx_ratio=0.1, crop_vy_ratio=0.0))
    np.testing.assert_allclose(in_image(other, (256, 256)), [300 + 0.1 * 3 * 216, 212], atol=1.5)


def test_the_reference_ignores_the_crops_move_to_the_side() -> None:
    options = RunOptions(crop_vx_ratio=0.1)
    middle = in_image(still(options=options, quirks=REFERENCE), (256, 256))
    np.testing.assert_allclose(middle, in_image(still(), (256, 256)), atol=0.05)


@pytest.mark.parametrize("roll", [-35, 20])
def test_a_turned_face_is_upright_in_the_crop(roll: int) -> None:
    turn = np.radians(roll)
    half = 40 * np.array([np.cos(turn), np.sin(turn)])
    left, right = np.array([320, 220]) - half, np.array([320, 220]) + half
    picture = paint((left[0], left[1]), (right[0], right[1]))
    avatar = still(picture)
    level = in_image(avatar, (512, 256)) - in_image(avatar, (0, 256))
    assert np.degrees(np.arctan2(level[1], level[0])) == pytest.approx(roll, abs=0.5)
    np.testing.assert_allclose(avatar.frames[0].eye_open, still().frames[0].eye_open, atol=0.01)
    unturned = still(picture, RunOptions(crop_flag_do_rot=False))
    assert unturned.frames[0].crop_to_image[0, 1] == 0


def test_a_mirrored_picture_gives_the_mirrored_avatar() -> None:
    picture = paint((250, 170), (340, 195))
    one, two = still(picture), still(np.ascontiguousarray(picture[:, ::-1]))
    x, y = in_image(one, (256, 256))
    np.testing.assert_allclose(in_image(two, (256, 256)), [639 - x, y], atol=0.5)
    np.testing.assert_allclose(two.face.landmarks[0], [639, 0] + one.face.landmarks[24] * [-1, 1], atol=0.5)


def test_the_same_picture_gives_the_same_avatar() -> None:
    one, two = still(), still()
    for name in ("image", "crop_to_image", "eye_open", "eye_ball", "features"):
        np.testing.assert_array_equal(getattr(one.frames[0], name), getattr(two.frames[0], name))


def test_of_several_faces_the_largest_is_taken() -> None:
    # (in pixels of the letterboxed picture: 0.8 of the picture's)
    boxes = [(10, 10, 60, 60, 0.99), (170, 83, 310, 256, 0.6)]
    avatar = still(insightface_det=Detector(boxes))
    assert avatar.face.count == 2
    np.testing.assert_allclose(avatar.face.landmarks[[0, 24]], EYES, atol=0.5)


def test_a_video_is_followed_from_frame_to_frame(tmp_path: Path) -> None:
    detector = Detector()
    path = write_video(tmp_path / "face.mp4", [moved(3 * k) for k in range(4)])
    done: list[tuple[int, int]] = []
    avatar = register(
        path, RunOptions(), painted_networks(insightface_det=detector), progress=lambda *at: done.append(at)
    )
    assert avatar.is_video
    assert detector.calls == 1
    assert done == [(k, 4) for k in range(5)]
    middles = [in_image(avatar, (256, 256), k)[0] for k in range(4)]
    np.testing.assert_allclose(np.diff(middles), 3, atol=0.5)
    np.testing.assert_allclose(avatar.face.landmarks[[0, 24]], EYES, atol=1)


def test_a_videos_motion_is_smoothed_but_not_its_identity() -> None:
    frames = tuple(np.clip(moved(0).astype(int) + 12 * k, 0, 255).astype(np.uint8) for k in range(3))
    seen = defaultdict(list)
    avatar = register_frames(
        Source(frames, is_video=True),
        RunOptions(smo_k_s=3),
        painted_networks(),
        observe=lambda name, value: seen[name].append(np.array(value)),
    )
    raw = np.concatenate(seen["xs_raw_kp"])
    np.testing.assert_array_equal(avatar.identity, raw[0])
    np.testing.assert_allclose(avatar.frames[0].motion.kp[0], raw[:2].mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(avatar.frames[1].motion.kp[0], raw.mean(axis=0), rtol=1e-6)
    np.testing.assert_array_equal(np.concatenate(seen["xs_used_kp"])[1], avatar.frames[1].motion.kp[0])


def test_smoothing_takes_fewer_frames_at_both_ends() -> None:
    def motion(value: float) -> SourceMotion:
        return SourceMotion(**{key: np.full(shape, value, np.float32) for key, shape in SourceMotion.SHAPES.items()})

    made = smoothed([motion(value) for value in (0, 3, 9, 12, 30)], 3)
    assert [float(one.scale[0, 0]) for one in made] == [1.5, 4, 8, 17, 21]
    assert [float(one.t[0, 0]) for one in smoothed([motion(4), motion(8)], 13)] == [6, 6]
    assert [float(one.exp[0, 0]) for one in smoothed([motion(4), motion(8)], 1)] == [4, 8]


def test_whoever_looks_sees_every_stage() -> None:
    seen: dict[str, list[Array]] = defaultdict(list)
    still(observe=lambda name, value: seen[name].append(np.array(value)))
    assert {name: value[0].shape for name, value in seen.items()} == {
        "source_frames": (480, 640, 3),
        "det_boxes": (1, 5),
        "det_kps": (1, 5, 2),
        "lmk106": (106, 2),
        "lmk203": (203, 2),
        "M_c2o": (3, 3),
        "crop512": (512, 512, 3),
        "lmk478": (478, 3),
        "eye_open": (1, 2),
        "eye_ball": (1, 6),
        "f_s": (1, 32, 16, 64, 64),
        "sc": (63,),
        **{f"xs_{kind}_{key}": shape for kind in ("raw", "used") for key, shape in SourceMotion.SHAPES.items()},
    }


class Elsewhere:
    """Knows roughly where the face is."""

    name: ClassVar[str] = "elsewhere"
    looks: ClassVar[int] = 2

    def find(self, image: ByteArray, observe: Observe = nobody) -> RoughFace:
        corners = np.array([[200, 90], [420, 90], [200, 330], [420, 330]], np.float32)
        eyes = (np.array([270, 170], np.float32), np.array([350, 170], np.float32), np.array([310, 250], np.float32))
        return RoughFace(FacePoints(corners, *eyes), np.array([200, 90, 420, 330], np.float32), 3)


def test_the_first_points_may_come_from_elsewhere() -> None:
    landmarks = Points(LANDMARK203)
    avatar = still(finder=Elsewhere(), insightface_det=None, landmark106=None, landmark203=landmarks)
    assert landmarks.calls == 2
    assert avatar.face.count == 3
    np.testing.assert_allclose(avatar.face.landmarks[[0, 24]], EYES, atol=0.5)
    np.testing.assert_allclose(avatar.frames[0].crop_to_image, still().frames[0].crop_to_image, atol=0.5)


def test_without_a_finder_its_networks_are_needed() -> None:
    with pytest.raises(AvatarError, match="insightface_det and landmark106") as caught:
        still(insightface_det=None)
    assert "vcam checkpoints pull" in caught.value.hint


def test_no_face_is_told() -> None:
    with pytest.raises(AvatarError, match="No face was found"):
        still(np.full((300, 300, 3), 90, np.uint8))


def test_a_face_that_the_landmarks_do_not_see_is_told() -> None:
    with pytest.raises(AvatarError, match="could not be told"):
        still(landmark203=Points(LANDMARK203, blind=True))
    with pytest.raises(AvatarError, match="could not be told"):
        still(landmark106=Points(LANDMARK106, blind=True))


def test_too_small_a_face_is_told_with_the_size_it_should_have() -> None:
    with pytest.raises(AvatarError, match=r"too small: 4\d pixels") as caught:
        still(paint((300, 180), (316, 180)))
    assert "48" in caught.value.hint
    assert "223" in caught.value.hint  # 512 / 2.3


class Fixed(Points):
    """Says where the eyes and lips are, in fractions of its crop."""

    def __init__(self, left: tuple[float, float], right: tuple[float, float], lips: tuple[float, float]) -> None:
        super().__init__(LANDMARK203)
        self.said = (left, right, lips)

    def see(self, picture: Array) -> dict[str, Array]:
        points = super().see(picture)["landmarks"].reshape(203, 2)
        for at, indices in zip(self.said, ((0, 6, 12, 18), (24, 30, 36, 42), (48, 66)), strict=True):
            points[list(indices)] = at
        return {"landmarks": points.reshape(1, 406)}


def test_a_profile_is_told() -> None:
    with pytest.raises(AvatarError, match="too far to the side") as caught:
        still(landmark203=Fixed((0.45, 0.4), (0.5, 0.4), (0.45, 0.7)))
    assert "both eyes" in caught.value.hint


def test_a_face_that_is_cut_off_is_told() -> None:
    with pytest.raises(AvatarError, match="cut off by the picture's edge"):
        still(landmark203=Fixed((-3, 0.4), (0.6, 0.4), (0.5, 0.7)))


def test_eyes_that_cannot_be_read_are_told() -> None:
    for blind in ({"blaze_face": Blaze(blind=True)}, {"face_mesh": Mesh(blind=True)}):
        with pytest.raises(AvatarError, match="eyes"):
            still(**blind)


def test_the_frame_in_which_the_face_is_lost_is_named() -> None:
    frames = (moved(0), moved(2), np.full((480, 640, 3), 90, np.uint8))
    with pytest.raises(AvatarError, match="lost in frame 3 of 3") as caught:
        register_frames(Source(frames, is_video=True), RunOptions(), painted_networks())
    assert "template_n_frames" in caught.value.hint


def test_networks_cannot_be_mixed_up_and_are_closed_together() -> None:
    with pytest.raises(ValueError, match="landmark106 is the network landmark203"):
        painted_networks(landmark106=Points(LANDMARK203))
    detector, mesh = Detector(), Mesh()
    painted_networks(insightface_det=detector, face_mesh=mesh, landmark106=None).close()
    assert (detector.closed, mesh.closed) == (1, 1)


def test_quirks_are_off_unless_asked_for() -> None:
    assert Quirks() != REFERENCE
    assert not any((Quirks().ignore_vx, Quirks().by_cosine, Quirks().every_frame, Quirks().bilinear))
