"""The picture or video that an avatar is made of, read within limits: RGB frames, not too large, with even sides."""

from __future__ import annotations

import logging
import math
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from vcam.errors import AvatarError
from vcam.images import FORMATS, MAX_PIXELS, read_image
from vcam.media import ANIMATION_FPS, ByteArray

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

logger = logging.getLogger(__name__)

MIN_SIDE = 64  # pixels; less cannot hold a face that is worth animating
MAX_BYTES = 2 * 2**30
MAX_MEMORY = 4 * 2**30  # bytes that all frames of a video may take, with what is known of them
FEATURE_BYTES = 4 * 32 * 16 * 64 * 64  # of one frame's features
_MAX_BROKEN_PACKETS = 100  # in a row
_JITTER = 0.05  # frames: containers round times, to milliseconds at worst
# Demuxers that read one file. Playlists and devices are not among them: they would open addresses or other files.
_DEMUXERS = "mov,mp4,matroska,webm,avi,mpegts,mpeg,asf,flv,ogg,gif,apng,mxf,nut"
_DEMUXER_OPTIONS = {"format_whitelist": _DEMUXERS, "protocol_whitelist": "file"}
_SIGNATURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"BM")
_KINDS = f"Use a picture ({', '.join(FORMATS)}) or a short video (MP4, WebM, MOV)."


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """``frames``: uint8 RGB [h, w, 3], all of one size, both sides even."""

    frames: tuple[ByteArray, ...]
    is_video: bool


def load_source(
    path: Path, max_size: int, frames: int = -1, *, every_frame: bool = False, sharp: bool = True
) -> Source:
    """Read a picture, or the first ``frames`` frames of a video (-1: all), shrunk to ``max_size`` on the longer side.

    A video is taken at 25 frames a second, or ``every_frame`` of it whatever its rate. ``sharp`` shrinks by areas,
    else by bilinear samples, as the reference does. Raises AvatarError if the file is missing, of no known kind,
    damaged, too small, too large or too long.
    """
    if _is_picture(path):
        image = read_image(path)
        return Source((resized(image, fitted_size(image.shape[1], image.shape[0], max_size), sharp),), is_video=False)
    return Source(tuple(_video_frames(path, max_size, frames, every_frame, sharp)), is_video=True)


def fitted_size(width: int, height: int, max_size: int) -> tuple[int, int]:
    """Width and height with the longer side at most ``max_size``, the shorter in proportion, both even, rounded down.

    Raises AvatarError if the picture, or what would be left of it, is less than 64 pixels wide or high.
    """
    new_width, new_height = width, height
    if max(width, height) > max_size:
        if height > width:
            new_width, new_height = int(width * (max_size / height)), max_size
        else:
            new_width, new_height = max_size, int(height * (max_size / width))
    new_width, new_height = new_width - new_width % 2, new_height - new_height % 2
    if min(new_width, new_height) < MIN_SIDE:
        left = "" if (width, height) == (new_width, new_height) else f", of which {new_width} x {new_height} are left"
        raise AvatarError(
            f"The picture is too small: {width} x {height} pixels{left}.",
            f"Use one of at least {MIN_SIDE} x {MIN_SIDE}; one whose face is 250 pixels high looks good.",
        )
    return new_width, new_height


def resized(image: ByteArray, size: tuple[int, int], sharp: bool) -> ByteArray:
    """uint8 RGB [h, w, 3], C-contiguous, of ``size`` (width, height)."""
    if (image.shape[1], image.shape[0]) != size:
        how = cv2.INTER_AREA if sharp else cv2.INTER_LINEAR
        image = np.asarray(cv2.resize(image, size, interpolation=how), np.uint8)
    return np.ascontiguousarray(image)


def check_file(path: Path) -> None:
    """Raises AvatarError unless ``path`` is an ordinary file, not too large to be read whole."""
    try:
        status = path.stat()
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        reason = getattr(error, "strerror", None) or error
        raise AvatarError(f"{str(path)[:200]!r} cannot be read: {reason}.", "Check the name and the folder.") from error
    if not stat.S_ISREG(status.st_mode):
        raise AvatarError(f"{path} is not a file.", _KINDS)
    if status.st_size > MAX_BYTES:
        raise AvatarError(f"{path} is too large ({status.st_size / 2**30:.1f} GB; at most {MAX_BYTES // 2**30} GB).")


