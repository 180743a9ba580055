"""The avatar speaking with the points as they are now, made anew when they change; only while someone looks."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Literal

from vcam.animators.base import Animator
from vcam.animators.lite.photo.landmarks import Landmarks
from vcam.audio.decode import decode
from vcam.audio.demo import PAUSE_SECONDS, demo_path
from vcam.audio.gate import make_gate
from vcam.errors import SourceError, VcamError
from vcam.live.chunker import Chunker
from vcam.media import FRAME_SAMPLES, SAMPLE_RATE, AudioChunk, FloatArray, samples, silence
from vcam.profile.model import GateSettings
from vcam.stage import Stage
from vcam.web.pictures import PictureFeed

logger = logging.getLogger(__name__)

WIDTH, HEIGHT = 640, 360

Mode = Literal["speaking", "listening"]
MODES: tuple[dict[str, str], ...] = (
    {"id": "speaking", "label": "Speaking"},
    {"id": "listening", "label": "Listening"},
)

CLOSE_UP = 1.8  # zoom: from a head and shoulders as in a call to the face alone

_FRAME_SECONDS = FRAME_SAMPLES / SAMPLE_RATE
_QUIET = samples(500)  # of silence at a time

#: Makes the animator of these landmarks, for a scene of WIDTH x HEIGHT with this zoom. Raises VcamError.
Build = Callable[[Landmarks, float], Animator]
#: Told from the preview's thread: {"preview": "making" | "live" | "failed", "problem": text}.
Report = Callable[[dict[str, Any]], None]


class LivePreview:
    """Owns a thread that builds animators and draws their frames in real time into ``pictures``."""

    def __init__(self, build: Build, pictures: PictureFeed, report: Report) -> None:
        self._build = build
        self._pictures = pictures
        self._report = report
        self._news = threading.Condition()
        self._wanted: Landmarks | None = None
        self._newest: Landmarks | None = None
        self._mode: Mode = "speaking"
        self._close = True
        self._stopping = False
        self._animator: Animator | None = None
        self._stage = Stage(WIDTH, HEIGHT)
        self._sound: Iterator[AudioChunk] = iter(())
        self._pts = 0
        self._thread = threading.Thread(target=self._run, name="vcam-editor-preview", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def show(self, landmarks: Landmarks) -> None:
        """Show these as soon as possible; what was not shown yet is forgotten. Any thread, never waits."""
        with self._news:
            self._wanted = self._newest = landmarks
            self._news.notify()

    def set_mode(self, mode: Mode, close: bool) -> None:
        """``close``: the face alone, instead of the picture as in a call."""
        with self._news:
            self._mode = mode
            if close != self._close:
                self._close = close
                self._wanted = self._newest
                self._news.notify()

    def look(self) -> None:
        """Someone has come to look."""
        with self._news:
            self._news.notify()

    def stop(self) -> None:
        """End the thread and close the animator. May be called twice."""
        with self._news:
            self._stopping = True
            self._news.notify()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        due = time.monotonic()
        try:
            while self._wait_until(due):
                if (landmarks := self._take()) is not None:
                    self._rebuild(landmarks)
                    due = time.monotonic()
                if self._animator is not None:
                    self._draw(self._animator)
                # What was missed is not made up for: this is a preview.
                due = max(due + _FRAME_SECONDS, time.monotonic())
        finally:
            if not self._stopping:  # an error of ours, which Python reports as that of a thread
                self._report({"preview": "failed", "problem": "The preview has stopped; points can still be saved."})
            self._drop()

    def _wait_until(self, due: float) -> bool:
        """True once the next frame is due and someone looks; False at the end. New points are always due."""
        with self._news:
            self._news.wait_for(lambda: self._stopping or len(self._pictures.audience) > 0)
            self._news.wait_for(lambda: self._stopping or self._wanted is not None, max(0.0, due - time.monotonic()))
            return not self._stopping

    def _take(self) -> Landmarks | None:
        with self._news:
            wanted, self._wanted = self._wanted, None
            return wanted

    def _rebuild(self, landmarks: Landmarks) -> None:
        self._report({"preview": "making"})
        try:
            animator = self._build(landmarks, CLOSE_UP if self._close else 1.0)
        except VcamError as error:
            logger.debug("no preview of these points", exc_info=error)
            self._report({"preview": "failed", "problem": str(error)})
            return
        self._drop()
        self._animator = animator
        # Going on where the one before was keeps the head where it is.
        animator.reset(self._pts)
        self._sound = self._chunks(animator.look_ahead)
        self._report({"preview": "live"})

    def _draw(self, animator: Animator) -> None:
        """One frame, with the sound that it takes."""
        for chunk in self._sound:
            poses = animator.analyse(chunk)
            if poses:
                pose = poses[-1]
                self._pts = pose.pts + FRAME_SAMPLES
                self._pictures.put(self._stage.compose(animator.render(pose), pose.pts).i420)
                return

    def _chunks(self, look_ahead: int) -> Iterator[AudioChunk]:
        gate = make_gate(GateSettings(), look_ahead)
        chunker = Chunker()
        offset = self._pts
        for piece in self._voice():
            for chunk in chunker.push(piece):
                yield from gate.push(AudioChunk(chunk.pts + offset, chunk.samples))

    def _voice(self) -> Iterator[FloatArray]:
        while True:
            if self._mode == "speaking":
                yield from self._speech()
            yield silence(_QUIET)

    def _speech(self) -> Iterator[FloatArray]:
        try:
            for piece in decode(demo_path()):
                if self._mode != "speaking":
                    return
                yield piece
        except SourceError as error:
            logger.warning("The preview has nothing to say: %s", error)
            self._mode = "listening"
        yield silence(samples(PAUSE_SECONDS * 1000))

    def _drop(self) -> None:
        if self._animator is not None:
            self._animator.close()
            self._animator = None
