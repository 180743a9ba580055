"""Stand-ins of the networks that look at the picture: they find one upright face, in photos and paintings alike.

The detector compares the picture with a pattern (eyes, brows and mouth dark, mouth red, the rest even) in several
sizes by normalised correlation, and likes the places where portraits have faces. All other points follow from its box.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vcam.animators.ditto.networks import BLAZE_FACE, DETECTOR, FACE_MESH, LANDMARK106, LANDMARK203
from vcam.media import FloatArray

from . import shape
from .graph import Graph, integers

_CELLS, _CELL = 64, 8  # the picture is looked at in 64 x 64 cells of 8 pixels
_SIZES = (11, 13, 16, 19, 23, 27, 32, 38)  # heights of the face's box, in cells
_REDNESS, _HABIT = 0.3, 0.2  # weights beside the pattern's own
_LEAST = 0.25  # correlation below which there is no face
_BOX_WIDTH = 0.8  # of its height
_SURE, _UNSURE = 4.0, -12.0  # logits


def save_faces(folder: Path) -> None:
    save_detector(folder)
    graph = Graph(LANDMARK106)
    half = 96 / (1.5 * 0.5)  # the crop's side is 1.5 of the box's
    points = (shape.points106() / shape.BOX + np.array([0, shape.BOX_SHIFT])) * half / 96
    graph.save(folder, {"fc1": graph.fixed(points.reshape(1, 212), "data")})
    graph = Graph(LANDMARK203)
    points = shape.in_crop(shape.points203(), 1.0, *shape.CROP_203)
    graph.save(folder, {"landmarks": graph.fixed(points.reshape(1, 406), "input")})
    _save_blaze_face(folder)
    graph = Graph(FACE_MESH)
    mesh = np.concatenate([shape.in_crop(shape.points478(), 256, shape.ROI_SCALE, 0), np.zeros((478, 1))], 1)
    outputs = {
        "Identity": graph.fixed(mesh.reshape(1, 1, 1, 1434), "input"),
        "Identity_1": graph.fixed(np.full((1, 1, 1, 1), _SURE), "input"),
        "Identity_2": graph.fixed(np.zeros((1, 1)), "input"),
    }
    graph.save(folder, outputs, {"Identity_1": (1, 1, 1, 1), "Identity_2": (1, 1)})


def save_detector(folder: Path) -> None:
    graph = Graph(DETECTOR)
    rgb = graph.gather(graph.add(graph.mul("image", 128 / 255), 127.5 / 255), 1, (2, 1, 0))
    cells = graph.op("AveragePool", rgb, kernel_shape=[_CELL, _CELL], strides=[_CELL, _CELL])
    red, green = graph.slice(cells, 1, 0, 1), graph.slice(cells, 1, 1, 2)
    redness = graph.sub(red, green)
    looks = graph.op("Concat", green, graph.mul(green, green), redness, graph.mul(redness, redness), axis=1)
    likeness = graph.op("Concat", *[_likeness(graph, looks, size) for size in _SIZES], axis=1)
    score = graph.add(likeness, graph.mul(_habit(graph, cells), _HABIT))
    best = graph.op("ArgMax", graph.reshape(score, -1), axis=0, keepdims=1)
    found = graph.op("Gather", graph.reshape(likeness, -1), best)
    cell = graph.op("Mod", best, integers(_CELLS * _CELLS))
    x, y = (
        graph.mul(graph.add(graph.op("Cast", value, to=1), 0.5), float(_CELL))
        for value in (graph.op("Mod", cell, integers(_CELLS)), graph.op("Div", cell, integers(_CELLS)))
    )
    heights = np.array(_SIZES, np.float32) * _CELL
    height = graph.op("Gather", graph.constant(heights), graph.op("Div", best, integers(_CELLS * _CELLS)))
    sure = graph.mul(graph.op("Cast", graph.op("Greater", found, _LEAST), to=1), 0.9)
    outputs: dict[str, str] = {}
    for number, stride in enumerate((8, 16, 32), 1):
        outputs.update(_at_anchors(graph, number, stride, x, y, height, sure))
    graph.save(folder, outputs)


def _likeness(graph: Graph, looks: str, size: int) -> str:
    """Normalised correlation with the pattern in one size, [1, 1, 64, 64]; ``looks``: green, its square, redness, its
    square."""
    dark, red, mask = _patterns(size)
    reach = dark.shape[0] // 2
    kernels = np.zeros((6, 2, *dark.shape), np.float32)
    for group, pattern in enumerate((dark, red)):
        kernels[3 * group, 0] = pattern
        kernels[3 * group + 1, 0] = kernels[3 * group + 2, 1] = mask / mask.sum()
    pads = integers(0, 0, reach, reach, 0, 0, reach, reach)
    seen = graph.op("Conv", graph.op("Pad", looks, pads, mode="edge"), kernels, group=2)
    weighed = []
    for group, weight in enumerate((1.0, _REDNESS)):
        match, mean, square = (graph.slice(seen, 1, 3 * group + k, 3 * group + k + 1) for k in range(3))
        variance = graph.op("Relu", graph.sub(square, graph.mul(mean, mean)))
        norm = graph.op("Sqrt", graph.mul(graph.add(variance, 1e-3), float(mask.sum())))
        weighed.append(graph.mul(graph.op("Div", match, norm), weight))
    return graph.add(*weighed)


def _patterns(size: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """What is darker and what is redder in a face, and the face; in units of the box's height around its centre."""
    reach = int(np.ceil(size / 2))
    steps = np.arange(-reach, reach + 1) / size
    x, y = np.meshgrid(steps, steps)

    def spot(at_x: float, at_y: float, width: float, height: float) -> FloatArray:
        return np.exp(-0.5 * (((x - at_x) / width) ** 2 + ((y - at_y) / height) ** 2)).astype(np.float32)

    mask = ((x / 0.36) ** 2 + ((y - 0.05) / 0.43) ** 2 <= 1).astype(np.float32)
    eyes = spot(-0.165, -0.09, 0.06, 0.035) + spot(0.165, -0.09, 0.06, 0.035)
    brows = spot(-0.17, -0.19, 0.09, 0.03) + spot(0.17, -0.19, 0.09, 0.03)
    dark = -eyes - 0.5 * brows - 0.6 * spot(0, 0.26, 0.1, 0.035) - 0.25 * spot(0, 0.11, 0.06, 0.03)
    red = spot(0, 0.26, 0.11, 0.045) - 0.3 * spot(0, -0.1, 0.3, 0.06)

    def even(pattern: FloatArray) -> FloatArray:
        inside = (pattern - (pattern * mask).sum() / mask.sum()) * mask
        return np.asarray(inside / np.sqrt((inside**2).sum()), np.float32)

    return even(dark), even(red), mask


