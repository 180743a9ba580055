"""Gated recurrent layers that learn quickly on a processor: PyTorch's own take their products one by one, in float32.

The same function and slopes as ``torch.nn.GRU`` with its weights (Cho et al., 2014, in the form of cuDNN), batch first.
Products may be taken in bfloat16, which recent processors do several times as quickly (they add up in float32 and round
once); states, gates and weights stay float32. A weight's slope is one product for all steps.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn


def product(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Of two matrices, in their precision, as float32."""
    return (a @ b).float()


class _Linear(torch.autograd.Function):
    """[n, inputs] -> [n, outputs]."""

    @staticmethod
    def forward(
        ctx: Any, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, precision: torch.dtype
    ) -> torch.Tensor:
        x, weight = x.to(precision), weight.to(precision)
        ctx.save_for_backward(x, weight)
        return product(x, weight.t()) + bias

    @staticmethod
    def backward(ctx: Any, slope: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        narrow = slope.to(x.dtype)
        into = product(narrow, weight) if ctx.needs_input_grad[0] else None
        return into, product(narrow.t(), x), slope.sum(0), None


class _Layer(torch.autograd.Function):
    """[steps, batch, inputs] and a state [batch, units] -> the states [steps, batch, units], and the last one."""

    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        state: torch.Tensor,
        into: torch.Tensor,
        within: torch.Tensor,
        bias_into: torch.Tensor,
        bias_within: torch.Tensor,
        precision: torch.dtype,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        steps, batch, _ = x.shape
        units = state.shape[1]
        x, into, within = x.to(precision), into.to(precision), within.to(precision)
        gates = product(x.flatten(0, 1), into.t()).view(steps, batch, 3 * units)  # reset, update, new
        gates += bias_into
        gates[..., : 2 * units] += bias_within[: 2 * units]
        states = torch.empty(steps + 1, batch, units)
        narrow = torch.empty(steps + 1, batch, units, dtype=precision)
        recalled = torch.empty(steps, batch, units)  # what the new value hears of the state before, if not reset
        states[0] = narrow[0] = state
        across = within.t()
        for t in range(steps):
            gate, remembered = gates[t], narrow[t] @ across
            opening = gate[:, : 2 * units]
            opening.add_(remembered[:, : 2 * units]).sigmoid_()
            torch.add(bias_within[2 * units :], remembered[:, 2 * units :], out=recalled[t])
            new = gate[:, 2 * units :]
            new.addcmul_(opening[:, :units], recalled[t]).tanh_()
            torch.lerp(new, states[t], opening[:, units:], out=states[t + 1])
            narrow[t + 1].copy_(states[t + 1])
        ctx.save_for_backward(x, into, within, gates, states, narrow, recalled)
        return states[1:], states[-1].clone()

    @staticmethod
    def backward(ctx: Any, slopes: torch.Tensor, slope: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        x, into, within, gates, states, narrow, recalled = ctx.saved_tensors
        steps, batch, units = recalled.shape
        reset, update, new = gates.split(units, 2)
        to_new = (1 - update) * (1 - new * new)
        to_update = (states[:-1] - new) * update * (1 - update)
        to_reset = recalled * reset * (1 - reset)
        news = torch.empty(steps, batch, units)
        back = torch.empty(steps, batch, 3 * units)  # of what the gates hear of the state
        back_narrow = torch.empty(steps, batch, 3 * units, dtype=x.dtype)
        for t in range(steps - 1, -1, -1):
            slope = slope + slopes[t]
            gate = back[t]
            torch.mul(slope, to_new[t], out=news[t])
            torch.mul(news[t], to_reset[t], out=gate[:, :units])
            torch.mul(slope, to_update[t], out=gate[:, units : 2 * units])
            torch.mul(news[t], reset[t], out=gate[:, 2 * units :])
            back_narrow[t].copy_(gate)
            slope = product(back_narrow[t], within).addcmul_(slope, update[t])
        slope_within = product(back_narrow.flatten(0, 1).t(), narrow[:-1].flatten(0, 1))
        bias_within = back.sum((0, 1))
        back[..., 2 * units :] = news  # and of what they hear of the layer below
        below = back.flatten(0, 1).to(x.dtype)
        slope_into = product(below.t(), x.flatten(0, 1))
        slope_x = product(below, into).view(x.shape)
        return slope_x, slope, slope_into, slope_within, back.sum((0, 1)), bias_within, None


def linear(module: nn.Linear, x: torch.Tensor, precision: torch.dtype) -> torch.Tensor:
    """[batch, steps, inputs] -> [batch, steps, outputs], as the module itself does it."""
    flat: torch.Tensor = _Linear.apply(x.flatten(0, 1), module.weight, module.bias, precision)
    return flat.view(*x.shape[:2], -1)


def gru(
    module: nn.GRU, x: torch.Tensor, state: torch.Tensor | None, precision: torch.dtype
) -> tuple[torch.Tensor, torch.Tensor]:
    """[batch, steps, inputs] -> states [batch, steps, units] and last ones [layers, batch, units], as the module."""
    if state is None:
        state = torch.zeros(module.num_layers, len(x), module.hidden_size)
    y, last = x.transpose(0, 1), []
    for layer in range(module.num_layers):
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        weights = [getattr(module, f"{name}_l{layer}") for name in names]
        y, end = _Layer.apply(y, state[layer], *weights, precision)
        last.append(end)
    return y.transpose(0, 1), torch.stack(last)
