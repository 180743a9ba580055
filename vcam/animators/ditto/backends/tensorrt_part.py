"""An engine with its buffers: allocated once, filled through pinned memory, run on a stream."""

from __future__ import annotations

import math
import weakref
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from vcam.errors import AnimatorError

from .base import Array
from .tensorrt_runtime import Engine, Shape, TensorInfo

_TURNS = 2  # inputs may be filled while those of the run before are still on their way


class Pool:
    """Device memory that is used again. What is given back is only kept, so any thread may do so at any time.

    All work is on one stream: who gets a buffer writes to it after whoever had it before has read it.
    """

    def __init__(self, device: Any) -> None:
        self._device = device
        self._free: dict[int, list[Any]] = defaultdict(list)
        self._all: list[Any] = []
        self._pinned: dict[tuple[Shape, np.dtype[Any]], list[Array]] = defaultdict(list)

    def take(self, size: int) -> Any:
        try:
            return self._free[size].pop()
        except IndexError:
            made = self._device.alloc(size)
        self._all.append(made)
        return made

    def give(self, memory: Any) -> None:
        self._free[memory.size].append(memory)

    def take_pinned(self, shape: Shape, dtype: npt.DTypeLike) -> Array:
        """Pinned main memory, likewise."""
        try:
            return self._pinned[shape, np.dtype(dtype)].pop()
        except IndexError:
            made: Array = self._device.pinned(shape, dtype)
            return made

    def give_pinned(self, array: Array) -> None:
        self._pinned[array.shape, array.dtype].append(array)

    def close(self) -> None:
        """With the device current."""
        self._free.clear()
        self._pinned.clear()
        while self._all:
            self._all.pop().free()


class TrtTensor:
    """An array on the GPU. ``owner``: what its memory belongs to, kept for as long as this is."""

    def __init__(self, device: Any, stream: Any, address: int, shape: Shape, dtype: np.dtype[Any], owner: Any) -> None:
        self.address, self.shape, self.dtype = address, shape, dtype
        self._device, self._stream, self._owner = device, stream, owner

    @property
    def size(self) -> int:
        """In bytes."""
        return math.prod(self.shape) * self.dtype.itemsize

    @classmethod
    def pooled(cls, device: Any, stream: Any, pool: Pool, shape: Shape, dtype: npt.DTypeLike) -> TrtTensor:
        """In the pool's memory, which it gets back when the tensor is forgotten."""
        kind = np.dtype(dtype)
        memory = pool.take(math.prod(shape) * kind.itemsize)
        made = cls(device, stream, memory.address, shape, kind, memory)
        weakref.finalize(made, pool.give, memory)
        return made

    def numpy(self) -> Array:
        """A copy in main memory."""
        made = np.empty(self.shape, self.dtype)
        with self._device.current():
            self._stream.download(made, self.address)
            self._stream.synchronize()
        return made


