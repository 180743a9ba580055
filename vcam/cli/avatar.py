"""`vcam avatar`: make an avatar of a picture, look at those that there are, change and remove them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from vcam.cli.errors import handle_errors
from vcam.errors import AvatarError
from vcam.paths import at_home

if TYPE_CHECKING:
    from vcam.animators.lite.photo.landmarks import Landmarks
    from vcam.animators.lite.photo.propose import Proposal
    from vcam.media import ByteArray
    from vcam.web.editor.preview import Build
    from vcam.web.editor.subject import Store, Subject

LandmarksOption = Annotated[
    Literal["auto", "mesh", "lite"] | None,
    typer.Option(
        help="Who proposes the points. auto: the networks of ditto's checkpoint, if it is there (InsightFace's find the"
        " face, for non-commercial use only). mesh: without InsightFace's. lite: no network at all.",
        show_default="auto, or mesh if the profile's ditto does without InsightFace",
    ),
]
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="See `vcam avatar list`.", show_default=False)]

_SURE, _FAIRLY_SURE = 0.75, 0.45
_OTHER_NAME = "Choose another name with --name."


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="Make an avatar of any picture; list, change and remove them.", no_args_is_help=True)
    group.command("new")(new)
    group.command("list")(list_avatars)
    for command in (show, edit, remove):
        group.command()(command)
    app.add_typer(group, name="avatar")


@handle_errors
def new(
    picture: Annotated[
        Path,
        typer.Argument(metavar="PICTURE", help="A photo or painting of a face: PNG, JPEG, WebP.", show_default=False),
    ],
    name: Annotated[str | None, typer.Option(help="What to call it.", show_default="the file's name")] = None,
    open_page: Annotated[
        bool, typer.Option("--open/--no-open", help="Check the points in the browser, or take the proposal as it is.")
    ] = True,
    landmarks: LandmarksOption = None,
    force: Annotated[bool, typer.Option("--force", help="Replace your avatar of that name.")] = False,
) -> None:
    """Make an avatar of a picture: find the face, check its points in the browser, keep it under a name.

    The lite animator needs that; ditto takes a picture as it is, too: `avatar: {portrait: PICTURE}` in a profile.
    """
    from vcam.animators.lite.photo.closeup import close_up
    from vcam.animators.lite.photo.names import name_from
    from vcam.animators.lite.photo.package import list_user_avatars, save_package
    from vcam.images import read_image
    from vcam.web.editor.subject import Subject

    chosen = name_from(picture, list_user_avatars()) if name is None else name
    replaces = _check_free(chosen, force)
    rgb, proposal = close_up(read_image(at_home(picture)), lambda part: _proposal(part, landmarks))
    found = describe(proposal)
    typer.echo(f"{found}.")
    for notice in proposal.notices:
        typer.echo(notice)

    def store(points: Landmarks) -> None:
        save_package(chosen, rgb, points, replace=replaces)

    if open_page:
        points, steps = proposal.landmarks, _next_steps(chosen)
        _edit(Subject(chosen, rgb, points, points, found, next_steps=steps, notices=proposal.notices), store)
    else:
        store(proposal.landmarks)
    _say_saved(chosen)


@handle_errors
def list_avatars() -> None:
    """List the avatars that can be named, the bundled ones and your own."""
    from vcam.animators.lite.avatar import list_avatars
    from vcam.animators.lite.photo.package import avatar_folder, list_user_avatars, load_package
    from vcam.cli.avatar_facts import bundled_folder
    from vcam.cli.tables import make_console, plain, table

    rows = table("", "name", "from", "picture", "on disk>", "where")
    for name in list_avatars():
        folder = bundled_folder(name)
        rows.add_row(plain(name, "bold"), "bundled", "drawn, any size", _on_disk(folder), plain(str(folder)))
    broken = []
    for name in list_user_avatars():
        folder = avatar_folder(name)
        place = _on_disk(folder), plain(str(folder))
        try:
            height, width = load_package(name).rgb.shape[:2]
            rows.add_row(plain(name, "bold"), "yours", f"{width}x{height}", *place)
        except AvatarError as error:
            rows.add_row(plain(name, "bold red"), "yours", plain("broken", "red"), *place)
            broken.append(f"{name}: {error.message}")
    console = make_console()
    console.print(rows)
    for line in broken:
        console.print(plain(line, "red"), soft_wrap=True)


@handle_errors
def show(
    target: Annotated[
        str,
        typer.Argument(
            metavar="NAME|PICTURE", help="An avatar's name, or a picture's or video's path.", show_default=False
        ),
    ],
    profile: Annotated[
        str | None, typer.Option("--profile", "-p", help="Whose settings of ditto count.", show_default="default")
    ] = None,
    stand_in: Annotated[
        bool, typer.Option("--stand-in", help="Look with ditto's stand-in networks, which need no checkpoint.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs: with all points.")] = False,
) -> None:
    """Say what is in an avatar, and which face of it or of a picture ditto animates."""
    from vcam.cli.avatar_facts import facts, lines

    told = facts(target, profile, stand_in)
    if as_json:
        typer.echo(json.dumps(told, indent=2))
        return
    for line in lines(told):
        typer.echo(line)


@handle_errors
def edit(name: NameArgument, landmarks: LandmarksOption = None) -> None:
    """Move the points of one of your avatars, in the browser."""
    from vcam.animators.lite.photo.package import load_package, save_landmarks
    from vcam.web.editor.subject import Subject

    _refuse_bundled(name, "edited")
    avatar = load_package(name)
    try:
        proposal = _proposal(avatar.rgb, landmarks)
        original, found, notices = proposal.landmarks, describe(proposal), proposal.notices
    except AvatarError as error:  # the points were set by hand, on a face that is not found
        original, found, notices = avatar.landmarks, error.message.rstrip("."), ()
    for notice in notices:
        typer.echo(notice)
    subject = Subject(name, avatar.rgb, avatar.landmarks, original, found, True, _next_steps(name), notices)
    _edit(subject, lambda points: save_landmarks(name, avatar, points))
    _say_saved(name)


@handle_errors
def remove(
    name: NameArgument,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete one of your avatars."""
    from vcam.animators.lite.photo.package import PACKAGE_FILE, avatar_folder
    from vcam.animators.lite.photo.package import remove as delete

    _refuse_bundled(name, "removed")
    folder = avatar_folder(name)
    if (folder / PACKAGE_FILE).exists() and not yes and not typer.confirm(f"Delete {folder}?"):
        raise typer.Exit(1)
    delete(name)
    typer.echo(f"Removed: {name}")


