"""What the network is taught: the lips, and beside them what was said and how it sounded at the lips.

The further tasks are left behind when the weights are stored. Who has to tell the sound and take noise and room off
it has states that tell the lips better (multi-task learning, Caruana 1997).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.functional import cross_entropy, linear

from vcam.audio.logmel import BANDS

from .batches import Batch
from .network import Network, outputs, stacked
from .targets import JAW, PRESENCE, SOUNDS, WIDE

# of lips pressed, teeth, tongue and presence
_POSITIVE = torch.tensor([2.0, 3.0, 3.0, 1.0])  # contacts are rare: what a missed one costs against a false one
_WEIGHTS = torch.tensor([1.5, 0.5, 0.5, 0.4])
_SAID, _DRY = 0.2, 0.5  # weights of the further tasks
_HOPS = 2  # a step


@dataclass(frozen=True, slots=True)
class Lesson:
    """A part of a batch: float32 ``seen`` [batch, steps, 240], ``aims`` [.., 6], ``dry`` [.., 80]; int64 ``said``."""

    seen: torch.Tensor
    aims: torch.Tensor
    said: torch.Tensor
    dry: torch.Tensor

    def split(self, count: int) -> list[Lesson]:
        """Into so many, one after the other in time."""
        parts = (x.chunk(count, 1) for x in (self.seen, self.aims, self.said, self.dry))
        return [Lesson(*each) for each in zip(*parts, strict=True)]


def lesson(batch: Batch) -> Lesson:
    aims = torch.from_numpy(batch.aims).float()
    dry = torch.from_numpy(batch.dry).float().reshape(*aims.shape[:2], _HOPS * BANDS)
    return Lesson(stacked(torch.from_numpy(batch.heard).float()), aims, torch.from_numpy(batch.said).long(), dry)


class Learner(nn.Module):
    """A network and its further tasks."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network
        self.said = nn.Linear(network.output.in_features, len(SOUNDS))
        self.dry = nn.Linear(network.output.in_features, _HOPS * BANDS)

    def forward(self, taught: Lesson, state: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """The loss of the lips, that of the further tasks, and the state to go on from."""
        states, last = self.network.states(taught.seen, state)
        said = cross_entropy(self._told(self.said, states).flatten(0, 1), taught.said.flatten())
        dry = ((self._told(self.dry, states) - taught.dry) ** 2).mean()
        return loss(self.network.output(states), taught.aims), _SAID * said + _DRY * dry, last.detach()

    def _told(self, layer: nn.Linear, states: torch.Tensor) -> torch.Tensor:
        kind = self.network.precision
        return linear(states.to(kind), layer.weight.to(kind), layer.bias.to(kind)).float()


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
