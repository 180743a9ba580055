"""Small graphs written as text, with random weights; and comparing what two graphs give."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnx.parser
from onnx import numpy_helper

from vcam.engines.equality import Difference, compare, run_graph
from vcam.engines.passes.base import PassResult
from vcam.engines.samples import random_inputs

Array = npt.NDArray[Any]


def graph(body: str, opset: int = 20, domains: Any = None, **weights: Any) -> onnx.ModelProto:
    """``body``: as "(float[1,2] x) => (float[1,2] y) { y = Relu(x) }"; ``domains``: versions of others than ONNX's own;
    ``weights``: an array each, or the shape of a random one.
    """
    imports = ", ".join(f'"{name}": {version}' for name, version in {"": opset, **(domains or {})}.items())
    model = onnx.parser.parse_model(f"<ir_version: 9, opset_import: [{imports}]>\ntest {body}")
    random = np.random.default_rng(7)
    for name, value in weights.items():
        array = random.standard_normal(value).astype(np.float32) if isinstance(value, tuple) else np.asarray(value)
        model.graph.initializer.append(numpy_helper.from_array(array, name))
    return model


def check(before: onnx.ModelProto, result: PassResult, seed: int = 0) -> Difference:
    """The rewritten graph is a valid one; how far what it gives is from what the graph before gives."""
    onnx.checker.check_model(result.model, full_check=True)
    inputs = random_inputs(before, seed)
    return compare(run_graph(result.model, inputs), run_graph(before, inputs))


def kinds(model: onnx.ModelProto) -> list[str]:
    return [node.op_type for node in model.graph.node]
