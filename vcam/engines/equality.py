"""Whether two graphs give the same: both run by onnxruntime on the CPU with the same inputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Difference:
    """How far a tensor is from its reference.

    ``largest``: the greatest absolute difference; ``relative``: that over the reference's greatest absolute value;
    ``rms``: the root mean square of the difference over that of the reference.
    """

    largest: float
    relative: float
    rms: float

    @classmethod
    def between(cls, made: Array, reference: Array) -> Difference:
        """Not-a-number or infinity in either, or another shape, is an infinite difference."""
        if made.shape != reference.shape or not (np.isfinite(made).all() and np.isfinite(reference).all()):
            return cls(np.inf, np.inf, np.inf)
        if not made.size:
            return cls(0.0, 0.0, 0.0)
        a, b = made.astype(np.float64), reference.astype(np.float64)
        largest, rms = float(np.abs(a - b).max()), float(np.sqrt(np.mean((a - b) ** 2)))
        top, level = float(np.abs(b).max()), float(np.sqrt(np.mean(b**2)))
        return cls(largest, largest / top if top else largest, rms / level if level else rms)

    @classmethod
    def worst(cls, items: list[Difference]) -> Difference:
        return cls(
            max((item.largest for item in items), default=0.0),
            max((item.relative for item in items), default=0.0),
            max((item.rms for item in items), default=0.0),
        )


def run_graph(model: onnx.ModelProto, inputs: Mapping[str, Array], *, optimise: bool = True) -> dict[str, Array]:
    """All outputs by name. ``optimise`` False runs the operators as they stand, so that a float16 graph rounds
    between them as a GPU would. Raises onnxruntime's errors where it cannot run the graph.
    """
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.log_severity_level = 3
    if not optimise:
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    names = [item.name for item in session.get_outputs()]
    return dict(zip(names, session.run(names, dict(inputs)), strict=True))


def compare(made: Mapping[str, Array], reference: Mapping[str, Array]) -> Difference:
    """The worst over all outputs. Raises ValueError if the names differ."""
    if made.keys() != reference.keys():
        raise ValueError(f"outputs are {', '.join(made)}, not {', '.join(reference)}")
    return Difference.worst([Difference.between(made[name], reference[name]) for name in reference])
