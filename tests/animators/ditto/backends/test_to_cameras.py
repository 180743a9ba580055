"""From the GPU to the cameras: frames in I420 that nobody converts on the way, as they are seen at the other end."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from tests.camera.fake_v4l2 import fake_kernel
from tests.web.client import ask, preview, rgb_of
from vcam.animators.base import Animator, Scene
from vcam.animators.ditto.backends import tensorrt
from vcam.animators.ditto.backends.tensorrt_runtime import TensorRt
from vcam.animators.ditto.build import DittoBuilder
from vcam.animators.ditto.cache import AvatarCache
from vcam.audio.gate import make_gate
from vcam.camera.base import CameraFormat
from vcam.camera.file import FileCamera
from vcam.camera.virtual import VirtualCamera
from vcam.media import AudioChunk, ByteArray, FloatArray, Picture
from vcam.offline import Pipeline
from vcam.profile.model import GateSettings, Profile
from vcam.stage import Stage

from .emulated.device import Device
from .emulated.tensorrt import Emulation

SIZE = (320, 180)
FORMAT = CameraFormat(*SIZE, Fraction(25))


@pytest.fixture
def device(kernel_library: Path, monkeypatch: pytest.MonkeyPatch) -> Device:
    made = Device(kernel_library, lazy=True)
    emulation = Emulation(made)
    monkeypatch.setattr(tensorrt, "CudaDevice", lambda index: made)
    monkeypatch.setattr(tensorrt, "TensorRt", lambda: TensorRt(emulation.module()))
    return made


def animator(checkpoint: Path, cache: Path, size: tuple[int, int] = SIZE, **options: Any) -> Animator:
    ditto = {"checkpoint": str(checkpoint), "precision": "fp32", "landmarks": "lite", **options}
    profile = Profile.model_validate({"animator": {"kind": "ditto", "quality": "low-latency", "ditto": ditto}})
    return DittoBuilder(profile, cache=AvatarCache(cache)).build(profile, Scene(*size))


def sound(seconds: float) -> Iterator[FloatArray]:
    yield np.random.default_rng(0).normal(0, 0.1, round(seconds * 16_000)).astype(np.float32)


def rendered(made: Animator, stage: Stage, seconds: float) -> list[Picture]:
    """As `vcam render` does."""
    gate = make_gate(GateSettings(kind="off"), made.look_ahead)
    return list(Pipeline(gate, made, stage).run(sound(seconds)))


class Unconverting(Stage):
    """Refuses frames that would have to be converted."""

    def compose(self, frame: ByteArray | Picture, pts: int) -> Picture:
        assert isinstance(frame, Picture)
        assert frame.pts == pts
        assert (frame.width, frame.height) == (self.width, self.height)
        return super().compose(frame, pts)


def test_a_recording_is_rendered_in_batches_as_one_by_one_on_the_cpu(
    built: Path, built_for_several: Path, device: Device, tmp_path: Path
) -> None:
    wanted = rendered(animator(built, tmp_path, backend="onnxruntime", provider="cpu"), Stage(*SIZE), 0.6)
    gpu = animator(built_for_several, tmp_path, backend="tensorrt", cuda_graphs=True)
    made = rendered(gpu, Unconverting(*SIZE), 0.6)
    assert [picture.pts for picture in made] == [picture.pts for picture in wanted]
    assert len(made) == 15
    for a, b in zip(made, wanted, strict=True):
        assert np.abs(a.i420.astype(int) - b.i420).max() <= 1
    batches = {of._shapes["out"][0] for _, what, of in device.trace if what == "run" and "feature_3d" in of._inputs}
    assert batches == {4, 2, 1}
    gpu.close()


def test_live_frames_come_one_by_one_and_are_not_converted_either(built: Path, device: Device, tmp_path: Path) -> None:
    gpu, stage, plain = animator(built, tmp_path, backend="tensorrt"), Unconverting(*SIZE), Stage(*SIZE)
    gpu.warm_up()
    random, seen = np.random.default_rng(0), 0
    taken: list[tuple[int, int, int]] = []
    for index in range(60):
        samples = random.normal(0, 0.1, 320).astype(np.float32)
        for pose in gpu.analyse(AudioChunk(index * 320, samples, True, np.zeros(20_000, np.float32))):
            before = device.copied["down"], device.allocations, device.pins
            made = stage.compose(gpu.draw(pose), pose.pts)
            if seen:
                assert device.copied["down"] - before[0] == SIZE[0] * SIZE[1] * 3 // 2, "one frame in I420"
                assert (device.allocations, device.pins) == before[1:]
            if seen < 3:
                np.testing.assert_array_equal(made.i420, plain.compose(gpu.render(pose), pose.pts).i420)
            seen += 1
            taken.append((device.allocations, device.pins, device.pageable))
    assert seen >= 20
    assert taken[10] == taken[-1], "sound, motion and frames go on in the memory that there is"
    gpu.close()


def test_pictures_of_odd_sizes_come_as_rgb(built: Path, device: Device, tmp_path: Path) -> None:
    gpu = animator(built, tmp_path, (321, 180), backend="tensorrt")
    (pose, *_) = gpu.analyse_whole([AudioChunk(k * 320, np.zeros(320, np.float32)) for k in range(4)])
    frame = gpu.draw(pose)
    assert isinstance(frame, np.ndarray)
    assert frame.shape == (180, 321, 3)
    gpu.close()


@pytest.fixture
def pictures(built: Path, device: Device, tmp_path: Path) -> list[Picture]:
    """Composed of frames in I420, mirrored and with a badge."""
    gpu = animator(built, tmp_path, backend="tensorrt")
    stage = Unconverting(*SIZE, mirror=True, badge="avatar")
    made = rendered(gpu, stage, 0.16)
    gpu.close()
    return made


def as_rgb(picture: Picture) -> ByteArray:
    return cv2.cvtColor(picture.i420, cv2.COLOR_YUV2RGB_I420).astype(np.uint8, copy=False)


def test_what_cameras_show_is_what_was_drawn(pictures: list[Picture], tmp_path: Path) -> None:
    with fake_kernel(tmp_path) as kernel:
        loopback = kernel.add_loopback(10)
        virtual = VirtualCamera(FORMAT, v4l2=kernel.v4l2)
        virtual.open()
        assert loopback.size == SIZE
        for picture in pictures:
            virtual.send(picture)
        virtual.close()
        for sent, picture in zip(loopback.pictures, pictures, strict=True):
            np.testing.assert_array_equal(sent, picture.i420.reshape(-1))

    with preview(SIZE) as page:
        page.send(pictures[-1])
        seen = rgb_of(ask(page, "/frame.jpg").body)
    assert np.abs(seen.astype(int) - as_rgb(pictures[-1])).mean() < 3

    path = tmp_path / "recording.mp4"
    recording = FileCamera(FORMAT, path, offline=True)
    recording.open()
    for picture in pictures:
        recording.send(picture)
    recording.close()
    with av.open(str(path)) as container:
        decoded = [frame.to_ndarray(format="yuv420p") for frame in container.decode(video=0)]
    assert len(decoded) == len(pictures)
    for frame, picture in zip(decoded, pictures, strict=True):
        assert np.abs(frame.astype(int) - picture.i420).mean() < 2
