"""Networks run by onnxruntime, on whatever provider there is."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from vcam.animators.ditto.networks import LMDM, NetworkSpec
from vcam.errors import AnimatorError
from vcam.live.meters import Timings

from .base import Array, Backend, Denoising, DeviceInfo, Drawing, Network, Tensor
from .onnx_diffusion import DiffusionLoop
from .onnx_errors import first_line, load_error, run_error
from .onnx_frames import OnnxFrames
from .onnx_memory import Memory, OrtTensor, as_float32
from .providers import Provider, choose_provider, left_behind, load_runtime, open_session, runtime_errors
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
            raise load_error(spec.name, path, error) from error
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
        return OnnxNetwork(session, spec, self._memory, self._errors, self._open)

    def put(self, array: Array) -> Tensor:
        if self._memory is None:
            return np.ascontiguousarray(array)
        return OrtTensor(self._memory.put(array), array.dtype)

    def drawing(self, warp: Network, decoder: Network, times: Timings | None = None) -> Drawing | None:
        memory = self._memory
        if memory is None or not (isinstance(warp, OnnxNetwork) and isinstance(decoder, OnnxNetwork)):
            return None
        if not (memory.writable and OnnxFrames.possible(warp, decoder)):
            return None
        try:
            return OnnxFrames(warp, decoder, memory, times)
        except self._errors as error:
            raise run_error(decoder.spec.name, error) from error

    def _open(self, model: bytes) -> Any:
        """A session for a small graph of one's own."""
        return open_session(model, self._provider, self._device_index, make_options(self._threads))

    def _find_memory(self, bind: bool | None) -> Memory | None:
        """Where kept tensors stay; None for plain NumPy arrays."""
        provider: Provider = self._provider
        if bind is False or (bind is None and provider.memory == "cpu"):
            return None
        memory = Memory(provider.memory, self._device_index if provider.memory != "cpu" else 0)
        # slower by a copy for each network, and right: so neither is an error
        try:
            kept = memory.put(np.zeros(1, np.float32))
        except self._errors as error:
            logger.warning("onnxruntime cannot keep arrays in %s memory: %s", memory.kind, first_line(error))
            return None
        try:
            kept.update_inplace(np.ones(1, np.float32))
        except self._errors as error:
            logger.warning("onnxruntime cannot write to %s memory: %s", memory.kind, first_line(error))
            return replace(memory, writable=False)
        return memory


