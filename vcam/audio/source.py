"""What every audio source offers: blocks of 16 kHz mono samples and the moment at which they were captured."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from vcam.media import FloatArray


@dataclass(frozen=True, slots=True)
class Block:
    """Samples as they came: float32 [n] mono 16 kHz, any n.

    ``captured_at``: ``time.monotonic()`` seconds at which the *last* sample was at the microphone (the ADC), so that
    the device's own buffering counts as latency. For files: when that sample would have been spoken.

    ``wide``: the same sound at 48 kHz, float32 [3 n], where the source has it.
    """

    samples: FloatArray
    captured_at: float
    wide: FloatArray | None = None


class Source(ABC):
    """A microphone, a file, a peer. Used by one thread at a time; a source can be opened again after close."""

    #: Shown to the user: the device's or the file's name.
    name: str = ""
    #: The device's own rate in Hz (what status reports); samples are handed out at 16 kHz whatever it is.
    device_rate: int = 16_000
    #: True for devices, which run on their own clock and can vanish and come back.
    live: bool = False
    #: The microphone behind the device, where a sound server chooses one and may choose another; "" if not known.
    microphone: str = ""
    #: Seconds between looks which microphone that is (:meth:`look`); None where nobody else chooses.
    look_period: float | None = None

    @abstractmethod
    def open(self) -> None:
        """Start. Raises SourceError with a hint if that cannot be done."""

    @abstractmethod
    def read(self, timeout: float) -> Block | None:
        """The next block, or None if none came within ``timeout`` seconds.

        Raises EOFError at the end of a file, SourceLost if a device went away (close, then open again later: until it
        is back, open raises SourceError), SourceError if a file cannot be read on.
        """

    @abstractmethod
    def close(self) -> None:
        """Stop. May be called twice, and from another thread while ``read`` waits (which then returns None)."""

    def look(self) -> None:
        """Find out which ``microphone`` is heard; may take seconds, from any thread. Raises VcamError if it cannot."""

    @property
    def overruns(self) -> int:
        """Times since open that samples were lost because nobody took them in time."""
        return 0

    @property
    def device_latency(self) -> float:
        """Seconds between the microphone and ``read``: device buffering as reported, plus resampler delay."""
        return 0.0
