"""What every place that plays the voice offers: it takes blocks in advance and tells when each is heard."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from vcam.media import FloatArray


@dataclass(frozen=True, slots=True)
class Heard:
    """The device has taken a block, or has found none. ``at``: monotonic seconds at which its first sample leaves the
    device (the DAC). ``number``: which block; None if silence had to stand in for one. ``gap``: sound was lost.
    """

    number: int | None
    at: float
    gap: bool = False


class Sink(ABC):
    """Somewhere to play mono blocks of ``frames`` samples at ``rate``. Used by one thread; may be opened again."""

    #: Shown to the user.
    name: str = ""
    rate: int = 48_000
    frames: int = 480
    #: True: play silence, from the next block on, whatever was put.
    muted: bool = False
    #: Seconds between looks whether those who listen still can (:meth:`check`); None where that need not be asked.
    check_period: float | None = None

    @abstractmethod
    def open(self) -> None:
        """Start playing silence. Raises VcamError with a hint if that cannot be done."""

    @abstractmethod
    def put(self, number: int, block: FloatArray) -> None:
        """Hand over the next block: float32 [frames] in [-1, 1]. Never waits."""

    @abstractmethod
    def wait(self, timeout: float) -> Heard | None:
        """The next report, or None within ``timeout`` seconds. Raises OutputLost if the device went away."""

    @abstractmethod
    def close(self) -> None:
        """Stop. May be called twice, and the sink opened again."""

    def check(self) -> None:
        """Look whether those who listen still can; may take a moment, from any thread. Raises OutputLost if not."""

    def discard(self) -> None:
        """After the last ``close``: take away what was made for this sink."""

    @property
    def latency(self) -> float:
        """Seconds from taking a block until it is heard: as the device reports or, if that is more, as seen."""
        return 0.0

    @property
    def underruns(self) -> int:
        """Times since the first open that there was nothing to play, or the device lost sound."""
        return 0
