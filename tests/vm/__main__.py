"""Command line: ``scripts/test-vm [OPTIONS] [COMMAND…]``."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import NoReturn

from filelock import FileLock, Timeout

from .image import Unavailable, default_cache, prepare
from .machine import MachineFailed, run

CHECKS = [
    *("python", "-m", "pytest", "-p", "no:cacheprovider", "-o", "timeout=300", "--durations=0", "-v"),
    *("-o", "python_files=check_*.py", "-o", "python_functions=check_*", "tests/vm/checks"),
]


SLOW = 6.0  # what makes two emulated cores quick enough, by their own clock, for sound and pictures in time


def say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/test-vm",
        description="Run a command, or the checks in tests/vm/checks, in a virtual machine with a v4l2loopback camera.",
    )
    parser.add_argument("--strict", action="store_true", help="exit with 1 where the machine cannot be had")
    parser.add_argument(
        "--timeout", type=float, default=3600, metavar="SECONDS", help="stop the machine after this long"
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="keep what the guest leaves in /run/vm here")
    parser.add_argument("--loopback", type=Path, metavar="DIR", help="v4l2loopback source to use instead of Debian's")
    parser.add_argument(
        "--slow",
        type=float,
        metavar="FACTOR",
        help=f"let the guest's clock run so many times slower than the host's ({SLOW:g}; with KVM 1)",
    )
    parser.add_argument("--kvm", action="store_true", help="use KVM; much faster where it works")
    parser.add_argument(
        "-k", dest="select", metavar="WORDS", help="run only the checks whose name matches, as in pytest"
    )
    parser.add_argument("command", nargs=argparse.REMAINDER, help="what to run in the guest, in the project's folder")
    options = parser.parse_args(arguments)
    if options.kvm and options.slow:
        parser.error("--slow is for the emulated machine, not with --kvm")
    if options.command[:1] == ["--"]:
        del options.command[0]
    return options


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    cache = default_cache()
    cache.mkdir(parents=True, exist_ok=True)
    lock = FileLock(cache / "lock")  # one machine at a time: it takes gigabytes and every core
    try:
        lock.acquire(timeout=0)
    except Timeout:
        say("waiting for another machine to end")
        lock.acquire()
    try:
        return boot_and_run(options, cache)
    finally:
        lock.release()


def end(number: int, frame: FrameType | None) -> NoReturn:
    """Leave by an exception, so that the machine is ended too."""
    sys.exit(128 + number)


def boot_and_run(options: argparse.Namespace, cache: Path) -> int:
    started = time.monotonic()
    try:
        image = prepare(cache, options.loopback)
    except Unavailable as reason:
        say(f"skipped: {reason}")
        return 1 if options.strict else 0
    say(f"{image.versions} (ready after {time.monotonic() - started:.0f} s)")
    command = options.command or [*CHECKS, *(["-k", options.select] if options.select else [])]
    slow = options.slow or (1.0 if options.kvm else SLOW)
    with TemporaryDirectory(prefix="vcam-vm-") as temporary:
        shared = options.out.absolute() if options.out else Path(temporary)
        shared.mkdir(parents=True, exist_ok=True)
        try:
            status = run(image, command, shared, timeout=options.timeout, kvm=options.kvm, slow=slow)
        except MachineFailed as reason:
            say(str(reason))
            return 1
    say(f"exit status {status} after {time.monotonic() - started:.0f} s")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
