"""The one door to pycuda: a GPU's context, memory, streams, events and kernels. It is imported when a GPU is opened.

The device's primary context is used, which TensorRT and onnxruntime use too. It belongs to no thread: whoever works
with what is here does so inside ``with device.current():``, on any thread, one at a time for each stream.
"""

from __future__ import annotations

import ctypes
import logging
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache, partial
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from vcam.errors import AnimatorError

from .cuda_gone import Gone, forget
from .cuda_graph import Graph, GraphError, Recorder

logger = logging.getLogger(__name__)

Array = npt.NDArray[Any]
_INSTALL = "pip install 'vcam[tensorrt]' (pycuda is built by that and needs NVIDIA's CUDA toolkit)"
_DRIVER = "Install or update NVIDIA's driver, see https://www.nvidia.com/drivers; `nvidia-smi` then lists the GPUs."
_TOOLKIT = "Install NVIDIA's CUDA toolkit and put its bin folder, where nvcc is, on the PATH."
_OTHERWISE = "Without a GPU, use the lite animator: vcam start --animator lite"
_NON_BLOCKING = 1  # CU_STREAM_NON_BLOCKING: does not wait for what others do on the default stream
_LEAST_CAPABILITY = (7, 5)  # of TensorRT 10 and later

# What the driver says (cuGetErrorString) if a GPU cannot be opened, and what that means.
_NO_DEVICE = ("no cuda-capable device", "invalid device ordinal")
_TOO_OLD = ("driver version is insufficient", "unsupported display driver", "provided ptx was compiled", "stub library")


def out_of_memory(where: str, size: int = 0) -> AnimatorError:
    wanted = f" ({size / 2**20:.0f} MB were asked for)" if size else ""
    return AnimatorError(
        f"The memory of {where} is full{wanted}.",
        "Close what else uses the GPU (`nvidia-smi` lists it), choose another one by animator.ditto.gpu, or use the"
        " lite animator: vcam start --animator lite",
    )


class Memory:
    """``size`` bytes of device memory at ``address``. Freed by ``free`` or with the device, not by being forgotten."""

    def __init__(self, allocation: Any, size: int) -> None:
        self._allocation, self.address, self.size = allocation, int(allocation), size

    def free(self) -> None:
        """May be called twice."""
        if self._allocation is not None:
            self._allocation.free()
            self._allocation = None


class Event:
    """A point in a stream's work. Waiting for it does not keep a core busy."""

    def __init__(self, event: Any, gone: Gone) -> None:
        self.raw = event
        gone.follow(self, partial(forget, event))

    def synchronize(self) -> None:
        self.raw.synchronize()


class Stream:
    """Work that the GPU does in order; everything but ``synchronize`` returns at once.

    What is handed to ``upload`` or ``download`` must stay as it is until the work is done, and should be pinned.
    """

    def __init__(self, driver: ModuleType, recorder: Recorder, gone: Gone) -> None:
        self._driver, self._recorder, self._gone = driver, recorder, gone
        self._raw = driver.Stream(_NON_BLOCKING)
        self._done = driver.Event(driver.event_flags.BLOCKING_SYNC | driver.event_flags.DISABLE_TIMING)
        gone.follow(self, partial(forget, self._raw, self._done))

    @property
    def handle(self) -> int:
        """The CUstream, for TensorRT."""
        return int(self._raw.handle)

    def upload(self, address: int, array: Array) -> None:
        self._driver.memcpy_htod_async(address, array, self._raw)

    def download(self, array: Array, address: int) -> None:
        self._driver.memcpy_dtoh_async(array, address, self._raw)

    def copy(self, to: int, source: int, size: int) -> None:
        self._driver.memcpy_dtod_async(to, source, size, self._raw)

    def launch(self, function: Any, grid: Sequence[int], block: Sequence[int], arguments: Sequence[float]) -> None:
        function.prepared_async_call(tuple(grid), tuple(block), self._raw, *arguments)

    def record(self, event: Event) -> None:
        event.raw.record(self._raw)

    def wait(self, event: Event) -> None:
        """What follows here starts after the event."""
        self._raw.wait_for_event(event.raw)

    def synchronize(self) -> None:
        """Wait until everything is done, without keeping a core busy."""
        self._done.record(self._raw)
        self._done.synchronize()

    def capture(self, work: Callable[[], None]) -> Graph:
        """What ``work`` asks of this stream, not done but kept for ``replay``. It must not wait or allocate."""
        graph = self._recorder.record(self.handle, work)
        self._gone.follow(graph, graph.executable.close)
        return graph

    def replay(self, graph: Graph) -> None:
        graph.launch(self.handle)


