"""The profile as types: who appears, how it is animated, what counts as speech, and where it is shown."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationInfo,
    field_validator,
    model_validator,
)

from vcam.paths import at_home

_SIZE = re.compile(r"(\d{2,4})\s*[xX×]\s*(\d{2,4})")
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


def parse_size(value: object) -> tuple[int, int]:
    """'1280x720' (or a pair) as (width, height). Raises ValueError unless both are even and in 160x120..3840x2160."""
    if isinstance(value, str) and (match := _SIZE.fullmatch(value.strip())):
        value = (int(match[1]), int(match[2]))
    if not (isinstance(value, (list, tuple)) and len(value) == 2 and all(type(side) is int for side in value)):
        raise ValueError("expected a size such as 1280x720")
    width, height = value
    if not (160 <= width <= 3840 and 120 <= height <= 2160):
        raise ValueError("the size must be between 160x120 and 3840x2160")
    if width % 2 or height % 2:
        raise ValueError("width and height must be even")
    return width, height


def _colour(value: object) -> str:
    if not (isinstance(value, str) and _COLOUR.fullmatch(value)):
        raise ValueError('expected a colour such as "#1f2933", in quotes')
    return value


def _colour_or_painted(value: object) -> str:
    # not null: `skin: #8d5a3b` without quotes is a comment to YAML, and would be passed over in silence
    if value != "painted" and not (isinstance(value, str) and _COLOUR.fullmatch(value)):
        raise ValueError('expected "painted" or a colour such as "#8d5a3b", in quotes')
    return str(value)


Size = Annotated[tuple[int, int], BeforeValidator(parse_size)]
Colour = Annotated[str, BeforeValidator(_colour)]
ColourOrPainted = Annotated[str, BeforeValidator(_colour_or_painted)]


class Section(BaseModel):
    # Numbers may stand for text: `device: 3` is the device with that number.
    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _nothing_means_defaults(cls, data: object) -> object:
        # what a section becomes when all its keys are commented out
        return {} if data is None else data

    @field_validator("*", mode="before")
    @classmethod
    def _no_flag_for_a_number(cls, value: object, info: ValidationInfo) -> object:
        # pydantic takes true for 1
        if isinstance(value, bool) and cls.model_fields[str(info.field_name)].annotation is not bool:
            raise ValueError("must not be true or false")
        return value


class Framing(Section):
    """How close the portrait is: zoom 1 as composed; x and y move it, in fractions of the picture's height."""

    zoom: float = Field(1.0, ge=0.25, le=4.0)
    x: float = Field(0.0, ge=-1.0, le=1.0)
    y: float = Field(0.0, ge=-1.0, le=1.0)


class Look(Section):
    """Other colours for a bundled portrait, or "painted". Of the puppet: fur, tuft and brows, scarf."""

    skin: ColourOrPainted = "painted"
    hair: ColourOrPainted = "painted"
    clothes: ColourOrPainted = "painted"
    background: ColourOrPainted = "painted"

    def wanted(self) -> dict[str, str]:
        """The keys that have a colour, as "#rrggbb"."""
        return {key: colour for key, colour in self if colour != "painted"}


class Avatar(Section):
    """``portrait``: a bundled name (see ``vcam profile check``) or a path, relative to the profile's own folder."""

    portrait: str = "robin"
    look: Look = Look()
    framing: Framing = Framing()
    mirror: bool = False


ExpressionName = Literal["neutral", "smile", "laugh", "surprised", "sad", "angry", "skeptical", "thinking"]


class LiteOptions(Section):
    """``expressiveness`` scales the mouth, ``sway`` the head's motion; the same ``seed`` gives the same motion.

    ``expression`` is what the face shows until another one is asked for.
    """

    seed: int = Field(0, ge=0, le=2**32 - 1)
    expressiveness: float = Field(1.0, ge=0.0, le=2.0)
    sway: float = Field(1.0, ge=0.0, le=2.0)
    blinks_per_minute: float = Field(15.0, ge=0.0, le=60.0)
    expression: ExpressionName = "neutral"


EmotionName = Literal["angry", "disgust", "fear", "happy", "neutral", "sad", "surprise", "contempt"]


