"""From a profile to a ditto animator, or to an error that says what to do."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

from tests.animators.ditto.standing import SIZE, Ditto, calls, ditto_profile, gated, words
from tests.animators.ditto.videos import write_video
from tests.animators.lite.test_expressions import photo_of
from vcam.animators.base import Scene
from vcam.animators.ditto.animator import DittoAnimator, DittoPose
from vcam.animators.ditto.build import DittoBuilder, live_plan, offline_options
from vcam.animators.ditto.checkpoint import Checkpoint
from vcam.animators.ditto.picture import source_of
from vcam.animators.lite import Avatar as DrawnAvatar
from vcam.animators.lite import LiteAnimator, load_avatar
from vcam.animators.lite.photo.package import save_package
from vcam.audio.gate import OpenGate
from vcam.build import build_animator
from vcam.errors import AnimatorError, AvatarError
from vcam.profile.model import Profile

pytestmark = pytest.mark.usefixtures("stand_in")


def with_animator(kind: str, portrait: str = "robin", **ditto: Any) -> Profile:
    made = ditto_profile(portrait, **ditto).model_dump()
    made["animator"]["kind"] = kind
    return Profile.model_validate(made)


@pytest.fixture
def no_checkpoint(tmp_path: Path) -> dict[str, Any]:
    return {"stand_in": False, "checkpoint": tmp_path / "nothing"}


def test_without_a_checkpoint_ditto_says_how_to_get_one(no_checkpoint: dict[str, Any]) -> None:
    with pytest.raises(AnimatorError, match="no checkpoint") as error:
        build_animator(with_animator("ditto", **no_checkpoint))
    assert "vcam checkpoints pull" in error.value.hint


def test_without_a_checkpoint_auto_takes_lite_and_says_why(no_checkpoint: dict[str, Any]) -> None:
    animator, notice = build_animator(with_animator("auto", **no_checkpoint))
    animator.close()
    assert isinstance(animator, LiteAnimator)
    assert "no checkpoint" in notice
    assert "vcam checkpoints pull" in notice


def test_who_never_fetched_a_checkpoint_is_told_without_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("VCAM_CHECKPOINTS", str(tmp_path))
    with caplog.at_level("INFO", "vcam.build"):
        animator, notice = build_animator(with_animator("auto", stand_in=False))
    animator.close()
    assert isinstance(animator, LiteAnimator)
    assert notice == ""
    assert "vcam checkpoints pull" in caplog.text


def test_auto_takes_ditto_where_it_can_keep_up() -> None:
    animator, notice = build_animator(with_animator("auto"))
    animator.close()
    assert isinstance(animator, DittoAnimator)
    assert notice == ""


def test_auto_does_not_take_real_networks_on_a_cpu(stand_in: Path) -> None:
    """Nobody told it that these are not the real ones."""
    profile = with_animator("auto", stand_in=False, checkpoint=stand_in, provider="cpu")
    assert DittoBuilder(profile).too_slow
    animator, notice = build_animator(profile)
    animator.close()
    assert isinstance(animator, LiteAnimator)
    assert "needs a GPU" in notice


def test_auto_takes_lite_where_ditto_sees_no_face(tmp_path: Path) -> None:
    Image.new("RGB", (640, 480), (120, 120, 130)).save(tmp_path / "wall.png")
    with pytest.raises(AvatarError, match="face"):
        build_animator(with_animator("ditto", str(tmp_path / "wall.png")))
    with pytest.raises(AvatarError, match="face"):  # nor does lite: the reason that matters is ditto's
        build_animator(with_animator("auto", str(tmp_path / "wall.png")))


def test_a_broken_network_is_named(stand_in: Path, tmp_path: Path) -> None:
    broken = shutil.copytree(stand_in, tmp_path / "broken")
    (broken / "ditto_onnx" / "decoder.onnx").write_bytes(b"not a graph")
    ditto = Ditto(ditto_profile(stand_in=False, checkpoint=broken))
    with pytest.raises(AnimatorError, match="decoder") as error:
        ditto.make()
    assert "vcam checkpoints verify" in error.value.hint
    loaded = {name for name in ditto.backend.loads if ditto.backend.loads[name] > ditto.backend.frees[name]}
    assert loaded == {"decoder"}  # which never came to be
    (broken / "ditto_onnx" / "decoder.onnx").unlink()
    with pytest.raises(AnimatorError, match=r"not complete: decoder\.onnx"):
        Ditto(ditto_profile(stand_in=False, checkpoint=broken))


def test_an_animator_that_cannot_be_made_holds_nothing() -> None:
    ditto = Ditto()
    with pytest.raises(AnimatorError, match="smo_k"):
        ditto.make(ditto_profile(options={"smo_k": 3}))
    ditto.backend.broken = "lmdm"  # the last to be asked
    with pytest.raises(AnimatorError, match="told to fail"):
        ditto.make()
    assert ditto.backend.loads["lmdm"] == 1
    assert ditto.backend.loads == ditto.backend.frees


def test_settings_of_the_profile_reach_the_plan(stand_in: Path) -> None:
    checkpoint = Checkpoint.open(stand_in)
    curve = np.zeros((15, 63)).tolist()
    profile = ditto_profile(
        quality="quality",
        chunk=(3, 2, 2),
        overlap=78,
        sampling_timesteps=3,
        emotion="sad",
        max_size=640,
        options={"delta_eye_arr": curve, "overall_ctrl_info": {"delta_pitch": 2}, "smo_k_d": 1, "use_d_keys": ["exp"]},
    )
    plan = live_plan(profile, checkpoint)
    assert (plan.chunking.past, plan.chunking.now, plan.chunking.future) == (3, 2, 2)
    options = plan.options
    assert (options.overlap_v2, options.sampling_timesteps, options.max_size, options.smo_k_d) == (78, 3, 640, 1)
    assert options.emo == ((5,),)
    assert options.overall_ctrl_info.delta_pitch == 2.0
    assert options.delta_eye_arr is not None
    assert options.delta_eye_arr.shape == (15, 63)
    offline = offline_options(profile, checkpoint)
    assert (offline.overlap_v2, offline.sampling_timesteps, offline.online_mode) == (10, 3, False)


def test_the_overlap_of_a_recording_is_an_option(stand_in: Path) -> None:
    checkpoint = Checkpoint.open(stand_in)
    profile = ditto_profile(overlap=75, options={"overlap_v2": 20})
    assert live_plan(profile, checkpoint).options.overlap_v2 == 75
    assert offline_options(profile, checkpoint).overlap_v2 == 20


def test_long_arrays_are_files_beside_the_profile(stand_in: Path, tmp_path: Path) -> None:
    checkpoint = Checkpoint.open(stand_in)
    shares = np.random.default_rng(0).random((600, 8)).astype(np.float32)
    np.save(tmp_path / "moods.npy", shares)
    profile = ditto_profile(options={"emo": "moods.npy"}).located("mine", tmp_path)
    np.testing.assert_array_equal(live_plan(profile, checkpoint).options.emo, shares)
    np.testing.assert_array_equal(offline_options(profile, checkpoint).emo, shares)
    (tmp_path / "text.npy").write_bytes(b"not an array")
    (tmp_path / "empty.npy").touch()
    np.save(tmp_path / "code.npy", np.array([print], object), allow_pickle=True)
    np.save(tmp_path / "false.npy", shares[:4])
    (tmp_path / "false.npy").write_bytes((tmp_path / "false.npy").read_bytes().replace(b"(4, 8)", b"(9, 8)"))
    np.savez(tmp_path / "several.npz", shares)
    (tmp_path / "several.npz").rename(tmp_path / "several.npy")
    for name in ("nothing", "text", "empty", "code", "false", "several"):
        with pytest.raises(AnimatorError, match=rf"file of emo, .*{name}\.npy"):
            live_plan(ditto_profile(options={"emo": f"{name}.npy"}).located("mine", tmp_path), checkpoint)


def test_another_portrait_speaks(tmp_path: Path) -> None:
    """As ch_info, named as portraits are; registered with the same networks."""
    ditto = Ditto(ditto_profile())
    marlow, alone = ditto.make(ditto_profile("marlow")), ditto.make()
    both = ditto.make(ditto_profile(options={"ch_info": "marlow"}))
    try:
        who = both.plan.options.ch_info
        assert who is not None
        (theirs, own, shown) = (one.avatar.frames[0].motion.row() for one in (marlow, alone, both))
        np.testing.assert_array_equal(who.motions[0].row(), theirs)
        np.testing.assert_array_equal(shown, own)
        assert not np.array_equal(theirs, own)
    finally:
        for animator in (marlow, alone, both):
            animator.close()
    with pytest.raises(AvatarError, match="nobody"):
        ditto.make(ditto_profile(options={"ch_info": str(tmp_path / "nobody.png")}))


def test_a_rendered_video_fades_in_and_out() -> None:
    ditto = Ditto()
    profile = ditto_profile(fade_in=4, fade_out=3, options={"ctrl_info": {1: {"delta_yaw": 9}}})
    animator = ditto.make(profile)
    try:
        poses = list(animator.analyse_whole(gated(OpenGate(0), words(0.8))))
    finally:
        animator.close()
    controls = [pose.control for pose in poses if isinstance(pose, DittoPose)]
    alphas = [control.fade_alpha for control in controls]
    assert alphas[:5] == [0, 0.25, 0.5, 0.75, None]
    assert alphas[-4:] == [1, 2 / 3, 1 / 3, 0]
    assert controls[1].delta_yaw == 9


def test_options_that_there_are_not_are_refused(stand_in: Path) -> None:
    checkpoint = Checkpoint.open(stand_in)
    with pytest.raises(AnimatorError, match="no run option 'delta_eye_array'") as error:
        live_plan(ditto_profile(options={"delta_eye_array": []}), checkpoint)
    assert "delta_eye_arr" in error.value.hint
    with pytest.raises(AnimatorError, match="no control 'delta_jaw'") as error:
        live_plan(ditto_profile(options={"overall_ctrl_info": {"delta_jaw": 1}}), checkpoint)
    assert "delta_yaw" in error.value.hint
    refused: list[dict[str, Any]] = [
        {"delta_eye_arr": [[1, 2]]},
        {"emo": 9},
        {"emo": []},
        {"smo_k_d": 0},
        {"sampling_timesteps": "many"},
        {"relative_d": "false"},
    ]
    for wrong in refused:
        with pytest.raises(AnimatorError):
            live_plan(ditto_profile(options=wrong), checkpoint)
    with pytest.raises(AnimatorError, match="chunking"):
        live_plan(ditto_profile(chunk=(1, 1, 1)), checkpoint)
    for overlap in (39, 80):
        with pytest.raises(ValidationError, match="overlap"):
            ditto_profile(overlap=overlap)


@pytest.mark.parametrize("landmarks", ["insightface", "lite"])
def test_a_drawn_portrait_a_picture_and_a_video(tmp_path: Path, landmarks: str) -> None:
    robin = source_of(ditto_profile("robin"))
    picture = tmp_path / "me.jpg"
    Image.open(robin).convert("RGB").save(picture, quality=92)
    for portrait in ("robin", str(picture)):
        ditto = Ditto(ditto_profile(portrait, landmarks=landmarks))
        animator = ditto.make()
        assert animator.portrait().shape == (SIZE[1], SIZE[0], 3)
        assert not animator.avatar.is_video
        assert ("insightface_det" in ditto.backend.loads) <= (landmarks == "insightface")
        animator.close()
    assert source_of(ditto_profile(str(picture))) == picture


@pytest.mark.usefixtures("private_user")
def test_an_avatar_that_was_made_for_lite(ditto_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(ditto_cache))
    drawn = load_avatar("robin")
    assert isinstance(drawn, DrawnAvatar)
    photo = photo_of(drawn)
    save_package("me", photo.rgb, photo.landmarks)
    profile = ditto_profile("me")
    np.testing.assert_array_equal(np.asarray(Image.open(source_of(profile))), photo.rgb)
    animator = Ditto(profile).make()
    animator.warm_up()
    animator.close()


def test_a_short_video_is_a_portrait(tmp_path: Path) -> None:
    still = np.asarray(Image.open(source_of(ditto_profile("robin"))).convert("RGB").resize((640, 360)))
    frames = [np.roll(still, shift, axis=1) for shift in range(4)]
    path = write_video(tmp_path / "me.mp4", frames)
    animator = Ditto(ditto_profile(str(path))).make()
    assert animator.avatar.is_video
    assert len(animator.avatar.frames) == 4
    animator.warm_up()
    animator.close()


def test_a_name_of_a_bundled_portrait_is_not_a_file_that_lies_about(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "robin").write_text("not a picture")
    assert source_of(ditto_profile("robin")).suffix == ".png"


def test_a_drawn_portrait_is_kept_and_found_again() -> None:
    first = source_of(ditto_profile("marlow"))
    made = first.stat().st_mtime_ns
    assert source_of(ditto_profile("marlow")) == first
    assert first.stat().st_mtime_ns == made
    assert [path.suffix for path in first.parent.iterdir()] == [".png"] * len(list(first.parent.iterdir()))


def test_a_cache_that_cannot_be_written_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    profile = ditto_profile("robin")
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(AvatarError, match="cannot be kept"):
        source_of(profile)


def test_no_such_portrait() -> None:
    with pytest.raises(AvatarError):
        Ditto(ditto_profile("nobody")).make()


# -- successors ------------------------------------------------------------------------------------------------------


def test_a_successor_shares_the_networks() -> None:
    ditto = Ditto()
    first = ditto.make()
    first.warm_up()
    loads, done = dict(ditto.backend.loads), calls(first)
    second = first.successor(ditto_profile("marlow"))
    assert isinstance(second, DittoAnimator)
    animation = {"hubert", "lmdm", "stitch_network", "warp_network", "decoder"}
    assert {name: ditto.backend.loads[name] for name in animation} == {name: loads[name] for name in animation}
    assert second.networks is first.networks
    assert second.compute_allowance == first.compute_allowance
    second.warm_up()
    # it must not draw while the other one does: what warp keeps would be overwritten
    assert calls(second)["warp_network"] == done["warp_network"]
    first.close()
    first.close()
    assert not ditto.backend.frees["lmdm"]
    second.close()
    second.close()
    assert {ditto.backend.frees[name] for name in ("hubert", "lmdm", "stitch_network", "warp_network", "decoder")} == {
        1
    }


def test_a_successor_has_its_own_framing_and_settings() -> None:
    ditto = Ditto()
    first = ditto.make()
    first.warm_up()
    closer = ditto_profile("robin", quality="low-latency", sampling_timesteps=50)
    closer = closer.with_changes("avatar", framing={"zoom": 2.0, "x": 0.1})
    second = first.successor(closer)
    assert isinstance(second, DittoAnimator)
    assert second.scene == Scene(*SIZE, zoom=2.0, shift_x=0.1)
    assert second.algorithmic_latency < first.algorithmic_latency
    assert second.compute_allowance > first.compute_allowance  # five times the steps
    assert (second.portrait() != first.portrait()).any()
    first.close()
    second.close()


def test_who_can_share_nothing_has_no_successor(stand_in: Path) -> None:
    first = Ditto().make()
    assert first.successor(with_animator("lite")) is None
    assert first.successor(ditto_profile(provider="cpu")) is None
    assert first.successor(ditto_profile(stand_in=False, checkpoint=stand_in)) is None
    first.close()


def test_a_successor_that_fails_leaves_the_present_one_as_it_is(tmp_path: Path) -> None:
    Image.new("RGB", (640, 480)).save(tmp_path / "dark.png")
    ditto = Ditto()
    first = ditto.make()
    for portrait in (str(tmp_path / "dark.png"), "nobody"):
        with pytest.raises(AvatarError):
            first.successor(ditto_profile(portrait))
    with pytest.raises(AnimatorError):
        first.successor(ditto_profile(options={"nothing": 1}))
    assert not ditto.backend.frees["lmdm"]
    ditto.backend.broken = "hubert"
    with pytest.raises(AnimatorError, match="told to fail"):
        first.successor(ditto_profile("marlow"))
    ditto.backend.broken = ""
    assert not ditto.backend.frees["lmdm"]
    first.warm_up()
    first.close()
    assert ditto.backend.frees["lmdm"] == 1


def test_nothing_is_said_of_what_went_well(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    Ditto().make().close()
    assert caplog.records == []
