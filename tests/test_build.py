"""From a profile to its parts: which portrait it means."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.animators.lite.photo.faces import portrait
from vcam.animators.lite.photo.package import save_package
from vcam.build import build_animator, portrait_path
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
