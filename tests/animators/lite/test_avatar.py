from __future__ import annotations

import os
import shutil
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

import vcam
from vcam.animators.lite import Avatar, list_avatars, load_avatar
from vcam.animators.lite.avatar import picture_size
from vcam.errors import AvatarError

ROBIN = Path(vcam.__file__).parent / "assets" / "portraits" / "robin"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(ROBIN, tmp_path / "mine"))


def test_the_bundled_avatars_load_and_are_small() -> None:
    assert list_avatars() == ["marlow", "puppet", "robin"]
    for name in list_avatars():
        avatar = load_avatar(name)
        assert isinstance(avatar, Avatar)
        assert avatar.name == name
        assert avatar.backdrop.shape[2] == 3
        assert avatar.head.shape[2] == avatar.body.shape[2] == 4
        assert sum(file.stat().st_size for file in (ROBIN.parent / name).iterdir()) < 600_000


def test_a_folder_loads_by_path(folder: Path) -> None:
    assert load_avatar(folder).name == "mine"
    again, robin = load_avatar(str(folder)), load_avatar("robin")
    assert isinstance(again, Avatar)
    assert isinstance(robin, Avatar)
    assert again.rig == robin.rig


@pytest.mark.parametrize(("asked", "near"), [("robbin", "robin"), ("Pupet", "puppet"), ("ROBIN", "robin")])
def test_an_unknown_name_suggests_the_nearest(asked: str, near: str) -> None:
    with pytest.raises(AvatarError) as caught:
        load_avatar(asked)
    assert f"Did you mean {near!r}?" in caught.value.hint


@pytest.mark.parametrize("asked", ["", "/no/such/place", "zero\0byte", "x" * 5000, "../../etc"])
def test_what_is_nowhere_is_an_avatar_error(asked: str) -> None:
    with pytest.raises(AvatarError):
        load_avatar(asked)


def test_a_plain_picture_is_explained(tmp_path: Path) -> None:
    path = tmp_path / "me.png"
    cv2.imwrite(str(path), np.zeros((4, 4, 3), np.uint8))
    with pytest.raises(AvatarError, match="is a picture, not an avatar yet"):
        load_avatar(path)


def test_another_file_is_no_avatar_folder(folder: Path) -> None:
    with pytest.raises(AvatarError, match="not an avatar folder"):
        load_avatar(folder / "rig.yaml")


def edited(old: str, new: str) -> Callable[[Path], object]:
    def edit(folder: Path) -> None:
        rig = folder / "rig.yaml"
        text = rig.read_text()
        assert old in text
        rig.write_text(text.replace(old, new, 1))

    return edit


def written(text: str | bytes) -> Callable[[Path], object]:
    data = text if isinstance(text, bytes) else text.encode()
    return lambda folder: (folder / "rig.yaml").write_bytes(data)


def png(width: int, height: int) -> bytes:
    """A PNG that claims a size and has hardly any data."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")


def head(data: bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / "head.webp").write_bytes(data)


def head_from(image: np.ndarray) -> Callable[[Path], object]:
    return head(cv2.imencode(".png", image)[1].tobytes())


def rig_as_a_folder(folder: Path) -> None:
    (folder / "rig.yaml").unlink()
    (folder / "rig.yaml").mkdir()


def linked_out(folder: Path) -> None:
    (folder / "head.webp").unlink()
    (folder / "head.webp").symlink_to("/etc/passwd")


def linked_in_a_circle(folder: Path) -> None:
    (folder / "head.webp").unlink()
    (folder / "head.webp").symlink_to("head.webp")


def a_pipe(folder: Path) -> None:
    (folder / "head.webp").unlink()
    os.mkfifo(folder / "head.webp")


BOMB = "a: &a [x, x]\n" + "".join(
    f"{new}: &{new} [*{old}, *{old}]\n" for old, new in zip("abcdefg", "bcdefgh", strict=True)
)

HOSTILE: dict[str, tuple[Callable[[Path], object], str]] = {
    "no rig": (lambda folder: (folder / "rig.yaml").unlink(), "no file rig.yaml"),
    "rig is a folder": (rig_as_a_folder, "no file"),
    "empty rig": (written(""), "rig"),
    "a list": (written("[1, 2]"), "rig"),
    "broken yaml": (written("a: [1"), "not a valid rig"),
    "not text": (written(b"\xff\xfe\x00\x01"), "not a valid rig"),
    "aliases": (written(BOMB), "aliases"),
    "deep nesting": (written("[" * 20000), "nested"),
    "huge rig": (written("# " + "x" * 100_000), "larger than 64 KiB"),
    "a python object": (written("!!python/object/apply:os.system ['true']"), "not a valid rig"),
    "impossible date": (written("format: 2001-99-99"), "not a valid rig"),
    "endless number": (written("format: " + "9" * 10_000), "rig"),
    "unknown key": (edited("title: Robin", "title: Robin\nsound: loud"), "sound"),
    "wrong type": (edited("smile: 12", "smile: [1]"), "mouth.smile"),
    "not a number": (edited("smile: 12", "smile: .nan"), "mouth.smile"),
    "infinite": (edited("drop: 17", "drop: .inf"), "jaw.drop"),
    "another format": (edited("format: 1", "format: 2"), "format"),
    "wrong colour": (edited('"#fdf9f4"', "red"), "eyes.white"),
    "empty box": (edited("[-270, 70, 270, 730]", "[270, 70, -270, 730]"), "box"),
    "path escape": (edited("head.webp", "../robin/head.webp"), "layers.head.file"),
    "absolute path": (edited("head.webp", "/etc/passwd"), "layers.head.file"),
    "missing picture": (lambda folder: (folder / "head.webp").unlink(), "no file head.webp"),
    "link out": (linked_out, "leads out"),
    "circle of links": (linked_in_a_circle, "head.webp"),
    "pipe": (a_pipe, "no file"),
    "empty picture": (head(b""), "neither a PNG nor a WebP"),
    "not a picture": (head(b"hello" * 100), "neither a PNG nor a WebP"),
    "huge in pixels": (head(png(60_000, 60_000)), "too large"),
    "huge in bytes": (head(b"\0" * (17 << 20)), "larger than"),
    "damaged": (head(png(64, 64)[:60]), "damaged|Cannot decode|must have"),
    "no size": (head(png(0, 0)), "too large|damaged"),
    "no transparency": (head_from(np.zeros((32, 32, 3), np.uint8)), "transparency"),
    "grey": (head_from(np.zeros((32, 32), np.uint8)), "transparency"),
    "16 bits": (head_from(np.zeros((32, 32, 4), np.uint16)), "8 bits"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_folders_are_refused(name: str, folder: Path) -> None:
    spoil, expected = HOSTILE[name]
    spoil(folder)
    with pytest.raises(AvatarError, match=expected):
        load_avatar(folder)


@pytest.mark.parametrize("extension", [".png", ".webp"])
@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("quality", [80, 101])
def test_picture_headers_are_read(extension: str, channels: int, quality: int) -> None:
    image = np.random.default_rng(0).integers(0, 255, (37, 91, channels), np.uint8)
    parameters = [cv2.IMWRITE_WEBP_QUALITY, quality] if extension == ".webp" else []
    assert picture_size(cv2.imencode(extension, image, parameters)[1].tobytes()) == (91, 37)
    assert picture_size(b"GIF89a" + bytes(40)) is None
