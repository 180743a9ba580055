"""What the speech gate listens to: pitch, loudness over the noise floor, and how sound swells and dies, every 20 ms."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vcam.media import CHUNK_SAMPLES, SAMPLE_RATE, FloatArray

_Vector = npt.NDArray[np.float64]

WINDOW = 2 * CHUNK_SAMPLES  # 40 ms: two periods of the lowest voice
FFT = 2 * WINDOW  # zero-padded, so that the autocorrelation does not wrap
PITCH_LAGS = (38, 257)  # samples: 421 to 62 Hz
VOICE_BAND = (150.0, 2500.0)  # Hz: where harmonics carry the pitch, in telephone sound too
HISS_BAND = (2500.0, 7500.0)  # Hz: s, sh, t
BRIGHT_FROM = 600.0  # Hz: a desk's modes lie below

STEP = 80  # 5 ms between the short spectra ...
SHORT = 160  # ... of 10 ms each
STEPS = CHUNK_SAMPLES // STEP
KEPT_STEPS = 20  # 100 ms of them
HEARD = KEPT_STEPS * STEP + CHUNK_SAMPLES  # samples

FLOOR_PIECE = 10  # chunks: the floor is the least of the current piece and the last FLOOR_PIECES ones
FLOOR_PIECES = 7
FLOOR_BIAS = 3.0  # a minimum lies below the mean; this brings stationary noise to 0 dB (measured)
FLOOR_SMOOTHING = 0.45
FLOOR_AT_START = 10 ** (-80 / 10)  # power in full scale² over all bins: silence is assumed until PRIOR_CHUNKS are heard
PRIOR_CHUNKS = 15
SUBTRACTION = 2.5  # floors taken from each bin before the pitch search
LEAST_POWER = 1e-11


@dataclass(frozen=True, slots=True)
class Features:
    """One chunk, heard together with the one before it.

    ``level``: RMS of the chunk in dBFS; ``snr``: dB over the noise floor in the voice band, over 40 ms;
    ``voicing``: normalised autocorrelation at the pitch, noise taken out: about SNR / (1 + SNR) for a steady vowel,
    mostly below 0.4 for noise; ``lag``: that pitch's period in samples; ``rivals``: the greatest autocorrelation at
    shorter lags, as a fraction of ``voicing``; ``bright``: dB of what is above 600 Hz against all of the voice band;
    ``voice`` and ``hiss``: float64 [20], the last 100 ms of those bands' power in dB, every 5 ms;
    ``voice_floor`` and ``hiss_floor``: the noise floor on the same scales.
    """

    level: float
    voicing: float
    lag: int
    bright: float
    rivals: float
    snr: float
    voice: _Vector
    hiss: _Vector
    voice_floor: float
    hiss_floor: float


class FeatureExtractor:
    """Streaming; deterministic; about 0.15 ms a chunk.

    The noise floor follows "minimum statistics" (R. Martin, IEEE Trans. Speech and Audio Processing 9(5), 2001), per
    bin, in its simplest form: smoothed power, the least over about 1.5 s, times a constant.
    """

    def __init__(self) -> None:
        edge = np.hanning(2 * 80 + 1)[:80]
        self._taper = np.concatenate([edge, np.ones(WINDOW - 160), edge[::-1]])
        self._scale = 1 / (float(np.sum(self._taper**2)) * FFT / 2)
        shape = np.fft.irfft(np.abs(np.fft.rfft(self._taper, FFT)) ** 2)
        # Capped: at long lags little of the window overlaps, and dividing by that would lift noise.
        self._overlap = np.maximum(shape / shape[0], 0.35)[slice(*PITCH_LAGS)]
        frequency = np.fft.rfftfreq(FFT, 1 / SAMPLE_RATE)
        low, high = VOICE_BAND
        self._voice_band = np.clip((frequency / low - 0.7) / 0.3, 0, 1) * np.clip((1.2 - frequency / high) / 0.2, 0, 1)
        self._bright_band = (frequency >= BRIGHT_FROM).astype(np.float64)
        self._hiss_band = ((frequency >= HISS_BAND[0]) & (frequency < HISS_BAND[1])).astype(np.float64)
        self._short_taper = np.hanning(SHORT + 1)[:SHORT]
        short = np.fft.rfftfreq(SHORT, 1 / SAMPLE_RATE)
        weights = [((short >= a) & (short < b)).astype(np.float64) for a, b in (VOICE_BAND, HISS_BAND)]
        self._short_bands = np.stack(weights, axis=1) / (float(np.sum(self._short_taper**2)) * SHORT / 2)
        self.reset()

    def reset(self) -> None:
        """Forget the sound and the noise floor."""
        self._heard = np.zeros(HEARD, np.float64)
        self._fresh = 0  # steps whose spectra are not there yet
        self._steps = np.full((KEPT_STEPS, 2), -110.0)
        self._smoothed = np.zeros(FFT // 2 + 1)
        self._pieces = np.full((FLOOR_PIECES, FFT // 2 + 1), np.inf)
        self._current = np.full(FFT // 2 + 1, np.inf)
        self._count = 0

    def follow(self, chunk: FloatArray) -> None:
        """The next 320 samples, whose features nobody asks for: a third of the work."""
        self._hear(chunk)

    def push(self, chunk: FloatArray) -> Features:
        """The next 320 samples."""
        power, own_floor = self._hear(chunk)
        self._follow_steps()
        floor = own_floor
        if self._count <= PRIOR_CHUNKS:  # what sounds from the first moment on may be speech
            floor = np.minimum(own_floor, FLOOR_AT_START / len(power))

        banded = power * self._voice_band
        total = float(banded.sum())
        voice_floor = float(floor @ self._voice_band)
        kept = np.maximum(1 - SUBTRACTION * floor / power, 0) * banded
        correlation = np.fft.irfft(kept)[slice(*PITCH_LAGS)] / self._overlap
        best = int(np.argmax(correlation))
        # irfft of power p has r(0) = 2 sum(p) / FFT
        voicing = float(correlation[best]) * FFT / (2 * total)

        shorter = correlation[: max(1, int(0.6 * (PITCH_LAGS[0] + best)) - PITCH_LAGS[0])]
        rivals = float(shorter.max()) / max(float(correlation[best]), LEAST_POWER)
        bright = _db(float(kept @ self._bright_band)) - _db(float(kept.sum()))
        return Features(
            level=level(chunk),
            voicing=voicing,
            lag=PITCH_LAGS[0] + best,
            bright=bright,
            rivals=rivals,
            snr=_db(total) - _db(voice_floor),
            voice=self._steps[:, 0].copy(),
            hiss=self._steps[:, 1].copy(),
            voice_floor=_db(voice_floor),
            hiss_floor=_db(float(own_floor @ self._hiss_band)),
        )

    def _hear(self, chunk: FloatArray) -> tuple[_Vector, _Vector]:
        """The power of the last 40 ms and the noise floor, both by bin."""
        heard = self._heard
        heard[:-CHUNK_SAMPLES] = heard[CHUNK_SAMPLES:]
        heard[-CHUNK_SAMPLES:] = chunk
        power = np.abs(np.fft.rfft(heard[-WINDOW:] * self._taper, FFT)) ** 2
        power *= self._scale
        power += LEAST_POWER / FFT
        self._fresh = min(KEPT_STEPS, self._fresh + STEPS)
        return power, self._follow_floor(power)

    def _follow_floor(self, power: _Vector) -> _Vector:
        # Neighbours are averaged so that the minimum of a bin is that of the sound, not of its random dips.
        padded = np.concatenate([power[2:0:-1], power, power[-2:-4:-1]])
        spread = (padded[:-4] + padded[1:-3] + padded[2:-2] + padded[3:-1] + padded[4:]) * 0.2
        if self._count == 0:
            self._smoothed = spread
        self._smoothed = FLOOR_SMOOTHING * self._smoothed + (1 - FLOOR_SMOOTHING) * spread
        if self._count % FLOOR_PIECE == 0 and self._count:
            self._pieces[self._count // FLOOR_PIECE % FLOOR_PIECES] = self._current
            self._current = self._smoothed.copy()
        np.minimum(self._current, self._smoothed, out=self._current)
        floor = np.minimum(self._pieces.min(axis=0), self._current)
        self._count += 1
        return floor * FLOOR_BIAS

    def _follow_steps(self) -> None:
        fresh, self._fresh = self._fresh, 0
        parts = self._heard[-(fresh + 1) * STEP :].reshape(-1, STEP)  # two of them make a short window
        frames = np.concatenate([parts[:-1], parts[1:]], axis=1)
        power = np.abs(np.fft.rfft(frames * self._short_taper, axis=1)) ** 2 @ self._short_bands
        self._steps[:-fresh] = self._steps[fresh:]
        self._steps[-fresh:] = 10 * np.log10(power + LEAST_POWER)


def level(chunk: FloatArray) -> float:
    """RMS of 320 samples in dBFS; not finite if they are not."""
    return _db(float(chunk @ chunk) / CHUNK_SAMPLES)


def _db(power: float) -> float:
    return 10 * math.log10(power + LEAST_POWER)
