"""Networks run by onnxruntime, on whatever provider there is."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from vcam.animators.ditto.networks import NetworkSpec
from vcam.errors import AnimatorError

from .base import Array, Backend, DeviceInfo, Network, Tensor
from .providers import Provider, choose_provider, first_line, left_behind, load_runtime, open_session, runtime_errors
from .providers import session_options as make_options
from .signature import check_signature, fits

logger = logging.getLogger(__name__)

PULL = "Fetch it: vcam checkpoints pull"
_TYPES: dict[str, npt.DTypeLike] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
}
_NO_MEMORY = ("failed to allocate", "out of memory", "bad_alloc", "bad allocation", "cudaerrormemoryallocation")


@dataclass(frozen=True, slots=True, eq=False)
class OrtTensor:
    """An array in the provider's memory. ``others``: the same in other types, as networks have asked for them."""

    value: Any
    dtype: np.dtype[Any]
    others: dict[np.dtype[Any], Any] = field(default_factory=dict)

    def numpy(self) -> Array:
        """A copy in main memory; float16 becomes float32."""
        return _float32(self.value.numpy().copy())


@dataclass(frozen=True, slots=True)
class Memory:
    """Where tensors stay between networks: an onnxruntime device type and its index."""

    kind: str
    index: int

    def put(self, array: Array) -> Any:
        contiguous = np.ascontiguousarray(array)
        return load_runtime().OrtValue.ortvalue_from_numpy(contiguous, self.kind, self.index)

    def room(self, shape: Sequence[int], dtype: np.dtype[Any]) -> Any:
        return load_runtime().OrtValue.ortvalue_from_shape_and_type(list(shape), dtype, self.kind, self.index)


class OnnxBackend(Backend):
    """``provider``: "auto", or a name from ``providers.PROVIDERS``, or onnxruntime's own; ``threads``: for work on the
    CPU, None for all cores but one; ``device_index``: which GPU.

    On a GPU, tensors that are kept stay in its memory. ``bind`` True keeps them in onnxruntime's memory on the CPU
    too, by the same code; None decides by the provider.
    """

    name: ClassVar[str] = "onnxruntime"

    def __init__(
        self, provider: str = "auto", threads: int | None = None, device_index: int = 0, bind: bool | None = None
    ) -> None:
        """Raises AnimatorError if onnxruntime is not there, or a provider asked for by name cannot be used."""
        runtime = load_runtime()
        self._errors = runtime_errors()
        self._provider = choose_provider(provider, device_index)
        self._device_index, self._threads = device_index, threads
        self._memory = self._find_memory(bind)
        self._device = DeviceInfo(self.name, self._provider.name.removesuffix("ExecutionProvider"), runtime.__version__)

    @property
    def device(self) -> DeviceInfo:
        return self._device

    def load(self, path: Path, spec: NetworkSpec) -> Network:
        if not path.is_file():
            raise AnimatorError(f"The network {spec.name} is missing: there is no {path}.", PULL)
        try:
            session = open_session(str(path), self._provider, self._device_index, make_options(self._threads))
        except self._errors as error:
            raise _load_error(spec.name, path, error) from error
        if session.get_providers()[0] != self._provider.name:
            raise AnimatorError(
                f"onnxruntime left {self._device.provider} while loading {spec.name} and would use the CPU.",
                "`vcam doctor` shows what is there; `vcam -vv` shows what onnxruntime says.",
            )
        if slow := left_behind(session, self._provider):
            logger.warning(
                "%s: %s cannot run %s, which the CPU does instead: that may be slow.",
                spec.name,
                self._device.provider,
                ", ".join(slow),
            )
        return OnnxNetwork(session, spec, self._memory, self._errors)

    def put(self, array: Array) -> Tensor:
        if self._memory is None:
            return np.ascontiguousarray(array)
        return OrtTensor(self._memory.put(array), array.dtype)

    def _find_memory(self, bind: bool | None) -> Memory | None:
        """Where kept tensors stay; None for plain NumPy arrays."""
        provider: Provider = self._provider
        if bind is False or (bind is None and provider.memory == "cpu"):
            return None
        memory = Memory(provider.memory, self._device_index if provider.memory != "cpu" else 0)
        try:
            memory.put(np.zeros(1, np.float32))
        except self._errors as error:
            # slower by a copy for each network, and right: so not an error
            logger.warning("onnxruntime cannot keep arrays in %s memory: %s", memory.kind, first_line(error))
            return None
        return memory


