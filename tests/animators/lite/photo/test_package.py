from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from tests.animators.lite.photo.faces import portrait
from vcam.animators.lite import load_avatar
from vcam.animators.lite.photo import PhotoAvatar
from vcam.animators.lite.photo.names import name_from
from vcam.animators.lite.photo.package import (
    avatar_folder,
    list_user_avatars,
    load_package,
    remove,
    save_landmarks,
    save_package,
)
from vcam.errors import AvatarError

RGB, FACE = portrait(320, 240, unit=40)


def test_what_is_saved_can_be_loaded(home: Path) -> None:
    assert list_user_avatars() == []
    folder = save_package("me-2_x", RGB, FACE)
    assert folder == home / "me-2_x"
    assert sorted(path.name for path in folder.iterdir()) == ["avatar.yaml", "picture.png"]
    assert list_user_avatars() == ["me-2_x"]
    avatar = load_package("me-2_x")
    np.testing.assert_array_equal(avatar.rgb, RGB)
    for name, point in FACE.points().items():
        assert avatar.landmarks.points()[name] == pytest.approx(point, abs=0.06)
    assert [path.name for path in home.iterdir()] == ["me-2_x"]


@pytest.mark.usefixtures("home")
def test_the_animator_finds_it_by_name_and_by_path() -> None:
    folder = save_package("me", RGB, FACE)
    for asked in ("me", folder, str(folder)):
        avatar = load_avatar(asked)
        assert isinstance(avatar, PhotoAvatar)
        assert avatar.name == "me"
    with pytest.raises(AvatarError, match="no avatar 'mee'") as caught:
        load_avatar("mee")
    assert "'me'" in caught.value.hint


@pytest.mark.usefixtures("home")
def test_a_large_picture_is_shrunk_with_its_landmarks() -> None:
    large = np.asarray(cv2.resize(RGB, (2560, 1920), interpolation=cv2.INTER_LINEAR), np.uint8)
    save_package("large", large, FACE.scaled(8))
    avatar = load_package("large")
    assert avatar.rgb.shape == (1440, 1920, 3)
    assert avatar.landmarks.frame.unit == pytest.approx(240, abs=0.5)


@pytest.mark.usefixtures("home")
def test_a_name_is_taken_once_unless_it_is_replaced() -> None:
    save_package("me", RGB, FACE)
    with pytest.raises(AvatarError, match="already"):
        save_package("me", RGB, FACE)
    save_package("me", RGB[:, ::-1].copy(), FACE, replace=True)
    np.testing.assert_array_equal(load_package("me").rgb, RGB[:, ::-1])


def test_an_avatar_that_cannot_be_replaced_stays(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_package("me", RGB, FACE)
    rename = Path.rename

    def held(self: Path, target: Path) -> Path:
        """As where a virus scanner looks into what was just written."""
        if self.name == "fresh":
            raise PermissionError(13, "Access is denied")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", held)
    with pytest.raises(AvatarError, match="Access is denied"):
        save_package("me", RGB[:, ::-1].copy(), FACE, replace=True)
    np.testing.assert_array_equal(load_package("me").rgb, RGB)
    assert [path.name for path in home.iterdir()] == ["me"]


def test_an_avatar_that_can_neither_be_replaced_nor_put_back_is_kept_and_named(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_package("me", RGB, FACE)
    rename = Path.rename

    def held(self: Path, target: Path) -> Path:
        if target == home / "me":
            raise PermissionError(13, "Access is denied")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", held)
    with pytest.raises(AvatarError, match="Access is denied") as caught:
        save_package("me", RGB[:, ::-1].copy(), FACE, replace=True)
    (kept,) = home.glob("*/old")
    assert str(kept) in caught.value.hint
    np.testing.assert_array_equal(load_package(kept).rgb, RGB)


@pytest.mark.usefixtures("home")
def test_landmarks_can_be_changed() -> None:
    save_package("me", RGB, FACE)
    points = FACE.points()
    moved = type(FACE).from_points(points | {"nose": (points["nose"][0] + 5, points["nose"][1])})
    save_landmarks("me", load_package("me"), moved)
    assert load_package("me").landmarks.nose[0] == pytest.approx(points["nose"][0] + 5, abs=0.06)


@pytest.mark.usefixtures("home")
def test_landmarks_are_not_stored_over_what_was_changed_meanwhile() -> None:
    save_package("me", RGB, FACE)
    mine, points = load_package("me"), FACE.points()
    moved = type(FACE).from_points(points | {"nose": (points["nose"][0] + 5, points["nose"][1])})
    save_landmarks("me", mine, moved)  # by another editor
    with pytest.raises(AvatarError, match="was changed meanwhile"):
        save_landmarks("me", mine, FACE)
    larger = cv2.resize(RGB, None, fx=2, fy=2).astype(np.uint8)
    save_package("me", larger, FACE.scaled(2), replace=True)
    with pytest.raises(AvatarError, match="was changed meanwhile"):
        save_landmarks("me", mine, FACE)
    np.testing.assert_array_equal(load_package("me").rgb, larger)


@pytest.mark.usefixtures("home")
def test_an_avatar_that_was_removed_while_it_was_edited_is_stored_anew() -> None:
    save_package("me", RGB, FACE)
    mine = load_package("me")
    remove("me")
    save_landmarks("me", mine, FACE)
    np.testing.assert_array_equal(load_package("me").rgb, RGB)


def test_a_face_beside_its_picture_is_refused(home: Path) -> None:
    save_package("me", RGB, FACE)
    small = cv2.resize(RGB, (32, 32)).astype(np.uint8)
    cv2.imwrite(str(home / "me" / "picture.png"), small)
    file = home / "me" / "avatar.yaml"
    height, width = RGB.shape[:2]
    file.write_text(file.read_text().replace(f"size: [{width}, {height}]", "size: [32, 32]"))
    with pytest.raises(AvatarError, match="the face is beside its picture of 32x32"):
        load_package("me")


def test_removing(home: Path) -> None:
    save_package("me", RGB, FACE)
    remove("me")
    assert list_user_avatars() == []
    assert not (home / "me").exists()
    with pytest.raises(AvatarError, match="no avatar 'me'"):
        remove("me")


def test_removing_a_link_leaves_what_it_names(home: Path, tmp_path: Path) -> None:
    elsewhere = save_package("me", RGB, FACE).rename(tmp_path / "elsewhere")
    (home / "linked").symlink_to(elsewhere)
    remove("linked")
    assert (elsewhere / "avatar.yaml").is_file()
    assert list_user_avatars() == []


@pytest.mark.parametrize(
    "name", ["", "..", "a/b", "a\\b", ".hidden", "-x", "ä", "a b", "x" * 65, "nul", "COM1", "a\0b", "a\n"]
)
@pytest.mark.usefixtures("home")
def test_other_names_are_refused(name: str) -> None:
    for use in (avatar_folder, load_package, remove, lambda n: save_package(n, RGB, FACE)):
        with pytest.raises(AvatarError, match="cannot be an avatar's name"):
            use(name)


@pytest.mark.usefixtures("home")
def test_a_bundled_name_is_refused() -> None:
    with pytest.raises(AvatarError, match="bundled"):
        save_package("robin", RGB, FACE)


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("me.png", "me"), ("My photo (2).jpg", "My-photo-2"), ("Zoë Müller.png", "Zoe-Muller"), ("con.png", "portrait"),
        ("李雷.png", "portrait"),
    ],
)  # fmt: skip
def test_names_come_from_files(file: str, name: str) -> None:
    assert name_from(Path(file)) == name


