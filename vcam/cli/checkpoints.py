"""`vcam checkpoints`: fetch, check and look at the weights of the ditto animator."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vcam.cli.errors import INTERRUPTED, handle_errors
from vcam.errors import UsageError, VcamError
from vcam.paths import at_home

if TYPE_CHECKING:
    from vcam.animators.ditto.checkpoint import Checkpoint
    from vcam.checkpoints.hub import Hub
    from vcam.checkpoints.pull import Plan

FolderOption = Annotated[
    Path | None, typer.Option("--folder", help="Where the checkpoint is.", show_default="as the profile says")
]

_MOST_SHOWN = 60  # characters of a value in the table


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="Fetch, check and look at the weights of the ditto animator.", no_args_is_help=True)
    group.command("list")(list_parts)
    for command in (pull, verify, show):
        group.command()(command)
    app.add_typer(group, name="checkpoints")


@handle_errors
def pull(
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="PART", help="cfg, onnx or trt; may be repeated.", show_default="cfg and onnx"),
    ] = None,
    revision: Annotated[
        str | None, typer.Option(help="A commit, tag or branch of the repository.", show_default="the newest")
    ] = None,
    folder: FolderOption = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Fetch the checkpoint from the Hugging Face hub. What is there already is kept; a broken-off pull goes on."""
    from vcam.checkpoints.hub import Hub
    from vcam.checkpoints.parts import PARTS
    from vcam.checkpoints.pull import USUAL, human, plan_pull

    parts = only or list(USUAL)
    for name in parts:
        if name not in (known := [part.name for part in PARTS]):
            raise UsageError(f"There is no part {name[:40]!r}.", f"Possible are: {', '.join(known)}.")
    hub = Hub()
    plan = plan_pull(hub, _folder(folder), parts, revision)
    _say_plan(plan)
    _say_licences()
    if plan.needed and not yes:
        typer.confirm(f"Fetch {human(plan.bytes)} into {plan.folder}?", abort=True)
    _fetch(hub, plan)
    typer.echo(f"The checkpoint is in {plan.folder}, at revision {plan.revision[:12]}.")
    typer.echo("Check it: vcam checkpoints verify")


