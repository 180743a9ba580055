"""The log of sessions in the background: written with a size limit, read from its end, followed as it grows."""

from __future__ import annotations

import io
import logging
import logging.handlers
import os
import re
import stat
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

MAX_BYTES = 1_000_000
BACKUPS = 3
FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
FOLLOW_INTERVAL_S = 0.2
FAILURE_LINES = 50  # at the end of the log, in which the reason for its end is looked for
BLOCK_BYTES = 64 * 1024


class OutputLogHandler(logging.handlers.RotatingFileHandler):
    """A rotating log, mode 0600, that also takes what the process writes to stdout and stderr.

    Libraries in C complain there, and so does an interpreter that dies. After each rotation both go to the new file:
    the old one would keep growing otherwise.
    """

    def __init__(self, path: Path, *, max_bytes: int = MAX_BYTES, backups: int = BACKUPS) -> None:
        super().__init__(path, maxBytes=max_bytes, backupCount=backups, encoding="utf-8", errors="backslashreplace")

    def _open(self) -> io.TextIOWrapper:
        stream = open_private(Path(self.baseFilename))
        _redirect_output(stream.fileno())
        return stream

    def doRollover(self) -> None:
        # Windows does not rename a file that is open.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        _redirect_output(nowhere)
        os.close(nowhere)
        super().doRollover()


def set_up(path: Path, level: int = logging.INFO) -> None:
    """Send all logging, stdout and stderr of this process to ``path``."""
    logging.basicConfig(level=level, format=FORMAT, handlers=[OutputLogHandler(path)], force=True)
    logging.captureWarnings(True)


def active_log() -> Path | None:
    """The file that this process logs to; None if it logs elsewhere, as a session in the foreground does."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, OutputLogHandler):
            return Path(handler.baseFilename)
    return None


def open_private(path: Path) -> io.TextIOWrapper:
    """Open ``path`` for appending text, creating it readable by this user alone."""

    def opener(name: str, flags: int) -> int:
        return os.open(name, flags | getattr(os, "O_NOFOLLOW", 0), 0o600)

    stream = open(path, "a", encoding="utf-8", errors="backslashreplace", opener=opener)  # noqa: SIM115 - the caller's
    if sys.platform != "win32" and stat.S_IMODE(os.fstat(stream.fileno()).st_mode) != 0o600:
        os.fchmod(stream.fileno(), 0o600)
    return stream


def tail(path: Path, count: int, *, since: int = 0) -> list[str]:
    """The last ``count`` lines after byte ``since``, without reading what is before them; [] where there is no file."""
    try:
        with open(path, "rb") as file:
            return _last_lines(file, count, since)[0]
    except FileNotFoundError:
        return []


def last_failure(path: Path) -> str:
    """When and why the last session in the background ended with an error; "" if it did not, or there was none."""
    try:
        with open(path, "rb") as file:
            lines, _ = _last_lines(file, FAILURE_LINES, 0)
    except OSError:
        return ""
    own = [line for line in lines if " vcam.daemon.main: " in line]
    if not own or not re.search(r": Ended with exit status [1-9]\d*$", own[-1]):
        return ""
    error = next((line for line in reversed(own) if " ERROR " in line), None)
    if error is None:
        return ""
    when, _, rest = error.partition(",")
    return f"{when}: {rest.partition(' vcam.daemon.main: ')[2]}"


def follow(path: Path, count: int, stop: threading.Event | None = None) -> Iterator[str]:
    """The last ``count`` lines, then each new one as it comes, across rotations, until ``stop`` is set.

    A line is given once it is complete. The file need not exist yet.
    """
    stop = stop or threading.Event()
    file: io.BufferedReader | None = None
    rest = b""
    try:
        while not stop.is_set():
            if file is None:
                file = _open_if_there(path)
                if file is not None and count:
                    lines, rest = _last_lines(file, count, 0, whole=True)
                    yield from lines
                count = 0  # later files are new from their first line on
            replaced = file is not None and _is_replaced(file, path)
            # Read after the check: what was written up to the rotation is still in the old file.
            while file is not None and (block := file.read(BLOCK_BYTES)):
                *complete, rest = (rest + block).split(b"\n")
                yield from (_text(line) for line in complete)
            if file is not None and replaced:
                if rest:
                    yield _text(rest)
                file.close()
                file, rest = None, b""
            else:
                stop.wait(FOLLOW_INTERVAL_S)
    finally:
        if file is not None:
            file.close()


def _open_if_there(path: Path) -> io.BufferedReader | None:
    try:
        return open(path, "rb")
    except FileNotFoundError:
        return None


def _is_replaced(file: io.BufferedReader, path: Path) -> bool:
    """Whether ``path`` is another file by now, or was emptied; a missing one is about to be made by a rotation."""
    try:
        now = path.stat()
    except FileNotFoundError:
        return False
    return not os.path.samestat(now, os.fstat(file.fileno())) or now.st_size < file.tell()


def _last_lines(file: io.BufferedReader, count: int, since: int, *, whole: bool = False) -> tuple[list[str], bytes]:
    """The last ``count`` lines after ``since``, and, with ``whole``, an unfinished one; leaves ``file`` at its end."""
    end = file.seek(0, os.SEEK_END)
    start, found = end, b""
    while start > since and found.count(b"\n") <= count:
        step = min(BLOCK_BYTES, start - since)
        start -= step
        file.seek(start)
        found = file.read(step) + found
    file.seek(end)
    lines = found.split(b"\n")
    rest = lines.pop() if whole or lines[-1] == b"" else b""
    return [_text(line) for line in lines[max(0, len(lines) - count) :]], rest


def _text(line: bytes) -> str:
    """A line for the terminal: what is no printable character (an escape sequence, say) is shown, not sent."""
    text = line.decode("utf-8", "backslashreplace").rstrip("\r")
    return "".join(letter if letter.isprintable() or letter == "\t" else f"\\x{ord(letter):02x}" for letter in text)


def _redirect_output(descriptor: int) -> None:
    for stream, number in ((sys.stdout, 1), (sys.stderr, 2)):
        _flush(stream)
        os.dup2(descriptor, number)


def _flush(stream: TextIO | None) -> None:
    if stream is not None:  # None under pythonw
        stream.flush()
