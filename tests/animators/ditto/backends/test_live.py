"""The whole animator, live, by TensorRT over an emulated GPU: the same frames as by onnxruntime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vcam.animators.base import Scene
from vcam.animators.ditto.backends import tensorrt
from vcam.animators.ditto.backends.tensorrt_runtime import TensorRt
from vcam.animators.ditto.build import DittoBuilder
from vcam.animators.ditto.cache import AvatarCache
from vcam.media import AudioChunk, ByteArray
from vcam.profile.model import Profile

from .emulated.device import Device
from .emulated.tensorrt import Emulation


def drawn(checkpoint: Path, cache: Path, **options: Any) -> list[ByteArray]:
    """A second and a half of noise as frames."""
    ditto = {"checkpoint": str(checkpoint), "precision": "fp32", "landmarks": "lite", **options}
    animator = {"kind": "ditto", "quality": "low-latency", "ditto": ditto}
    profile = Profile.model_validate({"animator": animator})
    made = DittoBuilder(profile, cache=AvatarCache(cache)).build(profile, Scene(320, 180))
    random = np.random.default_rng(0)
    frames = []
    for index in range(75):
        samples = random.normal(0, 0.1, 320).astype(np.float32)
        for pose in made.analyse(AudioChunk(index * 320, samples, True, np.zeros(20_000, np.float32))):
            frames.append(made.render(pose).copy())
    return frames


@pytest.mark.parametrize("graphs", [False, True])
def test_frames_are_the_same(
    built: Path, kernel_library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, graphs: bool
) -> None:
    device: Any = Device(kernel_library)
    emulation = Emulation(device)
    monkeypatch.setattr(tensorrt, "CudaDevice", lambda index: device)
    monkeypatch.setattr(tensorrt, "TensorRt", lambda: TensorRt(emulation.module()))
    wanted = drawn(built, tmp_path, backend="onnxruntime", provider="cpu")
    made = drawn(built, tmp_path, backend="tensorrt", cuda_graphs=graphs)
    assert emulation.runs > 2 * len(made) > 50
    assert len(made) == len(wanted)
    for a, b in zip(made, wanted, strict=True):
        assert np.abs(a.astype(int) - b).max() <= 1
