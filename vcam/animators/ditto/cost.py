"""What a live run costs, from measured times: the share of real time of each stage, and what would lower it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vcam.animators.base import StageLoad
from vcam.live.meters import Timings
from vcam.media import ANIMATION_FPS

from .presets import Plan

MARGIN = 0.010  # s for what is not measured: the stage, the queues, the scheduler
MOST_ALLOWED = 1.0  # s: a machine that needs more cannot keep up anyway, and the delay is what people notice
_FPS = float(ANIMATION_FPS)
_OF_MOTION = ("features", "diffusion")


@dataclass(frozen=True, slots=True)
class Stage:
    """``calls``: how often a second it runs while somebody speaks; ``advice``: what would lower its load."""

    name: str
    times: Timings
    calls: float
    advice: str


def stages_of(plan: Plan, times: Mapping[str, Timings]) -> list[Stage]:
    """The stages in the order of the data. ``times``: by the networks' names, and "paste"."""
    fewer_steps = (
        "use fewer sampling_timesteps or a smaller overlap"
        if plan.options.sampling_timesteps > 1
        else "use a smaller overlap"
    )
    gpu = "use a faster GPU, or animator: {kind: lite}"
    return [
        Stage("features", times["hubert"], plan.feature_calls, "take more new frames at a time (animator.ditto.chunk)"),
        Stage("diffusion", times["lmdm"], plan.diffusion_calls, f"{fewer_steps} (animator.ditto)"),
        Stage("stitch", times["stitch_network"], _FPS, gpu),
        Stage("warp", times["warp_network"], _FPS, gpu),
        Stage("decode", times["decoder"], _FPS, gpu),
        Stage("paste", times["paste"], _FPS, "use a smaller camera.size"),
    ]


def loads(stages: Sequence[Stage]) -> list[StageLoad]:
    return [
        StageLoad(
            stage.name,
            round(stage.times.percentile_ms(50), 3),
            round(stage.times.percentile_ms(95), 3),
            round(_share(stage), 4),
        )
        for stage in stages
    ]


def limit(stages: Sequence[Stage]) -> str:
    """Which stage takes the most of real time and what would help; "" before anything was measured."""
    busiest = max(stages, key=_share)
    total = sum(_share(stage) for stage in stages)
    if not total:
        return ""
    return (
        f"{busiest.name} takes {_share(busiest):.0%} of the time there is, all stages {total:.0%}."
        f" To lower it, {busiest.advice}."
    )


def allowance(plan: Plan, stages: Sequence[Stage]) -> float:
    """Seconds from the last sound that a clip waited for until its first frame is drawn: what the delay allows for."""
    drawing = sum(stage.times.percentile_ms(95) for stage in stages if stage.name not in _OF_MOTION) / 1000
    return min(MOST_ALLOWED, motion_time(plan, stages) + drawing + MARGIN)


def motion_time(plan: Plan, stages: Sequence[Stage]) -> float:
    """Seconds that motion takes from the last sound that it waited for."""
    features, diffusion = (
        stage.times.percentile_ms(95) / 1000 for name in _OF_MOTION for stage in stages if stage.name == name
    )
    return features + plan.clips_at_once * plan.options.sampling_timesteps * diffusion


def _share(stage: Stage) -> float:
    return stage.times.percentile_ms(50) / 1000 * stage.calls
