"""CUDA graphs, which pycuda does not have: the driver's own functions, on pycuda's streams.

A graph is a piece of a stream's work, recorded once and then launched as a whole: the many small kernels of a network
start without the CPU handing over each. Names and types are those of CUDA's cuda.h.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from typing import Any

_THREAD_LOCAL = 1  # CU_STREAM_CAPTURE_MODE_THREAD_LOCAL: other threads may go on allocating meanwhile
_POINTER = ctypes.c_void_p
_RETURNED = ctypes.POINTER(ctypes.c_void_p)

#: The arguments of each function that is used; all give a CUresult, 0 for success.
SIGNATURES: dict[str, tuple[Any, ...]] = {
    "cuStreamBeginCapture_v2": (_POINTER, ctypes.c_int),
    "cuStreamEndCapture": (_POINTER, _RETURNED),
    "cuGraphInstantiateWithFlags": (_RETURNED, _POINTER, ctypes.c_ulonglong),
    "cuGraphLaunch": (_POINTER, _POINTER),
    "cuGraphExecDestroy": (_POINTER,),
    "cuGraphDestroy": (_POINTER,),
    "cuGetErrorString": (ctypes.c_int, ctypes.POINTER(ctypes.c_char_p)),
}


class GraphError(Exception):
    """The driver could not record or launch a graph."""


class Recorder:
    """Raises GraphError where the driver has no graphs."""

    def __init__(self) -> None:
        name = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
        try:
            self._library = ctypes.CDLL(name)
            self._functions = {key: getattr(self._library, key) for key in SIGNATURES}
        except (OSError, AttributeError) as error:
            raise GraphError(f"driver version is insufficient for CUDA graphs: {error}") from error
        for key, function in self._functions.items():
            function.argtypes, function.restype = SIGNATURES[key], ctypes.c_int

    def call(self, name: str, *arguments: Any) -> None:
        """Raises GraphError unless the driver reports success."""
        result = self._functions[name](*arguments)
        if result:
            text = ctypes.c_char_p()
            self._functions["cuGetErrorString"](result, ctypes.byref(text))
            raise GraphError(f"{name} failed: {(text.value or b'error %d' % result).decode(errors='replace')}")

    def record(self, stream: int, work: Callable[[], None]) -> Graph:
        """What ``work`` asks of the stream, as a graph; it is not done."""
        graph = ctypes.c_void_p()
        self.call("cuStreamBeginCapture_v2", stream, _THREAD_LOCAL)
        try:
            work()
        finally:
            # ended in any case: a stream that is left capturing refuses everything
            ended = self._functions["cuStreamEndCapture"](stream, ctypes.byref(graph))
        if ended or not graph:
            raise GraphError("the stream's work could not be recorded: something in it waits or allocates")
        ready = ctypes.c_void_p()
        try:
            self.call("cuGraphInstantiateWithFlags", ctypes.byref(ready), graph, 0)
        finally:
            self.call("cuGraphDestroy", graph)
        return Graph(self, ready)


class Graph:
    """Launched as often as is wanted, with the addresses that were recorded."""

    def __init__(self, recorder: Recorder, ready: ctypes.c_void_p) -> None:
        self.executable = Executable(recorder, ready)

    def launch(self, stream: int) -> None:
        """Raises GraphError if it has been closed, or the driver fails."""
        self.executable.launch(stream)

    def close(self) -> None:
        """May be called twice."""
        self.executable.close()


class Executable:
    """The driver's part of a graph, which outlives it until it can be freed."""

    def __init__(self, recorder: Recorder, ready: ctypes.c_void_p) -> None:
        self._recorder = recorder
        self._ready: ctypes.c_void_p | None = ready

    def launch(self, stream: int) -> None:
        if self._ready is None:
            raise GraphError("the graph has been closed")
        self._recorder.call("cuGraphLaunch", self._ready, stream)

    def close(self) -> None:
        ready, self._ready = self._ready, None
        if ready is not None:
            self._recorder.call("cuGraphExecDestroy", ready)
