"""The part of TensorRT's Python interface that is used, over onnxruntime and the emulated device.

Whatever has a public name here exists in the real library with as many arguments (see test_tensorrt_names.py). An
"engine" is a header as real ones have it, and the ONNX graph.
"""

from __future__ import annotations

import json
import weakref
from enum import Enum
from types import ModuleType
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import helper

from vcam.engines.shapes import fixed_inputs, infer_shapes, shape_of

from .device import ALIGNMENT, Device

_HEAD = 28


class Severity(Enum):
    INTERNAL_ERROR = 0
    ERROR = 1
    WARNING = 2
    INFO = 3
    VERBOSE = 4


class DataType(Enum):
    FLOAT = 0
    HALF = 1
    INT32 = 3
    INT64 = 8


class TensorIOMode(Enum):
    NONE = 0
    INPUT = 1
    OUTPUT = 2


class NetworkDefinitionCreationFlag(Enum):
    STRONGLY_TYPED = 1

    def __int__(self) -> int:
        return self.value


class BuilderFlag(Enum):
    TF32 = 7


class ILogger:
    Severity = Severity


class IProgressMonitor:
    pass


_NAMES = {np.dtype(np.float32): "FLOAT", np.dtype(np.float16): "HALF", np.dtype(np.int64): "INT64"}


def plan_of(graph: bytes, version: str, capability: tuple[int, int], profiles: dict[str, Any] | None = None) -> bytes:
    numbers = bytes(int(part) for part in version.split(".")[:3])
    facts = json.dumps({"version": version, "capability": capability, "profiles": profiles or {}}).encode()
    head = (b"ftrt".ljust(24, b"\0") + numbers).ljust(_HEAD, b"\0")
    return head + len(facts).to_bytes(4, "little") + facts + graph


class ICudaEngine:
    def __init__(self, emulation: Emulation, profiles: dict[str, Any], graph: bytes) -> None:
        self._emulation, self._profiles = emulation, profiles
        self._session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
        model = onnx.load_from_string(graph)
        self._inputs = list(fixed_inputs(model))
        self._shapes: dict[str, tuple[int, ...]] = {}
        self._dtypes: dict[str, np.dtype[Any]] = {}
        for item in [*model.graph.input, *model.graph.output]:
            self._shapes[item.name] = tuple(-1 if size is None else size for size in shape_of(item) or ())
            self._dtypes[item.name] = helper.tensor_dtype_to_np_dtype(item.type.tensor_type.elem_type)

    @property
    def num_io_tensors(self) -> int:
        return len(self._shapes)

    def get_tensor_name(self, index: int) -> str:
        return list(self._shapes)[index]

    def get_tensor_shape(self, name: str) -> list[int]:
        return list(self._shapes[name])

    def get_tensor_dtype(self, name: str) -> DataType:
        return DataType[_NAMES[self._dtypes[name]]]

    def get_tensor_mode(self, name: str) -> TensorIOMode:
        return TensorIOMode.INPUT if name in self._inputs else TensorIOMode.OUTPUT

    def get_tensor_profile_shape(self, name: str, profile_index: int) -> list[list[int]]:
        assert profile_index == 0
        return [list(shape) for shape in self._profiles[name]]

    def create_execution_context(self) -> IExecutionContext | None:
        return IExecutionContext(self)


