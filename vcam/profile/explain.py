"""What is wrong in a profile, in words for the person who wrote it: line, key, what is right, and the nearest name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from vcam.errors import nearest
from vcam.profile.model import Profile
from vcam.profile.yaml_reader import Lines, dotted, shortened

MAX_PROBLEMS = 8
MAX_SHOWN = 60  # characters of a value
MAX_GUESSES = 3
_ELSEWHERE = 0.75  # how like a key of another section must be, to be what was meant

# By pydantic's type of error, where its own words speak of types rather than of what to write.
_WORDS = {
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "dict_type": "must have names and values, such as {name: 1}",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "int_from_float": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a whole number",
    "int_type": "must be a whole number",
    "missing": "has too few entries",  # of a list: keys of the file may all be left out
    "path_type": "must be a path",
    "string_type": "must be text",
    "tuple_type": "must be a list, such as [3, 5, 2]",
}


def explain(error: ValidationError, lines: Lines, path: Path) -> str:
    """A line for each thing that is wrong in the file, at most eight and a count of the rest."""
    by_place: dict[tuple[int | str, ...], list[ErrorDetails]] = {}
    for details in error.errors(include_url=False):
        by_place.setdefault(_known_part(details["loc"], lines), []).append(details)
    places = sorted(by_place.items(), key=lambda place: lines.get(place[0], 1))
    problems = [
        f"{path}, line {lines.get(where, 1)}: {_problem(where, found)}" for where, found in places[:MAX_PROBLEMS]
    ]
    if (more := len(places) - MAX_PROBLEMS) > 0:
        problems.append(f"{path}: and {more} more problem{'s' if more > 1 else ''}.")
    return "\n".join(problems)


def _problem(where: tuple[int | str, ...], found: list[ErrorDetails]) -> str:
    first = found[0]
    if first["type"] == "extra_forbidden":
        return f"unknown key {dotted(where)}.{_suggestion(where)}"
    # a key that may be one of several types has an error for each of them
    wrong = ", or ".join(dict.fromkeys(_words(where, details) for details in found))
    return f"{dotted(where)}: {wrong}{_shown(first['input'])}.{_nearest_choice(first)}"


def _words(where: tuple[int | str, ...], details: ErrorDetails) -> str:
    kind = details["type"]
    if kind == "model_type":
        section = _model_at([str(part) for part in where])
        return f"must have its keys below it, such as `{next(iter((section or Profile).model_fields))}:`"
    if kind == "string_too_long":
        return f"must have at most {details['ctx']['max_length']} characters"
    if kind == "too_long":
        return f"must have at most {details['ctx']['max_length']} entries"
    if kind in _WORDS:
        return _WORDS[kind]
    message = details["msg"].removeprefix("Value error, ").replace("Input should be ", "must be ", 1)
    return message[0].lower() + message[1:]


def _shown(value: object) -> str:
    if isinstance(value, (bool, dict, list)):
        return ""
    if value is None:
        return " (it is empty)"
    return f" (it is {shortened(value, MAX_SHOWN)!r})" if isinstance(value, str) else f" (it is {value})"


def _nearest_choice(details: ErrorDetails) -> str:
    if details["type"] != "literal_error" or not isinstance(details["input"], str):
        return ""
    choices = re.findall(r"'([^']+)'", details["ctx"]["expected"])
    near = nearest(details["input"], choices, 1) if details["input"] else []
    return f" Did you mean {near[0]}?" if near else ""


def _known_part(loc: tuple[int | str, ...], lines: Lines) -> tuple[int | str, ...]:
    # pydantic appends names of union members and validators, which are not keys of the file
    while loc and loc not in lines:
        loc = loc[:-1]
    return loc


def _suggestion(where: tuple[int | str, ...]) -> str:
    *parents, wrong = [str(part) for part in where]
    section = _model_at(parents)
    here = list(section.model_fields) if section is not None else []
    everywhere: dict[str, list[str]] = {}
    for key in _all_keys(Profile):
        everywhere.setdefault(key.rsplit(".", 1)[-1], []).append(key)
    near = everywhere.get(wrong, [])  # the right key in the wrong section
    if not near:
        near = [dotted((*parents, name)) for name in nearest(wrong, here, 1)]
    if not near:
        near = [key for name in nearest(wrong, everywhere, 1, _ELSEWHERE) for key in everywhere[name]]
    if near:
        *others, last = near[:MAX_GUESSES]
        return f" Did you mean {', '.join(others)}{' or ' if others else ''}{last}?"
    return f" Known here: {', '.join(here)}." if here else ""


def _model_at(parents: list[str]) -> type[BaseModel] | None:
    model: type[BaseModel] = Profile
    for name in parents:
        section = _section(model, name)
        if section is None:
            return None
        model = section
    return model


def _all_keys(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name in model.model_fields:
        yield prefix + name
        if (section := _section(model, name)) is not None:
            yield from _all_keys(section, f"{prefix}{name}.")


def _section(model: type[BaseModel], name: str) -> type[BaseModel] | None:
    field = model.model_fields.get(name)
    kind: Any = field.annotation if field is not None else None
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None
