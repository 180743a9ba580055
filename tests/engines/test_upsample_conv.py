from __future__ import annotations

import numpy as np
import onnx
import pytest

from tests.engines.graphs import check, graph, kinds
from vcam.engines.flops import count_flops
from vcam.engines.passes import norm_upsample, upsample_conv
from vcam.engines.passes.upsample_conv import Form
from vcam.engines.upsampling import phase_kernel, phases

RESIZE = 'Resize<mode = "nearest", coordinate_transformation_mode = "asymmetric", nearest_mode = "floor">'


def upsampled(scale: int, kernel: int = 3, after: str = "y = Identity(c)") -> onnx.ModelProto:
    size, pad = 5 * scale, kernel // 2
    return graph(
        f"(float[2,3,5,5] x) => (float[2,4,{size},{size}] y)"
        f"{{ u = {RESIZE}(x, none, s) c = Conv<pads = [{pad},{pad},{pad},{pad}]>(u, w, b) {after} }}",
        s=np.array([1, 1, scale, scale], np.float32),
        none=np.zeros(0, np.float32),
        w=(4, 3, kernel, kernel),
        b=(4,),
    )


@pytest.mark.parametrize("form", ["phases", "transposed"])
@pytest.mark.parametrize(("scale", "kernel"), [(2, 3), (4, 3), (3, 3), (2, 1), (2, 5), (2, 7)])
def test_is_exact_up_to_the_borders(form: Form, scale: int, kernel: int) -> None:
    model = upsampled(scale, kernel)
    result = upsample_conv.apply(model, form)
    assert result.changed == 1
    assert "Resize" not in kinds(result.model)
    assert check(model, result).relative <= 1e-6


@pytest.mark.parametrize(
    ("form", "scale", "left"),
    [("phases", 2, 16 / 36), ("phases", 4, 25 / 144), ("transposed", 2, 16 / 36), ("transposed", 4, 36 / 144)],
)
def test_costs_what_it_should(form: Form, scale: int, left: float) -> None:
    model = upsampled(scale)
    assert count_flops(upsample_conv.apply(model, form).model) == pytest.approx(left * count_flops(model))


@pytest.mark.parametrize("activation", ["Relu", "LeakyRelu<alpha = 0.2>"])
def test_an_activation_is_done_at_the_small_size_too(activation: str) -> None:
    model = upsampled(4, after=f"y = {activation}(c)")
    result = upsample_conv.apply(model)
    assert kinds(result.model).count(activation.split("<")[0]) == 9  # distinct phases
    assert check(model, result).relative <= 1e-6


def test_volumes_grow_along_two_of_their_axes() -> None:
    model = graph(
        "(float[1,3,4,5,6] x) => (float[1,2,4,10,12] y)"
        f"{{ u = {RESIZE}(x, none, s) y = Conv<pads = [1,1,1,1,1,1]>(u, w) }}",
        s=np.array([1, 1, 1, 2, 2], np.float32),
        none=np.zeros(0, np.float32),
        w=(2, 3, 3, 3, 3),
    )
    for form in ("phases", "transposed"):
        result = upsample_conv.apply(model, "phases" if form == "phases" else "transposed")
        assert check(model, result).relative <= 1e-6
        assert count_flops(result.model) == pytest.approx(count_flops(model) * 16 / 36)


@pytest.mark.parametrize(
    "resize",
    [
        RESIZE.replace("nearest", "linear", 1).replace(', nearest_mode = "floor"', ""),
        RESIZE.replace("floor", "ceil"),
    ],
)
def test_other_ways_of_growing_are_left_alone(resize: str) -> None:
    model = graph(
        f"(float[1,3,4,4] x) => (float[1,2,8,8] y) {{ u = {resize}(x, none, s) y = Conv<pads = [1,1,1,1]>(u, w) }}",
        s=np.array([1, 1, 2, 2], np.float32),
        none=np.zeros(0, np.float32),
        w=(2, 3, 3, 3),
    )
    assert upsample_conv.apply(model).changed == 0


def test_a_convolution_with_stride_is_left_alone() -> None:
    model = graph(
        f"(float[1,3,4,4] x) => (float[1,2,4,4] y)"
        f"{{ u = {RESIZE}(x, none, s) y = Conv<pads = [1,1,1,1], strides = [2,2]>(u, w) }}",
        s=np.array([1, 1, 2, 2], np.float32),
        none=np.zeros(0, np.float32),
        w=(2, 3, 3, 3),
    )
    assert upsample_conv.apply(model).changed == 0


def test_phases_of_four_have_three_kernels_whose_taps_add_up() -> None:
    axis = phases(kernel=3, before=1, scale=4)
    assert [(item.first, item.last) for item in axis] == [(-1, 0), (0, 0), (0, 0), (0, 1)]
    weight = np.arange(9, dtype=np.float32).reshape(1, 1, 3, 3)
    assert phase_kernel(weight, (axis[0], axis[1])).tolist() == [[[[3], [33]]]]


def test_normalisation_moves_before_the_growing() -> None:
    model = graph(
        f"(float[2,3,5,5] x) => (float[2,3,10,10] y) {{ u = {RESIZE}(x, none, s) y = InstanceNormalization(u, a, b) }}",
        s=np.array([1, 1, 2, 2], np.float32),
        none=np.zeros(0, np.float32),
        a=(3,),
        b=(3,),
    )
    result = norm_upsample.apply(model)
    assert [kind for kind in kinds(result.model) if kind != "Identity"] == ["InstanceNormalization", "Resize"]
    assert check(model, result).relative <= 1e-6
