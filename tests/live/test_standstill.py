"""A machine that stands still: the whole process is stopped in the middle of a call of the animator."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading

import pytest

STOPPED = 2.5  # s; more than a call may take


@pytest.mark.skipif(sys.platform == "win32", reason="processes cannot be stopped there")
def test_a_standstill_is_told_as_what_it_is_and_costs_neither_animator_nor_delay() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.live.standing_still"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "inside\n"
            process.send_signal(signal.SIGSTOP)
            threading.Event().wait(STOPPED)
            process.send_signal(signal.SIGCONT)
            printed, errors = process.communicate(timeout=60)
        finally:
            process.kill()
    status = json.loads(printed)
    assert status["made"] == 1
    assert status["state"] == "live"
    assert status["raised"] == 0
    assert status["fresh"] > 10
    assert status["camera"]["missed"] > 25
    (text,) = status["warnings"]
    assert text.startswith("The machine stood still for 2.")
    assert errors.count("stood still") == 1  # the log, as its warnings appear where none was set up
