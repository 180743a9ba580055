"""`vcam start`: the main job."""

from __future__ import annotations

from typing import Annotated

import typer

from vcam.cli.errors import handle_errors
from vcam.errors import UsageError

LONGEST = 366 * 86_400  # s; --duration beyond it is a slip


def register(app: typer.Typer) -> None:
    app.command()(start)


@handle_errors
def start(
    context: typer.Context,
    profile: Annotated[
        str | None, typer.Argument(help="A profile's name or path (`vcam profile list`).", show_default="default")
    ] = None,
    audio: Annotated[
        str | None,
        typer.Option(help="mic, part of a device's name or its number (`vcam devices`), a sound file, or demo."),
    ] = None,
    camera: Annotated[
        str | None,
        typer.Option(
            help="auto, preview (in the browser), none, a device (/dev/video10 or part of its name), FILE.mp4."
        ),
    ] = None,
    monitor: Annotated[
        str | None,
        typer.Option(help="Where the voice is played: virtual-mic, auto, none, or a device's name or number."),
    ] = None,
    animator: Annotated[str | None, typer.Option(help="auto, lite or ditto.")] = None,
    stand_in: Annotated[
        bool, typer.Option("--stand-in", help="ditto with tiny networks in place of its weights, for a first look.")
    ] = False,
    size: Annotated[str | None, typer.Option(help="Of the camera's picture, for example 1280x720.")] = None,
    fps: Annotated[float | None, typer.Option(help="Frames a second, for example 30.")] = None,
    demo: Annotated[bool, typer.Option("--demo", help="A bundled voice in the browser preview.")] = False,
    background: Annotated[bool, typer.Option("--background", help="Return once live; `vcam stop` ends it.")] = False,
    duration: Annotated[float | None, typer.Option(help="End after so many seconds.", min=0.1)] = None,
    open_page: Annotated[
        bool | None, typer.Option("--open/--no-open", help="Open the preview's page.", show_default="with --demo")
    ] = None,
) -> None:
    """Show the talking portrait as a camera: microphone in, virtual camera (or browser preview) out."""
    from vcam.app import StartOptions, absolute_audio, absolute_camera, absolute_profile

    if duration is not None and not duration <= LONGEST:  # nan is neither more nor less
        raise UsageError(
            f"--duration {duration}: expected seconds, a year at most.", "Leave it out to run until Ctrl+C."
        )
    options = StartOptions(
        profile=absolute_profile(profile),
        audio=absolute_audio(audio or ("demo" if demo else None)),
        camera=absolute_camera(camera or ("preview" if demo else None)),
        monitor=monitor,
        animator=animator,
        stand_in=stand_in,
        size=size,
        fps=fps,
        duration=duration,
        open_page=demo if open_page is None else open_page,
        page_asked=open_page is True,
    )
    if background:
        from vcam.cli.background import start_in_background

        start_in_background(options)
    else:
        from vcam.cli.foreground import run_in_foreground

        run_in_foreground(options)
