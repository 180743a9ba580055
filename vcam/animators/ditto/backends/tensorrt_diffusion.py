"""The diffusion loop on the GPU: noise and conditions go up, a clip's motion comes down, nothing in between."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .base import Array, Denoising, Tensor
from .cuda_kernels import Kernels
from .tensorrt_part import Part, TrtTensor

if TYPE_CHECKING:
    from .tensorrt import TensorRtNetwork

_ALIGNMENT = 256  # bytes: TensorRT takes no other addresses (NvInferRuntime.h, setTensorAddress)


class DiffusionLoop:
    """The steps of one schedule. With graphs they are recorded once, as one piece, and launched for each clip."""

    def __init__(self, network: TensorRtNetwork, step: Part, schedule: Denoising) -> None:
        """With the device current."""
        backend = network.backend
        self._network, self._step, self._backend = network, step, backend
        self.schedule = schedule
        self._kernels = backend.kernels(backend.stream)
        kind = step.tensors["time_cond"].dtype
        times = np.zeros((len(schedule.times), _ALIGNMENT // kind.itemsize), kind)
        times[:, 0] = schedule.times
        self._times = backend.put_here(times)
        steps, values = len(schedule.times), step.tensors["x"].shape
        self._count = int(np.prod(values))
        self._noises: TrtTensor | None = backend.room((steps - 1, *values), np.float32) if steps > 1 else None
        self._pinned = backend.pinned((steps - 1, *values), np.float32) if steps > 1 else None
        self._graph: Any = None

    def run(self, x: Array, noises: Array, pose: Tensor, condition: Tensor) -> Array:
        """x_start of the last step: float32 like ``x``. ``noises``: float32 [steps - 1, ...], weighed already."""
        backend, step = self._backend, self._step
        self._network.encode({"cond": condition})
        step.settle()
        if "cond" in step.inputs:
            self._hold("cond", condition)
        self._hold("cond_frame", pose)
        step.put("x", x)
        if self._noises is not None and self._pinned is not None:
            np.copyto(self._pinned, noises)  # the clip before has been waited for
            backend.stream.upload(self._noises.address, self._pinned)
        if self._graph is not None:
            backend.stream.replay(self._graph)
        else:
            for name in step.outputs:
                step.write_at(name, step.address(name))
            self._steps(None, self._kernels)
            if backend.graphs:
                made = self._fetched()  # before the recording, which keeps the first run's result as it is
                recording = backend.gpu.stream()
                kernels = backend.kernels(recording)
                self._graph = recording.capture(lambda: self._steps(recording, kernels))
                return made
        return self._fetched()

    def _steps(self, stream: Any, kernels: Kernels) -> None:
        step, schedule = self._step, self.schedule
        last = len(schedule.times) - 1
        for index in range(last + 1):
            step.read_at("time_cond", self._times.address + index * _ALIGNMENT)
            step.run(stream)
            if index < last and self._noises is not None:
                kernels.ddim_step(
                    step.address("x_start"),
                    step.address("pred_noise"),
                    self._noises.address + index * self._count * 4,
                    step.address("x"),
                    float(schedule.signal[index]),
                    float(schedule.direction[index]),
                    self._count,
                )

    def _hold(self, name: str, tensor: Tensor) -> None:
        """An input in the step's own buffer, where a graph finds it."""
        if isinstance(tensor, TrtTensor):
            self._step.take(name, tensor)
        else:
            self._step.put(name, tensor if isinstance(tensor, np.ndarray) else tensor.numpy())

    def _fetched(self) -> Array:
        made = self._step.fetch("x_start")
        self._backend.stream.synchronize()
        return made.copy()
