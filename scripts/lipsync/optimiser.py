"""How the network in PyTorch follows the slope of its loss."""

from __future__ import annotations

import torch
from torch import nn

from .learner import Learner

_WARM = 200  # updates until the full rate
_DECAY = 0.1
_STEEPEST = 1.0  # norm of all slopes, above which they are scaled down
_GATES = 3  # whose matrices PyTorch keeps in one, above each other


class Optimiser:
    """Muon (Jordan et al., 2024) for the matrices, AdamW for the rest, both warmed up and then slowed to a halt.

    Muon evens out a matrix as a whole, so each gate of a recurrent layer is one of its own to it. AdamW alone took six
    times as many updates for the same correlation on unknown voices.
    """

    def __init__(self, learner: Learner, rate: float, updates: int) -> None:
        """``rate`` is that of matrices at its highest; two thirds of it are the rest's."""
        self._parameters = list(learner.parameters())
        self._updates = updates
        network = learner.network
        inner = [p for p in (*network.input.parameters(), *network.gru.parameters()) if p.ndim == 2]
        self._whole = [(p, 1 if p is network.input.weight else _GATES) for p in inner]
        self._parts = [part for whole, gates in self._whole for part in whole.detach().chunk(gates)]
        rest = [p for p in self._parameters if all(p is not q for q in inner)]
        self._optimisers = (
            torch.optim.Muon(self._parts, rate, weight_decay=_DECAY, adjust_lr_fn="match_rms_adamw"),
            torch.optim.AdamW(rest, rate * 2 / 3, weight_decay=_DECAY),
        )
        self._rates = [group["lr"] for group in self._groups()]

    def step(self, update: int) -> None:
        """Follow the slopes that the parameters have; ``update`` counts from 0."""
        scale = min(1.0, (update + 1) / _WARM) * max(0.0, 1 - update / self._updates)
        for group, rate in zip(self._groups(), self._rates, strict=True):
            group["lr"] = rate * scale
        nn.utils.clip_grad_norm_(self._parameters, _STEEPEST)
        slopes = [slope for whole, gates in self._whole for slope in whole.grad.chunk(gates)]
        for part, slope in zip(self._parts, slopes, strict=True):
            part.grad = slope
        for optimiser in self._optimisers:
            optimiser.step()

    def _groups(self) -> list[dict[str, float]]:
        return [group for optimiser in self._optimisers for group in optimiser.param_groups]
