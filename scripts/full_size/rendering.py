"""What draws a portrait: appearance_extractor, motion_extractor, stitch_network, warp_network, decoder."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from .builder import GraphBuilder, scaled

KEYPOINTS = 21
DEPTH = 16
FEATURE_CHANNELS = 32
LEAKY = math.sqrt(2 / (1 + 0.2**2))


def appearance_extractor(width: float = 1, seed: int = 0, size: int = 64) -> GraphBuilder:
    """image [1, 3, 4 size, 4 size] -> pred [1, 32, 16, size, size]"""
    b = GraphBuilder("appearance_extractor", seed)
    widths = [scaled(channels, width) for channels in (64, 128, 256)]
    x = b.conv_norm_relu(b.input("image", (1, 3, 4 * size, 4 * size)), (3, widths[0]), (3, 3))
    for channels in pairwise(widths):
        x = b.conv_norm_relu(x, channels, (3, 3))
        x = b.op("AveragePool", x, kernel_shape=[2, 2], strides=[2, 2])
    x = b.conv(x, (widths[-1], FEATURE_CHANNELS * DEPTH), (1, 1))
    x = b.reshape(x, 1, FEATURE_CHANNELS, DEPTH, size, size)
    for _ in range(6):
        y = x
        for gain in (math.sqrt(2), 0.5):
            y = b.op("Relu", b.batch_norm(y, FEATURE_CHANNELS))
            y = b.conv(y, (FEATURE_CHANNELS, FEATURE_CHANNELS), (3, 3, 3), gain=gain)
        x = b.op("Add", x, y)
    b.output(x, "pred", (1, FEATURE_CHANNELS, DEPTH, size, size))
    return b


def motion_extractor(width: float = 1, seed: int = 0, size: int = 256) -> GraphBuilder:
    """ConvNeXt-V2 tiny: image [1, 3, size, size] -> seven heads"""
    b = GraphBuilder("motion_extractor", seed)
    widths = [scaled(channels, width) for channels in (96, 192, 384, 768)]
    x = b.conv(b.input("image", (1, 3, size, size)), (3, widths[0]), (4, 4), stride=4, pad=(0, 0))
    x = b.layer_norm(b.transpose(x, 0, 2, 3, 1), widths[0])
    for stage, (depth, channels) in enumerate(zip((3, 3, 9, 3), widths, strict=True)):
        if stage:
            x = b.layer_norm(x, widths[stage - 1])
            x = b.conv(b.transpose(x, 0, 3, 1, 2), (widths[stage - 1], channels), (2, 2), stride=2, pad=(0, 0))
            x = b.transpose(x, 0, 2, 3, 1)
        for _ in range(depth):
            x = b.op("Add", x, _convnext_block(b, x, channels))
    pooled = b.op("ReduceMean", x, b.ints(1, 2), keepdims=0)
    pooled = b.layer_norm(pooled, widths[-1])
    for name, count in {"pitch": 66, "yaw": 66, "roll": 66, "t": 3, "exp": 63, "scale": 1, "kp": 63}.items():
        b.output(b.linear(pooled, (widths[-1], count)), name, (1, count))
    return b


def _convnext_block(b: GraphBuilder, x: str, channels: int) -> str:
    y = b.conv(b.transpose(x, 0, 3, 1, 2), (channels, channels), (7, 7), groups=channels)
    y = b.layer_norm(b.transpose(y, 0, 2, 3, 1), channels)
    y = b.gelu(b.linear(y, (channels, 4 * channels)))
    # global response normalisation
    norm = b.op("ReduceL2", y, b.ints(1, 2), keepdims=1)
    mean = b.op("ReduceMean", norm, b.ints(-1), keepdims=1)
    response = b.op("Mul", y, b.op("Div", norm, b.op("Add", mean, b.constant(1e-6))))
    scale, shift = b.weight((4 * channels,), 0.1), b.weight((4 * channels,), 0.1)
    y = b.op("Add", b.op("Add", b.op("Mul", scale, response), shift), y)
    return b.linear(y, (4 * channels, channels), gain=0.3)


def stitch_network(width: float = 1, seed: int = 0) -> GraphBuilder:
    b = GraphBuilder("stitch_network", seed)
    shape = (1, KEYPOINTS, 3)
    source, driving = b.input("kp_source", shape), b.input("kp_driving", shape)
    sizes = [KEYPOINTS * 6, *(scaled(size, width) for size in (128, 128, 64)), 65]
    x = b.op("Concat", b.reshape(source, 1, 63), b.reshape(driving, 1, 63), axis=1)
    for i, pair in enumerate(pairwise(sizes)):
        last = i == len(sizes) - 2
        x = b.linear(x, pair, gain=0.02 if last else math.sqrt(2))
        x = x if last else b.op("Relu", x)
    points, move = b.op("Split", x, b.ints(63, 2), outputs=2, axis=1)
    moved = b.op("Add", driving, b.reshape(points, *shape))
    move = b.op("Concat", b.reshape(move, 1, 1, 2), b.constant(np.zeros((1, 1, 1))), axis=2)
    b.output(b.op("Add", moved, move), "out", shape)
    return b


def warp_network(
    width: float = 1, seed: int = 0, size: int = 64, depth: int = DEPTH, *, custom: bool = False
) -> GraphBuilder:
    """``custom``: with the node of the published graph, ``GridSample3D``, in place of the standard one."""
    b = GraphBuilder("warp_network", seed)
    feature = b.input("feature_3d", (1, FEATURE_CHANNELS, depth, size, size))
    points = (1, KEYPOINTS, 3)
    source, driving = b.input("kp_source", points), b.input("kp_driving", points)
    grid = _identity_grid(depth, size)
    motions_count = KEYPOINTS + 1

    source5, driving5 = (b.reshape(p, 1, KEYPOINTS, 1, 1, 1, 3) for p in (source, driving))
    moved = b.op("Add", b.op("Sub", b.constant(grid), driving5), source5)
    motions = b.op("Concat", b.constant(grid), moved, axis=1)  # [1, 22, D, H, W, 3]

    small = b.op("Relu", b.batch_norm(b.conv(feature, (FEATURE_CHANNELS, 4), (1, 1, 1)), 4))
    repeated = b.op("Tile", b.op("Unsqueeze", small, b.ints(1)), b.ints(1, motions_count, 1, 1, 1, 1))
    repeated = b.reshape(repeated, motions_count, 4, depth, size, size)
    deformed = _sample(b, repeated, b.reshape(motions, motions_count, depth, size, size, 3), custom)
    deformed = b.reshape(deformed, 1, motions_count, 4, depth, size, size)

    heat = b.op("Sub", _heat(b, grid, driving5), _heat(b, grid, source5))
    heat = b.op("Concat", b.constant(np.zeros((1, 1, depth, size, size))), heat, axis=1)
    x = b.op("Concat", b.op("Unsqueeze", heat, b.ints(2)), deformed, axis=2)
    x = b.reshape(x, 1, motions_count * 5, depth, size, size)
    x, channels = _hourglass(b, x, motions_count * 5, width)

    mask = b.op("Softmax", b.conv(x, (channels, motions_count), (7, 7, 7), gain=3.0), axis=1)
    mask = b.op("Unsqueeze", mask, b.ints(-1))
    deformation = b.op("ReduceSum", b.op("Mul", motions, mask), b.ints(1), keepdims=0)
    flat = b.reshape(x, 1, channels * depth, size, size)
    occlusion = b.op("Sigmoid", b.conv(flat, (channels * depth, 1), (7, 7)))

    out = b.reshape(_sample(b, feature, deformation, custom), 1, FEATURE_CHANNELS * depth, size, size)
    wide = scaled(256, width)
    out = b.batch_norm(b.conv(out, (FEATURE_CHANNELS * depth, wide), (3, 3), gain=math.sqrt(2)), wide)
    out = b.conv(b.op("LeakyRelu", out, alpha=0.01), (wide, 256), (1, 1))
    b.output(b.op("Mul", out, occlusion), "out", (1, 256, size, size))
    return b


def _identity_grid(depth: int, size: int) -> np.ndarray:
    """[1, 1, D, H, W, 3], (x, y, z) in -1..1 including the ends."""
    axes = [np.linspace(-1, 1, n, dtype=np.float32) for n in (depth, size, size)]
    z, y, x = np.meshgrid(*axes, indexing="ij")
    return np.stack([x, y, z], axis=-1)[None, None]


def _sample(b: GraphBuilder, x: str, grid: str, custom: bool) -> str:
    if custom:
        return b.op("GridSample3D", x, grid, domain="vcam.test", align_corners=0, mode="bilinear", padding_mode="zeros")
    return b.op("GridSample", x, grid, align_corners=0, mode="linear", padding_mode="zeros")


def _heat(b: GraphBuilder, grid: np.ndarray, points: str) -> str:
    """exp(-|grid - point|^2 / 0.02): [1, 21, D, H, W]"""
    distance = b.op("Pow", b.op("Sub", b.constant(grid), points), b.constant(2.0))
    squared = b.op("ReduceSum", distance, b.ints(-1), keepdims=0)
    return b.op("Exp", b.op("Div", b.op("Mul", squared, b.constant(-0.5)), b.constant(0.01)))


def _hourglass(b: GraphBuilder, x: str, channels: int, width: float) -> tuple[str, int]:
    """Five levels down and up again; gives the features and their count."""
    downs = [channels, *(scaled(n, width) for n in (64, 128, 256, 512, 1024))]
    skips = [x]
    for pair in pairwise(downs):
        x = b.conv_norm_relu(x, pair, (3, 3, 3))
        x = b.op("AveragePool", x, kernel_shape=[1, 2, 2], strides=[1, 2, 2])
        skips.append(x)
    x, count = skips.pop(), downs[-1]
    for wide, skip in zip((512, 256, 128, 64, 32), reversed(downs[:-1]), strict=True):
        made = scaled(wide, width)
        x = b.conv_norm_relu(b.upsample(x, 1, 2, 2), (count, made), (3, 3, 3))
        x, count = b.op("Concat", x, skips.pop(), axis=1), made + skip
    return b.conv_norm_relu(x, (count, count), (3, 3, 3)), count


def decoder(width: float = 1, seed: int = 0, size: int = 64) -> GraphBuilder:
    """feature [1, 256, size, size] -> output [1, 3, 8 size, 8 size]"""
    b = GraphBuilder("decoder", seed)
    feature = b.input("feature", (1, 256, size, size))
    full, half, quarter = (scaled(channels, width) for channels in (512, 256, 64))
    x = b.conv(feature, (256, full), (3, 3))
    for _ in range(6):
        x = _spade_block(b, x, feature, (full, full), 1, width)
    x = _spade_block(b, b.upsample(x, 2, 2), feature, (full, half), 2, width)
    x = _spade_block(b, b.upsample(x, 2, 2), feature, (half, quarter), 4, width)
    x = b.conv(b.op("LeakyRelu", x, alpha=0.2), (quarter, 12), (3, 3))
    x = b.op("Sigmoid", b.op("DepthToSpace", x, blocksize=2, mode="CRD"))
    b.output(x, "output", (1, 3, 8 * size, 8 * size))
    return b


def _spade_block(b: GraphBuilder, x: str, feature: str, channels: tuple[int, int], scale: int, width: float) -> str:
    middle = min(channels)
    shortcut = x
    if channels[0] != channels[1]:
        shortcut = b.conv(_spade(b, x, feature, channels[0], scale, width), channels, (1, 1), bias=False)
    y = b.op("LeakyRelu", _spade(b, x, feature, channels[0], scale, width), alpha=0.2)
    y = b.conv(y, (channels[0], middle), (3, 3), gain=LEAKY)
    y = b.op("LeakyRelu", _spade(b, y, feature, middle, scale, width), alpha=0.2)
    return b.op("Add", shortcut, b.conv(y, (middle, channels[1]), (3, 3), gain=0.5))


def _spade(b: GraphBuilder, x: str, feature: str, channels: int, scale: int, width: float) -> str:
    """IN(x) (1 + gamma) + beta, with gamma and beta made of the feature."""
    ones, zeros = b.constant(np.ones(channels)), b.constant(np.zeros(channels))
    norm = b.op("InstanceNormalization", x, ones, zeros, epsilon=1e-5)
    hidden = scaled(128, width)
    seen = b.upsample(feature, scale, scale) if scale > 1 else feature
    seen = b.op("Relu", b.conv(seen, (256, hidden), (3, 3), gain=math.sqrt(2)))
    gamma = b.conv(seen, (hidden, channels), (3, 3), gain=0.5)
    beta = b.conv(seen, (hidden, channels), (3, 3), gain=0.5)
    return b.op("Add", b.op("Mul", norm, b.op("Add", gamma, b.one)), beta)
