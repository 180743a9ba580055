"""The run options of the pipeline (names as the reference's), typed and checked.

They come from the checkpoint's config (``default_kwargs``), then a preset, then the profile; later ones win.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np

from vcam.errors import AnimatorError, nearest
from vcam.media import FloatArray

from .avatar import Character
from .motion import KEYS, MOTION_SIZE, SourceMotion

EMOTIONS = ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise", "contempt")
CLIP = 80  # frames that the diffusion network makes at once
POSE_KEYS = ("pitch", "yaw", "roll")

Emotions = tuple[tuple[int, ...], ...] | FloatArray  # classes at the same time, for each frame in turn; or [n, 8]


@dataclass(frozen=True, slots=True)
class FrameControl:
    """What is asked of one frame. Angles in degrees; a factor of 1 and None change nothing.

    ``alpha_*`` multiplies the angle if its delta is given, else its logits (as the reference does); ``delta_exp`` is
    float32 [63]; ``fade_alpha`` 0 shows the fade's target, 1 the motion; ``vad_alpha`` below 1 blends the expression
    towards the source's.
    """

    delta_pitch: float | None = None
    delta_yaw: float | None = None
    delta_roll: float | None = None
    alpha_pitch: float | None = None
    alpha_yaw: float | None = None
    alpha_roll: float | None = None
    delta_exp: FloatArray | None = None
    fade_alpha: float | None = None
    fade_out_keys: tuple[str, ...] | None = None
    vad_alpha: float | None = None

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> FrameControl:
        """Raises AnimatorError for a key that there is not, or a value of the wrong kind."""
        _refuse_unknown(values, {f.name for f in fields(cls)}, "control")
        made = {key: value for key, value in values.items() if value is not None}
        if "delta_exp" in made:
            made["delta_exp"] = np.asarray(made["delta_exp"], np.float32).reshape(-1)
        if "fade_out_keys" in made:
            made["fade_out_keys"] = tuple(made["fade_out_keys"])
        for key in made.keys() - {"delta_exp", "fade_out_keys"}:
            if isinstance(made[key], bool) or not isinstance(made[key], int | float | np.number):
                raise AnimatorError(f"The control {key} must be a number, not {made[key]!r:.60}.")
            made[key] = float(made[key])
        return cls(**made)

    def over(self, other: FrameControl) -> FrameControl:
        """These values, and the other's where there are none."""
        given = {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) is not None}
        return replace(other, **given)


@dataclass(frozen=True, slots=True, eq=False)
class RunOptions:
    """Section 9's options. ``delta_eye_arr``: float32 [15, 63]; ``v_min_max_for_clip``: float32 [n >= 2, 265], rows 0
    and 1 are the bounds; ``use_d_keys``: the driven keys with a factor each, or None for the source's default."""

    crop_scale: float = 2.3
    crop_vx_ratio: float = 0.0
    crop_vy_ratio: float = -0.125
    crop_flag_do_rot: bool = True
    max_size: int = 1920
    template_n_frames: int = -1
    smo_k_s: int = 13
    emo: Emotions = ((4,),)
    eye_f0_mode: bool = False
    ch_info: Character | None = None
    overlap_v2: int = 10
    fix_kp_cond: int = 0
    fix_kp_cond_dim: tuple[int, int] | None = None
    sampling_timesteps: int = 50
    online_mode: bool = False
    v_min_max_for_clip: FloatArray | None = None
    smo_k_d: int = 3
    N_d: int = -1
    use_d_keys: Mapping[str, float] | None = None
    relative_d: bool = True
    drive_eye: bool | None = None
    delta_eye_arr: FloatArray | None = None
    delta_eye_open_n: int = 0
    fade_type: str = ""
    fade_out_keys: tuple[str, ...] = ("exp",)
    flag_stitching: bool = True
    ctrl_info: Mapping[int, FrameControl] = field(default_factory=dict)
    overall_ctrl_info: FrameControl = field(default_factory=FrameControl)

    def __post_init__(self) -> None:
        for name, low, high in (
            ("crop_scale", 1.0, 10.0),
            ("crop_vx_ratio", -2.0, 2.0),
            ("crop_vy_ratio", -2.0, 2.0),
            ("max_size", 64, 8192),
            ("smo_k_s", 1, 1000),
            ("smo_k_d", 1, CLIP),
            ("overlap_v2", 1, CLIP - 1),
            ("sampling_timesteps", 1, 1000),
            ("fix_kp_cond", 0, 10**9),
        ):
            if not low <= getattr(self, name) <= high:
                raise AnimatorError(f"{name} must be between {low} and {high}, not {getattr(self, name)}.")
        if self.fade_type not in ("", "s", "d0"):
            raise AnimatorError(f"fade_type must be '', 's' or 'd0', not {self.fade_type!r:.40}.")

    @property
    def valid(self) -> int:
        """New frames that a clip adds."""
        return CLIP - self.overlap_v2

    def replaced(self, values: Mapping[str, Any]) -> RunOptions:
        """A copy with some options replaced, given as the config or a caller has them (numbers, lists, arrays).

        Raises AnimatorError for an option that there is not, or a value of the wrong kind.
        """
        _refuse_unknown(values, {f.name for f in fields(self)}, "run option")
        return replace(self, **{key: _converted(key, value) for key, value in values.items()})


