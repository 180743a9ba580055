"""An audio file as a source: at the speed of speech, or as fast as it can be read."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from vcam.audio.decode import AudioInfo, decode, probe
from vcam.audio.source import Block, Source
from vcam.errors import SourceError
from vcam.media import CHUNK_SAMPLES, SAMPLE_RATE, FloatArray, samples, silence
from vcam.paths import at_home

__all__ = ["AudioInfo", "FileSource", "probe"]

_LATE_SECONDS = 1.0
_AT_ONCE = 25  # blocks decoded together: one by one, on a core that has slept in between, takes ten times as long


class FileSource(Source):
    """Plays ``path`` in blocks of 20 ms (the last may be shorter), then ends; with ``loop`` begins again after
    ``pause`` seconds of silence.

    In real time, sample n is due n / 16000 s after the first ``read``, so errors do not add up. If nobody reads for
    more than a second the file stands still and goes on from there, where a microphone would lose sound.
    """

    def __init__(self, path: str | Path, realtime: bool, loop: bool = False, pause: float = 0.0) -> None:
        self.path = Path(path)
        self.name = self.path.name
        self._realtime = realtime
        self._loop = loop
        self._pause = samples(pause * 1000)
        self._closed = threading.Event()
        self._closed.set()
        self._decoding = threading.Lock()
        self._blocks: Iterator[FloatArray] = iter(())
        self._next: FloatArray | None = None
        self._taken = 0  # samples handed out
        self._start: float | None = None  # monotonic seconds at which sample 0 was due

    def open(self) -> None:
        """Open the file and decode its beginning. Raises SourceError if it is missing, unreadable or not audio."""
        self.close()
        path = at_home(self.path)
        self.device_rate = probe(path).rate
        with self._decoding:
            self._blocks = _together(_in_chunks(self._pieces(path)))
            self._next = next(self._blocks, None)
            self._taken, self._start = 0, None
            self._closed.clear()

    def read(self, timeout: float) -> Block | None:
        """The next block when it is due. Raises EOFError at the file's end, SourceError if nothing more can be read."""
        block = self._fetched()
        if block is None:
            return None
        due = self._due(self._taken + len(block))
        if self._realtime:
            wait = due - time.monotonic()
            if self._closed.wait(max(0.0, min(wait, timeout))) or wait > timeout:
                return None
        with self._decoding:
            if self._closed.is_set():
                return None
            self._taken += len(block)
            self._next = None
        return Block(block, due)

    def _fetched(self) -> FloatArray | None:
        """The block that comes next; None once the source is closed."""
        with self._decoding:
            if self._closed.is_set():
                return None
            if self._next is None:
                self._next = next(self._blocks, None)
            if self._next is None:
                raise EOFError(f"{self.path} has ended")
            return self._next

    def close(self) -> None:
        self._closed.set()
        with self._decoding:  # FFmpeg's containers may not be closed while another thread decodes
            self._blocks, self._next = iter(()), None

    def _due(self, position: int) -> float:
        """When the sample before ``position`` would have been spoken, in monotonic seconds."""
        now = time.monotonic()
        if self._start is None:
            self._start = now
        due = self._start + position / SAMPLE_RATE
        if self._realtime and now - due > _LATE_SECONDS:
            self._start += now - due
            due = now
        return due

    def _pieces(self, path: Path) -> Iterator[FloatArray]:
        yield from decode(path)
        while self._loop:
            yield silence(self._pause)
            yield from decode(path)


def _in_chunks(pieces: Iterator[FloatArray]) -> Iterator[FloatArray]:
    """The same samples in arrays of 320; the last one may be shorter."""
    rest = silence(0)
    for piece in pieces:
        joined = np.concatenate((rest, piece)) if len(rest) else piece
        whole = len(joined) - len(joined) % CHUNK_SAMPLES
        for start in range(0, whole, CHUNK_SAMPLES):
            yield joined[start : start + CHUNK_SAMPLES]
        rest = joined[whole:].copy()
    if len(rest):
        yield rest


def _together(blocks: Iterator[FloatArray]) -> Iterator[FloatArray]:
    """The same, made half a second at a time; what came before an error comes before it here too."""
    while True:
        ready: list[FloatArray] = []
        failed: SourceError | None = None
        try:
            for block in islice(blocks, _AT_ONCE):
                ready.append(block)
        except SourceError as error:
            failed = error
        yield from ready
        if failed is not None:
            raise failed
        if not ready:
            return
