"""The presenter: a thread that owns the camera and gives it a picture at every tick, whatever happens elsewhere."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

from vcam.camera.base import Camera
from vcam.errors import CameraError, CameraLost, VcamError
from vcam.live.backoff import Backoff
from vcam.live.clock import SampleClock
from vcam.live.meters import Notices
from vcam.live.queues import PictureStore, VoiceQueue
from vcam.media import CHUNK_SAMPLES, SAMPLE_RATE, Picture, silence

logger = logging.getLogger(__name__)

IDLE_WAIT = 0.02  # s between looks while there is nothing to show yet
LONG_GAP = 2.0  # s; a camera timed by PTS gets every tick, but not those of a longer standstill of the machine
CLOSE_PATIENCE = 10.0  # s


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
        self.first_picture_at: float | None = None
        self.card: Picture | None = None  # shown instead of everything else, in silence, for as long as it is there
        self._open_camera = open_camera
        self._tick = Fraction(SAMPLE_RATE) / fps
        self._clock = clock
        self._store = store
        self._voice = voice
        self._notices = notices
        self._delay: float | None = None
        self._end: int | None = None
        self._length: int | None = None  # samples from the first live tick to the end
        self._live_from = 0  # PTS of the first tick that was live
        self._backoff = Backoff()
        self._stop = threading.Event()
        self._settled = threading.Event()
        self._thread = threading.Thread(target=self._run, name="vcam-camera", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wait_until_open(self, timeout: float | None = None) -> Camera | None:
        """The open camera; waits for it, None after ``timeout`` seconds. Raises the error that prevents it."""
        if not self._settled.wait(timeout):
            return None
        if self.camera is None and self.error is not None:
            raise self.error
        return self.camera

    def go_live(self, delay: float, length: int | None = None) -> None:
        """From now on show what was captured ``delay`` seconds ago. Called again: go on with another delay.

        ``length``: end so many samples after the first live tick (only the first call's counts).
        """
        self._length = self._length or length
        self._delay = delay

    def end_at(self, pts: int) -> None:
        """Show nothing from ``pts`` on: the thread ends there by itself. Of several ends the earliest counts."""
        self._end = pts if self._end is None else min(self._end, pts)

    @property
    def ended(self) -> bool:
        """Whether the thread is done: it was stopped, came to its end, or failed (then ``error`` says how)."""
        return self._settled.is_set() and not self._thread.is_alive()

    def stop(self, timeout: float = CLOSE_PATIENCE) -> None:
        """End the thread and close the camera. May be called twice, and before ``start``."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout)

    @property
    def position(self) -> float:
        """The PTS that is being shown now."""
        return self._clock.pts_at(time.monotonic() - (self._delay or 0.0))

    def _run(self) -> None:
        try:
            self.camera = self._open_camera()
        except VcamError as error:
            self.error = error
        except Exception as error:  # a driver may fail in any way; the session does not start and says so
            logger.exception("the camera could not be opened")
            self.error = CameraError(f"The camera could not be opened: {error!r}.", "`vcam doctor` may know more.")
        finally:
            self._settled.set()
        if self.camera is None:
            return
        try:
            self._present(self.camera)
        except CameraError as error:
            self.error = error
        except Exception as error:  # a camera may fail in any way; the session ends and says so
            logger.exception("the camera failed")
            self.error = CameraError(f"The camera {self.camera.device} failed: {error!r}.", "See the log.")
        finally:
            error_at_end = _close(self.camera)  # a recording may find out only now that the disk is full
            self.error = self.error or error_at_end

    def _present(self, camera: Camera) -> None:
        index: int | None = None
        live = False
        while not self._stop.is_set():
            delay = self._delay
            if delay is None and camera.timed_by_pts:
                self._stop.wait(IDLE_WAIT)
                continue
            if index is None or (delay is not None and not live):
                live = delay is not None
                index = math.ceil(self.position / self._tick)
                self._live_from = math.floor(index * self._tick)
                if live and self._length is not None:
                    self.end_at(self._live_from + self._length)
            if live and self._end is not None and index * self._tick >= self._end:
                return
            late = time.monotonic() - self._clock.time_of(float(index * self._tick)) - (delay or 0.0)
            if late < 0 and self._stop.wait(-late):
                return
            if late * SAMPLE_RATE > self._tick and (not camera.timed_by_pts or late > LONG_GAP):
                behind = math.floor(late * SAMPLE_RATE / self._tick)
                self.missed += behind
                index += behind
            self._show(camera, math.floor(index * self._tick), live)
            index += 1

    def _show(self, camera: Camera, pts: int, live: bool) -> None:
        picture, on_time = self._store.newest_due(pts) if live else (self._store.standby, True)
        if (card := self.card) is not None:
            picture, on_time = card, True
        if picture is None or (self.lost and not self._reopen(camera)):
            return
        try:
            if camera.wants_audio and live:
                for chunk in self._voice.take_before(pts + float(self._tick)):
                    if chunk.pts >= self._live_from:  # what was heard before the first picture is not recorded
                        camera.send_audio(chunk if card is None else replace(chunk, samples=silence(CHUNK_SAMPLES)))
            camera.send(Picture(pts, picture.i420))
        except CameraLost as error:
            _close(camera)
            self.lost = True
            self._backoff.fail()
            self._tell_lost(error)
            return
        self.first_picture_at = self.first_picture_at or time.monotonic()
        self.presented += 1
        self.repeated += not on_time

    def _tell_lost(self, error: CameraError) -> None:
        text = f"{error.message} Trying again until it is back."
        if text not in self._notices.texts():
            self._notices.add("camera", text)

    def _reopen(self, camera: Camera) -> bool:
        if not self._backoff.due:
            return False
        try:
            camera.open()
        except (CameraError, OSError) as error:
            logger.debug("camera still away: %s", error)
            self._backoff.fail()
            if isinstance(error, CameraError):
                self._tell_lost(error)  # it may be there again, and in use by another program
            return False
        self.lost = False
        self._backoff.succeed()
        self._notices.clear("camera")
        logger.info("camera %s is back", camera.device)
        return True


def _close(camera: Camera) -> VcamError | None:
    """Close the camera; the error that this brings, if any."""
    try:
        camera.close()
    except (CameraError, OSError) as error:
        logger.debug("closing the camera: %s", error)
        return error if isinstance(error, VcamError) else CameraError(f"The camera could not be closed: {error}.")
    return None
