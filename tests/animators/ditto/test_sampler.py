from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from tests.animators.ditto.marking import MarkingLmdm
from vcam.animators.ditto.backends.base import Array, Tensor
from vcam.animators.ditto.randomness import Randomness, Seeded
from vcam.animators.ditto.sampler import Sampler, remaining_signal
from vcam.errors import AnimatorError
from vcam.media import FloatArray

POSE = np.zeros(265, np.float32)
CONDITIONS = np.arange(80, dtype=np.float32)[:, None].repeat(1103, axis=1)


class Counting(Randomness):
    """Draw n is n everywhere."""

    def __init__(self) -> None:
        self.draws = 0

    def normal(self, *shape: int) -> FloatArray:
        self.draws += 1
        return np.full(shape, self.draws, np.float32)

    def integer(self, low: int, high: int) -> int:
        return low


class Linear(MarkingLmdm):
    """x_start = x / 2, pred_noise = x / 4: its steps can be followed by hand."""

    def run(self, inputs: Mapping[str, Tensor], keep: Sequence[str] = ()) -> dict[str, Tensor]:
        super().run(inputs)
        x = np.asarray(inputs["x"])
        return {"pred_noise": x / 4, "x_start": x / 2}


def test_the_schedule() -> None:
    sampler = Sampler(MarkingLmdm(), 4, Seeded(0))
    assert sampler.times.tolist() == [999, 749, 499, 249]
    signal = remaining_signal()
    assert signal[0] == pytest.approx(1, abs=1e-4)
    assert signal[-1] < 1e-4
    assert (np.diff(signal) < 0).all()
    np.testing.assert_allclose(sampler.alpha_next_sqrt**2, signal[[749, 499, 249]], rtol=1e-6)
    # Signal and noise together keep a variance of 1.
    np.testing.assert_allclose(sampler.alpha_next_sqrt**2 + sampler.c**2 + sampler.sigma**2, 1, rtol=1e-6)


@pytest.mark.parametrize("steps", [1, 2, 3, 7, 100, 333, 1000])
def test_any_number_of_steps(steps: int) -> None:
    sampler = Sampler(MarkingLmdm(), steps, Seeded(0))
    assert len(sampler.times) == steps
    assert sampler.times[0] == 999
    assert len(set(sampler.times)) == steps
    assert np.isfinite([sampler.c, sampler.sigma, sampler.alpha_next_sqrt]).all()


def test_the_steps() -> None:
    network, randomness = Linear(), Counting()
    sampler = Sampler(network, 3, randomness)
    clip = sampler.clip(POSE, CONDITIONS)
    x = 3.0  # the draws 1 and 2 are the steps' noise
    for step in range(2):
        x = x / 2 * sampler.alpha_next_sqrt[step] + x / 4 * sampler.c[step] + sampler.sigma[step] * (step + 1)
    np.testing.assert_allclose(clip, x / 2, rtol=1e-6)
    assert [call["time_cond"].tolist() for call in network.calls] == [[999], [665], [332]]
    assert all(call["time_cond"].dtype == np.int64 for call in network.calls)


def test_the_steps_noise_is_drawn_once_or_anew() -> None:
    for redraw, first, second in ((False, 5, 6), (True, 5, 10)):
        randomness = Counting()
        sampler = Sampler(Linear(), 5, randomness, redraw=redraw)
        sampler.clip(POSE, CONDITIONS)
        assert randomness.draws == first
        sampler.clip(POSE, CONDITIONS)
        assert randomness.draws == second


def test_one_clip_does_not_change_another() -> None:
    sampler = Sampler(Linear(), 3, Seeded(0))
    first = sampler.clip(POSE, CONDITIONS)
    before = first.copy()
    second = sampler.clip(POSE, CONDITIONS)
    np.testing.assert_array_equal(first, before)
    assert not np.array_equal(first, second)


def test_what_the_network_is_told() -> None:
    network = MarkingLmdm()
    pose = np.arange(265, dtype=np.float32)
    clip = Sampler(network, 1, Seeded(0)).clip(pose, CONDITIONS)
    (call,) = network.calls
    assert {name: value.shape for name, value in call.items()} == {
        "x": (1, 80, 265),
        "cond_frame": (1, 265),
        "cond": (1, 80, 1103),
        "time_cond": (1,),
    }
    np.testing.assert_array_equal(call["cond_frame"][0], pose)
    np.testing.assert_array_equal(clip[:, 0], np.arange(80))


def test_conditions_are_put_on_the_device_once_a_clip() -> None:
    put: list[Array] = []

    def keep(array: Array) -> Array:
        put.append(array)
        return array

    sampler = Sampler(MarkingLmdm(), 6, Seeded(0), put=keep)
    sampler.clip(POSE, CONDITIONS)
    assert [array.shape for array in put] == [(1, 265), (1, 80, 1103)]


@pytest.mark.parametrize("steps", [0, -3, 1001])
def test_impossible_steps_are_refused(steps: int) -> None:
    with pytest.raises(AnimatorError, match="steps"):
        Sampler(MarkingLmdm(), steps, Seeded(0))


def test_shapes_are_checked() -> None:
    sampler = Sampler(MarkingLmdm(), 1, Seeded(0))
    with pytest.raises(ValueError, match="conditions"):
        sampler.clip(POSE, CONDITIONS[:70])
    with pytest.raises(ValueError, match="first_pose"):
        sampler.clip(POSE[None], CONDITIONS)
