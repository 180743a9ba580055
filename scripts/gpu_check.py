#!/usr/bin/env python3
"""Prove on a machine with an NVIDIA GPU what could not be proven without: kernels, copies, graphs, engines, frames,
memory, targets, a live minute, by TensorRT and by onnxruntime. What is missing is said in a line, and what can be done
without is done: on no GPU at all, onnxruntime's chain on the CPU. Writes a report to send; see gpu_check.sh.
"""

from __future__ import annotations

import argparse
import platform
import shutil
import subprocess
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from gpu import measure, needed, onnx_chain, session
from gpu.measure import Setup
from gpu.needed import Found
from gpu.onnx_chain import Chains
from gpu.report import Report
from gpu.session import Command, by_subprocess
from rich.console import Console

from vcam import __version__
from vcam.animators.ditto.backends import cuda_twins
from vcam.animators.ditto.backends.cuda_kernels import FORMATS, Kernels, source
from vcam.animators.ditto.checkpoint import Checkpoint
from vcam.animators.ditto.networks import ANIMATION
from vcam.animators.ditto.standin import make_stand_in_checkpoint, stand_in_checkpoint
from vcam.bench.ditto_result import DittoBench
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


def full_size(folder: Path) -> Path:
    """A checkpoint of random weights in the real networks' size and structure."""
    if not (folder / "ditto_onnx" / "decoder.onnx").is_file():
        make_stand_in_checkpoint(folder)
        graphs = [sys.executable, str(HERE / "make_full_size_graphs.py"), str(folder / "ditto_onnx")]
        names = [spec.name for spec in ANIMATION]
        subprocess.run([*graphs, "--only", *names], check=True)
    return folder


def main(
    arguments: list[str] | None = None, device: Any = None, library: Any = None, command: Command = by_subprocess
) -> int:
    """The number of checks that failed. ``device``, ``library``: in place of the real GPU and TensorRT; ``command``:
    runs vcam live."""
    options = _parser().parse_args(arguments)
    size = _size(options.size)
    console = Console()
    report = Report(options.report, lambda text: console.print(text, markup=False, highlight=False))
    report.line("# vcam on a GPU\n")
    report.check("Machine", lambda: machine(report))
    found = needed.look(options.gpu) if device is None else Found(device, library, False, [])
    found.missing.extend(options.note)
    checkpoint: Path | None
    try:
        checkpoint = full_size(options.random) if options.random else (options.checkpoint or default_folder())
        Checkpoint.open(checkpoint).require(ANIMATION)
    except VcamError as error:
        found.missing.append(f"checkpoint: {error.message} {error.hint} Or without weights: --random FOLDER.")
        checkpoint = None
    for line in found.missing:
        report.line(f"Missing: {line}\n")
    if checkpoint is None or not (found.cuda or found.device):
        report.line("Tiny stand-in networks are used: they prove that it runs, not how fast.\n")
        checkpoint = stand_in_checkpoint()
    benches: dict[str, DittoBench] = {}
    if found.device is None:
        for name in ("Kernels against their twins", "Copies", "CUDA graphs"):
            report.skip(name, "there is no GPU that pycuda can use")
    else:
        setup = Setup(found.device, found.library, checkpoint, options.precision, options.seconds, size)
        report.line(f"{setup.device.name}, driver for CUDA {setup.device.driver}\n")
        report.check("Kernels against their twins", lambda: kernels(setup, report))
        report.check("Copies", lambda: measure.copies(setup, report))
        report.check("CUDA graphs", lambda: measure.graphs(setup, report))
    if found.device is None or found.library is None:
        report.skip("TensorRT", "it needs a GPU, pycuda and the library")
    else:
        report.line(f"TensorRT {found.library.version}\n")
        by_tensorrt(setup, report, options, benches, command)
    by_onnxruntime(checkpoint, found.cuda, size, report, options, benches, command)
    session.targets(report, benches, on_gpu=found.device is not None or found.cuda)
    failed = report.end()
    if found.missing:
        report.line(f"Missing were: {', '.join(line.partition(':')[0] for line in found.missing)}. See above.")
    console.print(f"The report is {options.report}. Please attach it to an issue.", markup=False)
    return failed


def by_tensorrt(
    setup: Setup, report: Report, options: argparse.Namespace, benches: dict[str, DittoBench], command: Command
) -> None:
    if not report.check("Engines", lambda: engines(setup, report)):
        return
    report.check("Engines against onnxruntime", lambda: equality(setup, report))
    report.check("Networks", lambda: measure.networks(setup, report))
    report.check("Frames", lambda: measure.frames(setup, report))
    report.check("Diffusion", lambda: measure.diffusion(setup, report))
    report.check("Memory", lambda: measure.memory(setup, report, options.minutes))
    for name, graphs in (("TensorRT", False), ("TensorRT with graphs", True)):
        ditto = {"backend": "tensorrt", "precision": setup.precision, "cuda_graphs": graphs, "gpu": options.gpu}
        profile = session.settings(setup.checkpoint, setup.size, **ditto)
        tested(name, profile, report, options, benches, command)


def by_onnxruntime(
    checkpoint: Path,
    cuda: bool,
    size: tuple[int, int],
    report: Report,
    options: argparse.Namespace,
    benches: dict[str, DittoBench],
    command: Command,
) -> None:
    provider = "cuda" if cuda else "cpu"
    name = f"onnxruntime on {'CUDA' if cuda else 'the CPU'}"
    chains = Chains(checkpoint, provider, options.gpu, options.seconds, size)
    report.check(f"{name}: bound memory against copies", lambda: onnx_chain.compare(chains, report))
    report.check(f"{name}: memory", lambda: onnx_chain.endure(chains, report, options.minutes))
    profile = session.settings(checkpoint, size, backend="onnxruntime", provider=provider, gpu=options.gpu)
    tested(name, profile, report, options, benches, command)


def tested(
    name: str,
    profile: dict[str, Any],
    report: Report,
    options: argparse.Namespace,
    benches: dict[str, DittoBench],
    command: Command,
) -> None:
    """The benchmark and a live run of a profile."""
    results: list[DittoBench] = []
    report.check(f"{name}: bench", lambda: session.bench(report, profile, options.seconds, results))
    benches.update((name, result) for result in results)
    if options.live:
        report.check(f"{name}: live", lambda: session.live(report, profile, options.live, command))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, help="its folder; default: where `vcam checkpoints pull` puts it")
    parser.add_argument("--random", type=Path, metavar="FOLDER", help="without weights: make random ones of full size")
    parser.add_argument("--gpu", type=int, default=0)
    parser.add_argument("--precision", choices=("fp16", "fp32"), default="fp16")
    parser.add_argument("--seconds", type=float, default=10, help="of each measurement")
    parser.add_argument("--size", default="1280x720", help="of the pictures")
    parser.add_argument("--minutes", type=float, default=5, help="of each memory check")
    parser.add_argument("--live", type=float, default=60, metavar="SECONDS", help="of each live run; 0 leaves them out")
    parser.add_argument("--note", action="append", default=[], metavar="TEXT", help="something else that is missing")
    parser.add_argument("--report", type=Path, default=Path(f"gpu-report-{time.strftime('%Y%m%d-%H%M')}.md"))
    return parser


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
