"""`vcam profile`: list, show, make and check profiles."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vcam.cli.errors import handle_errors
from vcam.errors import ProfileError, UsageError, VcamError

if TYPE_CHECKING:
    from vcam.choices import Choice
    from vcam.profile import Profile

    Named = tuple[str, Choice]

_NAME = re.compile(r"\w(?:[\w .+-]{0,62}[\w+-])?")
_RESERVED = re.compile(r"con|prn|aux|nul|(?:com|lpt)\d", re.IGNORECASE)  # Windows keeps these names for devices
_FIRST_COMMENT_BYTES = 4096

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="A name or a path.", show_default=False)]


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="List, show, make and check profiles.", no_args_is_help=True)
    group.command("list")(list_profiles)
    for command in (show, new, check, path):
        group.command()(command)
    app.add_typer(group, name="profile")


@handle_errors
def list_profiles() -> None:
    """List the profiles that can be named, your own and the shipped ones."""
    from vcam.cli.tables import make_console, plain, table
    from vcam.profile.loader import available, load_file, user_folder

    rows = table("", "name", "from", "what it is for")
    broken = []
    for name, file in available().items():
        origin = "yours" if file.parent == user_folder() else "shipped"
        try:
            load_file(file)
            rows.add_row(plain(name, "bold"), origin, plain(_first_comment(file)))
        except ProfileError as error:
            broken.append(name)
            rows.add_row(plain(name, "bold red"), origin, plain(f"broken: {error.message.splitlines()[0]}", "red"))
    console = make_console()
    console.print(rows)
    for name in broken:
        console.print(plain(f"See what is wrong: vcam profile check {_quoted(name)}"), soft_wrap=True)


@handle_errors
def show(
    name: NameArgument,
    effective: Annotated[
        bool, typer.Option("--effective", help="All keys with the values that are in effect, as YAML.")
    ] = False,
) -> None:
    """Print a profile's file, with its comments."""
    from vcam.profile.loader import find, load_file
    from vcam.profile.yaml_reader import read_text

    file = find(name)
    typer.echo(_as_yaml(load_file(file)) if effective else _printable(read_text(file)), nl=False)


@handle_errors
def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What to call it.", show_default=False)],
    source: Annotated[str, typer.Option("--from", metavar="NAME", help="The profile to start from.")] = "default",
    force: Annotated[bool, typer.Option("--force", help="Write over your profile of that name.")] = False,
) -> None:
    """Make a profile of your own: a copy with comments, to be edited."""
    from vcam.profile.loader import SUFFIXES, available, find, load_file, user_folder
    from vcam.profile.yaml_reader import read_text

    stem = _checked_name(name)
    original = find(source)
    load_file(original)  # a broken one is refused here, not copied
    folder = user_folder()
    file = folder / f"{stem}.yaml"
    existing = next((folder / (stem + suffix) for suffix in SUFFIXES if (folder / (stem + suffix)).exists()), None)
    if existing is not None and not force:
        raise ProfileError(f"{existing} is there already.", "Choose another name, or write over it with --force.")
    hides = stem in available() and existing is None
    text = _with_title(read_text(original), f"{stem}: made from {original.stem}. Say here what it is for.")
    _write(existing or file, text, force)
    typer.echo(f"Written: {existing or file}")
    if hides:
        typer.echo(f'From now on "{stem}" means this one, not the one that comes with vcam.')
    typer.echo(f"Edit it, then: vcam profile check {_quoted(stem)} && vcam start {_quoted(stem)}")


@handle_errors
def check(name: NameArgument = "default") -> None:
    """Say whether a profile is right, and what it would use on this machine. Exit code 1 if it cannot run here."""
    from rich.table import Table

    from vcam.choices import profile_choices
    from vcam.cli.ditto_view import ditto_choices
    from vcam.cli.tables import make_console, mark, plain
    from vcam.profile.loader import find, load_file

    file = find(name)
    profile = load_file(file)
    console = make_console()
    console.print(plain(f"{file}: every key and value is right. On this machine it uses:"), soft_wrap=True)
    rows = Table.grid(padding=(0, 2))
    fixes: list[str] = []
    failed = False
    for what, choice in _with_ditto(profile_choices(profile), ditto_choices(profile)):
        failed = failed or not choice.ok
        name_and_why = choice.name or choice.kind
        why = choice.why if not name_and_why else f"{name_and_why} – {choice.why}" if choice.why else name_and_why
        rows.add_row(mark("ok" if choice.ok and not choice.fix else "warn" if choice.ok else "fail"), what, plain(why))
        if choice.fix and not any(fix.endswith(f": {choice.fix}") for fix in fixes):
            fixes.append(f"{what}: {choice.fix}")
    console.print(rows)
    for fix in fixes:
        console.print(plain(fix), soft_wrap=True)
    if failed:
        raise typer.Exit(1)


def _with_ditto(choices: list[Named], ditto: list[Named]) -> list[Named]:
    """What concerns ditto after the animator's row."""
    names = [what for what, _ in choices]
    at = names.index("animator") + 1 if "animator" in names else len(names)
    return [*choices[:at], *ditto, *choices[at:]]


@handle_errors
def path() -> None:
    """Print the folders in which profiles are looked for, in that order."""
    from vcam.profile.loader import shipped_folder, user_folder

    for folder, whose in ((user_folder(), "yours"), (shipped_folder(), "shipped")):
        typer.echo(f"{folder}  ({whose}{'' if folder.is_dir() else ', not there yet'})")


def _first_comment(file: Path) -> str:
    with file.open(encoding="utf-8-sig") as lines:
        first = lines.read(_FIRST_COMMENT_BYTES).partition("\n")[0]
    return first.lstrip("#").strip() if first.startswith("#") else ""


def _as_yaml(profile: Profile) -> str:
    import yaml

    data = profile.model_dump(mode="json")
    data["camera"]["size"] = "{}x{}".format(*profile.camera.size)
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True)


def _printable(text: str) -> str:
    """The text without what could steer a terminal."""
    return "".join(letter if letter.isprintable() or letter in "\n\t" else "?" for letter in text)


def _checked_name(name: str) -> str:
    stem = re.sub(r"\.ya?ml\Z", "", name, flags=re.IGNORECASE)
    if "/" in name or "\\" in name:
        raise UsageError(
            f"{_printable(name)!r} is a path; a name was expected.", "`vcam profile path` shows the folder."
        )
    if not _NAME.fullmatch(stem) or _RESERVED.fullmatch(stem):
        raise UsageError(f"{name[:60]!r} cannot be a profile's name.", "Use letters, digits, - and _.")
    return stem


def _with_title(text: str, title: str) -> str:
    """The text with its first comment replaced: that says what the original is for."""
    first, line_end, rest = text.partition("\n")
    return f"# {title}\n{rest}" if first.startswith("#") else f"# {title}\n{first}{line_end}{rest}"


def _write(file: Path, text: str, overwrite: bool) -> None:
    part = file.with_name(f".{file.name}.part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        if not overwrite:
            with file.open("x", encoding="utf-8") as new_file:
                new_file.write(text)
            return
        part.write_text(text, encoding="utf-8")
        part.replace(file)
    except OSError as error:
        raise VcamError(f"{file} cannot be written: {error.strerror or error}.") from error


def _quoted(name: str) -> str:
    return f'"{name}"' if " " in name else name
