"""A profile's portrait as ditto registers it: from the cache, or by the checkpoint's networks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from vcam.profile.model import DittoOptions

from .avatar import DittoAvatar
from .backends.base import Backend
from .cache import AvatarCache
from .checkpoint import Checkpoint
from .face.finders import FaceFinder, Proposal
from .networks import DETECTOR, LANDMARK106, REGISTRATION, NetworkSpec
from .options import RunOptions
from .registration import RegistrationNetworks, register

INSIGHTFACE = (DETECTOR, LANDMARK106)


def registration_specs(settings: DittoOptions) -> list[NetworkSpec]:
    """The networks that registering needs: without InsightFace's where vcam's own proposal finds the face."""
    return [spec for spec in REGISTRATION if settings.landmarks != "lite" or spec not in INSIGHTFACE]


def registered(
    source: Path,
    settings: DittoOptions,
    options: RunOptions,
    checkpoint: Checkpoint,
    backend: Callable[[], Backend],
    cache: AvatarCache,
) -> DittoAvatar:
    """``backend`` is asked for only if the avatar is not in the cache.

    Raises AvatarError if the picture or video cannot be used, AnimatorError if networks are missing or fail.
    """
    specs = registration_specs(settings)
    checkpoint.require(specs)
    finder: FaceFinder | None = Proposal() if settings.landmarks == "lite" else None

    def make() -> DittoAvatar:
        networks = RegistrationNetworks(**checkpoint.load(backend(), specs))
        try:
            return register(source, options, networks, finder=finder)
        finally:
            networks.close()

    key = cache.key(source, options, [checkpoint.path(spec) for spec in specs], settings.landmarks)
    return cache.get(key, make)
