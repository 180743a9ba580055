"""Offline rendering: a sound file in, a video of the talking portrait out, with the original sound."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from vcam.audio.decode import decode, decode_original, probe
from vcam.audio.gate import make_gate
from vcam.build import build_animator, build_stage, camera_format
from vcam.camera.file import FileCamera
from vcam.media import SAMPLE_RATE, FloatArray
from vcam.offline import Pipeline, at_rate
from vcam.profile.model import Profile

SOUND_RATE = 48_000  # Hz of the recording's sound
MAX_CHANNELS = 2
SOUND_LEAD = 1.0  # s that the sound may be written ahead of the pictures


@dataclass(frozen=True, slots=True)
class Rendered:
    """What was made: ``seconds`` of video in ``pictures`` pictures, in ``elapsed`` seconds; ``notice`` for the user."""

    path: Path
    pictures: int
    seconds: float
    elapsed: float
    notice: str

    @property
    def real_time_factor(self) -> float:
        """Seconds of work for a second of video; below 1 is faster than real time."""
        return self.elapsed / self.seconds if self.seconds else 0.0


def render(
    audio: Path, output: Path, profile: Profile, on_progress: Callable[[float, float | None], None] | None = None
) -> Rendered:
    """Render ``audio`` into ``output`` (.mp4, replaced if it is there).

    ``on_progress(done, total)`` is told the seconds rendered and, if the file says so, how many there will be. Raises
    VcamError; what was written until then can be played.
    """
    started = time.monotonic()
    info = probe(audio)
    channels = min(info.channels, MAX_CHANNELS)
    animator, notice = build_animator(profile)
    format = camera_format(profile)
    stage = build_stage(profile)
    standby = stage.compose(animator.portrait(), 0)
    pipeline = Pipeline(make_gate(profile.gate, animator.look_ahead), animator, stage)
    camera = FileCamera(format, output, audio_rate=SOUND_RATE, audio_channels=channels, offline=True, overwrite=True)
    sound = _Sound(decode_original(audio, SOUND_RATE, channels))
    pictures = 0
    pieces = decode(audio)
    first = next(pieces)  # before the output is opened, so that a bad input leaves no file behind
    animator.warm_up()
    camera.open()
    try:
        for picture in at_rate(pipeline.run(_chain(first, pieces)), format.fps, standby):
            seconds = picture.pts / SAMPLE_RATE
            for piece in sound.until(seconds + SOUND_LEAD):
                camera.send_original(piece)
            camera.send(picture)
            pictures += 1
            if on_progress is not None:
                on_progress(seconds, info.duration)
        for piece in sound.until(float("inf")):
            camera.send_original(piece)
    finally:
        camera.close()
        animator.close()
    return Rendered(output, pictures, float(pictures / format.fps), time.monotonic() - started, notice)


def _chain(first: FloatArray, rest: Iterator[FloatArray]) -> Iterator[FloatArray]:
    yield first
    yield from rest


class _Sound:
    """The original sound, handed out up to a given time."""

    def __init__(self, pieces: Iterator[FloatArray]) -> None:
        self._pieces = pieces
        self._seconds = 0.0

    def until(self, seconds: float) -> Iterator[FloatArray]:
        while self._seconds < seconds:
            piece = next(self._pieces, None)
            if piece is None:
                return
            self._seconds += len(piece) / SOUND_RATE
            yield piece
