"""The conformance data, if this checkout has them beside it: cases, golden arrays, stand-in networks, golden parts.

``every_case`` parametrises a test over the cases; both it and ``needs_golden`` skip where the data are absent.
"""

from __future__ import annotations

import hashlib
import wave
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import soxr
import yaml

from vcam.animators.ditto.avatar import DittoAvatar, FaceFound, SourceFrame
from vcam.animators.ditto.backends.base import Array, Backend, Network
from vcam.animators.ditto.config_pickle import read_config_pickle
from vcam.animators.ditto.motion import SourceMotion
from vcam.animators.ditto.networks import NETWORKS
from vcam.animators.ditto.options import RunOptions
from vcam.media import ByteArray, FloatArray

FOLDER = (Path(__file__).parents[3] / ".." / "shared" / "conformance").resolve()
THERE = (FOLDER / "cases.yaml").is_file()
needs_golden = pytest.mark.skipif(not THERE, reason="the conformance data are not beside this checkout")


class Arrays:
    """The golden arrays of a case, read one by one when asked for."""

    def __init__(self, path: Path) -> None:
        self._file = np.load(path, allow_pickle=False)
        self._read: dict[str, Array] = {}

    def __getitem__(self, name: str) -> Array:
        if name not in self._read:
            self._read[name] = self._file[name]
        return self._read[name]

    def __contains__(self, name: str) -> bool:
        return name in self._file.files


@dataclass(frozen=True, eq=False)
class Case:
    """One entry of cases.yaml. ``setup_kwargs`` win over the config's ``default_kwargs``."""

    name: str
    pipeline: str
    cfg: str
    source: str
    audio: str
    seed: int
    store: str = "reduced"
    setup_kwargs: Mapping[str, Any] = field(default_factory=dict)
    run_kwargs: Mapping[str, Any] = field(default_factory=dict)
    keep_frames: Sequence[int] = ()

    @property
    def online(self) -> bool:
        return self.pipeline == "online"

    @property
    def golden(self) -> Arrays:
        return _arrays(self.name)

    @property
    def chunking(self) -> tuple[int, int, int]:
        past, now, future = self.run_kwargs.get("chunksize", (3, 5, 2))
        return past, now, future

    @property
    def options(self) -> RunOptions:
        return RunOptions().replaced(config(self.cfg)["default_kwargs"]).replaced(self.setup_kwargs)

    @property
    def audio_16k(self) -> FloatArray:
        """float32 [n] at 16 kHz, the very samples that the reference had."""
        return _audio(self.audio, str(self.golden["audio_16k_sha256"]))

    @property
    def source_path(self) -> Path:
        return FOLDER / "inputs" / self.source

    @property
    def source_frames(self) -> ByteArray:
        """uint8 RGB [S, h, w, 3], after loading and resizing. Zeros where they are not known without resizing."""
        return _frames(self.name)

    @property
    def avatar(self) -> DittoAvatar:
        """The registered source as the golden arrays have it, except that ``features`` and the box are zeros."""
        return _avatar(self.name)


@cache
def cases() -> tuple[Case, ...]:
    if not THERE:
        return ()
    return tuple(Case(**entry) for entry in yaml.safe_load((FOLDER / "cases.yaml").read_text())["cases"])


def case(name: str) -> Case:
    return next(one for one in cases() if one.name == name)


every_case = pytest.mark.parametrize(
    "case",
    [pytest.param(one, id=one.name) for one in cases()]
    or [pytest.param(None, id="absent", marks=pytest.mark.skip(reason="no conformance data beside this checkout"))],
)


@cache
def config(name: str) -> dict[str, Any]:
    """A config as plain values: ``base_cfg``, ``audio2motion_cfg``, ``default_kwargs``."""
    loaded = read_config_pickle(FOLDER / "checkpoints" / "ditto_cfg" / name)
    assert isinstance(loaded, dict)
    return loaded


@cache
def network(name: str) -> Network:
    """A stand-in network, by its name in ``networks.NETWORKS``."""
    spec = NETWORKS[name]
    return _backend().load(FOLDER / "checkpoints" / "ditto_onnx" / spec.file, spec)


@cache
def _backend() -> Backend:
    from vcam.animators.ditto.backends.onnx import OnnxBackend  # onnxruntime takes a second, without the data too

    return OnnxBackend("cpu", threads=1)


@cache
def _arrays(name: str) -> Arrays:
    return Arrays(FOLDER / "golden" / f"{name}.npz")


@cache
def _audio(name: str, sha256: str) -> FloatArray:
    with wave.open(str(FOLDER / "inputs" / name)) as file:
        rate, channels = file.getframerate(), file.getnchannels()
        raw = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, channels)
    samples = (raw.astype(np.float32) / np.float32(32768)).mean(axis=1, dtype=np.float32)
    if rate != 16000:
        wanted = -(-len(samples) * 16000 // rate)  # librosa rounds up, and fills with zeros what soxr does not give
        samples = soxr.resample(samples, rate, 16000, quality="HQ")
        samples = np.pad(samples, (0, max(0, wanted - len(samples))))[:wanted]
    if hashlib.sha256(samples.tobytes()).hexdigest() != sha256:  # another soxr: take the recorded samples
        samples = next(c.golden["audio_16k"] for c in cases() if c.audio == name and "audio_16k" in c.golden)
    assert hashlib.sha256(samples.tobytes()).hexdigest() == sha256
    return samples


@cache
def _frames(name: str) -> ByteArray:
    one = case(name)
    if "source_frames" in one.golden:
        return one.golden["source_frames"]
    height, width, _ = (int(side) for side in one.golden["source_shape"])
    picture = cv2.imread(str(one.source_path))
    assert picture is not None
    if picture.shape[:2] != (height, width):
        return np.zeros((1, height, width, 3), np.uint8)
    return np.ascontiguousarray(picture[None, :, :, ::-1])


_NO_FEATURES = np.zeros((1, 32, 16, 64, 64), np.float32)


@cache
def _avatar(name: str) -> DittoAvatar:
    golden, images = case(name).golden, _frames(name)
    frames = tuple(
        SourceFrame(
            images[k],
            golden["M_c2o"][k].astype(np.float32),
            golden["eye_open"][k : k + 1],
            golden["eye_ball"][k : k + 1],
            SourceMotion(**{key: golden[f"xs_used_{key}"][k : k + 1] for key in SourceMotion.SHAPES}),
            _NO_FEATURES,
        )
        for k in range(len(golden["eye_open"]))
    )
    face = FaceFound(np.zeros(4, np.float32), 1, golden["lmk203"][0].astype(np.float32))
    return DittoAvatar(frames, golden["sc"], not bool(golden["source_is_image"]), face)
