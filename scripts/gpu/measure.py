"""What is measured on the GPU: copies, graphs, networks, whole frames, the diffusion, memory over time."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from vcam.animators.ditto.backends.base import Network
from vcam.animators.ditto.backends.cuda_frames import DeviceFrames
from vcam.animators.ditto.backends.tensorrt import TensorRtBackend, TensorRtNetwork
from vcam.animators.ditto.checkpoint import Checkpoint
from vcam.animators.ditto.networks import ANIMATION, HUBERT
from vcam.animators.ditto.paste import Paster
from vcam.animators.ditto.randomness import Seeded
from vcam.animators.ditto.renderer import CROP, Renderer
from vcam.animators.ditto.sampler import Sampler
from vcam.errors import AnimatorError
from vcam.media import ByteArray, FloatArray

from .report import Report

_COPIED = 64 * 2**20
CONDITIONS = 1103


@dataclass
class Setup:
    """``seconds``: that each measurement takes; ``size``: of the pictures."""

    device: Any
    library: Any
    checkpoint: Path
    precision: Any
    seconds: float
    size: tuple[int, int] = (1280, 720)

    def backend(self, graphs: bool = False) -> TensorRtBackend:
        return TensorRtBackend(
            self.checkpoint, precision=self.precision, graphs=graphs, device=self.device, library=self.library
        )


def rate(work: Callable[[], object], seconds: float) -> float:
    """Calls a second, after a few to warm up."""
    for _ in range(3):
        work()
    count, started = 0, time.perf_counter()
    while time.perf_counter() - started < seconds or not count:
        work()
        count += 1
    return count / (time.perf_counter() - started)


def copies(setup: Setup, report: Report) -> str:
    device = setup.device
    rows = []
    with device.current():
        stream, memory = device.stream(), device.alloc(_COPIED)
        for name, host in (
            ("pinned", device.pinned((_COPIED,), np.uint8)),
            ("pageable", np.zeros(_COPIED, np.uint8)),
        ):
            speeds = []
            for copy in (
                lambda h=host: stream.upload(memory.address, h),
                lambda h=host: stream.download(h, memory.address),
            ):

                def done(copy: Callable[[], None] = copy) -> None:
                    copy()
                    stream.synchronize()

                speeds.append(rate(done, setup.seconds / 10) * _COPIED / 1e9)
            rows.append((name, *(f"{speed:.1f} GB/s" for speed in speeds)))
        memory.free()
    report.table(("memory", "up", "down"), rows)
    return "copied"


def graphs(setup: Setup, report: Report) -> str:
    """Work that is recorded gives what the same work gives."""
    device = setup.device
    values = np.arange(1024, dtype=np.float32)
    with device.current():
        stream, recording = device.stream(), device.stream()
        a, b = device.alloc(values.nbytes), device.alloc(values.nbytes)
        graph = recording.capture(lambda: recording.copy(b.address, a.address, values.nbytes))
        made = device.pinned(values.shape, np.float32)
        for factor in (1, 3):
            stream.upload(a.address, values * np.float32(factor))
            stream.replay(graph)
            stream.download(made, b.address)
            stream.synchronize()
            if not np.array_equal(made, values * np.float32(factor)):
                raise AnimatorError("A recorded copy gave something else.")
        graph.close()
        a.free()
        b.free()
    return "recorded and launched"


def networks(setup: Setup, report: Report) -> str:
    """Each network by itself, everything copied up and down."""
    backend = setup.backend()
    rows = []
    for name, network in _load(setup, backend).items():
        random = np.random.default_rng(0)
        inputs = {
            key: random.integers(0, 1000, shape)
            if key in network.spec.integers
            else random.uniform(0, 0.5, shape).astype(np.float32)
            for key, shape in _shapes(network).items()
        }
        speed = rate(partial(network, **inputs), setup.seconds / 5)
        rows.append((name, f"{1000 / speed:.2f} ms"))
        network.close()
    report.table(("network", "a call"), rows)
    return "measured"


def frames(setup: Setup, report: Report) -> str:
    """Frames from key points to I420: by network with copies between, on the device, and with graphs."""
    columns, rows = setup.size
    random = np.random.default_rng(1)
    picture = random.integers(0, 256, (rows, columns, 3)).astype(np.uint8)
    paster, given = Paster(picture, placed(setup.size)), points(random)
    features = random.uniform(0, 0.5, (1, 32, 16, 64, 64)).astype(np.float32)
    speeds, pictures = {}, {}
    for name in ("host copies", "on the device", "with graphs"):
        backend = setup.backend(graphs=name == "with graphs")
        loaded = _load(setup, backend)
        if name == "host copies":
            make = _by_copies(loaded, features, given, paster)
        else:
            make = _on_device(backend, loaded, features, given, paster)
        pictures[name] = make(0).astype(int)
        speeds[name] = rate(partial(_next, make, itertools.count()), setup.seconds)
        for network in loaded.values():
            network.close()
    first = speeds["host copies"]
    worst = {name: int(np.abs(made - pictures["host copies"]).max()) for name, made in pictures.items()}
    report.table(
        ("chain", "fps", "times host copies", "largest difference of 255"),
        [(name, f"{speed:.1f}", f"{speed / first:.2f}", worst[name]) for name, speed in speeds.items()],
    )
    if max(worst.values()) > 2:
        raise AnimatorError("Frames made on the device differ from those made with copies.")
    return f"{max(speeds.values()):.1f} fps at {columns}x{rows}, target 100"


def diffusion(setup: Setup, report: Report) -> str:
    """A clip of 10 steps, by call and as a whole."""
    random = np.random.default_rng(2)
    pose = random.standard_normal(265).astype(np.float32)
    conditions = random.standard_normal((80, CONDITIONS)).astype(np.float32)
    clips, rows = {}, []
    for name in ("host copies", "on the device", "with graphs"):
        backend = setup.backend(graphs=name == "with graphs")
        network = _load(setup, backend)["lmdm"]
        used = _Plain(network) if name == "host copies" else network
        sampler = Sampler(used, 10, Seeded(3), put=backend.put)
        clips[name] = sampler.clip(pose, conditions)
        speed = rate(partial(sampler.clip, pose, conditions), setup.seconds / 3)
        rows.append((name, f"{1000 / speed:.2f} ms"))
        network.close()
    worst = max(float(np.abs(clip - clips["host copies"]).max()) for clip in clips.values())
    report.table(("loop", "a clip of 10 steps"), rows)
    if not worst < 1e-3:
        raise AnimatorError(f"Clips made on the device differ by {worst:.1e}.")
    return f"largest difference {worst:.1e}"


def memory(setup: Setup, report: Report, minutes: float) -> str:
    """Whole frames and clips for minutes: the GPU's free memory must not fall."""
    backend = setup.backend(graphs=True)
    loaded = _load(setup, backend)
    random = np.random.default_rng(4)
    picture = random.integers(0, 256, (*setup.size[::-1], 3)).astype(np.uint8)
    features = random.uniform(0, 0.5, (1, 32, 16, 64, 64)).astype(np.float32)
    make = _on_device(backend, loaded, features, points(random), Paster(picture, placed(setup.size)))
    sampler = Sampler(loaded["lmdm"], 5, Seeded(3), put=backend.put)
    conditions = random.standard_normal((80, CONDITIONS)).astype(np.float32)
    seen: list[int] = []
    count, started = 0, time.monotonic()
    while (spent := time.monotonic() - started) < minutes * 60 or len(seen) < 3:
        make(count)
        if count % 5 == 0:
            sampler.clip(np.zeros(265, np.float32), conditions)
        if spent >= len(seen) * minutes * 6:  # ten times in all
            with setup.device.current():
                seen.append(setup.device.memory[0])
        count += 1
    for network in loaded.values():
        network.close()
    report.line("Free, in MB: " + ", ".join(f"{free / 2**20:.0f}" for free in seen) + "\n")
    lost = seen[1] - seen[-1]
    if lost > 16 * 2**20:
        raise AnimatorError(f"{lost / 2**20:.0f} MB of the GPU's memory were lost within {count} frames.")
    return f"{count} frames, {lost / 2**20:.1f} MB less free at the end than after the first of ten parts"


