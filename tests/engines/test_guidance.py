"""What makes lmdm's steps cheap: its condition apart, both guidance branches at once, products merged."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from tests.engines.conftest import Full
from tests.engines.graphs import check, graph, kinds
from vcam.engines.equality import compare, run_graph
from vcam.engines.flops import count_flops
from vcam.engines.passes import PassError, deduplicate, fold, merge_linears, pair_branches, split_rows, tidy
from vcam.engines.samples import random_inputs
from vcam.engines.split import split_graph

TOKENS = (
    "(float[1,4,6] cond, float[1,2,6] late) => (float[1,2,6,3] y)"
    "{ t = Concat<axis = 1>(cond, late) n = LayerNormalization<axis = -1>(t, a, b) r = Mul(n, turn) m = MatMul(r, w)"
    "  c = Add(m, v) h = Reshape(c, heads) k = Transpose<perm = [0,2,1,3]>(h) y = Identity(k) }"
)


def tokens() -> onnx.ModelProto:
    return graph(TOKENS, a=(6,), b=(6,), turn=(6, 6), w=(6, 6), v=(6,), heads=np.array([1, 6, 2, 3]))


def test_rows_known_early_are_projected_apart() -> None:
    model = tokens()
    result = split_rows.apply(model, ["cond"])
    assert result.changed == 7
    assert kinds(result.model).count("MatMul") == 2
    assert kinds(result.model).count("Concat") == 1
    assert check(model, result).largest <= 1e-6
    parts = split_graph(result.model, ["cond"], "known")
    assert parts.between == ("known_0",)
    assert kinds(parts.early).count("Transpose") == 1
    assert {item.name for item in parts.late.graph.input} == {"late", "known_0"}


def test_what_mixes_rows_gets_them_together() -> None:
    model = graph(
        "(float[1,4,6] cond, float[1,2,6] late) => (float[1,6,6] y, float[1,6,6] z)"
        "{ t = Concat<axis = 1>(cond, late) n = Tanh(t) y = Softmax<axis = 1>(n) z = Exp(n) }"
    )
    result = split_rows.apply(model, ["cond"])
    assert check(model, result).largest <= 1e-6
    assert kinds(result.model).count("Tanh") == 2


def test_a_graph_is_cut_where_the_early_part_ends() -> None:
    model = graph(
        "(float[1,6] cond, float[1,6] x) => (float[1,6] y)"
        "{ a = Exp(cond) b = Tanh(a) c = Add(b, x) d = Mul(c, a) y = Relu(d) }"
    )
    parts = split_graph(model, ["cond"], "mid")
    assert kinds(parts.early) == ["Exp", "Tanh"]
    assert kinds(parts.late) == ["Add", "Mul", "Relu"]
    inputs = random_inputs(model)
    between = run_graph(parts.early, {"cond": inputs["cond"]})
    made = run_graph(parts.late, {"x": inputs["x"], **between})
    assert compare(made, run_graph(model, inputs)).largest == 0


@pytest.mark.parametrize("body", ["{ y = Add(cond, x) }", "{ y = Add(cond, x) z = Relu(cond) }"])
def test_a_graph_with_nothing_to_cut_says_so(body: str) -> None:
    outputs = "float[1,6] y, float[1,6] z" if "z" in body else "float[1,6] y"
    with pytest.raises(PassError):
        split_graph(graph(f"(float[1,6] cond, float[1,6] x) => ({outputs}) {body}"), ["cond"], "mid")


def branches(second: str = "w") -> onnx.ModelProto:
    first = {"p": "w", "q": second}
    side = "".join(
        f"{s}0 = Add(x, {s}) {s}1 = MatMul({s}0, {first[s]}) {s}2 = Tanh({s}1) {s}3 = MatMul({s}2, v)"
        f" {s}4 = Reshape({s}3, h) {s}5 = Transpose<perm = [0,2,1]>({s}4) {s}6 = MatMul({s}5, {s}4)"
        f" {s}7 = Softmax<axis = -1>({s}6) {s}8 = MatMul({s}7, u) {s}9 = MatMul({s}8, u) "
        for s in ("p", "q")
    )
    return graph(
        f"(float[1,6] x, float[1,6] p) => (float[1,3,3] y) {{ {side} d = Sub(p9, q9) y = Add(q9, d) }}",
        q=(1, 6),
        w=(6, 6),
        z=(6, 6),
        v=(6, 6),
        u=(3, 3),
        h=np.array([1, 2, 3]),
    )


def test_both_branches_are_done_at_once() -> None:
    model = branches()
    result = pair_branches.apply(model)
    assert kinds(result.model).count("MatMul") == 5
    assert kinds(result.model).count("Softmax") == 1
    assert check(model, result).largest <= 1e-6


def test_branches_part_where_their_weights_differ() -> None:
    model = branches(second="z")
    result = pair_branches.apply(model)
    assert kinds(result.model).count("MatMul") == 6
    assert check(model, result).largest <= 1e-6


def test_products_of_one_input_are_merged() -> None:
    model = graph(
        "(float[1,4,6] x) => (float[1,4,5] y, float[1,4,3] z)"
        "{ a = MatMul(x, v) y = Add(b, a) c = MatMul(x, w) z = Add(c, d) }",
        v=(6, 5),
        w=(6, 3),
        b=(5,),
        d=(3,),
    )
    result = merge_linears.apply(model)
    assert [kind for kind in kinds(result.model) if kind != "Identity"] == ["MatMul", "Add", "Split"]
    assert check(model, result).largest <= 1e-6


def test_the_whole_network_step_by_step(full_size: Full) -> None:
    model = full_size("lmdm", layers=2, audio_features=40)
    inputs = random_inputs(model)
    reference = run_graph(model, inputs)
    work = model
    for item in (tidy, fold, deduplicate, split_rows, fold, deduplicate, pair_branches, merge_linears, deduplicate):
        work = item.apply(work).model
        assert compare(run_graph(work, inputs), reference).relative <= 1e-5
    parts = split_graph(work, ["cond"], "condition")
    between = run_graph(parts.early, {"cond": inputs["cond"]})
    rest = {name: value for name, value in inputs.items() if name != "cond"}
    assert compare(run_graph(parts.late, {**rest, **between}), reference).relative <= 1e-5
    assert count_flops(parts.late) < 0.75 * count_flops(model)
    # no encoder layer is left in the step, and each decoder layer has two attentions for both branches
    assert kinds(parts.late).count("Softmax") == 2 * 2
    assert kinds(parts.early).count("Softmax") == 2
