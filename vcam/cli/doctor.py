"""`vcam doctor`: what works here, what does not, and the command that mends it."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from vcam.cli.errors import handle_errors

if TYPE_CHECKING:
    from vcam.doctor import Check


def register(app: typer.Typer) -> None:
    app.command()(doctor)


@handle_errors
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON, for programs.")] = False,
) -> None:
    """Say what works on this machine, what does not, and the one command that mends each."""
    from vcam.doctor import can_work, run_checks, versions

    checks = run_checks()
    works = can_work(checks)
    if as_json:
        found = {"works": works, "checks": [asdict(check) for check in checks], "versions": versions()}
        typer.echo(json.dumps(found, indent=2))
    else:
        _show(checks, works)
    raise typer.Exit(0 if works else 1)


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
