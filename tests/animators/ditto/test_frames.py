"""Whole frames: against the conformance data, and what is made, kept and left out."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from functools import cache
from typing import Any

import cv2
import numpy as np
import pytest

from tests.animators.ditto.drawing import avatar, networks, source_frame
from tests.animators.ditto.golden import Case, every_case, network
from vcam.animators.base import Scene
from vcam.animators.ditto.avatar import DittoAvatar
from vcam.animators.ditto.backends.base import Array, Tensor
from vcam.animators.ditto.blinks import reference_blinks
from vcam.animators.ditto.controls import timeline
from vcam.animators.ditto.frames import FrameMaker
from vcam.animators.ditto.options import FrameControl, RunOptions
from vcam.animators.ditto.placement import InScene
from vcam.animators.ditto.randomness import Legacy
from vcam.animators.ditto.renderer import Renderer
from vcam.media import ByteArray

REST = np.zeros(265, np.float32)
GREY = np.full((140, 160, 3), 90, np.uint8)


class Shown:
    """What a FrameMaker let be seen of its last frame."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    def __call__(self, name: str, value: Any) -> None:
        self.values[name] = value


@every_case
def test_frames_are_the_golden_ones(case: Case) -> None:
    golden, options, frames = case.golden, case.options, int(case.golden["num_f"])
    blinks = None
    if options.delta_eye_arr is not None:
        blinks = reference_blinks(Legacy(case.seed), len(options.delta_eye_arr), frames)
    run, shown = case.run_kwargs, Shown()
    given = {int(at): FrameControl.of(control) for at, control in run.get("ctrl_info", {}).items()}
    controls = timeline(frames, run.get("fade_in", -1), run.get("fade_out", -1), given)
    renderer = Renderer(network("stitch_network"), network("warp_network"), network("decoder"))
    maker = FrameMaker(golden_avatar(case), options, renderer, np.asarray, blinks=blinks, exact=True, observe=shown)
    whole, kept = golden["frames_idx"].tolist(), golden["kept"].tolist()
    for frame in sorted({*whole, *kept, *range(0, len(golden["motion"]), 29)}):
        picture = maker.make(frame, golden["motion"][frame], golden["d0"], controls.get(frame, FrameControl()))
        made = shown.values
        assert made["source_frame_idx"] == golden["source_frame_idx"][frame]
        assert made["x_d"][0] == pytest.approx(golden["x_d"][frame], abs=2e-6)
        assert (made["warp"].mean(), made["warp"].std()) == pytest.approx(golden["warp_stats"][frame], abs=1e-6)
        assert blocks(made["render"]) == pytest.approx(golden["render_block8"][frame], abs=0.1)
        assert blocks(picture.astype(np.float32)) == pytest.approx(golden["frame_block8"][frame], abs=0.1)
        assert picture.mean() == pytest.approx(golden["frame_mean"][frame], abs=1e-3)
        if frame in kept:
            sample = golden["warp_sample"][kept.index(frame)]
            assert made["warp"][0, ::16, ::8, ::8] == pytest.approx(sample, abs=1e-5)
        if frame in whole:
            off = np.abs(picture.astype(int) - golden["frames"][whole.index(frame)])
            assert off.max() <= 1
            assert (off > 0).mean() <= 1e-3
        for step, name in ((4, "render_s4"), (8, "render_s8")):
            if name in golden and frame in kept[: len(golden[name])]:
                there = golden[name][kept.index(frame)]
                assert np.abs(made["render"][::step, ::step] - there).max() <= 0.5
        if frame == kept[-1]:
            step = int(golden["render_u8_step"])
            off = np.abs(made["render"][::step, ::step].astype(np.uint8).astype(int) - golden["render_u8"])
            assert off.max() <= 1


def blocks(picture: Array) -> Array:
    return cv2.resize(picture, (8, 8), interpolation=cv2.INTER_AREA)


def golden_avatar(case: Case) -> DittoAvatar:
    """With features, made of the crop that the golden matrix gives."""
    known = case.avatar
    images = source_images(case)
    frames = [
        replace(frame, image=image, features=features(image.tobytes(), image.shape, frame.crop_to_image.tobytes()))
        for frame, image in zip(known.frames, images, strict=True)
    ]
    return replace(known, frames=tuple(frames))


