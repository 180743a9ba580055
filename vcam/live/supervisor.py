"""What a session sees to while it is live: an animator that fails or hangs, a delay too short, frames too late."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from vcam.animators.base import Animator
from vcam.build import build_fallback, build_stage
from vcam.errors import AnimatorError, VcamError
from vcam.live.load import LoadWatch
from vcam.live.parts import Parts
from vcam.live.pump import AudioPump
from vcam.live.watchdog import Heartbeat, Standstills, Watchdog
from vcam.live.worker import AnimatorWorker
from vcam.profile.model import Profile

logger = logging.getLogger(__name__)

PERIOD = 0.1  # s between two looks
HANG = 3.0  # s inside the animator without coming back
STUCK = 1.0  # s inside it, from which on it is no load that frames are missing
FAILURES_FORGIVEN_AFTER = 60.0  # s
RETRY_PAUSE = 2.0  # s between attempts to build an animator anew
WATCH_WINDOW = 5.0  # s
RECENT = 60.0  # s for which passing troubles stay among the warnings


class Supervisor:
    """Looks after the parts of a live session: its owner calls :meth:`look` every ``PERIOD`` s, from one thread.

    ``profile`` gives the one shown at the moment, ``make_animator`` an animator for it, and a notice or "".
    """

    def __init__(
        self,
        parts: Parts,
        profile: Callable[[], Profile],
        make_animator: Callable[[Profile], tuple[Animator, str]],
    ) -> None:
        self.fallen_back = False  # whether lite animates because the profile's animator kept failing
        self._parts = parts
        self._profile = profile
        self._make_animator = make_animator
        self._heartbeat = Heartbeat(PERIOD)
        self._watchdog = Watchdog(self._heartbeat, HANG)
        self._standstills = Standstills(parts.notices)
        self._load = LoadWatch(parts.notices)
        self._last_failure: float | None = None
        self._retry_at = 0.0
        self._window = (0.0, 0)  # when it began, and what had been skipped by then
        self._disturbed = False  # whether what happens in the window does not count

    def begin(self) -> None:
        """The session is live; ``PERIOD`` s from now comes the first look."""
        self._new_window()
        self._heartbeat.wait_begins()

    def forgive(self) -> None:
        """Another animator has been chosen: what the one before did does not count."""
        self.fallen_back, self._last_failure = False, None

    def look(self) -> None:
        """See whether all is well, and mend what is not."""
        pump, worker = self._parts.pump, self._parts.animation.worker
        assert pump is not None
        assert worker is not None
        if stood := self._heartbeat.beat():
            self._standstills.add(stood)
            self._new_window(disturbed=True)  # everything was late, and needs a moment to be in time again
        if worker.error is not None:
            self._recover(worker, f"The {worker.animator.kind} animator failed: {worker.error}.")
        elif self._watchdog.hangs(worker.busy_since):
            self._recover(worker, f"The {worker.animator.kind} animator does not answer any more.")
        self._watch(pump, worker)
        self._heartbeat.wait_begins()

    def _recover(self, failed: AnimatorWorker, what: str) -> None:
        """Restart the animator; the second time within a minute, let lite take over. The camera goes on meanwhile."""
        now = time.monotonic()
        if now < self._retry_at:
            return
        self._retry_at = now + RETRY_PAUSE
        again = self._last_failure is not None and now - self._last_failure < FAILURES_FORGIVEN_AFTER
        self._last_failure = now
        failed.stop(timeout=0)
        profile, notices = self._profile(), self._parts.notices
        try:
            animator = build_fallback(profile) if again else self._make_animator(profile)[0]
            try:
                if not again:
                    _check_same(animator, failed.animator)
                animator.warm_up()
                stage = build_stage(profile)
            except BaseException:
                animator.close()
                raise
        except Exception as error:  # whatever it is: the portrait at rest stays on the camera, and it is tried again
            logger.exception("the animator could not be restarted")
            text = error.message if isinstance(error, VcamError) else repr(error)
            notices.add("animator", f"{what} It could not be restarted: {text}")
            return
        if not self._parts.animation.succeed(failed, animator, stage):
            animator.close()
            return
        self.fallen_back = again
        if again:
            notices.add("animator", f"{what} lite has taken over.")
        else:
            notices.add("animator", f"{what} It was restarted.", seconds=RECENT)

    def _watch(self, pump: AudioPump, worker: AnimatorWorker) -> None:
        """Every few seconds: is the sound as early as planned, and are frames drawn in time?"""
        now = time.monotonic()
        self._disturbed |= pump.lost  # when it is lost, and found, frames are late whatever the machine does
        self._disturbed |= worker.error is not None or now - (worker.busy_since or now) > STUCK
        if now - self._window[0] < WATCH_WINDOW:
            return
        (since, skipped), disturbed = self._window, self._disturbed
        self._new_window(disturbed=pump.lost)
        if disturbed:
            self._parts.delay.forget_window()
        elif not self._parts.delay.check(pump):
            self._load.check(self._parts.skipped - skipped, now - since, worker)

    def _new_window(self, *, disturbed: bool = False) -> None:
        self._window, self._disturbed = (time.monotonic(), self._parts.skipped), disturbed


def _check_same(animator: Animator, failed: Animator) -> None:
    """Raises AnimatorError if the new animator would run elsewhere.

    After some errors a GPU serves a process no more; on the processor, which "auto" then takes, a frame takes seconds.
    """
    if animator.kind == failed.kind and animator.runs_on != failed.runs_on:
        raise AnimatorError(f"{failed.runs_on or 'The processor'} cannot be used any more, only {animator.runs_on}.")
