"""The network in PyTorch, its loss, and its training: everything from seeds, in one order."""

from __future__ import annotations

import logging
import math
import multiprocessing
import os
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from vcam.animators.lite.lipsync import OUTPUTS, STACK
from vcam.audio.logmel import BANDS, HOP, WINDOW, Level, Spectra
from vcam.media import FloatArray

from .corpus import Corpus, make_corpus, open_corpus, sequence
from .optimiser import Optimiser
from .targets import JAW, PRESENCE, WIDE

logger = logging.getLogger(__name__)

STEPS = 302  # 6 s of rows, and the last one's future
_SPANS = 6  # a sequence is learned in so many parts, each from the state that the one before left
_AHEAD = 8  # batches asked for before they are needed
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")  # of NumPy's matrix products, in the processes started
_POSITIVE = torch.tensor([2.0, 3.0, 3.0, 1.0])  # contacts are rare: what a missed one costs against a false one
_WEIGHTS = torch.tensor([1.2, 0.5, 0.5, 0.4])
_FUTURE_STEPS = STACK // 2 - 1  # at the end of a sequence whose future is not there


@dataclass(frozen=True, slots=True)
class Settings:
    """What a training run depends on."""

    hours: float = 16.0
    updates: int = 12000
    batch: int = 32
    layers: int = 3
    units: int = 160
    rate: float = 3e-3  # of matrices; two thirds of it for the rest
    seed: int = 1
    workers: int = 2
    cache: Path = Path("lipsync-cache")


class Network(nn.Module):
    """[batch, steps, 240] -> logits [batch, steps, 6]; parameter names are those of the shipped file."""

    def __init__(self, units: int, layers: int) -> None:
        super().__init__()
        self.input = nn.Linear(STACK * BANDS, units)
        self.gru = nn.GRU(units, units, layers, batch_first=True)
        self.output = nn.Linear(units, len(OUTPUTS))

    def forward(self, stacked: torch.Tensor, state: torch.Tensor | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        """From a state that an earlier call left, or from a fresh start."""
        states, last = self.gru(torch.relu(self.input(stacked)), state)
        return self.output(states), last


def stacked(hops: torch.Tensor) -> torch.Tensor:
    """[batch, hops, 40] -> [batch, steps, 240]: what each step sees."""
    return hops.unfold(1, STACK, 2).transpose(2, 3).flatten(2)


def outputs(logits: torch.Tensor) -> torch.Tensor:
    """Logits as the values of ``OUTPUTS``."""
    return torch.cat([torch.sigmoid(logits[..., :1]), torch.tanh(logits[..., 1:2]), torch.sigmoid(logits[..., 2:])], -1)


def loss(logits: torch.Tensor, aims: torch.Tensor) -> torch.Tensor:
    """Squared error and 1 - concordance (Lin, 1989) for jaw and width; cross-entropy for the rest."""
    shown = outputs(logits)
    total = torch.zeros(())
    for column, weight in ((JAW, 1.4), (WIDE, 1.0)):
        a, b = shown[..., column], aims[..., column]
        scale = (1.0, 0.25)[column]  # width spans twice the range
        mean_a, mean_b = a.mean(), b.mean()
        error = (a - b) ** 2
        if column == JAW:  # a mouth that opens though nobody speaks is seen at once
            error = error * (1 + (1 - aims[..., PRESENCE]))
        covariance = ((a - mean_a) * (b - mean_b)).mean()
        concordance = 2 * covariance / (a.var(False) + b.var(False) + (mean_a - mean_b) ** 2 + 1e-5)
        total = total + weight * (4 * scale * error.mean() + 0.5 * (1 - concordance))
    each = nn.functional.binary_cross_entropy_with_logits(
        logits[..., 2:], aims[..., 2:], reduction="none", pos_weight=_POSITIVE
    )
    entropy = each.mean((0, 1))
    return total + (entropy * _WEIGHTS).sum()


def levelled(sounds: FloatArray) -> FloatArray:
    """[batch, samples] -> float32 [batch, hops, 40], as the streaming features give them from a fresh start."""
    spectra, level = Spectra(), Level()
    padded = np.pad(sounds, ((0, 0), (WINDOW - HOP, 0)))
    decibels = np.stack([spectra.decibels(sound) for sound in padded])
    return np.stack([level.follow(decibels[:, i]) for i in range(decibels.shape[1])], 1)


_corpus: Corpus | None = None  # in each worker


def _open(folder: Path) -> None:
    global _corpus
    torch.set_num_threads(1)
    _corpus = open_corpus(folder)


def _batch(settings: Settings, number: int) -> tuple[np.ndarray, np.ndarray]:
    assert _corpus is not None
    seeds = [[settings.seed, 1000 + number, i] for i in range(settings.batch)]
    pairs = [sequence(_corpus, np.random.default_rng(seed), STEPS) for seed in seeds]
    hops = levelled(np.stack([sound for sound, _ in pairs]))
    aims = np.stack([aims for _, aims in pairs])[:, : STEPS - _FUTURE_STEPS]
    return hops.astype(np.float16), aims.astype(np.float16)


def batches(settings: Settings) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Degraded batches, each shown once, enough for ``updates``; they do not depend on the workers."""
    os.environ.update(dict.fromkeys(_THREADS, "1"))  # two threads would round their sums otherwise than one
    folder = make_corpus(settings.cache, settings.hours, settings.seed, settings.workers)
    count = math.ceil(settings.updates / _SPANS)
    with multiprocessing.get_context("spawn").Pool(settings.workers, _open, (folder,)) as pool:
        waiting = deque(pool.apply_async(_batch, (settings, i)) for i in range(min(count, _AHEAD)))
        for asked in range(len(waiting), count + len(waiting)):
            hops, aims = waiting.popleft().get()
            if asked < count:
                waiting.append(pool.apply_async(_batch, (settings, asked)))
            yield torch.from_numpy(hops.astype(np.float32)), torch.from_numpy(aims.astype(np.float32))


def train(settings: Settings) -> Network:
    """Train from nothing; the result depends on ``settings`` alone."""
    torch.manual_seed(settings.seed)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    network = Network(settings.units, settings.layers)
    optimiser = Optimiser(network, settings.rate, settings.updates)
    started, running, update = time.monotonic(), 0.0, 0
    for hops, aims in batches(settings):
        state: torch.Tensor | None = None
        for seen, wanted in zip(stacked(hops).chunk(_SPANS, 1), aims.chunk(_SPANS, 1), strict=True):
            logits, state = network(seen, state)
            state = state.detach()
            value = loss(logits, wanted)
            optimiser.step(value, update)
            running += 0.01 * (value.item() - running) if update else value.item()
            update += 1
            if update % 300 == 0:
                seconds = time.monotonic() - started
                logger.info("update %5d of %d  loss %.4f  %4.0f s", update, settings.updates, running, seconds)
    return network


def exported(network: Network) -> dict[str, np.ndarray]:
    """The weights as they ship: matrices as int8 with a float16 scale for each row, the rest float16."""
    arrays: dict[str, np.ndarray] = {}
    for name, value in network.state_dict().items():
        array = value.detach().numpy()
        if array.ndim == 2:
            scale = np.maximum(np.abs(array).max(1) / 127, 1e-6).astype(np.float16)
            arrays[f"{name}.scale"] = scale
            rounded = np.round(array / scale.astype(np.float32)[:, None])
            arrays[name] = np.clip(rounded, -127, 127).astype(np.int8)
        else:
            arrays[name] = array.astype(np.float16)
    return arrays
