"""Finding profiles and turning their files into :class:`Profile`, with errors that name line, key and remedy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import platformdirs
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from vcam.errors import AvatarError, ProfileError, nearest
from vcam.profile.model import Profile
from vcam.profile.yaml_reader import Lines, read_yaml

DEFAULT = "default"
SUFFIXES = (".yaml", ".yml")


def user_folder() -> Path:
    """Where the user's own profiles are looked for (it need not exist)."""
    return platformdirs.user_config_path("vcam") / "profiles"


def shipped_folder() -> Path:
    """The profiles that come with vcam: inside an installed package, or beside it in a checkout."""
    package = Path(__file__).resolve().parent.parent
    installed = package / "configs"
    return installed if installed.is_dir() else package.parent / "configs"


def available() -> dict[str, Path]:
    """All profiles that can be named, by name. The user's own come before shipped ones of the same name."""
    found: dict[str, Path] = {}
    for folder in (user_folder(), shipped_folder()):
        for path in _yaml_files(folder):
            found.setdefault(path.stem, path)
    return dict(sorted(found.items()))


def _yaml_files(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        yield from sorted(path for path in folder.iterdir() if path.suffix in SUFFIXES)


def find(name: str) -> Path:
    """The file of a profile given as a path or a name. Raises ProfileError naming the nearest ones."""
    path = Path(name).expanduser()
    if path.suffix in SUFFIXES or len(path.parts) > 1:
        if path.is_file():
            return path
        raise ProfileError(f"There is no profile file {path}.", "`vcam profile list` shows those that can be named.")
    profiles = available()
    if name in profiles:
        return profiles[name]
    near = nearest(name, profiles) or list(profiles)
    raise ProfileError(f'There is no profile "{name}".', f"Did you mean {' or '.join(near)}?")


def load(name: str = DEFAULT) -> Profile:
    """The profile of that name or path. Raises ProfileError."""
    return load_file(find(name))


def load_file(path: Path) -> Profile:
    """One profile file. Raises ProfileError with a line for each thing wrong in it."""
    data, lines = read_yaml(path)
    if data is None:
        data = {}
    if not isinstance(data, dict):
        raise ProfileError(f"{path}, line 1: a profile is a list of sections such as `avatar:`, not a single value.")
    try:
        profile = Profile.model_validate(data)
    except ValidationError as error:
        problems = [_explain(details, data, lines, path) for details in error.errors(include_url=False)]
        raise ProfileError("\n".join(problems), f"`vcam profile check {path}` tries again.") from error
    return profile.located(path.stem, path.resolve().parent)


def find_profile_or_avatar(target: str, current: Profile) -> Profile:
    """What ``vcam switch`` is given: a profile (name or path), or an avatar for the current profile.

    Raises VcamError if it is neither, naming the nearest of both.
    """
    from vcam.animators.lite import list_avatars

    path = Path(target).expanduser()
    avatars = list_avatars()
    if target in avatars or path.is_dir():
        portrait = target if target in avatars else str(path.resolve())
        return current.with_changes("avatar", portrait=portrait)
    profiles = available()
    if target in profiles or path.suffix in SUFFIXES:
        return load(target)
    near = nearest(target, [*avatars, *profiles]) or [*avatars, *profiles]
    raise AvatarError(f'There is no avatar or profile "{target}".', f"Did you mean {' or '.join(near)}?")


def _explain(details: ErrorDetails, data: dict[str, Any], lines: Lines, path: Path) -> str:
    where = _known_part(details["loc"], lines)
    line = lines.get(where, 1)
    dotted = ".".join(str(part) for part in where)
    if details["type"] == "extra_forbidden":
        return f"{path}, line {line}: unknown key {dotted}.{_suggestion(where)}"
    message = details["msg"].removeprefix("Value error, ")
    value = details["input"]
    shown = "" if isinstance(value, (dict, list)) else f" (it is {str(value)[:60]!r})"
    return f"{path}, line {line}: {dotted}: {message[0].lower()}{message[1:]}{shown}."


def _known_part(loc: tuple[int | str, ...], lines: Lines) -> tuple[str | int, ...]:
    # pydantic appends names of union members and validators, which are not keys of the file
    while loc and loc not in lines:
        loc = loc[:-1]
    return loc


def _suggestion(where: tuple[str | int, ...]) -> str:
    *parents, wrong = [str(part) for part in where]
    section = _model_at(parents)
    here = list(section.model_fields) if section is not None else []
    prefix = ".".join(parents)
    near = [f"{prefix}.{name}" if prefix else name for name in nearest(wrong, here, 1)]
    if not near:  # perhaps the right key in the wrong section
        everywhere = {key.rsplit(".", 1)[-1]: key for key in reversed(list(_all_keys(Profile)))}
        near = [everywhere[name] for name in nearest(wrong, everywhere, 1)]
    if near:
        return f" Did you mean {near[0]}?"
    return f" Known here: {', '.join(here)}." if here else ""


def _model_at(parents: list[str]) -> type[BaseModel] | None:
    model: type[BaseModel] = Profile
    for name in parents:
        field = model.model_fields.get(name)
        if field is None or not isinstance(field.annotation, type) or not issubclass(field.annotation, BaseModel):
            return None
        model = field.annotation
    return model


def _all_keys(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        yield prefix + name
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _all_keys(field.annotation, f"{prefix}{name}.")
