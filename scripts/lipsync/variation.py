"""What is shown again is told in another voice and through another microphone, as far as features can.

Made anew from sound it would differ more, and cost ten times as much.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from vcam.audio.logmel import BANDS, mel_bank
from vcam.media import SAMPLE_RATE

Features = npt.NDArray[np.float16]

_TRACT = 0.09  # log of how much longer or shorter the vocal tract is at most (Jaitly & Hinton, 2013)
_TILT, _WAVES = 0.17, (1, 2, 3, 5)  # spread of the microphone's response in the features' unit of 15 dB
_LEAST, _MOST = -2.0, 3.0  # of the features


def varied(heard: Features, dry: Features, random: np.random.Generator) -> tuple[Features, Features]:
    """``heard`` and ``dry`` [batch, hops, 40] in other voices, and ``heard`` through other microphones."""
    bank = mel_bank()
    hertz = np.arange(len(bank)) * SAMPLE_RATE / 2 / (len(bank) - 1)
    centres = hertz @ bank / bank.sum(0)
    tract = np.exp(random.uniform(-_TRACT, _TRACT, len(heard)))
    at = np.stack([np.interp(centres * factor, centres, np.arange(BANDS)) for factor in tract])
    heard, dry = (_read(features, at) for features in (heard, dry))
    along = np.linspace(0, 1, BANDS)
    response = random.normal(0, _TILT, (len(heard), 1)) * (2 * along - 1)
    for wave in _WAVES:
        height, phase = random.normal(0, _TILT / wave**0.5, (len(heard), 1)), random.uniform(0, 6.28, (len(heard), 1))
        response += height * np.cos(np.pi * wave * along + phase)
    return np.clip(heard + response[:, None].astype(np.float16), _LEAST, _MOST), dry


def _read(features: Features, at: npt.NDArray[np.float64]) -> Features:
    """Between its bands, at [batch, 40]."""
    low = np.minimum(at.astype(int), BANDS - 2)
    part = (at - low)[:, None].astype(np.float32)
    below, above = (np.take_along_axis(features, i[:, None], 2).astype(np.float32) for i in (low, low + 1))
    return (below + part * (above - below)).astype(np.float16)
