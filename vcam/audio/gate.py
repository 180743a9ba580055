"""The gate decides which 20 ms chunks are speech, and silences the rest."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from vcam.media import CHUNK_SAMPLES, AudioChunk, FloatArray, samples, silence

if TYPE_CHECKING:
    from vcam.profile.model import GateSettings


class Gate(ABC):
    """Chunks in, the same chunks out ``hold`` samples later, marked ``speech`` or silenced.

    Each chunk comes out with ``ahead`` = the ``hold`` raw samples after it. ``hold`` is a multiple of 320.
    """

    hold: int

    @abstractmethod
    def push(self, chunk: AudioChunk) -> Sequence[AudioChunk]:
        """Take the next chunk (contiguous PTS) and give those that are now decided: none at first, then one each."""

    @abstractmethod
    def flush(self) -> Sequence[AudioChunk]:
        """The stream has ended: give the chunks still held, ``ahead`` padded with silence. Then ready to start anew."""

    @abstractmethod
    def reset(self) -> None:
        """Forget everything held: what comes next does not follow what came before."""

    @property
    @abstractmethod
    def is_open(self) -> bool:
        """Whether the newest chunk given out was speech."""


class HoldingGate(Gate):
    """The waiting that every gate does; a kind of gate says only which of the newest chunks are speech."""

    def __init__(self, hold: int) -> None:
        """``hold`` in samples, a multiple of 320 (ValueError otherwise)."""
        if hold < 0 or hold % CHUNK_SAMPLES:
            raise ValueError(f"hold must be a multiple of {CHUNK_SAMPLES} samples, not {hold}")
        self.hold = hold
        self._held: deque[tuple[AudioChunk, bool]] = deque()
        self._next_pts: int | None = None
        self._open = False

    @abstractmethod
    def _judge(self, sound: FloatArray) -> range:
        """Which chunks are speech, counted back from the newest: range(n + 1) for it and the n before it.

        What is speech stays so; of the others those still held can yet become speech.
        """

    def _forget(self) -> None:
        """Drop what ``_judge`` remembers."""

    def push(self, chunk: AudioChunk) -> Sequence[AudioChunk]:
        """As ``Gate.push``; ValueError if the chunk is not 320 samples or does not follow the one before."""
        if chunk.samples.shape != (CHUNK_SAMPLES,):
            raise ValueError(f"a chunk has {CHUNK_SAMPLES} samples, not {chunk.samples.shape}")
        if self._next_pts is not None and chunk.pts != self._next_pts:
            raise ValueError(f"the chunk at {chunk.pts} does not follow: expected {self._next_pts} (reset the gate)")
        self._next_pts = chunk.end
        self._held.append((chunk, False))
        for back in self._judge(chunk.samples):
            if back < len(self._held):
                self._held[-1 - back] = (self._held[-1 - back][0], True)
        return [self._release()] if len(self._held) > self.hold // CHUNK_SAMPLES else []

    def flush(self) -> Sequence[AudioChunk]:
        rest = [self._release() for _ in range(len(self._held))]
        self.reset()
        return rest

    def reset(self) -> None:
        self._held.clear()
        self._next_pts = None
        self._open = False
        self._forget()

    @property
    def is_open(self) -> bool:
        return self._open

    def _release(self) -> AudioChunk:
        chunk, self._open = self._held.popleft()
        ahead = silence(self.hold)
        if self._held:
            np.concatenate([later.samples for later, _ in self._held], out=ahead[: len(self._held) * CHUNK_SAMPLES])
        sound = chunk.samples if self._open else silence(CHUNK_SAMPLES)
        return AudioChunk(chunk.pts, sound, self._open, ahead)


class OpenGate(HoldingGate):
    """Everything is speech."""

    def _judge(self, sound: FloatArray) -> range:
        return range(1)


def make_gate(settings: GateSettings, look_ahead: int = 0) -> Gate:
    """The gate that the profile asks for, holding at least ``look_ahead`` samples for the animator."""
    if settings.kind == "off":
        return OpenGate(_whole_chunks(look_ahead))
    from vcam.audio.webrtc_gate import WebRtcGate

    return WebRtcGate(settings, _whole_chunks(max(look_ahead, samples(settings.pre_roll_ms))))


def _whole_chunks(count: int) -> int:
    return -(-count // CHUNK_SAMPLES) * CHUNK_SAMPLES
