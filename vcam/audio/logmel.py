"""Log-mel features of a stream, levelled so that the microphone's gain does not matter, and without its room.

Mel scale of Slaney (Auditory Toolbox, 1998): linear below 1 kHz, logarithmic above.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from vcam.audio.dereverb import ComplexArray, Dereverberation
from vcam.media import SAMPLE_RATE, FloatArray, samples

HOP = samples(10)
WINDOW = samples(25)
BANDS = 40
_FFT = 512
_LOW, _HIGH = 80.0, 7600.0  # Hz
_QUIET = 1e-11  # mean power in a band that counts as nothing, about -110 dBFS
_ATTACK = 0.5  # of the way to a louder level, each hop
_RELEASE = 0.03  # dB the level falls each hop: 3 dB/s
_FLOOR = -75.0  # dB: the level is never thought lower, so that a quiet room stays quiet
_START = -55.0  # dB: thought before anything was heard
_BELOW, _SPAN = 25.0, 15.0  # dB: this far below the level is 0, and this much is 1
_LEAST, _MOST = -2.0, 3.0


def mel_bank() -> npt.NDArray[np.float32]:
    """float32 [257, 40]: triangles of unit area, from power spectrum to bands."""
    edges = _to_hertz(np.linspace(_to_mel(_LOW), _to_mel(_HIGH), BANDS + 2))
    frequency = np.arange(_FFT // 2 + 1)[:, None] * SAMPLE_RATE / _FFT
    rising = (frequency - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - frequency) / (edges[2:] - edges[1:-1])
    bank = np.maximum(0.0, np.minimum(rising, falling))
    return (bank / bank.sum(0)).astype(np.float32)


def _to_mel(hertz: float) -> float:
    return hertz * 3 / 200 if hertz < 1000 else 15 + 27 * math.log(hertz / 1000) / math.log(6.4)


def _to_hertz(mel: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.where(mel < 15, mel * 200 / 3, 1000 * np.exp((mel - 15) * math.log(6.4) / 27))


class Spectra:
    """Windows to spectra, and these to band powers in dB; holds only constants."""

    def __init__(self) -> None:
        window = np.hanning(WINDOW + 2)[1:-1]
        self._window = window.astype(np.float32)
        self._bank = mel_bank() * np.float32(1 / (window**2).sum())

    def decibels(self, sound: FloatArray) -> FloatArray:
        """float32 [n, 40] for the n windows of 25 ms, one every 10 ms, that fit into ``sound`` (its first at 0)."""
        return self.bands(self.of(sound))

    def of(self, sound: FloatArray) -> ComplexArray:
        """complex64 [n, 257]: the spectra of those windows."""
        count = (len(sound) - WINDOW) // HOP + 1
        windows = np.lib.stride_tricks.sliding_window_view(sound, WINDOW)[: count * HOP : HOP]
        return np.fft.rfft(windows * self._window, _FFT).astype(np.complex64)

    def bands(self, spectra: ComplexArray) -> FloatArray:
        """float32 [n, 40] in dB."""
        power = (spectra.real**2 + spectra.imag**2) @ self._bank
        decibels: FloatArray = np.float32(10) * np.log10(power + np.float32(_QUIET))
        return decibels


class Level:
    """The loud level of the last seconds: quickly up, slowly down. One number, or one for each stream of a batch."""

    def __init__(self) -> None:
        self._level: npt.NDArray[np.float32] = np.full(1, _START, np.float32)

    def follow(self, decibels: FloatArray) -> FloatArray:
        """Take one hop, float32 [..., 40] in dB; give the same levelled, about -2..3."""
        loud = decibels[..., 2:30].max(-1)
        level = np.maximum(self._level - np.float32(_RELEASE), np.float32(_FLOOR))
        self._level = level + np.float32(_ATTACK) * np.maximum(loud - level, np.float32(0))
        levelled = (decibels - self._level[..., None] + np.float32(_BELOW)) / np.float32(_SPAN)
        return np.clip(levelled, np.float32(_LEAST), np.float32(_MOST))


class LogMel:
    """Streaming: samples in, levelled hops out, without what the room adds.

    The first window begins with silence before the first sample.
    """

    def __init__(self) -> None:
        self._spectra = Spectra()
        self._dereverberation = Dereverberation()
        self.reset()

    def reset(self) -> None:
        """As new."""
        self._level = Level()
        self._dereverberation.reset()
        self._sound: FloatArray = np.zeros(WINDOW - HOP, np.float32)

    def push(self, sound: FloatArray) -> FloatArray:
        """float32 [n, 40]: the hops whose windows end within ``sound``; window i of all ends at sample 160 (i + 1)."""
        self._sound = np.concatenate([self._sound, sound])
        if len(self._sound) < WINDOW:
            return np.zeros((0, BANDS), np.float32)
        decibels = self._spectra.bands(self._dereverberation.push(self._spectra.of(self._sound)))
        self._sound = self._sound[len(decibels) * HOP :]
        return np.stack([self._level.follow(hop[None])[0] for hop in decibels])
