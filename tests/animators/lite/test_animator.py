from __future__ import annotations

import itertools
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from tests.animators.lite.photo.faces import draw, room, truth
from tests.animators.lite.speech import chunks, jaws, poses, sentence, vowel
from vcam.animators.base import Pose, Scene
from vcam.animators.lite import Avatar, LiteAnimator, LitePose, load_avatar
from vcam.animators.lite.compositor import Compositor, HeadPose
from vcam.animators.lite.expressions import EXPRESSIONS
from vcam.animators.lite.eyes import EyeShape
from vcam.animators.lite.lipsync import LipSync, Mouth
from vcam.animators.lite.mouth import MouthShape
from vcam.animators.lite.photo.compositor import PhotoCompositor
from vcam.animators.lite.photo.package import PhotoAvatar
from vcam.errors import AnimatorError
from vcam.media import FRAME_SAMPLES, ByteArray, FloatArray, samples, silence
from vcam.profile.model import LiteOptions

SMALL = Scene(640, 360)
STILL = LiteOptions(sway=0, blinks_per_minute=0)
ROBIN = load_avatar("robin")


def animator(options: LiteOptions = STILL, scene: Scene = SMALL, name: str = "robin") -> LiteAnimator:
    return LiteAnimator(ROBIN if name == "robin" else load_avatar(name), options, scene)


