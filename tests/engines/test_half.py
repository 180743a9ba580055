from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto

from tests.engines.conftest import Full
from tests.engines.graphs import graph, kinds
from vcam.engines.equality import compare, run_graph
from vcam.engines.passes import gridsample3d, half
from vcam.engines.passes.gridsample3d import DATA, GRID
from vcam.engines.samples import random_inputs
from vcam.engines.shapes import infer_shapes


def float_kinds(model: onnx.ModelProto, kind: str) -> set[int]:
    shapes = infer_shapes(model)
    return {shapes.kinds[node.input[0]] for node in model.graph.node if node.op_type == kind}


def test_convolutions_round_and_norms_do_not() -> None:
    model = graph(
        "(float[1,3,8,8] x) => (float[1,4,8,8] y)"
        "{ c = Conv<pads = [1,1,1,1]>(x, w) n = InstanceNormalization(c, a, b) r = Relu(n) s = Softmax<axis = 1>(r)"
        "  y = Conv<pads = [1,1,1,1]>(s, v) }",
        w=(4, 3, 3, 3),
        v=(4, 4, 3, 3),
        a=(4,),
        b=(4,),
    )
    result = half.apply(model)
    onnx.checker.check_model(result.model, full_check=True)
    assert float_kinds(result.model, "Conv") == {TensorProto.FLOAT16}
    assert float_kinds(result.model, "InstanceNormalization") == {TensorProto.FLOAT}
    assert float_kinds(result.model, "Softmax") == {TensorProto.FLOAT}
    for item in (*result.model.graph.input, *result.model.graph.output):
        assert item.type.tensor_type.elem_type == TensorProto.FLOAT
    inputs = random_inputs(model)
    error = compare(run_graph(result.model, inputs, optimise=False), run_graph(model, inputs))
    assert 1e-5 < error.relative < 3e-3  # it does round


def test_between_kept_operators_nothing_is_rounded() -> None:
    model = graph("(float[1,64] x) => (float[1,64] y) { a = Exp(x) b = Log(a) c = Exp(b) d = Log(c) y = Mul(d, x) }")
    result = half.apply(model)
    assert kinds(result.model).count("Cast") == 3  # x and the logarithm for the product, and the output


def test_where_to_sample_is_computed_in_float32(full_size: Full) -> None:
    model = gridsample3d.apply(full_size("warp_network", size=32, depth=4)).model
    made = half.apply(model).model
    shapes = infer_shapes(made)
    # casts where float16 takes over are named after what they stand behind
    grid = [node for node in made.graph.node if node.name.startswith(GRID) and node.op_type != "Cast"]
    floats = {shapes.kinds[name] for node in grid for name in (*node.input, *node.output)}
    assert TensorProto.FLOAT16 not in floats
    assert {shapes.kinds[n.output[0]] for n in made.graph.node if n.name.startswith(DATA)} == {TensorProto.FLOAT16}
    assert float_kinds(made, "Softmax") == float_kinds(made, "Exp") == {TensorProto.FLOAT}
    # key points are never rounded on their way to the grid
    points = {node.output[0]: node for node in made.graph.node if node.input[0].startswith("kp_")}
    assert all(node.op_type != "Cast" for node in points.values())


def test_tiny_weights_make_no_noise() -> None:
    tiny = np.full((4, 4), 1e-9, np.float32)
    half.apply(graph("(float[1,4] x) => (float[1,4] y) { y = MatMul(x, w) }", w=tiny))


@pytest.mark.parametrize("name", ["decoder", "appearance_extractor"])
def test_errors_stay_those_of_float16(full_size: Full, name: str) -> None:
    model = full_size(name, size=8)
    inputs = random_inputs(model)
    made = half.apply(model).model
    assert compare(run_graph(made, inputs, optimise=False), run_graph(model, inputs)).rms < 5e-3