def test_files_without_a_name_of_their_own_are_numbered() -> None:
    assert name_from(Path("李雷.png"), {"portrait", "portrait-2"}) == "portrait-3"
    assert name_from(Path("me.png"), {"me"}) == "me"


def edit(old: str, new: str) -> Callable[[Path], object]:
    def change(folder: Path) -> None:
        path = folder / "avatar.yaml"
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))

    return change


def write(name: str, data: bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(data)


def png_of(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + chunk(b"IEND", b"")
    )


def outside(folder: Path) -> None:
    (folder / "picture.png").rename(folder.parent / "other.png")
    (folder / "picture.png").symlink_to(folder.parent / "other.png")


UPRIGHT = (100.0, 120.0, 140.0, 160.0)


def points(**places: object) -> Callable[[Path], object]:
    """Other places for points of ``avatar.yaml``: "eye_left__inner" is ``landmarks: {eye_left: {inner: ...}}``."""

    def change(folder: Path) -> None:
        path = folder / "avatar.yaml"
        data = yaml.safe_load(path.read_text())
        for name, place in places.items():
            part, last = name.split("__")
            data["landmarks"][part][last] = place
        path.write_text(yaml.safe_dump(data))

    return change


BOMB = "a: &a [x, x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [*{chr(97 + i)}, *{chr(97 + i)}]\n" for i in range(20)
)


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda folder: (folder / "picture.png").unlink(), "no file picture.png"),
        (edit("picture.png", "../../secret.png"), "plain name"),
        (edit("picture.png", "picture.svg"), "plain name"),
        (outside, "leads out"),
        (edit("format: 1", "format: 2"), "format"),
        (edit("format: 1", "format: 1\nshell: rm"), "shell"),
        (edit("size: [320, 240]", "size: [320, 241]"), "320x240"),
        (edit("size: [320, 240]", "size: [320, 90000]"), "size"),
        (edit("forehead: [", "forehead: [.nan, "), "forehead"),
        (points(eye_left__inner=[140.0, 90.0], eye_left__outer=[140.0, 110.0]), "eye_left has an impossible width"),
        (
            points(
                jaw__left=[[160.0, y] for y in UPRIGHT],
                jaw__chin=[160.0, 175.0],
                jaw__right=[[160.0, y] for y in UPRIGHT],
            ),
            "jaw's points lie below each other",
        ),
        (write("avatar.yaml", BOMB.encode()), "aliases"),
        (write("avatar.yaml", b"[" * 5000), "nested deeper"),
        (write("avatar.yaml", b"# " + b"x" * 100_000), "larger than 64 KiB"),
        (write("avatar.yaml", b"!!python/object/apply:os.system ['true']"), "not a valid avatar"),
        (write("avatar.yaml", b"\xff\xfe\x00"), "not a valid avatar"),
        (write("avatar.yaml", b""), "avatar.yaml"),
        (write("picture.png", b"GIF89a nothing"), "not a picture"),
        (write("picture.png", png_of(20_000, 20_000)), "too large"),
        (write("picture.png", png_of(320, 240)[:60]), "cannot be|damaged"),
    ],
)
@pytest.mark.usefixtures("home")
def test_a_harmful_or_broken_package_is_an_avatar_error(harm: Callable[[Path], object], words: str) -> None:
    folder = save_package("me", RGB, FACE)
    harm(folder)
    with pytest.raises(AvatarError, match=words):
        load_package("me")


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="needs a user whom permissions hold back")
@pytest.mark.usefixtures("home")
def test_a_folder_that_cannot_be_written_is_explained() -> None:
    folder = save_package("me", RGB, FACE).parent
    folder.chmod(0o500)
    try:
        with pytest.raises(AvatarError, match="Cannot store"):
            save_package("other", RGB, FACE)
    finally:
        folder.chmod(0o700)
