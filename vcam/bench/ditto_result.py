"""What a benchmark of the ditto animator finds, and which of it has a target."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from vcam.media import ANIMATION_FPS

WORK_TARGET_MS = 4.0  # per frame, median, one core, pictures of up to 1280x720
WORK_PIXELS = 1280 * 720
FACTOR_TARGET = 1.0  # seconds of work a second
CACHED_TARGET_MS = 50.0  # a registered picture from the disk


@dataclass(frozen=True, slots=True)
class Row:
    """A network or a part. ``calls`` a frame while somebody speaks (0: once a portrait), times of a call in ms."""

    name: str
    calls: float
    p50_ms: float
    p95_ms: float | None

    @property
    def frame_ms(self) -> float:
        """What it adds to a frame."""
        return self.calls * self.p50_ms


@dataclass(frozen=True, slots=True)
class Run:
    """``frames`` drawn in ``elapsed`` seconds, the gate's not counted.

    ``work``: what a frame took but for networks, in ms, median and 95 %. ``cut_short``: before the sound's end.
    """

    frames: int
    elapsed: float
    work_p50_ms: float
    work_p95_ms: float
    cut_short: bool

    @property
    def real_time_factor(self) -> float:
        """Seconds of work for a second of video."""
        return self.elapsed * float(ANIMATION_FPS) / self.frames if self.frames else float("inf")


@dataclass(frozen=True, slots=True)
class PresetDelay:
    """What a preset costs here, in ms. ``own``: its algorithmic latency, from chunking and overlap alone;
    ``algorithmic``: that with the gate's waiting; ``compute``: the allowance for it; ``total``: with the microphone
    too; ``load``: the share of real time that networks and paste take while somebody speaks."""

    name: str
    own: float
    algorithmic: float
    compute: float
    total: float
    load: float
    overlap: int
    steps: int


@dataclass(frozen=True, slots=True)
class Latency:
    """What `vcam start` would have here, in ms; ``source`` is 0 where no microphone is found."""

    algorithmic: float
    compute_allowed: float
    source: float
    microphone: str

    @property
    def total(self) -> float:
        return self.algorithmic + self.compute_allowed + self.source


@dataclass(frozen=True, slots=True)
class Chain:
    """What a frame of speech takes by one way of running the networks, in ms. ``motion``: from sound to its pose, its
    share of features and clips; ``face``: stitch, warp, decode, the bytes of a crop of 512x512; ``frame``: all from
    the pose to I420 of the camera's size, median and 95 %."""

    motion: float
    face: float
    frame: float
    frame_p95: float

    @property
    def fps(self) -> float:
        """Whole frames a second, one after the other."""
        return 1000 / (self.motion + self.frame)

    @property
    def fps_crop(self) -> float:
        """Frames a second if the crop were all."""
        return 1000 / (self.motion + self.face)


@dataclass(frozen=True, slots=True)
class Chains:
    """A session's chain and the one by copies, measured in turn. ``difference``: the largest between their pictures, of
    255; ``frames``: how many were compared."""

    session: Chain
    copies: Chain
    difference: int
    frames: int

    @property
    def ratio(self) -> float:
        """How many times as many frames a second the session's chain makes."""
        return self.session.fps / self.copies.fps


@dataclass(frozen=True, slots=True)
class Memory:
    """In MB, of the process or of a GPU: before anything was loaded, when ready to go live, and at the end."""

    before: float | None
    ready: float | None
    end: float | None

    @property
    def grown(self) -> float | None:
        """While running."""
        return None if self.end is None or self.ready is None else self.end - self.ready


@dataclass(frozen=True, slots=True)
class DittoBench:
    """The result. ``registered_ms``: the portrait's registration, networks loaded for it included; ``cached_ms``: the
    same portrait from the cache; ``still``: whether it is a picture, not a video; ``gpu_memory``: None where nothing
    tells of it."""

    width: int
    height: int
    quality: str
    stand_in: bool
    still: bool
    networks: list[Row]
    registration: list[Row]
    clip_ms: float
    parts: list[Row]
    speaking: Run
    silent: Run
    presets: list[PresetDelay]
    latency: Latency
    registered_ms: float
    cached_ms: float
    memory: Memory
    gpu_memory: Memory | None
    chains: Chains
    machine: dict[str, str | int | None]

    @property
    def frame_ms(self) -> float:
        """A spoken frame, everything one after the other."""
        return sum(row.frame_ms for row in self.networks) + self.speaking.work_p50_ms

    @property
    def fps(self) -> float:
        """Frames a second that could be reached."""
        return 1000 / self.frame_ms

    @property
    def judged(self) -> list[tuple[str, float, float, str]]:
        """What has a target: name, value, limit and unit."""
        rows = [
            ("speaking, real-time factor", self.speaking.real_time_factor, FACTOR_TARGET, ""),
            ("silent, real-time factor", self.silent.real_time_factor, FACTOR_TARGET, ""),
        ]
        if self.width * self.height <= WORK_PIXELS:
            rows.insert(0, ("all that is no network, a frame", self.speaking.work_p50_ms, WORK_TARGET_MS, "ms"))
        if self.still:
            rows.append(("portrait from the cache", self.cached_ms, CACHED_TARGET_MS, "ms"))
        return rows

    @property
    def missed(self) -> list[str]:
        """The targets that were not met, in words."""
        return [
            f"{name} {value:.2f} of {limit:g} {unit}".rstrip()
            for name, value, limit, unit in self.judged
            if not value <= limit
        ]

    @property
    def passed(self) -> bool:
        return not self.missed

    def to_dict(self) -> dict[str, Any]:
        extra = {"frame_ms": self.frame_ms, "fps": self.fps, "passed": self.passed, "missed": self.missed}
        runs = {
            name: {**asdict(run), "real_time_factor": run.real_time_factor}
            for name, run in (("speaking", self.speaking), ("silent", self.silent))
        }
        rows = {
            name: [{**asdict(row), "frame_ms": row.frame_ms} for row in listed]
            for name, listed in (("networks", self.networks), ("parts", self.parts))
        }
        latency = {**asdict(self.latency), "total": self.latency.total}
        memory = {**asdict(self.memory), "grown": self.memory.grown}
        gpu = None if self.gpu_memory is None else {**asdict(self.gpu_memory), "grown": self.gpu_memory.grown}
        chains = {
            **{
                name: {**asdict(chain), "fps": chain.fps, "fps_crop": chain.fps_crop}
                for name, chain in (("session", self.chains.session), ("copies", self.chains.copies))
            },
            "ratio": self.chains.ratio,
            "difference": self.chains.difference,
            "frames": self.chains.frames,
        }
        return {
            **asdict(self),
            **rows,
            **runs,
            "latency": latency,
            "memory": memory,
            "gpu_memory": gpu,
            "chains": chains,
            **extra,
        }