class OnnxNetwork(Network):
    """One graph. Outputs that are kept on a device are written to the same memory each time if their size is fixed."""

    def __init__(
        self,
        session: Any,
        spec: NetworkSpec,
        memory: Memory | None,
        errors: tuple[type[Exception], ...],
        open_graph: Callable[[bytes], Any],
    ) -> None:
        """``open_graph``: a session for a small graph on the same provider, which works beside the network.

        Raises AnimatorError if the graph's inputs or outputs are not the spec's.
        """
        self.spec = spec
        self.open = open_graph
        self._session: Any = session
        self._memory = memory
        self._errors = errors
        inputs, outputs = check_signature(session.get_inputs(), session.get_outputs(), spec)
        self.inputs = {name: np.dtype(_TYPES[kind]) for name, kind in inputs.items()}
        self.outputs = {name: np.dtype(_TYPES[kind]) for name, kind in outputs.items()}
        self._kept: dict[str, Any] = {}
        self._loop: DiffusionLoop | None = None

    @property
    def session(self) -> Any:
        """Raises AnimatorError once it is closed."""
        if self._session is None:
            raise self._closed()
        return self._session

    def run(self, inputs: Mapping[str, Tensor], keep: Sequence[str] = ()) -> dict[str, Tensor]:
        session = self.session
        if inputs.keys() != self.inputs.keys() or not self.outputs.keys() >= set(keep):
            raise AnimatorError(
                f"The network {self.spec.name} takes {', '.join(self.inputs)} and gives {', '.join(self.outputs)};"
                f" it was given {', '.join(inputs) or 'nothing'} and asked for {', '.join(keep) or 'all'}."
            )
        try:
            made = (
                self._run(session, inputs)
                if self._memory is None
                else self._run_bound(session, inputs, keep, self._memory)
            )
        except self._errors as error:
            raise run_error(self.spec.name, error) from error
        for name, shape in self.spec.outputs.items():
            found = _shape_of(made[name])
            if not fits(found, shape):
                raise AnimatorError(f"The network {self.spec.name} gave {name} of the shape {found}, not {shape}.")
        return made

    def denoise(self, schedule: Denoising, x: Array, noises: Array, cond_frame: Tensor, cond: Tensor) -> Array | None:
        memory = self._memory
        if memory is None or not memory.writable or self.spec.name != LMDM.name or not DiffusionLoop.possible(self):
            return None
        if self._session is None:
            raise self._closed()
        try:
            shape = _shape_of(cond)
            if self._loop is None or self._loop.schedule is not schedule or self._loop.condition != shape:
                self._loop = DiffusionLoop(self, memory, schedule, shape)
            return self._loop.run(x, noises, cond_frame, cond)
        except self._errors as error:
            raise run_error(self.spec.name, error) from error

    def close(self) -> None:
        self._loop = None
        self._kept.clear()
        self._session = None

    def _closed(self) -> AnimatorError:
        return AnimatorError(f"The network {self.spec.name} has been closed.")

    def _run(self, session: Any, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        feed = {name: self.array(name, tensor) for name, tensor in inputs.items()}
        values = session.run(list(self.outputs), feed)
        return {name: as_float32(value) for name, value in zip(self.outputs, values, strict=True)}

    def _run_bound(
        self, session: Any, inputs: Mapping[str, Tensor], keep: Sequence[str], memory: Memory
    ) -> dict[str, Tensor]:
        binding = session.io_binding()
        for name, tensor in inputs.items():
            if isinstance(tensor, OrtTensor):
                binding.bind_ortvalue_input(name, self.on_device(name, tensor))
            else:
                binding.bind_cpu_input(name, self.array(name, tensor))
        for name in self.outputs:
            if name not in keep:
                binding.bind_output(name, "cpu")
            elif room := self._room(name, memory):
                binding.bind_ortvalue_output(name, room)
            else:
                binding.bind_output(name, memory.kind, memory.index)
        binding.synchronize_inputs()
        session.run_with_iobinding(binding)
        binding.synchronize_outputs()
        made: dict[str, Tensor] = {}
        for (name, dtype), value in zip(self.outputs.items(), binding.get_outputs(), strict=True):
            made[name] = OrtTensor(value, dtype) if name in keep else as_float32(value.numpy())
        return made

    def _room(self, name: str, memory: Memory) -> Any:
        """Memory for an output that is kept, used again by each run; None if its size is not known beforehand."""
        shape = self.spec.outputs[name]
        sizes = [size for size in shape if size is not None]
        if not sizes or len(sizes) < len(shape):
            return None
        if name not in self._kept:
            self._kept[name] = memory.room(sizes, self.outputs[name])
        return self._kept[name]

    def array(self, name: str, tensor: Tensor) -> Array:
        """An input as the graph takes it: C-contiguous, of its type. Raises ValueError for a wrong one."""
        array = tensor if isinstance(tensor, np.ndarray) else tensor.numpy()
        shape = self.spec.inputs[name]
        if not fits(array.shape, shape):
            raise ValueError(f"{name} must have the shape {shape}, not {array.shape}")
        if array.dtype.kind != self.inputs[name].kind:
            raise ValueError(f"{name} must be {self.inputs[name]}, not {array.dtype}")
        return np.ascontiguousarray(array, self.inputs[name])

    def on_device(self, name: str, tensor: OrtTensor) -> Any:
        """The OrtValue of a tensor, in the type that the graph takes."""
        wanted = self.inputs[name]
        if tensor.dtype == wanted:
            return tensor.value
        if wanted not in tensor.others:  # a whole-precision tensor for a half-precision network, or the reverse
            assert self._memory is not None
            tensor.others[wanted] = self._memory.put(self.array(name, tensor.value.numpy()))
        return tensor.others[wanted]


def _shape_of(tensor: Tensor) -> tuple[int, ...]:
    return tuple(tensor.value.shape()) if isinstance(tensor, OrtTensor) else tensor.shape  # type: ignore[union-attr]