class Part:
    """Raises AnimatorError where the GPU's memory does not suffice."""

    def __init__(self, device: Any, stream: Any, engine: Engine, pool: Pool) -> None:
        """With the device current. ``pool``: of pinned memory, taken for what is copied from or to main memory."""
        self.engine, self.tensors = engine, engine.tensors
        self._device, self._stream, self._pool = device, stream, pool
        self._execution = engine.start()
        self._shapes: dict[str, Shape] = {}
        self._largest: dict[str, Shape] = {}
        self._bound: dict[str, int] = {}
        self._memory: dict[str, Any] = {}
        self._held: dict[str, list[TrtTensor | None]] = {}
        self._staging: dict[tuple[str, int], Array] = {}
        self._uploaded = [device.event() for _ in range(_TURNS)]
        self._pending = [False] * _TURNS
        self._turn = 0
        try:
            self._begin()
        except AnimatorError:
            self.close()
            raise

    def _begin(self) -> None:
        for info in self.tensors.values():
            if info.profile is not None:
                self._execution.set_shape(info.name, info.profile[2])
        for info in self.tensors.values():
            shape = self._most(info)
            self._memory[info.name] = self._device.alloc(math.prod(shape) * info.dtype.itemsize)
            self._shapes[info.name] = self._largest[info.name] = shape
            self._bind(info.name, self._memory[info.name].address)

    @property
    def inputs(self) -> Mapping[str, TensorInfo]:
        return {name: info for name, info in self.tensors.items() if info.is_input}

    @property
    def outputs(self) -> Mapping[str, TensorInfo]:
        return {name: info for name, info in self.tensors.items() if not info.is_input}

    def address(self, name: str) -> int:
        """Of the part's own buffer."""
        return int(self._memory[name].address)

    def settle(self) -> None:
        """Before the first of some ``put``: what was uploaded the time before last must have left the pinned memory."""
        self._turn = (self._turn + 1) % _TURNS
        if self._pending[self._turn]:
            self._uploaded[self._turn].synchronize()
            self._pending[self._turn] = False

    def put(self, name: str, array: Array) -> None:
        """Copy an input to its own buffer. Raises ValueError for a wrong shape or type."""
        info = self.tensors[name]
        self._fit(info, array.shape, array.dtype)
        room = self._stage(info, self._turn).reshape(-1)[: array.size].reshape(array.shape)
        np.copyto(room, array, casting="same_kind")
        self._held.pop(name, None)
        self._bind(name, self.address(name))
        self._stream.upload(self.address(name), room)
        self._stream.record(self._uploaded[self._turn])
        self._pending[self._turn] = True

    def take(self, name: str, tensor: TrtTensor) -> None:
        """Copy an input to its own buffer, where a recording finds it. Raises ValueError for a wrong shape or type."""
        self.use(name, tensor)
        self._held.pop(name, None)
        self._stream.copy(self.address(name), tensor.address, tensor.size)
        self._bind(name, self.address(name))

    def hold(self, name: str, tensors: Sequence[TrtTensor]) -> None:
        """As :meth:`take`, of a tensor for each item; those that are there since the last time are not copied again.

        They must not have changed. Raises ValueError for wrong shapes or types.
        """
        info = self.tensors[name]
        wanted = (1, *info.shape[1:])
        held = self._held.setdefault(name, [None] * info.shape[0])
        if len(tensors) != len(held):
            raise ValueError(f"{name} must be {len(held)} tensors, not {len(tensors)}")
        for item, tensor in enumerate(tensors):
            if tensor.shape != wanted or tensor.dtype != info.dtype:
                raise ValueError(f"{name} must be {info.dtype} {wanted}, not {tensor.dtype} {tensor.shape}")
            if held[item] is not tensor:
                self._stream.copy(self.address(name) + item * tensor.size, tensor.address, tensor.size)
                held[item] = tensor
        self._bind(name, self.address(name))

    def use(self, name: str, tensor: TrtTensor) -> None:
        """Read an input where it is on the GPU. Raises ValueError for a wrong shape or type."""
        info = self.tensors[name]
        if tensor.dtype != info.dtype:
            raise ValueError(f"{name} must be {info.dtype}, not {tensor.dtype}")
        self._fit(info, tensor.shape, tensor.dtype)
        self._bind(name, tensor.address)

    def read_at(self, name: str, address: int) -> None:
        """As :meth:`use`, for an address that is known to hold the right thing."""
        self._bind(name, address)

    def write_at(self, name: str, address: int) -> None:
        """Write an output there rather than into its own buffer."""
        self._bind(name, address)

    def run(self, stream: Any = None) -> None:
        """Returns at once. ``stream``: another than the usual one, to record a graph."""
        self._execution.run((stream or self._stream).handle)

    def kept(self, name: str) -> TrtTensor:
        """An output where it is."""
        info = self.tensors[name]
        return TrtTensor(self._device, self._stream, self._bound[name], self._shape(info), info.dtype, self)

    def fetch(self, name: str) -> Array:
        """Start an output's copy to pinned memory: to be read, and copied, after ``Stream.synchronize``."""
        info = self.tensors[name]
        shape = self._shape(info)
        room = self._stage(info, 0).reshape(-1)[: math.prod(shape)].reshape(shape)
        self._stream.download(room, self._bound[name])
        return room

    def close(self) -> None:
        """With the device current. May be called twice."""
        self._execution.close()
        self.engine.close()
        while self._memory:
            self._memory.popitem()[1].free()
        self._held.clear()
        while self._staging:
            self._pool.give_pinned(self._staging.popitem()[1])

    def _stage(self, info: TensorInfo, turn: int) -> Array:
        """Pinned memory for the largest a tensor can be."""
        key = (info.name, turn)
        if key not in self._staging:
            self._staging[key] = self._pool.take_pinned(self._largest[info.name], info.dtype)
        return self._staging[key]

    def _most(self, info: TensorInfo) -> Shape:
        if info.profile is not None:
            return info.profile[2]
        return self._execution.shape(info.name) if -1 in info.shape else info.shape

    def _shape(self, info: TensorInfo) -> Shape:
        return self._execution.shape(info.name) if -1 in info.shape else info.shape

    def _fit(self, info: TensorInfo, shape: Shape, dtype: np.dtype[Any]) -> None:
        if len(shape) != len(info.shape) or any(b not in (-1, a) for a, b in zip(shape, info.shape, strict=True)):
            raise ValueError(f"{info.name} must have the shape {info.shape}, not {shape}")
        if dtype.kind != info.dtype.kind:
            raise ValueError(f"{info.name} must be {info.dtype}, not {dtype}")
        if info.profile is not None:
            least, _, most = info.profile
            if any(not a <= size <= b for a, size, b in zip(least, shape, most, strict=True)):
                raise ValueError(f"{info.name} must have sizes from {least} to {most}, not {shape}")
            if self._shapes[info.name] != shape:
                self._execution.set_shape(info.name, shape)
                self._shapes[info.name] = shape

    def _bind(self, name: str, address: int) -> None:
        if self._bound.get(name) != address:
            self._execution.set_address(name, address)
            self._bound[name] = address
