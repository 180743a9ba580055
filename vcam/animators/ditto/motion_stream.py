"""Audio features to motion, in two schedules over the same parts.

``OnlineMotion`` runs a clip as soon as its rows of features are there, and gives motion for each frame once, a clip
after its own: only then its cross-fade is known. ``OfflineMotion`` has all features at once.

What the reference does otherwise, and ``REFERENCE`` reproduces:

    reference                                               here
    an online overlap below 40 loses frames                 refused
    new rows wait until there are V = 80 - overlap of them   a clip is run when its last row is there
    a stream's end gives up to 2 V frames nobody spoke      exactly the frames that were pushed
    an offline clip more than the frames need               only the clips that are needed
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from vcam.media import FloatArray

from .conditions import Conditions
from .features import FEATURE_SIZE
from .joining import Joiner, JoinRules
from .latency import valid_frames
from .motion import MOTION_SIZE, check
from .observing import Observe, nobody
from .options import CLIP


@dataclass(frozen=True, slots=True)
class StreamQuirks:
    """Where to do as the reference does; see this module's table."""

    any_overlap: bool = False
    wait_for_batches: bool = False
    overshoot: bool = False
    needless_clip: bool = False


REFERENCE = StreamQuirks(any_overlap=True, wait_for_batches=True, overshoot=True, needless_clip=True)


class Clips(Protocol):
    """What makes a clip: a ``Sampler``, or something around one."""

    def clip(self, first_pose: FloatArray, conditions: FloatArray) -> FloatArray:
        """As ``Sampler.clip``."""


class Idle(Protocol):
    """Motion for a clip that needs no diffusion, because nobody speaks in it."""

    def __call__(self, first: int, tail: FloatArray) -> FloatArray | None:
        """Motion of the frames from ``first`` on, float32 [V, 265], or None to let the network make it.

        ``tail``: float32 [overlap, 265], the motion so far; a clip that begins near its last row shows no seam.
        """


@dataclass(frozen=True, slots=True, eq=False)
class MotionRows:
    """Motion that is final. ``rows``: float32 [n, 265], of the frames from ``first`` on."""

    first: int
    rows: FloatArray


