"""Stand-ins of the networks that listen and move: loudness opens the mouth, pitch bands widen it, the head nods along.

``hubert`` gives 1024 numbers for each 20 ms; the first nine are the loudness and eight bands, 0..1 each. ``lmdm`` reads
those nine and the emotion, and leaves a trace of noise, step and condition frame, so that the sampler counts.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vcam.animators.ditto.motion import EXP, MOTION_SIZE, PITCH, ROLL, YAW
from vcam.animators.ditto.networks import HUBERT, LMDM
from vcam.animators.ditto.options import CLIP
from vcam.media import SAMPLE_RATE, FloatArray

from .graph import Graph, integers
from .pixels import angle_logits

COLUMNS, CONDITION = 1024, 1103
_BANDS = (140.0, 300.0, 500.0, 800.0, 1300.0, 2100.0, 3300.0, 5000.0)  # Hz
_WINDOW, _HOP = 400, 320
_FEATURES = 1 + len(_BANDS)
_QUIET, _LOUD = -6.0, -3.0  # log10 of a band's power that is shown as 0 and as 1
_HAPPY, _SAD = 3, 5
_TRACE = 0.02  # how much of the noise stays visible


def save_speech(folder: Path) -> None:
    _save_hubert(folder)
    _save_lmdm(folder)


def _save_hubert(folder: Path) -> None:
    graph = Graph(HUBERT)
    time = np.arange(_WINDOW) / SAMPLE_RATE
    window = np.hanning(_WINDOW) / np.hanning(_WINDOW).sum()
    waves = [window * wave(2 * np.pi * band * time) for wave in (np.cos, np.sin) for band in _BANDS]
    kernels = np.array(waves, np.float32)[:, None]
    # [1, 1, N] -> [1, 16, rows]
    parts = graph.op("Conv", graph.op("Unsqueeze", "input_values", integers(1)), kernels, strides=[_HOP])
    power = graph.mul(parts, parts)
    count = len(_BANDS)
    bands = graph.add(graph.slice(power, 1, 0, count), graph.slice(power, 1, count, 2 * count))
    total = graph.sum(bands, 1)
    levels = graph.op("Log", graph.add(graph.op("Concat", total, bands, axis=1), 1e-9))
    scale = 1 / (np.log(10) * (_LOUD - _QUIET))
    shown = graph.op("Clip", graph.add(graph.mul(levels, scale), -_QUIET / (_LOUD - _QUIET)), 0.0, 1.0)
    rows = graph.op("Squeeze", graph.op("Transpose", shown, perm=[0, 2, 1]), integers(0))
    rest = np.sin(np.outer(np.arange(1, _FEATURES + 1), np.arange(1, COLUMNS - _FEATURES + 1)) * 0.37)
    mixed = graph.op("Tanh", graph.op("MatMul", rows, rest.astype(np.float32)))
    graph.save(
        folder,
        {"encoding_out": graph.op("Concat", rows, mixed, axis=1)},
        {"input_values": (1, "samples"), "encoding_out": ("rows", COLUMNS)},
    )


def _save_lmdm(folder: Path) -> None:
    graph = Graph(LMDM)
    heard = graph.op("Concat", graph.slice("cond", 2, 0, _FEATURES), graph.slice("cond", 2, 1024, 1032), axis=2)
    columns = graph.op("Transpose", heard, perm=[0, 2, 1])
    quick, slow = (
        graph.op("Conv", columns, _smoother(taps), group=_FEATURES + 8, pads=[taps // 2, taps // 2]) for taps in (3, 25)
    )
    rows = graph.op("Transpose", graph.op("Concat", quick, slow, axis=1), perm=[0, 2, 1])
    target = graph.add(graph.op("MatMul", rows, _movements()), _rest())
    fading = (0.1 * np.exp(-np.arange(CLIP) / 5)).astype(np.float32).reshape(1, CLIP, 1)
    before = graph.op("Unsqueeze", "cond_frame", integers(1))
    seam = graph.mul(graph.op("Tanh", graph.sub(before, graph.slice(target, 1, 0, 1))), fading)
    step = graph.reshape(graph.op("Cast", "time_cond", to=1), 1, 1, 1)
    noise = graph.mul(graph.op("Tanh", "x"), graph.mul(graph.add(step, 1.0), _TRACE / 1000))
    x_start = graph.add(target, seam, noise)
    kept = graph.reshape(graph.op("Gather", graph.constant(_kept()), "time_cond"), 1, 1, 1)
    # x = sqrt(a) x_start + sqrt(1 - a) pred_noise
    signal = graph.mul(x_start, graph.op("Sqrt", kept))
    pred_noise = graph.op("Div", graph.sub("x", signal), graph.op("Sqrt", graph.sub(1.0, kept)))
    graph.save(folder, {"pred_noise": pred_noise, "x_start": x_start}, {"cond": (1, CLIP, CONDITION)})


def _kept() -> FloatArray:
    """a of each of the 1000 steps: the cosine schedule (Nichol and Dhariwal 2021), s = 0.008, betas up to 0.999."""
    angle = (np.arange(1001) / 1000 + 0.008) / 1.008 * np.pi / 2
    bar = np.cos(angle) ** 2
    betas = np.clip(1 - bar[1:] / bar[:-1], 0, 0.999)
    return np.cumprod(1 - betas).astype(np.float32)


def _smoother(taps: int) -> FloatArray:
    bell = np.hanning(taps + 2)[1:-1]
    return np.repeat((bell / bell.sum()).astype(np.float32)[None, None], _FEATURES + 8, 0)


def _rest() -> FloatArray:
    """A motion row at rest."""
    row = np.zeros(MOTION_SIZE, np.float32)
    for angle in (PITCH, YAW, ROLL):
        row[angle] = angle_logits()
    return row


def _movements() -> FloatArray:
    """float32 [34, 265]: what each quick and each slow feature moves. Expressions are in units of the crop's half side
    over the scale; y goes down."""
    matrix = np.zeros((2 * (_FEATURES + 8), MOTION_SIZE), np.float32)
    turn = angle_logits(1.0) - angle_logits()

    def exp(feature: int, point: int, x: float, y: float) -> None:
        matrix[feature, EXP.start + 3 * point : EXP.start + 3 * point + 2] += (x, y)

    loudness, low, high, emotion, slow = 0, range(2, 5), range(6, 9), _FEATURES, _FEATURES + 8
    for lower in (17, 19, 20):
        exp(loudness, lower, 0, 0.055)
        for band in low:
            exp(band, lower, 0, 0.02)
    exp(loudness, 14, 0, -0.012)
    for band in high:
        exp(band, 6, -0.008, 0)
        exp(band, 12, 0.008, 0)
    for corner, side in ((6, -1), (12, 1)):
        exp(emotion + _HAPPY, corner, side * 0.02, -0.03)
        exp(emotion + _SAD, corner, 0, 0.03)
    matrix[slow + loudness, PITCH] += 0.8 * turn
    matrix[slow + 2, YAW] += 0.6 * turn
    matrix[slow + 7, YAW] -= 0.8 * turn
    matrix[slow + 4, ROLL] += 0.5 * turn
    return matrix
