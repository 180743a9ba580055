"""Speech to score by, of voices, languages and texts that training does not know, and sounds that are no speech.

``development`` is what settings are chosen by, and ``further`` what networks are compared by beside it; ``verdict`` is
only looked at with a network that is finished, and no choice is made by it. No two share a language or a text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from vcam.media import SAMPLE_RATE, FloatArray

from . import recorded
from .augment import CLOSED, Random, quantised, running_mean
from .corpus import prepared
from .espeak import Espeak
from .heldout_texts import FURTHER, RECORDED, VERDICT
from .targets import Heights
from .texts import Babbler, held_out_sentences
from .vocabulary import NORTH_WIND
from .vowels import heights

Spoken = tuple[str, FloatArray, FloatArray]
Maker = Callable[[int, Random], FloatArray]

_MADE_UP = 60  # sentences, beside its text, to know a language's vowels by
VARIANTS = ("f2", "m3", "m8", "Andrea", "linda", "klatt4", "pablo", "Denis", "victor", "belinda")


def development(seed: int, measured: bool = True) -> list[Spoken]:
    """(voice, samples, targets [n, 6]): "The North Wind and the Sun" in ten languages.

    ``measured``: the vowels are as open as they sound, not as they are named.
    """
    texts = {language: held_out_sentences(language) for language in NORTH_WIND}
    return _spoken(texts, VARIANTS, np.random.default_rng([seed, 77]), measured)


def further(seed: int, measured: bool = True) -> list[Spoken]:
    """(voice, samples, targets [n, 6]): sentences written for this, in ten further languages."""
    return _spoken(FURTHER, VARIANTS, np.random.default_rng([seed, 78]), measured)


def verdict(seed: int, measured: bool = True) -> list[Spoken]:
    """(voice, samples, targets [n, 6]): rights and mornings at the market, in ten languages more."""
    return _spoken(VERDICT, VARIANTS, np.random.default_rng([seed, 80]), measured)


def recorded_people(seed: int) -> list[Spoken]:
    """(voice, samples, targets [n, 6]): "The North Wind and the Sun" by voices made from recordings of four people.

    Training knows others of their languages, not them. OSError: their programs are not installed.
    """
    random = np.random.default_rng([seed, 79])
    spoken = []
    for name in recorded.HELD_OUT:
        for sentence in RECORDED[recorded.VOICES[name].language]:
            slowness = float(random.uniform(0.8, 1.2))
            spoken += [(name, *prepared(said, 1.0, {})) for said in recorded.speak(name, [sentence], slowness)]
    return spoken


def measured_vowels(espeak: Espeak, language: str, sentences: Sequence[str]) -> Heights:
    """Of those sentences, and of others made up after them: a short text has many a vowel too seldom to measure it."""
    random = np.random.default_rng(_MADE_UP)
    babblers = [Babbler(" ".join(sentences), known) for known in (1, 2)]
    return heights(espeak, language, [*sentences, *(babblers[i % 2].sentence(random) for i in range(_MADE_UP))])


def _spoken(
    texts: Mapping[str, Sequence[str]], variants: Sequence[str], random: Random, measured: bool
) -> list[Spoken]:
    espeak = Espeak()
    spoken = []
    for number, (language, sentences) in enumerate(texts.items()):
        vowels = measured_vowels(espeak, language, sentences) if measured else {}
        for i, sentence in enumerate([*sentences, *sentences]):
            voice = f"{language}+{variants[(number + 3 * i) % len(variants)]}"
            rate, pitch, spread = (int(random.integers(*limits)) for limits in ((120, 220), (25, 75), (30, 70)))
            spoken.append((voice, *prepared(espeak.speak(voice, sentence, rate, pitch, spread), 1.0, vowels)))
    return spoken


# --- sounds that leave a mouth closed ----------------------------------------------------------------------------


def hiss(count: int, random: Random) -> FloatArray:
    """The last bits of a sound card."""
    return quantised(3e-5 * random.standard_normal(count, np.float32))


def _melody(count: int, random: Random, low: float, per_second: float) -> npt.NDArray[np.float64]:
    """Frequency in Hz at each sample: notes of a scale, by turns."""
    scale = np.array([0, 3, 5, 7, 10, 12, 15, 17])
    notes = low * 2.0 ** (random.choice(scale, max(2, int(count / SAMPLE_RATE * per_second) + 1)) / 12)
    return notes[np.minimum((np.arange(count) * per_second / SAMPLE_RATE).astype(int), len(notes) - 1)]


def chip_tune(count: int, random: Random) -> FloatArray:
    """Arpeggios of two square waves."""
    voices = [_melody(count, random, low, speed) for low, speed in ((110, 4.0), (330, 8.0))]
    phases = 2 * np.pi * np.cumsum(voices, axis=1) / SAMPLE_RATE
    return np.sign(np.sin(phases)).sum(0).astype(np.float32)


def organ(count: int, random: Random) -> FloatArray:
    """Held chords of pipes at octaves and fifths, with a tremulant."""
    base = _melody(count, random, random.uniform(90, 180), 0.7)
    phase = 2 * np.pi * np.cumsum(base) / SAMPLE_RATE
    pipes = sum(np.sin(k * phase) / k**0.5 for k in (1, 1.5, 2, 2.52, 3, 4, 6, 8))
    return (pipes * (1 + 0.2 * np.sin(2 * np.pi * 6 * np.arange(count) / SAMPLE_RATE))).astype(np.float32)


def strings(count: int, random: Random) -> FloatArray:
    """A bowed melody with vibrato: saw teeth through the body of a violin."""
    pitch = _melody(count, random, random.uniform(190, 300), 2.0)
    pitch = running_mean(pitch, 601)
    pitch *= 1 + 0.008 * np.sin(2 * np.pi * 5.5 * np.arange(count) / SAMPLE_RATE)
    phase = 2 * np.pi * np.cumsum(pitch) / SAMPLE_RATE
    bodies = ((280, 1.0), (460, 0.8), (1000, 0.5), (2500, 0.6))
    sound = np.zeros(count)
    for k in range(1, 20):
        frequency = k * float(pitch.mean())
        body = 0.1 + sum(height / (1 + ((frequency - at) / (0.2 * at)) ** 2) for at, height in bodies)
        sound += body / k * np.sin(k * phase)
    return sound.astype(np.float32)


def whistling(count: int, random: Random) -> FloatArray:
    """A tune whistled: one tone around 1.5 kHz and some air."""
    pitch = _melody(count, random, random.uniform(900, 1400), 3.0)
    pitch = running_mean(pitch, 1001)
    tone = np.sin(2 * np.pi * np.cumsum(pitch) / SAMPLE_RATE)
    return (tone + 0.02 * random.standard_normal(count)).astype(np.float32)


def applause(count: int, random: Random) -> FloatArray:
    """Many hands: short bursts at random moments."""
    hits = np.zeros(count, np.float32)
    hits[random.integers(0, count, max(1, count // 200))] = 1
    burst = random.standard_normal(160) * np.exp(-np.arange(160) / 30)
    return np.convolve(hits, burst)[:count].astype(np.float32)


def crockery(count: int, random: Random) -> FloatArray:
    """Cups and plates put down and stirred in: inharmonic partials that ring and die away."""
    sound = np.zeros(count + SAMPLE_RATE, np.float32)
    at = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    for start in random.integers(0, count, max(1, count * 3 // SAMPLE_RATE)):
        for _ in range(6):
            tone = np.sin(2 * np.pi * random.uniform(900, 7000) * at) * np.exp(-at / random.uniform(0.01, 0.15))
            sound[start : start + SAMPLE_RATE] += (random.uniform(0.1, 1) * tone).astype(np.float32)
    return sound[:count]


#: Sounds of the kinds that training shows, and others that it does not.
WORDLESS: dict[str, Maker] = {
    "silence": lambda count, random: np.zeros(count, np.float32),
    "16-bit hiss": hiss,
    **CLOSED,
    "chip tune *": chip_tune,
    "organ *": organ,
    "strings *": strings,
    "whistling *": whistling,
    "applause *": applause,
    "crockery *": crockery,
}
