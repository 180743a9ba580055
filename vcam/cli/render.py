"""`vcam render`: a video from a sound file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vcam.cli.errors import handle_errors


def register(app: typer.Typer) -> None:
    app.command()(render)


@handle_errors
def render(
    audio: Annotated[Path, typer.Argument(help="The voice: any sound or video file.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The video to write (.mp4); replaced if there.")],
    profile: Annotated[
        str | None, typer.Option("--profile", "-p", help="A profile's name or path.", show_default="default")
    ] = None,
    animator: Annotated[str | None, typer.Option(help="auto, lite or ditto.")] = None,
    size: Annotated[str | None, typer.Option(help="Of the picture, for example 1280x720.")] = None,
    fps: Annotated[float | None, typer.Option(help="Frames a second, for example 30.")] = None,
) -> None:
    """Render a sound file into a video of the talking portrait, as fast as it goes, with its sound."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    from vcam.app import StartOptions, effective_profile
    from vcam.render import render as render_file

    chosen = effective_profile(StartOptions(profile=profile, animator=animator, size=size, fps=fps))
    console = Console(stderr=True)
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn(), console=console
    )
    with bar:
        task = bar.add_task(output.name, total=None)
        result = render_file(audio, output, chosen, lambda done, total: bar.update(task, completed=done, total=total))
        bar.update(task, completed=result.seconds, total=result.seconds)
    if result.notice:
        console.print(result.notice, markup=False)
    typer.echo(
        f"{result.path}: {result.seconds:.1f} s, {result.pictures} pictures, made in {result.elapsed:.1f} s "
        f"({1 / result.real_time_factor:.1f} times real time)"
    )
