"""Training: everything from seeds, in one order."""

from __future__ import annotations

import logging
import math
import time
from concurrent.futures import ThreadPoolExecutor

import torch

from .batches import batches
from .learner import Learner, lesson
from .memory import keep_freed_memory
from .network import Network
from .optimiser import Optimiser
from .settings import Settings

logger = logging.getLogger(__name__)

_SPANS = 6  # a sequence is learned in so many parts, each from the state that the one before left
_ROUNDED = 0.7  # of all updates are made before the network learns with weights as they are stored
_REPORT = 300  # updates
_THREADS = 2  # that the optimiser takes


def train(settings: Settings) -> Network:
    """Train from nothing; the result depends on ``settings`` alone."""
    keep_freed_memory()
    torch.manual_seed(settings.seed)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # nothing here reads what it has not written
    network = Network(settings.units, settings.layers, getattr(torch, settings.precision))
    learner = Learner(network)
    started, running, update = time.monotonic(), 0.0, 0
    with ThreadPoolExecutor(_THREADS, "matrices", torch.set_num_threads, (1,)) as threads:
        optimiser = Optimiser(learner, settings.rate, settings.updates, threads)
        for batch in batches(settings, math.ceil(settings.updates / _SPANS)):
            state: torch.Tensor | None = None
            for part in lesson(batch).split(_SPANS)[: settings.updates - update]:
                network.as_stored = update >= _ROUNDED * settings.updates
                lips, further, state = learner(part, state)
                learner.zero_grad()
                (lips + further).backward()
                optimiser.step(update)
                running += 0.01 * (lips.item() - running) if update else lips.item()
                update += 1
                if update % _REPORT == 0:
                    seconds = time.monotonic() - started
                    logger.info("update %5d of %d  loss %.4f  %4.0f s", update, settings.updates, running, seconds)
    return network