def _habit(graph: Graph, cells: str) -> str:
    """How usual a place and a size are, [1, sizes, 64, 64]: the logarithm of bells around the upper middle."""
    lit = graph.op("Cast", graph.op("Greater", graph.op("ReduceMax", cells, axes=[1], keepdims=1), 0.004), to=1)
    steps = np.arange(1, _CELLS + 1, dtype=np.float32)
    width = graph.op("ReduceMax", graph.mul(lit, steps.reshape(1, 1, 1, -1)), keepdims=1)
    height = graph.op("ReduceMax", graph.mul(lit, steps.reshape(1, 1, -1, 1)), keepdims=1)
    width, height = (graph.op("Max", side, float(_CELLS) / 8) for side in (width, height))
    middles = steps - 0.5
    sizes = np.log(np.array(_SIZES, np.float32)).reshape(1, -1, 1, 1)
    usual = graph.op("Log", graph.mul(graph.op("Min", width, height), 0.5))
    parts = (
        (graph.sub(graph.op("Div", graph.constant(middles.reshape(1, 1, 1, -1)), width), 0.5), 0.14),
        (graph.sub(graph.op("Div", graph.constant(middles.reshape(1, 1, -1, 1)), height), 0.42), 0.14),
        (graph.sub(graph.constant(sizes), usual), 0.35),
    )
    bells = []
    for off, spread in parts:
        off = graph.op("Div", off, spread)
        bells.append(graph.mul(off, off, -0.5))
    return graph.add(*bells)


def _at_anchors(graph: Graph, number: int, stride: int, x: str, y: str, height: str, sure: str) -> dict[str, str]:
    """The box as the detector tells it: distances from each anchor to its sides and to five points, in strides."""
    side = 512 // stride
    grid = np.stack(np.meshgrid(np.arange(side), np.arange(side)), -1).reshape(-1, 2) * stride
    anchors = np.repeat(grid, 2, axis=0).astype(np.float32)
    centre = graph.reshape(graph.op("Concat", x, y, axis=0), 1, 2)
    off = graph.sub(centre, anchors)
    half = graph.mul(graph.reshape(height, 1, 1), np.array([[_BOX_WIDTH / 2, 0.5]], np.float32))
    boxes = graph.op("Concat", graph.sub(half, off), graph.add(off, half), axis=1)
    near = graph.op("ReduceMax", graph.op("Abs", off), axes=[1], keepdims=1)
    here = graph.op("Cast", graph.op("Less", near, float(stride)), to=1)
    points = np.array([[-0.165, -0.09, 0.165, -0.09, 0, 0.11, -0.11, 0.26, 0.11, 0.26]], np.float32)
    five = graph.add(graph.op("Tile", off, integers(1, 5)), graph.mul(graph.reshape(height, 1, 1), points))
    return {
        f"scores{number}": graph.mul(here, sure),
        f"boxes{number}": graph.op("Div", boxes, float(stride)),
        f"kps{number}": graph.op("Div", five, float(stride)),
    }


def _save_blaze_face(folder: Path) -> None:
    """MediaPipe's short-range anchors: 16 x 16 cells with two each, then 8 x 8 with six; boxes are given in pixels of
    128 around the anchor: centre, size, then six points."""
    grids = [
        (np.stack(np.meshgrid(np.arange(n), np.arange(n)), -1).reshape(-1, 2).repeat(count, 0) + 0.5) / n
        for n, count in ((16, 2), (8, 6))
    ]
    anchors = np.concatenate(grids)
    eye, ear = (shape.EYE_X, shape.EYE_Y), (shape.HALF_WIDTH, shape.EYE_Y + 0.1)
    six = [(-eye[0], eye[1]), eye, (0, shape.NOSE_Y), (0, shape.MOUTH_Y), (-ear[0], ear[1]), ear]
    points = shape.in_crop(np.array([(0, 0), *six], np.float32), 1.0, *shape.CROP_512)
    told = 128 * (points[None] - anchors[:, None])
    size = np.full((896, 1, 2), 128 / shape.CROP_512[0])
    regressors = np.concatenate([told[:, :1], size, told[:, 1:]], 1).reshape(1, 896, 16)
    nearest = np.abs(anchors - points[0]).max(1)
    classes = np.where(nearest < 1 / 16, _SURE, _UNSURE).reshape(1, 896, 1)
    graph = Graph(BLAZE_FACE)
    outputs = {"regressors": graph.fixed(regressors, "input"), "classificators": graph.fixed(classes, "input")}
    graph.save(folder, outputs)
