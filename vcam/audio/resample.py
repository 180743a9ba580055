"""From a device's own rate and channels to 16 kHz mono, block by block, with a small and constant delay."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import soxr

from vcam.media import SAMPLE_RATE, FloatArray

_PRIMING = 0.1  # s of silence that fill the filter; more than its delay at any rate from 8 kHz up
_MEMORY = 0.5  # s over which a channel's loudness is averaged
_SILENT = 0.01  # a channel with less than this share of the loudest one's energy (-20 dB) counts as silent
_BROKEN = 16.0  # louder than this (+24 dB) is no sound: a fault of a driver or a file


def cleaned(block: FloatArray) -> FloatArray:
    """The same without NaN, Inf and absurd samples: one of them would stay in a filter or an average for good."""
    if (np.abs(block) <= _BROKEN).all():
        return block
    return np.clip(np.nan_to_num(block, nan=0.0, posinf=1.0, neginf=-1.0), -1.0, 1.0)


class Downmix:
    """Several channels to one: the mean of those that carry sound.

    A plain mean would halve the voice on the many interfaces that put one microphone on the left channel and nothing
    on the right, so channels 20 dB below the loudest are left out. A change of mind is faded over one block.
    """

    def __init__(self, rate: int, channels: int) -> None:
        self._rate = rate
        self._energy = np.zeros(channels)
        self._weights: npt.NDArray[np.float32] | None = None

    def __call__(self, block: FloatArray) -> FloatArray:
        """float32 [n, channels] to float32 [n]."""
        count = len(block)
        if not count:
            return np.zeros(0, np.float32)
        keep = np.exp(-count / (self._rate * _MEMORY))
        self._energy = keep * self._energy + (1 - keep) * np.mean(np.square(block, dtype=np.float64), axis=0)
        heard = self._energy >= _SILENT * self._energy.max()
        target = (heard / heard.sum()).astype(np.float32)
        before = target if self._weights is None else self._weights
        self._weights = target
        if np.array_equal(before, target):
            return block @ target
        fade = np.linspace(0, 1, count, dtype=np.float32)
        return (block @ before) * (1 - fade) + (block @ target) * fade


class Resampler:
    """Any rate and number of channels to 16 kHz mono float32 in [-1, 1], for live sound.

    Uses soxr's variable-rate filter: its delay is constant (12.5 ms from 48 kHz, 13.6 ms from 44.1 kHz), where the
    fixed-rate ones release their output in bursts of up to 37 ms; flat to 7.9 kHz, below -110 dB from 8.5 kHz on.
    """

    #: Seconds by which a sample that comes out lags behind one that goes in, to within 0.2 ms; the same at all times.
    delay: float

    def __init__(self, rate: int, channels: int = 1) -> None:
        self._downmix = Downmix(rate, channels) if channels > 1 else None
        self._stream: soxr.ResampleStream | None = None
        self.delay = 0.0
        if rate != SAMPLE_RATE:
            self._stream = soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32", quality="HQ", vr=True)
            # Filling the filter now makes the delay constant from the first block on, and tells how long it is.
            count = round(rate * _PRIMING)
            primed = self._stream.resample_chunk(np.zeros(count, np.float32))
            self.delay = count / rate - len(primed) / SAMPLE_RATE

    def mono(self, block: FloatArray) -> FloatArray:
        """float32 [n, channels] to float32 [n]."""
        return block[:, 0] if self._downmix is None else self._downmix(block)

    def push(self, block: FloatArray) -> FloatArray:
        """float32 [n] or [n, channels] at the device's rate to float32 [about n * 16000 / rate]."""
        if block.ndim == 2:
            block = self.mono(block)
        if self._stream is not None:
            block = self._stream.resample_chunk(np.ascontiguousarray(block))
        # A filter overshoots on loud edges; what follows may turn samples into int16.
        return np.clip(block, -1.0, 1.0)
