"""How the network in PyTorch follows the slope of its loss."""

from __future__ import annotations

import itertools
import math
from concurrent.futures import Executor

import torch
from torch import nn

from .learner import Learner
from .network import GATES

_WARM = 200  # updates until the full rate
_DECAY = 0.1
_STEEPEST = 1.0  # norm of all slopes, above which they are scaled down
_MOMENTUM = 0.95
_EVERY = 3  # updates a matrix's direction is found anew: it turns slowly, and finding it takes long
_POLYNOMIAL = (3.4445, -4.7750, 2.0315)  # Jordan et al., 2024
_ROUNDS = 5


class Optimiser:
    """Muon (Jordan et al., 2024) for the matrices, AdamW for the rest, both warmed up and then slowed to a halt.

    Muon evens out a matrix as a whole, so each gate of a recurrent layer is one of its own to it. AdamW alone took six
    times as many updates for the same correlation on unknown voices.
    """

    def __init__(self, learner: Learner, rate: float, updates: int, threads: Executor) -> None:
        """``rate`` is that of matrices at its highest; two thirds of it are the rest's. ``threads`` take the matrices,
        each on its own, so that the result does not depend on how many there are."""
        self._threads = threads
        self._parameters = list(learner.parameters())
        self._rate, self._updates = rate, updates
        network = learner.network
        dense = [p for layer in (*network.conv, network.input) for p in layer.parameters()]
        self._whole = [(p, 1) for p in dense if p.ndim == 2]
        self._whole += [(p, GATES) for p in network.lstm.parameters() if p.ndim == 2]
        self._parts = [_Matrix(part) for whole, gates in self._whole for part in whole.detach().chunk(gates)]
        rest = [p for p in self._parameters if all(p is not q for q, _ in self._whole)]
        self._rest = torch.optim.AdamW(rest, weight_decay=_DECAY)

    def step(self, update: int) -> None:
        """Follow the slopes that the parameters have; ``update`` counts from 0."""
        rate = self._rate * min(1.0, (update + 1) / _WARM) * max(0.0, 1 - update / self._updates)
        nn.utils.clip_grad_norm_(self._parameters, _STEEPEST)
        slopes = [slope for whole, gates in self._whole for slope in whole.grad.chunk(gates)]
        turns = [update == 0 or (update + number) % _EVERY == 0 for number in range(len(slopes))]
        steps = self._threads.map(_Matrix.step, self._parts, slopes, itertools.repeat(rate), turns)
        for group in self._rest.param_groups:
            group["lr"] = rate * 2 / 3
        self._rest.step()
        for _ in steps:  # until all are made
            pass


class _Matrix:
    """One that goes by Muon, with steps of about the size that AdamW's have (Liu et al., 2025)."""

    def __init__(self, values: torch.Tensor) -> None:
        self._values = values
        self._momentum, self._direction = torch.zeros_like(values), torch.zeros_like(values)

    def step(self, slope: torch.Tensor, rate: float, turn: bool) -> None:
        """By the direction found last, or with ``turn`` by a new one."""
        self._momentum.lerp_(slope, 1 - _MOMENTUM)
        if turn:
            self._direction.copy_(_even(slope.lerp(self._momentum, _MOMENTUM)))
        size = 0.2 * math.sqrt(max(slope.shape))
        self._values.mul_(1 - rate * _DECAY).add_(self._direction, alpha=-rate * size)


def _even(matrix: torch.Tensor) -> torch.Tensor:
    """bfloat16 with the same singular vectors, and values near 1: by Newton and Schulz, without decomposing it."""
    x = matrix.bfloat16()
    tall = x.shape[0] > x.shape[1]
    x = x.t() if tall else x
    x = x / x.norm().clamp(min=1e-7)
    a, b, c = _POLYNOMIAL
    for _ in range(_ROUNDS):
        square = x @ x.t()
        x = torch.addmm(x, torch.addmm(square, square, square, beta=b, alpha=c), x, beta=a)
    return x.t() if tall else x
