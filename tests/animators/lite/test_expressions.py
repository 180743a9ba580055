from __future__ import annotations

from dataclasses import astuple, fields, replace
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from tests.animators.lite.speech import chunks, poses, sentence, vowel
from vcam.animators.base import Scene
from vcam.animators.lite import Avatar, LiteAnimator, LitePose, list_avatars, load_avatar
from vcam.animators.lite.expressions import EASE, EXPRESSIONS, Expression, Face
from vcam.animators.lite.photo.landmarks import Landmarks
from vcam.animators.lite.photo.package import PhotoAvatar
from vcam.errors import AnimatorError
from vcam.media import FRAME_SAMPLES, ByteArray, samples, silence
from vcam.profile.model import ExpressionName, LiteOptions, Profile

STILL = LiteOptions(sway=0, blinks_per_minute=0)
SCENE = Scene(640, 360)
SHOWN = [name for name in EXPRESSIONS if name != "neutral"]
EASED = -(-EASE // FRAME_SAMPLES) * FRAME_SAMPLES  # samples after which a change is complete


def photo_of(avatar: Avatar) -> PhotoAvatar:
    """A drawn portrait as a plain picture, with landmarks where its rig has them."""
    size = 720
    picture = LiteAnimator(avatar, STILL, Scene(size, size)).portrait().copy()
    rig = avatar.rig

    def at(x: float, y: float) -> tuple[float, float]:
        return size / 2 + x * size / 1000, y * size / 1000

    points: dict[str, tuple[float, float]] = {}
    for eye, brow in zip(rig.eyes.each, ("left", "right"), strict=True):
        (x, y), (wide, high), side = eye.centre, eye.size, eye.side
        points |= {
            f"eye_{brow}.inner": at(x - side * wide / 2, y),
            f"eye_{brow}.outer": at(x + side * wide / 2, y),
            f"eye_{brow}.top": at(x, y - 0.56 * high),
            f"eye_{brow}.bottom": at(x, y + 0.44 * high),
            f"eye_{brow}.iris": at(x, y),
            f"eye_{brow}.rim": at(x + eye.iris, y),
        }
        assert rig.brows is not None
        for name, far in (("inner", 0.5), ("middle", 0.0), ("outer", -0.5)):
            points[f"brow_{brow}.{name}"] = at(x - side * far * wide, rig.brows.y)
    (x, y), (wide, _) = rig.mouth.centre, rig.mouth.size
    points |= {"mouth.left": at(x - wide / 2, y), "mouth.right": at(x + wide / 2, y)}
    top, bottom = rig.mouth.lips
    for name, off in (("upper_outer", -top), ("upper_inner", 0.0), ("lower_inner", 0.0), ("lower_outer", bottom)):
        for part, far in (("left", -0.25), ("middle", 0.0), ("right", 0.25)):
            points[f"mouth.{name}.{part}"] = at(x + far * wide, y + off + rig.mouth.smile * (0.45 - 0.5 * abs(far)))
    chin = rig.jaw.chin
    for side, name in ((-1, "left"), (1, "right")):
        for index, (far, down) in enumerate(((1.0, 430), (0.95, 500), (0.8, 560), (0.5, 610))):
            points[f"jaw.{name}.{index}"] = at(side * far * rig.jaw.half_width, down)
    points |= {"jaw.chin": at(0, chin), "nose": at(0, 470), "forehead": at(0, 230)}
    return PhotoAvatar(name="drawn", rgb=picture, landmarks=Landmarks.from_points(points))


@pytest.fixture(scope="module", params=["robin", "puppet", "photo"])
def avatar(request: pytest.FixtureRequest) -> Avatar | PhotoAvatar:
    if request.param == "photo":
        robin = load_avatar("robin")
        assert isinstance(robin, Avatar)
        return photo_of(robin)
    return load_avatar(request.param)


def shown(avatar: Avatar | PhotoAvatar | str, name: str) -> ByteArray:
    """The face at rest with an expression, otherwise still."""
    lite = LiteAnimator(avatar, STILL.model_copy(update={"expression": name}), SCENE)
    return lite.render(poses(lite, chunks(silence(FRAME_SAMPLES), speech=False))[-1]).copy()


def film(lite: LiteAnimator, seconds: float, ask: dict[float, str], speech: bool = False) -> list[LitePose]:
    """Poses over ``seconds`` of silence or speech; ``ask`` says what is asked for when."""
    sound = sentence(seconds) if speech else silence(samples(1000 * seconds))
    due = sorted((samples(1000 * at), name) for at, name in ask.items())
    found: list[LitePose] = []
    for chunk in chunks(sound, speech):
        while due and chunk.pts >= due[0][0]:
            lite.express(due.pop(0)[1])
        found += lite.analyse(chunk)
    return found


def test_profiles_may_name_exactly_what_there_is() -> None:
    assert get_args(ExpressionName) == tuple(EXPRESSIONS) == LiteAnimator.expressions
    assert EXPRESSIONS["neutral"] == Expression()


def test_faces_ease_from_whatever_is_shown() -> None:
    face = Face()
    seen = []
    for n in range(40):
        if n in (5, 10, 14):
            face.turn_to({5: "laugh", 10: "sad", 14: "neutral"}[n], n * FRAME_SAMPLES)
        seen.append(astuple(face.at(n * FRAME_SAMPLES)))
    assert seen[4] == astuple(Expression()) == seen[-1]
    assert seen[5] != seen[4]
    assert np.abs(np.diff(seen, axis=0)).max() < 0.3


def test_a_face_asked_for_what_it_shows_stays() -> None:
    face = Face("smile")
    face.turn_to("smile", 640)
    assert face.at(640) == EXPRESSIONS["smile"]


@pytest.mark.parametrize("name", SHOWN)
def test_every_expression_can_be_told_from_neutral(avatar: Avatar | PhotoAvatar, name: str) -> None:
    change = np.abs(shown(avatar, name).astype(int) - shown(avatar, "neutral")).max(axis=2) > 24
    assert change.sum() > 60
    rows, columns = np.nonzero(change)
    # in the face: not in the room, not in the clothes
    assert rows.min() > 40
    assert rows.max() < 260
    assert columns.min() > 200
    assert columns.max() < 440


def test_no_two_expressions_look_the_same(avatar: Avatar | PhotoAvatar) -> None:
    looks = [shown(avatar, name).astype(int) for name in EXPRESSIONS]
    for index, look in enumerate(looks):
        for other in looks[:index]:
            assert (np.abs(look - other).max(axis=2) > 16).sum() > 40


def test_a_smile_lifts_the_corners_and_a_sad_mouth_lowers_them() -> None:
    robin = load_avatar("robin")
    assert isinstance(robin, Avatar)
    scene = Scene(720, 720)

    def corner(name: str) -> float:
        """The row of the darkest pixels around the right corner of the mouth: where the lips end."""
        lite = LiteAnimator(robin, STILL.model_copy(update={"expression": name}), scene)
        rgb = lite.render(poses(lite, chunks(silence(FRAME_SAMPLES), speech=False))[-1])
        x, y = 360 + round(0.72 * (robin.rig.mouth.centre[0] + robin.rig.mouth.size[0] / 2)), round(0.72 * 541)
        part = rgb[y - 30 : y + 30, x - 8 : x + 2].astype(int).sum(axis=2)
        return float(np.argmin(part, axis=0).mean())

    assert corner("smile") + 1 < corner("neutral") < corner("sad") - 1


def test_back_at_neutral_the_picture_is_as_if_nothing_had_been(avatar: Avatar | PhotoAvatar) -> None:
    options = LiteOptions(seed=3)
    one, other = (LiteAnimator(avatar, options, SCENE) for _ in range(2))
    asked, plain = film(one, 2, {0.1: "laugh", 0.8: "surprised", 1.2: "neutral"}), film(other, 2, {})
    assert any(a != b for a, b in zip(asked, plain, strict=True))
    for pose in asked[::5]:
        one.render(pose)
    after = round((samples(1200) + EASED) / FRAME_SAMPLES) + 1
    assert [p.shows[1:] for p in asked[after:]] == [p.shows[1:] for p in plain[after:]]
    for a, b in zip(asked[after:], plain[after:], strict=True):
        assert astuple(a.head) == pytest.approx(astuple(b.head), abs=0.8)  # what moves by less may be drawn later
    np.testing.assert_array_equal(one.render(asked[-1]), other.render(asked[-1]))


def test_it_is_there_within_half_a_second_and_nothing_pops() -> None:
    lite = LiteAnimator("robin", STILL, SCENE)
    found = film(lite, 1.5, {0.4: "surprised"})
    numbers = np.array([(*astuple(p.mouth), *astuple(p.eyes)[3:], p.head.brow_left / 8) for p in found])
    assert np.abs(np.diff(numbers, axis=0)).max() < 0.35
    before, after = round(0.4 * 25), round(0.9 * 25)
    assert (numbers[:before] == numbers[0]).all()
    assert (numbers[after:] == numbers[-1]).all()
    assert np.abs(numbers[-1] - numbers[0]).max() > 0.4


def test_changing_it_again_and_again_in_speech_in_blinks_and_when_leaving_never_pops() -> None:
    lite = LiteAnimator("robin", LiteOptions(blinks_per_minute=40), SCENE)
    found: list[LitePose] = []
    blinks = 0
    for index, chunk in enumerate(chunks(np.concatenate([sentence(6), silence(samples(6000))]), True)):
        lite.set_away(400 < index < 500)
        in_a_blink = bool(found) and found[-1].eyes.lid > 0.4
        blinks += in_a_blink
        if index % 13 == 0 or in_a_blink:
            lite.express(list(EXPRESSIONS)[index % len(EXPRESSIONS)])
        found += lite.analyse(chunk)
    assert blinks > 5
    assert isinstance(lite.avatar, Avatar)
    assert lite.avatar.rig.brows is not None
    lift = lite.avatar.rig.brows.lift
    numbers = np.array(
        [(p.mouth.smile, p.mouth.skew, p.eyes.squint, p.eyes.widen, p.head.brow_left / lift / 2) for p in found]
    )
    assert np.abs(np.diff(numbers, axis=0)).max() < 0.3
    head = np.array([(p.head.x, p.head.y, p.head.yaw, p.head.pitch, 4 * p.head.roll, p.head.breath) for p in found])
    assert np.abs(np.diff(head, axis=0)).max() < 3  # units; a thousand are the picture's height
    lids = np.array([p.eyes.lid for p in found])
    assert np.abs(np.diff(lids)).max() < 0.8  # no quicker than a blink by itself
    gaze = np.array([(p.eyes.gaze_x, p.eyes.gaze_y) for p in found])
    assert np.abs(np.diff(gaze, axis=0)).max() < 1


@pytest.mark.parametrize("name", SHOWN)
def test_lips_still_close_on_m_b_p(name: str) -> None:
    lite = LiteAnimator("robin", STILL.model_copy(update={"expression": name}), SCENE)
    shut = vowel("a", 90) * np.float32(0.001)  # lips on each other: next to nothing is heard
    sound = np.concatenate([vowel("a", 300), shut, vowel("a", 300)])
    found = poses(lite, chunks(sound))
    middle = [p.mouth for p in found if samples(260) <= p.pts <= samples(380)]
    least = min(middle, key=lambda mouth: mouth.jaw - mouth.pressed)
    widest = max(p.mouth.jaw for p in found)
    assert least.jaw < 0.12
    assert widest > 0.5


def test_speech_is_as_open_with_an_expression_as_without() -> None:
    def jaws(name: str) -> list[float]:
        lite = LiteAnimator("robin", STILL.model_copy(update={"expression": name}), SCENE)
        return [p.mouth.jaw for p in film(lite, 2, {}, speech=True)]

    plain = jaws("neutral")
    for name in ("laugh", "surprised"):
        assert np.abs(np.array(jaws(name)) - plain)[10:].max() < 0.02


def test_the_same_requests_give_the_same_frames() -> None:
    def run() -> list[LitePose]:
        return film(LiteAnimator("puppet", LiteOptions(seed=5), SCENE), 3, {0.5: "smile", 1.9: "angry"}, speech=True)

    assert run() == run()


def test_without_sway_an_expression_does_not_tilt_the_head() -> None:
    found = film(LiteAnimator("robin", STILL, SCENE), 1, {0: "skeptical"})
    assert {(p.head.roll, p.head.yaw, p.head.pitch) for p in found} == {(0, 0, 0)}


def test_an_unknown_expression_is_refused_with_the_nearest() -> None:
    lite = LiteAnimator("robin", STILL, SCENE)
    with pytest.raises(AnimatorError, match="no expression 'suprised'") as caught:
        lite.express("suprised")
    assert "Did you mean 'surprised'?" in caught.value.hint
    with pytest.raises(AnimatorError):
        lite.express("")


def test_a_profile_with_an_unknown_expression_is_refused() -> None:
    with pytest.raises(ValueError, match="skeptical"):
        Profile.model_validate({"animator": {"lite": {"expression": "happy"}}})


def test_targets_are_within_what_is_drawn() -> None:
    for name, face in EXPRESSIONS.items():
        for field in fields(face):
            reach = 2.0 if field.name.startswith("brow") else 1.0
            assert abs(getattr(face, field.name)) <= reach, (name, field.name)


def test_every_bundled_avatar_can_smile(private_user: Path) -> None:
    for name in list_avatars():
        assert (np.abs(shown(name, "smile").astype(int) - shown(name, "neutral")).max(axis=2) > 24).sum() > 60


def test_a_gap_in_the_sound_does_not_finish_an_expression_at_once() -> None:
    face = Face()
    face.turn_to("laugh", 0)
    before = [face.at(n * FRAME_SAMPLES).smile for n in range(4)]
    later = samples(3000)
    face.resume(later)
    after = [face.at(later + n * FRAME_SAMPLES).smile for n in range(20)]
    assert np.abs(np.diff([*before, *after])).max() < 0.2
    assert after[-1] == EXPRESSIONS["laugh"].smile


def test_an_animator_that_has_missed_some_sound_eases_on() -> None:
    lite = LiteAnimator("robin", STILL, SCENE)
    sound = list(chunks(silence(samples(400)), speech=False))
    poses(lite, iter(sound[:6]))
    lite.express("surprised")
    found = poses(lite, iter(sound[6:14]))
    late = samples(4000)
    lite.reset(late)
    found += poses(lite, (replace(chunk, pts=chunk.pts + late) for chunk in chunks(silence(samples(800)), False)))
    assert np.abs(np.diff([pose.eyes.widen for pose in found])).max() < 0.3
    assert found[-1].eyes.widen > 0.8
