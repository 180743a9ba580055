"""Running the checks side by side, none longer than a moment."""

from __future__ import annotations

import logging
import platform
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib import import_module, metadata

from vcam import __version__
from vcam.doctor import gpu, project, sound, system, video
from vcam.doctor.check import Check

logger = logging.getLogger(__name__)

LIMIT = 5.0  # s for all checks together; a slow disk may need it for the imports

#: Name of the check, what does it, and whether `vcam start --demo` needs it.
ALL_CHECKS: tuple[tuple[str, Callable[[], Check], bool], ...] = (
    ("python", system.python, True),
    ("packages", system.packages, True),
    ("folders", project.folders, True),
    ("profiles", project.profiles, True),
    ("portrait", project.portrait, True),
    ("demo", sound.demo, True),
    ("portaudio", sound.portaudio, False),
    ("microphone", sound.microphone, False),
    ("virtual-microphone", sound.virtual_microphone, False),
    ("virtual-camera", video.virtual_camera, False),
    ("secure-boot", video.secure_boot, False),
    ("preview-port", video.preview_port, True),
    ("browser", video.browser, False),
    ("recording", video.recording, False),
    ("disk", project.disk, False),
    ("session", project.session, False),
    ("nvidia", gpu.nvidia, False),
    ("onnxruntime", gpu.onnxruntime, False),
    ("tensorrt", gpu.tensorrt, False),
    ("ditto", gpu.ditto, False),
)


def run_checks(
    checks: Sequence[tuple[str, Callable[[], Check], bool]] = ALL_CHECKS, limit: float = LIMIT
) -> list[Check]:
    """Every check's finding, in the given order; what has not answered after ``limit`` seconds is reported as such."""
    running = [_Running(*check) for check in checks]
    deadline = time.monotonic() + limit
    return [check.finding(deadline, limit) for check in running]


class _Running:
    """A check in a thread of its own: one that hangs, in a driver for example, is left behind and ends with vcam."""

    def __init__(self, name: str, run: Callable[[], Check], needed: bool) -> None:
        self._name = name
        self._run = run
        self._needed = needed
        self._found: Check | None = None
        # NumPy cannot be imported by two threads at once: the second fails, and so does every later try
        with suppress(ImportError):  # a check of its own tells of that
            import_module("numpy")
        self._thread = threading.Thread(target=self._work, name=f"vcam-doctor-{name}", daemon=True)
        self._thread.start()

    def finding(self, deadline: float, limit: float) -> Check:
        self._thread.join(max(0.0, deadline - time.monotonic()))
        return self._found or self._no_answer(f"No answer within {limit:g} s; the check was left alone.")

    def _work(self) -> None:
        try:
            self._found = self._run()
        except Exception as error:  # a check that breaks is a finding, and must not take the others along
            logger.debug("the check %s failed", self._name, exc_info=True)
            self._found = self._no_answer(f"The check itself failed: {type(error).__name__}: {error}"[:300])

    def _no_answer(self, why: str) -> Check:
        return Check(self._name, "fail" if self._needed else "warn", why, "")


def versions() -> dict[str, str]:
    """What to tell whoever helps: vcam, Python, the system, and the packages that vcam is built on."""
    found = {"vcam": __version__, "python": platform.python_version(), "system": platform.platform()}
    for package in system.PACKAGES.values():
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    found["executable"] = sys.executable
    return found