def describe(proposal: Proposal) -> str:
    """Which face was taken and how sure that is, in a line without its full stop."""
    left, top, right, bottom = proposal.face
    sure = proposal.confidence
    words = "sure" if sure >= _SURE else "fairly sure" if sure >= _FAIRLY_SURE else "not sure"
    return f"Face of {right - left}x{bottom - top} pixels at {left},{top}: {words} ({sure:.0%}, by {proposal.method})"


def _proposal(rgb: ByteArray, way: Literal["auto", "mesh", "lite"] | None) -> Proposal:
    """The best one. Raises AvatarError if there is no face that can be animated."""
    from vcam.animators.lite.photo.networks import propose
    from vcam.checkpoints.location import checkpoint_folder
    from vcam.profile.loader import load

    profile = load()
    usual: Literal["auto", "mesh"] = "mesh" if profile.animator.ditto.landmarks == "lite" else "auto"
    return propose(rgb, checkpoint_folder(profile), way or usual)


def _edit(subject: Subject, store: Store) -> None:
    """Returns once the user has saved; otherwise says so and exits with code 1."""
    from vcam.cli.foreground import open_page
    from vcam.web.editor.editor import LandmarkEditor

    try:
        with LandmarkEditor(subject, _preview_of(subject.rgb, subject.name), store) as editor:
            typer.echo(f"Editor: {editor.address}")
            typer.echo("Save or cancel there; Ctrl+C ends without saving.")
            open_page(editor.address)
            outcome = editor.wait()
    except KeyboardInterrupt:
        typer.echo("Nothing was saved.")
        raise
    if outcome.landmarks is None:
        typer.echo(f"{outcome.why} Nothing was saved.")
        raise typer.Exit(1)


def _preview_of(rgb: ByteArray, name: str) -> Build:
    """What makes the preview's animator of landmarks."""
    from vcam.animators.base import Scene
    from vcam.animators.lite import LiteAnimator
    from vcam.animators.lite.photo import PhotoAvatar
    from vcam.profile.model import LiteOptions
    from vcam.web.editor.preview import HEIGHT, WIDTH

    return lambda landmarks, zoom: LiteAnimator(
        PhotoAvatar(name, landmarks, rgb), LiteOptions(), Scene(WIDTH, HEIGHT, zoom)
    )


def _check_free(name: str, force: bool) -> bool:
    """Whether ``name`` replaces one of the user's avatars. Raises AvatarError if it cannot be used."""
    from vcam.animators.lite.photo.package import avatar_folder
    from vcam.profile.loader import available

    _refuse_bundled(name, "replaced", _OTHER_NAME)
    if name in available():
        raise AvatarError(f"There is a profile {name!r}, and `vcam switch {name}` is to show that.", _OTHER_NAME)
    folder = avatar_folder(name)
    if folder.exists() and not force:
        raise AvatarError(
            f"You have an avatar {name!r} already.",
            f"Choose another name with --name, replace it with --force, or change it: vcam avatar edit {name}",
        )
    return folder.exists()


def _refuse_bundled(name: str, what: str, hint: str = "") -> None:
    from vcam.animators.lite.avatar import list_avatars

    if name.casefold() in list_avatars():
        raise AvatarError(f"{name!r} comes with vcam and cannot be {what}.", hint)


def _on_disk(folder: Path) -> str:
    total = sum(file.stat().st_size for file in folder.iterdir() if file.is_file())
    return f"{total / 2**20:.1f} MB" if total >= 2**20 else f"{max(1, round(total / 1024))} kB"


def _next_steps(name: str) -> tuple[tuple[str, str], ...]:
    return (
        ("Show it in the running session:", f"vcam switch {name}"),
        ("Or put this into a profile, and start that (vcam start PROFILE):", f"avatar: {{portrait: {name}}}"),
    )


def _say_saved(name: str) -> None:
    typer.echo(f"Saved: {name}")
    for words, text in _next_steps(name):
        typer.echo(f"{words}\n  {text}")
