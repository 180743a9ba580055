"""What travels between the parts: audio chunks, poses and pictures, all stamped in samples of one clock.

A PTS (presentation timestamp) is an integer count of 16 kHz samples since the session began.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
import numpy.typing as npt

SAMPLE_RATE = 16_000  # Hz; the only audio rate inside vcam
CHUNK_SAMPLES = 320  # 20 ms
FRAME_SAMPLES = 640  # 40 ms: frame n shows samples [640 n, 640 (n + 1))
ANIMATION_FPS = Fraction(SAMPLE_RATE, FRAME_SAMPLES)  # 25

FloatArray = npt.NDArray[np.float32]
ByteArray = npt.NDArray[np.uint8]


def ms(samples: float) -> float:
    """Samples at 16 kHz as milliseconds."""
    return samples * 1000 / SAMPLE_RATE


def samples(milliseconds: float) -> int:
    """Milliseconds as the nearest whole number of samples at 16 kHz."""
    return round(milliseconds * SAMPLE_RATE / 1000)


def silence(count: int) -> FloatArray:
    """``count`` zero samples, float32."""
    return np.zeros(count, np.float32)


@dataclass(frozen=True, slots=True)
class AudioChunk:
    """20 ms of mono audio.

    ``samples``: float32 [320] in [-1, 1]; ``speech``: the gate's verdict (True before any gate);
    ``ahead``: float32 [n], the ungated samples that follow this chunk, as far as the gate already holds them.
    The gate's pre-roll and the animator's look-ahead are thus waited for once, not twice.
    """

    pts: int
    samples: FloatArray
    speech: bool = True
    ahead: FloatArray = field(default_factory=lambda: silence(0))

    @property
    def end(self) -> int:
        """PTS of the first sample after this chunk."""
        return self.pts + len(self.samples)


@dataclass(frozen=True, slots=True)
class Picture:
    """One frame in the camera's size and format: ``i420`` is uint8 [height * 3 / 2, width], C-contiguous."""

    pts: int
    i420: ByteArray

    @property
    def width(self) -> int:
        return int(self.i420.shape[1])

    @property
    def height(self) -> int:
        return int(self.i420.shape[0]) * 2 // 3