class IExecutionContext:
    def __init__(self, engine: ICudaEngine) -> None:
        self._engine = engine
        self._set: dict[str, tuple[int, ...]] = {}
        self._addresses: dict[str, int] = {}
        self._made: dict[str, tuple[int, ...]] = {}
        emulation = engine._emulation
        emulation.contexts.add(self)
        weakref.finalize(self, emulation.freed)

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        least, _, most = self._engine._profiles[name]
        if any(not a <= size <= b for a, size, b in zip(least, shape, most, strict=True)):
            return False
        self._set[name], self._made = shape, {}
        return True

    def set_tensor_address(self, name: str, memory: int) -> bool:
        if memory % ALIGNMENT:  # as TensorRT's header has it
            self._engine._emulation.say(f"the address of {name} is not a multiple of {ALIGNMENT} bytes")
            return False
        self._addresses[name] = memory
        return name in self._engine._shapes

    def get_tensor_shape(self, name: str) -> list[int]:
        shape = self._set.get(name, self._engine._shapes[name])
        if -1 not in shape:
            return list(shape)
        if not self._made:  # as TensorRT knows it: from the inputs' shapes
            zeros = {each: np.zeros(self._shape(each), self._engine._dtypes[each]) for each in self._engine._inputs}
            names = [item.name for item in self._engine._session.get_outputs()]
            found = self._engine._session.run(names, zeros)
            self._made = {each: array.shape for each, array in zip(names, found, strict=True)}
        return list(self._made[name])

    def execute_async_v3(self, stream_handle: int) -> bool:
        if self._engine._emulation.failing:
            self._engine._emulation.say(self._engine._emulation.failing)
            return False
        # what is set afterwards is the next run's; a recorded one keeps what its recording had
        addresses, shapes = dict(self._addresses), {name: self._shape(name) for name in self._engine._inputs}
        assert addresses.keys() == self._engine._shapes.keys(), "an address was never set"
        stream = self._engine._emulation.device.streams[stream_handle]
        stream.note("run", self._engine)
        stream.do(lambda: self._run(addresses, shapes))
        return True

    def _run(self, addresses: dict[str, int], shapes: dict[str, tuple[int, ...]]) -> None:
        engine = self._engine
        feed = {name: self._view(name, addresses[name], shapes[name]) for name in engine._inputs}
        names = [name for name in engine._shapes if name not in engine._inputs]
        for name, array in zip(names, engine._session.run(names, feed), strict=True):
            self._view(name, addresses[name], array.shape)[...] = array
        engine._emulation.runs += 1

    def _shape(self, name: str) -> tuple[int, ...]:
        return self._set.get(name, self._engine._shapes[name])

    def _view(self, name: str, address: int, shape: tuple[int, ...]) -> np.ndarray:
        dtype = self._engine._dtypes[name]
        size = int(np.prod(shape)) * dtype.itemsize
        return self._engine._emulation.device.view(address, size).view(dtype).reshape(shape)


class IOptimizationProfile:
    def __init__(self) -> None:
        self._shapes: dict[str, Any] = {}

    def set_shape(self, input: str, min: Any, opt: Any, max: Any) -> None:
        self._shapes[input] = (min, opt, max)


class ITimingCache:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def serialize(self) -> bytes:
        return self._content + b"."


class IBuilderConfig:
    progress_monitor: Any = None

    def __init__(self) -> None:
        self._flags = {BuilderFlag.TF32}
        self._profile = IOptimizationProfile()
        self._cache = ITimingCache(b"")

    def clear_flag(self, flag: BuilderFlag) -> None:
        self._flags.discard(flag)

    def add_optimization_profile(self, profile: IOptimizationProfile) -> int:
        self._profile = profile
        return 0

    def create_timing_cache(self, serialized_timing_cache: bytes) -> ITimingCache:
        return ITimingCache(serialized_timing_cache)

    def set_timing_cache(self, cache: ITimingCache, ignore_mismatch: bool) -> bool:
        if cache._content.startswith(b"foreign"):
            return False
        self._cache = cache
        return True

    def get_timing_cache(self) -> ITimingCache:
        return self._cache


class INetworkDefinition:
    def __init__(self, flags: int) -> None:
        self._flags = flags
        self._graph = b""


class ParserError:
    def __init__(self, text: str) -> None:
        self._text = text

    def desc(self) -> str:
        return self._text


class OnnxParser:
    def __init__(self, network: INetworkDefinition, logger: Any) -> None:
        self._network = network
        self._errors: list[str] = []

    @property
    def num_errors(self) -> int:
        return len(self._errors)

    def parse_from_file(self, model: str) -> bool:
        graph = onnx.load(model)
        shapes = infer_shapes(graph)
        for node in graph.graph.node:
            if node.op_type.startswith("GridSample") and len(shapes.get(node.input[0], ())) == 5:
                self._errors.append(f"No importer registered for op: {node.op_type}")
        self._network._graph = graph.SerializeToString()
        return not self._errors

    def get_error(self, index: int) -> ParserError:
        return ParserError(self._errors[index])


