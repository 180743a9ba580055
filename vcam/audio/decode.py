"""Audio files through FFmpeg (PyAV): any ordinary format to 16 kHz mono, piece by piece, and nothing but that file."""

from __future__ import annotations

import logging
import re
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

import av
import av.error
import numpy as np

from vcam.audio.resample import Downmix, cleaned
from vcam.errors import SourceError, nearest
from vcam.media import SAMPLE_RATE, FloatArray
from vcam.paths import at_home

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.audio.stream import AudioStream
    from av.container import InputContainer

logger = logging.getLogger(__name__)

# Demuxers that read one file of sound. Playlists (hls, concat, sdp, dash) and devices are not among them: a file from
# somewhere must not make FFmpeg open addresses or other files.
_FORMATS = (
    "aac,ac3,aiff,amr,ape,asf,au,avi,caf,dsf,dts,eac3,flac,flv,matroska,mov,mp3,mp4,mpc,mpc8,mpeg,mpegts,mxf,nut,ogg,"
    "oma,qoa,rm,sox,tak,tta,voc,w64,wav,webm,wv,xwma"
)
_OPTIONS = {"format_whitelist": _FORMATS, "protocol_whitelist": "file"}
_ESTIMATED = {"aac", "ac3", "amr", "dts", "eac3", "mp3", "mpeg", "mpegts"}  # duration guessed from the bit rate
_FORMATS_HINT = "WAV, FLAC, MP3, Ogg, Opus, M4A and the sound of most videos can be played."
_MAX_RATE = 768_000  # Hz, the highest that any converter offers
_TRIAL_PACKETS = 16  # where most of these are broken, it is noise that merely looks like a format
_MAX_BROKEN_PACKETS = 100  # in a row
_CUT_SHORT_SECONDS = 0.5
_UNKNOWN_SIZE = 0x7FFF_FF00  # bytes; what recorders write that cannot seek back, or more
_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/+(.*)")  # two letters or more: C:/ is a drive


@dataclass(frozen=True, slots=True)
class AudioInfo:
    """What a file says about itself. ``duration`` in seconds, None if unknown; ``rate`` in Hz."""

    duration: float | None
    rate: int
    channels: int


def probe(path: str | Path) -> AudioInfo:
    """Look at a file's headers. The duration is what they promise. Raises SourceError like :func:`decode`."""
    with _opened(at_home(path)) as (container, stream):
        return _info(container, stream)


def decode(path: Path) -> Iterator[FloatArray]:
    """The file's sound as float32 pieces of any length, 16 kHz mono, in [-1, 1].

    Never holds more than a packet. Broken packets are left out; a file that ends early plays up to there, with one
    warning. Raises SourceError: missing, not a file, empty, unreadable, no sound in it, or not an audio format.
    """
    with _opened(path) as (container, stream):
        total = broken = 0
        promised = _promised(path, _info(container, stream).duration)
        converter = _Converter()
        frames = _frames(container, stream, path)
        head = list(islice(frames, _TRIAL_PACKETS))
        if 2 * head.count(None) >= len(head):
            raise SourceError(f"No sound could be read from {path}: it is damaged or not audio.", _FORMATS_HINT)
        for frame in chain(head, frames):
            if frame is None:
                broken += 1
                continue
            for piece in converter.convert(frame):
                total += len(piece)
                yield piece
        for piece in converter.finish():
            total += len(piece)
            yield piece
        if not total:
            raise SourceError(f"No sound could be read from {path}: it is damaged or not audio.", _FORMATS_HINT)
        played = total / SAMPLE_RATE
        cut_short = container.format.name not in _ESTIMATED and promised and played < promised - _CUT_SHORT_SECONDS
        if cut_short:
            logger.warning("%s is cut short: %.1f s of %.1f s could be read", path.name, played, promised)
        elif broken:
            logger.warning("%s is damaged: %d pieces could not be read", path.name, broken)


def decode_original(path: Path, rate: int, channels: int) -> Iterator[FloatArray]:
    """The file's sound for a listener: float32 pieces [n, channels] at ``rate`` Hz; ``channels`` is 1 or 2.

    Broken packets are left out without a word (:func:`decode` warns of them). Raises SourceError like it.
    """
    with _opened(path) as (container, stream):
        resampler = av.AudioResampler(format="flt", layout="mono" if channels == 1 else "stereo", rate=rate)
        shape = None
        for frame in _frames(container, stream, path):
            if frame is None:
                continue
            if shape not in (None, (frame.sample_rate, frame.layout.name, frame.format.name)):
                yield from _interleaved(resampler.resample(None), channels)
                resampler = av.AudioResampler(format="flt", layout=resampler.layout, rate=rate)
            shape = (frame.sample_rate, frame.layout.name, frame.format.name)
            frame.pts = None  # a jump in time is not sound
            yield from _interleaved(resampler.resample(frame), channels)
        yield from _interleaved(resampler.resample(None), channels)


def _interleaved(frames: Iterable[AudioFrame], channels: int) -> Iterator[FloatArray]:
    for frame in frames:
        sound = cleaned(frame.to_ndarray().reshape(-1, channels).astype(np.float32, copy=False))
        if len(sound):
            yield sound


