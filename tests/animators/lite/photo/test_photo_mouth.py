"""What a picture's mouth does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.animators.lite.photo.faces import LIP
from tests.animators.lite.photo.posing import SCENE, UNIT, around, avatar, like, seen
from tests.animators.lite.speech import chunks, poses, sentence
from vcam.animators.lite import LiteAnimator, LitePose
from vcam.animators.lite.compositor import HeadPose
from vcam.animators.lite.eyes import EyeShape
from vcam.animators.lite.mouth import MouthShape
from vcam.animators.lite.photo.compositor import PhotoCompositor
from vcam.media import ByteArray, silence
from vcam.profile.model import LiteOptions


def opening(rgb: ByteArray) -> int:
    """Rows between the lips, in the middle of the mouth."""
    strip = around(rgb, (0, 1.15), 0.06, 0.4).astype(int)
    lips = np.minimum(np.abs(strip - LIP).max(axis=2), np.abs(strip - (168, 76, 76)).max(axis=2)).mean(axis=1) < 35
    return int(np.diff(np.nonzero(lips)[0]).max()) - 1


def test_the_jaw_opens_the_mouth_further_and_further() -> None:
    opened = [opening(seen(MouthShape(float(jaw)))) for jaw in np.linspace(0, 1, 11)]
    assert opened == sorted(opened)
    assert len(set(opened)) >= 8
    assert opened[-1] - opened[0] > 0.19 * UNIT


def test_the_chin_goes_down_with_the_jaw_and_the_nose_stays() -> None:
    rest, wide = seen(), seen(MouthShape(1.0))

    def chin(rgb: ByteArray) -> int:
        """The row of the strongest edge below the mouth."""
        column = around(rgb, (0, 1.8), 0.05, 0.3).astype(float).mean(axis=(1, 2))
        return int(np.abs(np.diff(column)).argmax())

    assert chin(wide) - chin(rest) > 0.08 * UNIT
    np.testing.assert_array_equal(around(wide, (0, 0.45), 0.3, 0.1), around(rest, (0, 0.45), 0.3, 0.1))


def test_width_and_rounding_move_the_corners() -> None:
    def width(shape: MouthShape) -> int:
        line = around(seen(shape), (0, 1.05), 0.6, 0.12)
        return int(np.ptp(np.nonzero(((line[..., 0].astype(int) - line[..., 1]) > 60).any(axis=0))[0]))

    assert width(MouthShape(wide=-1)) < 0.85 * width(MouthShape())
    assert width(MouthShape(wide=1)) > 1.05 * width(MouthShape())


def test_pressed_lips_are_thinner() -> None:
    def lips(shape: MouthShape) -> int:
        return like(around(seen(shape), (0, 1.07), 0.3, 0.25), LIP, 35)

    assert lips(MouthShape(pressed=1)) < 0.75 * lips(MouthShape())


def enamel(rgb: ByteArray) -> int:
    """Pixels of the mouth that are as pale as teeth: no red."""
    part = around(rgb, (0, 1.1), 0.36, 0.3).astype(int)
    return int(((part.min(axis=2) > 140) & (np.ptp(part, axis=2) < 45)).sum())


def test_the_lower_lip_goes_to_the_teeth_for_f_and_v() -> None:
    rest, little, bitten = (seen(MouthShape(teeth=amount)) for amount in (0.0, 0.5, 1.0))
    assert enamel(rest) == 0
    assert 0 < enamel(little) < enamel(bitten)
    # nothing dark is left between them and the lip, unlike in a mouth that is open so far
    dark = [(around(rgb, (0, 1.1), 0.2, 0.2).max(axis=2) < 95).sum() for rgb in (seen(MouthShape(0.3)), bitten)]
    assert dark[0] > 5 * dark[1]
    # however open the jaw
    assert np.abs(seen(MouthShape(0.3, teeth=1.0)).astype(int) - bitten).mean() < 0.1


def test_the_tongue_comes_up_for_l_and_th() -> None:
    def cavity(shape: MouthShape) -> float:
        """How dark it is below the teeth, 0 as the tongue."""
        return float((190 - around(seen(shape), (0, 1.13), 0.12, 0.05)[..., 0].astype(int)).clip(0).mean())

    assert cavity(MouthShape(0.5)) > 1.1 * cavity(MouthShape(0.5, tongue=0.5)) > 1.2 * cavity(MouthShape(0.5, tongue=1))
    assert opening(seen(MouthShape(0.02, tongue=1.0))) > opening(seen(MouthShape(0.02)))


def test_teeth_that_the_picture_shows_stay_above_and_pressed_lips_cover_them() -> None:
    drawing = PhotoCompositor(avatar(smile=True), SCENE)
    shapes = (MouthShape(), MouthShape(0.6), MouthShape(pressed=1.0), MouthShape(teeth=1.0))
    rest, open_, pressed, bitten = (drawing.draw(HeadPose(), shape, EyeShape()).copy() for shape in shapes)
    assert enamel(open_) > 0.6 * enamel(rest)  # its own, not drawn ones
    assert enamel(pressed) < 0.1 * enamel(rest)
    assert 0.1 * enamel(rest) < enamel(bitten) < 0.8 * enamel(rest)
    strip = around(open_, (0, 1.15), 0.02, 0.3).astype(int)
    dark, pale = ((strip.max(axis=2) < 90).mean(axis=1) > 0.5), ((strip.min(axis=2) > 170).mean(axis=1) > 0.5)
    assert np.nonzero(pale)[0].max() < np.nonzero(dark)[0].min()  # the cavity opens below them


def test_an_open_smile_closes_as_far_as_the_words_say() -> None:
    drawing = PhotoCompositor(avatar(smile=True), SCENE)

    def teeth(shape: MouthShape) -> int:
        return enamel(drawing.draw(HeadPose(), shape, EyeShape()))

    grin = teeth(MouthShape())
    shown = [teeth(MouthShape(float(jaw), shut=1.0)) for jaw in (0.0, 0.1, 0.2, 0.4)]
    assert shown[0] < 0.25 * grin
    assert shown == sorted(shown)
    assert shown[-1] > 0.6 * grin
    closing = [teeth(MouthShape(shut=float(part))) for part in np.linspace(0, 1, 9)]
    assert closing == sorted(closing, reverse=True)
    # nothing dark opens: the lips meet
    strip = around(drawing.draw(HeadPose(), MouthShape(shut=1.0), EyeShape()), (0, 1.12), 0.25, 0.12)
    assert (strip.max(axis=2) < 90).mean() < 0.02


def test_an_open_smile_speaks_with_lips_that_meet_and_grins_again_in_silence() -> None:
    lite = LiteAnimator(avatar(smile=True), LiteOptions(sway=0, blinks_per_minute=0), SCENE)
    grin = enamel(lite.portrait())
    spoken = [pose.mouth for pose in poses(lite, chunks(sentence(2)))]
    speaking = [mouth for mouth in spoken if mouth.shut > 0.9]
    assert len(speaking) > 0.5 * len(spoken)
    shown = [enamel(lite.render(LitePose(0, HeadPose(), mouth, EyeShape()))) for mouth in speaking]
    assert min(shown) < 0.3 * grin
    end = poses(lite, chunks(silence(32000), pts=len(spoken) * 640, speech=False))
    assert end[-1].mouth == MouthShape()
    closing = np.diff([0.0, *(mouth.shut for mouth in spoken)])
    assert closing.max() < 0.3  # nothing pops
    opening_ = np.diff([pose.mouth.shut for pose in end])
    assert np.abs(opening_).max() < 0.15  # it comes back slowly


def test_a_laugh_opens_a_smile_in_the_picture_as_far_as_a_closed_mouth() -> None:
    options = LiteOptions.model_validate({"expression": "laugh", "sway": 0, "blinks_per_minute": 0})
    shut = []
    for smile in (True, False):
        lite = LiteAnimator(avatar(smile=smile), options, SCENE)
        shut.append(poses(lite, chunks(silence(3200), speech=False))[-1].mouth.shut)
    assert shut[0] > 0.8
    assert shut[1] == 0


@pytest.mark.parametrize("name", ["sad", "angry"])
def test_a_face_that_does_not_smile_does_not_show_the_pictures_smile(name: str) -> None:
    options = LiteOptions.model_validate({"expression": name, "sway": 0, "blinks_per_minute": 0})
    lite = LiteAnimator(avatar(smile=True), options, SCENE)
    pose = poses(lite, chunks(silence(3200), speech=False))[-1]
    grin = enamel(LiteAnimator(avatar(smile=True), LiteOptions(), SCENE).portrait())
    assert enamel(lite.render(pose)) < 0.3 * grin


@pytest.mark.parametrize("roll", [0.0, 12.0])
def test_the_mouth_is_drawn_without_a_seam(roll: float) -> None:
    """On skin with fine lines: where the moving part begins, nothing shifts."""
    face = avatar(roll=roll)
    lined = face.rgb.copy()
    lined[1::2] = np.clip(lined[1::2].astype(int) + 24, 0, 255)
    drawing = PhotoCompositor(replace(face, rgb=lined), SCENE)
    rest = drawing.draw(HeadPose(), MouthShape(), EyeShape()).copy()
    moved = np.abs(drawing.draw(HeadPose(), MouthShape(0.5), EyeShape()).astype(int) - rest).max(axis=2).max(axis=1)
    first = int(np.nonzero(moved)[0][0])
    assert moved[first : first + 3].max() < 8  # it begins gently
    assert moved.max() > 60
