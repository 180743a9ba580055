"""Named qualities: what they set, and what they cost in delay and in work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from vcam.errors import AnimatorError
from vcam.media import ANIMATION_FPS
from vcam.profile.model import Profile

from .avatar import Character
from .latency import Chunking, algorithmic_latency, valid_frames
from .option_files import with_arrays
from .options import CLIP, RunOptions


@dataclass(frozen=True, slots=True)
class Preset:
    """``options``: run options that differ from the checkpoint's own."""

    name: str
    summary: str
    chunking: Chunking
    options: Mapping[str, Any]

    @property
    def delay(self) -> int:
        """The algorithmic latency in samples."""
        return algorithmic_latency(self.chunking, self.options["overlap_v2"])


def _preset(name: str, summary: str, chunking: tuple[int, int, int], **options: int) -> Preset:
    return Preset(name, summary, Chunking(*chunking), MappingProxyType(options))


#: The first three are of this project; ``fast`` are the speed settings published for the model.
PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        preset.name: preset
        for preset in (
            _preset("quality", "as published: calmest motion", (3, 5, 2), overlap_v2=70, sampling_timesteps=50),
            _preset("balanced", "half the delay", (3, 5, 2), overlap_v2=75, sampling_timesteps=10),
            # A clip for each frame is as much work as ``quality``. Two frames a clip would take 245 ms, which leaves
            # nothing of 250 for gate, computing and devices, unless the features looked less far ahead.
            _preset("low-latency", "for conversation", (3, 1, 2), overlap_v2=79, sampling_timesteps=5),
            _preset(
                "fast",
                "the published speed settings",
                (2, 3, 2),
                overlap_v2=70,
                sampling_timesteps=10,
                max_size=512,
                template_n_frames=3,
            ),
        )
    }
)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a live run will do: how it is fed, its options, and what follows from both."""

    chunking: Chunking
    options: RunOptions

    def __post_init__(self) -> None:
        valid_frames(self.options.overlap_v2)

    @property
    def algorithmic_latency(self) -> int:
        """In samples; see :func:`latency.algorithmic_latency`."""
        return algorithmic_latency(self.chunking, self.options.overlap_v2)

    @property
    def clips_at_once(self) -> int:
        """Clips that may become due with one chunk of features."""
        return -(-self.chunking.now // (CLIP - self.options.overlap_v2))

    @property
    def diffusion_calls(self) -> float:
        """Calls of the diffusion network a second, while there is speech."""
        return float(ANIMATION_FPS) / (CLIP - self.options.overlap_v2) * self.options.sampling_timesteps

    @property
    def feature_calls(self) -> float:
        """Calls of the audio network a second, while there is speech."""
        return float(ANIMATION_FPS) / self.chunking.now


def plan(quality: str, defaults: RunOptions, chunking: Chunking | None, changes: Mapping[str, Any]) -> Plan:
    """The checkpoint's options, then the preset's, then the profile's own ``changes``.

    Raises AnimatorError for an unknown quality or option, or for an overlap that cannot be used live.
    """
    if quality not in PRESETS:
        raise AnimatorError(f"There is no quality {quality!r:.40}.", f"Possible are: {', '.join(PRESETS)}.")
    preset = PRESETS[quality]
    options = defaults.replaced({"online_mode": True, **preset.options, **changes})
    return Plan(chunking or preset.chunking, options)


def profile_plan(profile: Profile, defaults: RunOptions, character: Character | None = None) -> Plan:
    """How a live session of this profile runs on a checkpoint of these ``defaults``.

    ``character``: of the portrait that the profile names as ``ch_info``, which delay and registration do not depend
    on. Raises AnimatorError for an option that cannot be used.
    """
    settings = profile.animator.ditto
    chunking = None if settings.chunk is None else Chunking(*settings.chunk)
    changes = option_changes(profile, character)
    if settings.overlap is not None:
        changes["overlap_v2"] = settings.overlap
    return plan(profile.animator.quality, defaults, chunking, changes)


def option_changes(profile: Profile, character: Character | None = None) -> dict[str, Any]:
    """The run options that a profile sets, live or not; not ``overlap``, a matter of delay.

    Raises AnimatorError for a file of an array that cannot be used.
    """
    settings = profile.animator.ditto
    given = {
        "sampling_timesteps": settings.sampling_timesteps,
        "max_size": settings.max_size,
        "template_n_frames": settings.template_n_frames,
        "emo": settings.emotion,
    }
    options = with_arrays(settings.options, profile.resolve)
    changes = {**options, **{key: value for key, value in given.items() if value is not None}}
    if isinstance(changes.get("ch_info"), str):
        changes["ch_info"] = character
    return changes
