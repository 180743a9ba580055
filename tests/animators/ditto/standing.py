"""Ditto animators on the stand-in checkpoint, and how to see what they do."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vcam.animators.base import Animator, Scene
from vcam.animators.ditto.animator import DittoAnimator, DittoPose
from vcam.animators.ditto.backends.base import Array, Backend, DeviceInfo, Network, Tensor
from vcam.animators.ditto.build import DittoBuilder
from vcam.animators.ditto.networks import NetworkSpec
from vcam.animators.ditto.standin.shape import MOUTH_Y
from vcam.audio.gate import Gate
from vcam.errors import AnimatorError
from vcam.live.chunker import Chunker
from vcam.media import FRAME_SAMPLES, SAMPLE_RATE, AudioChunk, ByteArray, FloatArray
from vcam.profile.model import Profile

SIZE = (320, 180)


def ditto_profile(portrait: str = "robin", quality: str = "balanced", **ditto: Any) -> Profile:
    return Profile.model_validate(
        {
            "avatar": {"portrait": portrait},
            "animator": {"kind": "ditto", "quality": quality, "ditto": {"stand_in": True, **ditto}},
            "camera": {"size": f"{SIZE[0]}x{SIZE[1]}", "fps": 25},
            "gate": {"kind": "off"},
        }
    )


class WatchedBackend(Backend):
    """Another backend that counts what is loaded and freed, and whose decoder can be slow."""

    name = "watched"

    def __init__(self, inner: Backend) -> None:
        self.loads: Counter[str] = Counter()
        self.frees: Counter[str] = Counter()
        self.slow = 0.0  # s more for each picture
        self.broken = ""  # the network that fails
        self._inner = inner

    @property
    def device(self) -> DeviceInfo:
        return self._inner.device

    def load(self, path: Path, spec: NetworkSpec) -> Network:
        self.loads[spec.name] += 1
        return _Watched(self._inner.load(path, spec), self)

    def put(self, array: Array) -> Tensor:
        return self._inner.put(array)


class _Watched(Network):
    def __init__(self, inner: Network, backend: WatchedBackend) -> None:
        self.spec = inner.spec
        self._inner = inner
        self._backend = backend

    def run(self, inputs: Mapping[str, Tensor], keep: Sequence[str] = ()) -> dict[str, Tensor]:
        if self.spec.name == "decoder" and self._backend.slow:
            threading.Event().wait(self._backend.slow)
        if self.spec.name == self._backend.broken:
            raise AnimatorError(f"The network {self.spec.name}: told to fail")
        return self._inner.run(inputs, keep)

    def close(self) -> None:
        self._backend.frees[self.spec.name] += 1
        self._inner.close()


class Ditto:
    """A builder, its backend, and how to make its animators."""

    def __init__(self, profile: Profile | None = None) -> None:
        self.profile = profile or ditto_profile()
        self.builder = DittoBuilder(self.profile, wrap=self._watch)

    def _watch(self, backend: Backend) -> Backend:
        self.backend = WatchedBackend(backend)
        return self.backend

    def make(self, profile: Profile | None = None) -> DittoAnimator:
        return self.builder.build(profile or self.profile, Scene(*SIZE))

    def animator(self, profile: Profile) -> tuple[Animator, str]:
        """As a session wants it."""
        return self.make(profile), ""


def calls(animator: DittoAnimator) -> dict[str, int]:
    return {name: network.times.count for name, network in animator.networks.networks.items()}


def gated(gate: Gate, sound: FloatArray) -> list[AudioChunk]:
    chunker = Chunker()
    whole = [*chunker.push(sound), *chunker.finish(FRAME_SAMPLES)]
    return [decided for chunk in whole for decided in gate.push(chunk)] + list(gate.flush())


def streamed(animator: DittoAnimator, chunks: Sequence[AudioChunk]) -> list[DittoPose]:
    """The poses of a stream that ends, as a session gets them."""
    poses = list(Animator.analyse_whole(animator, chunks))
    assert all(isinstance(pose, DittoPose) for pose in poses)
    return poses  # type: ignore[return-value]


def words(seconds: float, seed: int = 0) -> FloatArray:
    """Tones of a voice's pitch that come and go without any rhythm."""
    rng = np.random.default_rng(seed)
    at = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    loud = np.zeros(len(at))
    start = 0.2
    while start < seconds - 0.3:
        end = start + rng.uniform(0.08, 0.35)
        loud += np.clip(np.minimum(at - start, end - at) / 0.02, 0, 1)
        start = end + rng.uniform(0.08, 0.3)
    voice = sum(np.sin(2 * np.pi * 140 * k * at) / k for k in range(1, 12))
    return np.asarray(0.1 * loud * voice, np.float32)


def mouth_box(animator: DittoAnimator) -> tuple[slice, slice]:
    """Where the mouth is in the picture."""
    from vcam.animators.ditto.placement import InScene

    frame = animator.avatar.frames[0]
    _, place, _ = InScene(animator.scene)(frame)
    scale = 512 / 2.3
    middle = np.array([256, 256 + 0.125 * 512 + MOUTH_Y * scale + 0.02 * scale, 1])
    x, y = (place @ middle)[:2]
    half = place[0, 0] * scale * 0.1
    return slice(int(y - half), int(y + half) + 1), slice(int(x - half), int(x + half) + 1)


def opening(animator: DittoAnimator, picture: ByteArray) -> float:
    """How much darker the mouth is than at rest."""
    box = mouth_box(animator)
    return float(animator.portrait()[box].mean() - picture[box].mean())


def lag(openings: FloatArray, sound: FloatArray, frames: npt.NDArray[np.int64] | None = None) -> float:
    """How many samples the mouth is behind the sound: where its opening fits the loudness best.

    ``frames``: which frames of the sound these are, if not all.
    """
    begins = (np.arange(len(openings)) if frames is None else frames) * FRAME_SAMPLES
    power = np.concatenate([[0.0], np.cumsum(sound.astype(np.float64) ** 2)])
    lags = range(-1920, 1921, 80)
    fits = []
    for behind in lags:
        starts = begins - behind
        ends = np.clip(starts + FRAME_SAMPLES, 0, len(sound))
        level = np.sqrt((power[ends] - power[np.clip(starts, 0, len(sound))]) / FRAME_SAMPLES)
        fits.append(np.corrcoef(level, openings)[0, 1])
    assert max(fits) > 0.8, f"the mouth does not follow the sound: {max(fits):.2f}"
    return float(lags[int(np.argmax(fits))])
