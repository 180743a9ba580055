"""`vcam bench ditto`: what each network and each part around the networks costs, and what delay that comes to.

One portrait is registered (into a cache of the benchmark's own), loaded again from there, and animated as a live
session does: gated chunks into ``analyse``, poses into ``render``, frames into the stage, as fast as it goes. First
all of the sound is speech, then silence. That gives the real-time factors and ``work``: all that is not a network, per
frame, by subtraction: the processor time of the calling thread less what the networks took of it. Of the live path
only the gate and the queues between threads are left out. Then :mod:`vcam.bench.ditto_parts` measures the parts one by
one; what ``work`` has more than their sum is the row "between the parts". Last, the same chain is compared with the
straightforward one that copies everything to and from each network (:mod:`vcam.bench.ditto_chains`).

The calling thread and OpenCV keep to one core. Networks use what they use live: their own threads, or a GPU.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np

from vcam.animators.base import Scene
from vcam.animators.ditto.animator import DittoAnimator
from vcam.animators.ditto.avatar import DittoAvatar
from vcam.animators.ditto.build import DittoBuilder, live_plan
from vcam.animators.ditto.cache import AvatarCache
from vcam.animators.ditto.checkpoint import Checkpoint
from vcam.animators.ditto.cost import allowance, loads, stages_of
from vcam.animators.ditto.latency import WINDOW_TAIL
from vcam.animators.ditto.networks import ANIMATION, DECODER, REGISTRATION, WARP
from vcam.animators.ditto.presets import PRESETS, Plan
from vcam.audio.decode import decode
from vcam.audio.demo import demo_path
from vcam.audio.gate import make_gate
from vcam.bench.ditto_chains import ChainsBench, pair
from vcam.bench.ditto_clock import FACE, ClockedBackend, WorkClock
from vcam.bench.ditto_parts import PartsBench
from vcam.bench.ditto_result import (
    DittoBench,
    Latency,
    Memory,
    PresetDelay,
    Row,
    Run,
)
from vcam.bench.process import gpu_mb, machine, one_core, resident_mb
from vcam.build import build_stage, sound_spec
from vcam.choices import Choice, choose_sound, expected_latency
from vcam.live.chunker import Chunker
from vcam.live.meters import Timings
from vcam.media import ANIMATION_FPS, FRAME_SAMPLES, SAMPLE_RATE, AudioChunk, FloatArray, ms, silence
from vcam.profile.model import Profile
from vcam.stage import Stage

RUN_LIMIT = 45.0  # s of wall time for each run: with real networks a CPU needs seconds for a frame
SILENT = 2.0  # times as much silence as speech: it is cheap only when the idle stretch comes round again
_LEAST_FRAMES = 5  # are drawn whatever they take
_LOADS = 3


class _TimedCache(AvatarCache):
    """Notes how long the last avatar took to be made, and under which key it is kept."""

    key_used = ""
    making = 0.0  # s

    def get(self, key: str, make: Callable[[], DittoAvatar]) -> DittoAvatar:
        self.key_used = key

        def made() -> DittoAvatar:
            with Timings.stopwatch() as watch:
                avatar = make()
            self.making = watch.seconds
            return avatar

        return super().get(key, made)

    def loading(self) -> float:
        """Median seconds to load it."""
        times = Timings()
        for _ in range(_LOADS):
            with times.measure():
                self.load(self.key_used)
        return times.percentile_ms(50) / 1000


def run_ditto_bench(profile: Profile, seconds: float = 10.0, limit: float = RUN_LIMIT) -> DittoBench:
    """Measure ``profile`` with the ditto animator on ``seconds`` of speech and twice as much silence.

    Each run ends after about ``limit`` seconds. Raises VcamError if there is no checkpoint, or it cannot be used.
    """
    profile = profile.with_changes("animator", kind="ditto")
    clock = WorkClock()
    gpu = profile.animator.ditto.gpu
    before, gpu_before = resident_mb(), gpu_mb(gpu)
    width, height = profile.camera.size
    framing = profile.avatar.framing
    with tempfile.TemporaryDirectory(prefix="vcam-bench-") as folder:
        cache = _TimedCache(Path(folder))
        builder = DittoBuilder(profile, wrap=lambda backend: ClockedBackend(backend, clock), cache=cache)
        animator = builder.build(profile, Scene(width, height, framing.zoom, framing.x, framing.y))
        loading = cache.loading()
    registration = [
        _row(spec.name, 0.0, clock.networks[spec.name]) for spec in REGISTRATION if spec.name in clock.networks
    ]
    try:
        with one_core():
            animator.warm_up()
            clock.forget()
            ready, gpu_ready = resident_mb(), gpu_mb(gpu)
            stage = build_stage(profile)
            speaking = _run(animator, stage, _gated(profile, animator, _speech(seconds), 0, speech=True), clock, limit)
            networks = _networks(animator.plan, clock)
            after = -(-round(seconds * SAMPLE_RATE) // FRAME_SAMPLES) * FRAME_SAMPLES
            quiet = _gated(profile, animator, _silence(SILENT * seconds), after)
            silent = _run(animator, stage, quiet, clock, limit)
            parts = PartsBench(animator, builder.checkpoint.use, stage, clock)
            parts.run(_gated(profile, animator, _speech(seconds), 0, speech=True), limit)
            both = pair(animator, builder.checkpoint.use, profile.animator.ditto.seed)
            try:
                chains = ChainsBench(both, (build_stage(profile), build_stage(profile)))
                compared = chains.run(_gated(profile, animator, _speech(seconds), 0, speech=True), limit / 3)
            finally:
                for one in both:
                    one.close()
        latency = _latency(profile, animator, choose_sound(sound_spec(profile)))
        return DittoBench(
            width=width,
            height=height,
            quality=profile.animator.quality,
            stand_in=profile.animator.ditto.stand_in,
            still=not animator.avatar.is_video,
            networks=networks,
            registration=registration,
            clip_ms=parts.clips.percentile_ms(50),
            parts=_parts(parts, speaking),
            speaking=speaking,
            silent=silent,
            presets=_presets(profile, builder.checkpoint, clock, parts, latency.source),
            latency=latency,
            registered_ms=cache.making * 1000,
            cached_ms=loading * 1000,
            memory=Memory(before, ready, resident_mb()),
            gpu_memory=_gpu_memory(animator, gpu_before, gpu_ready, gpu),
            chains=compared,
            machine=_machine(animator),
        )
    finally:
        animator.close()


def _gated(
    profile: Profile, animator: DittoAnimator, sound: Iterator[FloatArray], start: int, *, speech: bool = False
) -> Iterator[AudioChunk]:
    """Chunks from sample ``start`` on, as a session's gate hands them over; ``speech``: all of it is."""
    settings = profile.gate.model_copy(update={"kind": "off"}) if speech else profile.gate
    gate = make_gate(settings, animator.look_ahead)
    chunker = Chunker()
    chunker.jump(start)
    for piece in sound:
        for chunk in chunker.push(piece):
            yield from gate.push(chunk)
    for chunk in chunker.finish(FRAME_SAMPLES):
        yield from gate.push(chunk)
    yield from gate.flush()


