"""The voice at 48 kHz beside the 16 kHz that everything else works with: calls carry more than a telephone does."""

from __future__ import annotations

import numpy as np
import soxr

from vcam.media import SAMPLE_RATE, FloatArray, silence

VOICE_RATE = 48_000  # Hz; what virtual microphones, browsers and Opus use
RATIO = VOICE_RATE // SAMPLE_RATE
_SPAN = 24  # samples at 16 kHz under the interpolation filter
_BETA = 7.0  # Kaiser window: -70 dB beside the band; what is left of the images is below the voice's own noise
_PRIMING = 0.1  # s of silence that fill soxr's filter


class Widener:
    """16 kHz to 48 kHz for sources that have no more: a linear-phase filter, late by 12 samples of the 16 kHz."""

    #: 48 kHz samples by which what comes out lags behind what goes in.
    delay = _SPAN // 2 * RATIO

    def __init__(self) -> None:
        taps = np.arange(_SPAN * RATIO) - self.delay
        kernel = np.sinc(taps / RATIO) * np.kaiser(len(taps) + 1, _BETA)[:-1]
        phases = kernel.reshape(_SPAN, RATIO).T
        self._phases = (phases / phases.sum(axis=1, keepdims=True)).astype(np.float32)  # [3, 24]
        self._before = silence(_SPAN - 1)

    def reset(self) -> None:
        """What comes next does not follow what came before."""
        self._before = silence(_SPAN - 1)

    def push(self, sound: FloatArray) -> FloatArray:
        """float32 [n] to float32 [3 n]."""
        if not len(sound):
            return silence(0)
        joined = np.concatenate((self._before, sound))
        self._before = joined[-(_SPAN - 1) :]
        wide = np.stack([np.convolve(joined, phase, mode="valid") for phase in self._phases], axis=1)
        return wide.reshape(-1).astype(np.float32, copy=False)


class FullBand:
    """The device's own sound at 48 kHz, in step with the 16 kHz that a :class:`Resampler` makes of it.

    ``delay``: the resampler's, in seconds; the 48 kHz are held back as long, so that both tell of the same moment.
    """

    def __init__(self, rate: int, delay: float) -> None:
        """``rate`` of the device in Hz, more than 16000."""
        own = 0.0
        self._stream: soxr.ResampleStream | None = None
        if rate != VOICE_RATE:
            self._stream = soxr.ResampleStream(rate, VOICE_RATE, 1, dtype="float32", quality="HQ", vr=True)
            count = round(rate * _PRIMING)
            own = count / rate - len(self._stream.resample_chunk(silence(count))) / VOICE_RATE
        self._held = silence(max(0, round((delay - own) * VOICE_RATE)))

    def push(self, mono: FloatArray, count: int) -> FloatArray:
        """Take the device's samples, give the ``3 * count`` that belong to ``count`` samples at 16 kHz."""
        if self._stream is not None:
            mono = self._stream.resample_chunk(np.ascontiguousarray(mono))
        held = np.concatenate((self._held, mono))
        given, self._held = held[: count * RATIO], held[count * RATIO :]
        if (short := count * RATIO - len(given)) > 0:  # the two filters differ by a sample or two at the start
            given = np.concatenate((silence(short), given))
        return np.clip(given, -1.0, 1.0)
