from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

import vcam
from tests.animators.lite.photo.faces import truth
from vcam.animators.lite import Avatar, load_avatar, recoloured
from vcam.animators.lite.photo.package import PhotoAvatar
from vcam.build import build_animator, build_fallback
from vcam.errors import AvatarError, ProfileError
from vcam.media import ByteArray, FloatArray
from vcam.profile.loader import load_file
from vcam.profile.model import Look, Profile

PORTRAITS = Path(vcam.__file__).parent / "assets" / "portraits"
NAMES = ["marlow", "puppet", "robin"]
CHANNELS = ["skin", "hair", "clothes"]
ORIGINALS = {name: load_avatar(name) for name in NAMES}


def painted(name: str) -> Avatar:
    avatar = ORIGINALS[name]
    assert isinstance(avatar, Avatar)
    return avatar


def changed(avatar: Avatar, look: Look) -> Avatar:
    new = recoloured(avatar, look)
    assert isinstance(new, Avatar)
    return new


def rgb(code: str) -> list[int]:
    return [int(code[i : i + 2], 16) for i in (1, 3, 5)]


def region(avatar: Avatar, layer: str, key: str) -> FloatArray:
    """The region's share of each of a layer's pixels, 0..1, read from the avatar's own file."""
    pixels = {"head": avatar.head, "body": avatar.body, "background": avatar.backdrop}[layer]
    file = cv2.imread(str(PORTRAITS / avatar.name / f"{layer}-regions.webp"))
    assert file is not None
    channel = 0 if layer == "background" else 2 - CHANNELS.index(key)  # cv2 reads BGR
    return np.float32(cv2.resize(file[..., channel], pixels.shape[1::-1])) / 255


def mean(avatar: Avatar, key: str) -> FloatArray:
    total, weight = np.zeros(3, np.float32), 0.0
    parts: list[tuple[str, ByteArray]] = (
        [("background", avatar.backdrop)] if key == "background" else [("body", avatar.body), ("head", avatar.head)]
    )
    for layer, pixels in parts:
        share = region(avatar, layer, key)
        if pixels.shape[2] == 4:
            share *= np.float32(pixels[..., 3]) / 255
        total += np.float32(np.tensordot(share, pixels[..., :3], 2))
        weight += float(share.sum())
    return np.float32(total / weight)


@pytest.mark.parametrize("name", NAMES)
def test_no_look_changes_nothing(name: str) -> None:
    assert recoloured(painted(name), Look()) is painted(name)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("key", "colour"),
    [
        ("skin", "#f1c9ae"),
        ("skin", "#4a2d20"),
        ("hair", "#1c1614"),
        ("hair", "#dcb878"),
        ("clothes", "#2c5fa8"),
        ("clothes", "#efe9e0"),
        ("background", "#2e3a46"),
        ("background", "#c8b8a0"),
    ],
)
def test_a_region_takes_the_colour_and_keeps_its_light_and_shade(name: str, key: str, colour: str) -> None:
    old, new = painted(name), changed(painted(name), Look.model_validate({key: colour}))
    assert np.abs(mean(new, key) - rgb(colour)).max() < 8
    layer = "background" if key == "background" else ("head" if key != "clothes" else "body")
    old_pixels, new_pixels = ({"background": a.backdrop, "head": a.head, "body": a.body}[layer] for a in (old, new))
    within = region(old, layer, key) > 0.99
    if old_pixels.shape[2] == 4:
        within &= old_pixels[..., 3] == 255
    before, after = (cv2.cvtColor(p[..., :3], cv2.COLOR_RGB2GRAY)[within] for p in (old_pixels, new_pixels))
    levels = np.percentile(before, [2, 15, 35, 50, 65, 85, 98]).astype(int)
    light = [float(np.median(after[before == level])) for level in levels]
    assert light == sorted(light)
    assert light[-1] > light[0] + 15


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("key", [*CHANNELS, "background"])
def test_all_else_stays_equal(name: str, key: str) -> None:
    old, new = painted(name), changed(painted(name), Look.model_validate({key: "#3355aa"}))
    for layer, before, after in (
        ("background", old.backdrop, new.backdrop),
        ("body", old.body, new.body),
        ("head", old.head, new.head),
    ):
        if (layer == "background") == (key == "background"):
            outside = region(old, layer, key) == 0
            assert np.array_equal(before[outside], after[outside])
        else:
            assert np.array_equal(before, after)
        assert np.array_equal(before[..., 3:], after[..., 3:])
    assert (new.rig == old.rig) == (key != "skin")


