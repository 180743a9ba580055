"""Where the checkpoint is."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

import vcam
from vcam.paths import at_home

if TYPE_CHECKING:
    from vcam.profile.model import Profile

VARIABLE = "VCAM_CHECKPOINTS"


def checkpoint_folder(profile: Profile) -> Path:
    """The profile's ``animator.ditto.checkpoint``, else the default."""
    wanted = profile.animator.ditto.checkpoint
    return default_folder() if wanted is None else profile.resolve(wanted)


def default_folder() -> Path:
    """``$VCAM_CHECKPOINTS``; else ``checkpoints/`` of the source tree that vcam runs from; else in the user's data."""
    if chosen := os.environ.get(VARIABLE):
        return at_home(chosen).absolute()
    beside = Path(vcam.__file__).resolve().parents[1] / "checkpoints"
    if (beside / "README.md").is_file():
        return beside
    return platformdirs.user_data_path("vcam", appauthor=False) / "checkpoints"
