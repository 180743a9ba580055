"""The commands that talk to the running session: stop, status, logs, pause, resume, cut, mute, unmute, express,
pose, switch.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vcam.cli.errors import handle_errors
from vcam.errors import ControlError, UsageError, VcamError
from vcam.paths import at_home

if TYPE_CHECKING:
    from vcam.daemon.client import ControlClient
    from vcam.daemon.lock import SessionInfo

# What the control channel needs is imported in the commands: `vcam --help` does without it.

STOP_LIMIT_S = 10.0
FORCED_STOP_LIMIT_S = 1.0
KILL_LIMIT_S = 5.0
POLL_S = 0.05
WATCH_INTERVAL_S = 0.5


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    for command in (stop, status, logs, pause, resume, cut, mute, unmute, express, pose, switch):
        app.command()(command)


@handle_errors
def stop(
    force: Annotated[bool, typer.Option("--force", help="Kill it if it does not end by itself.")] = False,
) -> None:
    """End the running session and wait until it is gone."""
    from vcam.daemon.client import NotRunning

    client = _client()
    info = client.info()
    try:
        client.call("stop", limit_s=FORCED_STOP_LIMIT_S if force else STOP_LIMIT_S)
    except NotRunning:
        pass  # it ended by itself just now
    except ControlError:
        if not force:
            raise
    limit_s = FORCED_STOP_LIMIT_S if force else STOP_LIMIT_S
    if not _gone(client, limit_s):
        if not force:
            raise ControlError(f"vcam (pid {info.pid}) has not ended after {limit_s:g} s", "Kill it: vcam stop --force")
        _kill(client)
    typer.echo("vcam has stopped.")


@handle_errors
def status(
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON, for programs.")] = False,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Keep showing it until Ctrl+C.")] = False,
) -> None:
    """Show what the running session does."""
    from vcam.daemon.client import NotRunning

    client = _client()
    try:
        info = client.info()
        found = client.call("status")
    except NotRunning as error:
        raise NotRunning(f"{error.message}{_why_it_ended()}", error.hint) from error
    if watch:
        _watch(client, info, found, as_json)
    elif as_json:
        typer.echo(json.dumps(found, indent=2))
    else:
        from rich.console import Console

        from vcam.cli.status_view import status_view

        console = Console()
        console.print(status_view(found, info.pid, console), soft_wrap=not console.is_terminal)


@handle_errors
def logs(
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Keep printing new lines until Ctrl+C.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="How many of the last lines to print.")] = 50,
) -> None:
    """Print the log of sessions in the background."""
    from vcam.daemon import logs as log
    from vcam.daemon.paths import log_file

    path = log_file()
    if follow:
        for line in log.follow(path, lines):
            typer.echo(line)
        return
    if not path.exists():
        raise VcamError(f"there is no log yet: {path}", "Sessions in the background write it: vcam start --background")
    for line in log.tail(path, lines):
        typer.echo(line)


@handle_errors
def pause() -> None:
    """Stop listening and let the portrait idle, as if nobody sat there, until `vcam resume`."""
    _client().call("pause")
    typer.echo("Paused. Go on with: vcam resume")


@handle_errors
def resume() -> None:
    """Go on after `vcam pause` or `vcam cut`."""
    client = _client()
    client.call("resume")
    still_muted = client.call("status").get("muted") is True
    typer.echo("Going on. Still muted: vcam unmute" if still_muted else "Going on.")


@handle_errors
def cut() -> None:
    """At once: show a card instead of the portrait and let nothing be heard, until `vcam resume`."""
    _client().call("cut")
    typer.echo("Cut: a card is shown, nothing is heard. Go on with: vcam resume")


@handle_errors
def mute() -> None:
    """Treat the microphone as silent, also the virtual one, until `vcam unmute`."""
    _client().call("mute")
    typer.echo("Muted. Undo it with: vcam unmute")


@handle_errors
def unmute() -> None:
    """Listen to the microphone again."""
    client = _client()
    client.call("unmute")
    found = client.call("status")
    away = next((word for word in ("cut", "paused") if found.get(word) is True), "")
    typer.echo(f"Not muted any more. Still {away}: vcam resume" if away else "Listening again.")


@handle_errors
def express(
    name: Annotated[str | None, typer.Argument(help="For example smile; neutral ends it.", show_default=False)] = None,
    list_: Annotated[bool, typer.Option("--list", help="Print the possible names.")] = False,
) -> None:
    """Show an expression on the avatar's face, until another one."""
    if list_:
        typer.echo("\n".join(_expressions()))
        return
    if name is None:
        raise UsageError("Which expression?", f"One of {', '.join(_expressions())}: vcam express smile")
    _client().call("express", name=name)
    typer.echo(f"Showing {name}." if name != "neutral" else "Showing no expression.")


