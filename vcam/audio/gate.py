"""The gate decides which 20 ms chunks are speech, and silences the rest."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from vcam.media import AudioChunk


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