class DittoOptions(Section):
    """Settings of the photoreal animator; those left null follow the quality preset, then the checkpoint.

    ``checkpoint``: its folder (see ``vcam checkpoints``). ``backend``: what runs the networks; "auto" takes TensorRT
    where its engines are up to date (see ``vcam engines``), ``precision`` and ``cuda_graphs`` are TensorRT's.
    ``provider`` is onnxruntime's, ``gpu`` the number of the graphics card. ``chunk``: frames of context, new ones and
    look-ahead for the audio network. ``landmarks``: who finds the face: the checkpoint's InsightFace networks (for
    non-commercial use) or vcam's own proposal.
    ``fade_in``, ``fade_out``: frames at the ends of a rendered video in which the face comes from, or goes to, rest.
    ``options``: any other run option of the pipeline, by its name; ``ch_info`` is the portrait of another speaker.
    """

    checkpoint: Path | None = None
    stand_in: bool = False
    backend: Literal["auto", "onnxruntime", "tensorrt"] = "auto"
    precision: Literal["fp16", "fp32"] = "fp16"
    cuda_graphs: bool = False
    provider: Literal["auto", "cpu", "cuda", "coreml", "directml", "openvino"] = "auto"
    gpu: int = Field(0, ge=0, le=63)
    seed: int = Field(0, ge=0, le=2**32 - 1)
    emotion: EmotionName | None = None
    landmarks: Literal["insightface", "lite"] = "insightface"
    sampling_timesteps: int | None = Field(None, ge=1, le=1000)
    overlap: int | None = Field(None, ge=40, le=79)
    chunk: tuple[int, int, int] | None = None
    max_size: int | None = Field(None, ge=64, le=4096)
    template_n_frames: int | None = Field(None, ge=1, le=10_000)
    fade_in: int = Field(0, ge=0, le=10_000)
    fade_out: int = Field(0, ge=0, le=10_000)
    options: dict[str, Any] = {}


class AnimatorSettings(Section):
    kind: Literal["auto", "lite", "ditto"] = "auto"
    quality: Literal["quality", "balanced", "low-latency", "fast"] = "balanced"
    lite: LiteOptions = LiteOptions()
    ditto: DittoOptions = DittoOptions()


class GateSettings(Section):
    """What counts as speech. Times in ms, level in dBFS.

    ``attack_ms``: how long it must sound like speech before the gate opens (it takes "webrtc" 40 ms to recognise a
    voice, so less acts as 40); ``pre_roll_ms``: how much of the sound before that moment still passes (it is waited
    for, so it adds to the latency); ``hangover_ms``: how long the gate stays open after the last speech;
    ``min_level_dbfs``: anything quieter is never speech.
    """

    kind: Literal["webrtc", "off"] = "webrtc"
    aggressiveness: int = Field(2, ge=0, le=3)
    attack_ms: int = Field(40, ge=20, le=500)
    pre_roll_ms: int = Field(60, ge=0, le=500)
    hangover_ms: int = Field(240, ge=0, le=3000)
    min_level_dbfs: float = Field(-55.0, ge=-90.0, le=0.0)


class OutputSettings(Section):
    """Where the voice is played for others to hear.

    ``device``: "virtual-mic" makes a microphone of vcam's own (macOS, Windows: uses a virtual sound device that is
    there); "auto" does so where that is possible; "none"; or a number or part of a name from ``vcam devices``.
    ``mode``: "sync" plays it in step with the lips, "direct" as early as possible, ahead of them.
    """

    device: str = Field("none", min_length=1)
    mode: Literal["sync", "direct"] = "sync"


class AudioSettings(Section):
    """``device``: "mic" for the system's default, a number or part of a name from ``vcam devices``, or a file."""

    device: str = "mic"
    output: OutputSettings = OutputSettings()


class Background(Section):
    """``portrait`` keeps the one drawn with the portrait; ``blur`` blurs it; ``colour`` and ``image`` replace it."""

    kind: Literal["portrait", "blur", "colour", "image"] = "portrait"
    colour: Colour = "#1f2933"
    image: Path | None = None


class CameraSettings(Section):
    kind: Literal["auto", "virtual", "preview", "none"] = "auto"
    device: str | None = None
    size: Size = (1280, 720)
    fps: float = Field(30.0, ge=5.0, le=60.0)
    background: Background = Background()
    badge: str = Field("", max_length=40)
    port: int = Field(8765, ge=0, le=65535)


class Profile(Section):
    """One YAML file. ``name`` and ``folder`` say where it came from; they are not keys of the file."""

    _name: str = PrivateAttr("built-in")
    _folder: Path | None = PrivateAttr(None)

    avatar: Avatar = Avatar()
    animator: AnimatorSettings = AnimatorSettings()
    gate: GateSettings = GateSettings()
    audio: AudioSettings = AudioSettings()
    camera: CameraSettings = CameraSettings()

    @property
    def name(self) -> str:
        return self._name

    @property
    def folder(self) -> Path | None:
        """The profile's own folder, to which paths in it are relative; None for built-in defaults."""
        return self._folder

    def located(self, name: str, folder: Path | None) -> Profile:
        """The same profile, knowing its name and folder."""
        self._name, self._folder = name, folder
        return self

    def with_changes(self, section: str, **changes: Any) -> Profile:
        """A copy with some keys of one section replaced, validated again (raises pydantic's ValidationError)."""
        data = self.model_dump()
        data[section].update(changes)
        return type(self).model_validate(data).located(self._name, self._folder)

    def resolve(self, path: Path) -> Path:
        """A path from the profile: absolute, from the home folder (~), or relative to the profile's own folder."""
        expanded = at_home(path)
        return expanded if expanded.is_absolute() or self._folder is None else self._folder / expanded
