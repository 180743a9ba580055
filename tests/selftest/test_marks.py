"""The marks in the pictures: what is drawn is read again, from I420 and from JPEG, in every size."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import simplejpeg

from vcam.media import ByteArray
from vcam.selftest.marks import (
    FrameMark,
    draw_frame_mark,
    draw_tick_mark,
    marked_rows,
    read_frame_mark,
    read_tick_mark,
)
from vcam.web.jpeg import JpegEncoder

SIZES = [(160, 120), (320, 240), (426, 240), (640, 360), (1280, 720), (1920, 1080)]
MARKS = [
    FrameMark(0),
    FrameMark(1, 640),
    FrameMark(1234, 1234 * 640 + 639),
    FrameMark(99, 100 * 640 - 4095),
    FrameMark(1_000_000),
]


def picture(width: int, height: int, mark: FrameMark, pts: int) -> ByteArray:
    """A marked, busy picture as a session makes it: I420."""
    rgb = np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8)
    draw_frame_mark(rgb, mark)
    i420 = cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV_I420).astype(np.uint8, copy=False)
    draw_tick_mark(i420, pts)
    return i420


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("mark", MARKS)
def test_marks_survive_the_way_to_a_viewer(width: int, height: int, mark: FrameMark) -> None:
    i420 = picture(width, height, mark, 533 * 77_777)
    raw = i420[:height]
    jpeg = simplejpeg.decode_jpeg(JpegEncoder(width, height).encode(i420), colorspace="GRAY")[:, :, 0]
    through_rgb = cv2.cvtColor(cv2.cvtColor(i420, cv2.COLOR_YUV2BGR_I420), cv2.COLOR_BGR2GRAY)
    for luma in (raw, jpeg, through_rgb):
        assert read_frame_mark(luma.astype(np.uint8, copy=False)) == mark
        assert read_tick_mark(luma.astype(np.uint8, copy=False)) == 533 * 77_777


def test_the_marks_leave_the_rest_of_the_picture_alone() -> None:
    plain = picture(320, 240, FrameMark(1), 1)
    other = picture(320, 240, FrameMark(99, 99 * 640 + 5), 70_000)
    rows = marked_rows(240)
    assert np.array_equal(plain[rows:240], other[rows:240])
    assert not np.array_equal(plain[:rows], other[:rows])


@pytest.mark.parametrize("luma", [np.zeros((240, 320), np.uint8), np.full((240, 320), 255, np.uint8)])
def test_a_picture_without_marks_has_none(luma: ByteArray) -> None:
    assert read_frame_mark(luma) is None
    assert read_tick_mark(luma) is None


def test_a_damaged_mark_is_not_read_as_another() -> None:
    luma = picture(640, 360, FrameMark(77), 12_345)[:360].copy()
    luma[:, 300:330] = 255 - luma[:, 300:330]
    assert read_frame_mark(luma) is None
    assert read_tick_mark(luma) is None
