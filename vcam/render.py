"""Offline rendering: a sound file in, a video of the talking portrait out, with the original sound."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Literal

from vcam.audio.decode import decode, decode_original, probe
from vcam.audio.gate import make_gate
from vcam.build import build_animator, build_stage, camera_format
from vcam.camera.file import FileCamera
from vcam.errors import CameraError
from vcam.media import SAMPLE_RATE, FloatArray
from vcam.offline import Pipeline, at_rate
from vcam.paths import at_home
from vcam.profile.model import Profile

SOUND_RATE = 48_000  # Hz of the recording's sound
MAX_CHANNELS = 2
SOUND_LEAD = 1.0  # s that the sound may be written ahead of the pictures

#: What rendering is at: reading the sound, working out the motion (of animators that need all of the sound for that),
#: or drawing. The first two are only told as long as nothing was drawn.
Phase = Literal["listening", "moving", "drawing"]
OnProgress = Callable[[Phase, float, float | None], None]


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


def render(audio: Path, output: Path, profile: Profile, on_progress: OnProgress | None = None) -> Rendered:
    """Render ``audio`` into ``output`` (.mp4; one that is there is replaced when the new one is whole).

    ``on_progress(phase, done, total)`` is told the seconds heard or drawn and, if the file says so, how many there will
    be. Raises VcamError; what was written until then can be played: it is beside the output, with ".partial" in its
    name.
    """
    started = time.monotonic()
    audio, output = at_home(audio), at_home(output)
    info = probe(audio)
    part = _part(output, audio)  # what was there stays until the new one is whole
    channels = min(info.channels, MAX_CHANNELS)
    pieces = decode(audio)
    first = next(pieces)  # before the output is opened, so that a bad input leaves no file behind
    sound = _Sound(decode_original(audio, SOUND_RATE, channels))
    format = camera_format(profile)
    camera = FileCamera(format, part, audio_rate=SOUND_RATE, audio_channels=channels, offline=True, overwrite=True)
    pictures = 0
    with ExitStack() as stack:
        animator, notice = build_animator(profile)
        stack.callback(animator.close)
        animator.warm_up()
        stage = build_stage(profile)
        standby = stage.compose(animator.portrait(), 0)
        pipeline = Pipeline(make_gate(profile.gate, animator.look_ahead), animator, stage)
        camera.open()
        stack.callback(camera.close)
        told = _Progress(on_progress, info.duration)
        for picture in at_rate(pipeline.run(told.hearing(chain([first], pieces))), format.fps, standby):
            seconds = picture.pts / SAMPLE_RATE
            for piece in sound.until(seconds + SOUND_LEAD):
                camera.send_original(piece)
            camera.send(picture)
            pictures += 1
            told.drawn(seconds)
        for piece in sound.until(math.inf):
            camera.send_original(piece)
    try:
        part.replace(output)
    except OSError as error:
        raise CameraError(f"{output} cannot be replaced: {error.strerror}. The video is {part}.") from error
    return Rendered(output, pictures, float(pictures / format.fps), time.monotonic() - started, notice)


def _part(output: Path, audio: Path) -> Path:
    """Where the video is written until it is whole. Raises CameraError if that or ``output`` must not be touched."""
    if _same(output, audio):
        raise CameraError(f"{output} is the sound to be rendered itself.", "Give another name with -o.")
    if output.is_dir():
        raise CameraError(f"{output} is a folder.", f"Name a file in it: -o {output / audio.stem}.mp4")
    if output.suffix.lower() != ".mp4":
        raise CameraError(f"{output} is not an .mp4 file, the only kind that vcam writes.", f"Try {output}.mp4")
    part = output.with_suffix(f".partial{output.suffix}")
    if _same(part, audio):
        raise CameraError(
            f"{part} is the sound to be rendered, and is where the video would be kept until it is whole.",
            "Give another name with -o.",
        )
    return part


def _same(path: Path, audio: Path) -> bool:
    try:
        return path.samefile(audio)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise CameraError(f"{path} cannot be written: {error.strerror}.", "Give another name with -o.") from error


class _Progress:
    """Tells what rendering is at. ``total``: seconds, None if not known."""

    def __init__(self, tell: OnProgress | None, total: float | None) -> None:
        self._tell = tell
        self._total = total
        self._drawing = False

    def hearing(self, pieces: Iterable[FloatArray]) -> Iterator[FloatArray]:
        """The pieces as they are; told of as long as nothing is drawn yet."""
        heard = 0
        for piece in pieces:
            yield piece
            heard += len(piece)
            self._say("listening", heard / SAMPLE_RATE)
        self._say("moving", 0.0)

    def drawn(self, seconds: float) -> None:
        if self._tell is not None:
            self._drawing = True
            self._tell("drawing", seconds, self._total)

    def _say(self, phase: Phase, done: float) -> None:
        if self._tell is not None and not self._drawing:
            self._tell(phase, done, None if phase == "moving" else self._total)


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
