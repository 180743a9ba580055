from __future__ import annotations

from pathlib import Path

import cv2
import pytest

from tests.animators.ditto.videos import write_video
from tests.animators.lite.photo.faces import portrait
from vcam.animators.ditto.face_taken import FaceTaken, face_taken
from vcam.errors import AnimatorError, AvatarError
from vcam.media import ByteArray
from vcam.profile.model import Profile

pytestmark = pytest.mark.usefixtures("private_user")


def of(path: Path, **ditto: object) -> Profile:
    settings = {"ditto": {"stand_in": True, "provider": "cpu", **ditto}}
    return Profile().with_changes("avatar", portrait=str(path)).with_changes("animator", **settings)


def saved(path: Path, picture: ByteArray) -> Path:
    cv2.imwrite(str(path), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    return path


def test_a_picture_is_looked_at_once(tmp_path: Path) -> None:
    waited: list[None] = []
    profile = of(saved(tmp_path / "face.png", portrait()[0]))
    first = face_taken(profile, lambda: waited.append(None))
    assert face_taken(profile, lambda: waited.append(None)) == first
    assert len(waited) == 1
    left, top, right, bottom = first.face
    assert left < 320 < right
    assert top < 250 < bottom
    assert (first.picture, first.faces, first.frames) == ((640, 480), 1, 1)


def test_the_picture_is_told_as_it_is_used(tmp_path: Path) -> None:
    taken = face_taken(of(saved(tmp_path / "face.png", portrait()[0]), max_size=320))
    assert taken.picture == (320, 240)
    assert taken.face[2] <= 320


def test_a_videos_frames_are_counted(tmp_path: Path) -> None:
    assert face_taken(of(write_video(tmp_path / "face.mp4", [portrait()[0]] * 3))).frames == 3


def test_without_a_checkpoint_or_a_face(tmp_path: Path) -> None:
    path = saved(tmp_path / "face.png", portrait()[0])
    with pytest.raises(AnimatorError, match="There is no checkpoint"):
        face_taken(of(path, stand_in=False, checkpoint=tmp_path / "nothing"))
    blank = saved(tmp_path / "blank.png", portrait()[0] * 0 + 128)
    with pytest.raises(AvatarError, match="No face"):
        face_taken(of(blank))


@pytest.mark.parametrize(
    ("crop", "words"),
    [(200, "soft"), (300, "as sharp"), (512, "as sharp"), (550, "as sharp"), (900, "enlarged 1.8 times")],
)
def test_how_sharp_it_will_be(crop: int, words: str) -> None:
    taken = FaceTaken((1000, 1000), (0, 0, 90, 90), 1, crop, 1, "insightface", False)
    assert words in taken.sharpness
    assert bool(taken.warnings) is (crop < 256)


def test_several_faces_are_a_warning() -> None:
    taken = FaceTaken((1000, 1000), (0, 0, 90, 90), 3, 512, 1, "insightface", False)
    assert "3 faces" in taken.warnings[0]
