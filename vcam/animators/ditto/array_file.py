"""Named arrays in one file, read by one call: for what is large, must load quickly, and can be made again.

A checksum over everything comes first, so a file that was cut short, or is something else, is never taken for one.

    magic (16 bytes) | CRC-32 of the rest | length of the list | list (JSON: name, dtype, shape) | arrays, aligned
"""

from __future__ import annotations

import json
import math
import os
import struct
import tempfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .backends.base import Array

_MAGIC = b"vcam arrays\x00\x00\x00\x001"
_START = struct.Struct("<16sII")
_ALIGNMENT = 64
_DTYPES = {"uint8", "float32", "int64"}
TEMPORARY = ".new-"  # how names of unfinished files begin


def write_arrays(path: Path, arrays: Mapping[str, Array]) -> None:
    """Write uint8, float32 or int64 arrays. The file appears whole or not at all. Raises OSError, ValueError."""
    entries = [[name, array.dtype.name, list(array.shape)] for name, array in arrays.items()]
    if unknown := {entry[1] for entry in entries} - _DTYPES:
        raise ValueError(f"arrays of {', '.join(sorted(unknown))} cannot be stored")
    listing = json.dumps(entries).encode()
    listing += b" " * (-(_START.size + len(listing)) % _ALIGNMENT)
    length = struct.pack("<I", len(listing))
    checksum = zlib.crc32(listing, zlib.crc32(length))
    with tempfile.NamedTemporaryFile(prefix=TEMPORARY, dir=path.parent, delete=False) as file:
        try:
            file.write(_START.pack(_MAGIC, 0, 0))
            file.write(listing)
            for array in arrays.values():
                data = np.ascontiguousarray(array).reshape(-1).view(np.uint8).data
                for part in (data, bytes(-len(data) % _ALIGNMENT)):
                    checksum = zlib.crc32(part, checksum)
                    file.write(part)
            file.seek(0)
            file.write(_START.pack(_MAGIC, checksum, len(listing)))
            file.flush()
            os.fsync(file.fileno())
            file.close()  # Windows does not rename open files
            Path(file.name).replace(path)
        except BaseException:
            file.close()
            Path(file.name).unlink(missing_ok=True)
            raise


def read_arrays(path: Path) -> dict[str, Array]:
    """The arrays, as views of one buffer. Raises OSError, or ValueError if the file is torn or something else."""
    buffer = np.fromfile(path, np.uint8)
    if len(buffer) < _START.size:
        raise ValueError("it is too short")
    magic, checksum, length = _START.unpack_from(buffer.data)
    if magic != _MAGIC:
        raise ValueError("it is of another kind or version")
    if zlib.crc32(buffer[_START.size - 4 :].data) != checksum:
        raise ValueError("its checksum is wrong")
    at = _START.size + length
    arrays = {}
    for name, dtype, shape in _entries(buffer[_START.size : at].tobytes()):
        size = math.prod(shape) * np.dtype(dtype).itemsize
        if at + size > len(buffer):
            raise ValueError(f"{name} is larger than the file")
        arrays[name] = buffer[at : at + size].view(dtype).reshape(shape)
        at += size + -size % _ALIGNMENT
    return arrays


def _entries(listing: bytes) -> list[tuple[str, str, tuple[int, ...]]]:
    """The checksum keeps out accidents, this the rest."""
    try:
        entries: Any = json.loads(listing)
    except RecursionError as error:
        raise ValueError("its list is nested too deeply") from error
    if not isinstance(entries, list):
        raise ValueError("it has no list of arrays")
    for entry in entries:
        match entry:
            case [str(), str() as dtype, list() as shape] if dtype in _DTYPES:
                if not all(type(size) is int and size >= 0 for size in shape):
                    raise ValueError("an array has an impossible shape")
            case _:
                raise ValueError("its list of arrays is broken")
    return [(name, dtype, tuple(shape)) for name, dtype, shape in entries]
