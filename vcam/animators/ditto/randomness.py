"""Where random numbers come from: one generator, handed in."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod

import numpy as np

from vcam.media import FloatArray


class Randomness(ABC):
    """Draws for the diffusion and for blinks."""

    @abstractmethod
    def normal(self, *shape: int) -> FloatArray:
        """Standard normal numbers, float32."""

    @abstractmethod
    def integer(self, low: int, high: int) -> int:
        """A whole number from low to high, both included."""


class Seeded(Randomness):
    """The same seed gives the same draws, on any machine with the same NumPy."""

    def __init__(self, seed: int) -> None:
        self._generator = np.random.default_rng(seed)

    def normal(self, *shape: int) -> FloatArray:
        return self._generator.standard_normal(shape, np.float32)

    def integer(self, low: int, high: int) -> int:
        return int(self._generator.integers(low, high, endpoint=True))


class Legacy(Randomness):
    """The draws of the reference after ``np.random.seed(seed); random.seed(seed)``: float64 made float32."""

    def __init__(self, seed: int) -> None:
        self._numpy = np.random.RandomState(seed)
        self._python = random.Random(seed)

    def normal(self, *shape: int) -> FloatArray:
        return self._numpy.randn(*shape).astype(np.float32)

    def integer(self, low: int, high: int) -> int:
        return self._python.randint(low, high)
