"""The last steps of the picture: stage, badge, and the reading of pictures from outside."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from vcam.badge import Badge
from vcam.errors import AvatarError
from vcam.images import BEHIND, read_image
from vcam.media import ByteArray, Picture
from vcam.stage import FADE, Stage, blurred, cover, fit

RED, GREEN, BLUE, GREY = (220, 30, 30), (30, 200, 40), (30, 40, 210), (120, 120, 120)


def flat(width: int, height: int, colour: tuple[int, int, int] = GREY) -> ByteArray:
    return np.full((height, width, 3), colour, np.uint8)


def halves(width: int, height: int) -> ByteArray:
    """Red at the left, blue at the right."""
    picture = flat(width, height, RED)
    picture[:, width // 2 :] = BLUE
    return picture


def noise(width: int, height: int) -> ByteArray:
    return np.random.default_rng(7).integers(0, 256, (height, width, 3), np.uint8)


def as_rgb(i420: ByteArray) -> ByteArray:
    return cv2.cvtColor(i420, cv2.COLOR_YUV2RGB_I420).astype(np.uint8, copy=False)


def near(picture: ByteArray, colour: tuple[int, int, int], tolerance: int = 6) -> bool:
    return bool(np.all(np.abs(picture.astype(int) - colour) <= tolerance))


# -- fitting ---------------------------------------------------------------------------------------------------------


def test_a_frame_of_the_right_size_passes_through() -> None:
    frame = noise(320, 240)
    assert fit(frame, 320, 240) is frame


@pytest.mark.parametrize(("width", "height"), [(160, 120), (640, 480)])
def test_a_frame_of_the_right_shape_is_only_scaled(width: int, height: int) -> None:
    fitted = fit(halves(320, 240), width, height)
    assert fitted.shape == (height, width, 3)
    assert near(fitted[:, : width // 2 - 4], RED)
    assert near(fitted[:, width // 2 + 4 :], BLUE)


def test_a_tall_frame_keeps_its_aspect_and_stands_in_the_centre() -> None:
    fitted = fit(flat(100, 200, RED), 400, 200, flat(400, 200, GREEN))
    assert near(fitted[:, 150:250], RED)
    assert near(fitted[:, :150], GREEN)
    assert near(fitted[:, 250:], GREEN)


def test_a_wide_frame_keeps_its_aspect_and_stands_in_the_centre() -> None:
    fitted = fit(flat(400, 100, RED), 200, 200, flat(200, 200, GREEN))
    assert near(fitted[75:125], RED)
    assert near(fitted[:75], GREEN)
    assert near(fitted[125:], GREEN)


def test_without_a_surround_the_picture_itself_is_behind_it_darker() -> None:
    fitted = fit(flat(100, 200, RED), 400, 200)
    assert near(fitted[:, 150:250], RED)
    assert np.all(fitted[:, :140, 0] < RED[0] * 0.7)
    assert np.all(fitted[:, :140, 0] > RED[0] * 0.5)


@pytest.mark.parametrize(("width", "height"), [(1, 1), (1, 2000), (2000, 1), (3, 5), (4000, 30)])
def test_frames_of_odd_shapes_are_fitted(width: int, height: int) -> None:
    assert fit(flat(width, height), 320, 180).shape == (180, 320, 3)


def test_fitting_changes_neither_frame_nor_surround() -> None:
    frame, surround = noise(100, 200), noise(400, 200)
    before = frame.copy(), surround.copy()
    fit(frame, 400, 200, surround)
    assert np.array_equal(frame, before[0])
    assert np.array_equal(surround, before[1])


def test_covering_crops_around_the_centre() -> None:
    picture = flat(300, 100, GREEN)
    picture[:, 100:200] = RED
    assert near(cover(picture, 200, 200), RED)
    assert cover(noise(640, 360), 160, 120).flags.c_contiguous


def test_covering_with_a_thin_picture_takes_no_more_memory_than_the_result() -> None:
    assert near(cover(flat(1, 2_000_000), 1280, 720), GREY)
    assert near(cover(flat(2_000_000, 1), 1280, 720), GREY)


def test_blurring_keeps_size_and_mean_and_loses_detail() -> None:
    picture = noise(320, 240)
    soft = blurred(picture)
    assert soft.shape == picture.shape
    assert abs(float(soft.mean()) - float(picture.mean())) < 4
    assert float(soft.std()) < float(picture.std()) / 5
    assert abs(float(blurred(picture, 0.5).mean()) - float(picture.mean()) / 2) < 4


# -- composing -------------------------------------------------------------------------------------------------------


def test_a_picture_is_the_frame_in_i420_as_opencv_makes_it() -> None:
    frame = noise(320, 240)
    picture = Stage(320, 240).compose(frame, 1280)
    assert (picture.pts, picture.width, picture.height) == (1280, 320, 240)
    assert picture.i420.flags.c_contiguous
    assert np.array_equal(picture.i420, cv2.cvtColor(frame, cv2.COLOR_RGB2YUV_I420))


def test_black_and_white_are_of_limited_range() -> None:
    stage = Stage(16, 16)
    assert np.all(stage.compose(flat(16, 16, (0, 0, 0)), 0).i420[:16] == 16)
    assert np.all(stage.compose(flat(16, 16, (255, 255, 255)), 0).i420[:16] == 235)


def test_mirroring_swaps_left_and_right() -> None:
    rgb = as_rgb(Stage(320, 240, mirror=True).compose(halves(320, 240), 0).i420)
    assert near(rgb[:, :156], BLUE, 12)
    assert near(rgb[:, 164:], RED, 12)


def test_composing_leaves_the_frame_and_earlier_pictures_alone() -> None:
    frame = noise(320, 240)
    before = frame.copy()
    stage = Stage(320, 240, mirror=True, badge="avatar")
    first = stage.compose(frame, 0)
    first_before = first.i420.copy()
    stage.fade(640)
    stage.compose(flat(320, 240), 640)
    stage.compose(flat(320, 240), 1280)
    assert np.array_equal(frame, before)
    assert np.array_equal(first.i420, first_before)


def test_a_surround_stands_behind_frames_of_another_shape() -> None:
    rgb = as_rgb(Stage(400, 200, surround=flat(400, 200, GREEN)).compose(flat(100, 200, RED), 0).i420)
    assert near(rgb[:, :148], GREEN, 12)
    assert near(rgb[:, 152:248], RED, 12)


# -- fading ----------------------------------------------------------------------------------------------------------


def test_a_fade_begins_at_the_old_frame_and_ends_at_the_new_one() -> None:
    stage = Stage(64, 64)
    old = stage.compose(flat(64, 64, (200, 200, 200)), 0).i420
    stage.fade(640)
    new = flat(64, 64, (40, 40, 40))
    begin = stage.compose(new, 640).i420
    shades = [int(stage.compose(new, 640 + FADE * step // 10).i420[0, 0]) for step in range(1, 10)]
    end = stage.compose(new, 640 + FADE).i420
    assert np.array_equal(begin, old)
    assert np.array_equal(end, cv2.cvtColor(new, cv2.COLOR_RGB2YUV_I420))
    assert shades == sorted(shades, reverse=True)
    assert int(begin[0, 0]) >= shades[0] > shades[-1] >= int(end[0, 0])


def test_a_fade_does_not_run_backwards_for_a_late_frame() -> None:
    stage = Stage(64, 64)
    old = stage.compose(flat(64, 64, (200, 200, 200)), 0).i420
    stage.fade(6400)
    assert np.array_equal(stage.compose(flat(64, 64, (40, 40, 40)), 5760).i420, old)


def test_a_fade_during_a_fade_goes_on_from_what_is_seen() -> None:
    stage = Stage(64, 64)
    stage.compose(flat(64, 64, (200, 200, 200)), 0)
    stage.fade(0)
    seen = stage.compose(flat(64, 64, (40, 40, 40)), FADE // 2).i420
    stage.fade(FADE // 2)
    assert np.array_equal(stage.compose(flat(64, 64, (255, 255, 255)), FADE // 2).i420, seen)


def test_there_is_nothing_to_fade_from_at_first() -> None:
    stage = Stage(64, 64)
    stage.fade(0)
    frame = noise(64, 64)
    assert np.array_equal(stage.compose(frame, 0).i420, cv2.cvtColor(frame, cv2.COLOR_RGB2YUV_I420))


def test_a_mirrored_fade_begins_at_what_was_seen() -> None:
    stage = Stage(64, 64, mirror=True)
    old = stage.compose(halves(64, 64), 0).i420
    stage.fade(640)
    assert np.array_equal(stage.compose(flat(64, 64), 640).i420, old)


# -- frames that come as I420 ----------------------------------------------------------------------------------------


def planar(rgb: ByteArray) -> Picture:
    return Picture(0, cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV_I420).astype(np.uint8, copy=False))


def smooth(width: int, height: int) -> ByteArray:
    """Colours that change from place to place, none suddenly."""
    return cv2.GaussianBlur(noise(width, height), (0, 0), 12).astype(np.uint8, copy=False)


@pytest.mark.parametrize("badge", ["", "avatar"])
def test_a_frame_in_i420_is_what_it_would_be_had_it_come_as_rgb(badge: str) -> None:
    one, other = Stage(320, 240, badge=badge), Stage(320, 240, badge=badge)
    for pts, frame in ((0, noise(320, 240)), (640, halves(320, 240))):
        made, wanted = one.compose(planar(frame), pts), other.compose(frame, pts)
        assert made.pts == pts
        np.testing.assert_array_equal(made.i420, wanted.i420)


def test_a_frame_in_i420_is_left_alone_and_the_picture_is_a_copy() -> None:
    """An animator uses its memory again while the picture waits for its time."""
    frame = planar(noise(320, 240))
    before = frame.i420.copy()
    made = Stage(320, 240, badge="avatar").compose(frame, 0)
    assert not np.shares_memory(made.i420, frame.i420)
    np.testing.assert_array_equal(frame.i420, before)


@pytest.mark.parametrize(("width", "height"), [(320, 240), (322, 182), (64, 64)])
def test_a_frame_in_i420_is_mirrored_plane_by_plane(width: int, height: int) -> None:
    frame = smooth(width, height)
    made = Stage(width, height, mirror=True).compose(planar(frame), 0).i420
    wanted = Stage(width, height, mirror=True).compose(frame, 0).i420
    np.testing.assert_array_equal(made[:height], wanted[:height])
    assert np.abs(made.astype(int) - wanted).max() <= 2  # a block's colour is of its left column, now the right one
    assert made.flags.c_contiguous


def test_a_fade_goes_from_frames_of_one_form_to_the_other() -> None:
    old, new = smooth(64, 64), flat(64, 64, RED)
    mixed, plain = Stage(64, 64), Stage(64, 64)
    mixed.compose(planar(old), 0)
    plain.compose(old, 0)
    for stage in (mixed, plain):
        stage.fade(640)
    for step in range(11):
        pts = 640 + FADE * step // 10
        np.testing.assert_array_equal(mixed.compose(new, pts).i420, plain.compose(planar(new), pts).i420)


def test_a_fade_in_i420_is_the_fade_in_rgb_but_for_rounding() -> None:
    old, new = smooth(64, 64), flat(64, 64, RED)
    stage = Stage(64, 64)
    stage.compose(old, 0)
    stage.fade(0)
    made = stage.compose(new, FADE // 2).i420.astype(int)
    wanted = planar(cv2.addWeighted(old, 0.5, new, 0.5, 0).astype(np.uint8, copy=False)).i420
    assert np.abs(made - wanted).max() <= 1


def test_the_badge_stays_as_it_is_while_pictures_fade() -> None:
    stage = Stage(320, 240, badge="avatar")
    frame = smooth(320, 240)
    before = stage.compose(frame, 0).i420.astype(int)
    stage.fade(640)
    during = stage.compose(frame, 640 + FADE // 3).i420
    assert np.abs(during - before).max() <= 1


def test_a_frame_in_i420_of_another_size_is_fitted() -> None:
    frame = halves(160, 120)
    made = Stage(320, 180).compose(planar(frame), 0)
    wanted = Stage(320, 180).compose(as_rgb(planar(frame).i420), 0)
    np.testing.assert_array_equal(made.i420, wanted.i420)


# -- the badge -------------------------------------------------------------------------------------------------------


def stamped(text: str, width: int = 640, height: int = 360, *, mirror: bool = False) -> ByteArray:
    """Where the badge changes a grey picture: bool [height, width], and the picture itself in RGB."""
    return as_rgb(Stage(width, height, badge=text, mirror=mirror).compose(flat(width, height), 0).i420)


def changed(picture: ByteArray) -> tuple[slice, slice]:
    """The rows and columns in which a grey picture is not grey."""
    rows, columns = np.nonzero(np.abs(picture.astype(int) - GREY).max(axis=2) > 8)
    return slice(int(rows.min()), int(rows.max()) + 1), slice(int(columns.min()), int(columns.max()) + 1)


def test_the_badge_is_in_the_lower_left_corner_only() -> None:
    rows, columns = changed(stamped("AI avatar"))
    assert rows.start > 360 * 0.85
    assert rows.stop < 360
    assert columns.start > 0
    assert columns.stop < 640 * 0.3


def test_the_badge_can_be_read_light_on_dark() -> None:
    picture = stamped("AI avatar", 1280, 720)
    rows, columns = changed(picture)
    plate = picture[rows, columns]
    assert plate.max() > 200
    assert np.median(plate) < 80


def test_the_badge_is_not_mirrored() -> None:
    assert np.array_equal(stamped("AI avatar"), stamped("AI avatar", mirror=True))


def test_no_badge_changes_nothing() -> None:
    assert near(stamped(""), GREY)


def test_the_badge_has_no_colour_of_its_own() -> None:
    i420 = Stage(640, 360, badge="AI avatar").compose(flat(640, 360), 0).i420
    assert np.all(np.abs(i420[360:].astype(int) - 128) <= 4)


@pytest.mark.parametrize(("one", "other"), [("Äö", "ßñ"), ("Аватар", "Яватар"), ("化身", "頭像"), ("🙂", "★")])
def test_letters_beyond_ascii_are_not_all_the_same_box(one: str, other: str) -> None:
    if any(ord(letter) > 0x24F for letter in one + other) and not _readable(one + other):
        pytest.skip("no font on this system has these letters")
    assert not np.array_equal(stamped(one), stamped(other))


def test_accents_are_at_worst_left_away() -> None:
    plain, accented = stamped("Avatar"), stamped("Ävatar")
    box = stamped("\U0010fffdvatar")
    assert changed(plain)[1].stop == pytest.approx(changed(accented)[1].stop, abs=24)
    assert not np.array_equal(accented, box)


@pytest.mark.parametrize("size", [(160, 120), (720, 1280), (160, 2160), (1920, 1080)])
@pytest.mark.parametrize("text", ["W" * 40, "i", " ", "Ж" * 40])
def test_the_badge_fits_into_any_picture(size: tuple[int, int], text: str) -> None:
    width, height = size
    picture = stamped(text, width, height)
    assert picture.shape == (height, width, 3)
    rows, columns = changed(picture)
    assert rows.stop < height
    assert columns.start > 0
    assert columns.stop < width
    # nothing is cut off: both ends of the plate are dark and empty
    plate = picture[rows, columns]
    middle = plate[plate.shape[0] // 2]
    assert middle[1:3].max() < 110
    assert middle[-3:-1].max() < 110


def test_a_badge_blends_into_what_is_there() -> None:
    frame = noise(640, 360)
    i420 = cv2.cvtColor(frame, cv2.COLOR_RGB2YUV_I420).astype(np.uint8)
    before = i420.copy()
    Badge("AI avatar", 640, 360).stamp(i420)
    rows, columns = changed(stamped("AI avatar"))
    assert np.array_equal(i420[: rows.start - 2, :], before[: rows.start - 2, :])
    assert np.array_equal(i420[:360, columns.stop + 2 :], before[:360, columns.stop + 2 :])
    assert float(i420[rows, columns].mean()) < float(before[rows, columns].mean())
    assert float(i420[rows, columns].std()) > 10  # see-through


def _readable(text: str) -> bool:
    from vcam.fonts import readable

    return readable(text)[0] == text


# -- pictures from outside -------------------------------------------------------------------------------------------


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


def test_a_picture_is_repeated_as_it_is_but_not_while_it_fades() -> None:
    stage = Stage(32, 16)
    assert stage.repeat(0) is None
    first = stage.compose(flat(32, 16, RED), 0)
    again = stage.repeat(640)
    assert again is not None
    assert again.pts == 640
    assert again.i420 is first.i420
    stage.fade(1280)
    assert stage.repeat(1280) is None
    stage.compose(flat(32, 16, GREEN), 1280 + 2 * FADE)
    assert stage.repeat(1280 + 3 * FADE) is not None
