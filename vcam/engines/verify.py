"""Whether engines give what the checkpoint's graphs give: the same random inputs through TensorRT and onnxruntime."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from vcam.animators.ditto.backends.base import Array, Network
from vcam.animators.ditto.backends.onnx import OnnxBackend
from vcam.animators.ditto.backends.tensorrt import TensorRtBackend
from vcam.animators.ditto.checkpoint import Checkpoint
from vcam.animators.ditto.networks import NetworkSpec

from .build import networks_called
from .equality import Difference, compare
from .passes import gridsample3d, precision_of
from .passes.gridsample3d import is_runnable
from .profiles import AUDIO_SAMPLES
from .samples import random_inputs

# Of the largest value. Half precision rounds to 1/2048 at every one of some hundred layers.
_ALLOWED = {"fp16": 5e-2, "fp32": 5e-3}
_CONDITIONS = 1103  # values of lmdm's condition where the graph leaves them open


@dataclass(frozen=True, slots=True)
class Verified:
    """``sizes``: of what was tried; ``allowed``: the relative error that is taken for rounding."""

    network: str
    precision: str
    sizes: str
    error: Difference
    allowed: float

    @property
    def good(self) -> bool:
        return self.error.relative <= self.allowed


def verify(
    checkpoint: Path, backend: TensorRtBackend, only: Collection[str] = (), seeds: Collection[int] = (0, 1, 2)
) -> Iterator[Verified]:
    """Each network as soon as it is done. Raises AnimatorError where one has no engine that is up to date."""
    opened, reference = Checkpoint.open(checkpoint), OnnxBackend("cpu")
    for spec in networks_called(only):
        yield from _verify(spec, opened.path(spec), backend, reference, seeds)


def _verify(
    spec: NetworkSpec, path: Path, backend: TensorRtBackend, reference: OnnxBackend, seeds: Collection[int]
) -> Iterator[Verified]:
    network = backend.load(path, spec)
    model = onnx.load(path)
    known = reference.load(_runnable(path, model, backend), spec)
    precision = precision_of(spec, backend.files.precision)
    batch = _batch(network, spec)
    lengths = AUDIO_SAMPLES if "input_values" in spec.inputs else (_CONDITIONS,)
    try:
        for length in lengths:
            found = []
            for seed in seeds:
                items = [
                    random_inputs(model, seed * 100 + index, dict.fromkeys(spec.inputs, length))
                    for index in range(batch)
                ]
                made = network(**_joined(items))
                found.append(compare(made, _joined([known(**item) for item in items])))
            sizes = f"{length} samples" if len(lengths) > 1 else f"{batch} at once" if batch > 1 else ""
            yield Verified(spec.name, precision, sizes, Difference.worst(found), _ALLOWED[precision])
    finally:
        network.close()
        known.close()


def _runnable(path: Path, model: onnx.ModelProto, backend: TensorRtBackend) -> Path:
    """The checkpoint's graph, or where onnxruntime cannot run it the one with its sampling replaced."""
    if is_runnable(model):
        return path
    made = backend.files.folder / "reference-warp.onnx"
    onnx.save(gridsample3d.apply(model).model, made)
    return made


def _batch(network: Network, spec: NetworkSpec) -> int:
    """How many frames the engine takes at once."""
    parts = getattr(network, "parts", {})
    first: dict[str, Any] = next((part.tensors for part in parts.values()), {})
    info = first.get(next(iter(spec.inputs)))
    return 1 if info is None or info.shape[0] == -1 else int(info.shape[0])


def _joined(items: list[dict[str, Array]]) -> dict[str, Array]:
    return items[0] if len(items) == 1 else {name: np.concatenate([item[name] for item in items]) for name in items[0]}
