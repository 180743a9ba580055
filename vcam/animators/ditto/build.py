"""From a profile to a ditto animator: checkpoint, networks, the registered portrait."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from vcam.animators.base import Scene
from vcam.profile.model import DittoOptions, Profile

from .animator import DittoAnimator
from .avatar import Character, DittoAvatar
from .backends.base import Backend
from .backends.choice import make_backend
from .cache import AvatarCache
from .checkpoint import Checkpoint
from .loaded import LoadedNetworks
from .location import checkpoint_folder
from .networks import ANIMATION, NetworkSpec
from .options import RunOptions
from .picture import source_of
from .presets import Plan, option_changes, profile_plan
from .registered import registered, registration_specs

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Machinery:
    """What successive avatars of a session share; compared to see whether they can."""

    checkpoint: Path
    stand_in: bool
    backend: str
    precision: str
    cuda_graphs: bool
    provider: str
    gpu: int


class DittoBuilder:
    """Makes animators that share one checkpoint's networks."""

    def __init__(
        self,
        profile: Profile,
        *,
        wrap: Callable[[Backend], Backend] | None = None,
        cache: AvatarCache | None = None,
    ) -> None:
        """``wrap`` puts something around what runs the networks, to measure it; ``cache``: None for the user's own.

        Raises AnimatorError if there is no checkpoint, or what is to run the networks is missing.
        """
        settings = profile.animator.ditto
        self._machinery = _machinery(profile)
        self._checkpoint = Checkpoint.open(self._machinery.checkpoint)
        self._checkpoint.require(_needed(settings))
        backend = make_backend(settings, self._checkpoint)
        self._backend = backend if wrap is None else wrap(backend)
        self._cache = AvatarCache() if cache is None else cache

    @property
    def checkpoint(self) -> Checkpoint:
        return self._checkpoint

    @property
    def provider(self) -> str:
        return self._backend.device.provider

    @property
    def too_slow(self) -> bool:
        """Whether this cannot run live: the real networks take seconds a frame on any CPU."""
        return self.provider == "CPU" and not self._machinery.stand_in

    def build(self, profile: Profile, scene: Scene) -> DittoAnimator:
        """Load the networks and make the profile's animator. Raises AnimatorError or AvatarError."""
        avatar = self._registered(profile)  # before the large networks are loaded: it may fail
        character = self._character(profile)
        networks = LoadedNetworks(self._backend, self._checkpoint.load(self._backend, ANIMATION))
        return self._animator(profile, scene, avatar, character, networks)

    def successor(self, present: DittoAnimator, profile: Profile) -> DittoAnimator | None:
        """As ``Animator.successor``."""
        if profile.animator.kind == "lite" or _machinery(profile) != self._machinery:
            return None
        avatar, character = self._registered(profile), self._character(profile)
        framing = profile.avatar.framing
        scene = replace(present.scene, zoom=framing.zoom, shift_x=framing.x, shift_y=framing.y)
        following = self._animator(profile, scene, avatar, character, present.networks)
        following.inherit(present)
        return following

    def _animator(
        self,
        profile: Profile,
        scene: Scene,
        avatar: DittoAvatar,
        character: Character | None,
        networks: LoadedNetworks,
    ) -> DittoAnimator:
        networks.hold()  # while it is being made: nobody else may
        try:
            made = DittoAnimator(
                avatar,
                networks,
                self._checkpoint.use,
                live_plan(profile, self._checkpoint, character),
                offline_options(profile, self._checkpoint, character),
                scene,
                profile.animator.ditto.seed,
                self,
                (profile.animator.ditto.fade_in, profile.animator.ditto.fade_out),
            )
            made.runs_on = self.provider
            return made
        finally:
            networks.release()

    def _character(self, profile: Profile) -> Character | None:
        """Of the portrait that the profile names as ``ch_info``, registered as any other."""
        named = profile.animator.ditto.options.get("ch_info")
        if not isinstance(named, str):
            return None
        return Character.of(self._registered(profile.with_changes("avatar", portrait=named)))

    def _registered(self, profile: Profile) -> DittoAvatar:
        return registered(
            source_of(profile),
            profile.animator.ditto,
            live_plan(profile, self._checkpoint).options,
            self._checkpoint,
            lambda: self._backend,
            self._cache,
        )


def _machinery(profile: Profile) -> Machinery:
    settings = profile.animator.ditto
    return Machinery(
        checkpoint_folder(profile),
        settings.stand_in,
        settings.backend,
        settings.precision,
        settings.cuda_graphs,
        settings.provider,
        settings.gpu,
    )


def live_plan(profile: Profile, checkpoint: Checkpoint, character: Character | None = None) -> Plan:
    """How a live session of this profile runs; see :func:`presets.profile_plan`."""
    return profile_plan(profile, checkpoint.options(live=True), character)


def offline_options(profile: Profile, checkpoint: Checkpoint, character: Character | None = None) -> RunOptions:
    """How a whole recording is rendered: as the checkpoint's offline config says, and what the profile changes."""
    return checkpoint.options(live=False).replaced(option_changes(profile, character))


def _needed(settings: DittoOptions) -> list[NetworkSpec]:
    return [*registration_specs(settings), *ANIMATION]