def _speech(seconds: float) -> Iterator[FloatArray]:
    """The bundled speech, again and again, for so many seconds."""
    left = round(seconds * SAMPLE_RATE)
    while left > 0:
        for piece in decode(demo_path()):
            yield piece[:left]
            left -= len(piece)
            if left <= 0:
                return


def _silence(seconds: float) -> Iterator[FloatArray]:
    yield silence(round(seconds * SAMPLE_RATE))


def _run(animator: DittoAnimator, stage: Stage, sound: Iterable[AudioChunk], clock: WorkClock, limit: float) -> Run:
    """Nothing is counted until the first poses have come and are drawn: that much sound is still waited for."""
    until = time.monotonic() + limit
    work = Timings(100_000)
    spent, analysing, counting, cut_short = 0.0, 0.0, False, False
    for number, chunk in enumerate(sound):
        if not number:
            animator.reset(chunk.pts)
        with Timings.stopwatch() as whole:
            with clock.work() as hearing:
                poses = animator.analyse(chunk)
            analysing += hearing.seconds
            for pose in poses:
                with clock.work() as drawing:
                    picture = stage.repeat(pose.pts) if animator.repeats(pose) else None
                    if picture is None:
                        stage.compose(animator.draw(pose), pose.pts)
                if counting:
                    work.add(analysing / len(poses) + drawing.seconds)
        if counting:
            spent += whole.seconds
        if poses:
            counting, analysing = True, 0.0
        if time.monotonic() > until and work.count >= _LEAST_FRAMES:
            cut_short = True
            break
    return Run(work.count, spent, work.percentile_ms(50), work.percentile_ms(95), cut_short)


