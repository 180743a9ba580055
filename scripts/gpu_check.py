#!/usr/bin/env python3
"""Prove on a machine with an NVIDIA GPU and TensorRT what could not be proven without: kernels, copies, graphs,
engines, whole frames, memory, a live minute. Writes a report to send; see gpu_check.sh.
"""

from __future__ import annotations

import argparse
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import yaml
from gpu import measure
from gpu.measure import Setup
from gpu.report import Report
from rich.console import Console

from vcam import __version__
from vcam.animators.ditto.backends import cuda_twins
from vcam.animators.ditto.backends.cuda import CudaDevice
from vcam.animators.ditto.backends.cuda_kernels import FORMATS, Kernels, source
from vcam.animators.ditto.backends.tensorrt_runtime import TensorRt
from vcam.animators.ditto.networks import ANIMATION
from vcam.animators.ditto.standin import make_stand_in_checkpoint
from vcam.checkpoints.location import default_folder
from vcam.engines.build import Workshop, build
from vcam.engines.verify import verify
from vcam.errors import AnimatorError, UsageError, VcamError

PACKAGES = ("numpy", "onnx", "onnxruntime", "onnxruntime-gpu", "opencv-python-headless", "pycuda", "tensorrt")
HERE = Path(__file__).resolve().parent


def machine(report: Report) -> str:
    rows = [("system", platform.platform()), ("python", platform.python_version()), ("vcam", __version__)]
    for name in PACKAGES:
        try:
            rows.append((name, version(name)))
        except PackageNotFoundError:
            rows.append((name, "-"))
    for name, command in (
        ("nvidia-smi", ("--query-gpu=name,driver_version,compute_cap,memory.total", "--format=csv,noheader")),
        ("nvcc", ("--version",)),
    ):
        rows.append((name, _said(name, *command)))
    report.table(("what", "found"), rows)
    return platform.node() and "see above"


def kernels(setup: Setup, report: Report) -> str:
    with setup.device.current():
        stream = setup.device.stream()
        functions = setup.device.compile(source(), FORMATS)
        found = cuda_twins.compare(setup.device, Kernels(stream, functions), stream, {"picture": setup.size})
    report.table(
        ("kernel", "largest difference", "allowed", "share that differs"),
        [(one.name, one.largest, one.allowed, f"{one.differing:.2%}") for one in found],
    )
    if bad := [one.name for one in found if not one.good]:
        raise AnimatorError(f"These kernels give something else: {', '.join(bad)}.")
    return f"{len(found)} kernels do as their twins"


def engines(setup: Setup, report: Report) -> str:
    rows = []
    shop = Workshop(setup.device, setup.library)
    for one in build(setup.checkpoint, shop, setup.precision, only=[spec.name for spec in ANIMATION]):
        seconds = f"{one.manifest.seconds:.0f} s" if one.fresh else "was there"
        rows.append((one.wanted.network, one.wanted.precision, seconds, f"{one.manifest.size / 2**20:.0f} MB"))
    report.table(("engine", "precision", "build", "size"), rows)
    return f"{len(rows)} engines"


def equality(setup: Setup, report: Report) -> str:
    backend = setup.backend()
    found = list(verify(setup.checkpoint, backend, [spec.name for spec in ANIMATION], seeds=(0, 1)))
    report.table(
        ("network", "precision", "sizes", "largest error", "relative", "allowed", "rms"),
        [(one.network, one.precision, one.sizes, *(f"{number:.1e}" for number in _errors(one))) for one in found],
    )
    if bad := [one.network for one in found if not one.good]:
        raise AnimatorError(f"These engines give something else: {', '.join(dict.fromkeys(bad))}.")
    return f"{len(found)} comparisons"


def live(setup: Setup, report: Report, seconds: float, graphs: bool) -> str:
    """The whole program for a while, with the demo voice and no camera."""
    with tempfile.TemporaryDirectory() as folder:
        profile = Path(folder) / "gpu.yaml"
        ditto = {"backend": "tensorrt", "precision": setup.precision, "cuda_graphs": graphs}
        ditto |= {"checkpoint": str(setup.checkpoint.absolute()), "landmarks": "lite"}
        animator = {"kind": "ditto", "quality": "low-latency", "ditto": ditto}
        profile.write_text(
            yaml.safe_dump({"animator": animator, "camera": {"size": f"{setup.size[0]}x{setup.size[1]}", "fps": 25}})
        )
        for command in (
            ("bench", "ditto", str(profile), "--seconds", str(max(3, seconds / 6))),
            ("start", str(profile), "--audio", "demo", "--camera", "none", "--duration", str(seconds)),
        ):
            done = subprocess.run(
                [sys.executable, "-m", "vcam", *command], capture_output=True, text=True, timeout=seconds * 5 + 300
            )
            report.line(f"`vcam {' '.join(command[:2])}`:\n```\n{done.stdout[-6000:]}{done.stderr[-3000:]}```")
            if done.returncode:
                raise AnimatorError(f"vcam {command[0]} ended with {done.returncode}.")
    return f"{seconds:.0f} s"


