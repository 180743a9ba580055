"""Recolouring a painted avatar: skin, hair, clothes and the wall, once at load, with its light and shade kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from vcam.errors import AvatarError
from vcam.media import ByteArray, FloatArray
from vcam.profile.model import Look

from .avatar import Avatar, read_picture
from .photo.package import PhotoAvatar
from .rig import Rig

_CHANNELS = {"skin": 0, "hair": 1, "clothes": 2, "background": 0}  # of the regions files
# how much of the colours within a region stays: blush does, a sunset's other hues hardly
_KEEP = {"skin": 1.0, "hair": 0.8, "clothes": 0.6, "background": 0.5}
_SAMPLE = 4  # every so many pixels across and down are enough for a region's mean
_LIPS = 0.85  # how far lips follow the skin: redness is their own
_DARKEST, _BRIGHTEST = 0.004, 0.985  # a ramp's colour: the ends would have no shade or no light
_ROUNDS = 6  # of fitting a mean; the error falls by half or more in each

Levels = npt.NDArray[np.float64]  # [n, 3] RGB in 0..1


@dataclass(frozen=True, slots=True)
class _Recolouring:
    """``out = keep * colour + table[luma(colour)]``, in 0..1: another ramp from shade to light, the same deviations
    from it (blush, freckles, coloured light)."""

    keep: float
    table: Levels

    def picture(self, rgb: ByteArray) -> ByteArray:
        luma = cv2.cvtColor(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
        ramp = cv2.LUT(luma, np.round(self.table * 255).astype(np.int16)[None])
        kept = cv2.LUT(rgb, np.round(np.arange(256) * self.keep).astype(np.int16)[None])
        return np.asarray(cv2.add(kept, ramp, dtype=cv2.CV_8U), np.uint8)

    def colour(self, rgb: tuple[int, int, int], amount: float) -> tuple[int, int, int]:
        old = np.array(rgb, np.uint8)
        new = self.picture(old[None, None])[0, 0]
        red, green, blue = (round(float(a + amount * (float(b) - a))) for a, b in zip(rgb, new, strict=True))
        return red, green, blue


def recoloured(avatar: Avatar | PhotoAvatar, look: Look) -> Avatar | PhotoAvatar:
    """The avatar in the wanted colours: each region's mean becomes the colour, everything else stays as it is.

    Raises AvatarError if this avatar does not say what its regions are: photographs, and folders without them.
    """
    wanted = look.wanted()
    if not wanted:
        return avatar
    if isinstance(avatar, PhotoAvatar) or avatar.rig.regions is None:
        raise AvatarError(
            f"The avatar {avatar.name!r} cannot be recoloured: it has no regions for {', '.join(wanted)}.",
            "Leave avatar.look out of the profile, or take a bundled portrait.",
        )
    files = avatar.rig.regions
    rgbs = {
        "background": avatar.backdrop,
        "body": np.asarray(cv2.cvtColor(avatar.body, cv2.COLOR_RGBA2RGB), np.uint8),
        "head": np.asarray(cv2.cvtColor(avatar.head, cv2.COLOR_RGBA2RGB), np.uint8),
    }
    shares: dict[str, dict[str, ByteArray]] = {}
    for layer, file in (("background", files.background), ("body", files.body), ("head", files.head)):
        keys = [key for key in wanted if (key == "background") == (layer == "background")]
        if keys:
            picture = read_picture(avatar.folder, file, transparent=False)
            shares[layer] = {key: _share(picture, _CHANNELS[key], rgbs[layer]) for key in keys}
    alphas = {"body": avatar.body[..., 3], "head": avatar.head[..., 3]}
    new: dict[str, _Recolouring] = {}
    for key, code in wanted.items():
        colours, weights = _pixels(key, rgbs, alphas, shares)
        if weights.sum() > 1:  # pixels: else the avatar has nothing of the kind
            new[key] = _fitted(
                colours, weights, _KEEP[key], np.array([int(code[i : i + 2], 16) for i in (1, 3, 5)]) / 255
            )
    done = {layer: _blended(rgbs[layer], part, new) for layer, part in shares.items()}
    return replace(
        avatar,
        rig=_followed(avatar.rig, new["skin"]) if "skin" in new else avatar.rig,
        backdrop=done.get("background", avatar.backdrop),
        body=_with_alpha(done["body"], avatar.body) if "body" in done else avatar.body,
        head=_with_alpha(done["head"], avatar.head) if "head" in done else avatar.head,
    )


def _share(picture: ByteArray, channel: int, layer: ByteArray) -> ByteArray:
    """How much of each of the layer's pixels belongs to a region: uint8 [h, w], 255 for all of it."""
    size = (layer.shape[1], layer.shape[0])
    share = cv2.resize(cv2.extractChannel(picture, channel), size, interpolation=cv2.INTER_LINEAR)
    return np.asarray(share, np.uint8)


