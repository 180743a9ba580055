"""What a config may hold: dicts, lists, tuples, text, bytes, numbers and arrays, in sane amounts, nothing shared."""

from __future__ import annotations

from typing import Any

import numpy as np

MAX_ITEMS = 200_000  # values in all, each counted as often as it is used
MAX_ARRAY_BYTES = 64 * 2**20
MAX_DEPTH = 32
_MAX_INTEGER = 2**63


class Refused(ValueError):
    """What a file wants and may not have."""


class Tree:
    """Copies a value so that nothing in it is shared or contains itself, within the limits above."""

    def __init__(self) -> None:
        self._items, self._array_bytes = 0, 0
        self._open: set[int] = set()  # the containers that the one at hand is in

    def of(self, value: Any) -> Any:
        """Raises ValueError where it is too large, too deep or endless, or of another kind than a config has."""
        self._items += 1
        if self._items > MAX_ITEMS:
            raise Refused(f"it holds more than {MAX_ITEMS} values")
        if type(value) in (dict, list, tuple):
            return self._container(value)
        if isinstance(value, np.ndarray):
            self._array_bytes += value.nbytes
            if self._array_bytes > MAX_ARRAY_BYTES:
                raise Refused(f"its arrays are larger than {MAX_ARRAY_BYTES // 2**20} MB")
            return value
        if type(value) is int and abs(value) >= _MAX_INTEGER:
            raise Refused("it holds a number that is too large")
        if type(value) in (str, bytes, bytearray, int, float, bool, type(None)):
            return bytes(value) if type(value) is bytearray else value
        raise Refused(f"it holds an unfinished or unknown value ({type(value).__name__.lstrip('_')})")

    def _container(self, value: Any) -> Any:
        if id(value) in self._open:
            raise Refused("a value contains itself")
        if len(self._open) >= MAX_DEPTH:
            raise Refused(f"it is nested deeper than {MAX_DEPTH}")
        self._open.add(id(value))
        if type(value) is dict:
            made: Any = {key: self.of(item) for key, item in value.items()}
        else:
            made = type(value)(self.of(item) for item in value)
        self._open.discard(id(value))
        return made
