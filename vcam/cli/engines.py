"""`vcam engines`: TensorRT engines of the checkpoint's networks, for this machine's GPU."""

from __future__ import annotations

import json
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vcam.cli.errors import INTERRUPTED, handle_errors
from vcam.errors import AnimatorError, UsageError, VcamError
from vcam.paths import at_home

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vcam.engines.build import Engine, Progress
    from vcam.engines.manifest import Target
    from vcam.engines.passes import Precision

FolderOption = Annotated[
    Path | None, typer.Option("--folder", help="Where the checkpoint is.", show_default="as the profile says")
]
GpuOption = Annotated[int | None, typer.Option(help="Which GPU, by its number.", show_default="as the profile says")]
OnlyOption = Annotated[
    list[str] | None, typer.Option("--only", metavar="NAME", help="A network; may be repeated.", show_default="all")
]
PrecisionOption = Annotated[
    str | None, typer.Option(help="fp16 or fp32, of what draws; the rest is fp32.", show_default="as the profile says")
]
BatchOption = Annotated[
    list[int] | None,
    typer.Option("--batch", help="Frames at once, of warp and decoder: 1, 2 or 4; may be repeated.", show_default="1"),
]
JsonOption = Annotated[bool, typer.Option("--json", help="For programs.")]

_BATCHES = (1, 2, 4)


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="Build and check TensorRT engines for this machine's GPU.", no_args_is_help=True)
    group.command("list")(list_engines)
    for command in (build, verify, clean):
        group.command()(command)
    app.add_typer(group, name="engines")


@handle_errors
def build(
    precision: PrecisionOption = None,
    batch: BatchOption = None,
    gpu: GpuOption = None,
    only: OnlyOption = None,
    folder: FolderOption = None,
) -> None:
    """Build the engines that are missing or out of date. Takes minutes for each; a broken-off build goes on."""
    place, number, kind = _settings(folder, gpu, precision)
    sizes = batch or [1]
    for size in sizes:
        if size not in _BATCHES:
            raise UsageError(f"Engines for {size} frames at once are not made.", "Possible are: 1, 2, 4.")

    from vcam.cli.tables import make_console, say
    from vcam.engines.build import Workshop, networks_called
    from vcam.engines.build import build as engines

    networks_called(only or ())
    console = make_console()
    workshop = Workshop.open(number)
    say(console, f"{workshop.gpu.name}, TensorRT {workshop.library.version}, {kind}; engines go to {place}.")
    fresh = 0
    try:
        with _progress() as progress:
            for engine in engines(place, workshop, kind, sizes, only=only or (), progress=progress):
                fresh += engine.fresh
    except KeyboardInterrupt as error:
        typer.echo("Interrupted; `vcam engines build` goes on from there.", err=True)
        raise typer.Exit(INTERRUPTED) from error
    say(console, f"{fresh} engines were built." if fresh else "All engines are up to date.")
    say(console, "Check them: vcam engines verify")


