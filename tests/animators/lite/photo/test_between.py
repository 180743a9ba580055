"""A picture read between its pixels, against OpenCV's own cubics."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from vcam.animators.lite.photo.between import FINER, Between
from vcam.media import ByteArray, FloatArray


@pytest.fixture
def picture() -> ByteArray:
    random = np.random.default_rng(1)
    return np.asarray(cv2.GaussianBlur(random.integers(0, 256, (90, 120, 3), np.uint8), (0, 0), 1.2), np.uint8)


def places(picture: ByteArray) -> tuple[FloatArray, FloatArray]:
    y, x = np.mgrid[0 : picture.shape[0], 0 : picture.shape[1]].astype(np.float32)
    return x, y


def test_a_place_on_a_pixel_gives_that_pixel(picture: ByteArray) -> None:
    x, y = places(picture)
    assert np.array_equal(Between(picture).read(FINER * x, FINER * y), picture)


def test_between_pixels_it_is_as_good_as_cubic_and_far_from_linear(picture: ByteArray) -> None:
    x, y = places(picture)
    across, down = x + 4 * np.sin(y / 9), y + 4 * np.cos(x / 11)  # over the edges too
    cubic, linear = (
        cv2.remap(picture, across, down, how, borderMode=cv2.BORDER_REPLICATE).astype(int)
        for how in (cv2.INTER_CUBIC, cv2.INTER_LINEAR)
    )
    read = Between(picture).read(FINER * across, FINER * down).astype(int)
    assert np.abs(read - cubic).max() <= 2
    assert np.abs(read - cubic).mean() < 0.4 * np.abs(linear - cubic).mean()


def test_it_writes_into_a_part_of_a_picture_and_reads_what_was_there_at_first(picture: ByteArray) -> None:
    x, y = places(picture)
    first = picture.copy()
    between = Between(picture)
    canvas = np.zeros((100, 140, 3), np.uint8)
    place = canvas[5:95, 7:127]
    picture[:] = 0
    between.read(FINER * x, FINER * y, place)
    assert np.array_equal(place, first)
    assert not canvas[:5].any()
    assert not canvas[:, :7].any()


def test_nothing_is_a_picture_too() -> None:
    empty = np.zeros((0, 12, 3), np.uint8)
    Between(empty)
