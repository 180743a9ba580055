"""Speech-like sound without recordings: harmonics shaped by formants, and chunks as the gate would give them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from vcam.animators.lite import LiteAnimator, LitePose
from vcam.media import CHUNK_SAMPLES, SAMPLE_RATE, AudioChunk, FloatArray, samples, silence

# Hz: first and second formants of a man's vowels (Peterson & Barney, 1952)
FORMANTS = {"a": (730, 1090), "e": (530, 1840), "i": (270, 2290), "o": (570, 840), "u": (300, 870)}


def vowel(name: str, milliseconds: float, pitch: float = 120.0) -> FloatArray:
    """A vowel with soft edges, about -20 dBFS."""
    count = samples(milliseconds)
    time = np.arange(count) / SAMPLE_RATE
    phase = 2 * np.pi * np.cumsum(pitch * (1 + 0.02 * np.sin(2 * np.pi * 5 * time))) / SAMPLE_RATE
    sound = np.zeros(count)
    for harmonic in range(1, int(3800 / pitch)):
        frequency = harmonic * pitch
        gain = sum(
            weight / (1 + ((frequency - formant) / width) ** 2)
            for formant, width, weight in (
                (FORMANTS[name][0], 60, 1.0),
                (FORMANTS[name][1], 80, 0.4),
                (2900, 150, 0.08),
            )
        )
        sound += gain * np.sin(harmonic * phase + harmonic**2)
    edge = np.minimum(1, np.minimum(time, time[::-1]) / 0.03)
    sound *= edge
    return (0.1 * sound / np.sqrt(np.mean(sound**2))).astype(np.float32)


def hiss(milliseconds: float) -> FloatArray:
    """Something like an s: noise above 4 kHz."""
    noise = np.random.default_rng(1).standard_normal(samples(milliseconds))
    spectrum = np.fft.rfft(noise)
    spectrum[np.fft.rfftfreq(len(noise), 1 / SAMPLE_RATE) < 4500] = 0
    return (0.03 * np.fft.irfft(spectrum, len(noise))).astype(np.float32)


def sentence(seconds: float = 2.0) -> FloatArray:
    """Syllables, five in a second, with short dips between."""
    parts: list[FloatArray] = []
    names = "aiouea"
    while sum(map(len, parts)) < seconds * SAMPLE_RATE:
        index = len(parts) // 2
        parts += [vowel(names[index % len(names)], 150, 110 + 5 * (index % 4)), silence(samples(50))]
    return np.concatenate(parts)[: int(seconds * SAMPLE_RATE)]


def chunks(
    sound: FloatArray, speech: bool | Callable[[int], bool] = True, pts: int = 0, hold: int = LiteAnimator.look_ahead
) -> Iterator[AudioChunk]:
    """Chunks of 20 ms with ``hold`` samples ahead; ``speech`` may depend on the PTS. Silenced where it is not."""
    sound = np.concatenate([sound, silence(-len(sound) % CHUNK_SAMPLES)])
    padded = np.concatenate([sound, silence(hold)])
    for start in range(0, len(sound), CHUNK_SAMPLES):
        end = start + CHUNK_SAMPLES
        is_speech = speech(pts + start) if callable(speech) else speech
        samples_ = sound[start:end] if is_speech else silence(CHUNK_SAMPLES)
        yield AudioChunk(pts + start, samples_, is_speech, padded[end : end + hold])


def poses(animator: LiteAnimator, stream: Iterator[AudioChunk]) -> list[LitePose]:
    return [pose for chunk in stream for pose in animator.analyse(chunk)]


def jaws(found: Sequence[LitePose]) -> list[float]:
    return [pose.mouth.jaw for pose in found]
