"""`vcam` commands, each in a process of its own, forked from one that has imported everything: that takes long here."""

from __future__ import annotations

import io
import multiprocessing
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

_IMPORTED = [
    *("pytest", "cv2", "av", "soxr", "pyvirtualcam", "vcam.cli", "vcam.cli.foreground", "vcam.session", "vcam.stage"),
    *("vcam.animators.lite.animator", "vcam.camera.virtual", "vcam.camera.v4l2", "vcam.audio.file", "vcam.audio.demo"),
    *("vcam.doctor.run", "vcam.doctor.loopback", "vcam.daemon.server"),
]
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(_IMPORTED)


class Command:
    """A command that runs, or has run; ``said``: what it has printed so far, errors included."""

    def __init__(self, arguments: list[str], folder: Path, answer: str = "") -> None:
        self._said = folder / "said"
        typed = folder / "typed"
        typed.write_text(answer)
        self._process = _FORKS.Process(target=_run, args=(arguments, str(typed), str(self._said)))
        self._process.start()

    @property
    def said(self) -> str:
        return self._said.read_text(errors="replace") if self._said.exists() else ""

    @property
    def words(self) -> str:
        """The same in one line, however it was broken into lines."""
        return " ".join(self.said.split())

    @property
    def runs(self) -> bool:
        return self._process.is_alive()

    def send_signal(self, number: int) -> None:
        assert self._process.pid is not None
        os.kill(self._process.pid, number)

    def wait(self, seconds: float = 600) -> int:
        """Its exit status; fails if it does not end in time."""
        self._process.join(seconds)
        code = self._process.exitcode
        assert code is not None, f"still running after {seconds} s:\n{self.said}"
        return code

    def end(self) -> None:
        """Ask it to end, as closing the terminal or `vcam stop` does, and see that it ends well."""
        self.send_signal(signal.SIGTERM)
        assert self.wait() == 0, self.said

    def kill(self) -> None:
        self._process.kill()
        self._process.join()


@contextmanager
def running(*arguments: str, answer: str = "") -> Iterator[Command]:
    """`vcam ARGUMENTS`, killed at the end if it still runs; pytest shows what it printed with a failure."""
    with TemporaryDirectory(prefix="vcam-") as folder:
        command = Command(list(arguments), Path(folder), answer)
        try:
            yield command
        finally:
            command.kill()
            sys.stderr.write(f"$ vcam {' '.join(arguments)}\n{command.said}")


def vcam(*arguments: str, answer: str = "") -> tuple[int, str]:
    """Run `vcam ARGUMENTS`: its exit status, and what it printed in one line."""
    with running(*arguments, answer=answer) as command:
        return command.wait(), command.words


def _run(arguments: list[str], typed: str, said: str) -> None:
    for descriptor, path, flags in ((0, typed, os.O_RDONLY), (1, said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)):
        opened = os.open(path, flags, 0o600)
        os.dup2(opened, descriptor)
        os.close(opened)
    os.dup2(1, 2)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115  # multiprocessing has put /dev/null there
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)
    sys.argv = ["vcam", *arguments]
    from vcam.cli import main

    main()
