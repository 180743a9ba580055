"""Endurance: ``python scripts/soak.py [--minutes 60] [--animator lite | --stand-in] [--out FOLDER]``.

Runs ``vcam start`` in a process of its own on a private sound server (PulseAudio), speaks into its microphone without
end, listens to its virtual microphone and looks at its preview as others would, and notes every ten seconds what it
takes and how late it is: FOLDER/samples.csv, samples.png, verdict.txt, session.log. The exit status is 0 if all limits
were kept.
``--read FOLDER`` judges and draws again what was noted before.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, closing, nullcontext
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from endurance.bench import Bench
from endurance.plot import draw
from endurance.samples import Sample, Table, read_samples
from endurance.verdict import judge, table

PERIOD = 10.0  # s between two samples
BEFORE = 5.0  # s


def observe(
    folder: Path,
    seconds: float,
    options: list[str],
    period: float = PERIOD,
    intervals: list[float] | None = None,
    beside: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> list[Sample]:
    """Observe a session for so long. ``beside``: what else goes on meanwhile, once it is live.

    To ``intervals`` are added all times between two pictures, in ms.
    """
    samples: list[Sample] = []
    pause = threading.Event()
    with Bench(folder, options) as bench, beside(), closing(Table(folder / "samples.csv")) as table:
        pause.wait(BEFORE)  # until those who look and listen have something to tell
        began = time.monotonic()
        bench.begin()
        for number in range(1, round(seconds / period) + 1):
            pause.wait(max(0.0, began + number * period - time.monotonic()))
            samples.append(bench.sample(began, intervals))
            table.add(samples[-1])
    return samples


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60.0, help="%(default)g")
    parser.add_argument("--animator", default="lite", help="%(default)s")
    parser.add_argument("--stand-in", action="store_true", help="ditto with tiny networks")
    parser.add_argument("--period", type=float, default=PERIOD, help="s between two samples (%(default)g)")
    parser.add_argument("--out", type=Path, default=Path("soak"), help="%(default)s")
    parser.add_argument("--read", type=Path, metavar="FOLDER", help="only judge and draw what is there")
    options = parser.parse_args()
    animator = ["--stand-in"] if options.stand_in else ["--animator", options.animator]
    if options.read is not None:
        samples = read_samples(options.read / "samples.csv")
    else:
        samples = observe(options.out, options.minutes * 60, animator, options.period)
    folder = options.read or options.out
    rows = judge(samples)
    text = table(rows)
    (folder / "verdict.txt").write_text(text + "\n")
    minutes = samples[-1].seconds / 60
    draw(samples, f"{minutes:.0f} minutes of a live session", folder / "samples.png")
    sys.stdout.write(f"{text}\n\n{folder / 'samples.png'}\n")
    return 0 if all(row.passed for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
