from __future__ import annotations

from typing import get_args

import pytest

from vcam.animators.ditto.latency import Chunking
from vcam.animators.ditto.options import RunOptions
from vcam.animators.ditto.presets import PRESETS, plan
from vcam.errors import AnimatorError
from vcam.media import ms
from vcam.profile.model import AnimatorSettings

DEFAULTS = RunOptions(overlap_v2=70, sampling_timesteps=10, smo_k_d=5)


@pytest.mark.parametrize(
    ("quality", "delay", "clips", "steps"),
    [("quality", 885, 2.5, 50), ("balanced", 485, 5, 10), ("low-latency", 165, 25, 5), ("fast", 965, 2.5, 10)],
)
def test_what_each_costs(quality: str, delay: float, clips: float, steps: int) -> None:
    """In ms of delay, and calls a second."""
    made = plan(quality, DEFAULTS, None, {})
    assert ms(made.algorithmic_latency) == delay == ms(PRESETS[quality].delay)
    assert made.diffusion_calls == clips * steps
    assert made.feature_calls == 25 / made.chunking.now
    assert made.options.smo_k_d == 5  # the checkpoint's
    assert made.options.online_mode


def test_the_profile_knows_the_same_names() -> None:
    assert set(get_args(AnimatorSettings.model_fields["quality"].annotation)) == set(PRESETS)


def test_the_published_speed_settings_have_a_name() -> None:
    made = plan("fast", DEFAULTS, None, {})
    assert (made.options.max_size, made.options.template_n_frames, made.options.sampling_timesteps) == (512, 3, 10)
    assert made.chunking == Chunking(2, 3, 2)


def test_the_profile_has_the_last_word() -> None:
    made = plan("quality", DEFAULTS, Chunking(3, 2, 2), {"overlap_v2": 79, "smo_k_d": 1})
    assert made.chunking == Chunking(3, 2, 2)
    assert (made.options.overlap_v2, made.options.sampling_timesteps, made.options.smo_k_d) == (79, 50, 1)


def test_clips_that_come_due_together_are_known() -> None:
    assert plan("balanced", DEFAULTS, None, {}).clips_at_once == 1
    assert plan("balanced", DEFAULTS, None, {"overlap_v2": 78}).clips_at_once == 3  # five frames, two a clip


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(AnimatorError, match="no quality 'best'"):
        plan("best", DEFAULTS, None, {})
    with pytest.raises(AnimatorError, match="overlap of 39"):
        plan("quality", DEFAULTS, None, {"overlap_v2": 39})
    with pytest.raises(AnimatorError, match="no run option 'smo_kd'") as error:
        plan("quality", DEFAULTS, None, {"smo_kd": 3})
    assert "Did you mean smo_k_d" in error.value.hint
