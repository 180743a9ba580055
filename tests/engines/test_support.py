from __future__ import annotations

import pytest

from tests.engines.conftest import Full
from tests.engines.graphs import graph
from vcam.animators.ditto.networks import NETWORKS
from vcam.engines.passes import passes_for
from vcam.engines.support import unsupported


@pytest.mark.parametrize("name", ["appearance_extractor", "decoder", "warp_network", "stitch_network"])
@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_prepared_graphs_have_nothing_that_tensorrt_refuses(full_size: Full, name: str, precision: str) -> None:
    options = {"size": 32, "depth": 2} if name == "warp_network" else {} if name == "stitch_network" else {"size": 8}
    model = full_size(name, width=0.01, **options)
    for item in passes_for(NETWORKS[name], "fp16" if precision == "fp16" else "fp32")[1:]:
        model = item.apply(model).model
    assert unsupported(model) == []


@pytest.mark.parametrize("name", ["lmdm", "hubert", "motion_extractor"])
def test_prepared_float32_graphs_have_nothing_either(full_size: Full, name: str) -> None:
    options = {"layers": 1} if name != "motion_extractor" else {}
    model = full_size(name, **options)
    for item in passes_for(NETWORKS[name], "fp16")[1:]:
        model = item.apply(model).model
    assert unsupported(model) == []


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (
            "(float[1,3,4,5,6] x, float[1,3,2,4,3] g) => (float[1,3,3,2,4] y) { y = GridSample(x, g) }",
            "only in two dimensions",
        ),
        ("(float[1,4] x) => (float[1,4] y) { y = Hardmax(x) }", "no such operator"),
        ("(float[1,4] x) => (float[1,4] y) { y = other.Relu(x) }", "domain other"),
        ("(int64[1,4] x) => (int64[1,4] y) { y = Clip(x) }", "not for INT64"),
        (
            "(float[1,4] x, float[4] a, float[4] b) => (float[1,4] y, float[1,1] m)"
            "{ y, m = LayerNormalization(x, a, b) }",
            "only with one output",
        ),
        ("(float[1,4] x, int64[1] a) => (float[1,1] y) { y = ReduceSum(x, a) }", "axes must be constant"),
    ],
)
def test_what_stands_in_the_way_is_named(body: str, reason: str) -> None:
    (found,) = unsupported(graph(body, domains={"other": 1}))
    assert reason in found


def test_a_newer_opset_is_named() -> None:
    assert "opset 25" in unsupported(graph("(float[1] x) => (float[1] y) { y = Relu(x) }", opset=25))[0]
