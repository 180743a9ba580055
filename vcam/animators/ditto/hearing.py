"""What the live animator hears: gated chunks in, rows of audio features out, one a frame.

The gate waits for some sound anyway and hands it over as ``chunk.ahead``: the features' look-ahead is taken from
there, so that it is waited for once. It is not gated yet, but it is context only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vcam.media import CHUNK_SAMPLES, FRAME_SAMPLES, AudioChunk, FloatArray

from .features import FEATURE_SIZE, AudioFeatures
from .latency import WINDOW_TAIL, Chunking
from .motion import check


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """Frames that follow each other: ``rows`` float32 [n, 1024] and whether each has speech in it, bool [n]."""

    rows: FloatArray
    voiced: npt.NDArray[np.bool_]

    def __post_init__(self) -> None:
        check(self.rows, (len(self.voiced), FEATURE_SIZE), "Heard.rows")


class Hearing:
    """Holds one window. Where the whole of it is silenced the network is not asked: silence is known."""

    def __init__(self, features: AudioFeatures, chunking: Chunking) -> None:
        self.look_ahead = chunking.future * FRAME_SAMPLES + WINDOW_TAIL  # samples wanted as ``chunk.ahead``
        self._features = features
        self._chunking = chunking
        self._sure = (chunking.past + chunking.now) * FRAME_SAMPLES  # samples of the window that are gated
        self._window = np.zeros((1, chunking.window), np.float32)
        self._speech = np.zeros(self._sure // CHUNK_SAMPLES, np.bool_)
        self._filled = 0  # samples of the new frames that are there

    def push(self, chunk: AudioChunk) -> Heard | None:
        """Take the next 20 ms; gives the new frames of a window when the last chunk of them has come."""
        at = self._chunking.past * FRAME_SAMPLES + self._filled
        self._window[0, at : at + CHUNK_SAMPLES] = chunk.samples
        # a gate that takes everything for speech says so of a muted microphone too
        self._speech[at // CHUNK_SAMPLES] = chunk.speech and bool(chunk.samples.any())
        self._filled += CHUNK_SAMPLES
        if self._filled < self._chunking.hop:
            return None
        heard = Heard(self._rows(chunk.ahead), self._voiced())
        keep = self._sure - self._chunking.hop
        self._window[0, :keep] = self._window[0, self._chunking.hop : self._sure].copy()
        self._speech[: keep // CHUNK_SAMPLES] = self._speech[self._chunking.hop // CHUNK_SAMPLES :].copy()
        self._filled = 0
        return heard

    def reset(self) -> None:
        """What was heard does not belong to what comes."""
        self._window[:] = 0
        self._speech[:] = False
        self._filled = 0

    def _rows(self, ahead: FloatArray) -> FloatArray:
        if not self._speech.any():
            return self._features.silent_rows(self._chunking.now)
        self._window[0, self._sure :] = ahead[: self.look_ahead]
        return self._features.rows_of(self._window)

    def _voiced(self) -> npt.NDArray[np.bool_]:
        new = self._speech[self._chunking.past * FRAME_SAMPLES // CHUNK_SAMPLES :]
        return np.asarray(new.reshape(-1, FRAME_SAMPLES // CHUNK_SAMPLES).any(axis=1))
