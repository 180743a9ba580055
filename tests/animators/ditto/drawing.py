"""Hand-made networks and avatars for the tests of what draws frames."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from vcam.animators.ditto.avatar import DittoAvatar, FaceFound, SourceFrame
from vcam.animators.ditto.backends.base import Array, DeviceTensor, Network, Tensor
from vcam.animators.ditto.motion import SourceMotion
from vcam.animators.ditto.networks import DECODER, STITCH, WARP, NetworkSpec
from vcam.media import ByteArray, FloatArray

MATRIX = np.array([[0.2, 0, 20], [0, 0.2, 10], [0, 0, 1]], np.float32)


class OnDevice(DeviceTensor):
    """An array that only a network may read, until somebody asks for a copy."""

    def __init__(self, array: Array) -> None:
        self.array = array

    def numpy(self) -> Array:
        return self.array.copy()


class Computed(Network):
    """A network that is a function of its inputs. Kept outputs stay "on the device". ``seen``: its last inputs."""

    def __init__(self, spec: NetworkSpec, function: Callable[..., Array]) -> None:
        self.spec = spec
        self.calls = 0
        self.seen: dict[str, Tensor] = {}
        self._function = function

    def run(self, inputs: Mapping[str, Tensor], keep: Sequence[str] = ()) -> dict[str, Tensor]:
        self.calls += 1
        self.seen = dict(inputs)
        made = self._function(**{key: _there(value) for key, value in inputs.items()})
        (name,) = self.spec.outputs
        return {name: OnDevice(made) if name in keep else made}


def _there(tensor: Tensor) -> Array:
    return tensor.array if isinstance(tensor, OnDevice) else np.asarray(tensor)


def _warped(feature_3d: Array, kp_source: Array, kp_driving: Array) -> Array:
    return np.full((1, 256, 64, 64), feature_3d.mean() + (kp_driving - kp_source).sum(), np.float32)


def _decoded(feature: Array) -> Array:
    """The warped value in red, a ramp from -0.5 to 1.5 in green, half in blue."""
    ramp = np.linspace(-0.5, 1.5, 512, dtype=np.float32)
    planes = np.empty((1, 3, 512, 512), np.float32)
    planes[0, 0], planes[0, 1], planes[0, 2] = feature[0, 0, 0, 0], ramp, 0.5
    return planes


def networks() -> tuple[Computed, Computed, Computed]:
    """Stitch (adds 0.001 to what drives), warp and decoder."""
    stitch = Computed(STITCH, lambda kp_source, kp_driving: kp_driving + np.float32(0.001))
    return stitch, Computed(WARP, _warped), Computed(DECODER, _decoded)


def source_frame(image: ByteArray, matrix: FloatArray = MATRIX, feature: float = 0.25) -> SourceFrame:
    """``feature``: what its features are filled with."""
    rng = np.random.default_rng(1)
    motion = {key: rng.normal(0, 0.1, shape).astype(np.float32) for key, shape in SourceMotion.SHAPES.items()}
    motion["scale"][:] = 1
    return SourceFrame(
        image,
        matrix,
        np.zeros((1, 2), np.float32),
        np.zeros((1, 6), np.float32),
        SourceMotion(**motion),
        np.full((1, 32, 16, 64, 64), feature, np.float32),
    )


def avatar(*frames: SourceFrame) -> DittoAvatar:
    face = FaceFound(np.zeros(4, np.float32), 1, np.zeros((203, 2), np.float32))
    return DittoAvatar(frames, np.zeros(63, np.float32), len(frames) > 1, face)
