"""What `vcam avatar show` tells of an avatar or a picture: gathered as plain values, and written for a reader."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from vcam.errors import AnimatorError, AvatarError
from vcam.paths import at_home, quoted

_INDENT = 9  # columns


def facts(target: str, profile_name: str | None, stand_in: bool) -> dict[str, Any]:
    """``picture``: [width, height]; ``face``: [left, top, right, bottom] of all points on it, in pixels; ``ditto``:
    which face ditto takes, or its ``problem``.

    ``target``: a name, or the path of a picture or video. Raises AvatarError if there is no such thing, or ditto cannot
    use the picture; ProfileError; AnimatorError only if the stand-ins were asked for.
    """
    named = _named(target)
    if named is not None:
        portrait, told = target, named
    else:
        path = at_home(target).absolute()
        portrait, told = str(path), _of_picture(path)
    try:
        told["ditto"] = _ditto(portrait, profile_name, stand_in)
    except (AnimatorError, AvatarError) as error:
        if (named is None and isinstance(error, AvatarError)) or (stand_in and isinstance(error, AnimatorError)):
            raise
        told["ditto"] = {"problem": error.message, "hint": error.hint}
    return told


def bundled_folder(name: str) -> Path:
    from vcam.animators.lite.files import BUNDLED

    return BUNDLED / name


def lines(told: dict[str, Any]) -> Iterator[str]:
    """The same for a reader."""
    for key in ("name", "from", "where", "picture", "face", "points", "lite"):
        if key not in told:
            continue
        value = told[key]
        if key == "picture":
            value = "x".join(map(str, value))
        elif key == "face":
            value = _box(value)
        elif key == "points":
            value = f"{len(value)} (--json shows them; `vcam avatar edit {told['name']}` moves them)"
        yield f"{key + ':':<{_INDENT}}{value}"
    for number, line in enumerate(_ditto_lines(told["ditto"])):
        yield f"{'ditto:' if number == 0 else '':<{_INDENT}}{line}"


def _named(target: str) -> dict[str, Any] | None:
    """What lite knows of the avatar of that name; None if ``target`` is a path."""
    from vcam.animators.lite.avatar import list_avatars, load_avatar
    from vcam.animators.lite.photo.package import PhotoAvatar, avatar_folder, list_user_avatars

    if target in list_avatars():
        return {"name": target, "from": "bundled, drawn in layers", "where": str(bundled_folder(target))}
    if target not in list_user_avatars() and (len(Path(target).parts) != 1 or Path(target).suffix):
        return None
    avatar = load_avatar(target)
    if not isinstance(avatar, PhotoAvatar):  # the folder of a drawn one, here
        return None
    height, width = avatar.rgb.shape[:2]
    points = avatar.landmarks.points()
    around = [point for key, point in points.items() if key.startswith(("jaw.", "forehead", "brow", "eye"))]
    columns, rows = zip(*around, strict=True)
    return {
        "name": target,
        "from": "yours",
        "where": str(avatar_folder(target)),
        "picture": [width, height],
        "face": [round(value) for value in (min(columns), min(rows), max(columns), max(rows))],
        "points": {key: [round(x, 1), round(y, 1)] for key, (x, y) in points.items()},
    }


def _of_picture(path: Path) -> dict[str, Any]:
    from vcam.animators.ditto.options import RunOptions
    from vcam.animators.ditto.source import load_source

    source = load_source(path, RunOptions().max_size, 1)
    height, width = source.frames[0].shape[:2]
    return {
        "name": path.name,
        "from": "a video" if source.is_video else "a picture",
        "where": str(path),
        "picture": [width, height],
        "lite": "cannot show a video" if source.is_video else f"makes an avatar of it: vcam avatar new {quoted(path)}",
    }


def _ditto(portrait: str, profile_name: str | None, stand_in: bool) -> dict[str, Any]:
    from vcam.animators.ditto.face_taken import face_taken
    from vcam.app import StartOptions, effective_profile

    profile = effective_profile(StartOptions(profile=profile_name, stand_in=stand_in))
    taken = face_taken(
        profile.with_changes("avatar", portrait=portrait),
        lambda: typer.echo("Ditto looks at the picture ...", err=True),
    )
    return {
        "picture": list(taken.picture),
        "face": list(taken.face),
        "faces": taken.faces,
        "crop": taken.crop,
        "sharpness": taken.sharpness,
        "frames": taken.frames,
        "landmarks": taken.landmarks,
        "stand_in": taken.stand_in,
        "warnings": list(taken.warnings),
    }


def _ditto_lines(told: dict[str, Any]) -> Iterator[str]:
    if "problem" in told:
        yield told["problem"]
        if told["hint"]:
            yield told["hint"]
        return
    count = "1 face" if told["faces"] == 1 else f"the largest of {told['faces']} faces"
    yield f"{_box(told['face'])}; {count} in {'x'.join(map(str, told['picture']))}"
    yield f"{told['crop']} pixels are drawn anew with 512: {told['sharpness']}"
    if told["frames"] > 1:
        yield f"{told['frames']} frames of a video"
    yield from told["warnings"]


def _box(box: list[int]) -> str:
    left, top, right, bottom = box
    return f"{right - left}x{bottom - top} pixels, from {left},{top} to {right},{bottom}"
