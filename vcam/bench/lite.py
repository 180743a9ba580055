"""`vcam bench lite`: what each stage of the live path costs, and how far the picture lies behind the voice.

Several runs over the bundled speech. The first is the pipeline alone, as fast as it goes, on one core: milliseconds a
frame for gate, analysis, drawing and staging (fit, badge, I420). The second is a real session in real time into a
camera that notes when each picture came: the delay as it is, and what was repeated or skipped. Then
:mod:`vcam.bench.lite_cpu`'s: what sessions cost in silence and in speech.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

from vcam.animators.base import Animator
from vcam.audio.decode import decode
from vcam.audio.demo import demo_path, demo_source
from vcam.audio.gate import make_gate
from vcam.bench.lite_cpu import AvatarCost, measure_avatars
from vcam.bench.process import machine, one_core, resident_mb
from vcam.build import build_animator, build_stage, camera_format
from vcam.camera.base import Camera, CameraFormat
from vcam.live.meters import Timings
from vcam.media import FRAME_SAMPLES, SAMPLE_RATE, FloatArray, Picture
from vcam.offline import Pipeline
from vcam.profile.model import Profile
from vcam.session import Session

FRAME_TARGET_MS = 15.0  # whole frame, median, one core
MEMORY_TARGET_MB = 250.0
LATENCY_TARGET_MS = 150.0


@dataclass(frozen=True, slots=True)
class StageTime:
    """Milliseconds; ``gate`` is a call for 20 ms of sound, the rest a frame's: ``analyse`` two calls, for 40 ms."""

    name: str
    p50_ms: float
    p95_ms: float


@dataclass(frozen=True, slots=True)
class LiteBench:
    """The result. ``real_time_factor``: seconds of work a second of video; latencies in ms, memory in MB.

    ``delay_p50`` and ``delay_p95`` were measured at the camera and hold ``source``, what is counted for the demo's
    file; ``microphone`` is the latency that this machine's default microphone reports (None without one).
    ``mic_to_camera`` is the measured delay with the microphone in the file's place.
    """

    width: int
    height: int
    stages: list[StageTime]
    real_time_factor: float
    algorithmic: float
    source: float
    compute_allowed: float
    delay_p50: float
    delay_p95: float
    microphone: float | None
    mic_to_camera: float
    presented: int
    repeated: int
    skipped: int
    resident_mb: float | None
    avatars: list[AvatarCost]
    machine: dict[str, str | int | None] = field(default_factory=dict)

    @property
    def missed(self) -> list[str]:
        """The targets that were not met, in words."""
        whole = next(stage.p50_ms for stage in self.stages if stage.name == "whole")
        judged = [
            ("whole frame", whole, FRAME_TARGET_MS, "ms"),
            ("memory", self.resident_mb or 0.0, MEMORY_TARGET_MB, "MB"),
            ("microphone to camera", self.mic_to_camera, LATENCY_TARGET_MS, "ms"),
        ]
        for avatar in self.avatars:
            judged += [(f"{avatar.kind}, {what}", value, limit, unit) for what, value, limit, unit in avatar.judged]
        return [f"{what} {value:.1f} of {limit:g} {unit}" for what, value, limit, unit in judged if value > limit]

    @property
    def passed(self) -> bool:
        """Whether frame time, memory, latency and processor time are within their targets."""
        return not self.missed

    def to_dict(self) -> dict[str, Any]:
        avatars = [{**asdict(avatar), "ratio": avatar.ratio} for avatar in self.avatars]
        return {**asdict(self), "avatars": avatars, "passed": self.passed, "missed": self.missed}


class _ProbeCamera(Camera):
    """Notes when each picture came and drops it."""

    kind: ClassVar[str] = "probe"

    def __init__(self, format: CameraFormat) -> None:
        super().__init__(format)
        self.arrivals: list[tuple[int, float]] = []

    def open(self) -> None:
        """Nothing to open."""

    def send(self, picture: Picture) -> None:
        self.arrivals.append((picture.pts, time.monotonic()))

    def close(self) -> None:
        """Nothing to close."""


def run_lite_bench(profile: Profile, seconds: float = 20.0, live_seconds: float = 8.0) -> LiteBench:
    """Measure ``profile`` (its size, portrait and gate) with the lite animator. Raises VcamError."""
    profile = profile.with_changes("animator", kind="lite")
    with one_core():
        animator, _ = build_animator(profile)
        pipeline, factor = _pipeline_run(profile, animator, seconds)
        animator.close()
    session, delays = _live_run(profile, live_seconds)
    resident = resident_mb()  # before the benchmark's own full-frame fields

    def frame_ms(animator: Animator) -> float:
        times = _pipeline_run(profile, animator, seconds)[0].times
        return times["render"].percentile_ms(50) + times["analyse"].percentile_ms(50)

    avatars = measure_avatars(profile, frame_ms, live_seconds)
    microphone = _microphone_latency()
    status = session.status()
    plan = session.latency
    width, height = profile.camera.size
    return LiteBench(
        width=width,
        height=height,
        stages=[StageTime(name, t.percentile_ms(50), t.percentile_ms(95)) for name, t in pipeline.times.items()],
        real_time_factor=factor,
        algorithmic=plan.algorithmic * 1000,
        source=plan.source * 1000,
        compute_allowed=plan.compute * 1000,
        delay_p50=delays.percentile_ms(50),
        delay_p95=delays.percentile_ms(95),
        microphone=microphone,
        mic_to_camera=delays.percentile_ms(95) - plan.source * 1000 + (microphone or 0.0),
        presented=status["camera"]["presented"],
        repeated=status["camera"]["repeated"],
        skipped=status["camera"]["skipped"],
        resident_mb=resident,
        avatars=avatars,
        machine=machine(),
    )


def _pipeline_run(profile: Profile, animator: Animator, seconds: float) -> tuple[Pipeline, float]:
    animator.warm_up()
    pipeline = Pipeline(make_gate(profile.gate, animator.look_ahead), animator, build_stage(profile))
    started = time.perf_counter()
    frames = sum(1 for _ in pipeline.run(_speech(seconds)))
    elapsed = time.perf_counter() - started
    return pipeline, elapsed / (frames * FRAME_SAMPLES / SAMPLE_RATE)


def _speech(seconds: float) -> Iterator[FloatArray]:
    """The bundled speech, again and again, for so many seconds."""
    left = round(seconds * SAMPLE_RATE)
    pieces = list(decode(demo_path()))  # before anything is measured
    while left > 0:
        for piece in pieces:
            yield piece[:left]
            left -= len(piece)
            if left <= 0:
                return


def _live_run(profile: Profile, seconds: float) -> tuple[Session, Timings]:
    camera = _ProbeCamera(camera_format(profile))
    session = Session(profile, demo_source(realtime=True), lambda: camera)
    with session:
        live_from = len(camera.arrivals)
        threading.Event().wait(seconds)
    delays = Timings(100_000)
    for pts, arrived in camera.arrivals[live_from + 1 :]:
        delays.add(arrived - session.time_of(pts))
    return session, delays


def _microphone_latency() -> float | None:
    """What the default microphone's buffering adds, in ms; None where there is none to ask."""
    from vcam.audio.devices import open_source
    from vcam.errors import SourceError

    try:
        source = open_source("mic")
        source.open()
    except SourceError:
        return None
    latency = source.device_latency
    source.close()
    return latency * 1000