def _pixels(
    key: str,
    rgbs: Mapping[str, ByteArray],
    alphas: Mapping[str, ByteArray],
    shares: Mapping[str, Mapping[str, ByteArray]],
) -> tuple[ByteArray, FloatArray]:
    """A sample of a region's pixels from all layers (a face and its neck are one): colours [n, 3], weights [n]."""
    colours, weights = [], []
    every = slice(None, None, _SAMPLE)
    for layer, part in shares.items():
        if key in part:
            weight = np.float32(part[key][every, every]) / 255
            if layer in alphas:
                weight *= np.float32(alphas[layer][every, every]) / 255
            seen = weight > 0.01
            colours.append(rgbs[layer][every, every][seen])
            weights.append(weight[seen])
    return np.concatenate(colours), np.concatenate(weights)


def _fitted(colours: ByteArray, weights: FloatArray, most: float, wanted: Levels) -> _Recolouring:
    """The recolouring that gives these pixels the wanted mean; at ``most`` so much of their deviations stays."""
    total = float(weights.sum())
    mean = (weights[:, None] * colours).sum(0, dtype=np.float64) / total / 255
    luma = cv2.cvtColor(np.ascontiguousarray(colours)[None], cv2.COLOR_RGB2GRAY)[0]
    counts = np.bincount(luma, weights, 256) / total
    bright, target = (float(np.clip(_luma(colour), _DARKEST, _BRIGHTEST)) for colour in (mean, wanted))
    # in the dark, deviations are smaller, and light has more room above; in the light they must not grow into stains
    keep = most * float(np.clip(target / bright, 0.25, 1.0))
    contrast = float(np.clip((1 - target) / (1 - bright), 0.2, 1.6)) ** 0.5
    old = _ramp(mean, bright, 1.0)
    colour = wanted
    for _ in range(_ROUNDS):
        reached = keep * mean + counts @ (_ramp(colour, bright, contrast) - keep * old)
        colour = np.clip(colour + wanted - reached, 0, 1)
    return _Recolouring(keep, _ramp(colour, bright, contrast) - keep * old)


def _luma(colour: Levels) -> Levels:
    return np.asarray(colour @ np.array([0.299, 0.587, 0.114]), np.float64)  # ITU-R BT.601, as cv2 has it


def _ramp(colour: Levels, middle: float, contrast: float) -> Levels:
    """A surface's colour for each of 256 lumas, [256, 3]: ``colour`` at ``middle``, black at 0, towards white above.

    Exposure as on film: 1 - (1 - colour) ** light keeps the hue in the shade and rolls off in the light.
    """
    light = (np.arange(256)[:, None] / 255 / middle) ** contrast
    return np.asarray(1 - (1 - np.clip(colour, _DARKEST, _BRIGHTEST)) ** light, np.float64)


def _blended(rgb: ByteArray, shares: Mapping[str, ByteArray], new: Mapping[str, _Recolouring]) -> ByteArray:
    """All of a layer's regions recoloured; where regions meet, their colours mix."""
    done = rgb.copy()
    rest: ByteArray = np.full(rgb.shape[:2], 255, np.uint8)
    for share in shares.values():
        cv2.subtract(rest, share, dst=rest)
    for key, share in shares.items():
        left, top, width, height = cv2.boundingRect(share)
        within = slice(top, top + height), slice(left, left + width)
        if key in new and width:
            weights = np.float32(rest[within]), np.float32(share[within])
            done[within] = cv2.blendLinear(done[within], new[key].picture(rgb[within]), *weights)
        cv2.add(rest, share, dst=rest)
    return done


def _with_alpha(rgb: ByteArray, layer: ByteArray) -> ByteArray:
    rgba = cv2.cvtColor(rgb, cv2.COLOR_RGB2RGBA)
    return np.asarray(cv2.insertChannel(cv2.extractChannel(layer, 3), rgba, 3), np.uint8)


def _followed(rig: Rig, skin: _Recolouring) -> Rig:
    """The rig with its live-drawn parts in the new skin's tone."""
    assert rig.regions is not None
    changed = {}
    for part in ("mouth", "eyes"):
        old = getattr(rig, part)
        names = [name for name in rig.regions.with_skin if name in type(old).model_fields]
        changed[part] = old.model_copy(update={name: skin.colour(getattr(old, name), _LIPS) for name in names})
    return rig.model_copy(update=changed)
