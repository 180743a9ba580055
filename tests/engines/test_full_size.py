"""The graphs of real structure are those that the pipeline expects, and cost what is known of the real ones."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from tests.engines.conftest import Full
from tests.engines.graphs import graph
from vcam.animators.ditto.networks import NETWORKS
from vcam.engines.equality import Difference, run_graph
from vcam.engines.flops import count_flops, count_parameters, flops_by_operator
from vcam.engines.samples import random_inputs
from vcam.engines.shapes import fixed_inputs, infer_shapes

NAMES = (
    "appearance_extractor",
    "motion_extractor",
    "stitch_network",
    "warp_network",
    "decoder",
    "lmdm",
    "hubert",
)

SMALL: dict[str, dict[str, int]] = {
    "appearance_extractor": {"size": 8},
    "warp_network": {"size": 32, "depth": 2},
    "decoder": {"size": 8},
}


@pytest.mark.parametrize("name", NAMES)
def test_inputs_and_outputs_are_the_pipelines(full_size: Full, name: str) -> None:
    model = full_size(name)
    onnx.checker.check_model(model, full_check=True)
    spec, shapes = NETWORKS[name], infer_shapes(model)
    inputs = fixed_inputs(model)
    assert inputs.keys() == spec.inputs.keys()
    assert {item.name for item in model.graph.output} == spec.outputs.keys()
    for key, shape in {**spec.inputs, **spec.outputs}.items():
        assert all(b is None or a == b for a, b in zip(shapes[key], shape, strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_values_are_tame_enough_for_float16(full_size: Full, name: str) -> None:
    model = full_size(name, **SMALL.get(name, {}))
    for value in run_graph(model, random_inputs(model)).values():
        assert abs(value).max() < 100
        assert value.std() > 1e-3 or value.size == 1


def test_the_same_seed_gives_the_same_graph(full_size: Full) -> None:
    assert full_size("stitch_network", seed=3) == full_size("stitch_network", seed=3)
    assert full_size("stitch_network", seed=3) != full_size("stitch_network", seed=4)


@pytest.mark.parametrize(
    ("name", "parameters", "flops"), [("appearance_extractor", 0.84e6, 64e9), ("stitch_network", 0.045e6, 9e4)]
)
def test_real_width_costs_what_is_known(full_size: Full, name: str, parameters: float, flops: float) -> None:
    model = full_size(name, width=1)
    assert count_parameters(model) == pytest.approx(parameters, rel=0.01)
    assert count_flops(model) == pytest.approx(flops, rel=0.01)


def test_costs_are_counted_by_operator() -> None:
    model = graph(
        "(float[2,3,8,8] x) => (float[2,6,16,16] t, float[2,3,8,5] m, float[4,7] g, float[2,3] e)"
        "{ c = Conv<pads = [1,1,1,1], group = 3>(x, w) t = ConvTranspose<strides = [2,2]>(c, v) m = MatMul(x, p)"
        '  r = Reshape(x, s) g = Gemm<transA = 1>(r, q) e = Einsum<equation = "bchw,wh->bc">(x, u) }',
        w=(3, 1, 3, 3),
        v=(3, 6, 2, 2),
        p=(8, 5),
        q=(96, 7),
        u=(8, 8),
        s=[96, 4],
    )
    assert flops_by_operator(model) == {
        "Conv": 2 * 2 * 3 * 64 * 9,
        "ConvTranspose": 2 * 2 * 3 * 64 * 6 * 4,
        "MatMul": 2 * 2 * 3 * 8 * 5 * 8,
        "Gemm": 2 * 4 * 7 * 96,
        "Einsum": 2 * 2 * 3 * 8 * 8,
    }


def test_an_open_size_must_be_given() -> None:
    model = graph("(float[1,N] x) => (float[1,2] y) { z = Reshape(x, s) y = MatMul(z, w) }", w=(5, 2), s=[1, 5])
    assert count_flops(model, free=5) == 20


def test_not_a_number_is_no_small_difference() -> None:
    bad = np.array([1.0, np.nan])
    assert Difference.between(bad, np.ones(2)).relative == np.inf
    assert Difference.between(np.ones(3), np.ones(2)).relative == np.inf
    assert Difference.between(np.ones(2), np.ones(2)) == Difference(0, 0, 0)
