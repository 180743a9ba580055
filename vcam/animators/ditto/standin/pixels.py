"""Stand-ins of the networks that make pictures: they carry the portrait itself through the pipeline.

The feature volume holds the 256 x 256 crop, cut into 48 channels of 64 x 64. Warp moves it as the key points move
(head as a whole, lips and lids on their own), opens a dark mouth between the lips, and hands it on to the decoder,
which only puts it together again and enlarges it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vcam.animators.ditto.networks import APPEARANCE, DECODER, MOTION, STITCH, WARP
from vcam.media import FloatArray

from . import shape
from .graph import Graph, integers

BINS, WIDTH = 66, 5.0  # of an angle; how wide its bell of logits is, in bins of 3 degrees
MIDDLE = 32.5  # the bin of 0 degrees
_BLOCK, _CHANNELS = 4, 48
_MOUTH_COLOUR = (0.24, 0.06, 0.07)


def save_pixels(folder: Path) -> None:
    _save_appearance(folder)
    _save_motion_extractor(folder)
    _save_stitch(folder)
    _save_warp(folder)
    graph = Graph(DECODER)
    picture = graph.op("DepthToSpace", graph.slice("feature", 1, 0, _CHANNELS), blocksize=_BLOCK)
    large = _resized(graph, picture, 512, 3)
    graph.save(folder, {"output": graph.op("Clip", large, 0.0, 1.0)})


def angle_logits(bins: float = 0.0) -> FloatArray:
    """float32 [66]: a bell around 0 degrees, moved by ``bins`` of 3 degrees. Linear in ``bins``, but for what soft-max
    does not see."""
    index = np.arange(BINS)
    return np.asarray((-0.5 * (index - MIDDLE) ** 2 + bins * (index - MIDDLE)) / WIDTH**2, np.float32)


def _save_appearance(folder: Path) -> None:
    graph = Graph(APPEARANCE)
    blocks = graph.op("SpaceToDepth", "image", blocksize=_BLOCK)
    volume = graph.slice(graph.op("Concat", *[blocks] * 11, axis=1), 1, 0, 512)
    graph.save(folder, {"pred": graph.reshape(volume, 1, 32, 16, 64, 64)})


def _save_motion_extractor(folder: Path) -> None:
    """Everybody looks ahead, but for a little: towards the brighter side of the picture, by up to 1.5 degrees."""
    graph = Graph(MOTION)
    halves = graph.op("AveragePool", graph.mean("image", 1), kernel_shape=[256, 128], strides=[256, 128])
    left, right = (graph.reshape(graph.slice(halves, 3, side, side + 1), 1, 1) for side in (0, 1))
    turn = graph.mul(graph.op("Tanh", graph.sub(right, left)), angle_logits(0.5)[None] - angle_logits()[None])
    ahead, rest = angle_logits()[None], {"t": (1, 3), "exp": (1, 63)}
    points = shape.keypoints_in_crop() / np.float32(shape.SCALE)
    outputs = {
        "pitch": graph.fixed(ahead, "image"),
        "yaw": graph.add(turn, ahead),
        "roll": graph.fixed(ahead, "image"),
        **{name: graph.fixed(np.zeros(size), "image") for name, size in rest.items()},
        "scale": graph.fixed(np.full((1, 1), shape.SCALE), "image"),
        "kp": graph.fixed(points.reshape(1, 63), "image"),
    }
    graph.save(folder, outputs)


def _save_stitch(folder: Path) -> None:
    """Takes back a tenth of the head's drift, as the real one keeps the neck in its place."""
    graph = Graph(STITCH)
    drift = graph.mean(graph.sub("kp_driving", "kp_source"), 1)
    graph.save(folder, {"out": graph.sub("kp_driving", graph.mul(drift, 0.1))})


def _save_warp(folder: Path) -> None:
    graph = Graph(WARP)
    source, driving = (graph.slice(name, 2, 0, 2) for name in ("kp_source", "kp_driving"))  # [1, 21, 2]
    moved = graph.sub(driving, source)
    head = graph.mean(graph.gather(moved, 1, shape.HEAD), 1)  # [1, 1, 2]
    own = graph.sub(moved, head)
    whole = _carried(graph, driving, moved, shape.HEAD, spread=0.35, hold=0.25)
    lips = _carried(graph, driving, own, shape.LIPS, spread=0.075, hold=0.3)
    lids = _carried(graph, driving, own, shape.LIDS, spread=0.06, hold=0.3)
    shift = _resized(graph, graph.add(whole, lips, lids), 256, 2)  # [1, 2, 256, 256]
    steps = _steps(256)
    across = graph.sub(graph.constant(steps.reshape(1, 1, 1, 256)), graph.slice(shift, 1, 0, 1))
    down = graph.sub(graph.constant(steps.reshape(1, 1, 256, 1)), graph.slice(shift, 1, 1, 2))
    grid = graph.op("Transpose", graph.op("Concat", across, down, axis=1), perm=[0, 2, 3, 1])
    blocks = graph.slice(graph.reshape("feature_3d", 1, 512, 64, 64), 1, 0, _CHANNELS)
    picture = graph.op("DepthToSpace", blocks, blocksize=_BLOCK)
    warped = graph.op("GridSample", picture, grid, mode="bilinear", padding_mode="border", align_corners=0)
    open_mouth = graph.op("SpaceToDepth", _with_mouth(graph, warped, source, driving), blocksize=_BLOCK)
    graph.save(folder, {"out": graph.op("Pad", open_mouth, integers(0, 0, 0, 0, 0, 256 - _CHANNELS, 0, 0))})


