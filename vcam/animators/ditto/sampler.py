"""Denoising diffusion: from noise, audio and a first pose to 80 frames of motion.

DDIM (Song, Meng and Ermon, arXiv 2010.02502, equations 12 and 16) with eta 1 on a cosine schedule (Nichol and
Dhariwal, arXiv 2102.09672, equation 17) of 1000 steps, of which few are taken.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from vcam.errors import AnimatorError
from vcam.media import FloatArray

from .backends.base import Array, Denoising, Network, Tensor
from .motion import MOTION_SIZE, check
from .observing import Observe, nobody
from .options import CLIP
from .randomness import Randomness

TRAINED_STEPS = 1000
COSINE_OFFSET = 0.008
LARGEST_BETA = 0.999

_SHAPE = (1, CLIP, MOTION_SIZE)


def remaining_signal() -> FloatArray:
    """How much of the signal's variance is left after each of the 1000 noising steps, float32 [1000].

    Rounded to float32 where the network's training did: near step 0, ``Sampler.c`` is a difference of almost equal
    numbers, and shows it.
    """
    at = np.arange(TRAINED_STEPS + 1) / TRAINED_STEPS
    signal = np.cos((at + COSINE_OFFSET) / (1 + COSINE_OFFSET) * np.pi / 2) ** 2
    betas = np.clip(1 - signal[1:] / signal[:-1], 0, LARGEST_BETA).astype(np.float32)
    return np.cumprod(1 - betas, dtype=np.float64).astype(np.float32)


class Sampler:
    """Runs the diffusion network, once for each step of each clip.

    ``times``: int64 [steps], the network's time of each step. ``alpha_next_sqrt``, ``c``, ``sigma``: float32
    [steps - 1], what x_start, the predicted noise and the step's own noise weigh in the next x.

    The steps' own noise is drawn once and used for all clips, as the reference does: clips then differ less from each
    other where they overlap. ``redraw`` draws it anew for each. ``put`` (a backend's) keeps a clip's conditions on
    the device for all its steps.
    """

    def __init__(
        self,
        network: Network,
        steps: int,
        randomness: Randomness,
        *,
        redraw: bool = False,
        put: Callable[[Array], Tensor] | None = None,
        observe: Observe = nobody,
    ) -> None:
        if not 1 <= steps <= TRAINED_STEPS:
            raise AnimatorError(f"A motion cannot be sampled in {steps} steps.", f"Give 1 to {TRAINED_STEPS} steps.")
        self._network = network
        self._randomness = randomness
        self._redraw = redraw
        self._put = put
        self._observe = observe

        ends = np.linspace(-1, TRAINED_STEPS - 1, steps + 1).astype(np.int64)[::-1]
        self.times = ends[:-1].copy()
        signal = remaining_signal()
        now, after = signal[self.times[:-1]], signal[self.times[1:]]
        self.alpha_next_sqrt = np.sqrt(after)
        self.sigma = np.sqrt((1 - now / after) * (1 - after) / (1 - now))
        self.c = np.sqrt(np.maximum(1 - after - self.sigma**2, 0))

        self._schedule = Denoising(self.times, self.alpha_next_sqrt, self.c)
        self._time_inputs = [np.array([time], np.int64) for time in self.times]
        self._x = np.empty(_SHAPE, np.float32)
        self._term = np.empty(_SHAPE, np.float32)
        self._noises = np.empty((steps - 1, *_SHAPE), np.float32)
        if not redraw:
            self._draw_noises()

    def clip(self, first_pose: FloatArray, conditions: FloatArray) -> FloatArray:
        """Motion for 80 frames, float32 [80, 265].

        ``first_pose``: float32 [265], the motion before the clip; ``conditions``: float32 [80, C].
        """
        check(first_pose, (MOTION_SIZE,), "first_pose")
        check(conditions, (CLIP, None), "conditions")
        self._observe("clip_kp_cond", first_pose)
        self._observe("aud_cond", conditions)
        pose: Tensor = first_pose[None]
        condition: Tensor = conditions[None]
        x, term = self._x, self._term
        x[:] = self._drawn()
        if self._redraw:
            self._draw_noises()
        if self._observe is nobody:
            made = self._network.denoise(self._schedule, x, self._noises, pose, condition)
            if made is not None:
                return np.asarray(made[0], np.float32)
        if self._put is not None:
            pose, condition = self._put(first_pose[None]), self._put(conditions[None])
        last = len(self.times) - 1
        for step, time in enumerate(self._time_inputs):
            self._observe("step_x", x[0])
            out = self._network(x=x, cond_frame=pose, cond=condition, time_cond=time)
            self._observe("step_x_start", out["x_start"][0])
            if step == last:
                break
            np.multiply(out["x_start"], self.alpha_next_sqrt[step], out=x)
            np.multiply(out["pred_noise"], self.c[step], out=term)
            x += term
            x += self._noises[step]
        motion = np.array(out["x_start"][0], np.float32)
        self._observe("clip_out", motion)
        return motion

    def _draw_noises(self) -> None:
        for step, sigma in enumerate(self.sigma):
            np.multiply(self._drawn(), sigma, out=self._noises[step])

    def _drawn(self) -> FloatArray:
        drawn = self._randomness.normal(*_SHAPE)
        self._observe("draw", drawn)
        return drawn
