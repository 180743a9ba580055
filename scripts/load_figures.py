"""A session on a busy machine: ``python scripts/load_figures.py [--busy 0 1 2 4] [--seconds 60] [--out FOLDER]``.

Runs ``vcam start`` as ``scripts/soak.py`` does, each time beside so many processes that do nothing but compute, at the
same priority, and writes what that costs as a table: FOLDER/load.md. The exit status is 0 if voice and picture stayed
in step and the camera never stopped.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from endurance.samples import Sample
from soak import observe

from vcam.selftest.result import SKEW_LIMIT

STOPPED = 1000.0  # ms without a picture: viewers take the camera for frozen
_SETTLED = 2  # samples after which the session has found out how busy the machine is


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one session beside ``busy`` other processes. ``intervals`` between pictures, in ms."""

    busy: int
    samples: Sequence[Sample]
    intervals: Sequence[float]

    @property
    def in_step(self) -> bool:
        """Whether the skew, told and measured, is within the limits once it has settled; a single sample may miss."""
        settled = self.samples[_SETTLED:]
        told = [abs(s.skew_ms) > SKEW_LIMIT for s in settled if s.skew_ms is not None]
        seen = [abs(s.seen_skew_ms) > SKEW_LIMIT for s in settled if s.seen_skew_ms is not None]
        return bool(told and seen) and sum(told) <= 1 and sum(seen) <= 1

    @property
    def never_stopped(self) -> bool:
        return max(sample.longest_gap_ms for sample in self.samples) < STOPPED


@contextmanager
def busy_processes(count: int) -> Iterator[None]:
    """So many processes that compute for as long as the context lasts, at this process's priority."""
    processes = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


COLUMNS = (
    "busy processes",
    "shown",
    "again",
    "skipped",
    "missed",
    "fps seen",
    "intervals p50 / p95 / p99 / most, ms",
    "delay promised, ms",
    "delay seen, ms",
    "skew told, ms",
    "skew seen, ms",
    "sound lost",
    "voice interrupted",
    "jumps",
    "bench's stumbles",
    "CPU, %",
)


def table(found: Sequence[Figures]) -> str:
    """As Markdown, a line a session."""
    lines = ["| " + " | ".join(COLUMNS) + " |", "|---" * len(COLUMNS) + "|"]
    return "\n".join(lines + ["| " + " | ".join(_cells(figures)) + " |" for figures in found])


def _cells(figures: Figures) -> list[str]:
    samples, last = figures.samples, figures.samples[-1]
    p50, p95, p99 = np.percentile(figures.intervals, (50, 95, 99))
    return [
        str(figures.busy),
        str(last.presented),
        str(last.repeated),
        str(last.skipped),
        str(last.missed),
        f"{np.mean([sample.seen_fps for sample in samples]):.1f}",
        f"{p50:.1f} / {p95:.1f} / {p99:.1f} / {max(figures.intervals):.1f}",
        _range([sample.delay_ms for sample in samples]),
        _range([sample.seen_delay_ms for sample in samples]),
        _range([sample.skew_ms for sample in samples]),
        _range([sample.seen_skew_ms for sample in samples]),
        str(last.overruns),
        str(last.underruns),
        str(last.resyncs),
        str(last.bench_xruns),
        f"{np.mean([sample.cpu_percent for sample in samples]):.0f}",
    ]


def _range(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return "-"
    low, high = min(known), max(known)
    return f"{low:.1f}" if low == high else f"{low:.1f} to {high:.1f}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--busy", type=int, nargs="+", default=[0, 1, 2, 4], help="%(default)s")
    parser.add_argument("--seconds", type=float, default=60.0, help="%(default)g")
    parser.add_argument("--animator", default="lite", help="%(default)s")
    parser.add_argument("--out", type=Path, default=Path("load"), help="%(default)s")
    options = parser.parse_args()
    found = []
    for busy in options.busy:
        intervals: list[float] = []
        folder = options.out / f"busy-{busy}"
        samples = observe(
            folder,
            options.seconds,
            ["--animator", options.animator],
            intervals=intervals,
            beside=partial(busy_processes, busy),
        )
        found.append(Figures(busy, samples, intervals))
        sys.stdout.write(f"{table(found[-1:]).splitlines()[-1]}\n")
        sys.stdout.flush()
    text = table(found)
    (options.out / "load.md").write_text(text + "\n")
    sys.stdout.write(f"\n{text}\n")
    return 0 if all(figures.in_step and figures.never_stopped for figures in found) else 1


if __name__ == "__main__":
    sys.exit(main())
