"""The animator worker: a thread that turns gated chunks into pictures, and leaves out those that come too late."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from vcam.animators.base import Animator, Pose
from vcam.live.meters import Timings
from vcam.live.queues import ChunkQueue, PictureStore
from vcam.media import FRAME_SAMPLES, AudioChunk
from vcam.stage import Stage

logger = logging.getLogger(__name__)

GET_TIMEOUT = 0.1  # s


class AnimatorWorker:
    """Owns one thread and uses one animator at a time. If the animator raises, the thread ends and ``error`` says why.

    ``deadline(pts)`` gives the monotonic time after which a frame of that PTS will not be shown any more.
    """

    def __init__(
        self,
        animator: Animator,
        stage: Stage,
        chunks: ChunkQueue,
        store: PictureStore,
        deadline: Callable[[int], float],
    ) -> None:
        self.animator = animator
        self.analyse_times = Timings()
        self.render_times = Timings()
        self.stage_times = Timings()
        self.frame_times = Timings()
        self.skipped = 0
        self.rendered = 0
        self.error: Exception | None = None
        self._stage = stage
        self._chunks = chunks
        self._store = store
        self._deadline = deadline
        self._expected: int | None = None  # PTS of the next chunk
        self._analysing = 0.0  # s spent on the chunks of the coming frame
        self._busy_since: float | None = None
        self._replacement: Animator | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="vcam-animator", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout: float = 2.0) -> bool:
        """End the thread; True if it has ended. One that hangs inside its animator is left behind, its work unused."""
        self._stop.set()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(timeout)
        return not self._thread.is_alive()

    def replace(self, animator: Animator) -> None:
        """Use another animator, warmed up already, from the next chunk on. The old one is closed."""
        self._replacement = animator

    @property
    def busy_for(self) -> float:
        """Seconds that the thread has been inside the animator without coming back."""
        since = self._busy_since
        return time.monotonic() - since if since is not None else 0.0

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                chunk = self._chunks.get(GET_TIMEOUT)
                if chunk is not None:
                    self._busy_since = time.monotonic()
                    self._take(chunk)
                self._busy_since = None
        except Exception as error:  # it may fail in any way; the session decides what follows
            logger.exception("the animator %s failed", self.animator.kind)
            self.error = error
        finally:
            self._busy_since = None
            self.animator.close()

    def _take(self, chunk: AudioChunk) -> None:
        if self._replacement is not None:
            old, self.animator, self._replacement = self.animator, self._replacement, None
            old.close()
            self._stage.fade(chunk.pts)
            self._expected = None
        if chunk.pts != self._expected:
            self.animator.reset(-(-chunk.pts // FRAME_SAMPLES) * FRAME_SAMPLES)
        self._expected = chunk.end
        with self.analyse_times.measure() as analysing:
            poses = self.animator.analyse(chunk)
        self._analysing += analysing.seconds
        for pose in poses:
            self._show(pose)

    def _show(self, pose: Pose) -> None:
        if time.monotonic() > self._deadline(pose.pts):
            self.skipped += self.rendered > 0  # what was captured while everything was being opened does not count
            return
        with self.render_times.measure() as rendering:
            rgb = self.animator.render(pose)
        with self.stage_times.measure() as staging:
            picture = self._stage.compose(rgb, pose.pts)
        if self._stop.is_set():
            return  # replaced while rendering: its pictures are no longer wanted
        self._store.put(picture)
        self.rendered += 1
        self.frame_times.add(self._analysing + rendering.seconds + staging.seconds)
        self._analysing = 0.0
