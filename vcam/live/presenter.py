"""The presenter: a thread that owns the camera and gives it a picture at every tick, whatever happens elsewhere."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable
from fractions import Fraction

from vcam.camera.base import Camera
from vcam.errors import CameraError, CameraLost, VcamError
from vcam.live.backoff import Backoff
from vcam.live.clock import SampleClock
from vcam.live.meters import Notices, Timings
from vcam.live.queues import PictureStore, VoiceQueue
from vcam.media import SAMPLE_RATE, Picture

logger = logging.getLogger(__name__)

IDLE_WAIT = 0.02  # s between looks while there is nothing to show yet


class Presenter:
    """Shows the newest due picture at each camera tick: tick k has PTS k * 16000 / fps and is due ``delay`` later.

    ``open_camera`` is called on the presenter's own thread and gives an open camera. Until :meth:`go_live` the
    standby picture is shown as soon as there is one.
    """

    def __init__(
        self,
        open_camera: Callable[[], Camera],
        fps: Fraction,
        clock: SampleClock,
        store: PictureStore,
        voice: VoiceQueue,
        notices: Notices,
    ) -> None:
        self.camera: Camera | None = None
        self.presented = 0
        self.repeated = 0
        self.missed = 0  # ticks that passed without a picture, because the camera or this thread was late
        self.lost = False
        self.error: VcamError | None = None
        self.lateness = Timings()
        self.first_picture_at: float | None = None
        self._open_camera = open_camera
        self._tick = Fraction(SAMPLE_RATE) / fps
        self._clock = clock
        self._store = store
        self._voice = voice
        self._notices = notices
        self._delay: float | None = None
        self._end: int | None = None
        self._backoff = Backoff()
        self._stop = threading.Event()
        self._settled = threading.Event()
        self._thread = threading.Thread(target=self._run, name="vcam-camera", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wait_until_open(self) -> Camera:
        """Wait for the camera. Raises the error with which it could not be opened."""
        self._settled.wait()
        if self.error is not None:
            raise self.error
        assert self.camera is not None
        return self.camera

    def go_live(self, delay: float) -> None:
        """From now on show what was captured ``delay`` seconds ago."""
        self._delay = delay

    def end_at(self, pts: int) -> None:
        """Show nothing from ``pts`` on: the thread ends there by itself and closes the camera."""
        self._end = pts

    @property
    def ended(self) -> bool:
        """Whether the thread is done: it was stopped, came to its end, or failed (then ``error`` says how)."""
        return self._settled.is_set() and not self._thread.is_alive()

    def stop(self) -> None:
        """End the thread and close the camera. May be called twice."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    @property
    def position(self) -> float:
        """The PTS that is being shown now."""
        return self._clock.pts_at(time.monotonic() - (self._delay or 0.0))

    def _run(self) -> None:
        try:
            self.camera = self._open_camera()
        except VcamError as error:
            self.error = error
            return
        finally:
            self._settled.set()
        try:
            self._present()
        except CameraError as error:
            self.error = error
        except Exception as error:  # a camera may fail in any way; the session ends and says so
            logger.exception("the camera failed")
            self.error = CameraError(f"The camera {self.camera.device} failed: {error!r}.")
        finally:
            self._close(self.camera)

    def _close(self, camera: Camera) -> None:
        try:
            camera.close()
        except CameraError as error:  # a recording may find out only now that the disk is full
            self.error = self.error or error

    def _present(self) -> None:
        assert self.camera is not None
        index = 0
        live = False
        while not self._stop.is_set():
            delay = self._delay
            if delay is None and self.camera.timed_by_pts:
                self._stop.wait(IDLE_WAIT)
                continue
            if not live and delay is not None:
                live = True
                index = 0 if self.camera.timed_by_pts else math.ceil(self.position / self._tick)
            pts = index * self._tick
            if live and self._end is not None and pts >= self._end:
                return
            due = self._clock.time_of(float(pts)) + (delay or 0.0)
            wait = due - time.monotonic()
            if wait > 0:
                if self._stop.wait(wait):
                    return
            elif not self.camera.timed_by_pts and -wait * SAMPLE_RATE > self._tick:
                behind = math.floor(-wait * SAMPLE_RATE / self._tick)
                self.missed += behind
                index += behind
                pts = index * self._tick
            self._show(math.floor(pts), live)
            self.lateness.add(max(0.0, -wait))
            index += 1

    def _show(self, pts: int, live: bool) -> None:
        assert self.camera is not None
        picture, on_time = self._store.newest_due(pts) if live else (self._store.standby, False)
        if picture is None:
            return
        if self.lost and not self._reopen():
            return
        try:
            if self.camera.wants_audio and live:
                for chunk in self._voice.take_before(pts + float(self._tick)):
                    self.camera.send_audio(chunk)
            self.camera.send(Picture(pts, picture.i420))
        except CameraLost as error:
            self.camera.close()
            self.lost = True
            self._backoff.fail()
            self._notices.add("camera", f"{error.message} Trying again until it is back.")
            return
        self.first_picture_at = self.first_picture_at or time.monotonic()
        self.presented += 1
        self.repeated += live and not on_time

    def _reopen(self) -> bool:
        assert self.camera is not None
        if not self._backoff.due:
            return False
        try:
            self.camera.open()
        except CameraError as error:
            logger.debug("camera still away: %s", error.message)
            self._backoff.fail()
            return False
        self.lost = False
        self._backoff.succeed()
        self._notices.clear("camera")
        logger.info("camera %s is back", self.camera.device)
        return True
