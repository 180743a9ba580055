"""The run options of the pipeline (names as the reference's), typed and checked.

They come from the checkpoint's config (``default_kwargs``), then a preset, then the profile; later ones win.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from vcam.errors import AnimatorError, nearest
from vcam.media import FloatArray

from . import option_values as values
from .avatar import Character
from .emotions import Emotions, emotions
from .motion import MOTION_SIZE

CLIP = 80  # frames that the diffusion network makes at once
POSE_KEYS = ("pitch", "yaw", "roll")


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
    def of(cls, given: Mapping[str, Any]) -> FrameControl:
        """Raises AnimatorError for a key that there is not, or a value of the wrong kind."""
        if not isinstance(given, Mapping):
            raise AnimatorError(f"A frame's controls must be names with values, not {given!r:.60}.")
        _refuse_unknown(given, {f.name for f in fields(cls)}, "control")
        typed = {
            key: _converted("control", key, _CONTROLS.get(key, values.number), value) for key, value in given.items()
        }
        return cls(**typed)

    def over(self, other: FrameControl) -> FrameControl:
        """These values, and the other's where there are none."""
        own = {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) is not None}
        return replace(other, **own)


@dataclass(frozen=True, slots=True, eq=False)
class RunOptions:
    """The pipeline's options. ``delta_eye_arr``: float32 [n, 63], a blink; ``v_min_max_for_clip``: float32
    [n >= 2, 265], rows 0 and 1 are the bounds; ``use_d_keys``: the driven keys with a factor each, or None for the
    source's default. Raises AnimatorError for a number out of range."""

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
    delta_eye_open_n: int | tuple[int, ...] = 0
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
            ("template_n_frames", -1, 10**6),
            ("N_d", -1, 10**6),
            ("smo_k_s", 1, 1000),
            ("smo_k_d", 1, CLIP),
            ("overlap_v2", 1, CLIP - 1),
            ("sampling_timesteps", 1, 1000),
            ("fix_kp_cond", 0, 10**9),
        ):
            if not low <= getattr(self, name) <= high:
                raise AnimatorError(f"{name} must be between {low} and {high}, not {getattr(self, name)}.")
        if self.template_n_frames == 0:
            raise AnimatorError("template_n_frames must be -1 for all frames of a video, or at least 1.")
        if self.fade_type not in ("", "s", "d0"):
            raise AnimatorError(f"fade_type must be '', 's' or 'd0', not {self.fade_type!r:.40}.")

    @property
    def valid(self) -> int:
        """New frames that a clip adds."""
        return CLIP - self.overlap_v2

    def replaced(self, given: Mapping[str, Any]) -> RunOptions:
        """A copy with some options replaced, given as the config or a caller has them (numbers, lists, arrays).

        Raises AnimatorError for an option that there is not, or a value of the wrong kind.
        """
        _refuse_unknown(given, {f.name for f in fields(self)}, "run option")
        typed = {key: _converted("run option", key, _OPTIONS[key], value) for key, value in given.items()}
        return replace(self, **typed)


def _controls(value: Any) -> dict[int, FrameControl]:
    return {int(frame): _control(control) for frame, control in values.mapping(value).items()}


def _control(value: Any) -> FrameControl:
    return value if isinstance(value, FrameControl) else FrameControl.of(value)


def _bounds(value: Any) -> FloatArray:
    return values.array(value, (None, MOTION_SIZE), least=2)


def _blink(value: Any) -> FloatArray:
    return values.array(value, (None, values.EXP_SIZE))


#: How each option's value is made what its field holds.
_OPTIONS: Mapping[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("crop_scale", "crop_vx_ratio", "crop_vy_ratio"), values.number),
    **dict.fromkeys(("max_size", "template_n_frames", "smo_k_s", "smo_k_d", "N_d"), values.whole),
    **dict.fromkeys(("overlap_v2", "fix_kp_cond", "sampling_timesteps"), values.whole),
    **dict.fromkeys(("crop_flag_do_rot", "eye_f0_mode", "online_mode"), values.flag),
    **dict.fromkeys(("relative_d", "drive_eye", "flag_stitching"), values.flag),
    "emo": emotions,
    "ch_info": values.character,
    "fix_kp_cond_dim": values.columns,
    "v_min_max_for_clip": _bounds,
    "use_d_keys": values.key_factors,
    "delta_eye_arr": _blink,
    "delta_eye_open_n": values.gaps,
    "fade_type": values.text,
    "fade_out_keys": values.key_names,
    "ctrl_info": _controls,
    "overall_ctrl_info": _control,
}
_MAY_BE_NONE = {"ch_info", "fix_kp_cond_dim", "v_min_max_for_clip", "use_d_keys", "drive_eye", "delta_eye_arr"}
_NONE_MEANS: Mapping[str, Any] = {"fade_type": "", "ctrl_info": {}, "overall_ctrl_info": FrameControl()}
#: The controls that are no numbers.
_CONTROLS: Mapping[str, Callable[[Any], Any]] = {"delta_exp": values.expression, "fade_out_keys": values.key_names}


def _refuse_unknown(given: Mapping[str, Any], known: set[str], what: str) -> None:
    for key in given:
        if key not in known:
            near = nearest(str(key), known)
            hint = f"Did you mean {' or '.join(near)}?" if near else f"Possible are: {', '.join(sorted(known))}."
            raise AnimatorError(f"There is no {what} {key!r:.60}.", hint)


def _converted(what: str, key: str, convert: Callable[[Any], Any], value: Any) -> Any:
    if value is None and (what == "control" or key in _MAY_BE_NONE):
        return None
    if value is None and key in _NONE_MEANS:
        return _NONE_MEANS[key]
    try:
        return convert(value)
    except (TypeError, ValueError, KeyError) as error:
        why = f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else error
        raise AnimatorError(f"The {what} {key} cannot be {value!r:.80}: {why}.") from error
