"""The same parts as in a live session, without clock and threads: as fast as they go, nothing skipped."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from fractions import Fraction

from vcam.animators.base import Animator
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
        self._whole = 0.0  # s spent on the frame in hand

    def run(self, sound: Iterable[FloatArray]) -> Iterator[Picture]:
        """One picture for every 40 ms of ``sound`` (float32 pieces, 16 kHz), the last one filled up with silence."""
        chunker = Chunker()
        for piece in sound:
            for chunk in chunker.push(piece):
                yield from self._push(chunk)
        for chunk in chunker.finish(FRAME_SAMPLES):
            yield from self._push(chunk)
        yield from self._animate(self._gate.flush())

    def _push(self, chunk: AudioChunk) -> Iterator[Picture]:
        with self.times["gate"].measure() as spent:
            decided = self._gate.push(chunk)
        self._whole += spent.seconds
        yield from self._animate(decided)

    def _animate(self, chunks: Iterable[AudioChunk]) -> Iterator[Picture]:
        for chunk in chunks:
            with self.times["analyse"].measure() as analysing:
                poses = self.animator.analyse(chunk)
            self._whole += analysing.seconds
            for pose in poses:
                with self.times["render"].measure() as rendering:
                    rgb = self.animator.render(pose)
                with self.times["stage"].measure() as staging:
                    picture = self._stage.compose(rgb, pose.pts)
                self.times["whole"].add(self._whole + rendering.seconds + staging.seconds)
                self._whole = 0.0
                yield picture


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
