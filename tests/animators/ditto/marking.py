"""Networks that do nothing but mark: what comes out says what went in, frame by frame.

``marked_audio(n)`` is sound whose frame k has the value k + 1; ``MarkingHubert`` writes it into the features, and
``MarkingLmdm`` from there into the whole motion row: frame k of a pipeline that keeps step has the value k + 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from vcam.animators.ditto.backends.base import Network, Tensor
from vcam.animators.ditto.networks import HUBERT, LMDM
from vcam.media import FRAME_SAMPLES, FloatArray

RECEPTIVE_FIELD, HOP = 400, 320  # HuBERT's, in samples


def marked_audio(frames: int) -> FloatArray:
    return np.arange(1, frames + 1, dtype=np.float32).repeat(FRAME_SAMPLES)


def mark(row: FloatArray) -> float:
    """The frame's value that the last column of a row of features or motion tells."""
    return float(row[-1])


class MarkingHubert(Network):
    """Each row is the sample that its 20 ms begin with."""

    spec = HUBERT

    def __init__(self) -> None:
        self.calls = 0

    def run(self, inputs: Mapping[str, Tensor], keep: Sequence[str] = ()) -> dict[str, Tensor]:
        self.calls += 1
        (samples,) = np.asarray(inputs["input_values"])
        count = (len(samples) - RECEPTIVE_FIELD) // HOP + 1
        return {"encoding_out": samples[: count * HOP : HOP, None].repeat(1024, axis=1)}


class MarkingLmdm(Network):
    """Each row of x_start is that frame's last audio feature."""

    spec = LMDM

    def __init__(self) -> None:
        self.calls: list[dict[str, np.ndarray]] = []

    def run(self, inputs: Mapping[str, Tensor], keep: Sequence[str] = ()) -> dict[str, Tensor]:
        given = {name: np.array(value) for name, value in inputs.items()}
        self.calls = [*self.calls[-99:], given]
        x_start = given["cond"][:, :, 1023:1024].repeat(265, axis=2)
        return {"pred_noise": np.zeros_like(x_start), "x_start": x_start}
