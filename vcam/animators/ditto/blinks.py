"""When the eyes blink: which row of the blink curve (``delta_eye_arr``) each frame shows.

Row 0 is the open eye; a blink runs through the curve once. The gap before a blink is 60 to 100 frames at random
(``delta_eye_open_n`` 0), always the same (above 0), endless (below 0), or one after the other of a list.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from itertools import cycle, repeat

import numpy as np
import numpy.typing as npt

from .randomness import Randomness

OPEN_FRAMES = (60, 100)  # frames between blinks: the least and the most
OpenFrames = int | tuple[int, ...]
REFERENCE_FRAMES = 3000  # how far the reference plans ahead where the length is not known (``N_d`` -1)


class Blinks(ABC):
    """Which row of the curve a frame shows."""

    @abstractmethod
    def row(self, frame: int) -> int:
        """The curve's row for output frame ``frame``; frames come in rising order and may be left out."""


class ListedBlinks(Blinks):
    """A list of rows, one for each frame, from the beginning again at its end: what the reference does."""

    def __init__(self, rows: npt.NDArray[np.int64]) -> None:
        if rows.ndim != 1 or not len(rows):
            raise ValueError(f"a blink list must have the shape (n,), not {rows.shape}")
        self.rows = rows

    def row(self, frame: int) -> int:
        return int(self.rows[frame % len(self.rows)])


class EndlessBlinks(Blinks):
    """Blinks for as long as frames come, remembering only the next one."""

    def __init__(self, randomness: Randomness, length: int, open_frames: OpenFrames = 0) -> None:
        """``length``: the curve's rows; ``open_frames``: as ``delta_eye_open_n``."""
        self._length = length
        self._gaps = _gaps(randomness, open_frames)
        self._start = next(self._gaps, None)

    def row(self, frame: int) -> int:
        if self._start is None:
            return 0
        while frame >= self._start + self._length:
            self._start += self._length + next(self._gaps)
        return max(0, frame - self._start)


def reference_blinks(
    randomness: Randomness, length: int, frames: int, open_frames: OpenFrames = 0, planned: int = -1
) -> ListedBlinks:
    """The reference's list for a run of ``frames`` frames, with its draws.

    It is drawn at set-up for ``planned`` frames (``N_d``; 3000 where that is -1), thrown away, and drawn again when
    the number of frames is known.
    """
    _planned(randomness, length, REFERENCE_FRAMES if planned == -1 else planned, open_frames)
    return ListedBlinks(_planned(randomness, length, frames, open_frames))


def _planned(randomness: Randomness, length: int, frames: int, open_frames: OpenFrames) -> npt.NDArray[np.int64]:
    rows = np.zeros(frames, np.int64)
    gaps = _gaps(randomness, open_frames)
    start = next(gaps, None)
    if start is None:
        return rows
    # The gap to keep free at the end: a list's last; a random one is drawn before any blink is placed.
    tail = open_frames[-1] if isinstance(open_frames, tuple) else next(gaps)
    while start < frames - max(tail, length):
        rows[start : start + length] = np.arange(length)
        start += length + next(gaps)
    return rows


def _gaps(randomness: Randomness, open_frames: OpenFrames) -> Iterator[int]:
    """The gap before each blink, without end; none if there is to be no blink."""
    if isinstance(open_frames, tuple):
        yield from cycle(open_frames)
    elif open_frames > 0:
        yield from repeat(open_frames)
    while open_frames == 0:
        yield randomness.integer(*OPEN_FRAMES)
