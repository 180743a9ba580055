"""From a profile to its parts: which portrait it means, and what is seen of it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.animators.lite.photo.faces import portrait
from vcam.animators.lite.photo.package import save_package
from vcam.build import build_animator, build_stage, portrait_path
from vcam.media import ByteArray
from vcam.profile import loader
from vcam.profile.model import Profile


@pytest.fixture
def mine(private_user: Path, tmp_path: Path) -> Profile:
    """A profile that names the user's avatar "me", with a folder of that name beside it."""
    save_package("me", *portrait(320, 240, unit=40))
    (tmp_path / "me").mkdir()
    file = tmp_path / "mine.yaml"
    file.write_text("animator: {kind: lite}\ncamera: {size: 320x240}\navatar: {portrait: me}\n")
    return loader.load_file(file)


def test_a_folder_of_the_same_name_does_not_hide_the_users_avatar(mine: Profile) -> None:
    assert portrait_path(mine) == "me"
    animator, notice = build_animator(mine)
    animator.close()
    assert notice == ""


def test_a_folder_is_meant_where_no_avatar_has_its_name(mine: Profile, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    for said in ("other", "./me"):
        asked = mine.with_changes("avatar", portrait=said)
        assert portrait_path(asked) == str(tmp_path / said)


def test_an_avatar_that_is_switched_to_is_not_hidden_either(mine: Profile) -> None:
    assert portrait_path(loader.find_profile_or_avatar("me", mine)) == "me"


def seen(file: Path, text: str) -> ByteArray:
    """The standby picture of a profile with this text, 320x240."""
    file.write_text(text)
    profile = loader.load_file(file)
    animator, _ = build_animator(profile)
    picture = build_stage(profile).compose(animator.portrait(), 0)
    animator.close()
    return np.asarray(cv2.cvtColor(picture.i420, cv2.COLOR_YUV2RGB_I420), np.uint8)


@pytest.mark.parametrize("mirror", ["false", "true"])
def test_a_mirror_turns_the_person_round_but_not_what_is_chosen_beside_it(mirror: str, tmp_path: Path) -> None:
    wall = np.zeros((240, 320, 3), np.uint8)
    wall[:, :160, 2] = wall[:, 160:, 0] = 200  # red to the left, blue to the right
    cv2.imwrite(str(tmp_path / "wall.png"), wall)
    rgb = seen(
        tmp_path / "a.yaml",
        f"avatar: {{mirror: {mirror}, framing: {{x: 0.3}}}}\nanimator: {{kind: lite}}\n"
        "camera: {size: 320x240, background: {kind: image, image: wall.png}}\n",
    )
    assert rgb[5, 5, 0] > 150
    assert rgb[5, 5, 2] < 50
    assert rgb[5, -5, 0] < 50
    person = np.nonzero(rgb[..., 1] > 60)[1]
    assert person.mean() > 160 + 40  # moved to the right, as viewers see it


@pytest.mark.parametrize(("portrait_name", "told"), [("me", True), ("robin", False)])
def test_it_is_said_that_a_photo_keeps_its_own_background(mine: Profile, portrait_name: str, told: bool) -> None:
    asked = mine.with_changes("avatar", portrait=portrait_name).with_changes("camera", background={"kind": "blur"})
    animator, notice = build_animator(asked)
    animator.close()
    assert ("A photo keeps its own background" in notice) == told
