"""The voice feed: 20 ms of PCM at a time for those who listen."""

from __future__ import annotations

from collections import deque

import numpy as np

from vcam.media import FloatArray
from vcam.web.feed import Audience, Post, Ticket

QUEUE_CHUNKS = 10  # 200 ms: more would be heard too far behind the lips


def to_pcm(samples: FloatArray) -> bytes:
    """float32 in [-1, 1] as signed 16-bit little-endian; what is louder is clipped."""
    return np.rint(np.clip(samples, -1.0, 1.0) * 32767).astype("<i2").tobytes()


class Listener(Ticket):
    """Hears everything since it last asked, as far as its queue goes; when that is full, the oldest is dropped."""

    def __init__(self, feed: SoundFeed) -> None:
        super().__init__(feed.audience)
        self.queue: deque[bytes] = deque(maxlen=QUEUE_CHUNKS)

    def take(self) -> bytes | None:
        if not self.queue:
            return None
        data = b"".join(self.queue)
        self.queue.clear()
        return data


class SoundFeed:
    """``put`` belongs to the session's thread, ``join`` to the event loop."""

    def __init__(self, post: Post, limit: int = 8) -> None:
        self.audience: Audience[Listener] = Audience(limit)
        self._post = post

    def put(self, samples: FloatArray) -> None:
        """Pass on float32 [n], mono 16 kHz; costs nothing while nobody listens."""
        if len(self.audience):
            self._post(self._publish, to_pcm(samples))

    def join(self) -> Listener:
        """In the event loop. Raises FullHouse."""
        listener = Listener(self)
        self.audience.admit(listener)
        return listener

    def _publish(self, pcm: bytes) -> None:
        for listener in self.audience:
            listener.queue.append(pcm)
        self.audience.notify()