@handle_errors
def verify(
    folder: FolderOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Check that all files are there, unchanged, and hold the networks that they should."""
    from vcam.checkpoints.verify import verify as findings
    from vcam.cli.tables import make_console, mark, plain, table

    found = list(findings(_folder(folder)))
    if as_json:
        typer.echo(json.dumps([{"status": one.status, "file": one.name, "detail": one.detail} for one in found]))
    else:
        rows = table("", "", "file", "")
        for one in found:
            rows.add_row(mark(one.status), plain(one.name), plain(one.detail))
        make_console().print(rows)
    bad = sum(one.status == "fail" for one in found)
    if bad:
        raise VcamError(f"{bad} of {len(found)} files are not as they should be.", "Fetch them: vcam checkpoints pull")


@handle_errors
def list_parts(
    folder: FolderOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """List the networks: whether they are there, how large they are, and under which licence."""
    from vcam.animators.ditto.networks import NETWORKS
    from vcam.checkpoints.manifest import Manifest
    from vcam.checkpoints.parts import RESTRICTED, licence_of
    from vcam.checkpoints.pull import human
    from vcam.cli.tables import make_console, plain, say, table

    place = _folder(folder)
    files = {path: size for path, size in _files(place).items() if not path.startswith("ditto_cfg/")}
    configs = [path for path in _files(place) if path.startswith("ditto_cfg/")]
    facts: list[dict[str, Any]] = []
    for name, spec in NETWORKS.items():
        licence = licence_of(name)
        size = files.pop(f"ditto_onnx/{spec.file}", None)
        facts.append({"network": name, "bytes": size, "from": licence.origin, "licence": licence.terms})
    revisions = sorted({entry.revision for entry in Manifest.read(place).files.values()})
    if as_json:
        values = {"folder": str(place), "revisions": revisions, "configs": configs, "networks": facts, "others": files}
        typer.echo(json.dumps(values, indent=2))
        return
    rows = table("", "network", "on disk>", "from", "licence")
    for fact in facts:
        there = plain("missing", "yellow") if fact["bytes"] is None else plain(human(fact["bytes"]))
        rows.add_row(plain(fact["network"], "bold"), there, plain(fact["from"]), plain(fact["licence"]))
    console = make_console()
    console.print(rows)
    say(console, f"Folder: {place}")
    say(console, f"Configs: {', '.join(path.removeprefix('ditto_cfg/') for path in configs) or 'none'}")
    if files:
        say(console, f"Others: {len(files)} files, {human(sum(files.values()))}")
    if revisions:
        say(console, f"Fetched at revision {', '.join(revision[:12] for revision in revisions)}")
    say(console, RESTRICTED)
    if any(fact["bytes"] is None for fact in facts) or not configs:
        say(console, "Fetch what is missing: vcam checkpoints pull")


@handle_errors
def show(
    folder: FolderOption = None,
    offline: Annotated[bool, typer.Option("--offline", help="The config for whole recordings.")] = False,
    yaml_file: Annotated[
        Path | None, typer.Option("--yaml", metavar="FILE", help="Write the config as YAML.", show_default=False)
    ] = None,
) -> None:
    """Show what the checkpoint's config says: files, conditions, defaults of a run."""
    from vcam.animators.ditto.checkpoint import Checkpoint
    from vcam.animators.ditto.config_file import to_yaml

    checkpoint = Checkpoint.open(_folder(folder))
    config = checkpoint.offline if offline else checkpoint.online
    if yaml_file is None:
        _show(checkpoint, live=not offline)
        return
    try:
        at_home(yaml_file).write_text(to_yaml(config.values), encoding="utf-8")
    except OSError as error:
        raise VcamError(f"{yaml_file} cannot be written: {error.strerror}.") from error
    typer.echo(f"Wrote {config.path.name} as {yaml_file}.")
    typer.echo(f"To use it, put it into {checkpoint.folder / 'ditto_cfg'}: YAML comes before pickles.")


def _folder(given: Path | None) -> Path:
    from vcam.checkpoints.location import checkpoint_folder
    from vcam.profile.loader import load

    return (checkpoint_folder(load()) if given is None else at_home(given)).absolute()


def _files(folder: Path) -> dict[str, int]:
    """Sizes of the checkpoint's files by their paths in it."""
    from vcam.checkpoints.parts import part_of

    paths = {path.relative_to(folder).as_posix(): path for path in sorted(folder.glob("ditto_*/*")) if path.is_file()}
    return {name: path.stat().st_size for name, path in paths.items() if part_of(name)}


def _say_plan(plan: Plan) -> None:
    from vcam.checkpoints.pull import human
    from vcam.cli.tables import make_console, plain, table

    rows = table("", "file", "size>", "")
    for file in plan.files:
        there = file.path in plan.present
        rows.add_row(
            plain(file.path), plain(human(file.size)), plain("is there", "dim") if there else plain("to fetch")
        )
    make_console().print(rows)


def _say_licences() -> None:
    from vcam.checkpoints.parts import LICENCES, RESTRICTED
    from vcam.cli.tables import make_console, plain, say, table

    rows = table("", "networks", "from", "licence")
    for licence in LICENCES:
        terms = plain(licence.terms, "" if licence.free else "yellow")
        rows.add_row(plain(", ".join(licence.networks)), plain(licence.origin), terms)
    console = make_console()
    console.print(rows)
    say(console, RESTRICTED)


def _fetch(hub: Hub, plan: Plan) -> None:
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    from vcam.checkpoints.pull import pull as fetch
    from vcam.cli.tables import make_console

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=make_console(), transient=True) as bars:
        here = bars.add_task("", visible=False)
        whole = bars.add_task("all of them", total=sum(file.size for file in plan.needed))
        arrived: dict[str, int] = {}

        def progress(path: str, done: int, total: int) -> None:
            if path not in arrived:  # the speed is that of this file, from where an earlier pull has left it
                bars.reset(here, total=total, completed=done, description=path, visible=True)
            arrived[path] = done
            bars.update(here, completed=done)
            bars.update(whole, completed=sum(arrived.values()))

        try:
            fetch(hub, plan, progress)
        except KeyboardInterrupt as error:
            bars.stop()
            typer.echo("Interrupted; `vcam checkpoints pull` goes on from there.", err=True)
            raise typer.Exit(INTERRUPTED) from error


def _show(checkpoint: Checkpoint, live: bool) -> None:
    from vcam.animators.ditto.config_file import described
    from vcam.cli.tables import make_console, plain, say, table

    config = checkpoint.online if live else checkpoint.offline
    console = make_console()
    say(console, f"{config.path}", "bold")
    for section, values in config.values.items():
        rows = table(str(section), "key", "value")
        for key, value in described(values):
            rows.add_row(plain(key), plain(value if len(value) <= _MOST_SHOWN else f"{value[:_MOST_SHOWN]}…"))
        console.print(rows)
    if config.unknown:
        say(console, f"Not known to this version, and left out: {', '.join(config.unknown)}", "yellow")
