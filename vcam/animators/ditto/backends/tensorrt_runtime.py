"""The one door to TensorRT's runtime: reading an engine, its tensors, and running it. Imported when one is opened.

Written for TensorRT 10 and 11, whose names and meanings are the same as far as they are used here.
"""

from __future__ import annotations

import ctypes
import logging
import mmap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from vcam.errors import AnimatorError

logger = logging.getLogger(__name__)

INSTALL = "pip install 'vcam[tensorrt]'"
_BUILD = "Build the engines for this machine: vcam engines build"
_OLDEST = (10, 0)
_KEPT = 8  # last errors of the library, to explain a failure

Shape = tuple[int, ...]

#: What TensorRT calls the types that the networks' tensors can have.
_TYPES: Mapping[str, npt.DTypeLike] = {
    "FLOAT": np.float32,
    "HALF": np.float16,
    "INT32": np.int32,
    "INT64": np.int64,
    "UINT8": np.uint8,
    "BOOL": np.bool_,
}

# What the library says when an engine is another's, and what that means.
_OTHER_VERSION = ("not compatible with this version", "version tag does not match", "magic tag does not match")
_OTHER_GPU = ("incompatible device", "compute capability", "different compute", "platform-specific tag")
_NO_MEMORY = ("out of memory", "outofmemory", "cudaerrormemoryallocation", "error code 2: outofmemory")
_NO_DRIVER = ("cuda initialization failure", "driver version is insufficient", "no cuda-capable device")


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """An input or output. ``shape`` has -1 where it is open; ``profile``: least, usual and most, of such inputs."""

    name: str
    is_input: bool
    shape: Shape
    dtype: np.dtype[Any]
    profile: tuple[Shape, Shape, Shape] | None = None


class TensorRt:
    """The library, ready to read engines for the current CUDA device."""

    def __init__(self, module: ModuleType | None = None) -> None:
        """``module``: tensorrt, or another of the same interface. Raises AnimatorError where it cannot be used."""
        self.module: Any = load_tensorrt() if module is None else module
        self.version = str(self.module.__version__)
        if numbers(self.version)[:2] < _OLDEST:
            raise AnimatorError(f"TensorRT {self.version} is too old; 10 or newer is needed.", f"Update it: {INSTALL}")
        self.log = make_log(self.module)
        self._runtime: Any = None

    def read(self, path: Path) -> Engine:
        """The engine in a file. Raises AnimatorError, naming what is wrong and the command that helps."""
        runtime = self._started()
        self.log.errors.clear()
        try:
            with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as plan:
                engine = runtime.deserialize_cuda_engine(plan)
        except (OSError, ValueError) as error:  # an empty file cannot be mapped
            raise AnimatorError(f"The engine {path.name} cannot be read: {error}.", _BUILD) from error
        if engine is None:
            raise self._refused(path.name)
        return Engine(self, engine, path.name)

    def error(self, what: str) -> AnimatorError:
        """``what`` failed: the beginning of a sentence, which the library's last error ends."""
        said = self.log.errors[-1] if self.log.errors else "TensorRT does not say why"
        return self._memory(what) or AnimatorError(f"{what} failed: {said}", "`vcam -vv` shows all that TensorRT says.")

    def _started(self) -> Any:
        """The library's Runtime: without a GPU it gives an object that must not be used, and says so in its log."""
        if self._runtime is None:
            self.log.errors.clear()
            try:
                runtime = self.module.Runtime(self.log)
            except TypeError as error:  # pybind11's word for a factory that gave nothing
                raise self._no_start() from error
            if any(words in text.casefold() for text in self.log.errors for words in _NO_DRIVER):
                # never freed: the lean runtime 11.4 crashes the process when it frees such an object
                ctypes.pythonapi.Py_IncRef(ctypes.py_object(runtime))
                raise self._no_start()
            self._runtime = runtime
        return self._runtime

    def _no_start(self) -> AnimatorError:
        said = self.log.errors[0] if self.log.errors else "it does not say why"
        return AnimatorError(
            f"TensorRT {self.version} cannot use the GPU: {said}",
            "Install or update NVIDIA's driver: TensorRT for CUDA 12 needs 525 or newer, for CUDA 13 580 or newer.",
        )

    def _refused(self, name: str) -> AnimatorError:
        said = " ".join(self.log.errors).casefold()
        reason = self.log.errors[0] if self.log.errors else "it is broken"
        if memory := self._memory(f"Loading the engine {name}"):
            return memory
        if any(words in said for words in _OTHER_VERSION):
            reason = f"another version of TensorRT built it; here is {self.version}"
        elif any(words in said for words in _OTHER_GPU):
            reason = "it was built for another kind of GPU"
        return AnimatorError(f"TensorRT cannot load the engine {name}: {reason}.", _BUILD)

    def _memory(self, what: str) -> AnimatorError | None:
        if not any(words in text.casefold() for text in self.log.errors for words in _NO_MEMORY):
            return None
        return AnimatorError(
            f"{what} failed: the GPU's memory is full.",
            "Close what else uses the GPU (`nvidia-smi` lists it), or choose another one by animator.ditto.gpu.",
        )


