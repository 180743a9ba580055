"""Head and eyes of the lite animator turn where they are asked to, softly, and come back."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from vcam.animators.base import Scene, Steering
from vcam.animators.easing import EasedSteering
from vcam.animators.lite import Avatar, LiteAnimator, LitePose, list_avatars, load_avatar
from vcam.errors import AnimatorError
from vcam.media import CHUNK_SAMPLES, AudioChunk, ByteArray, silence
from vcam.profile.model import LiteOptions


def poses(animator: LiteAnimator, first: int, frames: int) -> list[LitePose]:
    made: list[LitePose] = []
    for k in range(2 * first, 2 * (first + frames)):
        chunk = AudioChunk(k * CHUNK_SAMPLES, silence(CHUNK_SAMPLES), False, silence(animator.look_ahead))
        made += animator.analyse(chunk)
    return made


@pytest.fixture
def animator() -> LiteAnimator:
    animator = LiteAnimator("puppet", LiteOptions(sway=0, blinks_per_minute=0), Scene(320, 240))
    animator.reset(0)
    return animator


@pytest.mark.parametrize(
    ("steering", "part", "sign"),
    [
        (Steering(yaw=20), "yaw", 1),
        (Steering(pitch=20), "pitch", -1),  # up is where rows are fewer
        (Steering(roll=-20), "roll", -1),
    ],
)
def test_the_head_turns_there_in_small_steps_and_comes_back(
    animator: LiteAnimator, steering: Steering, part: str, sign: int
) -> None:
    before = getattr(poses(animator, 0, 10)[-1].head, part)
    animator.steer(steering)
    way = np.array([getattr(pose.head, part) for pose in poses(animator, 10, 40)]) - before
    assert sign * way[-1] > 0.5
    steps = sign * np.diff(np.concatenate([[0.0], way]))
    assert steps.max() < 0.3 * sign * way[-1]
    animator.steer(Steering())
    assert abs(getattr(poses(animator, 50, 60)[-1].head, part) - before) < 0.2 * sign * way[-1]


def test_the_eyes_look_there(animator: LiteAnimator) -> None:
    before = animator.render(poses(animator, 0, 10)[-1]).copy()
    animator.steer(Steering(gaze_x=1))
    after = poses(animator, 10, 30)[-1]
    assert after.eyes.gaze_x > 0.8  # small saccades go on
    assert (animator.render(after) != before).any()


def test_what_was_asked_is_reached_and_left_exactly() -> None:
    eased, asked = EasedSteering(), Steering(yaw=10, gaze_y=-0.5)
    eased.turn_to(asked)
    way = [eased.next() for _ in range(60)]
    assert 0 < way[0].yaw < 3
    assert way[-1] == asked
    eased.turn_to(Steering())
    assert [eased.next() for _ in range(60)][-1] == Steering()


@pytest.mark.parametrize("value", [31.0, -31.0, math.nan, math.inf])
def test_more_than_a_neck_can_is_refused(value: float) -> None:
    with pytest.raises(AnimatorError, match="yaw must be between -30 and 30"):
        Steering(yaw=value)


def with_far_specks(avatar: Avatar) -> Avatar:
    """The same head with next to nothing painted in the corners of a far larger layer: all within must be drawn."""
    left, top, right, bottom = avatar.rig.layers.head.box
    rows, columns, _ = avatar.head.shape
    head = np.pad(avatar.head, ((rows // 2, rows // 2), (columns // 2, columns // 2), (0, 0)))
    for corner in (head[:32, :32], head[:32, -32:], head[-32:, :32], head[-32:, -32:]):
        corner[..., 3] = 4
    aside, above = (right - left) * (columns // 2) / columns, (bottom - top) * (rows // 2) / rows
    layer = avatar.rig.layers.head.model_copy(
        update={"box": (left - aside, top - above, right + aside, bottom + above)}
    )
    layers = avatar.rig.layers.model_copy(update={"head": layer})
    return replace(avatar, rig=avatar.rig.model_copy(update={"layers": layers}), head=head)


@pytest.mark.parametrize("name", list_avatars())
@pytest.mark.parametrize("zoom", [1.0, 0.5, 2.5])
def test_nothing_is_cut_off_however_far_the_head_is_turned(name: str, zoom: float) -> None:
    avatar = load_avatar(name)
    assert isinstance(avatar, Avatar)
    plain = np.full((360, 640, 3), 255, np.uint8)
    plain[..., 1] = 0
    for steering, expression in (
        (Steering(roll=30), "neutral"),
        (Steering(roll=30, yaw=30), "skeptical"),
        (Steering(roll=-30, yaw=-30, pitch=30), "sad"),
        (Steering(roll=-30, yaw=30, pitch=-30), "laugh"),
    ):
        scene = Scene(640, 360, zoom=zoom, backdrop=plain)
        options = LiteOptions.model_validate({"expression": expression, "sway": 2, "blinks_per_minute": 0})
        usual, roomy = (LiteAnimator(one, options, scene) for one in (avatar, with_far_specks(avatar)))
        usual.steer(steering)
        turned = poses(usual, 0, 200)[30:]
        shown = [min(turned, key=lambda pose: pose.head.roll), max(turned, key=lambda pose: pose.head.roll)]
        for pose in shown:
            assert clearly_unlike(usual.render(pose), roomy.render(pose)) == 0


def clearly_unlike(a: ByteArray, b: ByteArray) -> int:
    """Pixels that one head has and the other has not: both may be rounded to other parts of a pixel."""
    return int((np.abs(a.astype(int) - b).max(axis=2) > 100).sum())


def test_a_turn_sets_out_softly() -> None:
    eased = EasedSteering()
    eased.turn_to(Steering(yaw=-30))
    for _ in range(60):
        eased.next()
    eased.turn_to(Steering(yaw=30))
    steps = np.diff([-30.0, *(eased.next().yaw for _ in range(25))])
    assert steps[0] < 0.8 * steps.max()
    assert steps.max() < 0.16 * 60
    assert steps[:10].sum() > 0.85 * 60  # and is there in 0.4 s


def test_while_nobody_is_there_the_eyes_look_around_whatever_was_asked(animator: LiteAnimator) -> None:
    animator.express("thinking")
    animator.steer(Steering(gaze_x=1))
    poses(animator, 0, 25)
    animator.set_away(True)
    away = np.array([pose.eyes.gaze_x for pose in poses(animator, 25, 25 * 40)][75:])
    assert away.std() > 0.4
    assert away.min() < -0.3
    animator.set_away(False)
    assert min(pose.eyes.gaze_x for pose in poses(animator, 25 * 41, 100)[50:]) > 0.6


def test_while_nobody_is_there_nobody_laughs(animator: LiteAnimator) -> None:
    animator.express("laugh")
    here = poses(animator, 0, 25)[-1].mouth
    animator.set_away(True)
    away = [pose.mouth for pose in poses(animator, 25, 100)]
    assert away[-1].jaw < 0.5 * here.jaw
    assert 0 < away[-1].smile < 0.5 * here.smile
    steps = np.diff([here.smile, *(mouth.smile for mouth in away)])
    assert np.abs(steps).max() < 0.1
