"""What does not depend on any input is computed now; what nothing needs goes: by onnxruntime's basic optimisation.

Only such of its rewrites are used as give standard operators in their usual place.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import onnx

from vcam.engines.shapes import is_volumetric_sample

from .base import PassResult

# These trade operators for others: matrix products with a bias for Gemm between reshapes, transposes for transposes
# elsewhere. TensorRT does the like by itself, and later passes know the usual forms.
_NOT_WANTED = ["MatMulAddFusion", "TransposeOptimizer"]


def apply(model: onnx.ModelProto) -> PassResult:
    """A graph with operators that onnxruntime does not know (GridSample3D) is left as it is."""
    import onnxruntime as ort

    if any(is_volumetric_sample(node) for node in model.graph.node):
        return PassResult(model, 0, ("left for later: onnxruntime does not know GridSample3D",))

    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "folded.onnx"
        options.optimized_model_filepath = str(path)
        ort.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"], disabled_optimizers=_NOT_WANTED
        )
        folded = onnx.load(path)
    used = {node.domain for node in folded.graph.node} | {""}
    for item in list(folded.opset_import):
        if item.domain not in used:
            folded.opset_import.remove(item)
    return PassResult(folded, max(0, len(model.graph.node) - len(folded.graph.node)))