class Engine:
    """A network, ready to be run by its ``Execution``. ``tensors``: by name, inputs first."""

    def __init__(self, library: TensorRt, engine: Any, name: str) -> None:
        self._library, self._engine, self.name = library, engine, name
        names = [engine.get_tensor_name(index) for index in range(engine.num_io_tensors)]
        found = [self._info(each) for each in names]
        self.tensors = {info.name: info for info in sorted(found, key=lambda info: not info.is_input)}

    def start(self) -> Execution:
        self._library.log.errors.clear()
        context = self._engine.create_execution_context()
        if context is None:
            raise self._library.error(f"Starting the engine {self.name}")
        return Execution(self._library, context, self.name)

    def close(self) -> None:
        """With the device current, as TensorRT needs it; after its executions'. May be called twice."""
        self._engine = None

    def _info(self, name: str) -> TensorInfo:
        """Raises AnimatorError for a type that no network of ours has."""
        kind = self._engine.get_tensor_dtype(name).name
        if kind not in _TYPES:
            raise AnimatorError(f"The engine {self.name} has the tensor {name} of the type {kind}.", _BUILD)
        is_input = self._engine.get_tensor_mode(name) == self._library.module.TensorIOMode.INPUT
        shape = tuple(self._engine.get_tensor_shape(name))
        profile = None
        if is_input and -1 in shape:
            least, usual, most = self._engine.get_tensor_profile_shape(name, 0)
            profile = (tuple(least), tuple(usual), tuple(most))
        return TensorInfo(name, is_input, shape, np.dtype(_TYPES[kind]), profile)


class Execution:
    """One use of an engine: shapes and addresses are set, then it runs on a stream."""

    def __init__(self, library: TensorRt, context: Any, name: str) -> None:
        self._library, self._context, self._name = library, context, name

    def set_shape(self, name: str, shape: Sequence[int]) -> None:
        """Of an input of open size. Raises AnimatorError for one that the engine was not built for."""
        if not self._context.set_input_shape(name, tuple(shape)):
            raise self._library.error(f"Setting {name} of the engine {self._name} to {tuple(shape)}")

    def shape(self, name: str) -> Shape:
        """Now, of an output whose size follows from the inputs'."""
        return tuple(self._context.get_tensor_shape(name))

    def set_address(self, name: str, address: int) -> None:
        if not self._context.set_tensor_address(name, address):
            raise self._library.error(f"Binding {name} of the engine {self._name}")

    def run(self, stream: int) -> None:
        """Returns at once. Raises AnimatorError if it cannot be started."""
        if not self._context.execute_async_v3(stream):
            raise self._library.error(f"Running the engine {self._name}")

    def close(self) -> None:
        """With the device current, as TensorRT needs it. May be called twice."""
        self._context = None


def load_tensorrt() -> ModuleType:
    """Raises AnimatorError if it is not installed or does not load."""
    try:
        module = import_module("tensorrt")
    except ModuleNotFoundError as error:
        hint = f"{INSTALL}, or set animator.ditto.backend to onnxruntime"
        raise AnimatorError("TensorRT is not installed.", hint) from error
    except (ImportError, OSError) as error:
        raise AnimatorError(f"TensorRT does not load: {str(error).splitlines()[0]:.200}", INSTALL) from error
    if not hasattr(module, "Runtime"):  # a folder of this name, or a package without its libraries
        raise AnimatorError("The installed package tensorrt is empty.", f"Install it again: {INSTALL}")
    return module


def numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:3] if part.isdigit())


def make_log(module: Any) -> Any:
    """An ILogger that writes to ours, with ``errors``: the last ones."""
    severity = module.ILogger.Severity
    levels = {
        severity.INTERNAL_ERROR: logging.ERROR,
        severity.ERROR: logging.ERROR,
        severity.WARNING: logging.INFO,  # of every engine several, which nobody can do anything about
        severity.INFO: logging.DEBUG,
        severity.VERBOSE: logging.NOTSET,
    }

    class Log(module.ILogger):
        def __init__(self) -> None:
            module.ILogger.__init__(self)
            self.errors: list[str] = []

        def log(self, severity: Any, msg: str) -> None:
            level = levels.get(severity, logging.ERROR)
            if level >= logging.ERROR:
                self.errors[:] = [*self.errors, msg.strip()][-_KEPT:]
                level = logging.DEBUG  # what fails is raised, with this in it
            if level:
                logger.log(level, "TensorRT: %s", msg)

    return Log()