def _expressions() -> list[str]:
    """Those of the running session's animator; without a session, those that a profile may name."""
    from typing import get_args

    from vcam.daemon.client import NotRunning
    from vcam.profile.model import ExpressionName

    try:
        found = _client().call("status").get("expressions")
    except NotRunning:
        found = None
    return [str(name) for name in found] if found else list(get_args(ExpressionName))


@handle_errors
def pose(
    yaw: Annotated[float, typer.Option(help="Degrees to the right; -30 to 30.")] = 0.0,
    pitch: Annotated[float, typer.Option(help="Degrees up; -30 to 30.")] = 0.0,
    roll: Annotated[float, typer.Option(help="Degrees clockwise; -30 to 30.")] = 0.0,
    gaze_x: Annotated[float, typer.Option(help="The eyes to the right; -1 to 1.")] = 0.0,
    gaze_y: Annotated[float, typer.Option(help="The eyes up; -1 to 1.")] = 0.0,
) -> None:
    """Turn the avatar's head and eyes, on top of their own motion; without options they come back."""
    _client().call("pose", yaw=yaw, pitch=pitch, roll=roll, gaze_x=gaze_x, gaze_y=gaze_y)
    asked = any((yaw, pitch, roll, gaze_x, gaze_y))
    typer.echo("Turned. Undo it with: vcam pose" if asked else "Looking ahead again.")


@handle_errors
def switch(
    target: Annotated[
        str,
        typer.Argument(
            metavar="AVATAR-OR-PROFILE", help="A name or a path; for ditto also a picture or video.", show_default=False
        ),
    ],
) -> None:
    """Change the avatar, or all that a profile says of what is seen. Camera, sound and gate stay as they are."""
    _client().call("switch", target=_meant(target))
    typer.echo(f"Switched to {target}.")


def _meant(target: str) -> str:
    """A name as it is, whatever lies here; a path as the session finds it, which has another working directory."""
    path = at_home(target)
    try:
        is_path = path.exists() and (target != path.name or (path.suffix != "" and path.is_file()))
    except (OSError, ValueError):  # too long, a zero byte
        return target
    return str(path.resolve()) if is_path else target


def _client() -> ControlClient:
    from vcam.daemon.client import ControlClient

    return ControlClient()


def _watch(client: ControlClient, info: SessionInfo, found: dict[str, Any], as_json: bool) -> None:
    """Show the status again and again; returns when the session ends."""
    from vcam.daemon.client import NotRunning

    try:
        if as_json:
            _every_interval(client, found, lambda now: typer.echo(json.dumps(now)))
            return
        from rich.console import Console
        from rich.live import Live

        from vcam.cli.status_view import status_view

        console = Console()
        if not console.is_terminal:
            _every_interval(
                client, found, lambda now: console.print(status_view(now, info.pid, console), soft_wrap=True)
            )
            return
        with Live(status_view(found, info.pid, console), console=console, auto_refresh=False) as live:
            _every_interval(client, found, lambda now: live.update(status_view(now, info.pid, console), refresh=True))
    except NotRunning:
        typer.echo(f"vcam has ended{_why_it_ended() or '.'}", err=True)


def _why_it_ended() -> str:
    """What to add to the news that no session runs: the error that ended the last one in the background, if one did."""
    from vcam.daemon.logs import last_failure
    from vcam.daemon.paths import log_file

    failure = last_failure(log_file())
    return f"; the last one in the background failed at {failure}" if failure else ""


def _every_interval(client: ControlClient, found: dict[str, Any], show: Callable[[dict[str, Any]], None]) -> None:
    while True:
        show(found)
        time.sleep(WATCH_INTERVAL_S)
        found = client.call("status")


def _gone(client: ControlClient, limit_s: float) -> bool:
    """Wait up to ``limit_s`` until no session runs. The lock tells, not the pid: that may be a zombie or another's."""
    deadline = time.monotonic() + limit_s
    while client.running():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_S)
    return True


def _kill(client: ControlClient) -> None:
    from vcam.daemon.client import NotRunning

    try:
        pid = client.info().pid  # asked again: its note is the lock holder's, and that may have changed
        os.kill(pid, getattr(signal, "SIGKILL", signal.SIGTERM))
    except (NotRunning, ProcessLookupError):
        pass  # gone meanwhile
    except PermissionError as error:
        raise ControlError(f"the system does not let vcam kill its process {pid}") from error
    if not _gone(client, KILL_LIMIT_S):
        raise ControlError(f"vcam (pid {pid}) is still there after it was killed", "A driver may hold it: see `dmesg`.")
    client.clear_stale()
    if sys.platform.startswith("linux"):
        from vcam.audio import virtual_mic

        virtual_mic.remove()  # a killed session could not
