"""Who animates: one animator after the other, and what was asked of the one that the next one is told."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from vcam.animators.base import Animator, Steering
from vcam.errors import AnimatorError
from vcam.live.queues import ChunkQueue, PictureStore
from vcam.live.worker import AnimatorWorker
from vcam.profile.model import Profile
from vcam.stage import Stage

logger = logging.getLogger(__name__)


class Animation:
    """The worker in use, and its successors. Thread-safe; once ``ending`` is set, nobody takes over any more.

    ``deadline(pts)`` gives the monotonic time after which a frame of that PTS will not be shown any more.
    """

    def __init__(
        self, chunks: ChunkQueue, store: PictureStore, deadline: Callable[[int], float], ending: threading.Event
    ) -> None:
        self._chunks = chunks
        self._store = store
        self._deadline = deadline
        self._ending = ending
        self._lock = threading.Lock()  # guards which worker is in use and what was asked; never held for long
        self._worker: AnimatorWorker | None = None
        self._skipped_before = 0  # by workers that are gone
        self._away = False
        self._expression: str | None = None
        self._steering: Steering | None = None
        self._mirrored = False  # what the animator draws, before it is seen

    @property
    def worker(self) -> AnimatorWorker | None:
        """The one in use; None until it begins."""
        return self._worker

    @property
    def skipped(self) -> int:
        """Frames that were known, and not drawn because they would have come too late."""
        worker = self._worker
        return self._skipped_before + (worker.skipped if worker is not None else 0)

    # -- who animates --------------------------------------------------------------------------------------------

    def begin(self, animator: Animator, stage: Stage) -> None:
        """The first animator, warmed up already."""
        with self._lock:
            self._brief(animator, stage)
            self._employ(animator, stage)

    def hand_over(self, animator: Animator, stage: Stage) -> None:
        """Another animator takes over from the running one, or at once if that has failed.

        Raises AnimatorError if the session has ended; then nothing was taken.
        """
        with self._lock:
            if self._ending.is_set():
                raise AnimatorError("The session has ended.")
            assert self._worker is not None
            self._brief(animator, stage)
            if not self._worker.replace(animator, stage):
                self._employ(animator, stage)

    def succeed(self, failed: AnimatorWorker, animator: Animator, stage: Stage) -> bool:
        """Another animator instead of one that failed. False, and nothing taken, if a switch or the end came first."""
        with self._lock:
            if self._ending.is_set() or failed is not self._worker:
                return False
            self._brief(animator, stage)
            self._employ(animator, stage)
            return True

    def successor(self, profile: Profile) -> Animator | None:
        """An animator for the next profile that shares what the present one has loaded; None if there is none."""
        worker = self._worker
        return worker.animator.successor(profile) if worker is not None and worker.error is None else None

    def stop(self, timeout: float = 2.0) -> None:
        """End the worker, and its animators. May be called twice, and before it begins."""
        with self._lock:
            worker = self._worker
        if worker is not None:
            worker.stop(timeout)

    def _employ(self, animator: Animator, stage: Stage) -> None:
        self._skipped_before = self.skipped
        shown = None if self._worker is None else self._worker.stage
        self._worker = AnimatorWorker(animator, stage, self._chunks, self._store, self._deadline, shown)
        self._worker.start()

    def _brief(self, animator: Animator, stage: Stage) -> None:
        """Tell an animator what was asked of the one before it."""
        animator.set_away(self._away)
        self._mirrored = stage.mirror
        if self._expression is not None and self._expression in animator.expressions:
            animator.express(self._expression)
        if self._steering is not None:
            try:
                animator.steer(self._as_drawn(self._steering))
            except AnimatorError as error:
                logger.info("the head goes back: %s", error.message)

    # -- what is asked of it -------------------------------------------------------------------------------------

    def set_away(self, away: bool) -> None:
        """Whether nobody is there."""
        with self._lock:
            self._away = away
            if self._worker is not None:
                self._worker.set_away(away)

    def express(self, name: str) -> None:
        """Show an expression, also after a switch. Raises AnimatorError."""
        with self._lock:
            self._present().express(name)
            self._expression = name

    def forget_expression(self) -> None:
        """The next animator is not told of it: another profile's face is its own."""
        with self._lock:
            self._expression = None

    def steer(self, steering: Steering) -> None:
        """Turn head and eyes, also after a switch. Raises AnimatorError."""
        with self._lock:
            self._present().steer(self._as_drawn(steering))
            self._steering = steering

    def _as_drawn(self, steering: Steering) -> Steering:
        """Asked for as the picture is seen; what the animator draws may be mirrored after it."""
        return steering.mirrored() if self._mirrored else steering

    def _present(self) -> AnimatorWorker:
        if self._worker is None:
            raise AnimatorError("The session is not live yet.", "Try again in a moment.")
        return self._worker