class OnnxNetwork(Network):
    """One graph. Outputs that are kept on a device are written to the same memory each time if their size is fixed."""

    def __init__(
        self, session: Any, spec: NetworkSpec, memory: Memory | None, errors: tuple[type[Exception], ...]
    ) -> None:
        """Raises AnimatorError if the graph's inputs or outputs are not the spec's."""
        self.spec = spec
        self._session: Any = session
        self._memory = memory
        self._errors = errors
        inputs, outputs = check_signature(session.get_inputs(), session.get_outputs(), spec)
        self._inputs = {name: np.dtype(_TYPES[kind]) for name, kind in inputs.items()}
        self._outputs = {name: np.dtype(_TYPES[kind]) for name, kind in outputs.items()}
        self._kept: dict[str, Any] = {}

    def run(self, inputs: Mapping[str, Tensor], keep: Sequence[str] = ()) -> dict[str, Tensor]:
        if self._session is None:
            raise AnimatorError(f"The network {self.spec.name} has been closed.")
        if inputs.keys() != self._inputs.keys() or not self._outputs.keys() >= set(keep):
            raise AnimatorError(
                f"The network {self.spec.name} takes {', '.join(self._inputs)} and gives {', '.join(self._outputs)};"
                f" it was given {', '.join(inputs) or 'nothing'} and asked for {', '.join(keep) or 'all'}."
            )
        try:
            made = self._run(inputs) if self._memory is None else self._run_bound(inputs, keep, self._memory)
        except self._errors as error:
            raise _run_error(self.spec.name, error) from error
        for name, shape in self.spec.outputs.items():
            found = _shape_of(made[name])
            if not fits(found, shape):
                raise AnimatorError(f"The network {self.spec.name} gave {name} of the shape {found}, not {shape}.")
        return made

    def close(self) -> None:
        self._kept.clear()
        self._session = None

    def _run(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        feed = {name: self._array(name, tensor) for name, tensor in inputs.items()}
        values = self._session.run(list(self._outputs), feed)
        return {name: _float32(value) for name, value in zip(self._outputs, values, strict=True)}

    def _run_bound(self, inputs: Mapping[str, Tensor], keep: Sequence[str], memory: Memory) -> dict[str, Tensor]:
        binding = self._session.io_binding()
        for name, tensor in inputs.items():
            if isinstance(tensor, OrtTensor):
                binding.bind_ortvalue_input(name, self._on_device(name, tensor, memory))
            else:
                binding.bind_cpu_input(name, self._array(name, tensor))
        for name in self._outputs:
            if name not in keep:
                binding.bind_output(name, "cpu")
            elif room := self._room(name, memory):
                binding.bind_ortvalue_output(name, room)
            else:
                binding.bind_output(name, memory.kind, memory.index)
        binding.synchronize_inputs()
        self._session.run_with_iobinding(binding)
        binding.synchronize_outputs()
        made: dict[str, Tensor] = {}
        for (name, dtype), value in zip(self._outputs.items(), binding.get_outputs(), strict=True):
            made[name] = OrtTensor(value, dtype) if name in keep else _float32(value.numpy())
        return made

    def _room(self, name: str, memory: Memory) -> Any:
        """Memory for an output that is kept, used again by each run; None if its size is not known beforehand."""
        shape = self.spec.outputs[name]
        sizes = [size for size in shape if size is not None]
        if not sizes or len(sizes) < len(shape):
            return None
        if name not in self._kept:
            self._kept[name] = memory.room(sizes, self._outputs[name])
        return self._kept[name]

    def _array(self, name: str, tensor: Tensor) -> Array:
        """An input as the graph takes it: C-contiguous, of its type. Raises ValueError for a wrong one."""
        array = tensor if isinstance(tensor, np.ndarray) else tensor.numpy()
        shape = self.spec.inputs[name]
        if not fits(array.shape, shape):
            raise ValueError(f"{name} must have the shape {shape}, not {array.shape}")
        if array.dtype.kind != self._inputs[name].kind:
            raise ValueError(f"{name} must be {self._inputs[name]}, not {array.dtype}")
        return np.ascontiguousarray(array, self._inputs[name])

    def _on_device(self, name: str, tensor: OrtTensor, memory: Memory) -> Any:
        wanted = self._inputs[name]
        if tensor.dtype == wanted:
            return tensor.value
        if wanted not in tensor.others:  # a whole-precision tensor for a half-precision network, or the reverse
            tensor.others[wanted] = memory.put(self._array(name, tensor.value.numpy()))
        return tensor.others[wanted]


def _load_error(name: str, path: Path, error: Exception) -> AnimatorError:
    if _is_memory(error):
        return _memory_error(name)
    return AnimatorError(
        f"The network {name} cannot be loaded from {path}: {first_line(error)}",
        "Check the files with `vcam checkpoints verify`; fetch broken ones again with `vcam checkpoints pull`.",
    )


def _run_error(name: str, error: Exception) -> AnimatorError:
    return _memory_error(name) if _is_memory(error) else AnimatorError(f"The network {name}: {first_line(error)}")


def _is_memory(error: Exception) -> bool:
    return isinstance(error, MemoryError) or any(words in str(error).casefold() for words in _NO_MEMORY)


def _memory_error(name: str) -> AnimatorError:
    return AnimatorError(
        f"There is not enough memory for the network {name}.",
        "Close what else uses the GPU or the memory, or use the lite animator: vcam start --animator lite",
    )


def _shape_of(tensor: Tensor) -> tuple[int, ...]:
    return tuple(tensor.value.shape()) if isinstance(tensor, OrtTensor) else tensor.shape  # type: ignore[union-attr]


def _float32(array: Array) -> Array:
    return array.astype(np.float32) if array.dtype == np.float16 else array
