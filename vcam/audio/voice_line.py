"""The delay line: the voice of the last seconds on the session's own timeline, read at any moment and any speed."""

from __future__ import annotations

import math
import threading

import numpy as np

from vcam.audio.wideband import RATIO, VOICE_RATE, Widener
from vcam.media import FloatArray, silence

SECONDS = 12  # what the line holds; older sound is forgotten
_TAPS = 32  # samples under the interpolation filter
_PHASES = 256  # between two samples; between two phases it is interpolated once more: the error stays below -90 dB
_BETA = 8.0
_BAND = 0.94  # of half the rate: 22.5 kHz pass


def _make_table() -> FloatArray:
    """The windowed sinc for every phase: float32 [257, 32], each row with sum 1."""
    fraction = np.arange(_PHASES + 1)[:, None] / _PHASES
    distance = np.arange(_TAPS)[None, :] - (_TAPS // 2 - 1) - fraction
    window = np.i0(_BETA * np.sqrt(np.maximum(0.0, 1 - (distance / (_TAPS / 2)) ** 2))) / np.i0(_BETA)
    rows = np.sinc(distance * _BAND) * window
    return (rows / rows.sum(axis=1, keepdims=True)).astype(np.float32)


class VoiceLine:
    """A ring of 48 kHz sound in which sample ``3 * pts`` is the moment ``pts``. When full, the oldest is overwritten.

    What was never written is silence: sound that was lost, or left out, leaves a gap of its own length. Thread-safe.
    """

    def __init__(self, seconds: float = SECONDS) -> None:
        self._lock = threading.Lock()
        self._size = round(seconds * VOICE_RATE)
        self._ring = silence(self._size)
        self._end = 0  # index after the newest sample
        self._widener = Widener()
        self._heard_end = 0  # index after the newest sample that was read
        self._was_late = False
        self.late = 0  # times that sound came after it should have been heard
        self._narrow_end = 0  # PTS at which narrow sound would go on
        self._table = _make_table()

    @property
    def end(self) -> int:
        """The index after the newest sample."""
        return self._end

    def write(self, pts: int, sound: FloatArray, wide: FloatArray | None = None) -> None:
        """Put ``sound`` (float32 [n], 16 kHz), or the same at 48 kHz (``wide``, [3 n]), where it belongs."""
        index = pts * RATIO
        if wide is None:
            if pts != self._narrow_end:
                self._widener.reset()
            self._narrow_end = pts + len(sound)
            wide = self._widener.push(sound)
            index -= Widener.delay
        with self._lock:
            self._write(index, wide)

    def _write(self, index: int, wide: FloatArray) -> None:
        end = index + len(wide)
        if index < self._end - self._size:  # time does not run backwards: a line that was used before
            return
        is_late = max(index, 0) < self._heard_end  # the filter's delay lies before the very beginning
        self.late += is_late and not self._was_late
        self._was_late = is_late
        if (gap := index - self._end) > 0:
            self._place(max(self._end, index - self._size), silence(min(gap, self._size)))
        self._place(index, wide[-self._size :])
        self._end = max(self._end, end)

    def _place(self, index: int, sound: FloatArray) -> None:
        if index < 0:  # the filter's delay, at the very beginning
            sound, index = sound[-index:], 0
        first = index % self._size
        head = min(len(sound), self._size - first)
        self._ring[first : first + head] = sound[:head]
        self._ring[: len(sound) - head] = sound[head:]

    def read(self, position: float, step: float, count: int) -> FloatArray:
        """``count`` samples from index ``position`` on, ``step`` apart (1 is as fast as it was spoken).

        Silence where nothing was written yet, or what was is forgotten.
        """
        places = position + step * np.arange(count)
        base = math.floor(position)
        whole = np.floor(places).astype(np.int64) - base
        before = _TAPS // 2 - 1
        segment = self._segment(base - before, int(whole[-1]) + _TAPS)
        phase = (places - base - whole) * _PHASES
        row = phase.astype(np.int64)
        weight = (phase - row).astype(np.float32)[:, None]
        windows = np.lib.stride_tricks.sliding_window_view(segment, _TAPS)[whole]
        filters = self._table[row] * (1 - weight) + self._table[row + 1] * weight
        sound: FloatArray = np.einsum("ij,ij->i", windows, filters)
        return sound

    def _segment(self, start: int, count: int) -> FloatArray:
        """Samples [start, start + count) as they are, silence outside of what is held."""
        found = silence(count)
        with self._lock:
            self._heard_end = start + count
            low, high = max(start, self._end - self._size, 0), min(start + count, self._end)
            if low < high:
                indices = np.arange(low, high) % self._size
                found[low - start : high - start] = self._ring[indices]
        return found
