"""Clips of motion into one sequence: overlapped, cross-faded, smoothed.

Row r of the sequence is the same frame as row r - (start of a clip) of that clip. The last ``overlap`` rows of the
sequence are made again by the next clip; the last ``fuse`` of them are cross-faded with it, and around there the
head's pose is smoothed (not the expression: lips would go soft).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vcam.errors import AnimatorError
from vcam.media import FloatArray

from .motion import EXP, MOTION_SIZE, check
from .observing import Observe, nobody
from .options import CLIP, RunOptions

KEPT = 2 * CLIP  # rows of an endless sequence that are held between clips
SMOOTHED = slice(0, EXP.start)  # scale, pose and translation


@dataclass(frozen=True, slots=True, eq=False)
class JoinRules:
    """How clips are joined.

    ``overlap``: rows that a clip shares with the sequence; ``fuse``: how many of them are cross-faded; ``smooth``: rows
    of the mean filter, 1 for none. ``bounds``: float32 [2, 265], least and greatest motion that leaves (the sequence
    itself goes on without them). ``reset_every``: after every n-th clip the next one begins at the source's pose
    again, except for the columns ``reset_except``; 0 for never. ``keep``: rows held between clips, None for all.
    """

    overlap: int
    fuse: int
    smooth: int = 3
    bounds: FloatArray | None = None
    reset_every: int = 0
    reset_except: tuple[int, int] | None = None
    keep: int | None = KEPT

    def __post_init__(self) -> None:
        if not 1 <= self.fuse <= self.overlap < CLIP:
            raise AnimatorError(
                f"Clips cannot be joined with an overlap of {self.overlap} and a fade of {self.fuse} frames."
            )
        if self.keep is not None and self.keep < CLIP:
            raise ValueError(f"at least {CLIP} rows must be kept")
        if self.bounds is not None:
            check(self.bounds, (2, MOTION_SIZE), "JoinRules.bounds")

    @classmethod
    def online(cls, options: RunOptions) -> JoinRules:
        return cls._of(options, min(options.overlap_v2, options.valid), KEPT)

    @classmethod
    def offline(cls, options: RunOptions) -> JoinRules:
        return cls._of(options, options.overlap_v2, None)

    @classmethod
    def _of(cls, options: RunOptions, fuse: int, keep: int | None) -> JoinRules:
        bounds = options.v_min_max_for_clip
        return cls(
            options.overlap_v2,
            fuse,
            options.smo_k_d,
            None if bounds is None else bounds[:2],
            options.fix_kp_cond,
            options.fix_kp_cond_dim,
            keep,
        )

    @property
    def valid(self) -> int:
        """New rows of each clip after the first."""
        return CLIP - self.overlap


class Joiner:
    """The running sequence. ``source``: float32 [265], the pose before the first clip.

    Rows are numbered from 0, the first clip's first, for as long as the stream lasts.
    """

    def __init__(self, rules: JoinRules, source: FloatArray, observe: Observe = nobody) -> None:
        check(source, (MOTION_SIZE,), "source")
        self._rules = rules
        self._source = source
        self._observe = observe
        self._held = np.empty((0, MOTION_SIZE), np.float32)
        self._dropped = 0
        self._clips = 0
        self._weights = (np.arange(rules.fuse, dtype=np.float32) / np.float32(rules.fuse))[:, None]

    @property
    def clips(self) -> int:
        """How many were joined."""
        return self._clips

    @property
    def end(self) -> int:
        """The number of the row after the last."""
        return self._dropped + len(self._held)

    @property
    def condition(self) -> FloatArray:
        """The pose that the next clip begins after, float32 [265]: the row before the overlap, or the source's."""
        rules = self._rules
        if not self._clips:
            return self._source
        row = self._held[len(self._held) - rules.overlap - 1]
        if rules.reset_every and self._clips % rules.reset_every == 0:
            pose = self._source.copy()
            if rules.reset_except is not None:
                pose[slice(*rules.reset_except)] = row[slice(*rules.reset_except)]
            return pose
        return row.copy()

    def rows(self, start: int, end: int) -> FloatArray:
        """The rows from ``start`` to before ``end`` as they leave, within the bounds, float32 [n, 265], a copy.

        Raises ValueError for rows that are not held.
        """
        if not self._dropped <= start <= end <= self.end:
            raise ValueError(f"rows {start} to {end} are not held, only {self._dropped} to {self.end}")
        rows = self._held[start - self._dropped : end - self._dropped].copy()
        if (bounds := self._rules.bounds) is not None:
            np.clip(rows, bounds[0], bounds[1], out=rows)
        return rows

    def tail(self) -> FloatArray:
        """A copy of the last ``overlap`` rows, float32 [overlap, 265]: what the next clip should begin like."""
        return self._held[len(self._held) - self._rules.overlap :].copy()

    def extend(self, new: FloatArray) -> None:
        """Join a clip that goes on from the sequence as it is: float32 [valid, 265] new rows, from anywhere."""
        check(new, (self._rules.valid, MOTION_SIZE), "new")
        self.join(np.concatenate([self.tail(), new]))

    def join(self, clip: FloatArray) -> None:
        """Add a clip, float32 [80, 265]: from the sampler, or any whose first ``overlap`` rows fit the tail."""
        check(clip, (CLIP, MOTION_SIZE), "clip")
        rules = self._rules
        if not self._clips:
            self._held = clip.copy()
            self._smooth(0, CLIP)
        else:
            excess = 0 if rules.keep is None else max(0, len(self._held) - rules.keep)
            seam = len(self._held) - excess
            self._held = np.concatenate([self._held[excess:], clip[rules.overlap :]])
            self._dropped += excess
            faded = self._held[seam - rules.fuse : seam]
            faded *= 1 - self._weights
            faded += clip[rules.overlap - rules.fuse : rules.overlap] * self._weights
            self._smooth(seam - rules.fuse, seam + 1)
        self._clips += 1
        self._observe("seq_len", len(self._held))
        self._observe("sequence", self._held)

    def cut(self, end: int) -> None:
        """Forget the rows from number ``end`` on: the stream ended there."""
        self._held = self._held[: max(0, end - self._dropped)]

    def smooth_all(self) -> None:
        """Smooth the held sequence once more, as is done with a complete one."""
        self._smooth(0, len(self._held))

    def _smooth(self, start: int, end: int) -> None:
        """Mean filter over rows ``start`` to ``end`` of those held; at the sequence's ends it has fewer rows."""
        half = self._rules.smooth // 2
        if not half:
            return
        first, last = max(0, start - half), min(len(self._held), end + half)
        pose = np.zeros((end - start + 2 * half, SMOOTHED.stop), np.float32)
        at = first - (start - half)
        pose[at : at + last - first] = self._held[first:last, SMOOTHED]
        total = pose[: end - start]
        for offset in range(1, 2 * half + 1):
            total = total + pose[offset : offset + end - start]
        rows = np.arange(start, end)
        count = np.minimum(rows + half + 1, len(self._held)) - np.maximum(rows - half, 0)
        np.divide(total, count[:, None].astype(np.float32), out=self._held[start:end, SMOOTHED])
