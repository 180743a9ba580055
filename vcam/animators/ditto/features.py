"""Audio features: what HuBERT hears, one row a frame of 40 ms.

The network sees a window of past, new and future frames, and only the new ones' rows are kept. Row k is the sound of
frame k whatever the chunking, because the stream begins with ``past`` frames of zeros.

In the reference the stream ends with more rows than frames (``finish(overshoot=True)``), and an offline pass has 80
more zeros before it than a stream (``lead=OFFLINE_LEAD``), so that the two differ. Here both give the same rows.
"""

from __future__ import annotations

import numpy as np

from vcam.errors import AnimatorError
from vcam.media import FRAME_SAMPLES, FloatArray

from .backends.base import Network
from .latency import Chunking
from .motion import check
from .observing import Observe, nobody

FEATURE_SIZE = 1024
ROWS_PER_FRAME = 2  # the network gives one every 20 ms
OFFLINE_LEAD = 2000  # zeros before the sound in the reference's offline pass: 6480 - 7 * 640


class AudioFeatures:
    """A stream of samples in, a stream of rows out. Holds one window and nothing else.

    ``lead``: zeros before the first sample, ``chunking.past`` frames of them unless given.
    """

    def __init__(
        self,
        network: Network,
        chunking: Chunking = Chunking(),  # noqa: B008  frozen
        lead: int | None = None,
        observe: Observe = nobody,
    ) -> None:
        self._network = network
        self._chunking = chunking
        self._lead = chunking.past * FRAME_SAMPLES if lead is None else lead
        self._observe = observe
        self._window = np.zeros((1, chunking.window), np.float32)
        self._held = self._lead  # samples in the window
        self._heard = 0  # samples pushed
        self._made = 0  # rows given
        self._of_silence: FloatArray | None = None

    def push(self, samples: FloatArray) -> FloatArray:
        """Take samples, float32 [n] at 16 kHz; give the rows that they complete, float32 [m, 1024], m often 0."""
        check(samples, (None,), "samples")
        self._heard += len(samples)
        return self._rows(self._fed(samples))

    def finish(self, *, overshoot: bool = False) -> FloatArray:
        """Give the last rows, as if zeros followed: one for each frame begun. The stream is over then.

        ``overshoot``: a row for each frame of each window that begins before the end, as the reference has.
        """
        if overshoot:
            wanted = -(-(self._lead + self._heard) // self._chunking.hop) * self._chunking.now
        else:
            wanted = -(-self._heard // FRAME_SAMPLES)
        made: list[FloatArray] = []
        missing = wanted - self._made
        while missing > sum(map(len, made)):
            made += self._fed(np.zeros(self._chunking.window - self._held, np.float32))
        return self._rows(made, missing)

    def whole(self, samples: FloatArray) -> FloatArray:
        """All rows of a whole recording, float32 [ceil(n / 640), 1024]. For a stream that nothing was pushed into."""
        return np.concatenate([self.push(samples), self.finish()])

    def silent_rows(self, count: int) -> FloatArray:
        """``count`` rows of endless silence, float32 [count, 1024]. Leaves the stream as it is."""
        if self._of_silence is None:
            self._of_silence = self.rows_of(np.zeros_like(self._window))
        return self._of_silence[np.arange(count) % self._chunking.now]

    def rows_of(self, window: FloatArray) -> FloatArray:
        """The new frames' rows, float32 [now, 1024], of a window, float32 [1, n]. Leaves the stream as it is."""
        encoding = self._network(input_values=window)["encoding_out"]
        now, future = self._chunking.now * ROWS_PER_FRAME, self._chunking.future * ROWS_PER_FRAME
        end = len(encoding) - future
        if end < now or encoding.shape[1:] != (FEATURE_SIZE,):
            raise AnimatorError(
                f"The network hubert gave features of the shape {encoding.shape} for {window.shape[1]} samples."
            )
        pairs = encoding[end - now : end].reshape(self._chunking.now, ROWS_PER_FRAME, FEATURE_SIZE)
        return np.asarray(pairs.mean(axis=1), np.float32)

    def _fed(self, samples: FloatArray) -> list[FloatArray]:
        made, at = [], 0
        size, hop = self._chunking.window, self._chunking.hop
        while at < len(samples):
            count = min(len(samples) - at, size - self._held)
            self._window[0, self._held : self._held + count] = samples[at : at + count]
            self._held += count
            at += count
            if self._held == size:
                # Silence is common when nobody speaks, and its rows are known.
                made.append(
                    self.rows_of(self._window) if self._window.any() else self.silent_rows(hop // FRAME_SAMPLES)
                )
                self._window[0, : size - hop] = self._window[0, hop:]
                self._held = size - hop
        return made

    def _rows(self, made: list[FloatArray], limit: int | None = None) -> FloatArray:
        rows = np.concatenate(made)[:limit] if made else np.empty((0, FEATURE_SIZE), np.float32)
        self._made += len(rows)
        if len(rows):
            self._observe("feat", rows)
        return rows