def _is_picture(path: Path) -> bool:
    """By its first bytes. An empty file is one too: read_image says what is wrong with it."""
    check_file(path)
    try:
        with open(path, "rb") as file:
            start = file.read(12)
    except OSError as error:
        raise AvatarError(f"{path} cannot be read: {error.strerror or error}.") from error
    return not start or start.startswith(_SIGNATURES) or (start[:4] == b"RIFF" and start[8:] == b"WEBP")


def _video_frames(path: Path, max_size: int, count: int, every_frame: bool, sharp: bool) -> Iterator[ByteArray]:
    made = most = 0
    size: tuple[int, int] | None = None
    for image in _pictures(path, every_frame):
        if made == count:
            return
        if size is None:
            size = fitted_size(image.shape[1], image.shape[0], max_size)
            most = MAX_MEMORY // (3 * size[0] * size[1] + FEATURE_BYTES)
        if made == most:
            raise AvatarError(
                f"{path} is too long: at most {most} frames of {size[0]} x {size[1]} pixels can be kept in memory.",
                f"Cut it, or use its beginning only: template_n_frames: {min(most, 100)}.",
            )
        yield resized(image, size, sharp)  # one that changes its size in the middle too
        made += 1
    if not made:
        raise AvatarError(f"No picture could be read from the video {path}: it is damaged.", _KINDS)


def _pictures(path: Path, every_frame: bool) -> Iterator[ByteArray]:
    """The frames upright; at 25 a second, each shown until the next one's time, unless ``every_frame``."""
    with _opened(path) as (container, stream):
        first = last = None
        shown = 0
        for frame in _decoded(container, stream, path):
            if frame.width * frame.height > MAX_PIXELS:
                raise _too_large(path, frame.width, frame.height)
            if every_frame or frame.time is None:
                yield _upright(frame)
                continue
            if first is None:
                first = frame.time
            due = math.ceil((frame.time - first) * ANIMATION_FPS - _JITTER)  # the first output frame that shows it
            while last is not None and shown < due:
                yield last
                shown += 1
            last = _upright(frame)
        if last is not None:
            yield last


def _upright(frame: VideoFrame) -> ByteArray:
    image = np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
    return np.rot90(image, round(frame.rotation / 90) % 4)  # phones turn their videos by a note in the file


@contextmanager
def _opened(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    import av
    import av.error

    try:
        # FFmpeg gets the open file, not its name, which could be taken for an address or a pattern.
        with (
            open(path, "rb") as file,
            av.open(file, options=_DEMUXER_OPTIONS, metadata_errors="replace") as container,
        ):
            stream = container.streams.best("video")
            if stream is None:
                raise AvatarError(f"{path} has no picture in it.", _KINDS)
            if stream.codec_context is None:  # PyAV knows the stream, but nothing that decodes it
                raise AvatarError(f"{path} is a video of a kind that vcam cannot decode.", _KINDS)
            if stream.width * stream.height > MAX_PIXELS:
                raise _too_large(path, stream.width, stream.height)
            stream.codec_context.options = {"max_pixels": str(MAX_PIXELS)}
            yield container, stream
    except av.error.FFmpegError as error:
        raise AvatarError(f"{path} is neither a picture nor a video that vcam can read.", _KINDS) from error
    except OSError as error:
        raise AvatarError(f"{path} cannot be read: {error.strerror or error}.") from error


def _decoded(container: InputContainer, stream: VideoStream, path: Path) -> Iterator[VideoFrame]:
    """Frames as they are shown; packets that cannot be decoded are left out."""
    import av.error

    in_a_row = broken = 0
    packets = container.demux(stream)
    while in_a_row < _MAX_BROKEN_PACKETS:
        try:
            packet = next(packets, None)
            if packet is None:
                break
            frames = packet.decode()
        except EOFError:  # PyAV: the decoder was already drained
            break
        except av.error.FFmpegError:
            in_a_row += 1
            broken += 1
            continue
        in_a_row = 0
        yield from frames
    if broken:
        logger.warning("%s is damaged: %d pieces could not be read", path.name, broken)


def _too_large(path: Path, width: int, height: int) -> AvatarError:
    return AvatarError(f"{path} is too large ({width} x {height} pixels).", "Make it smaller first.")
