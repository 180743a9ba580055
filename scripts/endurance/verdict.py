"""What the samples of a session say: a figure a line, with its limits where there are some."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median, median_low

import numpy as np

from endurance.samples import Sample
from vcam.selftest.result import SKEW_LIMIT, Row

WARM_UP = 120.0  # s until caches are filled and what is loaded lazily is loaded; nothing is judged before
MOST_GROWTH = 5.0  # % of memory
RATE_KEPT = 0.98  # of the camera's rate, in every sample
LONGEST_GAP = 500.0  # ms without a picture


def judge(samples: Sequence[Sample], fps: float = 30.0) -> list[Row]:
    """The rows of the verdict; ``fps`` is the camera's rate. Of short measurements the second half is judged."""
    warm_up = min(WARM_UP, samples[-1].seconds / 2)
    judged = [sample for sample in samples if sample.seconds > warm_up]
    frame = 1000 / fps
    rows = [
        _memory(judged),
        _growth("threads", "threads more than at first", judged, lambda sample: sample.threads),
        _growth("files", "descriptors more than at first", judged, lambda sample: sample.files),
        _delay(judged, frame),
        _farthest("skew", "skew as the session has it", [sample.skew_ms for sample in judged], SKEW_LIMIT),
        _farthest("seen_skew", "skew, picture seen - voice heard", [s.seen_skew_ms for s in judged], SKEW_LIMIT),
        _rate("fps", "camera's lowest rate", [sample.fps for sample in judged], fps),
        _rate("seen_fps", "pictures seen, lowest rate", [sample.seen_fps for sample in judged], fps),
        _gap(judged),
    ]
    return rows + _counts(judged)


def table(rows: Sequence[Row]) -> str:
    """As text, a row a line."""
    lines = []
    for row in rows:
        value = "-" if row.value is None else f"{row.value:.1f}".removesuffix(".0")
        mark = ("passed" if row.passed else "MISSED") if row.judged else ""
        lines.append(f"{row.name:34}{value:>9} {row.unit:5}{_limits(row):>14}  {mark:8}{row.note}".rstrip())
    return "\n".join(lines)


def _limits(row: Row) -> str:
    low, high = (f"{value:.3g}" if value is not None else "" for value in (row.low, row.high))
    if low and high:
        return f"{low} to {high}"
    return f">= {low}" if low else f"<= {high}" if high else ""


def _memory(samples: Sequence[Sample]) -> Row:
    sizes = np.array([sample.rss_mb for sample in samples])
    spread = float((sizes.max() - sizes.min()) / sizes.min() * 100)
    hours = np.array([sample.seconds for sample in samples]) / 3600
    slope = float(np.polyfit(hours, sizes, 1)[0]) if len(samples) > 2 else 0.0
    note = f"{sizes.min():.1f} to {sizes.max():.1f} MB, {sizes[0]:.1f} at first, {sizes[-1]:.1f} at last, "
    return Row("rss", "memory (RSS), spread", spread, "%", high=MOST_GROWTH, note=f"{note}{slope:+.2f} MB/h")


def _growth(key: str, name: str, samples: Sequence[Sample], of: Callable[[Sample], int]) -> Row:
    """Of the usual number in the last third over that in the first; helpers that come and go are in neither."""
    third = max(1, len(samples) // 3)
    first, last = (median_low(map(of, part)) for part in (samples[:third], samples[-third:]))
    note = f"{first} at first, {last} at last, {max(map(of, samples))} at most"
    return Row(key, name, last - first, "", high=0, note=note)


def _delay(samples: Sequence[Sample], frame: float) -> Row:
    off = [sample.seen_delay_ms - sample.delay_ms for sample in samples if sample.seen_delay_ms is not None]
    told = [sample.delay_ms for sample in samples]
    if not off:
        return Row("delay", "mouth to camera, off the promise", None, "ms", -frame, frame, "no click was seen")
    seen = [sample.seen_delay_ms for sample in samples if sample.seen_delay_ms is not None]
    note = f"promised {_range(told)}, seen {_range(seen)} ms, median {median(seen):.1f}"
    return Row("delay", "mouth to camera, off the promise", max(off, key=abs), "ms", -frame, frame, note)


def _farthest(key: str, name: str, values: Sequence[float | None], limit: float) -> Row:
    known = [value for value in values if value is not None]
    if not known:
        return Row(key, name, None, "ms", -limit, limit, "never known")
    note = f"{_range(known)} ms, median {median(known):.1f}, known in {len(known)} of {len(values)} samples"
    return Row(key, name, max(known, key=abs), "ms", -limit, limit, note)


def _rate(key: str, name: str, values: Sequence[float], fps: float) -> Row:
    return Row(key, name, min(values), "fps", low=fps * RATE_KEPT, note=f"{np.mean(values):.3f} on average")


def _gap(samples: Sequence[Sample]) -> Row:
    gaps = [sample.longest_gap_ms for sample in samples]
    usual = ", ".join(
        f"{name} {median(values):.1f}"
        for name, values in (
            ("p50", [sample.interval_p50_ms for sample in samples]),
            ("p95", [sample.interval_p95_ms for sample in samples]),
            ("p99", [sample.interval_p99_ms for sample in samples]),
        )
    )
    return Row("gap", "longest time between pictures", max(gaps), "ms", high=LONGEST_GAP, note=f"usually {usual}")


def _counts(samples: Sequence[Sample]) -> list[Row]:
    first, last = samples[0], samples[-1]
    shown = last.presented - first.presented
    rows = [Row("shown", "pictures shown", shown, "")]
    for key, name in (
        ("repeated", "of them shown again"),
        ("skipped", "frames skipped"),
        ("missed", "pictures missed"),
        ("overruns", "sound lost (overruns)"),
        ("underruns", "voice interrupted (underruns)"),
        ("resyncs", "jumps of the voice"),
        ("bench_xruns", "the bench's own stumbles"),
    ):
        count = getattr(last, key) - getattr(first, key)
        share = f"{count / shown * 100:.3f} % of those shown" if shown and key in ("repeated", "skipped") else ""
        rows.append(Row(key, name, count, "", note=share))
    cpu = [sample.cpu_percent for sample in samples]
    rows.append(Row("cpu", "CPU time, median", median(cpu), "%", note=f"of a core, {_range(cpu)}"))
    drift = [sample.drift_ppm for sample in samples]
    rows.append(Row("drift", "drift of the clocks, median", median(drift), "ppm", note=_range(drift)))
    warned = sum(bool(sample.warnings) for sample in samples)
    rows.append(Row("warned", "samples with warnings", warned, "", note=f"of {len(samples)}"))
    return rows


def _range(values: Sequence[float]) -> str:
    low, high = min(values), max(values)
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"
