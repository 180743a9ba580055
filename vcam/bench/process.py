"""What a benchmark says about the process it ran in."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2


@contextmanager
def one_core() -> Iterator[None]:
    """Keep this process, and OpenCV's own threads, on a single core (where the system lets us) for the time being."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    allowed = os.sched_getaffinity(0) if sys.platform == "linux" else None
    if sys.platform == "linux" and allowed:
        os.sched_setaffinity(0, {max(allowed)})
    try:
        yield
    finally:
        cv2.setNumThreads(threads)
        if sys.platform == "linux" and allowed:
            os.sched_setaffinity(0, allowed)


def resident_mb() -> float | None:
    """Resident memory of this process in MB (10**6 bytes); None where the system does not say."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # the peak, which is all that macOS gives
    return peak / 1e6 if sys.platform == "darwin" else peak / 1e3


def gpu_mb(index: int) -> float | None:
    """Memory in use on an NVIDIA GPU by all programs, in MB (10**6 bytes); None where its driver's tool is missing."""
    if shutil.which("nvidia-smi") is None:
        return None
    query = ("nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits", "-i", str(index))
    try:
        done = subprocess.run(query, capture_output=True, text=True, timeout=20, check=True)
        return float(done.stdout) * 2**20 / 1e6
    except (OSError, subprocess.SubprocessError, ValueError):
        return None


def machine() -> dict[str, str | int | None]:
    """Processor, cores and versions: what a figure means little without."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "opencv": cv2.__version__,
    }


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
