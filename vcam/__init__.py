"""vcam: a virtual webcam whose portrait speaks with your voice.

The public names are imported when first used, so that the command line answers quickly.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vcam.animators.base import Animator, Pose, Scene
    from vcam.audio.source import Block, Source
    from vcam.camera.base import Camera, CameraFormat
    from vcam.errors import VcamError
    from vcam.media import AudioChunk, Picture
    from vcam.profile.model import Profile
    from vcam.session import Session

__version__ = "0.1.0"

_HOMES = {
    "Animator": "vcam.animators.base",
    "AudioChunk": "vcam.media",
    "Block": "vcam.audio.source",
    "Camera": "vcam.camera.base",
    "CameraFormat": "vcam.camera.base",
    "Picture": "vcam.media",
    "Pose": "vcam.animators.base",
    "Profile": "vcam.profile.model",
    "Scene": "vcam.animators.base",
    "Session": "vcam.session",
    "Source": "vcam.audio.source",
    "VcamError": "vcam.errors",
}

__all__ = [
    "Animator",
    "AudioChunk",
    "Block",
    "Camera",
    "CameraFormat",
    "Picture",
    "Pose",
    "Profile",
    "Scene",
    "Session",
    "Source",
    "VcamError",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'vcam' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
