"""Telling what networks take from what everything around them takes.

Each network is wrapped where the backend loads it, and what the backend draws with two of them, so that all of the
animator runs as it does live. A network's own time is wall time, for it may run on other threads or on a GPU. What is
not a network is processor time of the calling thread, without what the networks took of it: another program on the same
core does not count.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from vcam.animators.ditto.backends.base import (
    Array,
    Backend,
    Denoising,
    DeviceInfo,
    Drawing,
    Form,
    Network,
    Tensor,
    WholeDrawing,
)
from vcam.animators.ditto.networks import NetworkSpec
from vcam.live.meters import Timings

# Windows counts a thread's time in steps of 15.6 ms.
_thread_time: Callable[[], float] = time.perf_counter if sys.platform == "win32" else time.thread_time

FACE = "face"  # warp, decode and what makes bytes of it, where a backend draws all of that
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
        began = self.stand()
        try:
            yield
        finally:
            self.called(name, began)

    def stand(self) -> tuple[float, float]:
        """Wall time and the thread's, to be given to :meth:`called`."""
        return time.perf_counter(), _thread_time()

    def called(self, name: str, began: tuple[float, float], calls: int = 1) -> None:
        """A network was called since ``began``, so many times at once."""
        wall, thread = began
        self._in_networks += _thread_time() - thread
        spent = (time.perf_counter() - wall) / calls
        for _ in range(calls):
            self.networks.setdefault(name, Timings(_KEPT)).add(spent)

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

    def drawing(self, warp: Network, decoder: Network, times: Timings | None = None) -> Drawing | None:
        inner = self._backend.drawing(_bare(warp), _bare(decoder), times)
        if inner is None:
            return None
        clocked = _ClockedWholeDrawing if isinstance(inner, WholeDrawing) else _ClockedDrawing
        return clocked(inner, self._clock)


class _ClockedDrawing:
    """Another drawing whose faces are two networks' work and more, told as ``FACE``; the rest is as it is."""

    def __init__(self, drawing: Any, clock: WorkClock) -> None:
        self._drawing, self._clock = drawing, clock

    def face(self, features: Tensor, x_s: Array, x_d: Tensor) -> Any:
        with self._clock.calling(FACE):
            return self._drawing.face(features, x_s, x_d)

    def keep(self, crop: Any) -> Any:
        return self._drawing.keep(crop)

    def paste(self, index: int, paster: Any, crop: Any) -> Array:
        made: Array = self._drawing.paste(index, paster, crop)
        return made


class _ClockedWholeDrawing(_ClockedDrawing):
    def sizes(self) -> Sequence[int]:
        found: Sequence[int] = self._drawing.sizes()
        return found

    def paste(self, index: int, paster: Any, crop: Any, form: Form | None = None) -> Array:
        made: Array = self._drawing.paste(index, paster, crop, form)
        return made

    def begin_all(
        self, form: Form, places: Sequence[tuple[int, Any]], features: Sequence[Tensor], x_s: Array, x_d: Tensor
    ) -> Any:
        return self._drawing.begin_all(form, places, features, x_s, x_d)  # returns at once: tells nothing

    def finish_all(self, begun: Any) -> Array:
        made: Array = self._drawing.finish_all(begun)
        return made


def _bare(network: Network) -> Network:
    return network.inner if isinstance(network, _Clocked) else network


class _Clocked(Network):
    def __init__(self, network: Network, clock: WorkClock) -> None:
        self.spec = network.spec
        self.inner = network
        self._clock = clock

    def run(self, inputs: Mapping[str, Tensor], keep: Sequence[str] = ()) -> dict[str, Tensor]:
        with self._clock.calling(self.spec.name):
            return self.inner.run(inputs, keep)

    def denoise(self, schedule: Denoising, x: Array, noises: Array, cond_frame: Tensor, cond: Tensor) -> Array | None:
        began = self._clock.stand()
        made = self.inner.denoise(schedule, x, noises, cond_frame, cond)
        if made is not None:
            self._clock.called(self.spec.name, began, len(schedule.times))
        return made

    def several(self, count: int) -> Network | None:
        network = self.inner.several(count)
        return None if network is None else _Clocked(network, self._clock)

    def close(self) -> None:
        self.inner.close()
