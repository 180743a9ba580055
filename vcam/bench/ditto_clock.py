"""Telling what networks take from what everything around them takes.

Each network is wrapped where the backend loads it, so that all of the animator runs as it does live. A network's own
time is wall time, for it may run on other threads or on a GPU. What is not a network is processor time of the calling
thread, without what the networks took of it: another program on the same core does not count.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

from vcam.animators.ditto.backends.base import Array, Backend, DeviceInfo, Network, Tensor
from vcam.animators.ditto.networks import NetworkSpec
from vcam.live.meters import Timings

# Windows counts a thread's time in steps of 15.6 ms.
_thread_time: Callable[[], float] = time.perf_counter if sys.platform == "win32" else time.thread_time

_KEPT = 100_000  # durations of each kind


class WorkClock:
    """Measures on one thread. ``networks``: wall time of each call, by the networks' names."""

    def __init__(self) -> None:
        self.networks: dict[str, Timings] = {}
        self._in_networks = 0.0  # s of this thread

    def forget(self) -> None:
        """What was measured so far was only for warming up."""
        for times in self.networks.values():
            times.forget()

    @contextmanager
    def calling(self, name: str) -> Iterator[None]:
        """Around a network's call."""
        wall, began = time.perf_counter(), _thread_time()
        try:
            yield
        finally:
            self._in_networks += _thread_time() - began
            self.networks.setdefault(name, Timings(_KEPT)).add(time.perf_counter() - wall)

    def work(self) -> Work:
        """``with clock.work() as work:``; afterwards ``work.seconds`` is the thread's time less that of networks."""
        return Work(self)

    def now(self) -> float:
        """Seconds of this thread that were not spent in networks."""
        return _thread_time() - self._in_networks


class Work:
    """See :meth:`WorkClock.work`."""

    def __init__(self, clock: WorkClock) -> None:
        self.seconds = 0.0
        self._clock = clock
        self._began = 0.0

    def __enter__(self) -> Work:
        self._began = self._clock.now()
        return self

    def __exit__(self, *ignored: object) -> None:
        self.seconds = self._clock.now() - self._began


class Parts:
    """What each part of the work takes, by its name, in the order in which the parts were first measured."""

    def __init__(self, clock: WorkClock) -> None:
        self.times: dict[str, Timings] = {}
        self._clock = clock

    @contextmanager
    def measure(self, name: str) -> Iterator[None]:
        with self._clock.work() as work:
            yield
        self.times.setdefault(name, Timings(_KEPT)).add(work.seconds)


class ClockedBackend(Backend):
    """Another backend whose networks tell a clock what they take."""

    name: ClassVar[str] = "clocked"

    def __init__(self, backend: Backend, clock: WorkClock) -> None:
        self._backend = backend
        self._clock = clock

    @property
    def device(self) -> DeviceInfo:
        return self._backend.device

    def load(self, path: Path, spec: NetworkSpec) -> Network:
        return _Clocked(self._backend.load(path, spec), self._clock)

    def put(self, array: Array) -> Tensor:
        return self._backend.put(array)


class _Clocked(Network):
    def __init__(self, network: Network, clock: WorkClock) -> None:
        self.spec = network.spec
        self._network = network
        self._clock = clock

    def run(self, inputs: Mapping[str, Tensor], keep: Sequence[str] = ()) -> dict[str, Tensor]:
        with self._clock.calling(self.spec.name):
            return self._network.run(inputs, keep)

    def close(self) -> None:
        self._network.close()
