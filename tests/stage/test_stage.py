"""The last steps of the picture: fitting, composing, fading."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from tests.stage.scenes import BLUE, GREEN, GREY, RED, as_rgb, flat, halves, near, noise
from vcam.media import ByteArray, Picture
from vcam.stage import FADE, Stage, blurred, cover, fit

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
