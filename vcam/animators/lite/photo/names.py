"""What a user's avatars may be called."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Collection
from pathlib import Path

LONGEST = 64  # characters
_NAME = re.compile(rf"[A-Za-z0-9][A-Za-z0-9_-]{{0,{LONGEST - 1}}}")
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])", re.IGNORECASE)  # no file may be called so on Windows
_NAMELESS = "portrait"


def is_name(value: str) -> bool:
    """Whether an avatar may be called so."""
    return _NAME.fullmatch(value) is not None and _RESERVED.fullmatch(value) is None


def checked_name(value: str) -> str:
    """``value``. Raises ValueError, which says what names are like, if it cannot be one."""
    if not is_name(value):
        raise ValueError(f"at most {LONGEST} letters a to z, digits, - and _ can be one, the first a letter or digit")
    return value


def name_from(path: Path, taken: Collection[str] = ()) -> str:
    """A name for the avatar made of this picture: the file's own, as far as it goes, its letters without accents.

    A file whose name has none of these letters gives ``portrait``, or with a number if that is ``taken``.
    """
    plain = "".join(c for c in unicodedata.normalize("NFKD", path.stem) if not unicodedata.combining(c))
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", plain).strip("-_")[:LONGEST]
    if is_name(name):
        return name
    numbered = (f"{_NAMELESS}-{number}" for number in itertools.count(2))
    return next(name for name in itertools.chain([_NAMELESS], numbered) if name not in taken)
