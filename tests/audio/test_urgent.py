from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable

import pytest

from vcam.audio.urgent import NICENESS, go_first

if sys.platform != "linux":
    pytest.skip("only Linux is asked", allow_module_level=True)


def in_a_thread(call: Callable[[], object]) -> object:
    found: list[object] = []
    thread = threading.Thread(target=lambda: found.append(call()))
    thread.start()
    thread.join()
    return found[0]


def policy() -> int:
    return os.sched_getscheduler(0) & ~os.SCHED_RESET_ON_FORK


def refuse(*arguments: object) -> None:
    raise PermissionError(1, "Operation not permitted")


def test_the_thread_goes_first_and_those_that_it_starts_do_not() -> None:
    def urgent() -> tuple[bool, int, object]:
        return go_first(), policy(), in_a_thread(policy)

    found = in_a_thread(urgent)
    assert isinstance(found, tuple)
    allowed, own, others = found
    if not allowed or own != os.SCHED_RR:
        pytest.skip("this user may not run anything in real time (RLIMIT_RTPRIO)")
    assert others == os.SCHED_OTHER
    assert policy() == os.SCHED_OTHER


def test_where_real_time_is_refused_it_is_nice_the_other_way(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int, int]] = []
    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    monkeypatch.setattr(os, "setpriority", lambda *arguments: asked.append(arguments))
    assert go_first()
    assert asked == [(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)]


def test_where_all_is_refused_it_runs_like_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    monkeypatch.setattr(os, "setpriority", refuse)
    assert not go_first()