class OnlineMotion:
    """One endless stream. ``push`` a row of features for each frame; take motion, in order, without gaps.

    ``source``: float32 [265], the pose before the stream; ``silence``: float32 [overlap, 1024], the features of the
    silence before it. ``first``: the number of the first frame; ``d0``: the reference pose of a stream that this one
    continues. What is held does not grow.
    """

    def __init__(
        self,
        sampler: Clips,
        conditions: Conditions,
        rules: JoinRules,
        source: FloatArray,
        silence: FloatArray,
        *,
        first: int = 0,
        d0: FloatArray | None = None,
        idle: Idle | None = None,
        quirks: StreamQuirks = StreamQuirks(),
        observe: Observe = nobody,
    ) -> None:
        self._valid = rules.valid if quirks.any_overlap else valid_frames(rules.overlap)
        if rules.fuse != min(rules.overlap, rules.valid) or rules.keep is None:
            raise ValueError("an online stream needs JoinRules.online")
        check(silence, (rules.overlap, FEATURE_SIZE), "silence")
        self._sampler = sampler
        self._conditions = conditions
        self._rules = rules
        self._idle = idle
        self._quirks = quirks
        self._observe = observe
        self._joiner = Joiner(rules, source, observe)
        self._frame_of_row_0 = first - rules.overlap
        self._given = CLIP - rules.fuse  # the joiner's rows below it have left, or are the silence before the stream
        self._silence = silence
        self._batch: list[FloatArray] = []
        self._next = first  # the number of the next frame to be told of
        self._clip = np.empty((CLIP, conditions.size), np.float32)  # conditions of the next clip, as far as known
        self._known = 0
        self._newest = silence[-1:]
        self._tell_silence(rules.overlap)
        self._d0 = d0

    @property
    def d0(self) -> FloatArray | None:
        """The pose that relative motion is relative to, float32 [265]; None before the first clip."""
        return self._d0

    def push(self, features: FloatArray) -> list[MotionRows]:
        """Take the features of the next frames, float32 [n, 1024], n may be 0. Runs the clips that are due."""
        check(features, (None, FEATURE_SIZE), "features")
        if self._quirks.wait_for_batches:
            self._batch.append(features)
            if sum(map(len, self._batch)) < self._valid:
                return []
            features = self._batched()
        return self._taken(features)

    def restart(self, frame: int) -> None:
        """Sound before ``frame`` will not come: the next row is that frame's, as if silence had been before it.

        Motion that has not left fades into the new, in the new frames' time: the pose does not jump.
        """
        self._batch.clear()
        self._next = frame
        self._frame_of_row_0 = frame - self._given
        self._known = 0
        unseen = self._valid if self._joiner.clips else 0  # rows of the next clip that are shown though not new in it
        self._tell_silence(self._rules.overlap - unseen)

    def finish(self) -> list[MotionRows]:
        """The stream is over: give the motion of all frames that have not left yet."""
        made = self._taken(self._batched())
        # The reference gives as many frames as it holds rows, the clip's overlap among them, if it has as many.
        end = self._given + self._known if self._quirks.overshoot else self._next - self._frame_of_row_0
        if end <= self._given:
            return made
        self._tell(self._newest.repeat(CLIP - self._known, axis=0))
        self._run_clip()
        made.append(self._leave(min(end, self._joiner.end)))
        return made

    def _batched(self) -> FloatArray:
        batch = np.concatenate([np.empty((0, FEATURE_SIZE), np.float32), *self._batch])
        self._batch.clear()
        return batch

    def _taken(self, features: FloatArray) -> list[MotionRows]:
        made: list[MotionRows] = []
        at = 0
        while at < len(features):
            count = min(len(features) - at, CLIP - self._known)
            self._tell(features[at : at + count])
            at += count
            if self._known == CLIP and self._run_clip() > 1:
                made.append(self._leave(self._given + self._valid))
        return made

    def _tell_silence(self, count: int) -> None:
        """Begin the next clip with the silence before the next frame."""
        self._next -= count
        self._tell(self._silence[:count])

    def _tell(self, features: FloatArray) -> None:
        count = len(features)
        self._clip[self._known : self._known + count] = self._conditions.rows(self._next, features)
        self._known += count
        self._next += count
        if count:
            self._newest = features[-1:].copy()

    def _run_clip(self) -> int:
        """Make and join the next clip. Gives how many there are then."""
        new = None
        if self._idle is not None and self._joiner.clips:
            new = self._idle(self._frame_of_row_0 + self._joiner.end, self._joiner.tail())
        if new is None:
            self._joiner.join(self._sampler.clip(self._joiner.condition, self._clip))
        else:
            self._joiner.extend(new)
        if self._d0 is None:
            self._d0 = self._joiner.rows(0, 1)[0]
            self._observe("d0", self._d0)
        self._clip[: CLIP - self._valid] = self._clip[self._valid :]
        self._known = CLIP - self._valid
        return self._joiner.clips

    def _leave(self, end: int) -> MotionRows:
        rows = MotionRows(self._frame_of_row_0 + self._given, self._joiner.rows(self._given, end))
        self._given = end
        self._observe("motion", rows.rows)
        return rows


class OfflineMotion:
    """A whole recording at once. ``source``: float32 [265], the pose before it."""

    def __init__(
        self,
        sampler: Clips,
        conditions: Conditions,
        rules: JoinRules,
        source: FloatArray,
        *,
        quirks: StreamQuirks = StreamQuirks(),
        observe: Observe = nobody,
    ) -> None:
        if rules.keep is not None:
            raise ValueError("an offline motion needs JoinRules.offline")
        self._sampler = sampler
        self._conditions = conditions
        self._rules = rules
        self._source = source
        self._quirks = quirks
        self._observe = observe

    def run(self, features: FloatArray) -> FloatArray:
        """Motion of all frames, float32 [n, 265], of their features, float32 [n, 1024].

        Relative motion is relative to its first row.
        """
        if not len(features):
            return np.empty((0, MOTION_SIZE), np.float32)
        count, valid = len(features), self._rules.valid
        clips = -(-count // valid) if self._quirks.needless_clip else 1 + max(0, -(-(count - CLIP) // valid))
        told = self._conditions.rows(0, features)
        joiner = Joiner(self._rules, self._source, self._observe)
        for start in range(0, clips * valid, valid):
            clip = told[start : start + CLIP]
            if len(clip) < CLIP:
                clip = np.concatenate([clip, told[-1:].repeat(CLIP - len(clip), axis=0)])
            joiner.join(self._sampler.clip(joiner.condition, clip))
        joiner.cut(count)
        joiner.smooth_all()
        motion = joiner.rows(0, count)
        self._observe("d0", motion[0])
        self._observe("motion", motion)
        return motion
