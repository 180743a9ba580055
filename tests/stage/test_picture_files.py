"""Pictures from outside: what is read, and what is refused."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.stage.scenes import BLUE, RED, halves, near, noise
from vcam.errors import AvatarError
from vcam.images import BEHIND, read_image


def save(path: Path, image: Image.Image, **options: Any) -> Path:
    image.save(path, **options)
    return path


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "bmp"])
def test_pictures_are_read_in_rgb(tmp_path: Path, suffix: str) -> None:
    picture = read_image(save(tmp_path / f"halves.{suffix}", Image.fromarray(halves(64, 48))))
    assert (picture.shape, picture.dtype) == ((48, 64, 3), np.uint8)
    assert near(picture[:, :24], RED, 24)
    assert near(picture[:, 40:], BLUE, 24)


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P", "1", "I;16"])
def test_other_kinds_of_colour_become_rgb(tmp_path: Path, mode: str) -> None:
    image = Image.fromarray(np.full((8, 8), 40_000, np.uint16)) if mode == "I;16" else Image.new(mode, (8, 8), 1)
    picture = read_image(save(tmp_path / "picture.png", image))
    assert (picture.shape, picture.dtype) == ((8, 8, 3), np.uint8)


def test_cmyk_becomes_rgb(tmp_path: Path) -> None:
    assert read_image(save(tmp_path / "print.jpg", Image.new("CMYK", (8, 8)))).shape == (8, 8, 3)


@pytest.mark.parametrize("suffix", ["png", "webp"])
def test_what_is_clear_in_a_picture_is_light_grey(tmp_path: Path, suffix: str) -> None:
    rgba = np.full((8, 12, 4), 255, np.uint8)
    rgba[:, 6:] = (255, 0, 255, 0)  # a colour that nobody is meant to see
    exif = Image.Exif()
    exif[0x0112] = 6
    image = Image.fromarray(rgba)
    options: dict[str, Any] = {"lossless": True, "exact": True} if suffix == "webp" else {}
    picture = read_image(save(tmp_path / f"cutout.{suffix}", image, exif=exif, **options))
    assert picture.shape == (12, 8, 3)  # turned, too
    assert (picture[:6] == 255).all()
    assert (picture[6:] == BEHIND).all()


def test_a_cut_picture_that_can_be_seen_through_is_refused(tmp_path: Path) -> None:
    noisy = np.dstack([noise(64, 48), np.full((48, 64), 100, np.uint8)])
    path = tmp_path / "cut.png"
    path.write_bytes(_bytes(Image.fromarray(noisy), "PNG")[:4000])
    with pytest.raises(AvatarError, match="damaged"):
        read_image(path)


@pytest.mark.parametrize("suffix", ["webp", "png"])
def test_of_a_moving_picture_the_first_one_is_taken(tmp_path: Path, suffix: str) -> None:
    first, second = (Image.new("RGB", (8, 8), colour) for colour in ((200, 10, 10), (10, 10, 200)))
    options: dict[str, Any] = {"lossless": True} if suffix == "webp" else {}
    path = save(tmp_path / f"moving.{suffix}", first, save_all=True, append_images=[second], duration=100, **options)
    assert (read_image(path) == (200, 10, 10)).all()


def test_a_photograph_lying_on_its_side_is_turned_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # Orientation: turn by 90 degrees clockwise
    picture = read_image(save(tmp_path / "phone.jpg", Image.fromarray(halves(64, 48)), exif=exif))
    assert picture.shape == (64, 48, 3)
    assert near(picture[:24], RED, 24)


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and has nothing to show for it."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def _bytes(image: Image.Image, kind: str) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


@pytest.mark.parametrize(("width", "height"), [(8000, 8000), (10_000, 12_000), (20_000, 20_000), (2**31 - 1, 1)])
def test_a_picture_that_claims_a_huge_size_is_refused_unread(tmp_path: Path, width: int, height: int) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(png_header(width, height))
    with pytest.raises(AvatarError, match="too large"):
        read_image(path)


def test_a_huge_file_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "huge.png"
    with path.open("wb") as file:
        file.truncate(200 * 2**20)
    with pytest.raises(AvatarError, match="too large"):
        read_image(path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a picture at all",
        bytes(range(256)) * 64,
        _bytes(Image.new("RGB", (8, 8)), "PNG")[:20],
        _bytes(Image.new("RGB", (8, 8)), "GIF"),
        _bytes(Image.new("RGB", (8, 8)), "TIFF"),
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        png_header(0, 0),
        png_header(8, 8),
    ],
    ids=["empty", "text", "binary", "cut-png", "gif", "tiff", "postscript", "svg", "no-size", "no-pixels"],
)
def test_what_is_no_picture_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "portrait.png"
    path.write_bytes(content)
    with pytest.raises(AvatarError) as caught:
        read_image(path)
    assert str(path) in str(caught.value)
    assert len(str(caught.value)) < 200 + len(str(path))


@pytest.mark.parametrize("share", [0.1, 0.3, 0.6, 0.9])
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP"])
def test_a_cut_picture_is_refused_or_has_its_size(tmp_path: Path, kind: str, share: float) -> None:
    whole = _bytes(Image.fromarray(noise(64, 48)), kind)
    path = tmp_path / "cut"
    path.write_bytes(whole[: int(len(whole) * share)])
    try:
        shape = read_image(path).shape
    except AvatarError:
        return
    assert shape == (48, 64, 3)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing.png", Path("a\0b.png"), Path("x" * 5000)):
        with pytest.raises(AvatarError):
            read_image(path)
