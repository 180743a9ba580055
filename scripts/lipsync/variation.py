"""What is shown again is told by another voice, in another room and noise, through another microphone: in the spectra.

Made anew from sound it would take ten times as long. What is said stays, and the noises are those of the batch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vcam.audio.logmel import BANDS, HOP, mel_bank
from vcam.media import SAMPLE_RATE, FloatArray

from .augment import DULL, NOISY, ROOMY, Random, any_room, responses, snr

_TRACT = 0.09  # log of how much longer or shorter the vocal tract is at most (Jaitly & Hinton, 2013)
_ROOMS = 0.5  # of the scenes stay in the room that their sound was put into
_LEAST = -110.0  # dB: what a band of silence has
_DEEPEST = 1e-4  # of a microphone's or line's response
_ALIKE = 1.9  # neighbouring lines of the spectrum go together: 1.5 of a Hann window, which is padded by a quarter
_LASTS = 0.2  # of a hop's difference in phase, in the next: their windows overlap
_NEPERS = np.float32(np.log(10) / 10)  # of power, in a dB


@dataclass(frozen=True, slots=True)
class Spectrograms:
    """Of a batch, float32 [batch, hops, 40] in dB: what is ``heard``, the ``dry`` voice, that in its ``room``, and
    the ``noise`` as loud as that, where a scene is ``noisy`` (bool [batch]).
    """

    heard: FloatArray
    dry: FloatArray
    room: FloatArray
    noise: FloatArray
    noisy: npt.NDArray[np.bool_]


def varied(of: Spectrograms, random: Random) -> tuple[FloatArray, FloatArray]:
    """Heard and dry, as in ``of``; about as loud."""
    dry, heard = _said_elsewhere(of, random)
    _add_noise(heard, of, random)
    centres = _centres()
    for scene in heard:
        for response in responses(random):
            scene += (20 * np.log10(np.maximum(response(centres), _DEEPEST))).astype(np.float32)
    louder = of.heard.max((1, 2))[random.permutation(len(heard))] - heard.max((1, 2))
    return np.maximum(heard + louder[:, None, None], np.float32(_LEAST)), dry


def _said_elsewhere(of: Spectrograms, random: Random) -> tuple[FloatArray, FloatArray]:
    """Dry, and as it sounds where it is said now: by another voice, often in another room or in none."""
    count, centres = len(of.heard), _centres()
    tract = np.exp(random.uniform(-_TRACT, _TRACT, count))
    at = np.stack([np.interp(centres * factor, centres, np.arange(BANDS)) for factor in tract])
    dry, heard = _read(of.dry, at), _read(of.room, at)
    moved = np.flatnonzero(random.random(count) >= _ROOMS)
    heard[moved] = dry[moved]
    roomy = moved[random.random(len(moved)) < ROOMY]
    heard[roomy] = together(dry[roomy], reflections(dry[roomy], random, [any_room(random) for _ in roomy]), random)
    return dry, heard


def _add_noise(heard: FloatArray, of: Spectrograms, random: Random) -> None:
    """To most of what is ``heard``: any noise of the batch, from any moment of it."""
    noises, noisy = np.flatnonzero(of.noisy), np.flatnonzero(random.random(len(heard)) < NOISY)
    if not len(noises) or not len(noisy):
        return
    chosen = of.noise[random.choice(noises, len(noisy))]
    rolled = (np.roll(noise, random.integers(len(noise)), 0) for noise in chosen)
    beside = np.stack([noise - np.float32(snr(random)) for noise in rolled])
    heard[noisy] = together(heard[noisy], beside, random)


def reflections(sounds: FloatArray, random: Random, rooms: list[tuple[float, float]]) -> FloatArray:
    """What comes back of each sound, float32 [n, hops, 40] in dB, in its room (arguments of :func:`augment.room`).

    Power dies away exponentially; how it adds up is left to chance, as with many waves (Polack, 1993).
    """
    rt60, direct_db = np.reshape(rooms, (-1, 2)).astype(np.float32).T
    stays = (10 ** (-6 * HOP / SAMPLE_RATE / rt60))[:, None]
    power = np.exp(sounds * _NEPERS)
    held = np.zeros((len(sounds), BANDS), np.float32)
    for i in range(power.shape[1]):
        held = stays * held + (1 - stays) * power[:, i]
        power[:, i] = held
    dull = np.exp(-1 / random.uniform(*DULL, len(sounds)))[:, None]
    damped = (1 - dull**2) / (1 - 2 * dull * np.cos(2 * np.pi * _centres() / SAMPLE_RATE) + dull**2)
    power *= (damped * 10 ** (-direct_db[:, None] / 10))[:, None].astype(np.float32)
    power *= random.standard_gamma(np.broadcast_to(_lines(), power.shape), dtype=np.float32) / _lines()
    return np.log(np.maximum(power, np.float32(10 ** (_LEAST / 10)))) / _NEPERS


def together(some: FloatArray, others: FloatArray, random: Random) -> FloatArray:
    """The sums of sounds, float32 [n, hops, 40] in dB, whose phases have nothing to do with each other."""
    count, hops, _ = some.shape
    drawn = random.standard_normal((count, hops + 1, BANDS), np.float32)
    phase = (drawn[:, 1:] + np.float32(_LASTS) * drawn[:, :-1]) / np.sqrt(2 * (1 + _LASTS**2) * _lines())
    a, b = np.exp(some * (_NEPERS / 2)), np.exp(others * (_NEPERS / 2))
    return np.log(a * a + b * b + 2 * np.clip(phase, -0.95, 0.95) * a * b) / _NEPERS


def _centres() -> FloatArray:
    """Of the bands, in Hz."""
    bank = mel_bank()
    hertz = (np.arange(len(bank)) * SAMPLE_RATE / 2 / (len(bank) - 1)).astype(np.float32)
    return hertz @ bank / bank.sum(0)


def _lines() -> FloatArray:
    """How many of the spectrum a band has that go each their own way."""
    bank = mel_bank()
    return np.maximum(1.0, bank.sum(0) ** 2 / (bank**2).sum(0) / _ALIKE).astype(np.float32)


def _read(decibels: FloatArray, at: npt.NDArray[np.float64]) -> FloatArray:
    """Between its bands, at [batch, 40]."""
    low = np.minimum(at.astype(int), BANDS - 2)
    part = (at - low)[:, None].astype(np.float32)
    below, above = (np.take_along_axis(decibels, i[:, None], 2) for i in (low, low + 1))
    return below + part * (above - below)