@handle_errors
def verify(
    precision: PrecisionOption = None,
    batch: Annotated[int, typer.Option("--batch", help="Of which engines of warp and decoder.")] = 1,
    gpu: GpuOption = None,
    only: OnlyOption = None,
    folder: FolderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run each engine on random inputs and compare with onnxruntime on the CPU."""
    place, number, kind = _settings(folder, gpu, precision)

    from vcam.animators.ditto.backends.tensorrt import TensorRtBackend
    from vcam.cli.tables import make_console, mark, plain, table
    from vcam.engines.build import networks_called
    from vcam.engines.verify import verify as findings

    networks_called(only or ())
    backend = TensorRtBackend(place, gpu=number, precision=kind, batch=batch)
    try:
        found = list(findings(place, backend, only or ()))
    finally:
        backend.close()
    if as_json:
        facts = [
            {"network": one.network, "precision": one.precision, "sizes": one.sizes, "good": one.good}
            | {"largest": one.error.largest, "relative": one.error.relative, "rms": one.error.rms}
            for one in found
        ]
        typer.echo(json.dumps(facts))
    else:
        rows = table("", "", "network", "", "sizes", "largest error>", "relative>", "allowed>", "rms>")
        for one in found:
            numbers = (one.error.largest, one.error.relative, one.allowed, one.error.rms)
            rows.add_row(
                mark("ok" if one.good else "fail"),
                plain(one.network),
                plain(one.precision),
                plain(one.sizes),
                *(plain(f"{number:.1e}") for number in numbers),
            )
        make_console().print(rows)
    if bad := [one.network for one in found if not one.good]:
        raise AnimatorError(
            f"{len(bad)} of {len(found)} engines give something else: {', '.join(dict.fromkeys(bad))}.",
            "Build them at whole precision: vcam engines build --precision fp32",
        )


@handle_errors
def list_engines(folder: FolderOption = None, gpu: GpuOption = None, as_json: JsonOption = False) -> None:
    """List the engine files: of what, for what, and whether they can be used here."""
    from vcam.checkpoints.pull import human
    from vcam.cli.tables import make_console, plain, say, table
    from vcam.engines.build import list_engines as listed

    place, number, _ = _settings(folder, gpu, None)
    target, trouble = _target(number)
    found = listed(place, target)
    if as_json:
        facts = [
            {"file": str(one.path), "state": one.finding.state.value, "reasons": one.finding.reasons, "bytes": one.size}
            for one in found
        ]
        typer.echo(json.dumps(facts))
        return
    rows = table("", "file", "size>", "built", "", "")
    for one in found:
        built = one.finding.manifest.built if one.finding.manifest else ""
        state = one.finding.state.value
        style = "green" if state == "current" else "yellow"
        cells = (one.path.relative_to(place).as_posix(), human(one.size), built)
        rows.add_row(*map(plain, cells), plain(state, style), plain("; ".join(one.finding.reasons)))
    console = make_console()
    if found:
        console.print(rows)
    else:
        say(console, f"There are no engines in {place}. Build them: vcam engines build")
    if trouble:
        say(console, f"Whether they fit this machine cannot be told: {trouble}", "yellow")


@handle_errors
def clean(
    folder: FolderOption = None,
    gpu: GpuOption = None,
    everything: Annotated[bool, typer.Option("--all", help="All engines, prepared graphs and caches.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Remove engines that cannot be used here, and what broken-off builds left."""
    from vcam.engines.build import clean as cleaned

    place, number, _ = _settings(folder, gpu, None)
    target, trouble = _target(number)
    if everything and not yes:
        typer.confirm(f"Remove all engines in {place}? Building them takes long", abort=True)
    try:
        gone = cleaned(place, target, everything=everything)
    except OSError as error:
        raise VcamError(f"{error.filename} cannot be removed: {error.strerror}.") from error
    for path in gone:
        typer.echo(f"Removed {path.relative_to(place)}")
    if not gone:
        typer.echo("There was nothing to remove.")
    if trouble and not everything:
        typer.echo(f"Engines for other machines were left alone: {trouble}")


def _settings(folder: Path | None, gpu: int | None, precision: str | None) -> tuple[Path, int, Precision]:
    from vcam.checkpoints.location import checkpoint_folder
    from vcam.profile.loader import load

    profile = load()
    settings = profile.animator.ditto
    place = checkpoint_folder(profile) if folder is None else at_home(folder)
    kind = settings.precision if precision is None else precision
    if kind not in ("fp16", "fp32"):
        raise UsageError(f"There is no precision {kind[:20]!r}.", "Possible are: fp16, fp32.")
    return place.absolute(), settings.gpu if gpu is None else gpu, "fp16" if kind == "fp16" else "fp32"


def _target(gpu: int) -> tuple[Target | None, str]:
    """What engines must be for here; None, and why, where that cannot be told."""
    from vcam.animators.ditto.backends.cuda import CudaDevice
    from vcam.animators.ditto.backends.tensorrt_runtime import TensorRt
    from vcam.engines.manifest import Target

    try:
        return Target.of(CudaDevice(gpu).capability, TensorRt().version), ""
    except AnimatorError as error:
        return None, error.message


@contextmanager
def _progress() -> Iterator[Progress]:
    """Bars: of all engines, and of what is being done."""
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    from vcam.cli.tables import make_console, say
    from vcam.engines.build import Progress

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
    with Bars(*columns, console=make_console(), transient=True) as bars:
        whole, here = bars.add_task(""), bars.add_task("", visible=False)

        class Shown(Progress):
            def network(self, name: str, index: int, count: int) -> None:
                bars.update(whole, description=name, completed=index, total=count)

            def doing(self, what: str, done: int = 0, steps: int = 0) -> bool:
                bars.update(here, description=f"  {what}", completed=done, total=steps or None, visible=True)
                return True

            def built(self, engine: Engine) -> None:
                done = f"{engine.manifest.seconds:.0f} s" if engine.fresh else "is up to date"
                say(bars.console, f"{engine.path.name}: {done}")

        yield Shown()
