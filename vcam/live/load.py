"""Frames that cannot be drawn in time: whose fault that is, and telling the user without repeating it."""

from __future__ import annotations

import logging

from vcam.live.meters import Notices
from vcam.live.worker import AnimatorWorker
from vcam.media import ANIMATION_FPS

logger = logging.getLogger(__name__)

SKIPPED_SHARE = 0.1  # of a window's frames, before the user is told
CALM_SHARE = SKIPPED_SHARE / 2
CALM_WINDOWS = 6  # in a row, until it is over
MUCH = 0.25  # of all frames: so many more than the log knows of are told again
FULL = 0.8  # of real time, from which on an animator is itself the limit: the rest is needed for all else
FRAME_MS = 1000 / float(ANIMATION_FPS)


class LoadWatch:
    """Keeps the user up to date about frames that are skipped; the log is told when that begins, gets much worse and
    ends."""

    def __init__(self, notices: Notices) -> None:
        self._notices = notices
        self._told: float | None = None  # the greatest share that the log knows of
        self._blamed = False  # whether the animator was said to be the limit: that stays until it is over
        self._calm = 0  # windows

    def check(self, lost: int, seconds: float, worker: AnimatorWorker) -> None:
        """``lost`` frames of the last ``seconds`` were skipped."""
        share = lost / (seconds * float(ANIMATION_FPS))
        self._calm = self._calm + 1 if share < CALM_SHARE else 0
        if self._calm >= CALM_WINDOWS and self._told is not None:
            self._told, self._blamed = None, False
            self._notices.clear("load")
            logger.info("frames are drawn in time again")
        elif share > SKIPPED_SHARE:
            found = not self._blamed and is_limit(worker)
            self._blamed |= found
            news = self._told is None or share - self._told > MUCH or found
            if news:
                self._told = max(share, self._told or 0.0)
            text = f"{lost} frames of the last {seconds:.0f} s were skipped: {reason(worker, self._blamed)}"
            self._notices.add("load", text, quiet=not news)


def is_limit(worker: AnimatorWorker) -> bool:
    """Whether the animator's own work fills the time there is, however idle the machine is otherwise."""
    shares = [stage.share for stage in worker.animator.stages()]
    return (sum(shares) if shares else worker.frame_times.percentile_ms(50) / FRAME_MS) > FULL


def reason(worker: AnimatorWorker, limit: bool) -> str:
    """Why frames are late, and what would help. ``limit``: because of the animator."""
    usual, longest = worker.frame_times.percentile_ms(50), worker.frame_times.percentile_ms(95)
    if limit:
        slow = f"drawing one takes {usual:.0f} ms, and there are only {FRAME_MS:.0f} ms for each."
        return worker.animator.bottleneck() or slow
    return (
        f"the machine is too busy with other things. Drawing one usually takes {usual:.0f} of the {FRAME_MS:.0f} ms "
        f"that there are, at times {longest:.0f} ms."
    )
