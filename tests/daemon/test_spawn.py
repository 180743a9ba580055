"""Background processes, with a stand-in for the session in them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.daemon import stand_in
from vcam.daemon.client import ControlClient, NotRunning
from vcam.daemon.lock import SessionLock
from vcam.daemon.paths import log_file
from vcam.daemon.spawn import start_background
from vcam.errors import VcamError

ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, stand_in.__file__)


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., int]]:
    """Start a stand-in in the background, in folders of its own; what still runs at the end is killed."""
    for name in ("RUNTIME_DIR", "STATE_HOME", "CONFIG_HOME", "CACHE_HOME"):
        (tmp_path / name).mkdir(mode=0o700)
        monkeypatch.setenv(f"XDG_{name}", str(tmp_path / name))
    monkeypatch.setenv("PYTHONPATH", str(ROOT), prepend=os.pathsep)

    def run(options: dict[str, Any] | None = None, **more: Any) -> int:
        return start_background(options or {}, command=COMMAND, **more)

    yield run
    lock = SessionLock()
    info = lock.info()
    if info is not None and lock.is_held():
        psutil.Process(info.pid).kill()


def wait_until_gone(pid: int) -> None:
    if psutil.pid_exists(pid):
        psutil.wait_procs([psutil.Process(pid)], timeout=20)
    assert not SessionLock().is_held()


def test_a_session_in_the_background_from_start_to_stop(start: Callable[..., int]) -> None:
    states: list[str] = []
    pid = start({"state": "degraded"}, on_progress=states.append)
    assert states[-1] == "degraded"
    client = ControlClient()
    info = client.info()
    assert info.pid == pid
    assert info.log == str(log_file())
    process = psutil.Process(pid)
    assert os.getsid(pid) == pid  # a signal to the terminal's group does not reach it
    assert process.cwd() == str(log_file().parent)
    assert process.open_files() == [] or all(file.path != "/dev/tty" for file in process.open_files())
    assert log_file().stat().st_mode & 0o777 == 0o600
    assert "degraded" not in " ".join(process.cmdline())

    with pytest.raises(VcamError, match=f"already running.*{pid}"):
        start()
    client.call("stop")
    wait_until_gone(pid)
    assert "Ended with exit status 0" in log_file().read_text()
    with pytest.raises(NotRunning):
        client.call("status")


def test_killed_and_started_again(start: Callable[..., int]) -> None:
    pid = start()
    os.kill(pid, signal.SIGKILL)
    wait_until_gone(pid)
    with pytest.raises(NotRunning):
        ControlClient().call("status")
    again = start()
    assert again != pid
    assert ControlClient().call("status")["state"] == "live"


def test_sigterm_ends_it_in_order(start: Callable[..., int]) -> None:
    pid = start()
    os.kill(pid, signal.SIGTERM)
    wait_until_gone(pid)
    assert SessionLock().info() is None
    assert not Path(SessionLock().address).exists()
    assert "Ended with exit status 0" in log_file().read_text()


def test_a_closed_terminal_does_not_end_it(start: Callable[..., int]) -> None:
    pid = start()
    os.kill(pid, signal.SIGHUP)
    assert ControlClient().call("status")["state"] == "live"


def test_a_start_that_fails_says_why(start: Callable[..., int]) -> None:
    log_file().write_text("of an earlier session\n")
    with pytest.raises(VcamError, match="exit status 1") as caught:
        start({"fail": "there is no microphone"})
    assert "there is no microphone Plug one in." in caught.value.message
    assert "earlier" not in caught.value.message
    assert str(log_file()) in caught.value.hint
    assert not SessionLock().is_held()


def test_a_start_that_fails_for_a_wrong_option_is_wrong_usage(start: Callable[..., int]) -> None:
    with pytest.raises(VcamError, match="no such size") as caught:
        start({"misuse": "no such size"})
    assert caught.value.exit_code == 2


def test_a_crash_shows_the_end_of_its_traceback(start: Callable[..., int]) -> None:
    with pytest.raises(VcamError, match="RuntimeError: what a surprise"):
        start({"crash": "what a surprise"})


def test_a_start_that_never_gets_live_is_ended(start: Callable[..., int]) -> None:
    states: list[str] = []
    with pytest.raises(VcamError, match="not live after 2 s") as caught:
        start({"state": "starting"}, limit_s=2, on_progress=states.append)
    assert "Live" in caught.value.message  # the log's tail
    assert states == ["starting"]
    assert not SessionLock().is_held()


def test_an_interrupted_start_leaves_nothing_behind(start: Callable[..., int]) -> None:
    def interrupt(state: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        start(on_progress=interrupt)
    assert not SessionLock().is_held()


def test_a_command_that_is_not_there(start: Callable[..., int]) -> None:
    with pytest.raises(VcamError, match="cannot start a background process"):
        start_background({}, command=("/nowhere/python",))


def test_two_starts_at_once(start: Callable[..., int]) -> None:
    pids: list[int] = []
    errors: list[VcamError] = []

    def one() -> None:
        try:
            pids.append(start())
        except VcamError as error:
            errors.append(error)

    threads = [threading.Thread(target=one) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(pids) == 1
    assert len(errors) == 1
    assert "already running" in errors[0].message
    assert ControlClient().info().pid == pids[0]


def test_the_module_itself_reads_its_options_and_reports_wrong_ones(start: Callable[..., int]) -> None:
    with pytest.raises(VcamError, match="does not know the options nonsense"):
        start_background({"nonsense": 1})


def test_standard_input_that_is_no_json(tmp_path: Path) -> None:
    done = subprocess.run([*COMMAND], input=b"", capture_output=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert done.returncode != 0
