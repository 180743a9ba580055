"""What a user has of it: the benchmark of a session's chain with its targets, and the whole program live."""

from __future__ import annotations

import io
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console

from vcam.bench.ditto import run_ditto_bench
from vcam.bench.ditto_result import DittoBench
from vcam.cli.ditto_bench_view import print_ditto
from vcam.errors import AnimatorError
from vcam.profile.model import Profile

from .report import Report

FPS, DELAY_MS, RATIO = 100.0, 250.0, 2.0

#: Runs `vcam` with these arguments: its exit status, and what it said.
Command = Callable[[Sequence[str], float], tuple[int, str]]


def by_subprocess(arguments: Sequence[str], timeout: float) -> tuple[int, str]:
    command = [sys.executable, "-m", "vcam", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout)
    return done.returncode, done.stdout[-6000:] + done.stderr[-3000:]


def settings(checkpoint: Path, size: tuple[int, int], **ditto: Any) -> dict[str, Any]:
    """A profile at `low-latency`."""
    own = {"checkpoint": str(checkpoint.absolute()), "landmarks": "lite", **ditto}
    animator = {"kind": "ditto", "quality": "low-latency", "ditto": own}
    camera = {"size": f"{size[0]}x{size[1]}", "fps": 25, "kind": "none"}
    return {"animator": animator, "camera": camera, "audio": {"device": "demo"}}


def bench(report: Report, profile: dict[str, Any], seconds: float, found: list[DittoBench]) -> str:
    """`vcam bench ditto`; its result goes to ``found``."""
    result = run_ditto_bench(Profile.model_validate(profile), max(0.5, seconds), max(3 * seconds, 1.0))
    console = Console(file=io.StringIO(), width=120)
    print_ditto(result, console)
    assert isinstance(console.file, io.StringIO)
    report.line(f"```\n{console.file.getvalue()}```\n")
    found.append(result)
    if result.chains.difference > 2:
        raise AnimatorError(f"The session's pictures differ by {result.chains.difference} from those by copies.")
    return f"{result.chains.session.fps:.1f} fps, {result.chains.ratio:.2f} times as many as by copies"


def live(report: Report, profile: dict[str, Any], seconds: float, command: Command) -> str:
    """The whole program for a while, with the demo voice and no camera."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "gpu.yaml"
        path.write_text(yaml.safe_dump(profile), encoding="utf-8")
        arguments = ("start", str(path), "--audio", "demo", "--camera", "none", "--duration", f"{seconds:g}")
        status, said = command(arguments, seconds * 5 + 300)
    report.line(f"`vcam start`:\n```\n{said}```\n")
    if status:
        raise AnimatorError(f"vcam start ended with {status}.")
    return f"{seconds:g} s"


def targets(report: Report, found: dict[str, DittoBench], on_gpu: bool) -> None:
    """Passed or failed for each way of running the networks; without a GPU they are told, and not judged."""
    rows = []
    for name, result in found.items():
        (delay,) = (preset.total for preset in result.presets if preset.name == "low-latency")
        chains = result.chains
        size = f"{result.width}x{result.height}"
        for what, value, text, met in (
            (f"fps, whole frames of {size}", chains.session.fps, f">= {FPS:g}", chains.session.fps >= FPS),
            ("fps, crop of 512x512", chains.session.fps_crop, f">= {FPS:g}", chains.session.fps_crop >= FPS),
            ("times host copies", chains.ratio, f">= {RATIO:g}", chains.ratio >= RATIO),
            ("ms mic to frame, low-latency", delay, f"<= {DELAY_MS:g}", delay <= DELAY_MS),
        ):
            verdict = ("passed" if met else "MISSED") if on_gpu else "not judged: no GPU"
            rows.append((name, what, f"{value:.2f}", text, verdict))
    report.line("## Targets\n")
    report.table(("networks by", "what", "found", "target", ""), rows)
