"""The mouth, told from the pixels that were read back: where pictures change with speech and rest without.

The part of the picture that moves in speech and not in the silence before and after is taken for the mouth, and how
far it is from its look at rest for its opening. That is correlated with the loudness of the speech at many lags. Both
are known every 40 ms and change over some 100 ms, and lips open before a vowel is loud: the peak of the correlation is
good for about 20 ms, and for whether the mouth speaks this speech at all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vcam.media import FRAME_SAMPLES, SAMPLE_RATE, ByteArray, FloatArray

MOST_LAG = 0.4  # s
_STEP = 0.005  # s
_SHARE = 0.01  # of the picture that is taken for the mouth
_LEAST_PIXELS = 6
_FLOOR_DB, _RANGE_DB = -60.0, 45.0
_SPOKEN, _SILENT = 0.35, 0.02  # of the loudness range; in between it counts as neither
_EACH = 12  # frames of speech and of silence without which nothing can be told
_CALM = 5  # frames after speech in which the mouth may still close

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Lips:
    """``lag``: seconds by which the mouth follows its sound; ``correlation`` of opening and loudness at that lag."""

    lag: float
    correlation: float


def loudness(sound: FloatArray, starts: Array) -> Array:
    """Of the 40 ms of 16 kHz sound from each sample position on, 0 (quiet) to 1; outside of the sound it is 0."""
    energy = np.concatenate(([0.0], np.cumsum(np.square(sound, dtype=np.float64))))
    low = np.clip(np.round(starts).astype(int), 0, len(sound))
    high = np.clip(low + FRAME_SAMPLES, 0, len(sound))
    level = 10 * np.log10((energy[high] - energy[low]) / FRAME_SAMPLES + 1e-12)
    return np.asarray(np.clip((level - _FLOOR_DB) / _RANGE_DB, 0, 1))


def follow(numbers: list[int], pictures: list[ByteArray], sound: FloatArray, sound_pts: float) -> Lips | None:
    """How the mouth follows ``sound`` (16 kHz), whose first sample has PTS ``sound_pts``; None if it cannot be told.

    ``pictures``: frames, by ``numbers``, small and grey, all of one size.
    """
    starts = np.array(numbers, float) * FRAME_SAMPLES - sound_pts
    loud = loudness(sound, starts)
    spoken = loud >= _SPOKEN
    silent = np.convolve(loud > _SILENT, np.ones(2 * _CALM + 1), "same") == 0
    if spoken.sum() < _EACH or silent.sum() < _EACH:
        return None
    opening = _opening(np.stack(pictures).astype(np.float32), spoken, silent)
    lags = np.arange(-MOST_LAG, MOST_LAG + _STEP / 2, _STEP)
    found = np.array([_correlation(opening, loudness(sound, starts - lag * SAMPLE_RATE)) for lag in lags])
    best = int(np.argmax(found))
    return Lips(float(lags[best]), float(found[best]))


def _opening(pictures: FloatArray, spoken: npt.NDArray[np.bool_], silent: npt.NDArray[np.bool_]) -> Array:
    rest = np.median(pictures[silent], axis=0)
    away = np.abs(pictures - rest)
    moves = away[spoken].mean(axis=0) - away[silent].mean(axis=0)
    count = max(_LEAST_PIXELS, round(_SHARE * moves.size))
    threshold = np.partition(moves.reshape(-1), -count)[-count]
    return np.asarray(away[:, moves >= threshold].mean(axis=1), np.float64)


def _correlation(one: Array, other: Array) -> float:
    spread = float(one.std() * other.std())
    return float(((one - one.mean()) * (other - other.mean())).mean() / spread) if spread > 1e-9 else 0.0