class CudaDevice:
    """A GPU by its index. Raises AnimatorError, saying what to do, where there is none that can be used."""

    def __init__(self, index: int = 0) -> None:
        self._driver = load_driver()
        driver = self._driver
        with explained("the GPU"):
            driver.init()
            count = driver.Device.count()
        if index >= count:
            there = f"there is only one, GPU {count - 1}" if count == 1 else f"there are {count}, from 0 on"
            raise AnimatorError(
                "There is no GPU that CUDA can use." if not count else f"There is no GPU {index}: {there}.",
                _DRIVER if not count else f"Set animator.ditto.gpu to a number from 0 to {count - 1}.",
            )
        with explained(f"GPU {index}"):
            device = driver.Device(index)
            self.index, self.name = index, str(device.name())
            self.capability: tuple[int, int] = tuple(device.compute_capability())
            self.driver = _version(driver.get_driver_version())
            if self.capability < _LEAST_CAPABILITY:
                raise AnimatorError(
                    f"The {self.name} has compute capability {_dotted(self.capability)}; TensorRT needs"
                    f" {_dotted(_LEAST_CAPABILITY)} or higher.",
                    "Set animator.ditto.backend to onnxruntime, or use the lite animator: vcam start --animator lite",
                )
            self._context: Any = _primary_context(index)
            self._gone = _gone(index)
            with self.current():
                self._recorder = Recorder()
        self._pinned: list[Array] = []

    @contextmanager
    def current(self) -> Iterator[None]:
        """Make this the thread's device. May be nested. Raises AnimatorError for what fails inside on the GPU."""
        if self._context is None:
            raise AnimatorError(f"GPU {self.index} has been closed.")
        with explained(f"GPU {self.index}, {self.name},"):
            self._context.push()
            try:
                self._gone.free()
                yield
            finally:
                self._driver.Context.pop()

    @property
    def memory(self) -> tuple[int, int]:
        """Free and all, in bytes; only while this is current, as all that follows."""
        free, total = self._driver.mem_get_info()
        return int(free), int(total)

    def alloc(self, size: int) -> Memory:
        try:
            return Memory(self._driver.mem_alloc(max(1, size)), size)
        except self._driver.MemoryError as error:
            raise out_of_memory(f"GPU {self.index}, {self.name},", size) from error

    def pinned(self, shape: Sequence[int], dtype: npt.DTypeLike) -> Array:
        """An array in main memory that copies from and to the GPU need not move first; freed with the device."""
        made: Array = self._driver.pagelocked_empty(tuple(shape), np.dtype(dtype))
        self._pinned.append(made)
        return made

    def stream(self) -> Stream:
        return Stream(self._driver, self._recorder, self._gone)

    def event(self) -> Event:
        flags = self._driver.event_flags
        return Event(self._driver.Event(flags.BLOCKING_SYNC | flags.DISABLE_TIMING), self._gone)

    def compile(self, text: str, formats: Mapping[str, str]) -> dict[str, Any]:
        """Kernels by name, for ``Stream.launch``. ``text``: CUDA C; ``formats``: ``struct`` codes of the arguments.

        Compiled for this GPU once; pycuda keeps the result in the user's cache. Raises AnimatorError without nvcc.
        """
        if shutil.which("nvcc") is None:
            raise AnimatorError("The CUDA compiler nvcc is not there; it makes the kernels for this GPU.", _TOOLKIT)
        try:
            module = _module(self.index, text)
        except self._driver.CompileError as error:
            raise AnimatorError(
                f"nvcc cannot compile for the {self.name}: {_first_line(error.stderr or error.msg)}",
                "Use a CUDA toolkit that knows this GPU and the installed C++ compiler. " + _TOOLKIT,
            ) from error
        return {name: module.get_function(name).prepare(codes) for name, codes in formats.items()}

    def close(self) -> None:
        """After everything that uses it. May be called twice."""
        if self._context is not None:
            with self.current():
                self._pinned.clear()
            self._context = None


@cache
def _primary_context(index: int) -> Any:
    """Kept as long as the process, and never freed: pycuda would give it back by the wrong function, complaining."""
    context = load_driver().Device(index).retain_primary_context()
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(context))
    return context


@cache
def _module(index: int, text: str) -> Any:
    """With the device current. Kept as long as the process, as the context is: to be used again, and freed nowhere."""
    return import_module("pycuda.compiler").SourceModule(text, no_extern_c=True, options=["-O3"])


@cache
def _gone(index: int) -> Gone:
    """One for all who open this GPU: what one leaves the next frees."""
    return Gone()


def load_driver() -> ModuleType:
    """pycuda.driver. Raises AnimatorError where pycuda or NVIDIA's driver is missing."""
    try:
        return import_module("pycuda.driver")
    except ModuleNotFoundError as error:
        name = (error.name or "pycuda").partition(".")[0]
        raise AnimatorError(f"{name} is not installed; TensorRT needs it.", _INSTALL) from error
    except (ImportError, OSError) as error:
        if "libcuda" in str(error) or "nvcuda" in str(error):
            raise AnimatorError(
                "There is no NVIDIA driver here (its library libcuda cannot be loaded).", f"{_DRIVER} {_OTHERWISE}"
            ) from error
        raise AnimatorError(f"pycuda does not load: {_first_line(error)}", f"Install it again: {_INSTALL}") from error


@contextmanager
def explained(where: str) -> Iterator[None]:
    """Errors of the driver inside as AnimatorErrors. ``where``: the beginning of a sentence."""
    driver = load_driver()
    try:
        yield
    except driver.MemoryError as error:
        raise out_of_memory(where.rstrip(",")) from error
    except (driver.Error, GraphError) as error:
        text = _first_line(error)
        said = text.casefold()
        if any(words in said for words in _TOO_OLD):
            raise AnimatorError(f"NVIDIA's driver is too old for the CUDA in use: {text}", _DRIVER) from error
        if any(words in said for words in _NO_DEVICE):
            raise AnimatorError(f"There is no GPU that CUDA can use: {text}", f"{_DRIVER} {_OTHERWISE}") from error
        raise AnimatorError(
            f"{where} failed: {text}", "If it goes on failing, restart the computer: the driver may be stuck."
        ) from error


def _version(number: int) -> str:
    return f"{number // 1000}.{number % 1000 // 10}"


def _dotted(capability: tuple[int, int]) -> str:
    return f"{capability[0]}.{capability[1]}"


def _first_line(error: object) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)[:300]
