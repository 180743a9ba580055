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
from .emotions import Emotions
from .hearing import Heard
from .idle import IdleMotion
from .joining import Joiner, JoinRules
from .latency import valid_frames
from .motion_stream import OnlineMotion
from .options import CLIP, RunOptions
from .sampler import Sampler
from .seams import BridgedSampler

LINGER = 12  # frames that are still diffused after the last speech, so that the mouth closes as it would
IDLE_OVERLAP = 10  # of the clips that the idle stretch is made of
IDLE_CLIPS = 2
EMOTION_EASE = 10  # frames


@dataclass(frozen=True, slots=True, eq=False)
class MotionRow:
    """Frame ``frame``: ``row`` float32 [265]; ``idle``: the same for frames that show the same row of idle motion, but
    for what smoothing the joints makes of it, which nobody sees; None where it is no such row."""

    frame: int
    row: FloatArray
    idle: tuple[int, int] | None


class LiveMotion:
    """One avatar's motion. Used from one thread.

    ``source``: float32 [265], its own pose; ``silent``: float32 [80, 1024], features of silence. Making one samples
    the idle stretch, which takes some clips' time.
    """

    def __init__(
        self, sampler: Sampler, conditions: Conditions, options: RunOptions, source: FloatArray, silent: FloatArray
    ) -> None:
        self._conditions = conditions
        self._valid = valid_frames(options.overlap_v2)
        rules = JoinRules.online(options)
        stretch = _silent_stretch(sampler, conditions, options, source, silent)
        self.rest = stretch[0].copy()  # d0: the motion at which the face looks as in its picture
        self._clips = BridgedSampler(sampler, rules)
        self._stream = OnlineMotion(
            self._clips, conditions, rules, self.rest, silent[: rules.overlap], d0=self.rest, idle=self._idle_clip
        )
        self._idle: IdleMotion | None = IdleMotion(stretch, self.rest)
        self._stretch = 0  # which idle stretch this is: there is another one for each emotion
        self._changed = 0  # the first frame of the present emotion
        self._torn = False  # whether the sound before the next clip is missing
        self._begin(0)

    @property
    def idling(self) -> bool:
        """Whether the newest clip was idle motion."""
        return self._idling

    def push(self, heard: Heard) -> list[MotionRow]:
        """Take the next frames' sound; gives the frames whose motion is now known, in order."""
        self._voiced += [frame for frame, voiced in enumerate(heard.voiced.tolist(), self._heard) if voiced]
        self._heard += len(heard.rows)
        return [
            MotionRow(frame, row, self._which.pop(frame, None))
            for motion in self._stream.push(heard.rows)
            for frame, row in enumerate(motion.rows, motion.first)
        ]

    def restart(self, frame: int) -> None:
        """Sound before ``frame`` does not come: go on there from the pose that there is, with silence before it."""
        self._stream.restart(frame)
        self._torn = True
        self._begin(frame)

    def set_emotions(self, emotions: Emotions) -> None:
        """From the next frame on, easing. In silence too: it is diffused again until idle motion can be made of it."""
        self._conditions.set_emotions(emotions, EMOTION_EASE)
        self._idle = None
        self._changed = self._heard

    def _begin(self, frame: int) -> None:
        self._heard = frame
        self._quiet = frame  # the first frame after the last speech that a clip covers
        self._voiced: list[int] = []  # frames that no clip covers yet
        self._which: dict[int, tuple[int, int]] = {}  # of frames that have not been given yet
        self._idling = False

    def _idle_clip(self, first: int, tail: FloatArray) -> FloatArray | None:
        """The ``Idle`` of the stream: idle motion if nobody speaks in the frames from ``first`` on, or lately."""
        end = first + self._valid
        while self._voiced and self._voiced[0] < end:
            self._quiet = self._voiced.pop(0) + 1
        idle = self._idle_motion(first, tail) if self._quiet <= first - LINGER else None
        if idle is None:
            if self._idling or self._torn:
                self._clips.bridge(tail)
            self._which.clear()  # the cross-fade reaches back to where it was idle
            self._idling = self._torn = False
            return None
        if not self._idling:
            idle.enter(tail[-1])
        self._idling, self._torn = True, False
        rows, played = idle.rows(self._valid)
        self._which.update({first + k: (self._stretch, row) for k, row in enumerate(played) if row is not None})
        return rows

    def _idle_motion(self, first: int, tail: FloatArray) -> IdleMotion | None:
        """Idle motion, if there is some: after a change of emotion once all of ``tail`` shows it in silence."""
        settled = max(self._changed + EMOTION_EASE, self._quiet + LINGER)
        if self._idle is None and settled <= first - len(tail):
            self._idle = IdleMotion(tail, tail.mean(axis=0))
            self._stretch += 1
        return self._idle


def _silent_stretch(
    sampler: Sampler, conditions: Conditions, options: RunOptions, source: FloatArray, silent: FloatArray
) -> FloatArray:
    """Motion of endless silence, float32 [n, 265]."""
    joiner = Joiner(JoinRules.offline(options.replaced({"overlap_v2": IDLE_OVERLAP})), source)
    told = conditions.rows(-CLIP, silent)
    for _ in range(IDLE_CLIPS):
        joiner.join(sampler.clip(joiner.condition, told))
    return joiner.rows(0, joiner.end)
