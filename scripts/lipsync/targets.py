"""From phonemes to what a mouth does: articulatory targets, coarticulated, every 20 ms.

Openness follows what is measured of a voice's vowels (:mod:`vowels`), for others and where nothing was measured the
height in the IPA chart (International Phonetic Association, 2020), and width the chart's rounding. Sounds that leave
lips or jaw free take them from their neighbours: each sound has a target and a weight, and what is shown is their
weighted mean under a Gaussian, a simple form of the dominance functions of Cohen & Massaro (1993).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from vcam.animators.lite.lipsync import OUTPUTS
from vcam.media import SAMPLE_RATE

from .espeak import Segment

Heights = Mapping[tuple[str, int], float]
"""Openness 0..1 by a phoneme's IPA and which part of it (a diphthong has two)."""

STEP = 320  # samples at 16 kHz between targets
_FINE = 80  # samples: the grid on which segments are laid out, 5 ms
_SPREAD = 0.030  # seconds, the Gaussian's sigma for jaw and lips: a step takes 77 ms from 10 to 90 %
_SHARP = 0.014  # the same for contacts: lips pressed, teeth, tongue
_PRESENT = 0.040
_SHORT_PAUSE = 0.060  # seconds: shorter ones are part of speaking

JAW, WIDE, PRESSED, TEETH, TONGUE, PRESENCE = range(6)
assert OUTPUTS == ("jaw", "wide", "pressed", "teeth", "tongue", "presence")

# jaw 0..1, wide -1..1, and how much the sound insists on each
_Target = tuple[float, float, float, float]


def _vowels(jaw: float, wide: dict[str, float]) -> dict[str, _Target]:
    return {symbol: (jaw, value, 1.0, 1.0) for symbol, value in wide.items()}


_TARGETS: dict[str, _Target] = {
    **_vowels(0.25, {"i": 1.0, "y": -0.85, "ɨ": 0.35, "ʉ": -0.8, "ɯ": 0.2, "u": -1.0}),
    **_vowels(0.35, {"ɪ": 0.75, "ʏ": -0.6, "ʊ": -0.75}),
    **_vowels(0.45, {"e": 0.75, "ø": -0.75, "ɘ": 0.3, "ɵ": -0.6, "ɤ": 0.2, "o": -0.85}),
    **_vowels(0.50, {"ə": 0.1, "ɚ": -0.1}),
    **_vowels(0.65, {"ɛ": 0.55, "ε": 0.55, "œ": -0.55, "ɜ": 0.1, "ɝ": -0.1, "ɞ": -0.4, "ʌ": 0.1, "ɔ": -0.65}),
    **_vowels(0.85, {"æ": 0.45, "ɐ": 0.15}),
    **_vowels(1.00, {"a": 0.25, "A": 0.2, "ɶ": -0.3, "ɑ": 0.0, "ɒ": -0.4}),
    **{c: (0.00, 0.0, 4.0, 0.3) for c in "mbpɓ"},
    **{c: (0.08, 0.1, 2.5, 0.7) for c in "fvɱʋⱱ"},
    **{c: (0.12, -0.4, 1.5, 0.6) for c in "ɸβʙ"},
    **{c: (0.22, -1.0, 1.0, 1.5) for c in "wʍɥ"},
    **{c: (0.10, 0.35, 1.5, 0.6) for c in "sz"},
    **{c: (0.15, -0.55, 1.5, 1.0) for c in "ʃʒʂʐ"},
    **{c: (0.15, 0.1, 1.5, 0.6) for c in "ɕʑ"},
    **{c: (0.18, 0.2, 1.0, 0.4) for c in "tdnʈɖɳɗ"},
    **{c: (0.22, 0.25, 1.0, 0.5) for c in "θð"},
    **{c: (0.30, 0.15, 0.8, 0.4) for c in "lɫɭɬɮɺʟ"},
    **{c: (0.25, 0.1, 0.8, 0.3) for c in "rɾɽ"},
    **{c: (0.28, -0.4, 0.8, 0.7) for c in "ɹɻ"},
    **{c: (0.22, 0.8, 1.0, 0.9) for c in "jçʝ"},
    **{c: (0.22, 0.4, 1.0, 0.5) for c in "cɟɲʎʄ"},
    **{c: (0.30, 0.0, 0.6, 0.25) for c in "kgɡŋxɣɰɠ"},
    **{c: (0.35, 0.0, 0.5, 0.25) for c in "qɢɴχʁʀ"},
    **{c: (0.40, 0.0, 0.2, 0.15) for c in "hɦħʕʔ"},
}
_PAUSE: _Target = (0.0, 0.0, 1.5, 1.0)
_UNKNOWN: _Target = (0.3, 0.0, 0.3, 0.3)
_LIPS, _TEETH, _TONGUE = frozenset("mbpɓ"), frozenset("fvɱʋⱱ"), frozenset("lɫɭɬɮɺθð")
_SPELLINGS = str.maketrans(
    {"ʦ": "ts", "ʣ": "dz", "ʧ": "tʃ", "ʤ": "dʒ", "X": "χ", **dict(zip("ãäẽĩõũ", "aaeiou", strict=True))}
)
SOUNDS = ("", "?", *_TARGETS)
"""What :func:`sounds` tells apart: a pause, an unknown sound, and the symbols of the table."""
# written after a sound, these colour it or say how long it is; alone, a "ʲ" is a short j
_MARKS = frozenset("ːˑʰʱʷˠˤᵝ̥̩̯̪̻̺̞̝̟̠̃̈͡.-\"#:;'0123456789")


