"""Key points to a picture: what goes into which network, where it stays, and how values become grey levels."""

from __future__ import annotations

import numpy as np
import pytest

from tests.animators.ditto.drawing import OnDevice, networks
from vcam.animators.ditto.backends.base import Array
from vcam.animators.ditto.renderer import Renderer

X_S = np.zeros((1, 21, 3), np.float32)
FEATURES = OnDevice(np.full((1, 32, 16, 64, 64), 0.25, np.float32))


def test_the_warped_features_stay_on_the_device() -> None:
    stitch, warp, decoder = networks()
    Renderer(stitch, warp, decoder).render(FEATURES, X_S, X_S)
    assert warp.seen["feature_3d"] is FEATURES
    assert isinstance(decoder.seen["feature"], OnDevice)


def test_values_are_clipped_to_0_and_255() -> None:
    crop = Renderer(*networks()).render(FEATURES, X_S, X_S)
    assert crop.shape == (512, 512, 3)
    assert crop.dtype == np.float32
    assert crop[..., 0] == pytest.approx(63.75)
    assert crop[0, :, 1] == pytest.approx(np.clip(np.linspace(-0.5, 1.5, 512), 0, 1) * 255, abs=1e-3)


def test_bytes_are_the_same_rounded() -> None:
    floats = Renderer(*networks()).render(FEATURES, X_S, X_S)
    crop = Renderer(*networks()).render_bytes(FEATURES, X_S, X_S)
    assert crop.dtype == np.uint8
    assert np.abs(crop - floats).max() <= 0.501


def test_stitching_corrects_what_drives() -> None:
    assert Renderer(*networks()).stitch(X_S, X_S + 1) == pytest.approx(X_S + np.float32(1.001))


def test_several_are_stitched_one_by_one_where_the_network_takes_no_more() -> None:
    stitch, warp, decoder = networks()
    x_d = np.arange(3 * 63, dtype=np.float32).reshape(3, 21, 3)
    made = Renderer(stitch, warp, decoder).stitch_all(np.concatenate([X_S] * 3), x_d)
    assert made == pytest.approx(x_d + np.float32(0.001))
    assert stitch.calls == 3
    assert Renderer(None, warp, decoder).stitch_all(np.concatenate([X_S] * 3), x_d) is x_d


def test_without_stitching_key_points_stay() -> None:
    _, warp, decoder = networks()
    assert np.array_equal(Renderer(None, warp, decoder).stitch(X_S, X_S + 1), X_S + 1)


def test_observers_see_the_warped_features_and_the_picture() -> None:
    seen: dict[str, Array] = {}
    crop = Renderer(*networks()).render(FEATURES, X_S, X_S, lambda name, value: seen.update({name: value}))
    assert seen["warp"].shape == (1, 256, 64, 64)
    assert seen["render"] is crop


def test_key_points_of_another_shape_are_refused() -> None:
    with pytest.raises(ValueError, match="x_d"):
        Renderer(*networks()).render(FEATURES, X_S, X_S[:, :20])