class _Plain(Network):
    """Another network without what it can do beyond ``run``."""

    def __init__(self, network: Network) -> None:
        self.spec, self._network = network.spec, network

    def run(self, inputs: Any, keep: Any = ()) -> Any:
        return self._network.run(inputs, keep)


def _load(setup: Setup, backend: TensorRtBackend) -> dict[str, Network]:
    return Checkpoint.open(setup.checkpoint).load(backend, ANIMATION)


def _shapes(network: Network) -> dict[str, tuple[int, ...]]:
    free = 6480 if network.spec.name == HUBERT.name else CONDITIONS
    shapes = network.spec.inputs.items()
    return {name: tuple(free if size is None else size for size in shape) for name, shape in shapes}


def points(random: np.random.Generator) -> list[FloatArray]:
    return [random.uniform(-0.3, 0.3, (1, 21, 3)).astype(np.float32) for _ in range(16)]


Make = Callable[[int], ByteArray]


def _next(make: Make, count: Iterator[int]) -> ByteArray:
    return make(next(count))


def placed(size: tuple[int, int]) -> FloatArray:
    """From the crop's pixels to the picture's: nine tenths of its height."""
    scale = 0.9 * size[1] / CROP
    return np.array([[scale, 0, size[0] * 0.3], [0, scale, size[1] * 0.05], [0, 0, 1]], np.float32)


def _by_copies(loaded: dict[str, Network], features: FloatArray, points: list[FloatArray], paster: Paster) -> Make:
    renderer = Renderer(loaded["stitch_network"], _Copying(loaded["warp_network"]), loaded["decoder"])
    canvas = paster.picture.copy()

    def make(frame: int) -> ByteArray:
        x_s, x_d = points[0], points[frame % len(points)]
        crop = renderer.render_bytes(features, x_s, renderer.stitch(x_s, x_d))
        paster.paste(crop, canvas)
        return cv2.cvtColor(canvas, cv2.COLOR_RGB2YUV_I420).astype(np.uint8, copy=False)

    return make


class _Copying(_Plain):
    """Keeps nothing on the device."""

    def run(self, inputs: Any, keep: Any = ()) -> Any:
        return self._network.run(inputs)


def _on_device(
    backend: TensorRtBackend, loaded: dict[str, Network], features: FloatArray, points: list[FloatArray], paster: Paster
) -> Make:
    warp, decoder = loaded["warp_network"], loaded["decoder"]
    assert isinstance(warp, TensorRtNetwork)
    assert isinstance(decoder, TensorRtNetwork)
    drawing = DeviceFrames(backend, warp, decoder, form="i420")
    renderer = Renderer(loaded["stitch_network"], warp, decoder)
    kept = backend.put(features)
    begun: list[Any] = []

    def make(frame: int) -> ByteArray:
        x_s, x_d = points[0], points[frame % len(points)]
        begun.append(drawing.begin(0, paster, drawing.face(kept, x_s, renderer.stitch(x_s, x_d))))
        # the frame before is fetched while this one is drawn
        return drawing.finish(begun.pop(0) if len(begun) > 1 else begun[0])

    return make
