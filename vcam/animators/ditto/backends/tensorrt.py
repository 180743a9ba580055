"""Networks run by TensorRT, from engines built for this GPU; tensors stay in its memory between them."""

from __future__ import annotations

import logging
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from vcam.animators.ditto.networks import LMDM, REGISTRATION, NetworkSpec
from vcam.engines.manifest import Target
from vcam.engines.passes import Precision, is_batched
from vcam.errors import AnimatorError
from vcam.live.meters import Timings

from .base import Array, Backend, Denoising, DeviceInfo, Drawing, Network, Tensor
from .cuda import CudaDevice
from .cuda_frames import DeviceFrames
from .cuda_kernels import FORMATS, Kernels, source
from .signature import fits
from .tensorrt_diffusion import DiffusionLoop
from .tensorrt_engines import BUILD, EngineFiles, engines_folder
from .tensorrt_part import Part, Pool, TrtTensor
from .tensorrt_runtime import TensorRt

logger = logging.getLogger(__name__)

_CONDITION, _STEP = "condition", "step"
_SPARE = 512 << 20  # bytes of the GPU's memory that must be left beside what could be done without


class TensorRtBackend(Backend):
    """``device`` and ``library`` are opened, and closed, where they are not given; ``spare`` runs the registration's
    networks where they have no engines: they are needed once for each portrait.

    All networks share one stream. ``graphs``: record what is repeated as CUDA graphs. ``close()``, after the networks',
    frees what is left; so does forgetting it.
    """

    name: ClassVar[str] = "tensorrt"

    def __init__(
        self,
        checkpoint: Path,
        *,
        gpu: int = 0,
        precision: Precision = "fp16",
        batch: int = 1,
        graphs: bool = False,
        spare: Backend | None = None,
        device: CudaDevice | None = None,
        library: TensorRt | None = None,
    ) -> None:
        """``checkpoint``: its folder. Raises AnimatorError without TensorRT, or a GPU that it can use."""
        self.library = TensorRt() if library is None else library
        self.gpu = CudaDevice(gpu) if device is None else device
        self.graphs = graphs
        target = Target.of(self.gpu.capability, self.library.version)
        self.files = EngineFiles(engines_folder(checkpoint), target, precision, batch)
        with self.gpu.current():
            self.stream, self.copies = self.gpu.stream(), self.gpu.stream()
        self._functions: Mapping[str, Any] | None = None
        self._pool = Pool(self.gpu)
        self._spare = spare
        #: Frees what is left when nobody uses the backend any more: its networks and tensors hold it.
        self.close = weakref.finalize(self, _free, self.gpu, self._pool, device is None)
        self.close.atexit = False

    @property
    def device(self) -> DeviceInfo:
        return DeviceInfo(self.name, self.gpu.name, self.library.version)

    def load(self, path: Path, spec: NetworkSpec) -> Network:
        """``path``: of the network's ONNX graph, which its engine must have been built of."""
        try:
            files = self.files.current(spec, path)
        except AnimatorError as error:
            if self._spare is None or spec not in REGISTRATION:
                raise
            logger.info("%s runs on %s: %s", spec.name, self._spare.device.provider, error.message)
            return self._spare.load(path, spec)
        return TensorRtNetwork(self, spec, self._start(spec, files, self.files.batch), path)

    def load_several(self, path: Path, spec: NetworkSpec, count: int) -> TensorRtNetwork | None:
        """The network for ``count`` frames at once; None where there is no such engine, or no memory for it."""
        try:
            files = replace(self.files, batch=count).current(spec, path)
            parts = self._start(spec, files, count)
        except AnimatorError as error:
            logger.info("%s does not take %d frames at once: %s", spec.name, count, error.message)
            return None
        network = TensorRtNetwork(self, spec, parts, path)
        with self.gpu.current():
            free, _ = self.gpu.memory
        if free < _SPARE:
            logger.info("%s for %d frames at once would leave %d MB of the GPU's memory", spec.name, count, free >> 20)
            network.close()
            return None
        return network

    def _start(self, spec: NetworkSpec, files: Mapping[str, Path], batch: int) -> dict[str, Part]:
        parts: dict[str, Part] = {}
        with self.gpu.current():
            try:
                for role, file in files.items():
                    parts[role] = Part(self.gpu, self.stream, self.library.read(file), self._pool)
                _check(spec, parts, batch)
            except AnimatorError:
                for part in parts.values():
                    part.close()
                raise
        return parts

    def put(self, array: Array) -> Tensor:
        with self.gpu.current():
            return self.put_here(array)

    def drawing(self, warp: Network, decoder: Network, times: Timings | None = None) -> Drawing | None:
        if isinstance(warp, TensorRtNetwork) and isinstance(decoder, TensorRtNetwork) and self.files.batch == 1:
            return DeviceFrames(self, warp, decoder, times=times)
        return None

    def put_here(self, array: Array) -> TrtTensor:
        """As ``put``, with the device current."""
        contiguous = np.ascontiguousarray(array)
        made = self.room(contiguous.shape, contiguous.dtype)
        self.stream.upload(made.address, contiguous)
        self.stream.synchronize()  # the caller's array may change
        return made

    def room(self, shape: tuple[int, ...], dtype: npt.DTypeLike) -> TrtTensor:
        """Memory for a tensor, with the device current."""
        return TrtTensor.pooled(self.gpu, self.stream, self._pool, shape, dtype)

    def pinned(self, shape: tuple[int, ...], dtype: npt.DTypeLike) -> Array:
        """A view of pinned memory, which is used again when the view is forgotten."""
        whole = self._pool.take_pinned(shape, dtype)
        view = whole[:]
        weakref.finalize(view, self._pool.give_pinned, whole)
        return view

    def kernels(self, stream: Any) -> Kernels:
        """The project's own, on a stream; with the device current. Raises AnimatorError if they cannot be compiled."""
        if self._functions is None:
            self._functions = self.gpu.compile(source(), FORMATS)
        return Kernels(stream, self._functions)


