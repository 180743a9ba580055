"""The picture feed: the newest picture, encoded once for all who watch, and only while someone does."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

import numpy as np

from vcam.media import ByteArray
from vcam.web.feed import Audience, Post, Ticket
from vcam.web.jpeg import JpegEncoder


@dataclass(frozen=True, slots=True)
class _Encoded:
    number: int
    jpeg: bytes


class Viewer(Ticket):
    """Sees the newest picture each time it asks; pictures that came while it was busy are skipped."""

    def __init__(self, feed: PictureFeed, seen: int) -> None:
        super().__init__(feed.audience)
        self._feed = feed
        self._seen = seen

    def take(self) -> bytes | None:
        newest = self._feed.newest
        if newest.number <= self._seen:
            return None
        self._seen = newest.number
        return newest.jpeg


class PictureFeed:
    """Three parties: the camera's thread puts pictures in, an encoder thread turns the newest into JPEG, and
    viewers in the event loop take that. None waits for another."""

    def __init__(self, width: int, height: int, post: Post, limit: int = 8) -> None:
        self.audience: Audience[Viewer] = Audience(limit, self._audience_changed)
        self.newest = _Encoded(0, b"")
        self.encode_seconds = 0.0
        self._post = post
        self._encoder = JpegEncoder(width, height)
        self._waiting = np.empty((height * 3 // 2, width), np.uint8)
        self._encoding = np.empty_like(self._waiting)
        self._number = 0
        self._encoded_number = 0
        self._watched = False
        self._stopping = False
        self._state = threading.Condition()
        self._thread = threading.Thread(target=self._encode_newest, name="vcam-preview-jpeg", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def put(self, i420: ByteArray) -> None:
        """Take a copy of uint8 [height * 3 / 2, width], replacing one that nobody encoded in time."""
        with self._state:
            np.copyto(self._waiting, i420)
            self._number += 1
            self._state.notify()

    def join(self) -> Viewer:
        """In the event loop. The first picture is the current one. Raises FullHouse."""
        viewer = Viewer(self, seen=max(self._number - 1, 0))
        self.audience.admit(viewer)
        return viewer

    def stop(self) -> None:
        """End the encoder thread. May be called twice."""
        with self._state:
            self._stopping = True
            self._state.notify()
        if self._thread.is_alive():
            self._thread.join()

    def _audience_changed(self) -> None:
        with self._state:
            self._watched = len(self.audience) > 0
            self._state.notify()

    def _has_work(self) -> bool:
        return self._stopping or (self._watched and self._encoded_number != self._number)

    def _encode_newest(self) -> None:
        while True:
            with self._state:
                self._state.wait_for(self._has_work)
                if self._stopping:
                    return
                # Swapping keeps the lock short: the camera's thread never waits for the encoder.
                self._waiting, self._encoding = self._encoding, self._waiting
                self._encoded_number = number = self._number
            started = time.perf_counter()
            encoded = _Encoded(number, self._encoder.encode(self._encoding))
            took = time.perf_counter() - started
            self.encode_seconds += (took - self.encode_seconds) * (0.1 if self.encode_seconds else 1.0)
            self._post(self._publish, encoded)

    def _publish(self, encoded: _Encoded) -> None:
        self.newest = encoded
        self.audience.notify()
