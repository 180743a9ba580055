"""The bounded queues between the live threads. Each says what it does when full."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence

from vcam.media import FRAME_SAMPLES, SAMPLE_RATE, AudioChunk, ByteArray, Picture
from vcam.stage import FADE, mixed

STALE = SAMPLE_RATE  # samples after which a picture is not shown again


class ChunkQueue:
    """Gated chunks on their way to the animator. When full, all of it is dropped: what is that old is useless.

    In silence nobody is woken for half a frame: threads that wake less often cost less. What is dropped before
    anybody has asked for a chunk is not counted.
    """

    def __init__(self, size: int = 50) -> None:
        self._ready = threading.Condition()
        self._chunks: deque[AudioChunk] = deque()
        self._size = size
        self._asked = False  # whether there is somebody who takes them
        self.dropped = 0

    def allow(self, more: int) -> None:
        """Hold so many chunks more: silence that follows a file comes all at once."""
        self._size += more

    def put(self, chunks: Sequence[AudioChunk]) -> None:
        with self._ready:
            if len(self._chunks) + len(chunks) > self._size:
                self.dropped += len(self._chunks) if self._asked else 0
                self._chunks.clear()
            self._chunks.extend(chunks)
            if any(chunk.speech or chunk.end % FRAME_SAMPLES == 0 for chunk in chunks):
                self._ready.notify()

    def get(self, timeout: float) -> AudioChunk | None:
        """The oldest chunk, or None if there is none within ``timeout`` seconds."""
        with self._ready:
            self._asked = True
            if not self._chunks:
                self._ready.wait(timeout)
            return self._chunks.popleft() if self._chunks else None

    def forget(self) -> None:
        """Drop all of it, uncounted."""
        with self._ready:
            self._chunks.clear()

    def __len__(self) -> int:
        return len(self._chunks)


class VoiceQueue:
    """Raw chunks waiting for their presentation time. When full, the oldest is dropped."""

    def __init__(self, size: int) -> None:
        self._chunks: deque[AudioChunk] = deque(maxlen=size)

    def put(self, chunk: AudioChunk) -> None:
        self._chunks.append(chunk)

    def take_before(self, pts: float) -> list[AudioChunk]:
        """All chunks that start before ``pts``, oldest first."""
        due: list[AudioChunk] = []
        while self._chunks and self._chunks[0].pts < pts:
            due.append(self._chunks.popleft())
        return due


class PictureStore:
    """Finished pictures waiting for their tick. When full, the oldest is dropped and counted as skipped.

    Who can wait asks ``has_room`` first: an animator that knows many frames at once may be ahead of the camera.

    A camera slower than the animation passes pictures over as a matter of course: with ``slow_camera`` those are not
    counted.
    """

    def __init__(self, size: int = 32, *, slow_camera: bool = False) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[Picture] = deque()
        self._size = size
        self._slow_camera = slow_camera
        self._shown: Picture | None = None
        self.standby: Picture | None = None  # what to show while there is nothing better
        self.skipped = 0
        self._given: ByteArray | None = None  # the I420 of the last tick
        self._resting = False  # the standby picture is shown though there were others
        self._fading: tuple[ByteArray, float] | None = None  # what is faded from, and the PTS at which that began

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def has_room(self) -> bool:
        return len(self._waiting) < self._size

    def put(self, picture: Picture) -> None:
        with self._lock:
            if len(self._waiting) == self._size:
                self._waiting.popleft()
                self.skipped += 1
            self._waiting.append(picture)

    def newest_due(self, pts: float) -> tuple[Picture | None, bool]:
        """The picture for a tick at ``pts``, and whether it is the one that belongs there (or an older one again).

        Before the first picture, and when none has come for a second, that is the standby picture, if there is one;
        to that and back it fades.
        """
        with self._lock:
            fresh = 0
            while self._waiting and self._waiting[0].pts <= pts:
                self._shown = self._waiting.popleft()
                fresh += 1
            if not self._slow_camera:
                self.skipped += max(0, fresh - 1)
            if self._shown is None:
                return self.standby, True
            resting = pts - self._shown.pts > STALE and self.standby is not None
            # rather the portrait at rest than a mouth that stays open
            picture = self.standby if resting else self._shown
            assert picture is not None
            on_time = not resting and self._shown.pts + FRAME_SAMPLES > pts
            return self._faded(picture, resting, pts), on_time

    def _faded(self, picture: Picture, resting: bool, pts: float) -> Picture:
        """``picture``, or for 0.3 s after rest has begun or ended a mix with what was shown before."""
        if resting != self._resting:
            self._resting = resting
            if self._given is not None and self._given.shape == picture.i420.shape:
                self._fading = (self._given, pts)
        if self._fading is not None:
            old, since = self._fading
            if 0 <= pts - since < FADE:
                picture = Picture(picture.pts, mixed(old, picture.i420, (pts - since) / FADE))
            else:
                self._fading = None
        self._given = picture.i420
        return picture
