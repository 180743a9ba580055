"""The same parts as in a live session, without clock and threads: as fast as they go, nothing skipped."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from fractions import Fraction

from vcam.animators.base import Animator, Pose
from vcam.audio.gate import Gate
from vcam.live.chunker import Chunker
from vcam.live.meters import Timings
from vcam.media import FRAME_SAMPLES, SAMPLE_RATE, AudioChunk, FloatArray, Picture
from vcam.stage import Stage


class Pipeline:
    """Gate, animator and stage in a row; measures what each takes."""

    def __init__(self, gate: Gate, animator: Animator, stage: Stage) -> None:
        self.animator = animator
        self.times = {name: Timings(100_000) for name in ("gate", "analyse", "render", "stage", "whole")}
        self._gate = gate
        self._stage = stage

    def run(self, sound: Iterable[FloatArray]) -> Iterator[Picture]:
        """One picture for every 40 ms of ``sound`` (float32 pieces, 16 kHz), the last one filled up with silence."""
        drawing = self.animator.draw_all(self._poses(sound))
        while True:
            analysing = self.times["analyse"].total + self.times["gate"].total
            with Timings.stopwatch() as drawn:
                one = next(drawing, None)
            if one is None:
                return
            pose, frame = one
            heard = self.times["analyse"].total + self.times["gate"].total - analysing
            self.times["render"].add(drawn.seconds - heard)
            with self.times["stage"].measure() as staging:
                picture = self._stage.compose(frame, pose.pts)
            self.times["whole"].add(drawn.seconds + staging.seconds)
            yield picture

    def _poses(self, sound: Iterable[FloatArray]) -> Iterator[Pose]:
        poses = self.animator.analyse_whole(self._decided(sound))
        while True:
            gating = self.times["gate"].total
            with Timings.stopwatch() as waited:
                pose = next(poses, None)
            if pose is None:
                return
            self.times["analyse"].add(waited.seconds - (self.times["gate"].total - gating))
            yield pose

    def _decided(self, sound: Iterable[FloatArray]) -> Iterator[AudioChunk]:
        chunker = Chunker()
        for piece in sound:
            for chunk in chunker.push(piece):
                with self.times["gate"].measure():
                    decided = self._gate.push(chunk)
                yield from decided
        for chunk in chunker.finish(FRAME_SAMPLES):
            yield from self._gate.push(chunk)
        yield from self._gate.flush()


def at_rate(pictures: Iterable[Picture], fps: Fraction, standby: Picture) -> Iterator[Picture]:
    """The pictures (25 a second) at another rate, by PTS: at each tick the one that covers it, stamped with the tick.

    Ticks before the first picture show ``standby``.
    """
    tick = Fraction(SAMPLE_RATE) / fps
    index = 0
    shown = standby
    end = 0
    for picture in pictures:
        while index * tick < picture.pts:
            yield Picture(math.floor(index * tick), shown.i420)
            index += 1
        shown = picture
        end = picture.pts + FRAME_SAMPLES
    while index * tick < end:
        yield Picture(math.floor(index * tick), shown.i420)
        index += 1
