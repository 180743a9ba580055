from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from vcam.daemon import logs

WRITER = """
import logging, os, sys
from pathlib import Path
from vcam.daemon.logs import OutputLogHandler
handler = OutputLogHandler(Path(sys.argv[1]), max_bytes=500, backups=99)
logger = logging.getLogger("writer")
logger.addHandler(handler)
for number in range(int(sys.argv[2])):
    logger.warning("line %d", number)
    if sys.argv[3:] and number % 40 == 0:
        sys.stdin.readline()
os.write(2, b"from a library\\n")
print("from print", flush=True)
"""


class Follower:
    """Follows a log in a thread, and lets a test wait for lines."""

    def __init__(self, path: Path, count: int) -> None:
        self.lines: list[str] = []
        self._stop = threading.Event()
        self._news = threading.Condition()
        self._thread = threading.Thread(target=self._run, args=(path, count))
        self._thread.start()

    def _run(self, path: Path, count: int) -> None:
        for line in logs.follow(path, count, self._stop):
            with self._news:
                self.lines.append(line)
                self._news.notify_all()

    def wait_for(self, line: str) -> None:
        with self._news:
            assert self._news.wait_for(lambda: line in self.lines, timeout=20), self.lines

    def close(self) -> None:
        self._stop.set()
        self._thread.join()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "vcam.log"


@pytest.fixture
def followers() -> Iterator[list[Follower]]:
    made: list[Follower] = []
    yield made
    for follower in made:
        follower.close()


def append(path: Path, text: str) -> None:
    with open(path, "a") as file:
        file.write(text)


@pytest.mark.parametrize(
    ("text", "count", "expected"),
    [
        ("", 5, []),
        ("one\n", 5, ["one"]),
        ("one\ntwo\nthree\n", 2, ["two", "three"]),
        ("one\ntwo\nunfinished", 2, ["two", "unfinished"]),
        ("one\n\n\n", 2, ["", ""]),
        ("one\r\ntwo\r\n", 2, ["one", "two"]),
        ("one\n", 0, []),
        ("\x1b[31mred\x1b[0m\n", 1, ["\\x1b[31mred\\x1b[0m"]),
    ],
)
def test_tail(text: str, count: int, expected: list[str], log: Path) -> None:
    log.write_bytes(text.encode())
    assert logs.tail(log, count) == expected


def test_tail_of_a_long_log_and_of_none(log: Path) -> None:
    assert logs.tail(log, 3) == []
    log.write_text("".join(f"{number} {'x' * 1000}\n" for number in range(500)))
    found = logs.tail(log, 100)
    assert [int(line.split()[0]) for line in found] == list(range(400, 500))


def test_tail_since_a_byte(log: Path) -> None:
    log.write_text("an earlier session\n")
    size = log.stat().st_size
    assert logs.tail(log, 5, since=size) == []
    append(log, "this one\n")
    assert logs.tail(log, 5, since=size) == ["this one"]


def test_bytes_that_are_no_text_are_shown(log: Path) -> None:
    log.write_bytes(b"a\xffb\n")
    assert logs.tail(log, 1) == ["a\\xffb"]


def test_follow_gives_whole_lines_as_they_come(log: Path, followers: list[Follower]) -> None:
    log.write_text("0\n1\n2\nhalf")
    follower = Follower(log, 2)
    followers.append(follower)
    follower.wait_for("2")
    append(log, " and half\n3\n")
    follower.wait_for("3")
    assert follower.lines == ["1", "2", "half and half", "3"]


def test_follow_waits_for_a_log_and_goes_on_across_rotation(log: Path, followers: list[Follower]) -> None:
    follower = Follower(log, 10)
    followers.append(follower)
    append(log, "first\n")
    follower.wait_for("first")
    for number in range(3):
        append(log, f"last of {number}\nno newline {number}")
        log.rename(log.with_suffix(f".{number}"))
        append(log, f"first after {number}\n")
        follower.wait_for(f"first after {number}")
    log.write_text("")
    append(log, "anew\n")
    follower.wait_for("anew")
    expected = ["first"]
    for number in range(3):
        expected += [f"last of {number}", f"no newline {number}", f"first after {number}"]
    assert follower.lines == [*expected, "anew"]


@pytest.mark.skipif(sys.platform == "win32", reason="modes")
def test_the_log_rotates_with_the_output_of_libraries_in_it_and_is_private(log: Path) -> None:
    log.touch(0o644)
    done = subprocess.run(
        [sys.executable, "-c", WRITER, str(log), "1000"], check=True, capture_output=True, stdin=subprocess.DEVNULL
    )
    assert (done.stdout, done.stderr) == (b"", b"")
    files = sorted(log.parent.iterdir())
    assert len(files) > 3
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    assert logs.tail(log, 3) == ["line 999", "from a library", "from print"]
    written = sum(path.read_text().count("line ") for path in files)
    assert written == 1000


def test_follow_loses_nothing_of_a_log_that_rotates_while_written(log: Path, followers: list[Follower]) -> None:
    follower = Follower(log, 10)
    followers.append(follower)
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(log), "400", "step"], stdin=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdin is not None
        for number in range(0, 400, 40):
            follower.wait_for(f"line {number}")
            assert follower.lines[-1] == f"line {number}"
            writer.stdin.write("\n")
            writer.stdin.flush()
    follower.wait_for("from print")
    assert [line for line in follower.lines if line.startswith("line")] == [f"line {number}" for number in range(400)]


def test_a_link_in_place_of_the_log_is_not_written_through(log: Path, tmp_path: Path) -> None:
    if sys.platform == "win32":
        pytest.skip("no O_NOFOLLOW")
    (tmp_path / "precious").write_text("mine")
    log.symlink_to(tmp_path / "precious")
    with pytest.raises(OSError, match="symbolic"):
        logs.open_private(log)


BEGAN = "2026-11-22 03:38:05,469 INFO    vcam.daemon.main: Starting in the background, pid 15430\n"
FAILED = "2026-11-22 03:38:14,960 ERROR   vcam.daemon.main: Recording a.mp4 has stopped: the disk is full.\n"
ENDED = "2026-11-22 03:38:14,960 INFO    vcam.daemon.main: Ended with exit status {}\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (BEGAN + FAILED + ENDED.format(1), "2026-11-22 03:38:14: Recording a.mp4 has stopped: the disk is full."),
        (BEGAN + FAILED + ENDED.format(1) + BEGAN + ENDED.format(0), ""),
        (BEGAN + FAILED + ENDED.format(1) + BEGAN, ""),  # it was killed, and had no time to say why
        (BEGAN + ENDED.format(0), ""),
        ("", ""),
    ],
)
def test_why_the_last_session_failed_is_found_in_the_log(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "vcam.log"
    path.write_text(text)
    assert logs.last_failure(path) == told


def test_without_a_log_nothing_has_failed(tmp_path: Path) -> None:
    assert logs.last_failure(tmp_path / "none.log") == ""
