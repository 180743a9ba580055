"""Reading the files of avatar folders, which may come from anywhere: bounded, inside their folder, plain YAML."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from vcam.errors import AvatarError

BUNDLED = Path(__file__).resolve().parents[2] / "assets" / "portraits"
MAX_YAML_BYTES = 64 * 1024
MAX_YAML_DEPTH = 12
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml, where the wheel has it, is 10 times as fast


def path_inside(folder: Path, name: str) -> Path:
    """The file ``name`` in ``folder``. Raises AvatarError if there is none, or if it leads out of the folder."""
    path = folder / name
    try:
        if not path.resolve().is_relative_to(folder.resolve()):
            raise AvatarError(f"{path} leads out of the avatar's folder.", "Put the file itself there, not a link.")
        if not path.is_file():
            raise AvatarError(f"The avatar folder {folder} has no file {name}.")
    except (OSError, RuntimeError) as error:  # RuntimeError: a loop of links, before Python 3.13
        raise AvatarError(f"Cannot read {path}: {error}.") from error
    return path


def read_file(folder: Path, name: str, limit: int) -> bytes:
    """The file ``name`` in ``folder``, of at most ``limit`` bytes. Raises AvatarError."""
    path = path_inside(folder, name)
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise AvatarError(f"Cannot read {path}: {error}.") from error
    if len(data) > limit:
        raise AvatarError(f"{path} is larger than {limit // 1024} KiB.")
    return data


def parse_yaml(data: bytes) -> object:
    """Small, plain YAML in UTF-8. Raises yaml.YAMLError or ValueError (not UTF-8, impossible dates and numbers)."""
    text = data.decode("utf-8")
    _refuse_bombs(text)
    return yaml.load(text, Loader=_Loader)


def _refuse_bombs(text: str) -> None:
    """Aliases can grow exponentially, and nesting can exhaust the stack; an avatar needs neither."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.AliasEvent):
            raise ValueError("aliases (*name) are not allowed")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_YAML_DEPTH:
            raise ValueError(f"nested deeper than {MAX_YAML_DEPTH} levels")
