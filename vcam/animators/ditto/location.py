"""Which checkpoint a profile means. Cheap to ask: nothing of it is read."""

from __future__ import annotations

from pathlib import Path

from vcam.checkpoints.location import checkpoint_folder as real_folder
from vcam.profile.model import Profile


def checkpoint_folder(profile: Profile) -> Path:
    """The stand-in one if the profile asks for it (made if need be), else where ``vcam checkpoints`` looks too.

    Raises AnimatorError if stand-ins cannot be made.
    """
    if profile.animator.ditto.stand_in:
        from .standin import stand_in_checkpoint

        return stand_in_checkpoint()
    return real_folder(profile)


def has_networks(checkpoint: Path) -> bool:
    """Whether anything was ever fetched there."""
    return (checkpoint / "ditto_onnx").is_dir()
