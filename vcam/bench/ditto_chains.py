"""A session's chain beside the straightforward one: every network by itself, all inputs up and all outputs down.

Both use the same loaded networks, portrait, sound and stage, and take turns, so that what else the machine does meets
both. The straightforward chain diffuses, draws and pastes as one would without a backend's help: NumPy arrays between
the networks, the portrait's features sent for each frame, clip, paste and colours on the CPU.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import ClassVar

import numpy as np

from vcam.animators.base import Pose
from vcam.animators.ditto.animator import DittoAnimator
from vcam.animators.ditto.backends.base import Array, Backend, DeviceInfo, Network, Tensor
from vcam.animators.ditto.conditions import ConditionUse
from vcam.animators.ditto.controls import SourcePose
from vcam.animators.ditto.loaded import LoadedNetworks
from vcam.animators.ditto.networks import ANIMATION, NetworkSpec
from vcam.animators.ditto.renderer import Renderer
from vcam.bench.ditto_result import Chain, Chains
from vcam.live.meters import Timings
from vcam.media import AudioChunk, FloatArray
from vcam.stage import Stage

_ROUND = 5  # frames that one chain draws before it is the other's turn
_LEAST = 1  # rounds, whatever they take
_WARM_UP = 3  # faces
_DIFFERENT = 8


class CopyingBackend(Backend):
    """Another backend whose networks keep nothing where they run, and do nothing more than run."""

    name: ClassVar[str] = "copying"

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    @property
    def device(self) -> DeviceInfo:
        return self._backend.device

    def load(self, path: Path, spec: NetworkSpec) -> Network:
        return CopyingNetwork(self._backend.load(path, spec))

    def put(self, array: Array) -> Tensor:
        return np.ascontiguousarray(array)


class CopyingNetwork(Network):
    """Does not own the network: its owner closes it."""

    def __init__(self, network: Network) -> None:
        self.spec = network.spec
        self._network = network

    def run(self, inputs: Mapping[str, Tensor], keep: Sequence[str] = ()) -> dict[str, Tensor]:
        return self._network.run(inputs)

    def close(self) -> None:
        """Nothing of its own."""


def pair(animator: DittoAnimator, use: ConditionUse, seed: int) -> tuple[DittoAnimator, DittoAnimator]:
    """The same animator twice, as new: as it is, and by copies. To be closed before it; ``use``: the checkpoint's."""
    networks = animator.networks
    copying = LoadedNetworks(
        CopyingBackend(networks.backend),
        {spec.name: CopyingNetwork(networks[spec.name].inner) for spec in ANIMATION},
    )

    def another(loaded: LoadedNetworks) -> DittoAnimator:
        options = animator.plan.options
        return DittoAnimator(animator.avatar, loaded, use, animator.plan, options, animator.scene, seed)

    copying.hold()
    try:
        return another(networks), another(copying)
    finally:
        copying.release()


class ChainsBench:
    """Runs a :func:`pair` side by side. ``stages``: one for each, of the profile's size."""

    def __init__(self, animators: tuple[DittoAnimator, DittoAnimator], stages: tuple[Stage, Stage]) -> None:
        self._animators = animators
        self._stages = stages

    def run(self, sound: Iterable[AudioChunk], limit: float) -> Chains:
        """``sound``: speech, as a session's gate gives it. Takes about three times ``limit`` seconds at most."""
        motion, poses = self._motion(sound, time.monotonic() + limit)
        drawn, difference = self._frames(poses, time.monotonic() + limit)
        faces = self._faces(poses, time.monotonic() + limit)
        chains = [
            Chain(moving, face.percentile_ms(50), frame.percentile_ms(50), frame.percentile_ms(95))
            for moving, face, frame in zip(motion, faces, drawn, strict=True)
        ]
        return Chains(chains[0], chains[1], difference, drawn[0].count)

    def _motion(self, sound: Iterable[AudioChunk], until: float) -> tuple[list[float], list[list[Pose]]]:
        """Milliseconds a frame from sound to poses, and the poses of each."""
        spent = [0.0, 0.0]
        made: list[list[Pose]] = [[], []]
        counted = [0, 0]
        for number, chunk in enumerate(sound):
            for which, animator in enumerate(self._animators):
                if not number:
                    animator.reset(chunk.pts)
                with Timings.stopwatch() as analysing:
                    poses = animator.analyse(chunk)
                if made[which]:  # what was done until the first poses came stands for more than their own sound
                    spent[which] += analysing.seconds
                    counted[which] += len(poses)
                made[which].extend(poses)
            if time.monotonic() > until and min(counted) >= _LEAST * _ROUND:
                break
        return [1000 * whole / max(1, count) for whole, count in zip(spent, counted, strict=True)], made

    def _frames(self, poses: list[list[Pose]], until: float) -> tuple[tuple[Timings, Timings], int]:
        """What each picture takes from its pose to I420, drawn one after the other as a recording's are."""
        times = (Timings(100_000), Timings(100_000))
        difference = 0
        rounds = zip(*(_batches(each, _ROUND) for each in poses), strict=False)
        for number, turn in enumerate(rounds):
            made: list[list[Array]] = [[], []]
            for which, batch in enumerate(turn):
                drawing = self._animators[which].draw_all(batch)
                while True:
                    with Timings.stopwatch() as drawn:
                        one = next(drawing, None)
                        picture = None if one is None else self._stages[which].compose(one[1], one[0].pts)
                    if picture is None:
                        break
                    made[which].append(picture.i420)
                    if number:  # in the first, places are prepared and graphs recorded
                        times[which].add(drawn.seconds)
            for a, b in zip(*made, strict=True):
                difference = max(difference, int(np.abs(a.astype(np.int16) - b).max()))
            if time.monotonic() > until and number >= _LEAST:
                break
        return times, difference

    def _faces(self, poses: list[list[Pose]], until: float) -> tuple[Timings, Timings]:
        """Stitch, warp, decode and the bytes of a crop of 512x512: in main memory, or where a backend draws."""
        times = (Timings(), Timings())
        ways = [_face(animator) for animator in self._animators]
        for number in range(max(_WARM_UP + _LEAST * _ROUND, len(poses[0]))):
            for which, way in enumerate(ways):
                with Timings.stopwatch() as drawn:
                    way(number)
                if number >= _WARM_UP:
                    times[which].add(drawn.seconds)
            if time.monotonic() > until and number >= _WARM_UP + _LEAST:
                break
        return times


def _face(animator: DittoAnimator) -> Callable[[int], object]:
    """Draws one face of a few, by number."""
    networks, source = animator.networks, animator.avatar.frames[0]
    stitch = networks["stitch_network"] if animator.plan.options.flag_stitching else None
    renderer = Renderer(stitch, networks["warp_network"], networks["decoder"])
    features, drawing = networks.backend.put(source.features), networks.frames()
    x_s = SourcePose(source.motion).keypoints
    random = np.random.default_rng(0)
    moved: list[FloatArray] = [(x_s + random.normal(0, 0.01, x_s.shape)).astype(np.float32) for _ in range(_DIFFERENT)]

    def draw(number: int) -> object:
        x_d = renderer.stitch(x_s, moved[number % len(moved)])
        if drawing is not None:
            return drawing.face(features, x_s, x_d)
        return renderer.render_bytes(features, x_s, x_d)

    return draw


def _batches(poses: Sequence[Pose], size: int) -> Iterator[list[Pose]]:
    left = iter(poses)
    while batch := list(islice(left, size)):
        yield batch
