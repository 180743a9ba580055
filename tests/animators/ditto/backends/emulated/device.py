"""The interface of ``cuda.CudaDevice``, over main memory.

A stream does what it is asked to do at once or, where the device is ``lazy``, as late as it may: when somebody waits
for it. What is right either way does not depend on when the GPU gets to it.

Addresses are checked: whoever touches what was not allocated, or was freed, fails.
"""

from __future__ import annotations

import ctypes
import struct
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vcam.errors import AnimatorError

Array = npt.NDArray[Any]
ALIGNMENT = 256  # bytes, of what cuMemAlloc gives


class Memory:
    def __init__(self, owner: Device, size: int) -> None:
        whole = np.zeros(size + ALIGNMENT, np.uint8)
        start = -whole.ctypes.data % ALIGNMENT
        self._owner, self._room, self.size = owner, whole[start : start + size], size
        self.address = int(self._room.ctypes.data)

    def free(self) -> None:
        self._owner.finish()  # as cuMemFree does
        self._owner.held.pop(self.address, None)


class Device:
    index = 0
    name = "an emulated GPU"
    capability = (8, 9)
    driver = "13.0"

    def __init__(self, library: Path | None = None, room: int = 1 << 40, *, lazy: bool = False) -> None:
        """``room``: bytes that can be had. ``trace``: what was asked for, as (stream, what, of what), in order."""
        self.lazy = lazy
        self.trace: list[tuple[int, str, Any]] = []
        self.pageable = 0  # copies from and to memory that is not pinned
        self._locked: list[Array] = []
        self._depth = 0
        self.held: dict[int, Memory] = {}
        self.streams: dict[int, Stream] = {}
        self.copied = {"up": 0, "down": 0}
        self.allocations = self.pins = 0
        self.closed = False
        self.broken = False  # an earlier kernel has failed: whatever waits for the GPU says so, for good
        self._left = room
        self._library = None if library is None else ctypes.CDLL(str(library))

    @contextmanager
    def current(self) -> Iterator[None]:
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1

    @property
    def is_current(self) -> bool:
        return self._depth > 0

    @property
    def memory(self) -> tuple[int, int]:
        return self._left - sum(memory.size for memory in self.held.values()), self._left

    def alloc(self, size: int) -> Memory:
        self.check()
        used = sum(memory.size for memory in self.held.values())
        if used + size > self._left:
            from vcam.animators.ditto.backends.cuda import out_of_memory

            raise out_of_memory(self.name, size)
        made = Memory(self, size)
        self.held[made.address] = made
        self.allocations += 1
        return made

    def pinned(self, shape: Sequence[int], dtype: npt.DTypeLike) -> Array:
        self.pins += 1
        self._locked.append(np.zeros(shape, dtype))
        return self._locked[-1]

    def is_pinned(self, array: Array) -> bool:
        return any(np.shares_memory(array, locked) for locked in self._locked)

    def stream(self) -> Stream:
        return Stream(self)

    def event(self) -> Event:
        return Event(self)

    def check(self) -> None:
        if self.broken:
            raise AnimatorError("GPU 0 failed: an illegal memory access was encountered")

    def finish(self) -> None:
        """Everything that was asked of any stream."""
        for stream in self.streams.values():
            stream.advance()

    def compile(self, text: str, formats: Mapping[str, str]) -> dict[str, Any]:
        assert self._library is not None, "there is no compiler"
        return {name: (name, codes) for name, codes in formats.items()}

    def view(self, address: int, size: int) -> Array:
        for start, memory in self.held.items():
            if start <= address and address + size <= start + memory.size:
                offset = address - start
                return memory._room[offset : offset + size]
        raise AssertionError(f"{size} bytes at {address:#x} were never allocated, or have been freed")

    def launch(self, function: tuple[str, str], grid: Sequence[int], block: Sequence[int], arguments: Any) -> None:
        name, codes = function
        for code, value in zip(codes, arguments, strict=True):
            if code == "P":
                self.view(value, 1)
        buffer = struct.pack("@" + codes, *arguments)
        sizes = ((ctypes.c_uint * 3)(*grid), (ctypes.c_uint * 3)(*block))
        assert self._library is not None
        assert self._library.launch(name.encode(), *sizes, buffer) == 0

    def close(self) -> None:
        self.held.clear()
        self.closed = True