def test_lips_follow_the_skin_and_the_rest_of_the_rig_does_not() -> None:
    old, new = painted("robin").rig, changed(painted("robin"), Look(skin="#5c3a2a")).rig
    assert sum(new.mouth.lower_lip) < sum(old.mouth.lower_lip)
    red, green, blue = new.mouth.lower_lip
    assert red > green + 15
    assert red > blue + 15
    assert (new.mouth.enamel, new.mouth.tongue, new.eyes) == (old.mouth.enamel, old.mouth.tongue, old.eyes)


def test_regions_are_recoloured_together_as_alone() -> None:
    robin = painted("robin")
    alone = changed(robin, Look(hair="#1c1614"))
    together = changed(robin, Look(hair="#1c1614", clothes="#2c5fa8", background="#556677"))
    assert np.array_equal(alone.head, together.head)
    assert not np.array_equal(alone.body, together.body)


def test_what_has_no_regions_says_so(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(PORTRAITS / "robin", tmp_path / "mine"))
    text = (folder / "rig.yaml").read_text()
    begin, end = text.index("regions:"), text.index("head:\n")
    (folder / "rig.yaml").write_text(text[:begin] + text[end:])
    with pytest.raises(AvatarError, match=r"'mine' cannot be recoloured.*hair"):
        recoloured(load_avatar(folder), Look(hair="#112233"))
    assert recoloured(load_avatar(folder), Look()).name == "mine"


def test_a_photograph_says_so() -> None:
    photo = PhotoAvatar("me", truth((100, 100), 40), np.zeros((200, 200, 3), np.uint8))
    with pytest.raises(AvatarError, match="'me' cannot be recoloured"):
        recoloured(photo, Look(skin="#112233"))
    assert recoloured(photo, Look()) is photo


@pytest.mark.parametrize("file", ["head-regions.webp", "body-regions.webp"])
def test_a_damaged_regions_file_is_refused_when_it_is_needed(file: str, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(PORTRAITS / "robin", tmp_path / "mine"))
    (folder / file).write_bytes(b"no picture" * 10)
    avatar = load_avatar(folder)
    with pytest.raises(AvatarError, match=file):
        recoloured(avatar, Look(skin="#112233"))
    recoloured(avatar, Look(background="#112233"))


@pytest.mark.parametrize(
    ("look", "expected"),
    [
        ('eyes: "#112233"', r"line 3: unknown key avatar\.look\.eyes"),
        ('hiar: "#112233"', r"line 3: unknown key avatar\.look\.hiar\. Did you mean avatar\.look\.hair\?"),
        ("skin: brown", r"line 3: avatar\.look\.skin: expected .* a colour such as .* \(it is 'brown'\)"),
        ('skin: "#12"', r"line 3: avatar\.look\.skin: expected"),
        ("skin: #8d5a3b", r"line 3: avatar\.look\.skin: expected .* in quotes"),
        ("clothes: 112233", r"line 3: avatar\.look\.clothes: expected"),
    ],
)
def test_wrong_looks_are_refused(look: str, expected: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(f"avatar:\n  look:\n    {look}\n")
    with pytest.raises(ProfileError, match=expected):
        load_file(path)


def test_the_profile_s_look_is_shown() -> None:
    plain = Profile.model_validate({"camera": {"size": "320x240"}, "animator": {"kind": "lite"}})
    blue = plain.with_changes("avatar", look={"background": "#2040c0"})
    before, after = build_animator(plain)[0].portrait(), build_animator(blue)[0].portrait()
    assert after[:40, :, 2].mean() > before[:40, :, 2].mean() + 30


def test_the_fallback_keeps_the_look() -> None:
    profile = Profile.model_validate(
        {"camera": {"size": "320x240"}, "avatar": {"portrait": "/no/such", "look": {"hair": "#dcb878"}}}
    )
    plain = Profile.model_validate({"camera": {"size": "320x240"}})
    assert not np.array_equal(build_fallback(profile).portrait(), build_fallback(plain).portrait())