class TensorRtNetwork(Network):
    """One network: an engine, or two of which the first is run only when its input changes.

    The diffusion network's audio encoding (``condition``) is the same for all steps of a clip; the second engine
    (``step``) reads it where the first left it.
    """

    def __init__(self, backend: TensorRtBackend, spec: NetworkSpec, parts: Mapping[str, Part], source: Path) -> None:
        """``source``: of the network's ONNX graph."""
        self.spec = spec
        self.backend = backend
        self.parts = dict(parts)
        self._source = source
        self._several: dict[int, TensorRtNetwork | None] = {}
        self._first: Part | None = self.parts.get(_CONDITION)
        self._last: Part = self.parts[_STEP] if self._first else next(iter(self.parts.values()))
        self._known: Any = None  # the condition that the first part has encoded
        self._loop: DiffusionLoop | None = None
        if self._first is not None:
            for name in self._first.outputs:
                self._last.read_at(name, self._first.address(name))

    def run(self, inputs: Mapping[str, Tensor], keep: Sequence[str] = ()) -> dict[str, Tensor]:
        if not self.parts:
            raise AnimatorError(f"The network {self.spec.name} has been closed.")
        if inputs.keys() != self.spec.inputs.keys() or not self.spec.outputs.keys() >= set(keep):
            raise AnimatorError(
                f"The network {self.spec.name} takes {', '.join(self.spec.inputs)} and gives"
                f" {', '.join(self.spec.outputs)}; it was given {', '.join(inputs) or 'nothing'} and asked for"
                f" {', '.join(keep) or 'all'}."
            )
        with self.backend.gpu.current():
            try:
                self.enqueue(inputs)
            except ValueError as error:
                raise AnimatorError(f"The network {self.spec.name}: {error}") from error
            made: dict[str, Tensor] = {name: self._last.kept(name) for name in keep}
            coming = {name: self._last.fetch(name) for name in self.spec.outputs if name not in keep}
            if coming:
                self.backend.stream.synchronize()
            for name, array in coming.items():
                made[name] = _float32(array)
        return made

    def enqueue(self, inputs: Mapping[str, Tensor]) -> Part:
        """Start a run, with the device current; the part whose outputs are the network's."""
        self.encode(inputs)
        own = [name for name in self._last.inputs if name in self.spec.inputs]
        _give(self._last, {name: inputs[name] for name in own})
        self._last.run()
        return self._last

    def encode(self, inputs: Mapping[str, Tensor]) -> None:
        """Run the first of two engines, with the device current, unless it was run for these very tensors."""
        if self._first is None:
            return
        condition = {name: inputs[name] for name in self._first.inputs}
        if not self._encoded(condition):
            self._known = None
            _give(self._first, condition)
            self._first.run()
            self._known = condition

    def denoise(self, schedule: Denoising, x: Array, noises: Array, cond_frame: Tensor, cond: Tensor) -> Array | None:
        if self.spec.name != LMDM.name:
            return None
        if not self.parts:
            raise AnimatorError(f"The network {self.spec.name} has been closed.")
        with self.backend.gpu.current():
            if self._loop is None or self._loop.schedule is not schedule:
                self._loop = DiffusionLoop(self, self._last, schedule)
            try:
                return self._loop.run(x, noises, cond_frame, cond)
            except ValueError as error:
                raise AnimatorError(f"The network {self.spec.name}: {error}") from error

    def several(self, count: int) -> TensorRtNetwork | None:
        if count == self.backend.files.batch:
            return self
        if count not in self._several:
            batched = is_batched(self.spec)
            self._several[count] = self.backend.load_several(self._source, self.spec, count) if batched else None
        return self._several[count]

    def forget_several(self, count: int) -> None:
        """The network for ``count`` items is of no use: free it."""
        network, self._several[count] = self._several.get(count), None
        if network is not None:
            network.close()

    def close(self) -> None:
        for count in tuple(self._several):
            self.forget_several(count)
        if not self.parts:
            return
        with freeing(self.spec.name), self.backend.gpu.current():
            self._loop = None
            try:
                self.backend.stream.synchronize()
            finally:
                while self.parts:
                    self.parts.popitem()[1].close()
        self._known = None

    def _encoded(self, condition: Mapping[str, Tensor]) -> bool:
        """Whether these very tensors were encoded last; an array in main memory may have changed since."""
        known = self._known
        return known is not None and all(
            isinstance(tensor, TrtTensor) and tensor is known[name] for name, tensor in condition.items()
        )


