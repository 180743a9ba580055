from __future__ import annotations

import numpy as np
import onnx
import pytest

from tests.engines.graphs import graph, kinds
from vcam.engines.equality import compare, run_graph
from vcam.engines.passes import PassError, gridsample3d
from vcam.engines.shapes import infer_shapes

SIZES = "(float[2,3,4,5,6] x, float[2,3,2,4,3] g) => (float[2,3,3,2,4] y)"


def sample(attributes: str) -> onnx.ModelProto:
    return graph(f"{SIZES} {{ y = GridSample{attributes}(x, g) }}")


def inputs(reach: float) -> dict[str, np.ndarray]:
    random = np.random.default_rng(1)
    grid = random.uniform(-reach, reach, (2, 3, 2, 4, 3)).astype(np.float32)
    # the centres of the first and last cells, the edges, the ends, and far away
    grid.reshape(-1)[:12] = [-1, 1, 0, -0.75, 0.75, 1.25, -1.25, 5 / 6, -5 / 6, 2, -1e30, 1e9]
    return {"x": random.standard_normal((2, 3, 4, 5, 6), np.float32), "g": grid}


@pytest.mark.parametrize("attributes", ["<align_corners = 0>", '<align_corners = 1, mode = "linear">', ""])
@pytest.mark.parametrize("reach", [0.9, 1.5])
def test_gives_what_the_operator_gives_inside_and_outside(attributes: str, reach: float) -> None:
    model = sample(attributes)
    result = gridsample3d.apply(model)
    onnx.checker.check_model(result.model, full_check=True)
    assert result.changed == 1
    assert "GridSample" not in kinds(result.model)
    given = inputs(reach)
    assert compare(run_graph(result.model, given), run_graph(model, given)).largest <= 1e-5


@pytest.mark.parametrize(
    "attributes",
    [
        'align_corners = 0, mode = "bilinear", padding_mode = "zeros"',
        "align_corners = 0, interpolation_mode = 0, padding_mode = 0",
        'name = "GridSample3D", version = 1, namespace = ""',
    ],
)
def test_knows_the_node_of_published_graphs_whatever_its_domain_and_attributes(attributes: str) -> None:
    custom = graph(f"{SIZES} {{ y = anywhere.GridSample3D<{attributes}>(x, g) }}", domains={"anywhere": 1}, opset=17)
    assert not gridsample3d.is_runnable(custom)
    result = gridsample3d.apply(custom)
    assert [item.domain for item in result.model.opset_import] == [""]
    given = inputs(1.2)
    expected = run_graph(sample("<align_corners = 0>"), given)
    assert compare(run_graph(result.model, given), expected).largest <= 1e-5
    assert gridsample3d.check_nodes(custom).largest <= 1e-5


def test_sizes_are_known_behind_a_node_that_onnx_does_not_know() -> None:
    custom = graph(
        "(float[2,3,4,5,6] x, float[2,3,2,4,3] g) => (float[2,3,4,24] z)"
        "{ y = anywhere.GridSample3D(x, g) s = Shape(y) z = Reshape(y, t) }",
        domains={"anywhere": 1},
        t=np.array([2, 3, 4, 6], np.int64),
    )
    shapes = infer_shapes(custom)
    assert shapes.static("y") == (2, 3, 3, 2, 4)


@pytest.mark.parametrize("attributes", ['<mode = "nearest">', '<padding_mode = "border">'])
def test_other_ways_of_sampling_are_refused(attributes: str) -> None:
    with pytest.raises(PassError, match="only linear with zeros"):
        gridsample3d.apply(sample(attributes))


def test_open_sizes_are_refused() -> None:
    model = graph("(float[N,3,4,5,6] x, float[N,3,2,4,3] g) => (float[N,3,3,2,4] y) { y = GridSample(x, g) }")
    with pytest.raises(PassError, match="sizes must be known"):
        gridsample3d.apply(model)


def test_sampling_in_two_dimensions_is_left_alone() -> None:
    model = graph("(float[1,2,5,6] x, float[1,3,4,2] g) => (float[1,2,3,4] y) { y = GridSample(x, g) }")
    assert gridsample3d.apply(model).changed == 0


@pytest.mark.parametrize("repeat", ["r = Tile(u, times)", "r = Expand(u, wide)"])
def test_a_repeated_volume_is_gathered_from_once(repeat: str) -> None:
    model = graph(
        "(float[2,3,4,5,6] x, float[8,3,2,4,3] g) => (float[8,3,3,2,4] y)"
        f"{{ u = Unsqueeze(x, one) {repeat} d = Reshape(r, flat) y = GridSample(d, g) }}",
        one=np.array([1]),
        times=np.array([1, 4, 1, 1, 1, 1]),
        wide=np.array([2, 4, 3, 4, 5, 6]),
        flat=np.array([8, 3, 4, 5, 6]),
    )
    result = gridsample3d.apply(model)
    assert not {"Tile", "Expand"} & set(kinds(result.model))
    assert result.notes
    random = np.random.default_rng(2)
    given = {
        "x": random.standard_normal((2, 3, 4, 5, 6), np.float32),
        "g": random.uniform(-1.2, 1.2, (8, 3, 2, 4, 3)).astype(np.float32),
    }
    assert compare(run_graph(result.model, given), run_graph(model, given)).largest <= 1e-5


def test_volumes_repeated_as_a_whole_row_are_not_mistaken_for_neighbours() -> None:
    model = graph(
        "(float[2,3,4,5,6] x, float[8,3,2,4,3] g) => (float[8,3,3,2,4] y) { d = Tile(x, times) y = GridSample(d, g) }",
        times=np.array([4, 1, 1, 1, 1]),
    )
    random = np.random.default_rng(2)
    given = {
        "x": random.standard_normal((2, 3, 4, 5, 6), np.float32),
        "g": random.uniform(-1.2, 1.2, (8, 3, 2, 4, 3)).astype(np.float32),
    }
    result = gridsample3d.apply(model)
    assert compare(run_graph(result.model, given), run_graph(model, given)).largest <= 1e-5
