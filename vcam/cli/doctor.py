"""`vcam doctor`: what works here, what does not, and the command that mends it."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from vcam.cli.errors import handle_errors
from vcam.errors import UsageError

if TYPE_CHECKING:
    from vcam.doctor import Check
    from vcam.doctor.machine import Machine


def register(app: typer.Typer) -> None:
    app.command()(doctor)


@handle_errors
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON, for programs.")] = False,
    selftest: Annotated[
        bool, typer.Option("--selftest", help="Also measure delay, skew and frames, for some ten seconds.")
    ] = False,
    fix: Annotated[bool, typer.Option("--fix", help="Set the virtual camera up (Linux), after asking.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="With --fix: do not ask.")] = False,
) -> None:
    """Say what works on this machine, what does not, and the one command that mends each."""
    if fix:
        if as_json or selftest:
            other = "--json" if as_json else "--selftest"
            raise UsageError(f"--fix and {other} do not go together.", f"First mend it, then look: vcam doctor {other}")
        from vcam.doctor.machine import Machine

        return mend(Machine(), yes=yes)
    if yes:
        raise UsageError("--yes goes with --fix.", "vcam doctor --fix --yes")
    from vcam.doctor import can_work, run_checks, versions

    checks = run_checks()
    if selftest:
        from vcam.doctor.selftest import selftest as measure

        checks.append(measure())
    works = can_work(checks)
    if as_json:
        found = {"works": works, "checks": [asdict(check) for check in checks], "versions": versions()}
        typer.echo(json.dumps(found, indent=2))
    else:
        _show(checks, works)
    raise typer.Exit(0 if works else 1)


def mend(machine: Machine, *, yes: bool) -> None:
    """Set the virtual camera up: say what is to be done, ask unless ``yes``, and do it.

    Raises CameraError where it cannot be done; exits with 1 where the user has to do something first.
    """
    from vcam.camera.devices import how_to_get_one
    from vcam.doctor import loopback

    if machine.platform != "linux":
        typer.echo("vcam sets up virtual cameras on Linux only. Here:")
        typer.echo(f"  {how_to_get_one(machine.platform)}")
        raise typer.Exit(1)
    plan = loopback.plan(machine)
    typer.echo(plan.found)
    for remark in plan.remarks:
        typer.echo(f"  {remark}")
    if not plan.steps:
        typer.echo("Nothing is to be done.")
        return
    if machine.elevation is None:
        typer.echo(f"This needs root, and there is neither sudo nor pkexec. {loopback.by_hand(plan.commands)}")
        raise typer.Exit(1)
    typer.echo("To be done, as root:")
    for step in plan.steps:
        typer.echo(f"  {step.command}  # {step.purpose}")
    if not yes and not typer.confirm("Do it?"):
        typer.echo("Nothing was changed.")
        raise typer.Exit(1)
    typer.echo(loopback.carry_out(machine, plan))
    typer.echo("Start vcam before the application that is to show it: vcam start")


def _show(checks: list[Check], works: bool) -> None:
    from rich.table import Table

    from vcam.cli.tables import make_console, mark, plain, say

    console = make_console()
    rows = Table.grid(padding=(0, 2))
    for check in checks:
        rows.add_row(mark(check.status), check.name, plain(check.detail))
    console.print(rows)
    fixes = [(check.name, check.fix) for check in checks if check.fix and check.status in ("warn", "fail")]
    if fixes:
        say(console, "")
        say(console, "What to do:", "bold")
        for name, fix in fixes:
            say(console, f"  {name}: {fix}")
    say(console, "")
    good = "vcam can run here. Try it: vcam start --demo"
    say(console, good if works else "vcam cannot run here yet: mend what is marked ✗ first.", "bold")
