"""`vcam render`: a video from a sound file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vcam.cli.errors import handle_errors

if TYPE_CHECKING:
    from vcam.render import Phase

#: What is said of each phase of rendering.
PHASES: dict[Phase, str] = {
    "listening": "listening…",
    "moving": "working out the motion…",
    "drawing": "drawing…",
}


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
    stand_in: Annotated[
        bool, typer.Option("--stand-in", help="ditto with tiny networks in place of its weights, for a first look.")
    ] = False,
    size: Annotated[str | None, typer.Option(help="Of the picture, for example 1280x720.")] = None,
    fps: Annotated[float | None, typer.Option(help="Frames a second, for example 30.")] = None,
) -> None:
    """Render a sound file into a video of the talking portrait, as fast as it goes, with its sound.

    The ditto animator hears all of the sound before it draws: its motion is calmer when it knows what comes.
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    from vcam.app import StartOptions, effective_profile
    from vcam.render import render as render_file

    chosen = effective_profile(StartOptions(profile=profile, animator=animator, stand_in=stand_in, size=size, fps=fps))
    console = Console(stderr=True)
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn(), console=console
    )
    with bar:
        task = bar.add_task("loading", total=None)
        at: Phase | None = None

        def show(phase: Phase, done: float, total: float | None) -> None:
            nonlocal at
            if phase != at:
                at = phase
                bar.reset(task, total=total, description=PHASES[phase])  # the time left is reckoned anew
            bar.update(task, completed=done, total=total)

        result = render_file(audio, output, chosen, show)
        bar.update(task, completed=result.seconds, total=result.seconds)
    if result.notice:
        console.print(result.notice, markup=False)
    typer.echo(
        f"{result.path}: {result.seconds:.1f} s, {result.pictures} pictures, made in {result.elapsed:.1f} s "
        f"({1 / result.real_time_factor:.1f} times real time)"
    )
