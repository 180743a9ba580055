"""Time that passes as fast as it is waited for: vcam's threads run one at a time, and the clock stands meanwhile.

Inside ``virtual_time()`` the modules of vcam get clocks, threads, events and locks of this module's. When all threads
wait, the clock goes on to the moment at which the first of them is due. What is measured is then exact and the same in
each run, and a day takes minutes. A thread that computes for ever without waiting is not interrupted.
"""

from __future__ import annotations

import heapq
import itertools
import sys
import threading as real_threading
import time as real_time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import ModuleType, TracebackType
from typing import Any

import pytest


class _Task:
    """A thread that takes part; parked whenever it is not its turn. ``thread``: None for whoever made the world."""

    def __init__(self, thread: Thread | None) -> None:
        self.thread = thread
        self.turn = real_threading.Lock()  # to be acquired by the thread itself, and released by the one before
        self.turn.acquire()
        self.waits = 0  # counts them: a deadline of an earlier wait is void
        self.waiting = False
        self.woken = False


class World:
    """The clock, in seconds, and whose turn it is."""

    def __init__(self) -> None:
        self.now = 1000.0
        self._current = _Task(None)
        self._ready: deque[_Task] = deque()
        self._due: list[tuple[float, int, int, _Task]] = []  # deadline, order, which wait of whom
        self._order = itertools.count()

    @property
    def thread(self) -> Thread | None:
        """Whose turn it is."""
        return self._current.thread

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.wait(seconds, [])

    def asleep(self, seconds: float) -> None:
        """The machine sleeps: the clock goes on, and nobody ran."""
        self.now += seconds

    def wait(self, seconds: float | None, waiters: list[_Task]) -> bool:
        """Until woken as one of ``waiters``, or for so long; whether it was woken."""
        task = self._current
        task.waits += 1
        task.waiting, task.woken = True, False
        waiters.append(task)
        if seconds is not None:
            at = self.now + max(0.0, seconds)
            heapq.heappush(self._due, (at, next(self._order), task.waits, task))
        self._hand_over()
        if task in waiters:
            waiters.remove(task)
        return task.woken

    def wake(self, waiters: list[_Task], count: int | None = None) -> None:
        """The first ``count`` of those who wait, all by default."""
        for task in waiters[:count]:
            waiters.remove(task)
            if task.waiting:
                task.waiting, task.woken = False, True
                self._ready.append(task)

    def begin(self, thread: Thread, run: Callable[[], None]) -> None:
        """Let another thread take part."""
        task = _Task(thread)

        def take_part() -> None:
            task.turn.acquire()
            try:
                run()
            finally:
                thread.ended = True
                self.wake(thread.joiners)
                self._next().turn.release()

        self._ready.append(task)
        real_threading.Thread(target=take_part, name=thread.name, daemon=True).start()

    def _hand_over(self) -> None:
        task = self._current
        following = self._next()
        if following is task:
            return
        following.turn.release()
        task.turn.acquire()

    def _next(self) -> _Task:
        if self._ready:
            task = self._ready.popleft()
        else:
            while True:
                at, _, wait, task = heapq.heappop(self._due)
                if task.waiting and task.waits == wait:
                    break
            self.now = max(self.now, at)
            task.waiting = False
        self._current = task
        return task


class Thread:
    """As :class:`threading.Thread`."""

    def __init__(self, world: World, target: Callable[[], None], name: str = "", daemon: bool = False) -> None:
        self.name = name
        self.ended = False
        self.joiners: list[_Task] = []
        self._world = world
        self._target = target
        self._begun = False

    def start(self) -> None:
        self._begun = True
        self._world.begin(self, self._target)

    def is_alive(self) -> bool:
        return self._begun and not self.ended

    def join(self, timeout: float | None = None) -> None:
        if self.is_alive():
            self._world.wait(timeout, self.joiners)


class Event:
    """As :class:`threading.Event`."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._set = False
        self._waiters: list[_Task] = []

    def is_set(self) -> bool:
        return self._set

    def set(self) -> None:
        self._set = True
        self._world.wake(self._waiters)

    def clear(self) -> None:
        self._set = False

    def wait(self, timeout: float | None = None) -> bool:
        if not self._set:
            self._world.wait(timeout, self._waiters)
        return self._set


class Lock:
    """As :class:`threading.Lock`."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._held = False
        self._waiters: list[_Task] = []

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        while self._held:
            if not blocking or timeout == 0 or not self._world.wait(None if timeout < 0 else timeout, self._waiters):
                return False
        self._held = True
        return True

    def release(self) -> None:
        self._held = False
        if self._waiters:
            self._world.wake(self._waiters, 1)

    def __enter__(self) -> None:
        if self._held:
            self.acquire()
        self._held = True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


class Condition(Lock):
    """As :class:`threading.Condition`."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._sleepers: list[_Task] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.release()
        woken = self._world.wait(timeout, self._sleepers)
        self.acquire()
        return woken

    def notify(self, n: int = 1) -> None:
        if self._sleepers:
            self._world.wake(self._sleepers, n)


_MADE: dict[str, Callable[..., object]] = {"Thread": Thread, "Event": Event, "Lock": Lock, "Condition": Condition}


class _Threading:
    """Stands for the module ``threading``."""

    def __init__(self, world: World) -> None:
        self._world = world

    def __getattr__(self, name: str) -> Any:
        made = _MADE.get(name)
        return getattr(real_threading, name) if made is None else partial(made, self._world)

    def current_thread(self) -> object:
        return self._world.thread


class _Time:
    """Stands for the module ``time``. What is measured to judge the machine (perf_counter) stands still."""

    def __init__(self, world: World) -> None:
        self.monotonic = self.perf_counter = world.monotonic
        self.sleep = world.sleep

    def __getattr__(self, name: str) -> Any:
        return getattr(real_time, name)


@contextmanager
def virtual_time(*others: ModuleType) -> Iterator[World]:
    """For vcam's modules that are imported already, and ``others``, inside the context."""
    world = World()
    with pytest.MonkeyPatch.context() as patch:
        modules = [module for name, module in sys.modules.items() if name.startswith("vcam.")]
        for module in (*modules, *others):
            if getattr(module, "threading", None) is real_threading:
                patch.setattr(module, "threading", _Threading(world))
            if getattr(module, "time", None) is real_time:
                patch.setattr(module, "time", _Time(world))
            if hasattr(module, "go_first"):  # they never wait here, and would leave nothing to others
                patch.setattr(module, "go_first", lambda: False)
        yield world
