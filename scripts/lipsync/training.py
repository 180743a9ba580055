"""Training: everything from seeds, in one order."""

from __future__ import annotations

import itertools
import logging
import math
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import torch

from .batches import batches
from .learner import Learner, lesson
from .memory import keep_freed_memory
from .network import Network
from .optimiser import Optimiser
from .settings import Settings

logger = logging.getLogger(__name__)

_SHARES = 2  # of a batch, each for a thread; 16 sequences, which a cache holds, take less than half of 32's time
_SPANS = 6  # a sequence is learned in so many parts, each from the state that the one before left
_ROUNDED = 0.7  # of all updates are made before the network learns with weights as they are stored
_REPORT = 300  # updates


def train(settings: Settings) -> Network:
    """Train from nothing; the result depends on ``settings`` alone, not on how many cores there are."""
    keep_freed_memory()
    torch.manual_seed(settings.seed)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    network = Network(settings.units, settings.layers, getattr(torch, settings.precision))
    learner = Learner(network)
    started, running, update = time.monotonic(), 0.0, 0
    with ThreadPoolExecutor(_SHARES, "learn", torch.set_num_threads, (1,)) as threads:
        optimiser = Optimiser(learner, settings.rate, settings.updates, threads)
        for batch in batches(settings, math.ceil(settings.updates / _SPANS)):
            spans = zip(*(share.spans(_SPANS) for share in lesson(batch).shares(_SHARES)), strict=True)
            states: Sequence[torch.Tensor | None] = [None] * _SHARES
            for span in itertools.islice(spans, settings.updates - update):
                network.as_stored = update >= _ROUNDED * settings.updates
                lips, slopes, states = zip(*threads.map(learner.slopes, span, states), strict=True)
                for parameter, *each in zip(learner.parameters(), *slopes, strict=True):
                    parameter.grad = sum(each) / len(each)
                optimiser.step(update)
                mean = sum(lips) / len(lips)
                running += 0.01 * (mean - running) if update else mean
                update += 1
                if update % _REPORT == 0:
                    seconds = time.monotonic() - started
                    logger.info("update %5d of %d  loss %.4f  %4.0f s", update, settings.updates, running, seconds)
    return network
