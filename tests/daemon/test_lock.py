from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from vcam.daemon.lock import SessionLock
from vcam.errors import VcamError

CONTENDER = """
import sys
from pathlib import Path
from vcam.daemon.lock import SessionLock
from vcam.errors import VcamError
lock = SessionLock(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
try:
    lock.acquire()
except VcamError as error:
    print("lost:", error.message, flush=True)
else:
    print("won", flush=True)
    sys.stdin.read()
    lock.release()
"""


def contender(runtime: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", CONTENDER, str(runtime)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def read(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def test_of_many_starts_at_once_exactly_one_wins(tmp_path: Path) -> None:
    processes = [contender(tmp_path) for _ in range(6)]
    try:
        assert [read(process) for process in processes] == ["ready"] * 6
        for process in processes:
            go(process)
        results = [read(process) for process in processes]
        assert results.count("won") == 1
        winner = processes[results.index("won")]
        for result in results:
            assert result == "won" or f"lost: vcam is already running (pid {winner.pid}, since " in result
    finally:
        for process in processes:
            process.communicate()
    assert not SessionLock(tmp_path).is_held()
    assert SessionLock(tmp_path).info() is None


def test_a_killed_session_leaves_no_lock_and_its_files_are_cleared(tmp_path: Path) -> None:
    lock = SessionLock(tmp_path)
    with contender(tmp_path) as process:
        read(process)
        go(process)
        assert read(process) == "won"
        Path(lock.address).touch()
        assert lock.is_held()
        with pytest.raises(VcamError, match=f"pid {process.pid}"):
            lock.acquire()
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert not lock.is_held()
    left = lock.info()
    assert left is not None
    assert left.pid == process.pid
    old_key = lock.read_key()

    lock.acquire(tmp_path / "vcam.log")
    info = lock.info()
    assert info is not None
    assert (info.pid, info.log, info.address) == (os.getpid(), str(tmp_path / "vcam.log"), lock.address)
    assert not Path(lock.address).exists()
    assert lock.read_key() == lock.key != old_key
    lock.release()
    lock.release()
    assert [path.name for path in tmp_path.iterdir()] == ["session.lock"]


def test_what_is_written_is_for_this_user_alone(tmp_path: Path) -> None:
    previous = os.umask(0)
    try:
        with SessionLock(tmp_path) as lock:
            assert len(lock.key) == 32
            modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    finally:
        os.umask(previous)
    assert modes == {"session.lock": 0o600, "session.json": 0o600, "control.key": 0o600}


def test_stale_files_are_cleared_only_while_nobody_holds_the_lock(tmp_path: Path) -> None:
    other = SessionLock(tmp_path)
    with SessionLock(tmp_path):
        assert not other.clear_stale()
        assert other.info() is not None
    (tmp_path / "session.json").write_text("{}")
    assert other.clear_stale()
    assert not (tmp_path / "session.json").exists()


@pytest.mark.parametrize("note", ["", "[]", "{}", '{"pid": "x"}', "\0", "[" * 10_000, '{"pid": null}'])
def test_a_damaged_note_is_no_note(note: str, tmp_path: Path) -> None:
    (tmp_path / "session.json").write_text(note)
    lock = SessionLock(tmp_path)
    assert lock.info() is None
    with lock:
        assert lock.info() is not None


def test_a_link_in_place_of_the_note_is_replaced_not_followed(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("mine")
    (tmp_path / "session.json").symlink_to(precious)
    with SessionLock(tmp_path):
        assert precious.read_text() == "mine"