def source_images(case: Case) -> list[ByteArray]:
    images = list(case.source_frames)
    if not images[0].any():  # the picture has odd sides
        picture = cv2.cvtColor(np.asarray(cv2.imread(str(case.source_path))), cv2.COLOR_BGR2RGB)
        height, width = (int(side) for side in case.golden["source_shape"][:2])
        images = [np.asarray(cv2.resize(picture, (width, height)), np.uint8)]
    for image, sha256 in zip(images, case.golden["source_sha256"], strict=True):
        assert hashlib.sha256(image.tobytes()).hexdigest() == str(sha256)
    return images


@cache
def features(image: bytes, shape: tuple[int, ...], matrix: bytes) -> Array:
    photo = np.frombuffer(image, np.uint8).reshape(shape)
    to_crop = np.linalg.inv(np.frombuffer(matrix, np.float32).reshape(3, 3).astype(np.float64))
    crop = cv2.warpAffine(photo, to_crop[:2].astype(np.float32), (512, 512), flags=cv2.INTER_LINEAR)
    small = cv2.resize(crop, (256, 256), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    return network("appearance_extractor")(image=np.ascontiguousarray(small.transpose(2, 0, 1)[None]))["pred"]


def still(**options: Any) -> FrameMaker:
    """Of a grey picture, with networks made by hand."""
    return FrameMaker(avatar(source_frame(GREY)), RunOptions().replaced(options), Renderer(*networks()), np.asarray)


def test_a_frame_is_the_photo_with_the_face_in_it() -> None:
    picture = still().make(0, REST, REST)
    assert picture.shape == GREY.shape
    assert (picture[:8] == 90).all()
    face = picture[60, 70]  # blue is half of the range wherever the mask is 1
    assert face[2] == pytest.approx(128, abs=1)


def test_what_is_left_out_costs_nothing_and_does_not_change_what_follows() -> None:
    stitch, warp, decoder = networks()
    maker = FrameMaker(avatar(source_frame(GREY)), RunOptions(), Renderer(stitch, warp, decoder), np.asarray)
    row = np.random.default_rng(3).normal(0, 0.1, 265).astype(np.float32)
    maker.make(0, REST, REST)
    late = maker.make(50, row, REST).copy()
    assert (stitch.calls, warp.calls, decoder.calls) == (2, 2, 2)
    every = still()
    for frame in range(50):
        every.make(frame, row * np.float32(frame / 50), REST)
    assert np.array_equal(every.make(50, row, REST), late)


def test_controls_of_the_options_hold_where_none_are_given() -> None:
    turned = FrameControl(delta_yaw=20)
    plain, made = still().make(4, REST, REST).copy(), still(ctrl_info={4: turned}).make(4, REST, REST).copy()
    assert not np.array_equal(plain, made)
    assert np.array_equal(still().make(4, REST, REST, turned), made)
    assert np.array_equal(still(overall_ctrl_info=turned).make(4, REST, REST), made)
    assert np.array_equal(still(ctrl_info={4: turned}).make(4, REST, REST, FrameControl()), plain)


def test_the_frames_of_a_video_come_forwards_then_backwards_each_put_once() -> None:
    put: list[float] = []

    def keep(array: Array) -> Tensor:
        put.append(float(array.flat[0]))
        return array

    # brightness and features tell the frames apart
    frames = [source_frame(np.full_like(GREY, 10 * k), feature=k / 10) for k in range(1, 4)]
    shown = Shown()
    maker = FrameMaker(avatar(*frames), RunOptions(), Renderer(*networks()), keep, observe=shown)
    order = []
    for frame in range(8):
        picture = maker.make(frame, REST, REST)
        order.append(int(picture[0, 0, 0]) // 10)
        assert shown.values["source_frame_idx"] == order[-1] - 1
        assert picture[60, 70, 0] == pytest.approx(order[-1] * 25.5, abs=20)
    assert order == [1, 2, 3, 3, 2, 1, 1, 2]
    assert put == pytest.approx([0.1, 0.2, 0.3])


def test_exact_and_quick_frames_differ_by_two_levels_at_most() -> None:
    made = [
        FrameMaker(avatar(source_frame(GREY)), RunOptions(), Renderer(*networks()), np.asarray, exact=exact)
        .make(0, REST, REST)
        .astype(int)
        for exact in (True, False)
    ]
    assert np.abs(made[0] - made[1]).max() <= 2


def test_frames_can_be_made_in_the_cameras_size() -> None:
    maker = FrameMaker(
        avatar(source_frame(GREY)),
        RunOptions(),
        Renderer(*networks()),
        np.asarray,
        placing=InScene(Scene(640, 360)),
    )
    picture = maker.make(0, REST, REST)
    assert picture.shape == (360, 640, 3)
    assert picture.flags.c_contiguous
