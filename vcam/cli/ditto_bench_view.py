"""How `vcam bench ditto` prints what was found."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from vcam.bench.ditto_result import DittoBench, Row, Run
from vcam.cli.tables import mark, plain, say, table

_WORDS = {
    "hubert": "hubert (audio features)",
    "lmdm": "lmdm (a diffusion step)",
    "stitch_network": "stitch",
    "warp_network": "warp",
    "decoder": "decode",
    "face": "face (warp, decode, to bytes)",
}


def print_ditto(result: DittoBench, console: Console) -> None:
    """Tables of times, delays and targets, and what they were measured on."""
    what = "stand-in networks" if result.stand_in else "the checkpoint's networks"
    about = result.machine
    title = f"ditto at {result.width}x{result.height}, quality {result.quality}, {what} on {about['provider']}"
    console.print(_times(result, title))
    console.print(_chains(result))
    console.print(_presets(result))
    latency, memory = result.latency, result.memory
    source = f"{latency.source:.0f} {latency.microphone}" if latency.microphone else "the microphone, which is not here"
    backend = ", ".join(f"{name} {about[name]}" for name in ("onnxruntime", "tensorrt") if name in about)
    lines = [
        f"delay of `vcam start`: {latency.total:.0f} ms = {latency.algorithmic:.0f} listening ahead"
        f" + {latency.compute_allowed:.0f} allowed for computing + {source}",
        f"real-time factor (below 1 keeps up): speaking {_factor(result.speaking)}, silent {_factor(result.silent)}",
        f"portrait: registered in {result.registered_ms:.0f} ms"
        f" ({', '.join(f'{row.name} {row.p50_ms:.1f}' for row in result.registration)}),"
        f" from the cache in {result.cached_ms:.1f} ms",
        f"memory: {_mb(memory.ready)} ready, {_mb(memory.before)} before; grown by {_mb(memory.grown)} while running"
        " (with the faces kept for silence)",
        *_gpu(result),
        f"{about['processor']}, {about['cores']} cores; Python {about['python']}, {backend},"
        f" OpenCV {about['opencv']}, NumPy {about['numpy']}; work that is no network on one core",
    ]
    for line in lines:
        say(console, line)
    console.print(_targets(result))


def _times(result: DittoBench, title: str) -> Table:
    rows = table(title, "a call", "a frame>", "p50 ms>", "p95 ms>", "ms a frame>")
    for row in result.networks:
        rows.add_row(plain(_WORDS.get(row.name, row.name)), *_numbers(row))
    networks = sum(row.frame_ms for row in result.networks)
    rows.add_row(plain("lmdm, a clip with its sampler"), "", f"{result.clip_ms:.2f}", "", "")
    rows.add_row(plain("all networks", "bold"), "", "", "", f"{networks:.2f}", end_section=True)
    for row in result.parts:
        rows.add_row(plain(row.name), *_numbers(row))
    work = result.speaking
    rows.add_row(
        plain("all that is no network", "bold"), "", f"{work.work_p50_ms:.2f}", f"{work.work_p95_ms:.2f}",
        f"{work.work_p50_ms:.2f}", end_section=True,
    )  # fmt: skip
    rows.add_row(plain(f"a frame: {result.fps:.0f} fps could be reached", "bold"), "", "", "", f"{result.frame_ms:.2f}")
    return rows


def _numbers(row: Row) -> list[str]:
    p95 = "" if row.p95_ms is None else f"{row.p95_ms:.3f}"
    return [f"{row.calls:.2f}".removesuffix(".00"), f"{row.p50_ms:.3f}", p95, f"{row.frame_ms:.3f}"]


def _presets(result: DittoBench) -> Table:
    rows = table(
        "presets: delay in ms, by these times",
        "", "quality", "overlap>", "steps>", "algorithmic>", "with the gate>", "computing>", "in all>", "load>",
    )  # fmt: skip
    for preset in result.presets:
        rows.add_row(
            "▸" if preset.name == result.quality else "",
            preset.name, str(preset.overlap), str(preset.steps), f"{preset.own:.0f}", f"{preset.algorithmic:.0f}",
            f"{preset.compute:.0f}", f"{preset.total:.0f}", f"{preset.load:.0%}",
        )  # fmt: skip
    return rows


def _chains(result: DittoBench) -> Table:
    chains = result.chains
    rows = table(
        f"a frame of speech in ms; {chains.frames} frames drawn by both, which differ by {chains.difference} of 255",
        "", "this session>", "by copies>", "times>",
    )  # fmt: skip
    ours, theirs = chains.session, chains.copies
    size = f"{result.width}x{result.height}"
    for name, one, other in (
        ("motion: features, clips", ours.motion, theirs.motion),
        ("face: stitch, warp, decode, 512x512", ours.face, theirs.face),
        (f"frame: controls, face, paste, I420 {size}", ours.frame, theirs.frame),
        ("frame, 95 %", ours.frame_p95, theirs.frame_p95),
    ):
        rows.add_row(plain(name), f"{one:.2f}", f"{other:.2f}", f"{other / one:.2f}" if one else "")
    for name, one, other in (
        ("fps of the crop, 512x512", ours.fps_crop, theirs.fps_crop),
        (f"fps of whole frames, {size}", ours.fps, theirs.fps),
    ):
        rows.add_row(plain(name, "bold"), f"{one:.1f}", f"{other:.1f}", f"{one / other:.2f}")
    return rows


def _gpu(result: DittoBench) -> list[str]:
    memory = result.gpu_memory
    if memory is None:
        return []
    return [
        f"the GPU's memory, all programs: {_mb(memory.ready)} ready, {_mb(memory.before)} before; grown by"
        f" {_mb(memory.grown)} while running"
    ]


def _targets(result: DittoBench) -> Table:
    rows = table("targets", "", "what", "found>", "at most>")
    for name, value, limit, unit in result.judged:
        met = value <= limit
        rows.add_row(mark("ok" if met else "fail"), name, f"{value:.2f} {unit}".rstrip(), f"{limit:g} {unit}".rstrip())
    return rows


def _factor(run: Run) -> str:
    short = ", cut short: the networks are slow here" if run.cut_short else ""
    return f"{run.real_time_factor:.3f} ({run.frames} frames{short})"


def _mb(value: float | None) -> str:
    return "not known" if value is None else f"{value:.0f} MB"