def mouth_change(lite: LiteAnimator, rgb: ByteArray) -> int:
    """Pixels around the mouth that clearly differ from the closed mouth."""
    assert isinstance(lite.avatar, Avatar)
    rig = lite.avatar.rig.mouth
    height, width = rgb.shape[:2]
    x, y = width // 2 + round(rig.centre[0] * height / 1000), round(rig.centre[1] * height / 1000)
    reach = round(rig.size[0] * 0.6 * height / 1000)
    part = (slice(y - reach // 2, y + reach), slice(x - reach, x + reach))
    return int((np.abs(rgb[part].astype(int) - lite.portrait()[part]).max(axis=2) > 40).sum())


@pytest.mark.parametrize("name", ["robin", "puppet"])
def test_the_mouth_opens_with_speech_and_is_closed_in_silence(name: str) -> None:
    lite = animator(name=name)
    sound = np.concatenate([silence(samples(800)), vowel("a", 240), silence(samples(800))])
    speaking = range(samples(740), samples(1140))
    seen = {
        pose.pts: mouth_change(lite, lite.render(pose))
        for pose in poses(lite, chunks(sound, lambda pts: pts in speaking))
    }
    before = [change for pts, change in seen.items() if pts < samples(700)]
    middle = [change for pts, change in seen.items() if samples(860) <= pts < samples(1000)]
    after = [change for pts, change in seen.items() if pts >= samples(1140 + 120)]
    assert max(before) == 0
    assert min(middle) > 150
    assert max(after) == 0


def test_the_mouth_follows_syllables() -> None:
    gap = silence(samples(200))
    sound = np.concatenate([gap, vowel("a", 220), gap, vowel("a", 220), gap, vowel("a", 220), gap])
    opened = np.array(jaws(poses(animator(), chunks(sound)))) > 0.35
    assert int(np.count_nonzero(opened[1:] & ~opened[:-1])) == 3
    assert int(np.count_nonzero(~opened[1:] & opened[:-1])) == 3


@pytest.mark.parametrize("gain", [0.1, 10**-1.5, 3.0])
def test_the_level_of_the_voice_does_not_matter(gain: float) -> None:
    sound = sentence()
    loud = jaws(poses(animator(), chunks(sound)))
    other = jaws(poses(animator(), chunks((sound * gain).astype(np.float32))))
    assert max(loud) > 0.5
    apart = np.abs(np.array(loud) - np.array(other))
    assert apart[5:].max() <= 0.05
    assert apart.max() <= 0.12  # within the first 0.2 s, while the level is being learned


def test_a_voice_that_becomes_quieter_opens_the_mouth_again() -> None:
    sound = np.concatenate([sentence(1), 0.03 * sentence(6)]).astype(np.float32)
    assert max(jaws(poses(animator(), chunks(sound)))[-25:]) > 0.5


def test_expressiveness_scales_the_mouth() -> None:
    sound = sentence(1)
    usual = max(jaws(poses(animator(), chunks(sound))))
    none = max(jaws(poses(animator(LiteOptions(expressiveness=0)), chunks(sound))))
    half = max(jaws(poses(animator(LiteOptions(expressiveness=0.5)), chunks(sound))))
    assert none == 0
    assert half == pytest.approx(usual / 2, abs=0.02)


def test_the_same_seed_gives_the_same_frames_and_another_does_not() -> None:
    def film(seed: int) -> list[bytes]:
        lite = animator(LiteOptions(seed=seed))
        return [lite.render(pose).tobytes() for pose in poses(lite, chunks(sentence(1)))]

    first = film(3)
    assert film(3) == first
    assert film(4) != first


def test_a_frame_does_not_depend_on_the_frames_before_it() -> None:
    lite = animator(LiteOptions())
    found = poses(lite, chunks(sentence(2)))
    forward = {pose.pts: lite.render(pose).copy() for pose in found}
    for pose in found[::-7]:
        np.testing.assert_array_equal(lite.render(pose), forward[pose.pts])


@pytest.mark.parametrize("kind", ["robin", "puppet", "photo", "smiling photo"])
def test_the_portrait_is_the_pose_at_rest_and_motion_begins_there(kind: str) -> None:
    avatar = photo(smile=kind.startswith("smiling")) if kind.endswith("photo") else load_avatar(kind)
    portraits, moved = {}, {}
    for expression in EXPRESSIONS:
        lite = LiteAnimator(avatar, LiteOptions.model_validate({"expression": expression}), SMALL)
        portraits[expression] = rest = lite.portrait().copy()
        first = lite.render(poses(lite, chunks(silence(16000), speech=False))[0])
        assert np.abs(first.astype(int) - rest).mean() < 1.0
        moved[expression] = unlike(first, rest)
        np.testing.assert_array_equal(lite.portrait(), rest)
    # whatever the expression, only what life moves in one frame: the face itself is there already
    assert max(moved.values()) < 10 + 2 * moved["neutral"]
    for one, other in itertools.combinations(portraits.values(), 2):
        assert unlike(one, other) > 20


def test_the_portrait_without_an_expression_is_the_face_as_it_was_painted() -> None:
    assert isinstance(ROBIN, Avatar)
    drawn = Compositor(ROBIN, SMALL).draw(HeadPose(), MouthShape(), EyeShape())
    np.testing.assert_array_equal(animator(LiteOptions()).portrait(), drawn)
    picture = photo()
    still = PhotoCompositor(picture, SMALL).draw(HeadPose(), MouthShape(), EyeShape())
    np.testing.assert_array_equal(LiteAnimator(picture, LiteOptions(), SMALL).portrait(), still)


def photo(smile: bool = False) -> PhotoAvatar:
    return PhotoAvatar("me", truth((320, 160), 60, smile=smile), draw(room(640, 360), (320, 160), 60, smile=smile))


def unlike(a: ByteArray, b: ByteArray) -> int:
    """Pixels that clearly differ."""
    return int((np.abs(a.astype(int) - b).max(axis=2) > 40).sum())


def test_frames_come_in_order_one_for_each_40_ms() -> None:
    found = poses(animator(), chunks(sentence(1)))
    assert [pose.pts for pose in found] == [n * FRAME_SAMPLES for n in range(25)]


def test_more_ahead_than_needed_changes_nothing() -> None:
    sound = sentence(1)
    enough = poses(animator(), chunks(sound))
    assert poses(animator(), chunks(sound, hold=LiteAnimator.look_ahead * 3)) == enough


def test_nothing_pops() -> None:
    """Between neighbouring frames, also over a gap, the head moves by little, and the mouth never snaps."""
    lite = animator(LiteOptions(sway=2))
    speaking = chunks(sentence(4), lambda pts: pts % 32000 < 20000)
    found = poses(lite, speaking)
    lite.reset(640 * 1000)
    found += poses(lite, chunks(sentence(2), pts=640 * 1000))
    heads = [(p.head.x, p.head.y, 4 * p.head.roll, p.head.yaw, p.head.pitch, p.head.breath) for p in found]
    assert np.abs(np.diff(np.array(heads), axis=0)).max() < 3.5
    assert np.abs(np.diff(jaws(found))).max() < 0.6


def test_after_a_gap_the_mouth_opens_again() -> None:
    lite = animator()
    poses(lite, chunks(sentence(1)))
    lite.reset(640 * 500)
    found = poses(lite, chunks(sentence(1), pts=640 * 500))
    assert found[0].pts == 640 * 500
    assert max(jaws(found)) > 0.5


def test_a_gap_without_reset_is_refused() -> None:
    lite = animator()
    poses(lite, chunks(silence(640)))
    with pytest.raises(ValueError, match="reset"):
        poses(lite, chunks(silence(640), pts=6400))
    with pytest.raises(ValueError, match="multiple of 640"):
        lite.reset(320)


def test_sway_0_keeps_the_head_still() -> None:
    lite = animator(LiteOptions(sway=0, blinks_per_minute=0, expressiveness=0))
    heads = {(p.head.x, p.head.y, p.head.roll, p.head.yaw, p.head.pitch) for p in poses(lite, chunks(sentence(2)))}
    assert heads == {(0, 0, 0, 0, 0)}


SIZES = [(160, 120), (1280, 720), (720, 1280), (640, 640), (160, 1200), (2000, 120), (1366, 768), (3840, 2160)]


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_every_size_is_filled(size: tuple[int, int]) -> None:
    lite = animator(LiteOptions(), Scene(*size))
    pose = poses(lite, chunks(vowel("a", 200)))[-1]
    frame = lite.render(pose)
    for picture in (lite.portrait(), frame):
        assert picture.shape == (size[1], size[0], 3)
        assert picture.dtype == np.uint8
        assert picture.flags.c_contiguous
        assert picture[:, :4].std() + picture[:, -4:].std() > 0  # painted up to both sides
    assert not np.array_equal(frame, lite.portrait())


@pytest.mark.parametrize(
    "scene",
    [
        Scene(640, 360, zoom=4, shift_x=1, shift_y=1),
        Scene(640, 360, zoom=4, shift_x=-1, shift_y=-1),
        Scene(640, 360, zoom=0.25),
        Scene(640, 360, zoom=0.25, shift_x=-1, shift_y=-1),
    ],
)
def test_any_framing_can_be_drawn(scene: Scene) -> None:
    lite = animator(LiteOptions(), scene)
    for pose in poses(lite, chunks(vowel("a", 200))):
        assert lite.render(pose).shape == (360, 640, 3)


def test_zoom_and_shift_move_the_portrait() -> None:
    usual = animator().portrait()
    assert not np.array_equal(animator(scene=Scene(640, 360, zoom=1.5)).portrait(), usual)
    plain = np.full((360, 640, 3), 255, np.uint8)
    here = animator(scene=Scene(640, 360, backdrop=plain)).portrait()
    there = animator(scene=Scene(640, 360, shift_x=0.1, backdrop=plain)).portrait()
    np.testing.assert_array_equal(there[:, 36:], here[:, :-36])


def test_the_backdrop_is_behind_the_person() -> None:
    backdrop = np.zeros((360, 640, 3), np.uint8)
    backdrop[..., 1] = np.arange(640) % 256
    lite = animator(LiteOptions(), Scene(640, 360, backdrop=backdrop))
    frame = lite.render(poses(lite, chunks(sentence(1)))[-1])
    np.testing.assert_array_equal(frame[:200, :150], backdrop[:200, :150])
    assert not np.array_equal(frame[100:200, 300:340], backdrop[100:200, 300:340])


@pytest.mark.parametrize("scene", [Scene(159, 120), Scene(641, 360), Scene(4000, 2160), Scene(640, 0)])
def test_sizes_that_cannot_be_drawn_are_refused(scene: Scene) -> None:
    with pytest.raises(AnimatorError, match="cannot draw"):
        animator(scene=scene)


def test_a_backdrop_of_another_size_is_refused() -> None:
    with pytest.raises(AnimatorError, match="backdrop"):
        animator(scene=Scene(640, 360, backdrop=np.zeros((10, 10, 3), np.uint8)))


def test_a_pose_of_another_animator_is_refused() -> None:
    with pytest.raises(TypeError):
        animator().render(Pose(0))


@pytest.mark.parametrize("sound", [np.zeros(6400, np.float32), np.ones(6400, np.float32)], ids=["silence", "constant"])
def test_odd_sound_gives_finite_poses(sound: FloatArray) -> None:
    for pose in poses(animator(), chunks(sound)):
        assert np.isfinite([pose.mouth.jaw, pose.mouth.wide, pose.mouth.pressed]).all()


def test_away_it_looks_around_and_coming_back_eases() -> None:
    here, gone = (animator(LiteOptions(blinks_per_minute=0)) for _ in range(2))
    gone.set_away(True)

    def looks(lite: LiteAnimator, first: int) -> list[LitePose]:
        return poses(lite, chunks(silence(16000 * 30), speech=False, pts=first))

    present, absent = looks(here, 0), looks(gone, 0)
    assert np.mean([abs(p.eyes.gaze_x) > 0.3 for p in absent]) > 2 * np.mean(
        [abs(p.eyes.gaze_x) > 0.3 for p in present]
    )
    gone.set_away(False)
    back = looks(gone, 16000 * 30)
    heads = np.array([(p.head.x, p.head.y, p.head.yaw, p.head.pitch) for p in [*absent, *back]])
    assert np.abs(np.diff(heads, axis=0)).max() < 3.5
    later = looks(here, 16000 * 30)
    assert back[-1].head.yaw == pytest.approx(later[-1].head.yaw, abs=0.01)


@pytest.mark.parametrize("scene", [Scene(1280, 720), Scene(640, 360)])
def test_an_idle_head_rests_between_moves_too_small_to_see(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    def idle() -> list[LitePose]:
        return poses(animator(LiteOptions(), scene), chunks(silence(16000 * 20), speech=False))

    found = idle()
    monkeypatch.setattr("vcam.animators.lite.animator._HARDLY", 0.0)
    wanted = idle()
    pixels = scene.height / 1000
    for a, b in zip(found, wanted, strict=True):
        assert a.pts == b.pts
        assert a.eyes == b.eyes  # blinks and glances are drawn as they come
        for name in ("x", "y", "yaw", "pitch", "breath"):
            assert abs(getattr(a.head, name) - getattr(b.head, name)) * pixels < 0.25
    moves = [a.shows != b.shows for a, b in itertools.pairwise(found)]
    assert 0.2 < np.mean(moves) < 0.8
    # not stepped: it never rests for long, and never leaps more than a glance's or a nod's frame would
    assert max(len(list(run)) for moved, run in itertools.groupby(moves) if not moved) <= 15
    leaps, smooth = (max(abs(a.head.yaw - b.head.yaw) for a, b in itertools.pairwise(p)) for p in (found, wanted))
    assert (leaps - smooth) * pixels < 0.25


def test_what_looks_the_same_need_not_be_drawn_again() -> None:
    lite = animator()
    first, second = poses(lite, chunks(silence(1280), speech=False))[:2]
    assert not lite.repeats(first)
    lite.render(first)
    assert lite.repeats(replace(second, head=first.head, mouth=first.mouth, eyes=first.eyes))
    assert not lite.repeats(replace(second, eyes=EyeShape(1.0)))
    assert not lite.repeats(Pose(0))


def mouth_of(shape: MouthShape, name: str = "robin") -> ByteArray:
    lite = animator(scene=Scene(1280, 720), name=name)
    pose = poses(lite, chunks(silence(640), speech=False))[0]
    rgb = lite.render(replace(pose, mouth=shape))
    assert isinstance(lite.avatar, Avatar)
    (x, y), (width, opening) = lite.avatar.rig.mouth.centre, lite.avatar.rig.mouth.size
    across, down = round(0.3 * width * 0.72), round(opening * 0.72)
    middle, line = 640 + round(x * 0.72), round(y * 0.72)
    return rgb[line - down // 3 : line + down, middle - across : middle + across].copy()


def near(rgb: ByteArray, colour: tuple[int, int, int], by: int = 24) -> int:
    return int((np.abs(rgb.astype(int) - colour).max(axis=2) < by).sum())


@pytest.mark.parametrize("jaw", [0.0, 0.2, 0.6])
def test_the_lower_lip_is_tucked_to_the_teeth_for_f_and_v(jaw: float) -> None:
    assert isinstance(ROBIN, Avatar)
    look = ROBIN.rig.mouth
    rest, bitten = mouth_of(MouthShape()), mouth_of(MouthShape(jaw, teeth=1.0))
    assert near(rest, look.enamel) == 0
    assert near(bitten, look.enamel) > 40
    # nothing is left between them, however open the jaw
    assert near(bitten, look.cavity) + near(bitten, look.throat) == 0
    assert near(bitten, look.lower_lip) < near(rest, look.lower_lip)


@pytest.mark.parametrize("name", ["robin", "marlow", "puppet"])
def test_the_tongue_comes_up_for_l_and_th(name: str) -> None:
    avatar = load_avatar(name)
    assert isinstance(avatar, Avatar)
    look = avatar.rig.mouth

    def tongue(shape: MouthShape) -> int:
        rgb = mouth_of(shape, name)
        return near(rgb, look.tongue) + near(rgb, look.tongue_light)

    down, half, up = (tongue(MouthShape(0.4, tongue=amount)) for amount in (0.0, 0.5, 1.0))
    assert down < half < up
    assert tongue(MouthShape(0.02, tongue=1.0)) > tongue(MouthShape(0.02))


def test_teeth_and_tongue_come_as_the_network_hears_them_and_ease(monkeypatch: pytest.MonkeyPatch) -> None:
    script = [Mouth(0.2, presence=1.0)] * 4 + [Mouth(0.2, presence=1.0, teeth=0.95, tongue=0.1)] * 4
    script += [Mouth(0.3, presence=1.0, tongue=0.9)] * 4 + [Mouth()] * 4
    monkeypatch.setattr(
        LipSync,
        "push",
        lambda _, chunk: [] if chunk.end % FRAME_SAMPLES else [(chunk.end - 640, script[chunk.pts // 640])],
    )
    found = [pose.mouth for pose in poses(animator(), chunks(silence(640 * len(script))))]
    teeth, tongue = (np.array([getattr(mouth, name) for mouth in found]) for name in ("teeth", "tongue"))
    assert teeth[:4].max() == tongue[:8].max() == 0  # a faint guess is not shown
    assert teeth[7] == tongue[11] == 1
    assert teeth[11] == teeth[15] == tongue[15] == 0
    assert np.abs(np.diff(teeth)).max() <= 0.5
    assert np.abs(np.diff(tongue)).max() <= 0.5


def test_drawing_takes_less_memory_than_one_frame_of_floats() -> None:
    photo = PhotoAvatar("me", truth((640, 300), 130), draw(room(1280, 720), (640, 300), 130))
    for lite in (animator(LiteOptions(), Scene(1280, 720)), LiteAnimator(photo, LiteOptions(), Scene(1280, 720))):
        found = poses(lite, chunks(sentence(1.2)))
        for pose in found[:5]:
            lite.render(pose)
        tracemalloc.start()
        for pose in found[5:]:
            tracemalloc.reset_peak()
            before, _ = tracemalloc.get_traced_memory()
            lite.render(pose)
            _, peak = tracemalloc.get_traced_memory()
            assert peak - before < 1280 * 720 * 4
        tracemalloc.stop()
