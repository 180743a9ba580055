"""The scripts that observe a session for hours and on a busy machine: what they conclude, and that they can."""

from __future__ import annotations

import csv
import dataclasses
import importlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.pulse import PulseServer
from vcam.media import FRAME_SAMPLES, SAMPLE_RATE
from vcam.selftest.marks import REMEMBERED, FrameMark
from vcam.selftest.viewer import Seen

SCRIPTS = Path(__file__).resolve().parents[1] / "scripts"
PERIOD = 10.0  # s


@pytest.fixture
def scripts(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    names = ("endurance.samples", "endurance.verdict", "endurance.plot", "soak", "load_figures")
    return SimpleNamespace(**{name.rpartition(".")[2]: importlib.import_module(name) for name in names})


@pytest.fixture
def call(scripts: SimpleNamespace) -> Callable[..., list[Any]]:
    """Ten minutes in which all is well, but for what ``changes`` makes of a sample by its number."""

    def ten_minutes(changes: Callable[[int], dict[str, Any]] = lambda number: {}) -> list[Any]:
        sample = scripts.samples.Sample(
            seconds=0.0,
            state="live",
            rss_mb=200.0,
            threads=15,
            files=26,
            cpu_percent=25.0,
            delay_ms=147.5,
            voice_delay_ms=147.5,
            skew_ms=0.0,
            drift_ppm=-3,
            seen_delay_ms=151.0,
            heard_delay_ms=141.0,
            seen_skew_ms=10.0,
            clicks=12,
            fps=30.0,
            seen_fps=30.0,
            interval_p50_ms=33.3,
            interval_p95_ms=37.0,
            interval_p99_ms=39.0,
            longest_gap_ms=43.0,
            presented=0,
            repeated=0,
            skipped=0,
            missed=0,
            overruns=0,
            underruns=0,
            resyncs=0,
            compute_p95_ms=8.0,
            bench_xruns=0,
            load=0.5,
            warnings="",
        )
        numbers = range(1, 61)
        return [dataclasses.replace(sample, seconds=n * PERIOD, presented=n * 300, **changes(n)) for n in numbers]

    return ten_minutes


def missed(scripts: SimpleNamespace, samples: list[Any]) -> list[str]:
    return [row.key for row in scripts.verdict.judge(samples) if not row.passed]


def test_a_call_in_which_all_is_well_passes(scripts: SimpleNamespace, call: Callable[..., list[Any]]) -> None:
    assert missed(scripts, call()) == []


@pytest.mark.parametrize(
    ("key", "changes"),
    [
        ("rss", lambda n: {"rss_mb": 200 + n * 0.3}),
        ("threads", lambda n: {"threads": 15 + n // 20}),
        ("files", lambda n: {"files": 26 + n // 20}),
        ("delay", lambda n: {"seen_delay_ms": 185.0 if n == 40 else 151.0}),
        ("delay", lambda n: {"seen_delay_ms": None}),
        ("skew", lambda n: {"skew_ms": -21.0 if n == 40 else 0.0}),
        ("seen_skew", lambda n: {"seen_skew_ms": 21.0 if n == 40 else 10.0}),
        ("seen_skew", lambda n: {"seen_skew_ms": None}),
        ("fps", lambda n: {"fps": 29.0 if n == 40 else 30.0}),
        ("seen_fps", lambda n: {"seen_fps": 29.0 if n == 40 else 30.0}),
        ("gap", lambda n: {"longest_gap_ms": 600.0 if n == 40 else 43.0}),
    ],
)
def test_what_is_not_as_promised_is_missed(
    key: str,
    changes: Callable[[int], dict[str, Any]],
    scripts: SimpleNamespace,
    call: Callable[..., list[Any]],
) -> None:
    assert missed(scripts, call(changes)) == [key]


def test_helpers_that_come_and_go_and_what_is_loaded_at_first_are_no_growth(
    scripts: SimpleNamespace, call: Callable[..., list[Any]]
) -> None:
    samples = call(lambda n: {"threads": 15 + 2 * (n % 5 == 0), "rss_mb": 150.0 if n < 5 else 200.0})
    assert missed(scripts, samples) == []


def test_samples_are_read_as_they_were_written(
    scripts: SimpleNamespace, call: Callable[..., list[Any]], tmp_path: Path
) -> None:
    written = call(lambda n: {"seen_delay_ms": None, "warnings": 'busy, "very"'} if n % 7 == 0 else {})
    table = scripts.samples.Table(tmp_path / "samples.csv")
    for sample in written:
        table.add(sample)
    table.close()
    assert scripts.samples.read_samples(tmp_path / "samples.csv") == written


def test_the_picture_has_a_line_for_each_value_with_holes_where_there_is_none(
    scripts: SimpleNamespace, call: Callable[..., list[Any]], tmp_path: Path
) -> None:
    scripts.plot.draw(call(lambda n: {"seen_skew_ms": None if 20 < n < 30 else 10.0}), "a call", tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as picture:
        pixels = np.asarray(picture.convert("RGB"), int)
        assert picture.size[0] == scripts.plot.WIDTH
    for colour in (scripts.plot.BLUE, scripts.plot.ORANGE, scripts.plot.GREEN, scripts.plot.RED):
        assert np.abs(pixels - list(bytes.fromhex(colour[1:]))).sum(axis=2).min() < 20, "shrinking changes it a little"


def test_the_figures_under_load_are_a_table_and_tell_a_camera_that_stopped(
    scripts: SimpleNamespace, call: Callable[..., list[Any]]
) -> None:
    figures = scripts.load_figures.Figures(2, call(), [33.0, 34.0, 60.0])
    assert figures.in_step
    assert figures.never_stopped
    head, _, line = scripts.load_figures.table([figures]).splitlines()
    assert head.count("|") == line.count("|")
    assert line.startswith("| 2 | 18000 | 0 |")
    stopped = call(lambda n: {"longest_gap_ms": 1200.0 if n == 9 else 43.0, "skew_ms": 40.0})
    figures = scripts.load_figures.Figures(2, stopped, [33.0, 1200.0])
    assert not figures.in_step
    assert not figures.never_stopped


GAPS = (0.31, 0.47, 0.38, 0.55, 0.34, 0.43, 0.51, 0.36, 0.59, 0.41)  # s


def pictures(clicks: list[float], began: float, delay: float, late: Callable[[int], float]) -> list[Seen]:
    """What is seen at 30 fps of clicks at so many seconds; ``late``: s that the picture of that number arrives late."""
    found = []
    for number in range(round(clicks[-1] * 30) + 10):
        pts = number * SAMPLE_RATE // 30
        frame = FrameMark(pts // FRAME_SAMPLES)
        heard = [round(at * SAMPLE_RATE) for at in clicks]
        before = [click for click in heard if 0 < frame.end - click <= REMEMBERED]
        mark = dataclasses.replace(frame, click=max(before, default=None))
        at = began + pts / SAMPLE_RATE + delay + late(number)
        found.append(Seen(at, pts, mark, np.zeros((0, 0), np.uint8)))
    return found


@pytest.mark.parametrize("offset", [None, 4000.01])
def test_delays_are_told_by_the_clicks_also_where_pictures_come_late(
    offset: float | None, scripts: SimpleNamespace
) -> None:
    began = 4000.0
    clicks = [1 + sum(GAPS[:n]) for n in range(len(GAPS))]
    spoken = [began + at for at in clicks]
    random = np.random.default_rng(2)
    seen = pictures(clicks, began, 0.15, lambda number: random.exponential(0.02))
    found = scripts.samples.delays(seen, spoken, [at + 0.14 for at in spoken], 30.0, offset)
    assert found.clicks == len(clicks)
    assert found.camera_ms == pytest.approx(165, abs=10)
    assert found.voice_ms == pytest.approx(140, abs=0.1)
    assert found.skew_ms == pytest.approx(25, abs=10)
    assert found.offset == pytest.approx(began, abs=0.001)


def test_where_nothing_is_seen_nothing_is_told(scripts: SimpleNamespace) -> None:
    found = scripts.samples.delays([], [1.0, 2.1, 3.3], [], 30.0, 4000.0)
    assert (found.camera_ms, found.voice_ms, found.skew_ms, found.clicks, found.offset) == (None, None, None, 0, None)


@pytest.mark.audio
def test_a_real_session_is_observed(sound_server: PulseServer, tmp_path: Path) -> None:
    """On a server of the script's own; on a busy machine its verdict may be any."""
    command = [sys.executable, str(SCRIPTS / "soak.py"), "--minutes", "0.15", "--period", "9", "--out", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    samples = (tmp_path / "samples.csv").read_text().splitlines()
    assert len(samples) == 2, done.stderr
    assert "skew, picture seen - voice heard" in done.stdout
    assert (tmp_path / "samples.png").exists()
    last = next(csv.DictReader([samples[0], samples[-1]]))
    assert last["state"] == "live"
    assert int(last["clicks"]) > 0
    assert 0 < float(last["seen_delay_ms"]) < 3000
    assert 0 < float(last["heard_delay_ms"]) < 3000
