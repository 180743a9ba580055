"""The badge in the corner of the picture."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from tests.stage.scenes import GREY, as_rgb, flat, near, noise
from vcam.badge import Badge
from vcam.media import ByteArray
from vcam.stage import Stage


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
