"""The network in PyTorch, and how it is stored."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from torch.nn.functional import linear

from vcam.animators.lite.lipsync import CONVOLUTIONS, OUTPUTS, STACK
from vcam.audio.logmel import BANDS

from .stored import COARSE, FINE, multiples, steps, stored

CHANNELS = (48, 64)  # that the convolutions give
GATES = 4  # of a recurrent layer, above each other in its matrices: input, forget, new, output


class Network(nn.Module):
    """[batch, steps, 240] -> logits [batch, steps, 6]; parameter names are those of the shipped file.

    ``precision``: of the large layers. Recent processors are several times as quick in bfloat16.
    """

    def __init__(self, units: int, layers: int, precision: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.precision = precision
        self.as_stored = True  # its large layers' weights are taken rounded to what a file keeps
        self.conv = nn.ModuleList()
        self._strides = []  # in values of what is convolved
        places, channels = BANDS, STACK
        for given, (width, stride) in zip(CHANNELS, CONVOLUTIONS, strict=True):
            self.conv.append(nn.Linear(width * channels, given))
            self._strides.append(stride * channels)
            places, channels = (places - width) // stride + 1, given
        self.input = nn.Linear(places * channels, units)
        self.lstm = nn.LSTM(units, units, layers, batch_first=True)
        self.output = nn.Linear(units, len(OUTPUTS))
        with torch.no_grad():
            for layer in range(layers):  # remember at first (Jozefowicz et al., 2015)
                self.lstm.get_parameter(f"bias_ih_l{layer}")[units : 2 * units] += 1.0

    def states(self, stacked: torch.Tensor, state: torch.Tensor | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        """Of every step [batch, steps, units], and all layers' last ones and cells, from which a later call goes on."""
        if state is None:
            state = torch.zeros(2, self.lstm.num_layers, len(stacked), self.lstm.hidden_size)
        state = state.to(self.precision)
        seen = stacked.to(self.precision)
        for layer, stride in zip(self.conv, self._strides, strict=True):
            seen = self._convolved(layer, seen, stride)
        seen = self._convolved(self.input, seen, 1)  # in its only place
        weights = {name: self._taken(value) for name, value in self.lstm.named_parameters()}
        states, last = torch.func.functional_call(self.lstm, weights, (seen, (state[0], state[1])))
        return states.float(), torch.stack(last).float()

    def forward(self, stacked: torch.Tensor) -> torch.Tensor:
        """From a fresh start."""
        logits: torch.Tensor = self.output(self.states(stacked)[0])
        return logits

    def _convolved(self, layer: nn.Module, seen: torch.Tensor, stride: int) -> torch.Tensor:
        """And rectified. Place by place, which on a processor is twice as quick as PyTorch's conv1d."""
        weight, bias = self._taken(layer.weight), self._taken(layer.bias)
        width = weight.shape[1]
        places = range(0, seen.shape[-1] - width + 1, stride)
        return torch.relu(torch.cat([linear(seen[..., at : at + width], weight, bias) for at in places], -1))

    def _taken(self, value: torch.Tensor) -> torch.Tensor:
        return (stored(value, COARSE) if self.as_stored and value.ndim == 2 else value).to(self.precision)


def stacked(hops: torch.Tensor) -> torch.Tensor:
    """[batch, hops, 40] -> [batch, steps, 240]: what each step sees, band by band."""
    return hops.unfold(1, STACK, 2).flatten(2)


def outputs(logits: torch.Tensor) -> torch.Tensor:
    """Logits as the values of ``OUTPUTS``."""
    return torch.cat([torch.sigmoid(logits[..., :1]), torch.tanh(logits[..., 1:2]), torch.sigmoid(logits[..., 2:])], -1)


def exported(network: Network) -> dict[str, np.ndarray]:
    """The weights as they ship: matrices as int8 with a float16 scale for each row, the rest float16."""
    arrays: dict[str, np.ndarray] = {}
    for name, value in network.state_dict().items():
        if value.ndim == 2:
            part = FINE if name == "output.weight" else COARSE
            arrays[name] = multiples(value, part).numpy().astype(np.int8)
            arrays[f"{name}.scale"] = steps(value, part).numpy().astype(np.float16)
        else:
            arrays[name] = value.numpy().astype(np.float16)
    return arrays