class Event:
    """``recorded``: how often; ``reached``: how often its stream has got there."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self.recorded = self.reached = 0
        self.stream: Stream | None = None

    def synchronize(self) -> None:
        self._device.trace.append((0, "event waited for", self))
        self._device.check()
        self.reach(self.recorded)

    def reach(self, count: int) -> None:
        while self.reached < count:
            assert self.stream is not None
            self.stream.step()


class Graph:
    def __init__(self, work: list[Callable[[], None]]) -> None:
        self.work = work

    def close(self) -> None:
        self.work = []


class Stream:
    """While it is captured it does nothing but note, as CUDA does."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self.handle = len(device.streams) + 1
        device.streams[self.handle] = self
        self.noted: list[Callable[[], None]] | None = None
        self._waiting: deque[Callable[[], None]] = deque()

    def do(self, work: Callable[[], None]) -> None:
        if self.noted is not None:
            self.noted.append(work)
        elif self._device.lazy:
            self._waiting.append(work)
        else:
            work()

    def step(self) -> None:
        """The next of what is waiting."""
        self._waiting.popleft()()

    def advance(self) -> None:
        while self._waiting:
            self.step()

    def upload(self, address: int, array: Array) -> None:
        assert array.flags.c_contiguous
        self.note("upload", array.nbytes)
        target = self._device.view(address, array.nbytes)
        if not self._device.is_pinned(array):
            assert self.noted is None, "a recording would read memory that is gone"
            self._device.pageable += 1
            array = array.copy()  # the driver does so before it returns

        def work() -> None:
            target[:] = array.reshape(-1).view(np.uint8)
            self._device.copied["up"] += array.nbytes

        self.do(work)

    def download(self, array: Array, address: int) -> None:
        self.note("download", array.nbytes)
        source = self._device.view(address, array.nbytes)

        def work() -> None:
            array.reshape(-1).view(np.uint8)[:] = source
            self._device.copied["down"] += array.nbytes

        self.do(work)
        if not self._device.is_pinned(array):
            assert self.noted is None, "a recording would write to memory that is gone"
            self._device.pageable += 1
            self.advance()  # the driver returns when it is done

    def copy(self, to: int, source: int, size: int) -> None:
        self.note("copy", size)
        a, b = self._device.view(to, size), self._device.view(source, size)
        self.do(lambda: a.__setitem__(slice(None), b))

    def launch(self, function: Any, grid: Sequence[int], block: Sequence[int], arguments: Any) -> None:
        self.note("launch", function[0])
        self.do(lambda: self._device.launch(function, grid, block, arguments))

    def record(self, event: Event) -> None:
        self.note("record", event)
        event.recorded += 1
        event.stream, count = self, event.recorded
        self.do(lambda: setattr(event, "reached", count))

    def wait(self, event: Event) -> None:
        self.note("wait", event)
        count = event.recorded
        self.do(lambda: event.reach(count))

    def synchronize(self) -> None:
        assert self.noted is None, "a captured stream cannot be waited for"
        self.note("waited for", None)
        self._device.check()
        self.advance()

    def capture(self, work: Callable[[], None]) -> Graph:
        self.noted = []
        try:
            work()
            return Graph(self.noted)
        finally:
            self.noted = None

    def replay(self, graph: Graph) -> None:
        self.note("replay", graph)
        for work in graph.work:
            self.do(work)

    def note(self, what: str, of: Any) -> None:
        self._device.trace.append((self.handle, f"recorded {what}" if self.noted is not None else what, of))