def full_size(folder: Path) -> Path:
    """A checkpoint of random weights in the real networks' size and structure."""
    if not (folder / "ditto_onnx" / "decoder.onnx").is_file():
        make_stand_in_checkpoint(folder)
        graphs = [sys.executable, str(HERE / "make_full_size_graphs.py"), str(folder / "ditto_onnx")]
        names = [spec.name for spec in ANIMATION]
        subprocess.run([*graphs, "--only", *names], check=True)
    return folder


def main(arguments: list[str] | None = None, device: Any = None, library: Any = None) -> int:
    """The number of checks that failed. ``device``, ``library``: in place of the real GPU and TensorRT."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, help="its folder; default: where `vcam checkpoints pull` puts it")
    parser.add_argument("--random", type=Path, metavar="FOLDER", help="without weights: make random ones of full size")
    parser.add_argument("--gpu", type=int, default=0)
    parser.add_argument("--precision", choices=("fp16", "fp32"), default="fp16")
    parser.add_argument("--seconds", type=float, default=10, help="of each measurement")
    parser.add_argument("--size", default="1280x720", help="of the pictures")
    parser.add_argument("--minutes", type=float, default=5, help="of the memory check")
    parser.add_argument("--live", type=float, default=60, metavar="SECONDS", help="of the live run; 0 leaves it out")
    parser.add_argument("--report", type=Path, default=Path(f"gpu-report-{time.strftime('%Y%m%d-%H%M')}.md"))
    options = parser.parse_args(arguments)
    console = Console()
    report = Report(options.report, lambda text: console.print(text, markup=False, highlight=False))
    report.line("# vcam on a GPU\n")
    report.check("Machine", lambda: machine(report))
    try:
        setup = Setup(
            CudaDevice(options.gpu) if device is None else device,
            TensorRt() if library is None else library,
            full_size(options.random) if options.random else (options.checkpoint or default_folder()),
            options.precision,
            options.seconds,
            _size(options.size),
        )
    except VcamError as error:
        report.line(f"{error.message}\n{error.hint}")
        return 1
    report.line(f"{setup.device.name}, driver for CUDA {setup.device.driver}, TensorRT {setup.library.version}\n")
    report.check("Kernels against their twins", lambda: kernels(setup, report))
    report.check("Copies", lambda: measure.copies(setup, report))
    report.check("CUDA graphs", lambda: measure.graphs(setup, report))
    if report.check("Engines", lambda: engines(setup, report)):
        report.check("Engines against onnxruntime", lambda: equality(setup, report))
        report.check("Networks", lambda: measure.networks(setup, report))
        report.check("Frames", lambda: measure.frames(setup, report))
        report.check("Diffusion", lambda: measure.diffusion(setup, report))
        report.check("Memory", lambda: measure.memory(setup, report, options.minutes))
        if options.live:
            report.check("Live", lambda: live(setup, report, options.live, graphs=False))
            report.check("Live with graphs", lambda: live(setup, report, options.live, graphs=True))
    failed = report.end()
    console.print(f"The report is {options.report}. Please attach it to an issue.", markup=False)
    return failed


def _size(text: str) -> tuple[int, int]:
    """Raises UsageError."""
    columns, _, rows = text.partition("x")
    if not (columns.isdigit() and rows.isdigit()):
        raise UsageError(f"{text[:40]!r} is no size.", "Give one such as 1280x720.")
    return int(columns), int(rows)


def _errors(one: Any) -> tuple[float, float, float, float]:
    return one.error.largest, one.error.relative, one.allowed, one.error.rms


def _said(command: str, *arguments: str) -> str:
    if shutil.which(command) is None:
        return "-"
    done = subprocess.run([command, *arguments], capture_output=True, text=True, timeout=60)
    lines = (done.stdout or done.stderr).strip().splitlines()
    return lines[-1] if lines else f"ended with {done.returncode}"


if __name__ == "__main__":
    sys.exit(min(1, main()))
