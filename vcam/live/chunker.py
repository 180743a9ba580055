"""From samples as they come to chunks of 20 ms with their PTS."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from vcam.media import CHUNK_SAMPLES, AudioChunk, FloatArray, silence


class Chunker:
    """Cuts a contiguous stream that begins at PTS 0 into chunks of 320 samples."""

    def __init__(self) -> None:
        self.next_pts = 0  # PTS of the first sample not yet taken
        self._rest = silence(0)

    def push(self, sound: FloatArray) -> Iterator[AudioChunk]:
        """Take float32 [n] and give every chunk that is now whole."""
        pts = self.next_pts - len(self._rest)
        self.next_pts += len(sound)
        joined = np.concatenate((self._rest, sound)) if len(self._rest) else sound
        whole = len(joined) - len(joined) % CHUNK_SAMPLES
        self._rest = joined[whole:].copy()
        for offset in range(0, whole, CHUNK_SAMPLES):
            yield AudioChunk(pts + offset, joined[offset : offset + CHUNK_SAMPLES])

    def jump(self, pts: int) -> None:
        """Go on at ``pts`` (a multiple of 320, after all that was taken); the samples of a begun chunk are dropped."""
        self.next_pts, self._rest = pts, silence(0)

    def finish(self, multiple: int = CHUNK_SAMPLES) -> Iterator[AudioChunk]:
        """Fill up with silence to a whole ``multiple`` (of 320 samples) and give what that completes."""
        yield from self.push(silence(-self.next_pts % multiple))
