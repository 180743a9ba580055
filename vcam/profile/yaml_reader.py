"""YAML from outside, read with care: bounded in size and depth, no anchors, no tags, and every value knows its line."""

from __future__ import annotations

import re
import stat
import unicodedata
from pathlib import Path
from typing import Any

import yaml

from vcam.errors import ProfileError

MAX_BYTES = 64 * 1024
MAX_DEPTH = 12
MAX_NAME = 60  # characters of a name from outside that an error repeats

#: Where each value stands: its path of keys -> its line, counted from 1.
Lines = dict[tuple[str | int, ...], int]


class _PlainLoader(yaml.SafeLoader):
    """YAML 1.2's plain types: ``off``, ``no`` and ``16:9`` are text, as people who write profiles expect."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - yaml's own interface


# PyYAML only looks whether a value *begins* like this, hence the \Z. Numbers with leading zeros are text: PyYAML
# would take them for octal ones.
for _tag, _pattern, _first in (
    ("bool", r"(?:true|false)\Z", "tf"),
    ("null", r"(?:null|~|)\Z", ["n", "~", ""]),
    ("int", r"[-+]?(?:0|[1-9][0-9]{0,17})\Z", "-+0123456789"),
    ("float", r"[-+]?(?:[0-9]{1,18}\.[0-9]{0,18}|\.[0-9]{1,18})(?:[eE][-+]?[0-9]{1,2})?\Z", "-+.0123456789"),
):
    _PlainLoader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), list(_first))


def read_text(path: Path) -> str:
    """A profile's file as text. Raises ProfileError if it is not a file, not UTF-8 or larger than 64 kB."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # opening a pipe would wait for its other end
            raise ProfileError(f"{path} is not a file.")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ProfileError(f"{path} cannot be read: {error.strerror or error}.") from error
    if len(data) > MAX_BYTES:
        raise ProfileError(f"{path} is too large for a profile (more than {MAX_BYTES // 1024} kB).")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ProfileError(f"{path} is not text in UTF-8, so it cannot be a profile.") from error


def read_yaml(path: Path) -> tuple[Any, Lines]:
    """The file's content as dicts, lists and scalars, and the line of each value.

    Raises ProfileError, naming file and line, for anything that is not small, plain YAML.
    """
    text = read_text(path)
    try:
        _check_events(text, path)
        node = yaml.compose(text, Loader=_PlainLoader)
        lines: Lines = {}
        return (_value(node, (), lines, path) if node is not None else None), lines
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark is not None else 1
        raise ProfileError(f"{path}, line {line}: not valid YAML: {shortened(error.problem or '', 120)}.") from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise ProfileError(f"{path}, line {line}: not text: a character with the code {error.character}.") from error


def _check_events(text: str, path: Path) -> None:
    """Refuse, before anything is built, what could grow: anchors and aliases, deep nesting, several documents."""
    depth = documents = 0
    for event in yaml.parse(text, Loader=_PlainLoader):
        line = event.start_mark.line + 1 if event.start_mark is not None else 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise ProfileError(f"{path}, line {line}: anchors and aliases (& and *) are not allowed in a profile.")
        if tag := getattr(event, "tag", None):
            raise ProfileError(f"{path}, line {line}: tags ({shortened(str(tag))}) are not allowed in a profile.")
        if isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            depth += 1
            if depth > MAX_DEPTH:
                raise ProfileError(f"{path}, line {line}: nested too deeply.")
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            depth -= 1
        elif isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise ProfileError(f"{path}, line {line}: a profile is a single YAML document.")


def _value(node: yaml.Node, where: tuple[str | int, ...], lines: Lines, path: Path) -> Any:
    lines[where] = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                raise ProfileError(f"{path}, line {line}: a key must be a plain word.")
            key = str(key_node.value)
            here = (*where, key)
            if not _is_text(key):
                raise ProfileError(f"{path}, line {line}: control characters are not allowed in a key.")
            if key in result:
                raise ProfileError(f"{path}, line {line}: {dotted(here)} is there twice.")
            result[key] = _value(value_node, here, lines, path)
            lines[here] = line
        return result
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, (*where, index), lines, path) for index, item in enumerate(node.value)]
    if not _is_text(node.value):
        raise ProfileError(f"{path}, line {lines[where]}: {dotted(where)}: control characters are not allowed.")
    return yaml.constructor.SafeConstructor().construct_object(node)


def _is_text(value: str) -> bool:
    return not any(unicodedata.category(letter) == "Cc" for letter in value)


def dotted(where: tuple[int | str, ...]) -> str:
    """A key's path as it is shown to the user: ``camera.background.kind``."""
    return ".".join(shortened(str(part)) for part in where)


def shortened(text: str, limit: int = MAX_NAME) -> str:
    """``text`` from outside, fit to be shown in one line: without control characters, cut after ``limit``."""
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    return "".join("?" if unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") else letter for letter in cut)
