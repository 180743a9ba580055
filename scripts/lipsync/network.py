"""The network in PyTorch, and how it is stored."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from vcam.animators.lite.lipsync import OUTPUTS, STACK
from vcam.audio.logmel import BANDS

from .recurrent import gru, linear


class Network(nn.Module):
    """[batch, steps, 240] -> logits [batch, steps, 6]; parameter names are those of the shipped file.

    ``precision``: of the factors of its large products.
    """

    def __init__(self, units: int, layers: int, precision: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.precision = precision
        self.input = nn.Linear(STACK * BANDS, units)
        self.gru = nn.GRU(units, units, layers, batch_first=True)
        self.output = nn.Linear(units, len(OUTPUTS))

    def states(self, stacked: torch.Tensor, state: torch.Tensor | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        """Of every step [batch, steps, units], and the last ones of all layers, from which a later call goes on."""
        seen = torch.relu(linear(self.input, stacked, self.precision))
        return gru(self.gru, seen, state, self.precision)

    def forward(self, stacked: torch.Tensor) -> torch.Tensor:
        """From a fresh start."""
        logits: torch.Tensor = self.output(self.states(stacked)[0])
        return logits


def stacked(hops: torch.Tensor) -> torch.Tensor:
    """[batch, hops, 40] -> [batch, steps, 240]: what each step sees."""
    return hops.unfold(1, STACK, 2).transpose(2, 3).flatten(2)


def outputs(logits: torch.Tensor) -> torch.Tensor:
    """Logits as the values of ``OUTPUTS``."""
    return torch.cat([torch.sigmoid(logits[..., :1]), torch.tanh(logits[..., 1:2]), torch.sigmoid(logits[..., 2:])], -1)


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
