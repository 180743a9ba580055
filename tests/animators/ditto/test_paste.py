"""Pasting a face back: the mask's shape, the same samples as OpenCV's own warp, nothing outside the box."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from tests.animators.ditto.golden import case, needs_golden
from vcam.animators.ditto.paste import BORDER, Paster, crop_mask
from vcam.media import ByteArray, FloatArray

RNG = np.random.default_rng(5)
PICTURE = RNG.integers(0, 256, (420, 460, 3), np.uint8)
CROP = RNG.integers(0, 256, (512, 512, 3), np.uint8)


def placed(scale: float, turn: float, x: float, y: float) -> FloatArray:
    """A crop scaled, turned by degrees, its corner moved to (x, y)."""
    matrix = np.eye(3)
    matrix[:2] = cv2.getRotationMatrix2D((0, 0), turn, scale)
    matrix[:2, 2] += (x, y)
    return matrix.astype(np.float32)


PLACES = [
    pytest.param(placed(0.6, 0, 60, 50), id="upright"),
    pytest.param(placed(0.55, 17, 40, 110), id="turned"),
    pytest.param(placed(1.3, -9, -150, -120), id="larger than the picture"),
    pytest.param(placed(0.7, 5, 300, -90), id="cut off"),
]


def blended(matrix: FloatArray, crop: FloatArray) -> FloatArray:
    """The definition: whole-picture warps of crop and mask, in floats."""
    size = (PICTURE.shape[1], PICTURE.shape[0])
    mask = cv2.warpAffine(crop_mask(), matrix[:2], size, flags=cv2.INTER_LINEAR)[..., None]
    warped = cv2.warpAffine(crop, matrix[:2], size, flags=cv2.INTER_LINEAR)
    return np.asarray(mask * warped + (1 - mask) * PICTURE, np.float32)


def pasted(matrix: FloatArray, crop: ByteArray | FloatArray, exact: bool) -> ByteArray:
    out = PICTURE.copy()
    Paster(PICTURE, matrix, exact=exact).paste(crop, out)
    return out


@needs_golden
def test_the_mask_is_the_golden_one() -> None:
    for name in ("online_default", "offline_default"):
        golden, mask = case(name).golden, crop_mask()
        assert mask[256] == pytest.approx(golden["mask_row256"], abs=1e-6)
        assert mask[:, 256] == pytest.approx(golden["mask_col256"], abs=1e-6)
        assert np.diag(mask) == pytest.approx(golden["mask_diag"], abs=1e-6)
        assert mask[:64, :64] == pytest.approx(golden["mask_corner64"], abs=1e-6)


def test_the_mask_rises_from_the_edge_and_is_the_same_on_all_sides() -> None:
    mask = crop_mask()
    assert mask[0].max() == 0
    assert mask[256, : BORDER + 1] == pytest.approx(np.arange(BORDER + 1) / BORDER)
    assert mask[BORDER:-BORDER, BORDER:-BORDER].min() == 1
    assert np.array_equal(mask, mask.T)
    assert np.array_equal(mask, mask[::-1, ::-1])


@pytest.mark.parametrize("matrix", PLACES)
def test_exactly_the_blend_of_whole_picture_warps(matrix: FloatArray) -> None:
    crop = RNG.uniform(0, 255, (512, 512, 3)).astype(np.float32)
    off = np.abs(pasted(matrix, crop, exact=True).astype(int) - blended(matrix, crop).astype(np.uint8))
    assert off.max() <= 1
    assert (off > 0).mean() < 1e-3


@pytest.mark.parametrize("matrix", PLACES)
def test_bytes_come_within_two_levels(matrix: FloatArray) -> None:
    off = np.abs(pasted(matrix, CROP, exact=False) - blended(matrix, CROP.astype(np.float32)))
    assert off.max() <= 2


@pytest.mark.parametrize("exact", [True, False])
def test_only_the_box_is_written(exact: bool) -> None:
    paster = Paster(PICTURE, placed(0.5, 12, 80, 100), exact=exact)
    out = np.full_like(PICTURE, 77)
    paster.paste(CROP.astype(np.float32) if exact else CROP, out)
    rows, columns = paster.box
    assert 0 < rows.start < rows.stop < len(PICTURE)
    outside = np.ones(PICTURE.shape[:2], bool)
    outside[rows, columns] = False
    assert (out[outside] == 77).all()
    assert np.array_equal(out[rows, columns][0], PICTURE[rows, columns][0])  # at the box's edge the mask is 0


@pytest.mark.parametrize("exact", [True, False])
def test_nothing_is_pasted_beyond_what_may_be_changed(exact: bool) -> None:
    matrix, crop = placed(0.5, 12, 80, 100), CROP.astype(np.float32) if exact else CROP
    left, top, right, bottom = within = (120, 90, 200, 180)
    out, everywhere = PICTURE.copy(), PICTURE.copy()
    Paster(PICTURE, matrix, within, exact=exact).paste(crop, out)
    Paster(PICTURE, matrix, exact=exact).paste(crop, everywhere)
    expected = PICTURE.copy()
    expected[top:bottom, left:right] = everywhere[top:bottom, left:right]
    assert not np.array_equal(everywhere, expected)
    assert np.array_equal(out, expected)
    Paster(PICTURE, matrix, (0, 0, 5, 5), exact=exact).paste(crop, out)
    assert np.array_equal(out, expected)


def test_pasting_again_leaves_nothing_of_the_last_crop() -> None:
    paster = Paster(PICTURE, placed(0.6, 3, 60, 50))
    out = PICTURE.copy()
    paster.paste(255 - CROP, out)
    paster.paste(CROP, out)
    assert np.array_equal(out, pasted(placed(0.6, 3, 60, 50), CROP, exact=False))


def test_a_face_beside_the_picture_changes_nothing() -> None:
    assert np.array_equal(pasted(placed(0.5, 0, 2000, 0), CROP, exact=False), PICTURE)


def test_crops_of_another_kind_are_refused() -> None:
    matrix = placed(0.5, 0, 10, 10)
    with pytest.raises(ValueError, match="uint8"):
        pasted(matrix, CROP.astype(np.float32), exact=False)
    with pytest.raises(ValueError, match="512"):
        pasted(matrix, CROP[:100], exact=False)
