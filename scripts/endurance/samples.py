"""What is noted every few seconds of a session, and how it is kept: one line of a CSV file each."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from fractions import Fraction
from pathlib import Path
from statistics import median

from vcam.media import SAMPLE_RATE
from vcam.selftest.figures import clicks_seen
from vcam.selftest.stimulus import matches
from vcam.selftest.viewer import Seen

MOST_DELAY, EARLIEST = 3.0, -0.1  # s; what is later or earlier is another click
NEAR = 0.15  # s within which a click and its PTS belong together, half of the smallest time between two


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at a session. Times since the beginning in s; what is counted is counted since the session began.

    ``seen_*`` and ``heard_*`` were measured from outside, by clicks, of which there were ``clicks``; ``delay_ms``,
    ``voice_delay_ms`` and ``skew_ms`` are what the session tells. ``interval_*``: between
    pictures as they arrived. ``bench_xruns``: how often the bench itself stumbled; ``load``: the machine's of a minute.
    """

    seconds: float
    state: str
    rss_mb: float
    threads: int
    files: int
    cpu_percent: float
    delay_ms: float
    voice_delay_ms: float | None
    skew_ms: float | None
    drift_ppm: float
    seen_delay_ms: float | None
    heard_delay_ms: float | None
    seen_skew_ms: float | None
    clicks: int
    fps: float
    seen_fps: float
    interval_p50_ms: float
    interval_p95_ms: float
    interval_p99_ms: float
    longest_gap_ms: float
    presented: int
    repeated: int
    skipped: int
    missed: int
    overruns: int
    underruns: int
    resyncs: int
    compute_p95_ms: float
    bench_xruns: int
    load: float
    warnings: str


class Table:
    """Writes samples to a CSV file as they come."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", newline="")
        self._writer = csv.DictWriter(self._file, [field.name for field in fields(Sample)])
        self._writer.writeheader()

    def add(self, sample: Sample) -> None:
        self._writer.writerow(asdict(sample))
        self._file.flush()

    def close(self) -> None:
        self._file.close()


def read_samples(path: Path) -> list[Sample]:
    """What a :class:`Table` wrote."""
    found = []
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            values: dict[str, object] = {}
            for field in fields(Sample):
                text = row[field.name]
                if field.type == "str":
                    values[field.name] = text
                elif field.type == "int":
                    values[field.name] = int(text)
                else:
                    values[field.name] = float(text) if text else None
            found.append(Sample(**values))  # type: ignore[arg-type]
    return found


@dataclass(frozen=True, slots=True)
class Delays:
    """Medians over some seconds, in ms; None where no click came through. ``clicks``: how many were seen.

    ``offset``: the s from a PTS to when it was at the microphone, None while it is not known.
    """

    camera_ms: float | None
    voice_ms: float | None
    skew_ms: float | None
    clicks: int
    offset: float | None


def delays(
    seen: Sequence[Seen], spoken: Sequence[float], heard: Sequence[float], fps: float, offset: float | None
) -> Delays:
    """How late the clicks that were ``spoken`` were seen and heard, in monotonic seconds each.

    ``offset``: as known from the seconds before; at first the pattern of the clicks tells.
    """
    clicks = clicks_seen(seen, Fraction(fps).limit_denominator(1001))
    shown = {click.pts / SAMPLE_RATE + (offset or 0.0): click.shown for click in clicks}
    pairs = matches(list(shown), spoken, NEAR if offset is not None else math.inf)
    camera = {at: shown[moment] - at for moment, at in pairs if EARLIEST < shown[moment] - at < MOST_DELAY}
    voice = {at: there - at for at, there in matches(spoken, heard, MOST_DELAY) if there - at > EARLIEST}
    both = [camera[at] - voice[at] for at in camera if at in voice]
    found = [at - moment + (offset or 0.0) for moment, at in pairs if at in camera]
    known = median(found) if found else None  # it drifts a little; where nothing fits, the pattern is asked again
    return Delays(_ms(list(camera.values())), _ms(list(voice.values())), _ms(both), len(camera), known)


def _ms(times: list[float]) -> float | None:
    return round(median(times) * 1000, 2) if times else None