def symbols(ipa: str) -> list[str]:
    """The single sounds of a phoneme: a diphthong has two, an affricate too."""
    ipa = ipa.translate(_SPELLINGS)
    found = [c for c in ipa if c in _TARGETS]
    if found:
        return found
    return ["j"] if "ʲ" in ipa else []


def is_vowel(symbol: str) -> bool:
    """Whether jaw and lips are the symbol's own."""
    return _TARGETS[symbol][2:] == (1.0, 1.0)


def unknown_letters(ipa: str) -> str:
    """Letters of ``ipa`` that the table does not know (for checking the table against a voice)."""
    return "".join(c for c in ipa.translate(_SPELLINGS) if c not in _TARGETS and c not in _MARKS and c != "ʲ")


def targets(
    segments: Sequence[Segment], count: int, stretch: float = 1.0, heights: Heights | None = None
) -> npt.NDArray[np.float32]:
    """float32 [count, 6] in the order of ``OUTPUTS``, for the instants 0, 20, 40 ... ms.

    ``stretch`` multiplies the segments' times (sound resampled after it was made); ``heights`` are the measured
    openness of vowels.
    """
    heights = heights or {}
    fine = count * (STEP // _FINE)
    values = np.zeros((fine, 6), np.float32)
    weights = np.ones((fine, 6), np.float32)
    values[:, :2], weights[:, :2] = _PAUSE[:2], _PAUSE[2:]
    scale = stretch * SAMPLE_RATE / _FINE
    for segment in segments:
        parts = symbols(segment.ipa)
        if not parts:
            if segment.ipa:
                _lay(values, weights, segment.start * scale, segment.end * scale, "")
            elif segment.end - segment.start < _SHORT_PAUSE:
                first, last = round(segment.start * scale), round(segment.end * scale)
                values[first:last, PRESENCE] = 1.0
            continue
        length = (segment.end - segment.start) / len(parts)
        for i, symbol in enumerate(parts):
            start = segment.start + i * length
            _lay(values, weights, start * scale, (start + length) * scale, symbol, heights.get((segment.ipa, i)))
    smooth = np.empty_like(values)
    for column in range(6):
        sigma = (_SPREAD, _SPREAD, _SHARP, _SHARP, _SHARP, _PRESENT)[column]
        kernel = _gaussian(sigma * SAMPLE_RATE / _FINE)
        inner = slice(len(kernel) // 2, len(kernel) // 2 + fine)  # "same" would grow what is shorter than the kernel
        weighted = np.convolve(values[:, column] * weights[:, column], kernel)[inner]
        smooth[:, column] = weighted / np.convolve(weights[:, column], kernel)[inner]
    # each fine cell is centred 2.5 ms after its index: the mean of the two around an instant
    at = np.arange(count) * (STEP // _FINE)
    return ((smooth[at] + smooth[np.maximum(at - 1, 0)]) / 2).astype(np.float32)


def sounds(segments: Sequence[Segment], count: int, stretch: float = 1.0) -> npt.NDArray[np.uint8]:
    """uint8 [count]: which of ``SOUNDS`` is said at the instants 0, 20, 40 ... ms; arguments as of ``targets``."""
    said = np.zeros(count, np.uint8)
    scale = stretch * SAMPLE_RATE / STEP
    for segment in segments:
        parts = symbols(segment.ipa) or ["?" if segment.ipa else ""]
        edges = np.linspace(segment.start, segment.end, len(parts) + 1) * scale
        for symbol, start, end in zip(parts, edges, edges[1:], strict=False):
            said[math.ceil(start) : math.ceil(end)] = SOUNDS.index(symbol)
    return said


def _lay(
    values: npt.NDArray[np.float32],
    weights: npt.NDArray[np.float32],
    start: float,
    end: float,
    symbol: str,
    height: float | None = None,
) -> None:
    jaw, wide, jaw_weight, wide_weight = _TARGETS.get(symbol, _UNKNOWN)
    jaw = jaw if height is None else height
    part = slice(round(start), round(end))
    contacts = (float(symbol in _LIPS), float(symbol in _TEETH), float(symbol in _TONGUE))
    values[part] = (jaw, wide, *contacts, 1.0)
    weights[part, :2] = (jaw_weight, wide_weight)


def _gaussian(sigma: float) -> npt.NDArray[np.float32]:
    reach = int(4 * sigma) + 1
    at = np.arange(-reach, reach + 1)
    kernel = np.exp(-0.5 * (at / sigma) ** 2)
    return (kernel / kernel.sum()).astype(np.float32)
