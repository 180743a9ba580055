"""Telling an animator that hangs from a machine that stands still: only time in which this process ran counts."""

from __future__ import annotations

import time
from collections.abc import Callable

from vcam.live.meters import Notices

CREDIT = 2  # periods that one beat counts for at most: a hanging call must be seen at half of the beats or more
STANDSTILL = 1.0  # s longer than planned between two beats, from which on the machine stood still
SPELL = 60.0  # s without another standstill, after which they are counted anew


class Heartbeat:
    """``running``: the seconds in which the machine ran, as seen by its owner, who waits ``period`` s again and again.

    A machine that was paused or asleep, or so busy that this process did not run, makes the owner's waits longer. What
    they are longer than planned does not count. Nor does what the owner does between its waits. Not thread-safe.
    """

    def __init__(self, period: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.running = 0.0
        self._period = period
        self._clock = clock
        self._waiting_since = clock()

    def wait_begins(self) -> None:
        """The owner is done, and waits for the next beat."""
        self._waiting_since = self._clock()

    def beat(self) -> float:
        """The owner has waited. Returns the seconds for which the machine stood still meanwhile, mostly 0."""
        waited = self._clock() - self._waiting_since
        self.running += min(waited, CREDIT * self._period)
        late = waited - self._period
        return late if late >= STANDSTILL else 0.0


class Watchdog:
    """Finds a call that does not return: looked at with every heartbeat, it takes ``limit`` s of running time."""

    def __init__(self, heartbeat: Heartbeat, limit: float) -> None:
        self._heartbeat = heartbeat
        self._limit = limit
        self._call: object = None
        self._seen_at = 0.0

    def hangs(self, call: object) -> bool:
        """Whether ``call`` has been going on for too long. Calls are told apart by ``==``; None: there is none."""
        if call != self._call:
            self._call, self._seen_at = call, self._heartbeat.running
        return call is not None and self._heartbeat.running - self._seen_at > self._limit


class Standstills:
    """Tells the user that the machine stood still: the log once, and again only if it was much longer than before."""

    def __init__(self, notices: Notices, clock: Callable[[], float] = time.monotonic) -> None:
        self._notices = notices
        self._clock = clock
        self._last: float | None = None
        self._count = 0
        self._total = 0.0  # s
        self._told = 0.0  # s, the longest that the log knows of

    def add(self, seconds: float) -> None:
        """It stood still for so long, until now."""
        now = self._clock()
        if self._last is not None and now - seconds - self._last > SPELL:
            self._count, self._total, self._told = 0, 0.0, 0.0
        self._last = now
        self._count += 1
        self._total += seconds
        how_long = (
            f"for {self._total:.1f} s" if self._count == 1 else f"{self._count} times, {self._total:.1f} s in all"
        )
        quiet = seconds < 2 * self._told
        self._told = self._told if quiet else seconds
        text = f"The machine stood still {how_long}: it was paused, asleep or much too busy."
        self._notices.add("standstill", text, seconds=SPELL, quiet=quiet)
