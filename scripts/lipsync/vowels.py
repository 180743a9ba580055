"""How open the mouth is for the vowels that a voice really makes, measured from its own sound.

espeak-ng names a vowel as its language's grammar does, and then plays whatever formants that language was given: the
Hungarian /eː/ has those of a closed [ɪ], the Turkish /ɯ/ those of a schwa. Who looks at a mouth compares it with what
is heard. Jaw opening shows in the first formant (Lindblom & Sundberg 1971, J. Acoust. Soc. Am. 50), so this is
measured once a language, of its plain voice at an even pitch, and gives the openness in place of the name's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import numpy as np
import soxr

from vcam.media import FloatArray

from .espeak import Espeak
from .targets import Heights, is_vowel, symbols

_RATE = 10_000  # Hz: five formants of the plain voice
_ORDER = 12  # two poles a formant, and two for the slope
_WINDOW = 0.040  # seconds: four periods of the voice
_EMPHASIS = 0.97
_AUDIBLE = 0.01
_LOWEST, _BROADEST = 180.0, 500.0  # Hz: below or wider a pole is no formant
_LEAST = 2  # measurements, to be believed
_CLOSED_F1, _OPEN_F1 = 280.0, 850.0  # Hz: [i] and [a] of the plain voice
_CLOSED, _OPEN = 0.25, 1.0  # what the IPA's close and open vowels have
_SLOW, _PITCH, _EVEN = 130, 30, 0  # words a minute, and no intonation


def first_formant(window: FloatArray) -> float | None:
    """Hz, of float32 samples at 10 kHz; None where linear prediction finds none.

    Autocorrelation method with Levinson's recursion (Makhoul 1975, Proc. IEEE 63); formants are the poles' angles.
    """
    x = np.append(window[:1], window[1:] - _EMPHASIS * window[:-1]).astype(np.float64) * np.hamming(len(window))
    r = np.correlate(x, x, "full")[len(x) - 1 : len(x) + _ORDER]
    if r[0] == 0:
        return None
    a = np.zeros(_ORDER + 1)
    a[0], error = 1.0, r[0] * (1 + 1e-6)
    for i in range(1, _ORDER + 1):
        k = -(r[i] + a[1:i] @ r[i - 1 : 0 : -1]) / error
        a[1 : i + 1] += k * np.append(a[i - 1 : 0 : -1], 1.0)
        error *= 1 - k * k
    poles = np.roots(a)
    poles = poles[poles.imag > 0.01]
    frequency = np.angle(poles) * _RATE / (2 * np.pi)
    bandwidth = -np.log(np.abs(poles)) * _RATE / np.pi
    formants = frequency[(frequency > _LOWEST) & (bandwidth < _BROADEST)]
    return float(formants.min()) if len(formants) >= 3 else None


def openness(formant: float) -> float:
    """Of a first formant in Hz: linear between those of close and open vowels."""
    part = (formant - _CLOSED_F1) / (_OPEN_F1 - _CLOSED_F1)
    return _CLOSED + (_OPEN - _CLOSED) * float(np.clip(part, 0.0, 1.0))


def heights(espeak: Espeak, language: str, sentences: Iterable[str]) -> Heights:
    """Of every vowel that the plain voice of ``language`` says at least twice in ``sentences``."""
    found: dict[tuple[str, int], list[float]] = defaultdict(list)
    for sentence in sentences:
        try:
            utterance = espeak.speak(language, sentence, _SLOW, _PITCH, _EVEN)
        except ValueError:
            continue  # a made-up sentence without a sound
        sound = soxr.resample(utterance.samples, utterance.rate, _RATE)
        count = round(_WINDOW * _RATE)
        for segment in utterance.segments:
            parts = symbols(segment.ipa)
            length = (segment.end - segment.start) / max(1, len(parts))
            for i, symbol in enumerate(parts):
                first = round((segment.start + (i + 0.5) * length) * _RATE) - count // 2
                window = sound[max(0, first) : first + count]
                if not is_vowel(symbol) or len(window) < count or np.abs(window).max() < _AUDIBLE:
                    continue
                formant = first_formant(window)
                if formant is not None:
                    found[segment.ipa, i].append(formant)
    return {key: openness(float(np.median(all_of))) for key, all_of in found.items() if len(all_of) >= _LEAST}
