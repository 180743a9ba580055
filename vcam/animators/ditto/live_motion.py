"""Motion of a live stream, which never ends: diffused where somebody speaks, idle where nobody does.

What the reference does otherwise, besides what ``motion_stream`` lists (its quirks are all off here):

    reference                                        here
    silence costs as much as speech                  asks neither the audio nor the diffusion network
    d0 is the first clip's first row, whatever is    is made from silence while starting, and the same for all
    spoken there, and another one after each start   streams of an avatar: the pose does not shift
    a gap in the sound is not known                  frames go on at their own time, from the pose that there is
    emotions are fixed                               change while it runs, eased
    blink positions end after 3000 frames            are drawn as they are needed (``blinks.EndlessBlinks``)
"""

from __future__ import annotations

from dataclasses import dataclass

from vcam.media import FloatArray

from .conditions import Conditions
from .hearing import Heard
from .idle import IdleMotion
from .joining import Joiner, JoinRules
from .latency import valid_frames
from .motion_stream import OnlineMotion
from .options import CLIP, Emotions, RunOptions
from .sampler import Sampler

LINGER = 12  # frames that are still diffused after the last speech, so that the mouth closes as it would
IDLE_OVERLAP = 10  # of the clips that the idle stretch is made of
IDLE_CLIPS = 2
EMOTION_EASE = 10  # frames


@dataclass(frozen=True, slots=True, eq=False)
class MotionRow:
    """Frame ``frame``: ``row`` float32 [265], and which row of the idle stretch it is, if it is exactly one."""

    frame: int
    row: FloatArray
    idle: int | None


class LiveMotion:
    """One avatar's motion.

    ``source``: float32 [265], its own pose; ``silent``: float32 [80, 1024], features of silence. Making one samples
    the idle stretch, which takes some clips' time.
    """

    def __init__(
        self, sampler: Sampler, conditions: Conditions, options: RunOptions, source: FloatArray, silent: FloatArray
    ) -> None:
        self._sampler = sampler
        self._conditions = conditions
        self._rules = JoinRules.online(options)
        self._valid = valid_frames(options.overlap_v2)
        stretch = self._silent_stretch(options.smo_k_d, source, silent)
        self.rest = stretch[0].copy()  # d0: the motion at which the face looks as in its picture
        self._idle = IdleMotion(stretch, self.rest)
        self._stream = OnlineMotion(
            sampler,
            conditions,
            self._rules,
            self.rest,
            silent[: self._rules.overlap],
            d0=self.rest,
            idle=self._idle_clip,
        )
        self._begin(0)

    @property
    def idling(self) -> bool:
        """Whether the newest clip was idle motion."""
        return self._idling

    def push(self, heard: Heard) -> list[MotionRow]:
        """Take the next frames' sound; gives the frames whose motion is now known, in order."""
        self._voiced.update(enumerate(heard.voiced.tolist(), self._heard))
        self._heard += len(heard.rows)
        return [
            MotionRow(frame, row, self._which.pop(frame, None))
            for motion in self._stream.push(heard.rows)
            for frame, row in enumerate(motion.rows, motion.first)
        ]

    def restart(self, frame: int) -> None:
        """Sound before ``frame`` does not come: go on there from the pose that there is, with silence before it."""
        self._stream.restart(frame)
        self._begin(frame)

    def set_emotions(self, emotions: Emotions) -> None:
        """From the next frame on, easing."""
        self._conditions.set_emotions(emotions, EMOTION_EASE)

    def _begin(self, frame: int) -> None:
        self._heard = frame
        self._voiced: dict[int, bool] = {}  # frames that no clip covers yet
        self._which: dict[int, int | None] = {}  # of frames that have not been given yet: which idle row each is
        self._since_speech = 0
        self._idling = False

    def _silent_stretch(self, smooth: int, source: FloatArray, silent: FloatArray) -> FloatArray:
        joiner = Joiner(JoinRules(IDLE_OVERLAP, IDLE_OVERLAP, smooth, keep=None), source)
        told = self._conditions.rows(-CLIP, silent)
        for _ in range(IDLE_CLIPS):
            joiner.join(self._sampler.clip(joiner.condition, told))
        return joiner.rows(0, joiner.end)

    def _idle_clip(self, first: int, tail: FloatArray) -> FloatArray | None:
        """The ``Idle`` of the stream: idle motion if nobody speaks in the frames from ``first`` on."""
        frames = range(first, first + self._valid)
        voiced = [self._voiced.pop(frame) for frame in list(self._voiced) if frame < frames.stop]
        self._since_speech = 0 if any(voiced) else self._since_speech + self._valid
        if self._since_speech <= LINGER:
            self._which.clear()  # the cross-fade reaches back to where it was idle
            self._idling = False
            return None
        if not self._idling:
            self._idle.enter(tail[-1])
            self._idling = True
        rows, which = self._idle.rows(self._valid)
        self._which.update(zip(frames, which, strict=True))
        return rows
