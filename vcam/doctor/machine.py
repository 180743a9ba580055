"""The system that is mended: its files under a root folder, its commands on the PATH."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from platform import release

_SYSTEM_PROGRAMS = "/usr/sbin:/sbin"  # where modprobe is; not on the PATH of every user, nor of root after `su`


def _is_root() -> bool:
    return sys.platform != "win32" and os.geteuid() == 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """``status``: the exit status; ``said``: what was printed, errors included."""

    status: int
    said: str


@dataclass(frozen=True, slots=True)
class Machine:
    """``kernel``: the running kernel's release, as its folder of modules is called."""

    root: Path = Path("/")
    platform: str = sys.platform
    kernel: str = field(default_factory=release)
    is_root: bool = field(default_factory=_is_root)

    def at(self, path: str) -> Path:
        """Where an absolute path of the system's is."""
        return self.root / path.lstrip("/")

    def read(self, path: str) -> str:
        """The text of a file; "" if it is not there or may not be read."""
        try:
            return self.at(path).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""

    @property
    def elevation(self) -> tuple[str, ...] | None:
        """What goes before a command so that it runs as root; None where there is nothing that could do it."""
        if self.is_root:
            return ()
        return next(((name,) for name in ("sudo", "pkexec") if shutil.which(name)), None)

    def run_as_root(self, commands: list[str]) -> Outcome:
        """Run shell commands one after the other until one fails; the user may be asked for a password.

        Only where there is an :attr:`elevation`.
        """
        elevation = self.elevation
        assert elevation is not None
        script = "\n".join(["set -e", f"PATH=$PATH:{_SYSTEM_PROGRAMS}", *commands])
        done = subprocess.run(
            (*elevation, "sh", "-c", script),
            env={**os.environ, "LC_ALL": "C"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
        return Outcome(done.returncode, done.stdout.strip())

    def write_command(self, path: str, line: str) -> str:
        """The shell command that makes a file of one line."""
        return f"echo {shlex.quote(line)} > {shlex.quote(str(self.at(path)))}"
