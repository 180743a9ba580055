"""Faces that stay on the GPU: warp, decode, quantise, for one frame or some at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from vcam.animators.ditto.renderer import CROP
from vcam.errors import AnimatorError
from vcam.media import FloatArray

from .base import Tensor
from .cuda_kernels import Kernels
from .tensorrt_part import Part, TrtTensor

if TYPE_CHECKING:
    from .tensorrt import TensorRtBackend, TensorRtNetwork

_PIXELS = CROP * CROP


class DeviceFaces:
    """Draws ``count`` faces at once, as the networks take them. With the device current, as all that is here.

    ``crops``: uint8 RGB [count, 512, 512, 3], written anew by each :meth:`draw`.
    """

    def __init__(self, backend: TensorRtBackend, warp: TensorRtNetwork, decoder: TensorRtNetwork) -> None:
        """Raises AnimatorError where the kernels cannot be compiled, or the engines give what they do not read."""
        self._backend = backend
        self._warp, self._decoder = _only_part(warp), _only_part(decoder)
        self.count = self._warp.tensors["kp_source"].shape[0]
        self._kernels = backend.kernels(backend.stream)
        self.crops = backend.room((self.count, CROP, CROP, 3), np.uint8)
        self._graph: Any = None

    def draw(self, features: Sequence[Tensor], x_s: FloatArray, x_d: Tensor) -> None:
        """Returns at once. ``features``: of each face, float32 [1, 32, 16, 64, 64]; ``x_s``, ``x_d``: float32
        [count, 21, 3]. Raises AnimatorError for others."""
        backend, warp, decoder = self._backend, self._warp, self._decoder
        try:
            warp.settle()
            warp.put("kp_source", x_s)
            if isinstance(x_d, TrtTensor):
                warp.take("kp_driving", x_d)
            else:
                warp.put("kp_driving", x_d if isinstance(x_d, np.ndarray) else x_d.numpy())
            self._give([each if isinstance(each, TrtTensor) else backend.put_here(_array(each)) for each in features])
        except ValueError as error:
            raise AnimatorError(f"The network warp_network: {error}") from error
        if self._graph is not None:
            backend.stream.replay(self._graph)
            return
        warp.write_at("out", warp.address("out"))
        decoder.read_at("feature", warp.address("out"))
        decoder.write_at("output", decoder.address("output"))
        self._run(None, self._kernels)
        if backend.graphs:
            # recorded after a first run, which lets TensorRT do what it does but once
            recording = backend.gpu.stream()
            kernels = backend.kernels(recording)
            backend.stream.synchronize()
            self._graph = recording.capture(lambda: self._run(recording, kernels))

    def _give(self, features: list[TrtTensor]) -> None:
        if self.count == 1 and not self._backend.graphs:
            self._warp.use("feature_3d", features[0])
        else:  # a graph reads where it was recorded, and several are to lie side by side
            self._warp.hold("feature_3d", features)

    def _run(self, stream: Any, kernels: Kernels) -> None:
        self._warp.run(stream)
        self._decoder.run(stream)
        planes, crops = self._decoder.address("output"), self.crops.address
        for item in range(self.count):
            kernels.quantise(planes + item * 3 * _PIXELS * 4, crops + item * 3 * _PIXELS, _PIXELS)


def _array(tensor: Tensor) -> Any:
    return tensor if isinstance(tensor, np.ndarray) else tensor.numpy()


def _only_part(network: TensorRtNetwork) -> Part:
    """Raises AnimatorError for engines that do not give float32, which the kernels read."""
    (part,) = network.parts.values()
    for info in part.tensors.values():
        if info.dtype != np.float32:
            raise AnimatorError(
                f"The engine {part.engine.name} has {info.name} of the type {info.dtype}, not float32.",
                "Build it again: vcam engines build",
            )
    return part