def _info(container: InputContainer, stream: AudioStream) -> AudioInfo:
    duration = None
    if stream.duration is not None and stream.time_base is not None:
        duration = float(stream.duration * stream.time_base)
    elif container.duration is not None:
        duration = container.duration / av.time_base
    return AudioInfo(duration, stream.rate, stream.channels)


def _promised(path: Path, duration: float | None) -> float | None:
    """The duration before the file was cut: of a WAV file, FFmpeg only tells that of what is left."""
    with open(path, "rb") as file:
        header, size = file.read(8), path.stat().st_size
    claimed = 8 + int.from_bytes(header[4:], "little")
    if duration is None or header[:4] != b"RIFF" or claimed >= _UNKNOWN_SIZE:
        return duration
    return duration * max(1.0, claimed / size)


@contextmanager
def _opened(path: Path) -> Iterator[tuple[InputContainer, AudioStream]]:
    _check(path)
    try:
        # FFmpeg gets the open file, not its name, which could be taken for an address or a pattern.
        with open(path, "rb") as file, av.open(file, options=_OPTIONS, metadata_errors="replace") as container:
            stream = container.streams.best("audio")
            if stream is None:
                raise SourceError(f"{path} has no sound in it.", _FORMATS_HINT)
            if stream.codec_context is None:  # PyAV knows the stream, but nothing that decodes it
                raise SourceError(f"{path} holds sound of a kind that vcam cannot decode.", _FORMATS_HINT)
            if not (0 < stream.rate <= _MAX_RATE and stream.channels > 0):
                raise SourceError(f"{path} is damaged: it claims {stream.rate} samples a second.", _FORMATS_HINT)
            yield container, stream
    except av.error.FFmpegError as error:
        raise SourceError(f"{path} cannot be read as audio: {error.strerror}.", _FORMATS_HINT) from error
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}.") from error


def _check(path: Path) -> None:
    """Say in plain words what FFmpeg would say in its own, and keep from waiting on pipes and devices."""
    try:
        status = path.stat()
    except FileNotFoundError:
        if address := _ADDRESS.match(str(path)):
            message = f"{address[1]}://{address[2]} is an address, not a file."
            raise SourceError(message, "Download it first, then give the file.") from None
        raise SourceError(f"There is no audio file {path}.", _similar(path)) from None
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        raise SourceError(f"{path} cannot be read: {getattr(error, 'strerror', error)}.") from error
    if stat.S_ISDIR(status.st_mode):
        raise SourceError(f"{path} is a folder, not an audio file.", "Give one file in it.")
    if not stat.S_ISREG(status.st_mode):
        raise SourceError(f"{path} is not an ordinary file.", "For a microphone, give its name from `vcam devices`.")
    if not status.st_size:
        raise SourceError(f"{path} is empty.", "Record or copy it again.")


def _similar(path: Path) -> str:
    try:
        names = nearest(path.name, (entry.name for entry in path.parent.iterdir() if entry.is_file()))
    except OSError:
        return "Its folder does not exist either, or cannot be read."
    return f"Did you mean {' or '.join(names)}?" if names else "Check the name and the folder."


def _frames(container: InputContainer, stream: AudioStream, path: Path) -> Iterator[AudioFrame | None]:
    """Decoded frames; None for each packet that cannot be decoded."""
    packets = container.demux(stream)
    in_a_row = 0
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except (av.error.FFmpegError, OSError) as error:
            logger.warning("%s cannot be read to its end: %s", path.name, error)
            return
        try:
            frames = packet.decode()
        except EOFError:  # PyAV: the decoder was already drained
            return
        except av.error.FFmpegError:
            in_a_row += 1
            yield None
            if in_a_row == _MAX_BROKEN_PACKETS:
                return
            continue
        in_a_row = 0
        yield from frames


class _Converter:
    """Decoded frames to 16 kHz mono; follows a change of rate or channels in the middle of a file."""

    def __init__(self) -> None:
        self._resampler: av.AudioResampler | None = None
        self._downmix = Downmix(SAMPLE_RATE, 1)
        self._shape: tuple[int, str, str] | None = None

    def convert(self, frame: AudioFrame) -> Iterator[FloatArray]:
        shape = (frame.sample_rate, frame.layout.name, frame.format.name)
        if shape != self._shape:
            yield from self.finish()
            self._shape = shape
            # The layout is kept here: FFmpeg's own mix to mono makes stereo 3 dB louder in float, and so clips.
            self._resampler = av.AudioResampler(format="flt", layout=frame.layout, rate=SAMPLE_RATE)
            self._downmix = Downmix(SAMPLE_RATE, frame.layout.nb_channels)
        frame.pts = None  # a jump in time is not sound
        yield from self._mixed(frame)

    def finish(self) -> Iterator[FloatArray]:
        """What the resampler still holds."""
        if self._resampler is not None:
            yield from self._mixed(None)
            self._resampler = None

    def _mixed(self, frame: AudioFrame | None) -> Iterator[FloatArray]:
        assert self._resampler is not None
        for part in self._resampler.resample(frame):
            interleaved = part.to_ndarray().reshape(-1, part.layout.nb_channels)
            mono = self._downmix(cleaned(interleaved.astype(np.float32, copy=False)))
            if len(mono):
                yield np.clip(mono, -1.0, 1.0)
