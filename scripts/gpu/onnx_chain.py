"""onnxruntime's chain in bound memory against the same networks by copies: equal, how fast, and for how long."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from vcam.animators.ditto.backends.base import Network, Tensor, WholeDrawing
from vcam.animators.ditto.backends.onnx import OnnxBackend
from vcam.animators.ditto.checkpoint import Checkpoint
from vcam.animators.ditto.networks import ANIMATION
from vcam.animators.ditto.paste import Paster
from vcam.animators.ditto.randomness import Seeded
from vcam.animators.ditto.renderer import Renderer
from vcam.animators.ditto.sampler import Sampler
from vcam.bench.ditto_chains import CopyingNetwork
from vcam.bench.process import gpu_mb, resident_mb
from vcam.errors import AnimatorError
from vcam.media import ByteArray, FloatArray

from .measure import CONDITIONS, placed, points, rate
from .report import Report

_STEPS = 5
_FLAT = 64.0  # MB that may be taken between the first tenth of the time and the last
_OFTEN = 5  # frames for a clip


@dataclass
class Chains:
    """``provider``: "cuda" or "cpu"; ``seconds``: of each measurement; ``size``: of the pictures."""

    checkpoint: Path
    provider: str
    gpu: int
    seconds: float
    size: tuple[int, int]

    def load(self) -> tuple[OnnxBackend, dict[str, Network]]:
        backend = OnnxBackend(self.provider, device_index=self.gpu, bind=True)
        return backend, Checkpoint.open(self.checkpoint).load(backend, ANIMATION)


Make = Callable[[int], ByteArray]


def compare(setup: Chains, report: Report) -> str:
    """Frames and clips by both ways."""
    backend, networks = setup.load()
    copying: dict[str, Network] = {name: CopyingNetwork(network) for name, network in networks.items()}
    frames = {"host copies": _by_copies(setup, copying), "in bound memory": _bound(setup, backend, networks)}
    clips = {
        "host copies": _clips(copying["lmdm"], None),
        "in bound memory": _clips(networks["lmdm"], backend.put),
    }
    pictures = [make(0).astype(np.int16) for make in frames.values()]
    motions = [clip() for clip in clips.values()]
    speeds = {name: rate(partial(make, 1), setup.seconds) for name, make in frames.items()}
    paces = {name: rate(clip, setup.seconds / 3) for name, clip in clips.items()}
    report.table(
        ("chain", "fps, frames alone", "times", f"ms a clip of {_STEPS} steps", "times"),
        [
            (name, f"{speeds[name]:.1f}", f"{speeds[name] / speeds['host copies']:.2f}", f"{1000 / paces[name]:.2f}",
             f"{paces[name] / paces['host copies']:.2f}")
            for name in frames
        ],
    )  # fmt: skip
    for network in networks.values():
        network.close()
    difference = int(np.abs(pictures[0] - pictures[1]).max())
    apart = float(np.abs(motions[0] - motions[1]).max())
    if difference > 1 or not apart < 1e-3:
        raise AnimatorError(f"What is made in bound memory differs: pictures by {difference}, motion by {apart:.1e}.")
    return f"on {backend.device.provider}; pictures differ by {difference} of 255, motion by {apart:.1e}"


def endure(setup: Chains, report: Report, minutes: float) -> str:
    """Frames and clips for minutes: memory must stay flat."""
    backend, networks = setup.load()
    make, clip = _bound(setup, backend, networks), _clips(networks["lmdm"], backend.put)
    on_gpu = setup.provider == "cuda"
    seen: list[float | None] = []
    count, started = 0, time.monotonic()
    while (spent := time.monotonic() - started) < minutes * 60 or len(seen) < 3:
        make(count)
        if count % _OFTEN == 0:
            clip()
        if spent >= len(seen) * minutes * 6:  # ten times in all
            seen.append(gpu_mb(setup.gpu) if on_gpu else resident_mb())
        count += 1
    for network in networks.values():
        network.close()
    known = [each for each in seen if each is not None]
    report.line(f"In use, in MB: {', '.join(f'{each:.0f}' for each in known) or 'not told'}\n")
    if not known:
        return f"{count} frames; nothing tells how much memory is in use"
    grown = known[-1] - known[min(1, len(known) - 1)]
    if grown > _FLAT:
        raise AnimatorError(f"{grown:.0f} MB more in use after {count} frames than in the second of ten parts.")
    where = "of the GPU's memory" if on_gpu else "of main memory"
    return f"{count} frames in {minutes:g} minutes, {grown:.1f} MB {where} more at the end than in the second tenth"


def _pieces(setup: Chains) -> tuple[Paster, FloatArray, list[FloatArray]]:
    random = np.random.default_rng(6)
    picture = random.integers(0, 256, (*setup.size[::-1], 3)).astype(np.uint8)
    features = random.uniform(0, 0.5, (1, 32, 16, 64, 64)).astype(np.float32)
    return Paster(picture, placed(setup.size)), features, points(random)


def _by_copies(setup: Chains, networks: dict[str, Network]) -> Make:
    paster, features, given = _pieces(setup)
    renderer = Renderer(networks["stitch_network"], networks["warp_network"], networks["decoder"])
    canvas = paster.picture.copy()

    def make(frame: int) -> ByteArray:
        x_s, x_d = given[0], given[frame % len(given)]
        paster.paste(renderer.render_bytes(features, x_s, renderer.stitch(x_s, x_d)), canvas)
        return canvas

    return make


def _bound(setup: Chains, backend: OnnxBackend, networks: dict[str, Network]) -> Make:
    paster, features, given = _pieces(setup)
    drawing = backend.drawing(networks["warp_network"], networks["decoder"])
    if not isinstance(drawing, WholeDrawing):
        raise AnimatorError(f"onnxruntime's {backend.device.provider} cannot keep what it draws in its memory.")
    renderer = Renderer(networks["stitch_network"], networks["warp_network"], networks["decoder"])
    kept = backend.put(features)

    def make(frame: int) -> ByteArray:
        x_s, x_d = given[0], given[frame % len(given)]
        made: ByteArray = drawing.paste(0, paster, drawing.face(kept, x_s, renderer.stitch_all(x_s, x_d)))
        return made

    return make


def _clips(network: Network, put: Callable[[FloatArray], Tensor] | None) -> Callable[[], FloatArray]:
    sampler = Sampler(network, _STEPS, Seeded(3), put=put)
    conditions = np.random.default_rng(4).standard_normal((80, CONDITIONS)).astype(np.float32)
    pose = np.zeros(265, np.float32)
    return lambda: sampler.clip(pose, conditions)