@contextmanager
def freeing(what: str) -> Iterator[None]:
    """A GPU that has failed can be left all the same: then the driver frees what there was."""
    try:
        yield
    except AnimatorError as error:
        logger.warning("%s could not be freed: %s", what, error.message)


def _free(gpu: CudaDevice, pool: Pool, own: bool) -> None:
    with freeing("The GPU's memory"), gpu.current():
        pool.close()
    if own:
        with freeing("The GPU"):
            gpu.close()


def _give(part: Part, inputs: Mapping[str, Tensor]) -> None:
    part.settle()
    for name, tensor in inputs.items():
        if isinstance(tensor, TrtTensor):
            part.use(name, tensor)
        else:
            part.put(name, tensor if isinstance(tensor, np.ndarray) else tensor.numpy())


def _check(spec: NetworkSpec, parts: Mapping[str, Part], batch: int) -> None:
    """Raises AnimatorError unless the engines have the network's inputs and outputs."""
    inputs = {name: info for part in parts.values() for name, info in part.inputs.items()}
    outputs = {name: info for part in parts.values() for name, info in part.outputs.items()}
    wrong = [f"no {name}" for name in spec.inputs if name not in inputs]
    wrong += [f"no {name}" for name in spec.outputs if name not in outputs]
    wrong += [f"an unknown {name}" for name in inputs if name not in spec.inputs and name not in outputs]
    for name, shape in (*spec.inputs.items(), *spec.outputs.items()):
        info = inputs.get(name) or outputs.get(name)
        if info is None:
            continue
        found = tuple(None if size == -1 else size for size in info.shape)
        if not (fits(found, shape) or (batch > 1 and fits(found[1:], shape[1:]))):
            wrong.append(f"{name} of the shape {info.shape}")
    if wrong:
        raise AnimatorError(f"The engine of {spec.name} is another network's: it has {', '.join(wrong)}.", BUILD)


def _float32(array: Array) -> Array:
    """A copy, out of the pinned memory."""
    return array.astype(np.float32) if array.dtype == np.float16 else array.copy()
