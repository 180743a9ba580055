"""The picture or video that a profile's avatar is registered from."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

from PIL import Image

from vcam.animators.base import Scene
from vcam.errors import AvatarError
from vcam.media import ByteArray
from vcam.profile.model import LiteOptions, Profile

DRAWN_SIZE = (1280, 720)


def source_of(profile: Profile) -> Path:
    """A picture or video as it is; the picture of an avatar that was made for lite; a drawn one, drawn at rest.

    Raises AvatarError if the portrait cannot be found, read or drawn.
    """
    from vcam.animators.lite import LiteAnimator, list_avatars, load_avatar, recoloured
    from vcam.animators.lite.photo.package import PhotoAvatar, list_user_avatars
    from vcam.build import portrait_path

    portrait = portrait_path(profile)
    if portrait not in [*list_avatars(), *list_user_avatars()] and Path(portrait).is_file():
        return Path(portrait)
    avatar = load_avatar(portrait)
    if isinstance(avatar, PhotoAvatar):
        return _kept(avatar.rgb)
    drawn = LiteAnimator(recoloured(avatar, profile.avatar.look), LiteOptions(), Scene(*DRAWN_SIZE))
    try:
        return _kept(drawn.portrait())
    finally:
        drawn.close()


def _kept(rgb: ByteArray) -> Path:
    """``rgb`` (uint8 [h, w, 3]) as a file in the user's cache, named by its content."""
    from vcam.daemon.paths import cache_dir

    folder = cache_dir() / "pictures"
    path = folder / f"{hashlib.sha256(rgb.tobytes() + repr(rgb.shape).encode()).hexdigest()[:32]}.png"
    if path.is_file():
        return path
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".new-") as place:
            new = Path(place) / path.name
            Image.fromarray(rgb).save(new, "PNG", compress_level=1)
            return new.replace(path)
    except OSError as error:
        raise AvatarError(f"The avatar's picture cannot be kept in {folder}: {error.strerror or error}.") from error