class Emulation:
    """A module ``tensorrt`` for one device. ``failing``: what it says instead of running or building."""

    def __init__(self, device: Device, version: str = "10.13.3.9") -> None:
        self.device, self.version = device, version
        self.failing = ""
        self.driver = True
        self.runs = 0
        self.builds = 0
        self.contexts: weakref.WeakSet[IExecutionContext] = weakref.WeakSet()
        self.freed_elsewhere = 0  # contexts, while the device was not current
        self._log: Any = None

    def freed(self) -> None:
        self.freed_elsewhere += not self.device.is_current

    def say(self, text: str) -> None:
        self._log.log(Severity.ERROR, text)

    def module(self) -> Any:
        emulation = self

        class Runtime:
            def __init__(self, logger: Any) -> None:
                emulation._log = logger
                if not emulation.driver:
                    emulation.say("createInferRuntime: Error Code 6: CUDA initialization failure with error: 35")

            def deserialize_cuda_engine(self, serialized_engine: Any) -> ICudaEngine | None:
                assert emulation.driver, "the real one crashes here"
                content = bytes(serialized_engine)
                if content[:4] != b"ftrt":
                    emulation.say("Error Code 1: Serialization (Serialization assertion magicTagRead failed.)")
                    return None
                size = int.from_bytes(content[_HEAD : _HEAD + 4], "little")
                facts = json.loads(content[_HEAD + 4 : _HEAD + 4 + size])
                if facts["version"] != emulation.version:
                    emulation.say(
                        "The engine plan file is not compatible with this version of TensorRT, expecting library"
                        f" version {emulation.version} got {facts['version']}, please rebuild."
                    )
                    return None
                if tuple(facts["capability"]) != emulation.device.capability:
                    emulation.say("The engine plan file is generated on an incompatible device, please rebuild.")
                    return None
                return ICudaEngine(emulation, facts["profiles"], content[_HEAD + 4 + size :])

        class Builder:
            def __init__(self, logger: Any) -> None:
                emulation._log = logger
                if not emulation.driver:
                    raise TypeError("pybind11::init(): factory function returned nullptr")

            def create_network(self, flags: int) -> INetworkDefinition:
                return INetworkDefinition(flags)

            def create_builder_config(self) -> IBuilderConfig:
                return IBuilderConfig()

            def create_optimization_profile(self) -> IOptimizationProfile:
                return IOptimizationProfile()

            def build_serialized_network(self, network: INetworkDefinition, config: IBuilderConfig) -> bytes | None:
                assert network._flags == 1 << int(NetworkDefinitionCreationFlag.STRONGLY_TYPED)
                monitor = config.progress_monitor
                monitor.phase_start("Building Engine", None, 2)
                monitor.phase_start("Timing", "Building Engine", 5)
                for step in range(2):
                    monitor.step_complete("Timing", step)
                    if not monitor.step_complete("Building Engine", step):
                        return None
                monitor.phase_finish("Building Engine")
                if emulation.failing:
                    emulation.say(emulation.failing)
                    return None
                emulation.builds += 1
                return plan_of(network._graph, emulation.version, emulation.device.capability, config._profile._shapes)

        module: Any = ModuleType("tensorrt")
        module.__version__ = self.version
        module.emulation = self
        for kind in (*CLASSES, Runtime, Builder):
            setattr(module, kind.__name__, kind)
        return module


CLASSES: tuple[type, ...] = (
    DataType,
    TensorIOMode,
    NetworkDefinitionCreationFlag,
    BuilderFlag,
    ILogger,
    IProgressMonitor,
    ICudaEngine,
    IExecutionContext,
    IOptimizationProfile,
    ITimingCache,
    IBuilderConfig,
    INetworkDefinition,
    ParserError,
    OnnxParser,
)
