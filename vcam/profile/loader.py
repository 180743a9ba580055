"""Finding profiles and turning their files into :class:`Profile`, with errors that name line, key and remedy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import ValidationError

from vcam.daemon.paths import config_dir
from vcam.errors import AvatarError, ProfileError, nearest
from vcam.paths import at_home
from vcam.profile.explain import explain
from vcam.profile.model import Look, Profile
from vcam.profile.yaml_reader import read_yaml, shortened

DEFAULT = "default"
SUFFIXES = (".yaml", ".yml")


def user_folder() -> Path:
    """Where the user's own profiles are looked for (it need not exist)."""
    return config_dir() / "profiles"


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
    try:
        found = sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise ProfileError(f"The profiles in {folder} cannot be listed: {error.strerror}.") from error
    yield from (path for path in found if _is_yaml(path) and not path.name.startswith("."))


def _is_yaml(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES


def find(name: str) -> Path:
    """The file of a profile given as a path or a name. Raises ProfileError naming the nearest ones."""
    if _is_yaml(Path(name)) or "/" in name or len(Path(name).parts) > 1:
        path = _existing(name)
        if path is not None and path.is_file():
            return path
        raise ProfileError(
            f"There is no profile file {shortened(name)}.", "`vcam profile list` shows those that can be named."
        )
    profiles = available()
    if name in profiles:
        return profiles[name]
    raise ProfileError(f'There is no profile "{shortened(name)}".', _guess(name, list(profiles)))


def _guess(name: str, known: list[str]) -> str:
    near = nearest(name, known) if name else []
    return f"Did you mean {' or '.join(near)}?" if near else f"There are: {', '.join(known)}."


def _existing(name: str) -> Path | None:
    """The path that ``name`` means, if there is anything that can be looked at."""
    try:
        path = at_home(name)
        path.stat()
    except (OSError, ValueError):  # also: too long, a zero byte
        return None
    return path


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
        raise ProfileError(explain(error, lines, path), f"`vcam profile check {path}` tries again.") from error
    return profile.located(path.stem, path.resolve().parent)


def find_profile_or_avatar(target: str, current: Profile, looks: Mapping[str, Look] | None = None) -> Profile:
    """What ``vcam switch`` is given: a profile (name or path), or an avatar for the current profile: its name, its
    folder, or a picture or video, which ditto takes as it is. The colours of ``avatar.look`` are those of the current
    portrait; another one has those that ``looks`` says, by its name or path, or none.

    Raises VcamError if it is none of them, naming the nearest.
    """
    from vcam.animators.lite import list_avatars
    from vcam.animators.lite.photo.package import list_user_avatars

    avatars = [*list_avatars(), *list_user_avatars()]
    path = _existing(target)
    if target in avatars:
        return _with_portrait(current, target, looks or {})
    if path is not None and (path.is_dir() or (path.is_file() and not _is_yaml(path))):
        return _with_portrait(current, str(path.resolve()), looks or {})
    profiles = available()
    if target in profiles or _is_yaml(Path(target)):
        return _with_absolute_paths(load(target))
    raise AvatarError(f'There is no avatar or profile "{shortened(target)}".', _guess(target, [*avatars, *profiles]))


def _with_portrait(profile: Profile, portrait: str, looks: Mapping[str, Look]) -> Profile:
    look = profile.avatar.look if portrait == profile.avatar.portrait else looks.get(portrait, Look())
    return profile.with_changes("avatar", portrait=portrait, look=look.model_dump())


def _with_absolute_paths(profile: Profile) -> Profile:
    """The session keeps its own folder: what a profile says by relative paths would be looked for there."""
    from vcam.animators.ditto.option_files import ARRAYS, SUFFIX
    from vcam.build import portrait_path

    ditto = profile.animator.ditto
    options = dict(ditto.options)
    for name in ARRAYS:
        value = options.get(name)
        if isinstance(value, str) and value.endswith(SUFFIX):
            options[name] = str(profile.resolve(Path(value)).absolute())
    if isinstance(speaker := options.get("ch_info"), str):
        options["ch_info"] = portrait_path(profile.with_changes("avatar", portrait=speaker))
    checkpoint = None if ditto.checkpoint is None else profile.resolve(ditto.checkpoint).absolute()
    changed = ditto.model_copy(update={"options": options, "checkpoint": checkpoint})
    animator = profile.animator.model_copy(update={"ditto": changed})
    background = profile.camera.background
    if background.image is not None:
        background = background.model_copy(update={"image": profile.resolve(background.image).absolute()})
    camera = profile.camera.model_copy(update={"background": background})
    return profile.model_copy(update={"animator": animator, "camera": camera}).located(profile.name, profile.folder)
