"""`vcam selftest`: delay, skew and frames, measured as applications get them."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from vcam.cli.errors import handle_errors

if TYPE_CHECKING:
    from vcam.selftest import Row, SelfTest


def register(app: typer.Typer) -> None:
    app.command()(selftest)


@handle_errors
def selftest(
    profile: Annotated[
        str | None, typer.Argument(help="A profile's name or path (`vcam profile list`).", show_default="default")
    ] = None,
    camera: Annotated[
        str | None, typer.Option(help="auto, preview, or a device (/dev/video10 or part of its name).")
    ] = None,
    animator: Annotated[str | None, typer.Option(help="auto, lite or ditto.")] = None,
    stand_in: Annotated[
        bool, typer.Option("--stand-in", help="ditto with tiny networks in place of its weights.")
    ] = False,
    size: Annotated[str | None, typer.Option(help="Of the camera's picture, for example 1280x720.")] = None,
    fps: Annotated[float | None, typer.Option(help="Frames a second, for example 30.")] = None,
    seconds: Annotated[float, typer.Option(help="To measure for.", min=6, max=600)] = 20.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON, for programs.")] = False,
) -> None:
    """Play clicks and speech in, read camera and virtual microphone back: delay, skew, jitter, dropped frames.

    Exit code 1 if a limit is missed. Nobody hears it: it uses a microphone of its own, taken away afterwards.
    """
    from rich.console import Console

    from vcam.app import StartOptions, absolute_profile
    from vcam.selftest import run_selftest

    options = StartOptions(
        profile=absolute_profile(profile), camera=camera, animator=animator, stand_in=stand_in, size=size, fps=fps
    )
    with _ended_by_signals(), Console(stderr=True).status(f"measuring for about {seconds + 5:.0f} s"):
        result = run_selftest(options, seconds)
    if as_json:
        typer.echo(json.dumps(result.to_dict(), indent=2))
    else:
        _show(result)
    raise typer.Exit(0 if result.passed else 1)


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """SIGTERM and SIGHUP unwind like Ctrl+C: the microphones that were made must not stay behind."""

    def end(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    wanted = [signal.SIGTERM] + ([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])
    before = {number: signal.signal(number, end) for number in wanted}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _show(result: SelfTest) -> None:
    from vcam.cli.tables import make_console, mark, plain, say, table

    console = make_console()
    say(console, f"sound in  {result.sound}")
    say(console, f"camera    {result.camera}")
    if result.voice:
        say(console, f"voice     {result.voice}")
    rows = table(f"{result.picture}, {result.seconds:g} s", "", "measured", "found>", "limit", "")
    for row in result.rows:
        rows.add_row(mark(_status(row)), plain(row.name), plain(row.text), plain(row.limit), plain(row.note))
    console.print(rows)
    for text in result.left_out:
        say(console, f"not measured: {text}", "yellow")
    for text in result.warnings:
        say(console, f"! {text}", "yellow")
    if result.passed:
        say(
            console, "all limits kept" if not result.left_out else "all limits kept, of what could be measured", "green"
        )
    else:
        say(console, f"missed: {'; '.join(result.missed)}", "bold red")


def _status(row: Row) -> str:
    if not row.judged:
        return "info"
    return "ok" if row.passed else "fail"
