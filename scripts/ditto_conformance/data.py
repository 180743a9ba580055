"""A folder of recorded runs: its cases, golden arrays, sound and configs."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import soxr
import yaml

from vcam.animators.ditto.config_file import Config, read_config
from vcam.animators.ditto.latency import Chunking
from vcam.animators.ditto.options import FrameControl, RunOptions
from vcam.animators.ditto.reference import ReferenceRun
from vcam.media import SAMPLE_RATE, FloatArray

Array = npt.NDArray[Any]


class Golden:
    """The arrays of one case, read when first asked for. Raises FileNotFoundError if there are none."""

    def __init__(self, path: Path) -> None:
        self._file = np.load(path, allow_pickle=False)
        self._read: dict[str, Array] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._file.files

    def __getitem__(self, name: str) -> Array:
        if name not in self._read:
            self._read[name] = self._file[name]
        return self._read[name]


@dataclass(frozen=True, eq=False)
class Case:
    """One entry of cases.yaml, in ``folder``. ``setup_kwargs`` win over the config's ``default_kwargs``."""

    folder: Path
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
    def golden_path(self) -> Path:
        return self.folder / "golden" / f"{self.name}.npz"

    @property
    def golden(self) -> Golden:
        return _golden(self.golden_path)

    @property
    def config(self) -> Config:
        """Raises AnimatorError if it cannot be used."""
        return read_config(self.folder / "checkpoints" / "ditto_cfg" / self.cfg)

    @property
    def options(self) -> RunOptions:
        return self.config.options.replaced(self.setup_kwargs)

    @property
    def online(self) -> bool:
        return self.pipeline == "online"

    @property
    def chunking(self) -> Chunking:
        return Chunking(*self.run_kwargs.get("chunksize", (3, 5, 2)))

    @property
    def source_path(self) -> Path:
        return self.folder / "inputs" / self.source

    def run(self) -> ReferenceRun:
        """What is to be run. Raises VcamError for a config or option that cannot be used."""
        asked = self.run_kwargs
        controls = {int(at): FrameControl.of(values) for at, values in (asked.get("ctrl_info") or {}).items()}
        return ReferenceRun(
            source=self.source_path,
            options=self.options,
            use=self.config.use,
            seed=self.seed,
            online=self.online,
            chunking=self.chunking,
            fade_in=asked.get("fade_in", -1),
            fade_out=asked.get("fade_out", -1),
            controls=controls,
        )

    def samples(self) -> FloatArray:
        """float32 [n] at 16 kHz: the very samples that the reference had, resampled here or as they were recorded."""
        samples = load_audio(self.folder / "inputs" / self.audio)
        expected = str(self.golden["audio_16k_sha256"]) if "audio_16k_sha256" in self.golden else ""
        if not expected or hashlib.sha256(samples.tobytes()).hexdigest() == expected:
            return samples
        for case in load_cases(self.folder):  # recorded once for each sound
            if case.audio == self.audio and case.golden_path.is_file() and "audio_16k" in case.golden:
                return case.golden["audio_16k"]
        return samples


@lru_cache(maxsize=32)
def _golden(path: Path) -> Golden:
    return Golden(path)


def load_cases(folder: Path) -> list[Case]:
    """The cases of a folder. Raises FileNotFoundError without a cases.yaml, ValueError for one that is none."""
    entries = yaml.safe_load((folder / "cases.yaml").read_text(encoding="utf-8"))["cases"]
    known = {f.name for f in fields(Case)} - {"folder"}
    for entry in entries:
        if unknown := entry.keys() - known:
            raise ValueError(f"{folder / 'cases.yaml'}: case {entry.get('name')}: unknown key {', '.join(unknown)}")
    return [Case(folder, **entry) for entry in entries]


def load_audio(path: Path) -> FloatArray:
    """Mono at 16 kHz as librosa loads it: soxr's high quality, and as many samples as the duration rounds up to."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        blocks = [_interleaved(frame) for frame in container.decode(stream)]
        rate = int(stream.rate)
    raw = np.concatenate(blocks)
    whole = np.float32(1) if raw.dtype.kind == "f" else np.float32(np.iinfo(raw.dtype).max + 1)
    samples = (raw.astype(np.float32) / whole).mean(axis=1, dtype=np.float32)
    if rate == SAMPLE_RATE:
        return samples
    wanted = math.ceil(len(samples) * SAMPLE_RATE / rate)
    made = soxr.resample(samples, rate, SAMPLE_RATE, quality="HQ")
    return np.pad(made, (0, max(0, wanted - len(made))))[:wanted]


def _interleaved(frame: av.AudioFrame) -> Array:
    """[samples, channels]."""
    samples = frame.to_ndarray()
    return samples.T if frame.format.is_planar else samples.reshape(-1, frame.layout.nb_channels)
