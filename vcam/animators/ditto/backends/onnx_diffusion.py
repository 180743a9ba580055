"""The diffusion loop in onnxruntime's memory: noise and conditions go up, a clip's motion comes down, no more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .base import Array, Denoising, Tensor
from .onnx_bound import Bound
from .onnx_graphs import diffusion_step
from .onnx_memory import Memory, OrtTensor

if TYPE_CHECKING:
    from .onnx import OnnxNetwork

_X, _POSE, _CONDITION, _TIME = "x", "cond_frame", "cond", "time_cond"
_START, _NOISE = "x_start", "pred_noise"


class DiffusionLoop:
    """The steps of one schedule, each with its own bindings: the same memory, and the step's own time and noise."""

    def __init__(self, network: OnnxNetwork, memory: Memory, schedule: Denoising, condition: tuple[int, ...]) -> None:
        """``condition``: the shape of the audio's conditions, which the spec leaves open."""
        self.schedule, self.condition = schedule, condition
        spec, room = network.spec, memory.room
        shape = tuple(size or 0 for size in spec.inputs[_X])
        self._held = {
            _X: room(shape, np.float32),
            _POSE: room([size or 0 for size in spec.inputs[_POSE]], np.float32),
            _CONDITION: room(condition, np.float32),
        }
        made = {_START: room(shape, np.float32), _NOISE: room(shape, np.float32)}
        self._result = memory.host_room(shape, np.float32)
        self._noises = [room(shape, np.float32) for _ in schedule.signal]
        self._steps: list[Bound] = []
        self._between: list[Bound] = []
        arithmetic = network.open(diffusion_step(shape)) if self._noises else None
        last = len(schedule.times) - 1
        for index, time in enumerate(schedule.times):
            at = memory.put(np.array([time], network.inputs[_TIME]))
            outputs = made if index < last else {**made, _START: self._result.value}
            self._steps.append(Bound(network.session, {**self._held, _TIME: at}, outputs))
            if index < last:
                weights = {
                    "signal": memory.put(np.array([schedule.signal[index]], np.float32)),
                    "direction": memory.put(np.array([schedule.direction[index]], np.float32)),
                }
                inputs = {**made, "noise": self._noises[index], **weights}
                self._between.append(Bound(arithmetic, inputs, {"x": self._held[_X]}))

    @staticmethod
    def possible(network: OnnxNetwork) -> bool:
        """Whether the network's numbers are those of the loop: float32, but for the time."""
        kinds = {**network.inputs, **network.outputs}
        return all(kinds[name] == np.float32 for name in (_X, _POSE, _CONDITION, _START, _NOISE))

    def run(self, x: Array, noises: Array, pose: Tensor, condition: Tensor) -> Array:
        """x_start of the last step: float32 like ``x``. ``noises``: float32 [steps - 1, ...], weighed already."""
        self._held[_X].update_inplace(x)
        for room, noise in zip(self._noises, noises, strict=True):
            room.update_inplace(np.ascontiguousarray(noise))
        self._hold(_POSE, pose)
        self._hold(_CONDITION, condition)
        for index, step in enumerate(self._steps):
            step.run()
            if index < len(self._between):
                self._between[index].run()
        return self._result.array.copy()

    def _hold(self, name: str, tensor: Tensor) -> None:
        value: Any = self._held[name]
        if isinstance(tensor, OrtTensor):
            value = tensor.value
        else:
            array = tensor if isinstance(tensor, np.ndarray) else tensor.numpy()
            value.update_inplace(np.ascontiguousarray(array, np.float32))
        for step in self._steps:
            step.read(name, value)
