"""What listens and moves: hubert and lmdm."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from onnx import TensorProto

from .builder import GraphBuilder, scaled

FRAMES, MOTION = 80, 265


def hubert(width: float = 1, seed: int = 0, layers: int = 24) -> GraphBuilder:
    """HuBERT-large: input_values [1, N] -> encoding_out [rows, 1024]"""
    b = GraphBuilder("hubert", seed)
    narrow, wide = scaled(512, width), scaled(1024, width)
    heads = 16 if wide % 16 == 0 else 8
    x = b.op("Unsqueeze", b.input("input_values", (1, "N")), b.ints(1))
    before = 1
    for kernel, stride in zip((10, 3, 3, 3, 3, 2, 2), (5, 2, 2, 2, 2, 2, 2), strict=True):
        x = b.conv(x, (before, narrow), (kernel,), stride=stride, pad=(0,), gain=math.sqrt(2))
        x = b.gelu(b.transpose(b.layer_norm(b.transpose(x, 0, 2, 1), narrow), 0, 2, 1))
        before = narrow
    x = b.linear(b.layer_norm(b.transpose(x, 0, 2, 1), narrow), (narrow, wide))
    place = b.conv(b.transpose(x, 0, 2, 1), (wide, wide), (128,), pad=(64,), groups=heads)
    place = b.op("Slice", place, b.ints(0), b.ints(-1), b.ints(2))  # an even kernel gives one too many
    x = b.op("Add", x, b.transpose(b.gelu(place), 0, 2, 1))
    for _ in range(layers):
        y = b.layer_norm(x, wide)
        x = b.op("Add", x, attention(b, (y, y, y), wide, heads, (-1, -1), gain=0.5))
        y = b.gelu(b.linear(b.layer_norm(x, wide), (wide, 4 * wide)))
        x = b.op("Add", x, b.linear(y, (4 * wide, wide), gain=0.5))
    x = b.layer_norm(x, wide)
    if wide != 1024:
        x = b.linear(x, (wide, 1024))
    b.output(b.op("Squeeze", x, b.ints(0)), "encoding_out", ("rows", 1024))
    return b


def attention(
    b: GraphBuilder, qkv: tuple[str, str, str], width: int, heads: int, lengths: tuple[int, int], gain: float = 1.0
) -> str:
    """Multi-head attention of [1, L, width] tensors; ``lengths``: of the queries and the keys, -1 where free."""
    weights = shared_weights(b, width, gain)
    return apply_attention(b, qkv, weights, width, heads, lengths)


def shared_weights(b: GraphBuilder, width: int, gain: float = 1.0) -> list[tuple[str, str]]:
    gains = (1.0, 1.0, 1.0, gain)
    return [(b.weight((width, width), g / math.sqrt(width)), b.weight((width,), 0.02)) for g in gains]


def apply_attention(
    b: GraphBuilder,
    qkv: tuple[str, str, str],
    weights: list[tuple[str, str]],
    width: int,
    heads: int,
    lengths: tuple[int, int],
) -> str:
    size = width // heads
    parts = []
    for x, (matrix, bias), length in zip(qkv, weights, (lengths[0], lengths[1], lengths[1]), strict=False):
        y = b.op("Add", b.op("MatMul", x, matrix), bias)
        parts.append(b.transpose(b.reshape(y, 1, length, heads, size), 0, 2, 1, 3))
    q, k, v = parts
    scores = b.op("MatMul", b.op("Mul", q, b.constant(1 / math.sqrt(size))), b.transpose(k, 0, 1, 3, 2))
    mixed = b.op("MatMul", b.op("Softmax", scores, axis=-1), v)
    mixed = b.reshape(b.transpose(mixed, 0, 2, 1, 3), 1, lengths[0], width)
    return b.op("Add", b.op("MatMul", mixed, weights[3][0]), weights[3][1])


@dataclass(frozen=True, slots=True)
class _Layer:
    """The weights of one decoder layer, which both guidance branches use."""

    self_attention: list[tuple[str, str]]
    cross_attention: list[tuple[str, str]]
    norms: list[tuple[str, str]]
    forward: list[tuple[str, str]]
    films: list[tuple[str, str]]


def lmdm(width: float = 1, seed: int = 0, audio_features: int = 1103, layers: int = 8) -> GraphBuilder:
    """One diffusion step with guidance inside, as the published graph does it."""
    b = GraphBuilder("lmdm", seed)
    size, hidden, heads = scaled(512, width), scaled(1024, width), 8
    x = b.input("x", (1, FRAMES, MOTION))
    frame = b.input("cond_frame", (1, MOTION))
    cond = b.input("cond", (1, FRAMES, audio_features))
    time = b.input("time_cond", (1,), TensorProto.INT64)

    into = _dense(b, 2 * MOTION, size)
    frames = b.op("Tile", b.reshape(frame, 1, 1, MOTION), b.ints(1, FRAMES, 1))
    start = _linear(b, b.op("Concat", x, frames, axis=-1), into)

    embedding = _dense(b, audio_features, size)
    encoders = [_layer(b, size, hidden, cross=False) for _ in range(2)]
    pool_norm, pool = _norm(b, size), [_dense(b, size, size), _dense(b, size, size)]
    null_tokens, null_hidden = b.weight((1, FRAMES, size), 1.0), b.weight((1, size), 1.0)
    times = _dense(b, size, 4 * size), _dense(b, 4 * size, size), _dense(b, 4 * size, 2 * size)
    token_norm = _norm(b, size)
    decoders = [_layer(b, size, hidden) for _ in range(layers)]
    out = _dense(b, size, MOTION, gain=0.5)

    def branch(keep: bool) -> str:
        tokens = _linear(b, cond, embedding)
        for layer in encoders:
            y = _normed(b, tokens, layer.norms[0])
            turned = _rotate(b, y, FRAMES, size)
            mixed = apply_attention(b, (turned, turned, y), layer.self_attention, size, heads, (FRAMES, FRAMES))
            tokens = b.op("Add", tokens, mixed)
            tokens = b.op("Add", tokens, _forward(b, _normed(b, tokens, layer.norms[1]), layer))
        tokens = b.op("Where", b.constant(np.full((1, 1, 1), keep), np.bool_), tokens, null_tokens)
        pooled = _normed(b, b.op("ReduceMean", tokens, b.ints(1), keepdims=0), pool_norm)
        pooled = _linear(b, pooled, pool[0])
        pooled = _linear(b, b.op("Mul", pooled, b.op("Sigmoid", pooled)), pool[1])
        pooled = b.op("Where", b.constant(np.full((1, 1), keep), np.bool_), pooled, null_hidden)

        moment = b.mish(_linear(b, _sinusoid(b, time, size), times[0]))
        film = b.mish(b.op("Add", _linear(b, moment, times[1]), pooled))
        time_tokens = b.reshape(_linear(b, moment, times[2]), 1, 2, size)
        memory = _normed(b, b.op("Concat", tokens, time_tokens, axis=1), token_norm)
        y = start
        for layer in decoders:
            y = _decode(b, y, memory, film, layer, size, heads)
        return _linear(b, y, out)

    unconditional, conditional = branch(False), branch(True)
    change = b.op("Mul", b.op("Sub", conditional, unconditional), b.constant(2.0))
    x_start = b.op("Add", unconditional, change)
    alphas = _cosine_alphas()
    scale = b.reshape(b.op("Gather", b.constant(np.sqrt(1 / alphas)), time, axis=0), 1, 1, 1)
    below = b.reshape(b.op("Gather", b.constant(np.sqrt(1 / alphas - 1)), time, axis=0), 1, 1, 1)
    noise = b.op("Div", b.op("Sub", b.op("Mul", scale, x), x_start), below)
    b.output(noise, "pred_noise", (1, FRAMES, MOTION))
    b.output(x_start, "x_start", (1, FRAMES, MOTION))
    return b


def _decode(b: GraphBuilder, y: str, memory: str, film: str, layer: _Layer, size: int, heads: int) -> str:
    seen = _normed(b, y, layer.norms[0])
    turned = _rotate(b, seen, FRAMES, size)
    mixed = apply_attention(b, (turned, turned, seen), layer.self_attention, size, heads, (FRAMES, FRAMES))
    y = b.op("Add", y, _film(b, mixed, film, layer.films[0]))
    query = _rotate(b, _normed(b, y, layer.norms[1]), FRAMES, size)
    key = _rotate(b, memory, FRAMES + 2, size)
    mixed = apply_attention(b, (query, key, memory), layer.cross_attention, size, heads, (FRAMES, FRAMES + 2))
    y = b.op("Add", y, _film(b, mixed, film, layer.films[1]))
    return b.op("Add", y, _film(b, _forward(b, _normed(b, y, layer.norms[2]), layer), film, layer.films[2]))


def _layer(b: GraphBuilder, size: int, hidden: int, cross: bool = True) -> _Layer:
    return _Layer(
        shared_weights(b, size, 0.5),
        shared_weights(b, size, 0.5) if cross else [],
        [_norm(b, size) for _ in range(3 if cross else 2)],
        [_dense(b, size, hidden), _dense(b, hidden, size, gain=0.5)],
        [_dense(b, size, 2 * size, gain=0.3) for _ in range(3)] if cross else [],
    )


def _dense(b: GraphBuilder, before: int, after: int, gain: float = 1.0) -> tuple[str, str]:
    return b.weight((before, after), gain / math.sqrt(before)), b.weight((after,), 0.02)


def _norm(b: GraphBuilder, size: int) -> tuple[str, str]:
    return b.weight((size,), 0.05, 1.0), b.weight((size,), 0.05)


def _linear(b: GraphBuilder, x: str, weights: tuple[str, str]) -> str:
    return b.op("Add", b.op("MatMul", x, weights[0]), weights[1])


def _normed(b: GraphBuilder, x: str, weights: tuple[str, str]) -> str:
    return b.op("LayerNormalization", x, *weights, axis=-1, epsilon=1e-5)


def _forward(b: GraphBuilder, x: str, layer: _Layer) -> str:
    return _linear(b, b.gelu(_linear(b, x, layer.forward[0])), layer.forward[1])


def _film(b: GraphBuilder, x: str, film: str, weights: tuple[str, str]) -> str:
    """``film`` [1, width] through linear to scale and shift."""
    both = b.op("Unsqueeze", _linear(b, film, weights), b.ints(1))
    scale, shift = b.op("Split", both, outputs=2, axis=-1, num_outputs=2)
    return b.op("Add", b.op("Mul", b.op("Add", scale, b.one), x), shift)


def _rotate(b: GraphBuilder, x: str, length: int, size: int) -> str:
    """Rotary positions over all features, neighbours paired."""
    speeds = 10000.0 ** (-np.arange(0, size, 2) / size)
    angles = np.repeat(np.outer(np.arange(length), speeds), 2, axis=-1)
    pairs = b.reshape(x, 1, length, size // 2, 2)
    first, second = b.op("Split", pairs, outputs=2, axis=-1, num_outputs=2)
    turned = b.reshape(b.op("Concat", b.op("Neg", second), first, axis=-1), 1, length, size)
    return b.op("Add", b.op("Mul", x, b.constant(np.cos(angles))), b.op("Mul", turned, b.constant(np.sin(angles))))


def _sinusoid(b: GraphBuilder, time: str, size: int) -> str:
    half = size // 2
    speeds = np.exp(np.arange(half) * -(math.log(10000) / (half - 1)))
    angles = b.op("Mul", b.reshape(b.op("Cast", time, to=TensorProto.FLOAT), 1, 1), b.constant(speeds[None]))
    return b.op("Concat", b.op("Sin", angles), b.op("Cos", angles), axis=-1)


def _cosine_alphas(steps: int = 1000, s: float = 0.008) -> np.ndarray:
    t = np.arange(steps + 1) / steps
    curve = np.cos((t + s) / (1 + s) * math.pi / 2) ** 2
    return np.cumprod(1 - np.clip(1 - curve[1:] / curve[:-1], 0, 0.999))
