"""The animator worker: a thread that turns gated chunks into pictures, and leaves out those that come too late.

Sound comes first: while poses wait to be drawn, every chunk that has arrived is analysed before the next one is.

Two animators need not take the same time from a sound to its pose. When one takes over, both hear until the old one has
told of all frames before the new one's first: none is missing in between.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from vcam.animators.base import Animator, Pose, Steering
from vcam.live.meters import Timings
from vcam.live.queues import ChunkQueue, PictureStore
from vcam.media import FRAME_SAMPLES, SAMPLE_RATE, AudioChunk
from vcam.stage import Stage

logger = logging.getLogger(__name__)

GET_TIMEOUT = 0.1  # s
CROWDED = 0.01  # s between looks whether the store of finished pictures has room again
DRAWING_WEIGHT = 0.1  # of the newest frame in the average of what drawing takes
STANDING = 0.5  # s without a new frame before the newest one is drawn although it is late: rather late than frozen
FRAME_TIME = FRAME_SAMPLES / SAMPLE_RATE  # s


@dataclass(frozen=True, slots=True, eq=False)
class Act:
    """An animator and the stage that its frames go on."""

    animator: Animator
    stage: Stage


class AnimatorWorker:
    """Owns one thread, and the animators that it is given. If one raises, the thread ends and ``error`` says why.

    ``deadline(pts)`` gives the monotonic time after which a frame of that PTS will not be shown any more.
    """

    def __init__(
        self,
        animator: Animator,
        stage: Stage,
        chunks: ChunkQueue,
        store: PictureStore,
        deadline: Callable[[int], float],
        shown: Stage | None = None,
    ) -> None:
        """``shown``: the stage of a worker before it, from whose last picture the first one fades."""
        self.frame_times = Timings()  # s for each frame drawn: its sound's analysis, drawing and staging
        self.skipped = 0
        self.drawn = 0
        self.error: Exception | None = None
        self._act = Act(animator, stage)
        self._stage = shown or stage  # of the frame drawn last
        self._coming: Act | None = None  # hears already, and has yet to take over
        self._held: list[tuple[Pose, float]] = []  # the poses that it knows
        self._left: list[Act] = []  # have heard all they need, and have frames to be drawn
        self._told = 0  # PTS after the last pose that is known
        self._chunks = chunks
        self._store = store
        self._deadline = deadline
        self._expected: int | None = None  # PTS of the next chunk; None: begin anew
        self._drawn_at = time.monotonic()
        self._drawing = 0.0  # s that drawing a frame takes, on average lately
        self._analysing = 0.0  # s spent on the chunks of the coming poses
        self._poses: deque[tuple[Act, Pose, float]] = deque()  # to be drawn, with the s that the analysis of each took
        self._busy_since: float | None = None
        self._swap = threading.Lock()
        self._next: Act | None = None
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

    def replace(self, animator: Animator, stage: Stage) -> bool:
        """Use another animator, warmed up already, as soon as it can; then it fades in, and the old one is closed.

        False if the thread has ended: then nothing has been taken over.
        """
        with self._swap:
            if self.error is not None or self._stop.is_set():
                return False
            unused, self._next = self._next, Act(animator, stage)
        if unused is not None:
            unused.animator.close()
        return True

    @property
    def animator(self) -> Animator:
        """The one that draws."""
        return self._act.animator

    @property
    def stage(self) -> Stage:
        """The one of the frame drawn last."""
        return self._stage

    def express(self, name: str) -> None:
        """Ask the animator, or the one about to take over, for an expression. Raises AnimatorError."""
        with self._swap:
            self._newest().express(name)

    def steer(self, steering: Steering) -> None:
        """Ask the animator, or the one about to take over, to turn head and eyes. Raises AnimatorError."""
        with self._swap:
            self._newest().steer(steering)

    def set_away(self, away: bool) -> None:
        """Tell the animator, or the one about to take over, whether somebody is there."""
        with self._swap:
            self._newest().set_away(away)

    def _newest(self) -> Animator:
        return (self._next or self._coming or self._act).animator

    @property
    def busy_since(self) -> float | None:
        """The monotonic time at which the thread went into the animator, if it has not come back yet."""
        return self._busy_since

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                drawable = bool(self._poses) and self._store.has_room
                chunk = self._chunks.get(0.0 if drawable else CROWDED if self._poses else GET_TIMEOUT)
                if chunk is not None:
                    self._busy_since = time.monotonic()
                    self._take(chunk)
                elif drawable:
                    self._busy_since = time.monotonic()
                    self._show(*self._poses.popleft())
                self._busy_since = None
        except Exception as error:  # it may fail in any way; the session decides what follows
            logger.exception("the animator %s failed", self.animator.kind)
            with self._swap:
                self.error = error
        finally:
            self._busy_since = None
            for act in (self._act, self._coming, self._next, *self._left):
                if act is not None:
                    _close(act.animator)

    def _take(self, chunk: AudioChunk) -> None:
        if chunk.pts != self._expected:
            self._expected = None
        if chunk.pts % FRAME_SAMPLES == 0:
            self._let_in(chunk.pts)
            if self._expected is None:
                self._begin(chunk.pts)
        if self._expected is None:
            return  # in the middle of a frame whose beginning is missing
        self._expected = chunk.end
        with self.frame_times.stopwatch() as analysing:
            poses = self._act.animator.analyse(chunk)
            held = self._coming.animator.analyse(chunk) if self._coming is not None else ()
        self._analysing += analysing.seconds
        poses = [pose for pose in poses if pose.pts >= self._told]  # the one before it may have told of some already
        if poses:
            self._poses.extend((self._act, pose, self._analysing / len(poses)) for pose in poses)
            self._told = poses[-1].pts + FRAME_SAMPLES
            self._analysing = 0.0
        self._held.extend((pose, analysing.seconds / len(held)) for pose in held)
        if self._held and self._told >= self._held[0][0].pts:
            self._hand_over()

    def _begin(self, pts: int) -> None:
        self._expected = self._told = pts
        self._held.clear()
        self._act.animator.reset(pts)
        if self._coming is not None:
            self._coming.animator.reset(pts)

    def _let_in(self, pts: int) -> None:
        """Let the next animator hear from ``pts`` on, if there is one."""
        with self._swap:
            following, self._next = self._next, None
            if following is None:
                return
            unused, self._coming = self._coming, following
        if unused is not None:
            unused.animator.close()
        self._held.clear()
        following.animator.reset(pts)

    def _hand_over(self) -> None:
        """All frames before the coming animator's are known: its own follow."""
        with self._swap:
            act, self._coming = self._coming, None
            assert act is not None
            self._left.append(self._act)
            self._act = act
        self._poses.extend((act, pose, share) for pose, share in self._held if pose.pts >= self._told)
        if self._held:
            self._told = max(self._told, self._held[-1][0].pts + FRAME_SAMPLES)
        self._held.clear()

    def _show_act(self, act: Act, pts: int) -> None:
        """Fade over to the stage of another animator, and let those go that were before it."""
        if act.stage is self._stage:
            return
        act.stage.fade(pts, self._stage)
        self._stage = act.stage
        while self._left and self._left[0] is not act:
            self._left.pop(0).animator.close()

    @property
    def waiting(self) -> int:
        """Poses that are known and not drawn yet."""
        return len(self._poses)

    def _show(self, act: Act, pose: Pose, analysing: float) -> None:
        self._show_act(act, pose.pts)
        # one that is ready only when the next is due would take that one's time, and be shown for none of its own
        now = time.monotonic()
        late = now + min(self._drawing, FRAME_TIME) > self._deadline(pose.pts)
        if late and (self._poses or now - self._drawn_at < STANDING):
            self.skipped += self.drawn > 0  # before the first picture nobody misses one
            return
        with self.frame_times.stopwatch() as drawing:
            picture = act.stage.repeat(pose.pts) if act.animator.repeats(pose) else None
            if picture is None:
                picture = act.stage.compose(act.animator.draw(pose), pose.pts)
        if self._stop.is_set():
            return  # replaced while drawing: its pictures are no longer wanted
        self._store.put(picture)
        self._drawn_at = time.monotonic()
        self._drawing += (drawing.seconds - self._drawing) * (DRAWING_WEIGHT if self.drawn else 1.0)
        self.drawn += 1
        self.frame_times.add(analysing + drawing.seconds)


def _close(animator: Animator) -> None:
    try:
        animator.close()
    except Exception:  # what failed on a GPU may fail at this too, and the others are to be closed all the same
        logger.exception("the animator %s could not be closed", animator.kind)
