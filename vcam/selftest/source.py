"""A microphone without a sound server: it says the stimulus at the pace of speech, and knows when it did."""

from __future__ import annotations

import threading
import time

import numpy as np
import soxr

from vcam.audio.source import Block, Source
from vcam.audio.wideband import VOICE_RATE
from vcam.media import SAMPLE_RATE, FloatArray, silence
from vcam.selftest.stimulus import Stimulus

_BLOCK = SAMPLE_RATE // 100  # samples


class StimulusSource(Source):
    """Silence until :meth:`play`, and after it. ``clicks``: monotonic seconds at which each was spoken."""

    name = "selftest's own source, in place of a microphone"
    live = True

    def __init__(self, stimulus: Stimulus) -> None:
        self.finished = threading.Event()
        self.clicks: list[float] = []
        self._stimulus = stimulus
        self._sound = np.asarray(soxr.resample(stimulus.sound, VOICE_RATE, SAMPLE_RATE), np.float32)
        self._closed = threading.Event()
        self._wanted = threading.Event()
        self._start = 0.0
        self._taken = 0
        self._began: int | None = None  # sample at which the stimulus began

    def open(self) -> None:
        self._closed.clear()
        self._start, self._taken = time.monotonic(), 0

    def play(self) -> None:
        """Say it once, from the next block on. From any thread."""
        self._wanted.set()

    def read(self, timeout: float) -> Block | None:
        due = self._start + (self._taken + _BLOCK) / SAMPLE_RATE
        wait = due - time.monotonic()
        if self._closed.wait(max(0.0, min(wait, timeout))) or wait > timeout:
            return None
        if self._began is None and self._wanted.is_set():
            self._began = self._taken
            self.clicks = [self._start + self._began / SAMPLE_RATE + at for at in self._stimulus.clicks]
        block = self._block()
        self._taken += _BLOCK
        return Block(block, due)

    def _block(self) -> FloatArray:
        if self._began is None:
            return silence(_BLOCK)
        at = self._taken - self._began
        piece = self._sound[at : at + _BLOCK]
        if len(piece) < _BLOCK:
            self.finished.set()
            return np.concatenate((piece, silence(_BLOCK - len(piece))))
        return piece

    def close(self) -> None:
        self._closed.set()
