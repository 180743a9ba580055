"""The interface of ``cuda.CudaDevice``, over main memory. A stream does at once what it is asked to do.

Addresses are checked: whoever touches what was not allocated, or was freed, fails.
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


class Memory:
    def __init__(self, owner: Device, size: int) -> None:
        self._owner, self._room, self.size = owner, np.zeros(size, np.uint8), size
        self.address = int(self._room.ctypes.data)

    def free(self) -> None:
        self._owner.held.pop(self.address, None)


class Device:
    index = 0
    name = "an emulated GPU"
    capability = (8, 9)
    driver = "13.0"

    def __init__(self, library: Path | None = None, room: int = 1 << 40) -> None:
        """``room``: bytes that can be had."""
        self.held: dict[int, Memory] = {}
        self.streams: dict[int, Stream] = {}
        self.copied = {"up": 0, "down": 0}
        self.allocations = self.pins = 0
        self.closed = False
        self._left = room
        self._library = None if library is None else ctypes.CDLL(str(library))

    @contextmanager
    def current(self) -> Iterator[None]:
        yield

    @property
    def memory(self) -> tuple[int, int]:
        return 1 << 30, 1 << 34

    def alloc(self, size: int) -> Memory:
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
        return np.zeros(shape, dtype)

    def stream(self) -> Stream:
        return Stream(self)

    def event(self) -> Event:
        return Event()

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
    def synchronize(self) -> None:
        pass


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

    def do(self, work: Callable[[], None]) -> None:
        if self.noted is None:
            work()
        else:
            self.noted.append(work)

    def upload(self, address: int, array: Array) -> None:
        assert array.flags.c_contiguous
        target = self._device.view(address, array.nbytes)

        def work() -> None:
            target[:] = array.reshape(-1).view(np.uint8)
            self._device.copied["up"] += array.nbytes

        self.do(work)

    def download(self, array: Array, address: int) -> None:
        source = self._device.view(address, array.nbytes)

        def work() -> None:
            array.reshape(-1).view(np.uint8)[:] = source
            self._device.copied["down"] += array.nbytes

        self.do(work)

    def copy(self, to: int, source: int, size: int) -> None:
        a, b = self._device.view(to, size), self._device.view(source, size)
        self.do(lambda: a.__setitem__(slice(None), b))

    def launch(self, function: Any, grid: Sequence[int], block: Sequence[int], arguments: Any) -> None:
        self.do(lambda: self._device.launch(function, grid, block, arguments))

    def record(self, event: Event) -> None:
        pass

    def wait(self, event: Event) -> None:
        pass

    def synchronize(self) -> None:
        assert self.noted is None, "a captured stream cannot be waited for"

    def capture(self, work: Callable[[], None]) -> Graph:
        self.noted = []
        try:
            work()
            return Graph(self.noted)
        finally:
            self.noted = None

    def replay(self, graph: Graph) -> None:
        for work in graph.work:
            work()