def _row(name: str, calls: float, times: Timings) -> Row:
    return Row(name, calls, times.percentile_ms(50), times.percentile_ms(95))


def _networks(plan: Plan, clock: WorkClock) -> list[Row]:
    fps = float(ANIMATION_FPS)
    often = {"hubert": plan.feature_calls / fps, "lmdm": plan.diffusion_calls / fps}
    drawn = FACE in clock.networks and clock.networks[FACE].count
    names = [spec.name for spec in ANIMATION if not (drawn and spec in (WARP, DECODER))] + ([FACE] if drawn else [])
    return [
        _row(name, often.get(name, 1.0), times)
        for name in names
        if (times := clock.networks.get(name)) is not None and times.count
    ]


def _parts(bench: PartsBench, speaking: Run) -> list[Row]:
    calls = bench.calls()
    rows = [_row(name, calls[name], times) for name, times in bench.parts.times.items()]
    between = speaking.work_p50_ms - sum(row.frame_ms for row in rows)
    return [*rows, Row("between the parts", 1.0, between, None)]


def _presets(
    profile: Profile, checkpoint: Checkpoint, clock: WorkClock, bench: PartsBench, device: float
) -> list[PresetDelay]:
    """What each quality would cost with this profile's other settings, by the times that were measured."""
    times = {spec.name: clock.networks.get(spec.name, Timings()) for spec in ANIMATION}
    if FACE in clock.networks:
        times |= {DECODER.name: clock.networks[FACE], WARP.name: Timings()}
    made = []
    for name in PRESETS:
        plan = live_plan(profile.with_changes("animator", quality=name), checkpoint)
        stages = stages_of(plan, {**times, "paste": bench.pasting})
        ahead = plan.chunking.future * FRAME_SAMPLES + WINDOW_TAIL
        hold = make_gate(profile.gate, ahead).hold
        own = plan.algorithmic_latency
        algorithmic = own - ahead + max(hold, ahead)  # as vcam.live.latency.plan_latency
        made.append(
            PresetDelay(
                name,
                ms(own),
                ms(algorithmic),
                allowance(plan, stages) * 1000,
                ms(algorithmic) + allowance(plan, stages) * 1000 + device,
                sum(stage.share for stage in loads(stages)),
                plan.options.overlap_v2,
                plan.options.sampling_timesteps,
            )
        )
    return made


def _latency(profile: Profile, animator: DittoAnimator, microphone: Choice) -> Latency:
    plan = expected_latency(profile, animator, microphone)
    name = microphone.name if microphone.ok else ""
    return Latency(plan.algorithmic * 1000, plan.compute * 1000, plan.source * 1000, name)


def _gpu_memory(animator: DittoAnimator, before: float | None, ready: float | None, index: int) -> Memory | None:
    """None where the networks do not run on a GPU, or nothing tells."""
    device = animator.networks.backend.device
    nvidia = device.provider == "CUDA" or device.backend == "tensorrt"
    return Memory(before, ready, gpu_mb(index)) if nvidia and ready is not None else None


def _machine(animator: DittoAnimator) -> dict[str, str | int | None]:
    device = animator.networks.backend.device
    return {**machine(), "numpy": np.__version__, device.backend: device.version, "provider": device.provider}
