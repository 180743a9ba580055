"""Where a speaker stresses: loud syllables, told from the voice's own level and its usual spread."""

from __future__ import annotations

import math

from vcam.media import CHUNK_SAMPLES, AudioChunk

_QUIET = -70.0  # dBFS: nothing
_SETTLE = 0.02  # of the way a voiced chunk moves the mean: about a second
_KNOWN = 25  # voiced chunks, half a second, before which nothing can be called loud for this voice
_VOICED = 18.0  # dB below the loud level that still count as voice
_SETTLED = 100  # chunks of speech, 2 s, all faint: then that is how loud this voice is
_USUAL_SPREAD = 5.0  # dB
_STRESSED, _FULLY = 0.4, 1.5  # spreads above the mean


class Prosody:
    """Chunks in; how stressed the sound of the latest ones is, out."""

    def __init__(self) -> None:
        self._level = _QUIET
        self._mean: float | None = None  # dBFS, of voiced sound
        self._spread = _USUAL_SPREAD
        self._heard = 0  # voiced chunks
        self._faint = 0  # chunks of speech in a row that are far below the mean

    def reset(self) -> None:
        """Forget the sound, not the voice."""
        self._level = _QUIET

    def push(self, chunk: AudioChunk) -> None:
        """Take the next 20 ms."""
        if not chunk.speech:
            self._level = _QUIET
            return
        power = float(chunk.samples @ chunk.samples) / CHUNK_SAMPLES
        self._level = level = max(_QUIET, 10 * math.log10(power + 1e-10))
        if self._mean is None or (self._heard < _KNOWN and level > self._mean + _VOICED):
            self._mean, self._heard = level, 0  # what came before was the room, heard before the voice
        self._faint = 0 if level > self._mean - _VOICED else self._faint + 1
        if self._faint == _SETTLED:
            self._mean, self._heard = level, 0  # what was loud was no voice, or somebody has moved away
        if level > self._mean - _VOICED:
            self._heard += 1
            self._mean += max(_SETTLE, 1 / self._heard) * (level - self._mean)
            self._spread += _SETTLE * (1.25 * abs(level - self._mean) - self._spread)

    @property
    def emphasis(self) -> float:
        """0 unstressed to 1 strongly stressed."""
        if self._mean is None or self._heard < _KNOWN or self._level <= _QUIET:
            return 0.0
        above = (self._level - self._mean) / max(2.0, self._spread)
        return min(1.0, max(0.0, (above - _STRESSED) / (_FULLY - _STRESSED)))
