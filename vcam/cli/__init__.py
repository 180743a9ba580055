"""The command line: one file a group of commands; parsing and printing only."""

from __future__ import annotations

import logging
import sys
from typing import Annotated

import typer

from vcam import __version__
from vcam.cli import avatar, bench, checkpoints, control, devices, doctor, engines, profile, render, selftest, start
from vcam.leaving import leave

app = typer.Typer(
    name="vcam",
    help="A virtual webcam whose portrait speaks with your voice.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"vcam {__version__}")
        raise typer.Exit


@app.callback()
def options(
    verbose: Annotated[
        int, typer.Option("--verbose", "-v", count=True, show_default=False, help="Say more; twice: everything.")
    ] = 0,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", show_default=False, help="Say only what went wrong.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    level = logging.WARNING if quiet else logging.DEBUG if verbose > 1 else logging.INFO
    logging.basicConfig(
        level=level, stream=sys.stderr, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", force=True
    )
    if verbose < 2:
        for chatty in ("uvicorn", "asyncio", "libav", "filelock", "httpx", "httpx2"):
            logging.getLogger(chatty).setLevel(logging.WARNING)


for group in (start, control, devices, doctor, profile, avatar, render, checkpoints, engines, bench, selftest):
    group.register(app)


def main() -> None:
    try:
        app()
    except SystemExit as end:
        leave(end.code if isinstance(end.code, int) else int(end.code is not None))
        raise
