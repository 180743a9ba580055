from __future__ import annotations

import pytest

from vcam.animators.ditto.cost import MARGIN, MOST_ALLOWED, allowance, limit, loads, motion_time, stages_of
from vcam.animators.ditto.options import RunOptions
from vcam.animators.ditto.presets import Plan, plan
from vcam.live.meters import Timings

TIMES = {
    "hubert": 0.008,
    "lmdm": 0.002,
    "stitch_network": 0.001,
    "warp_network": 0.006,
    "decoder": 0.012,
    "paste": 0.003,
}


def planned(quality: str = "balanced", **options: int) -> Plan:
    return plan(quality, RunOptions(), None, options)


def timings(**seconds: float) -> dict[str, Timings]:
    made = {name: Timings() for name in TIMES}
    for name, value in {**TIMES, **seconds}.items():
        made[name].add(value)
    return made


def test_the_delay_allows_for_motion_and_one_frame() -> None:
    made = planned()
    stages = stages_of(made, timings())
    assert motion_time(made, stages) == pytest.approx(0.008 + 10 * 0.002)
    assert allowance(made, stages) == pytest.approx(0.028 + 0.022 + MARGIN)


def test_clips_that_come_due_together_are_waited_for() -> None:
    made = planned(overlap_v2=78)
    assert motion_time(made, stages_of(made, timings())) == pytest.approx(0.008 + 3 * 10 * 0.002)


def test_it_is_capped() -> None:
    made = planned()
    assert allowance(made, stages_of(made, timings(decoder=2.3, warp_network=2.1))) == MOST_ALLOWED


def test_shares_are_of_the_time_there_is() -> None:
    made = planned()
    shares = {load.name: load.share for load in loads(stages_of(made, timings()))}
    assert list(shares) == ["features", "diffusion", "stitch", "warp", "decode", "paste"]
    assert shares["features"] == pytest.approx(5 * 0.008)
    assert shares["diffusion"] == pytest.approx(50 * 0.002)
    assert shares["decode"] == pytest.approx(25 * 0.012)


@pytest.mark.parametrize(
    ("slow", "stage", "advice"),
    [
        ("hubert", "features", "animator.ditto.chunk"),
        ("lmdm", "diffusion", "fewer sampling_timesteps"),
        ("decoder", "decode", "faster GPU"),
        ("paste", "paste", "camera.size"),
    ],
)
def test_the_busiest_stage_is_named_with_what_would_help(slow: str, stage: str, advice: str) -> None:
    made = planned()
    text = limit(stages_of(made, timings(**{slow: 0.5})))
    assert text.startswith(f"{stage} takes ")
    assert advice in text


def test_a_single_step_cannot_be_fewer() -> None:
    made = planned(sampling_timesteps=1)
    assert "sampling_timesteps" not in limit(stages_of(made, timings(lmdm=1)))


def test_nothing_is_said_before_anything_was_measured() -> None:
    made = planned()
    assert limit(stages_of(made, {name: Timings() for name in TIMES})) == ""
