"""The ``ditto`` animator: the Ditto talking-head diffusion model (arXiv 2411.19509), online and offline.

One file a part, in the order of the data:

    checkpoint ─ source ─ face ─ registration ─ avatar          once for each portrait
    features ─ conditions ─ sampler ─ joining                   audio to motion, 25 rows a second
    controls ─ keypoints ─ renderer ─ paste                     motion to frames

The parts know each other's values (``motion``, ``avatar``, ``options``), never each other's networks. Live, they are
driven by ``hearing`` and ``live_motion``, with ``idle`` in silence and ``seams`` between it and speech.

What a library needs is imported from here when it is first used: onnxruntime and OpenCV take their time.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .animator import DittoAnimator, DittoPose
    from .avatar import DittoAvatar
    from .build import DittoBuilder
    from .cache import AvatarCache
    from .checkpoint import Checkpoint
    from .latency import Chunking, algorithmic_latency
    from .options import FrameControl, RunOptions
    from .presets import PRESETS, Plan, Preset, plan
    from .registration import RegistrationNetworks, register
    from .standin import stand_in_checkpoint

_HOMES = {
    "AvatarCache": "cache",
    "Checkpoint": "checkpoint",
    "Chunking": "latency",
    "DittoAnimator": "animator",
    "DittoAvatar": "avatar",
    "DittoBuilder": "build",
    "DittoPose": "animator",
    "FrameControl": "options",
    "PRESETS": "presets",
    "Plan": "presets",
    "Preset": "presets",
    "RegistrationNetworks": "registration",
    "RunOptions": "options",
    "algorithmic_latency": "latency",
    "plan": "presets",
    "register": "registration",
    "stand_in_checkpoint": "standin",
}

__all__ = [
    "PRESETS",
    "AvatarCache",
    "Checkpoint",
    "Chunking",
    "DittoAnimator",
    "DittoAvatar",
    "DittoBuilder",
    "DittoPose",
    "FrameControl",
    "Plan",
    "Preset",
    "RegistrationNetworks",
    "RunOptions",
    "algorithmic_latency",
    "plan",
    "register",
    "stand_in_checkpoint",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
