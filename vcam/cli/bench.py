"""`vcam bench`: what the parts cost on this machine, as tables or JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vcam.cli.errors import handle_errors

if TYPE_CHECKING:
    from rich.table import Table

    from vcam.bench.lite import LiteBench
    from vcam.profile.model import Profile

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="Measure what the parts cost on this machine.", no_args_is_help=True)
    group.command("lite")(lite)
    group.command("ditto")(ditto)
    group.command("gate")(gate)
    app.add_typer(group, name="bench")


@handle_errors
def lite(
    profile: Annotated[str, typer.Option("--profile", "-p", help="Whose portrait, size and gate.")] = "default",
    size: Annotated[str | None, typer.Option(help="Of the picture, for example 1280x720.")] = None,
    seconds: Annotated[float, typer.Option(help="Of speech for the stages' times.", min=1)] = 20.0,
    as_json: JsonOption = False,
) -> None:
    """The lite animator: milliseconds a frame for each stage, delay, memory, CPU in silence and in speech."""
    from vcam.app import StartOptions, effective_profile
    from vcam.bench.lite import run_lite_bench

    result = run_lite_bench(effective_profile(StartOptions(profile=profile, size=size)), seconds)
    if as_json:
        typer.echo(json.dumps(result.to_dict(), indent=2))
    else:
        _print_lite(result)
    raise typer.Exit(0 if result.passed else 1)


def _print_lite(result: LiteBench) -> None:
    from rich.console import Console
    from rich.table import Table

    from vcam.bench.lite import FRAME_TARGET_MS, LATENCY_TARGET_MS, MEMORY_TARGET_MB

    console = Console()
    table = Table(title=f"lite at {result.width}x{result.height}, one core", title_justify="left")
    table.add_column("stage")
    table.add_column("p50 ms", justify="right")
    table.add_column("p95 ms", justify="right")
    names = {
        "gate": "gate (20 ms of sound)", "analyse": "analysis (40 ms of sound)", "render": "drawing",
        "stage": "stage (fit, badge, I420)", "whole": "whole frame",
    }  # fmt: skip
    for stage in result.stages:
        table.add_row(names.get(stage.name, stage.name), f"{stage.p50_ms:.2f}", f"{stage.p95_ms:.2f}")
    console.print(table)
    console.print(_avatar_table(result))
    microphone = f"{result.microphone:.0f}" if result.microphone is not None else "none here, counted as 0"
    memory = f"{result.resident_mb:.0f} MB" if result.resident_mb is not None else "not known"
    console.print(
        f"real-time factor {result.real_time_factor:.3f} (below 1 is faster than real time; whole frame at most "
        f"{FRAME_TARGET_MS:.0f} ms wanted)\n"
        f"delay, measured at the camera: p50 {result.delay_p50:.0f} ms, p95 {result.delay_p95:.0f} ms = "
        f"{result.algorithmic:.0f} listening ahead + {result.compute_allowed:.0f} allowed for computing + "
        f"{result.source:.0f} for the file\n"
        f"microphone: {microphone} ms; microphone to camera {result.mic_to_camera:.0f} ms "
        f"(at most {LATENCY_TARGET_MS:.0f} wanted)\n"
        f"in real time: {result.presented} pictures, {result.repeated} repeated, {result.skipped} skipped\n"
        f"memory {memory} (at most {MEMORY_TARGET_MB:.0f} MB wanted)\n"
        f"{result.machine['processor']}, {result.machine['cores']} cores, Python {result.machine['python']}, "
        f"OpenCV {result.machine['opencv']}",
        highlight=False,
    )
    console.print("[green]all targets met[/]" if result.passed else f"[red]not met:[/] {'; '.join(result.missed)}")


def _avatar_table(result: LiteBench) -> Table:
    from rich.table import Table

    from vcam.bench import lite_cpu

    table = Table(title="animator, p50, and a session's CPU in % of a core, 25 pictures/s", title_justify="left")
    table.add_column("avatar")
    for heading in (
        f"frame ms (<= {lite_cpu.FRAME_TARGET_MS:.0f})",
        f"silent % (<= {lite_cpu.SILENT_TARGET:.0f})",
        f"speaking % (<= {lite_cpu.SPEAKING_TARGET:.0f})",
        "simplest way ms",
        "ratio",
    ):
        table.add_column(heading, justify="right")
    for cost in result.avatars:
        table.add_row(
            cost.kind, f"{cost.frame_ms:.2f}", f"{cost.silent:.1f}", f"{cost.speaking:.1f}",
            f"{cost.plain_ms:.1f}", f"{cost.ratio:.1f}",
        )  # fmt: skip
    return table


@handle_errors
def ditto(
    profile: Annotated[str, typer.Argument(help="Whose portrait, size, quality and gate.")] = "default",
    stand_in: Annotated[
        bool, typer.Option("--stand-in", help="Tiny networks in place of the weights: what is around them is measured.")
    ] = False,
    checkpoint: Annotated[
        Path | None, typer.Option(help="Folder of another checkpoint, such as one of full size and random weights.")
    ] = None,
    quality: Annotated[str | None, typer.Option(help="quality, balanced, low-latency or fast.")] = None,
    seconds: Annotated[float, typer.Option(help="Of speech; and twice as much silence.", min=3)] = 10.0,
    as_json: JsonOption = False,
) -> None:
    """The ditto animator: each network, everything around them, fps, the delay's parts, memory.

    With real networks on a processor a frame takes seconds: the runs are then cut short, and say so.
    """
    from rich.console import Console

    from vcam.app import StartOptions, effective_profile
    from vcam.bench.ditto import run_ditto_bench
    from vcam.cli.ditto_bench_view import print_ditto
    from vcam.cli.tables import make_console, say

    chosen = effective_profile(StartOptions(profile=profile, animator="ditto", stand_in=stand_in))
    if checkpoint is not None:
        ditto_settings = {**chosen.animator.ditto.model_dump(), "checkpoint": str(checkpoint.absolute())}
        chosen = chosen.with_changes("animator", ditto=ditto_settings)
    if quality is not None:
        chosen = _with_quality(chosen, quality)
    with Console(stderr=True).status("measuring: a few seconds with stand-ins, up to minutes with real networks"):
        result = run_ditto_bench(chosen, seconds)
    if as_json:
        typer.echo(json.dumps(result.to_dict(), indent=2))
    else:
        console = make_console()
        print_ditto(result, console)
        say(console, "all targets met" if result.passed else f"not met: {'; '.join(result.missed)}")
    raise typer.Exit(0 if result.passed else 1)


def _with_quality(profile: Profile, quality: str) -> Profile:
    from pydantic import ValidationError

    from vcam.errors import UsageError

    try:
        return profile.with_changes("animator", quality=quality)
    except ValidationError as error:
        expected = error.errors(include_url=False)[0]["msg"].replace("Input should be", "expected")
        raise UsageError(f"--quality {quality[:40]!r}: {expected}.") from error


@handle_errors
def gate(as_json: JsonOption = False) -> None:
    """The speech gate on synthesised speech with clicks and noise at several signal-to-noise ratios."""
    from vcam.bench.gate import run_gate_bench

    result = run_gate_bench()
    if as_json:
        typer.echo(json.dumps(result.to_dict(), indent=2))
    else:
        _print_rows(result.as_rows())
    raise typer.Exit(0 if result.passed else 1)


def _print_rows(rows: list[list[str]]) -> None:
    """A table whose first row holds the headings."""
    from rich.console import Console
    from rich.table import Table

    table = Table(*rows[0])
    for row in rows[1:]:
        table.add_row(*row)
    Console().print(table)
