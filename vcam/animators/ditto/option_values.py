"""Values of run options as configs, profiles and callers write them, made what the pipeline takes.

Every function raises ValueError or TypeError for what cannot be meant.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from vcam.media import FloatArray

from .avatar import Character
from .motion import KEYS, MOTION_SIZE, SourceMotion

KP = "kp"  # the canonical key points: no part of a motion row, but they can be named as its keys are
_KEYS = (*KEYS, KP)
WHOLE = (int, np.integer)
_REAL = (*WHOLE, float, np.floating)
EXP_SIZE = 63  # 21 key points in three dimensions


def whole(value: Any) -> int:
    if not number(value).is_integer():
        raise ValueError("expected a whole number")
    return int(value)


def number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, _REAL) or not math.isfinite(value):
        raise ValueError("expected a number")
    return float(value)


def flag(value: Any) -> bool:
    """Text is refused: "false" would be true."""
    if not isinstance(value, (*WHOLE, np.bool_)) or value not in (0, 1):
        raise ValueError("expected true or false")
    return bool(value)


def text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("expected text")
    return value


def mapping(value: Any) -> Mapping[Any, Any]:
    if not isinstance(value, Mapping):
        raise ValueError("expected names with values")
    return value


def array(value: Any, shape: tuple[int | None, ...], least: int = 1) -> FloatArray:
    """float32 of this shape (None: any size), with at least ``least`` rows; infinite numbers pass, as bounds do."""
    made = np.ascontiguousarray(value, np.float32)
    if made.ndim != len(shape) or any(b is not None and a != b for a, b in zip(made.shape, shape, strict=True)):
        raise ValueError(f"expected the shape {shape}, not {made.shape}")
    if made.ndim and len(made) < least:
        raise ValueError(f"expected at least {least} rows, not {len(made)}")
    if np.isnan(made).any():
        raise ValueError("there are values in it that are no numbers")
    return made


def expression(value: Any) -> FloatArray:
    """float32 [63], from as many numbers in any shape, or from one for all."""
    made = np.asarray(value, np.float32)
    if made.size not in (1, EXP_SIZE):
        raise ValueError(f"expected {EXP_SIZE} numbers, not {made.size}")
    if not np.isfinite(made).all():
        raise ValueError("there are values in it that are no numbers")
    return np.broadcast_to(made.reshape(-1), (EXP_SIZE,)).copy()


def columns(value: Any) -> tuple[int, int]:
    """From which column of a motion row to before which."""
    if not isinstance(value, list | tuple | np.ndarray) or len(value) != 2:
        raise ValueError("expected two columns: the first, and the one after the last")
    first, end = whole(value[0]), whole(value[1])
    if not 0 <= first < end <= MOTION_SIZE:
        raise ValueError(f"expected 0 <= first < end <= {MOTION_SIZE}")
    return first, end


def gaps(value: Any) -> int | tuple[int, ...]:
    """How long eyes stay open between blinks: see ``blinks``."""
    if not isinstance(value, list | tuple):
        return whole(value)
    made = tuple(whole(one) for one in value)
    if not made or min(made) < 0:
        raise ValueError("expected at least one number of frames")
    return made


def key_names(value: Any) -> tuple[str, ...]:
    """Names of a motion's parts; one alone may be given as it is."""
    if not isinstance(value, str | list | tuple):
        raise ValueError("expected names")
    made = (value,) if isinstance(value, str) else tuple(value)
    if any(name not in _KEYS for name in made):
        raise ValueError(f"possible are {', '.join(_KEYS)}")
    return made


def key_factors(value: Any) -> dict[str, float]:
    if isinstance(value, Mapping):
        return {name: number(value[name]) for name in key_names(list(value))}
    return dict.fromkeys(key_names(value), 1.0)


def character(value: Any) -> Character:
    """From the reference's ``ch_info``."""
    if isinstance(value, Character):
        return value
    if isinstance(value, str):
        raise ValueError("a portrait can be named in a profile only")
    given = mapping(value)
    motions = tuple(_source_motion(one) for one in given["x_s_info_lst"])
    if not motions:
        raise ValueError("it has no motion")
    return Character(
        motions,
        array(np.reshape(given["sc"], -1), (EXP_SIZE,)),
        _rows(given["eye_open_lst"], 2),
        _rows(given["eye_ball_lst"], 6),
    )


def _source_motion(values: Any) -> SourceMotion:
    given = mapping(values)
    shapes = SourceMotion.SHAPES.items()
    return SourceMotion(**{key: array(np.reshape(given[key], shape), shape) for key, shape in shapes})


def _rows(entries: Any, size: int) -> FloatArray:
    return array([np.reshape(entry, -1) for entry in entries], (None, size))