def _carried(graph: Graph, at: str, moved: str, points: tuple[int, ...], spread: float, hold: float) -> str:
    """How far each of 64 x 64 places is carried by some key points, [1, 2, 64, 64]: the mean of their moves, weighed
    by nearness; ``hold`` is the weight of what stays."""
    count = len(points)
    place, move = (graph.gather(value, 1, points) for value in (at, moved))
    x, y = (graph.reshape(graph.slice(place, 2, k, k + 1), 1, count, 1) for k in (0, 1))
    steps = _steps(64)[None]
    # a bell of two coordinates is the product of two of one
    across, down = (
        graph.op("Exp", graph.mul(_square(graph, graph.sub(graph.constant(steps[None]), value)), -0.5 / spread**2))
        for value in (x, y)
    )
    weights = graph.mul(graph.reshape(across, 1, count, 1, 64), graph.reshape(down, 1, count, 64, 1))
    flat = graph.reshape(weights, 1, count, 64 * 64)
    sums = graph.op("MatMul", graph.op("Transpose", move, perm=[0, 2, 1]), flat)  # [1, 2, 4096]
    mean = graph.op("Div", sums, graph.add(graph.sum(flat, 1), hold))
    return graph.reshape(mean, 1, 2, 64, 64)


def _with_mouth(graph: Graph, picture: str, source: str, driving: str) -> str:
    """Dark where the lips are apart: an ellipse between the upper and the lower lip."""

    def part(points: str, number: int, axis: int) -> str:  # [1, 1, 1, 1], so that a batch stays the first axis
        return graph.reshape(graph.slice(graph.gather(points, 1, (number,)), 2, axis, axis + 1), 1, 1, 1, 1)

    upper, lower = (graph.sub(part(driving, point, 1), part(source, point, 1)) for point in (14, 19))
    apart = graph.op("Relu", graph.sub(lower, upper))
    line = graph.mul(graph.add(part(source, 6, 1), part(source, 12, 1)), 0.5)
    centre_y = graph.add(line, graph.mul(graph.add(upper, lower), 0.5))
    left, right = part(driving, 6, 0), part(driving, 12, 0)
    centre_x = graph.mul(graph.add(left, right), 0.5)
    half_width = graph.add(graph.mul(graph.sub(right, left), 0.36), 0.01)
    half_height = graph.add(graph.mul(apart, 0.45), 0.004)
    steps = _steps(256)
    across = graph.op("Div", graph.sub(graph.constant(steps.reshape(1, 1, 1, 256)), centre_x), half_width)
    down = graph.op("Div", graph.sub(graph.constant(steps.reshape(1, 1, 256, 1)), centre_y), half_height)
    distance = graph.add(_square(graph, across), _square(graph, down))
    inside = graph.op("Sigmoid", graph.mul(graph.sub(1.0, distance), 5.0))
    amount = graph.mul(inside, graph.op("Clip", graph.mul(apart, 30.0), 0.0, 0.92))
    colour = np.array(_MOUTH_COLOUR, np.float32).reshape(1, 3, 1, 1)
    return graph.add(picture, graph.mul(graph.sub(graph.constant(colour), picture), amount))


def _steps(size: int) -> FloatArray:
    """float32 [size]: where the centres of that many pixels lie in -1..1."""
    return (np.arange(size, dtype=np.float32) * 2 + 1) / np.float32(size) - 1


def _square(graph: Graph, value: str) -> str:
    return graph.mul(value, value)


def _resized(graph: Graph, value: str, size: int, channels: int) -> str:
    """To [1, channels, size, size], linear between pixels' centres (ONNX's half_pixel, its default)."""
    none = graph.constant(np.zeros(0, np.float32))
    sizes = integers(1, channels, size, size)
    return str(graph.op("Resize", value, none, none, sizes, mode="linear"))
