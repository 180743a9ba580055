"""From a profile to the parts it names: animator and stage."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vcam.animators.base import Animator, Scene
from vcam.camera.base import CameraFormat
from vcam.errors import AnimatorError, AvatarError
from vcam.images import read_image
from vcam.media import ByteArray
from vcam.profile.model import Avatar, Profile
from vcam.stage import Stage, blurred, cover

if TYPE_CHECKING:
    from vcam.animators.lite.avatar import Avatar as LiteAvatar
    from vcam.animators.lite.photo import PhotoAvatar

logger = logging.getLogger(__name__)

NO_CHECKPOINT = "ditto has no checkpoint (`vcam checkpoints pull` fetches it)"


class _NothingFetched(AnimatorError):
    pass


def camera_format(profile: Profile) -> CameraFormat:
    return CameraFormat.of(profile.camera)


def build_animator(profile: Profile) -> tuple[Animator, str]:
    """The profile's animator, and a notice for the user ("" if there is nothing to say).

    Raises AnimatorError if the animator it asks for cannot be had here, AvatarError if the portrait cannot be used.
    """
    animator, notice = _chosen(profile)
    return animator, " ".join(words for words in (notice, _of_the_background(profile, animator)) if words)


def _of_the_background(profile: Profile, animator: Animator) -> str:
    """Who asks for a blurred room must know where it is not."""
    from vcam.animators.lite import LiteAnimator
    from vcam.animators.lite.photo import PhotoAvatar

    drawn = isinstance(animator, LiteAnimator) and not isinstance(animator.avatar, PhotoAvatar)
    if profile.camera.background.kind == "portrait" or drawn:
        return ""
    return "A photo keeps its own background: camera.background changes only what lies beside the picture."


def _chosen(profile: Profile) -> tuple[Animator, str]:
    kind = profile.animator.kind
    if kind == "lite":
        return _lite(profile), ""
    if kind == "ditto":
        return _ditto(profile), ""
    try:
        return _ditto(profile, automatic=True), ""
    except _NothingFetched as error:
        logger.info("Showing lite: %s.", error.message)  # no warning: most never meant to have one
        return _lite(profile), ""
    except (AnimatorError, AvatarError) as error:
        logger.debug("lite, because ditto cannot be used: %s", error)
        try:
            return _lite(profile), f"Showing lite, not ditto: {error.message}"
        except AvatarError as other:
            raise (error if isinstance(error, AvatarError) else other) from None


def build_fallback(profile: Profile) -> Animator:
    """The animator that takes over when the profile's own one keeps failing.

    Lite with the profile's portrait if it can animate that, else with the default one.
    """
    try:
        return _lite(profile)
    except AvatarError as error:
        logger.warning("%s: taking the default portrait", error.message)
        return _lite(profile.with_changes("avatar", portrait=Avatar().portrait))


def _ditto(profile: Profile, automatic: bool = False) -> Animator:
    """``automatic``: only if it can keep up, as far as can be told before it is loaded."""
    from vcam.animators.ditto.location import checkpoint_folder, has_networks

    if automatic and not has_networks(folder := checkpoint_folder(profile)):
        if profile.animator.ditto.checkpoint is None:
            raise _NothingFetched(NO_CHECKPOINT)
        raise AnimatorError(f"there is no checkpoint in {folder} (`vcam checkpoints pull` fetches it).")
    from vcam.animators.ditto.build import DittoBuilder  # onnxruntime and more

    builder = DittoBuilder(profile)
    if automatic and builder.too_slow:
        raise AnimatorError(f"it needs a GPU, and onnxruntime has only {builder.provider} here.")
    return builder.build(profile, _scene(profile, None))


def _lite(profile: Profile) -> Animator:
    from vcam.animators.lite import LiteAnimator, load_avatar, recoloured

    avatar = recoloured(load_avatar(portrait_path(profile)), profile.avatar.look)
    return LiteAnimator(avatar, profile.animator.lite, _scene(profile, avatar))


def portrait_path(profile: Profile) -> str:
    """The portrait as the name of an avatar or, if it is none, as a path, relative to the profile's folder."""
    from vcam.animators.lite import list_avatars
    from vcam.animators.lite.photo.package import list_user_avatars

    portrait = profile.avatar.portrait
    if portrait in list_avatars() or portrait in list_user_avatars():
        return portrait
    path = profile.resolve(Path(portrait))
    is_path = len(Path(portrait).parts) > 1 or portrait.startswith("~") or path.exists()
    return str(path) if is_path else portrait


def sound_spec(profile: Profile) -> str:
    """What the profile listens to: a word, a device, or a file relative to the profile's folder."""
    from vcam.audio.devices import means_file

    device = profile.audio.device
    return str(profile.resolve(Path(device))) if means_file(device) else device


def _scene(profile: Profile, avatar: LiteAvatar | PhotoAvatar | None) -> Scene:
    width, height = profile.camera.size
    framing = profile.avatar.framing
    x = -framing.x if profile.avatar.mirror else framing.x  # right is where viewers see it
    return Scene(width, height, framing.zoom, x, framing.y, _backdrop(profile, avatar))


def _backdrop(profile: Profile, avatar: LiteAvatar | PhotoAvatar | None) -> ByteArray | None:
    width, height = profile.camera.size
    if profile.camera.background.kind == "blur" and avatar is not None:
        return blurred(cover(avatar.backdrop, width, height))
    return _surround(profile)


def _surround(profile: Profile) -> ByteArray | None:
    width, height = profile.camera.size
    background = profile.camera.background
    if background.kind == "colour":
        colour = [int(background.colour[i : i + 2], 16) for i in (1, 3, 5)]
        return np.full((height, width, 3), colour, np.uint8)
    if background.kind == "image":
        if background.image is None:
            raise AvatarError("The profile asks for a background image but names none.", "Set camera.background.image.")
        image = cover(read_image(profile.resolve(background.image)), width, height)
        return np.ascontiguousarray(image[:, ::-1]) if profile.avatar.mirror else image  # so that words stay readable
    return None


def build_stage(profile: Profile) -> Stage:
    width, height = profile.camera.size
    return Stage(
        width,
        height,
        mirror=profile.avatar.mirror,
        badge=profile.camera.badge,
        surround=_surround(profile),
    )
