"""The camera that records: pictures and voice in an MP4 file, in step by their PTS whenever they are sent."""

from __future__ import annotations

import errno
import logging
import threading
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from av.error import FFmpegError

from vcam.camera.base import Camera, CameraFormat
from vcam.camera.mp4 import Mp4Writer
from vcam.errors import CameraError
from vcam.media import SAMPLE_RATE, AudioChunk, FloatArray, Picture
from vcam.paths import at_home

logger = logging.getLogger(__name__)

PICTURE_BYTES = 48_000_000  # what may wait for the encoder: about 1 s at 1280x720 and 30 fps
SOUND_SECONDS = 20
LIVE = ("ultrafast", 23)  # x264 preset and CRF
RENDER = ("veryfast", 20)


@dataclass(frozen=True, slots=True)
class _Sound:
    """``samples``: float32 [n, channels]; ``position`` in samples of the file's audio rate, from the file's start."""

    position: int
    samples: FloatArray


class FileCamera(Camera):
    """Records to ``path``, an MP4 file with H.264 and AAC, on a thread of its own.

    The first picture or chunk sent is the file's time 0. Times come from PTS alone, so a late call does no harm; a gap
    in the sound becomes silence, a missing picture a longer look at the one before.

    ``offline``: what to do when the encoder cannot keep up: False (live) leaves the newest out and counts it in
    ``dropped``; True waits, and compresses harder. ``overwrite``: whether a file already there may be replaced; no by
    default, for a recording of a live session cannot be made again. With ``audio_rate`` and ``audio_channels`` other
    than 16 kHz mono the sound comes through :meth:`send_original` instead of :meth:`send_audio`.

    An error while recording (a full disk, say) is raised by ``send``, or by ``close`` where no ``send`` came after it.
    What was recorded until then can be played. A camera records once: opening it again would lose the recording.
    """

    kind: ClassVar[str] = "file"
    wants_audio: ClassVar[bool] = True
    timed_by_pts: ClassVar[bool] = True

    def __init__(
        self,
        format: CameraFormat,
        path: str | Path,
        *,
        audio_rate: int = SAMPLE_RATE,
        audio_channels: int = 1,
        offline: bool = False,
        overwrite: bool = False,
    ) -> None:
        super().__init__(format)
        self.path = at_home(path)
        self.offline = offline
        self.overwrite = overwrite
        #: Pictures and pieces of sound left out because the encoder had too much to do.
        self.dropped = 0
        self._audio_rate = audio_rate
        self._audio_channels = audio_channels
        self._original = (audio_rate, audio_channels) != (SAMPLE_RATE, 1)
        self._original_end = 0
        self._writer: Mp4Writer | None = None
        self._thread: threading.Thread | None = None
        self._changed = threading.Condition()
        # Everything below is guarded by _changed.
        self._queue: deque[Picture | _Sound] = deque()
        self._queued_pictures = 0
        self._queued_samples = 0
        self._origin: int | None = None
        self._closing = False
        self._ended = False
        self._error: CameraError | None = None
        self._error_told = False

    @property
    def device(self) -> str:
        return str(self.path)

    @property
    def seconds(self) -> float:
        """Length of the recording so far."""
        return self._writer.seconds if self._writer else 0.0

    def open(self) -> None:
        if self._writer is not None:
            raise CameraError(f"{self.path} has been recorded; opening it again would lose it.", "Use another name.")
        self._writer = self._create()
        self._thread = threading.Thread(target=self._run, name="vcam-mp4", daemon=True)
        self._thread.start()

    def _create(self) -> Mp4Writer:
        path = self.path
        if path.suffix.lower() != ".mp4":
            raise CameraError(f"{path} is not an .mp4 file, the only kind that vcam records.", f"Try {path}.mp4")
        try:
            if path.is_dir():
                raise CameraError(f"{path} is a folder.", f"Name a file in it: {path / 'recording.mp4'}")
            if path.exists() and not path.is_file():
                raise CameraError(f"{path} is not an ordinary file.", "Recording needs one that can be read back.")
        except (OSError, ValueError) as error:  # too long a name, a zero byte
            raise CameraError(f"{str(path)[:200]} cannot be written: {error}.", "Use another name.") from error
        preset, crf = RENDER if self.offline else LIVE
        try:
            return Mp4Writer(
                path,
                self.format.width,
                self.format.height,
                self.format.fps,
                audio_rate=self._audio_rate,
                audio_channels=self._audio_channels,
                preset=preset,
                crf=crf,
                overwrite=self.overwrite,
            )
        except FileExistsError as error:
            raise CameraError(f"{path} is already there and is not overwritten.", "Choose another name.") from error
        except FileNotFoundError as error:
            raise CameraError(f"There is no folder {path.parent}.", f'Make it: mkdir -p "{path.parent}"') from error
        except PermissionError as error:
            raise CameraError(f"You may not write {path}.", "Choose a file in a folder of your own.") from error
        except (OSError, FFmpegError) as error:
            raise CameraError(f"{path} cannot be written: {error.strerror or error}.") from error

    def send(self, picture: Picture) -> None:
        if (picture.width, picture.height) != (self.format.width, self.format.height):
            raise ValueError(f"a picture of {picture.width}x{picture.height} for a camera of {self.format}")
        limit = max(4, PICTURE_BYTES // picture.i420.nbytes)
        with self._changed:
            if self.offline:
                self._changed.wait_for(lambda: self._queued_pictures < limit or self._ended)
            self._raise_error()
            if self._ended or self._closing:
                return
            if self._queued_pictures >= limit:
                self._drop()
                return
            position = self._position(picture.pts)
            if position < 0:
                return
            self._queue.append(Picture(position, picture.i420.copy()))
            self._queued_pictures += 1
            self._changed.notify_all()

    def send_audio(self, chunk: AudioChunk) -> None:
        if not self._original:
            self._put_sound(chunk.pts, chunk.samples[:, np.newaxis])

    def send_original(self, samples: FloatArray) -> None:
        """The next piece of the original sound: float32 [n, channels] at ``audio_rate``, the first one at PTS 0."""
        if not self._original or samples.ndim != 2 or samples.shape[1] != self._audio_channels:
            raise ValueError(f"expected [n, {self._audio_channels}] and a rate of its own, got {samples.shape}")
        self._put_sound(None, samples)

    def _put_sound(self, pts: int | None, samples: FloatArray) -> None:
        """Queue a piece that starts at ``pts``, or after the last piece of the original sound."""
        limit = SOUND_SECONDS * self._audio_rate
        with self._changed:
            if self.offline:
                self._changed.wait_for(lambda: self._queued_samples < limit or self._ended)
            if self._ended or self._closing:  # ``send`` says why
                return
            if pts is None:
                origin = self._position(0)
                position = self._original_end + origin * self._audio_rate // SAMPLE_RATE
                self._original_end += len(samples)
            else:
                position = self._position(pts)
            if self._queued_samples >= limit:
                self._drop()
                return
            self._queue.append(_Sound(position, samples.copy()))
            self._queued_samples += len(samples)
            self._changed.notify_all()

    def _position(self, pts: int) -> int:
        if self._origin is None:
            self._origin = pts
        return pts - self._origin

    def _drop(self) -> None:
        if self.dropped == 0:
            logger.warning("Recording %s cannot keep up; some of it is left out.", self.path)
        self.dropped += 1

    def _raise_error(self) -> None:
        if self._error is not None:
            self._error_told = True
            raise self._error

    def close(self) -> None:
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        with self._changed:
            if not self._error_told:
                self._raise_error()

    def _run(self) -> None:
        """The recording thread: takes what is queued until ``close``, then finishes the file."""
        writer = self._writer
        assert writer is not None
        result: CameraError | None = CameraError(f"Recording {self.path} has stopped: a fault in vcam.", "See the log.")
        try:
            while (item := self._take()) is not None:
                if isinstance(item, Picture):
                    writer.write_picture(item.pts, item.i420)
                else:
                    writer.write_sound(item.position, item.samples)
            writer.finish()
            result = None
        except (OSError, FFmpegError) as cause:
            result = self._rescue(writer, cause)
        finally:
            with self._changed:
                self._error = result
                self._ended = True
                self._queue.clear()
                self._changed.notify_all()

    def _take(self) -> Picture | _Sound | None:
        """The next piece, waiting for it; None after the last one."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._closing)
            if not self._queue:
                return None
            item = self._queue.popleft()
            if isinstance(item, Picture):
                self._queued_pictures -= 1
            else:
                self._queued_samples -= len(item.samples)
            self._changed.notify_all()
            return item

    def _rescue(self, writer: Mp4Writer, cause: OSError | FFmpegError) -> CameraError:
        """Keep what can be kept; the error to be raised by ``send`` or ``close``."""
        why = {
            errno.ENOSPC: "the disk is full",
            errno.EDQUOT: "your disk quota is used up",
            errno.EFBIG: "the file is as large as it may be here",
        }.get(cause.errno or 0, cause.strerror or str(cause))
        try:
            kept = writer.abandon()
        except (OSError, FFmpegError) as second:
            logger.warning("%s cannot be put in order: %s", self.path, second)
            kept = 0.0
        logger.error("Recording %s has stopped: %s.", self.path, why)
        what = f"its first {kept:.1f} s are kept and can be played" if kept else "nothing of it could be kept"
        error = CameraError(
            f"Recording {self.path} has stopped: {why}; {what}.", "Make room, or record to another disk."
        )
        error.__cause__ = cause
        return error