def _refuse_unknown(values: Mapping[str, Any], known: set[str], what: str) -> None:
    for key in values:
        if key not in known:
            near = nearest(str(key), known)
            hint = f"Did you mean {' or '.join(near)}?" if near else f"Possible are: {', '.join(sorted(known))}."
            raise AnimatorError(f"There is no {what} {key!r:.60}.", hint)


_NUMBERS = {"crop_scale", "crop_vx_ratio", "crop_vy_ratio"}
_COUNTS = {
    "max_size",
    "template_n_frames",
    "smo_k_s",
    "overlap_v2",
    "fix_kp_cond",
    "sampling_timesteps",
    "smo_k_d",
    "N_d",
    "delta_eye_open_n",
}
_FLAGS = {"crop_flag_do_rot", "eye_f0_mode", "online_mode", "relative_d", "flag_stitching"}


def _converted(key: str, value: Any) -> Any:
    try:
        return _typed(key, value)
    except (TypeError, ValueError, KeyError) as error:
        raise AnimatorError(f"The run option {key} cannot be {value!r:.80}: {error}") from error


def _typed(key: str, value: Any) -> Any:
    if key in _NUMBERS:
        return float(value)
    if key in _COUNTS:
        if isinstance(value, bool) or int(value) != value:
            raise ValueError("expected a whole number")
        return int(value)
    if key in _FLAGS:
        return bool(value)
    if key == "drive_eye":
        return None if value is None else bool(value)
    if key == "emo":
        return _emotions(value)
    if key == "ch_info":
        return value if value is None or isinstance(value, Character) else _character(value)
    if key == "fix_kp_cond_dim":
        return None if value is None else (int(value[0]), int(value[1]))
    if key == "v_min_max_for_clip":
        return None if value is None else _array(value, (None, MOTION_SIZE))
    if key == "delta_eye_arr":
        return None if value is None else _array(value, (None, 63))
    if key == "use_d_keys":
        return None if value is None else _driven(value)
    if key == "fade_type":
        return str(value or "")
    if key == "fade_out_keys":
        return tuple(str(name) for name in value)
    if key == "ctrl_info":
        return {int(at): _control(control) for at, control in (value or {}).items()}
    return _control(value or {})  # overall_ctrl_info


def _control(value: Any) -> FrameControl:
    return value if isinstance(value, FrameControl) else FrameControl.of(value)


def _array(value: Any, shape: tuple[int | None, ...]) -> FloatArray:
    array = np.ascontiguousarray(value, np.float32)
    if array.ndim != len(shape) or any(b is not None and a != b for a, b in zip(array.shape, shape, strict=True)):
        raise ValueError(f"expected the shape {shape}, not {array.shape}")
    return array


def _emotions(value: Any) -> Emotions:
    """A class, classes at the same time, a list of such lists for each frame in turn, or an array [n, 8]."""
    if isinstance(value, np.ndarray):
        return _array(value, (None, len(EMOTIONS)))
    if isinstance(value, int):
        value = [[value]]
    elif all(isinstance(entry, int) for entry in value):
        value = [value]
    emotions = tuple(tuple(int(one) for one in entry) for entry in value)
    if not emotions or not all(emotions) or any(not 0 <= one < len(EMOTIONS) for entry in emotions for one in entry):
        raise ValueError(f"emotions are numbers from 0 to {len(EMOTIONS) - 1}, at least one at a time")
    return emotions


def _driven(value: Any) -> dict[str, float]:
    given = dict(value) if isinstance(value, Mapping) else {key: 1.0 for key in value}
    unknown = [key for key in given if key not in KEYS and key != "kp"]
    if unknown:
        raise ValueError(f"keys are {', '.join(KEYS)}")
    return {str(key): float(factor) for key, factor in given.items()}


def _character(value: Mapping[str, Any]) -> Character:
    return Character(
        tuple(
            SourceMotion(
                **{key: np.asarray(one[key], np.float32).reshape(shape) for key, shape in SourceMotion.SHAPES.items()}
            )
            for one in value["x_s_info_lst"]
        ),
        np.asarray(value["sc"], np.float32).reshape(63),
        np.concatenate([np.asarray(one, np.float32).reshape(1, 2) for one in value["eye_open_lst"]]),
        np.concatenate([np.asarray(one, np.float32).reshape(1, 6) for one in value["eye_ball_lst"]]),
    )


def _source_motion(values: Mapping[str, Any]) -> SourceMotion:
    shapes = SourceMotion.SHAPES.items()
    return SourceMotion(**{key: np.asarray(values[key], np.float32).reshape(shape) for key, shape in shapes})
