"""Passes of one idea each."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from tests.engines.graphs import check, graph, kinds
from vcam.engines.equality import compare, run_graph
from vcam.engines.graph import Graph
from vcam.engines.passes import PassError, batch, deduplicate, fold, fold_add, merge_convs, shapes, tidy
from vcam.engines.samples import random_inputs
from vcam.engines.shapes import fixed_inputs


def test_inputs_get_their_sizes_and_keep_those_that_nobody_names() -> None:
    model = graph("(float[N,3,M] x, float[1,K] z) => (float[N,3,M] y, float[1,K] w) { y = Relu(x) w = Relu(z) }")
    made = shapes.apply(model, {"x": (1, 3, 7), "z": (1, None)}).model
    assert fixed_inputs(made) == {"x": (1, 3, 7), "z": (1, None)}
    assert fixed_inputs(shapes.apply(made, {"x": (1, None, 7)}).model)["x"] == (1, 3, 7)


@pytest.mark.parametrize("shape", [(1, 4), (1, 3, 3)])
def test_other_sizes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(PassError, match="the input x has the shape"):
        shapes.apply(graph("(float[1,3] x) => (float[1,3] y) { y = Relu(x) }"), {"x": shape})


def test_what_no_input_changes_is_computed_now() -> None:
    model = graph(
        "(float[1,3,4,4] x) => (float[1,48] y)"
        "{ c = Conv<pads = [1,1,1,1]>(x, w) n = BatchNormalization(c, a, b, m, v) s = Shape(n) z = Gather(s, i)"
        "  u = Unsqueeze(z, i) r = Concat<axis = 0>(u, minus) y = Reshape(n, r) }",
        w=(3, 3, 3, 3),
        a=(3,),
        b=(3,),
        m=(3,),
        v=np.ones(3, np.float32),
        i=np.array(0),
        minus=np.array([-1]),
    )
    result = fold.apply(model)
    assert kinds(result.model) == ["Conv", "Reshape"]
    assert {item.domain for item in result.model.opset_import} == {""}
    assert check(model, result).relative <= 1e-6


@pytest.mark.parametrize("keep", [True, False])
def test_a_choice_already_made_goes(keep: bool) -> None:
    model = graph(
        "(float[1,3] x) => (float[1,3] y) { a = Exp(x) b = Sin(x) y = Where(c, a, b) }", c=np.full((1, 1), keep)
    )
    result = tidy.apply(model)
    assert set(kinds(result.model)) <= {"Exp" if keep else "Sin", "Identity"}
    assert check(model, result).largest == 0


def test_a_choice_that_also_widens_stays() -> None:
    model = graph("(float[1,3] x) => (float[2,3] y) { y = Where(c, x, x) }", c=np.full((2, 1), True))
    assert tidy.apply(model).changed == 0


def test_equal_constants_and_operators_are_kept_once() -> None:
    weight = np.arange(9, dtype=np.float32).reshape(3, 3)
    model = graph(
        "(float[1,3] x) => (float[1,3] y)"
        "{ a = MatMul(x, v) b = MatMul(x, w) c = Relu(a) d = Relu(b) e = Add(c, d) y = Sub(e, t) }",
        v=weight,
        w=weight,
        t=weight.reshape(9)[:3],
    )
    result = deduplicate.apply(model)
    assert kinds(result.model) == ["MatMul", "Relu", "Add", "Sub"]
    assert len(result.model.graph.initializer) == 2
    assert check(model, result).largest == 0


def test_both_outputs_stay_where_they_are_equal() -> None:
    model = graph("(float[1,3] x) => (float[1,3] y, float[1,3] z) { y = Relu(x) z = Relu(x) }")
    assert check(model, deduplicate.apply(model)).largest == 0


def test_a_constant_goes_into_the_bias() -> None:
    model = graph(
        "(float[1,2,4,4] x) => (float[1,3,4,4] y, float[1,3,4,4] z)"
        "{ a = Conv(x, v) y = Add(a, one) b = Conv(x, w, c) z = Add(each, b) }",
        v=(3, 2, 1, 1),
        w=(3, 2, 1, 1),
        c=(3,),
        one=np.float32(1),
        each=(3, 1, 1),
    )
    result = fold_add.apply(model)
    assert result.changed == 2
    assert "Add" not in kinds(result.model)
    assert check(model, result).largest <= 1e-6


def test_a_constant_along_another_axis_stays() -> None:
    model = graph("(float[1,2,4,3] x) => (float[1,3,4,3] y) { a = Conv(x, v) y = Add(a, c) }", v=(3, 2, 1, 1), c=(3,))
    assert fold_add.apply(model).changed == 0


def test_convolutions_of_one_input_become_one() -> None:
    model = graph(
        "(float[1,2,4,4] x) => (float[1,5,4,4] y, float[1,3,4,4] z)"
        "{ a = Conv(x, v, b) y = Relu(a) d = Conv(x, w, c) z = Relu(d) }",
        v=(5, 2, 1, 1),
        w=(3, 2, 1, 1),
        b=(5,),
        c=(3,),
    )
    result = merge_convs.apply(model)
    assert [kind for kind in kinds(result.model) if kind != "Identity"] == ["Conv", "Relu", "Split"]
    assert check(model, result).relative <= 1e-6
    assert merge_convs.apply(model, small=40).changed == 0


def test_convolutions_that_differ_stay_apart() -> None:
    model = graph(
        "(float[1,2,4,4] x) => (float[1,5,4,4] y, float[1,3,4,4] z){ y = Conv<pads = [1,1,1,1]>(x, v) z = Conv(x, w) }",
        v=(5, 2, 3, 3),
        w=(3, 2, 1, 1),
    )
    assert merge_convs.apply(model).changed == 0


def test_a_batch_is_what_single_runs_give() -> None:
    model = graph(
        "(float[1,6] x, float[1,2,3] z) => (float[1,2,5] y)"
        "{ r = Reshape(x, shape) s = Add(r, z) c = Concat<axis = 2>(s, more) e = Expand(c, wide)"
        "  f = Reshape(e, flat) y = Reshape(f, last) }",
        shape=np.array([1, 2, 3]),
        more=(1, 2, 2),
        wide=np.array([1, 2, 5]),
        flat=np.array([2, 5]),
        last=np.array([-1, 2, 5]),
    )
    result = batch.apply(model, 3)
    assert all(shape[0] == 3 for shape in fixed_inputs(result.model).values())
    singles = [random_inputs(model, seed) for seed in range(3)]
    joined = {name: np.concatenate([one[name] for one in singles]) for name in singles[0]}
    expected = {"y": np.concatenate([run_graph(model, one)["y"] for one in singles])}
    assert compare(run_graph(result.model, joined), expected).largest == 0


def test_a_graph_without_a_batch_is_refused() -> None:
    with pytest.raises(PassError, match="needs 1 as its first size"):
        batch.apply(graph("(float[4,3] x) => (float[4,3] y) { y = Relu(x) }"), 2)


def test_an_output_that_is_replaced_leaves_its_makers_other_outputs_alone() -> None:
    model = graph(
        "(float[1,4] x) => (float[1,2] y, float[1,2] z) { y, s = Split<axis = 1>(x, two) z = Relu(s) }",
        two=np.array([2, 2]),
    )
    work = Graph(model)
    work.replace("y", work.op("Neg", ["x2"], "new"))
    work.replace("x2", work.op("Gather", ["x", work.ints([0, 1], "new")], "new", axis=1))
    made = work.finish()
    onnx.checker.check_model(made, full_check=True)
    inputs = random_inputs(model)
    before, after = run_graph(model, inputs), run_graph(made, inputs)
    assert (after["y"] == -before["y"]).all()
    assert (after["z"] == before["z"]).all()
