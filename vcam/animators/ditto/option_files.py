"""Run options that are given as NumPy files: arrays too long to be written into a profile."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from vcam.errors import AnimatorError

SUFFIX = ".npy"
ARRAYS = ("emo", "delta_eye_arr", "v_min_max_for_clip")
_MAX_BYTES = 64 * 2**20


def with_arrays(options: Mapping[str, Any], resolve: Callable[[Path], Path]) -> dict[str, Any]:
    """``options`` with the arrays in place of their files' names; ``resolve``: a profile's.

    Raises AnimatorError for a file that cannot be read or holds no numbers.
    """
    read = dict(options)
    for name in ARRAYS:
        value = read.get(name)
        if isinstance(value, str) and value.endswith(SUFFIX):
            read[name] = _array(name, resolve(Path(value)))
    return read


def _array(name: str, path: Path) -> Any:
    hint = "Write it with numpy.save, as plain numbers."
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise AnimatorError(f"The file of {name}, {path}, is larger than {_MAX_BYTES // 2**20} MB.", hint)
        mapped = np.load(path, mmap_mode="r", allow_pickle=False)  # mapped: a false size is refused, not reserved
        if not isinstance(mapped, np.ndarray) or mapped.dtype.kind not in "iuf":
            raise ValueError("it holds no numbers")
        return np.array(mapped)
    except OSError as error:
        raise AnimatorError(f"The file of {name}, {path}, cannot be read: {error.strerror or error}.", hint) from error
    except (ValueError, EOFError) as error:
        raise AnimatorError(f"The file of {name}, {path}, is no array: {error}.", hint) from error
