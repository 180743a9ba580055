"""Arrays that stay in onnxruntime's memory on a device, and main memory that copies from there reach fastest."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from vcam.errors import AnimatorError

from .base import Array
from .providers import load_runtime

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class OrtTensor:
    """An array in the provider's memory. ``others``: the same in other types, as networks have asked for them."""

    value: Any
    dtype: np.dtype[Any]
    others: dict[np.dtype[Any], Any] = field(default_factory=dict)

    def numpy(self) -> Array:
        """A copy in main memory; float16 becomes float32."""
        return as_float32(self.value.numpy().copy())


@dataclass(frozen=True, slots=True, eq=False)
class HostRoom:
    """Main memory that networks write to. ``array`` is what they wrote; ``value`` the same for onnxruntime."""

    array: Array
    value: Any


@dataclass(frozen=True, slots=True)
class Memory:
    """Where tensors stay between networks: an onnxruntime device type and its index.

    ``writable``: whether what is there can be overwritten from main memory, which takes what is bound but once.
    """

    kind: str
    index: int
    writable: bool = True

    def put(self, array: Array) -> Any:
        contiguous = np.ascontiguousarray(array)
        return load_runtime().OrtValue.ortvalue_from_numpy(contiguous, self.kind, self.index)

    def room(self, shape: Sequence[int], dtype: npt.DTypeLike) -> Any:
        """An OrtValue, to be written by a network or by its ``update_inplace``, which copies at once and waits."""
        return load_runtime().OrtValue.ortvalue_from_shape_and_type(list(shape), dtype, self.kind, self.index)

    def host_room(self, shape: Sequence[int], dtype: npt.DTypeLike) -> HostRoom:
        """Page-locked where that can be had, so that the GPU writes it without a stop in between."""
        array = _locked(self.index, tuple(shape), np.dtype(dtype)) if self.kind == "cuda" else None
        if array is None:
            array = np.zeros(shape, dtype)
        # on the CPU an OrtValue is a view of the array, which it keeps
        return HostRoom(array, load_runtime().OrtValue.ortvalue_from_numpy(array, "cpu", 0))


def _locked(index: int, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array | None:
    """A page-locked array; None where there is no pycuda, without which onnxruntime copies through its own buffer.

    onnxruntime's Python module gives such memory only to providers that are loaded as plug-ins, which its own CUDA
    provider is not (``OrtValue.ortvalue_from_shape_and_type(memory_info=...)`` of 1.31 looks only among their
    allocators). A NumPy array over pycuda's is the same memory, and works with every version.
    """
    device = _cuda_device(index)
    if device is None:
        return None
    with device.current():
        made: Array = device.pinned(shape, dtype)
    made[...] = 0
    return made


@cache
def _cuda_device(index: int) -> Any:
    """The GPU through pycuda, in the primary context that onnxruntime uses too; None without pycuda."""
    from .cuda import CudaDevice

    try:
        return CudaDevice(index)
    except AnimatorError as error:
        logger.info("pictures are copied through pageable memory: %s", error.message)
        return None


def as_float32(array: Array) -> Array:
    return array.astype(np.float32) if array.dtype == np.float16 else array
