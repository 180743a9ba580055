"""An MP4 file that stays playable whatever happens while it is written.

H.264 and AAC in fragments of about one second, each written whole. Closed cleanly, the file is an ordinary, indexed
MP4; after a crash it is a fragmented one that ends with the last whole fragment. FFmpeg 7.1 or newer.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.error import FFmpegError
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from vcam.errors import CameraError
from vcam.media import SAMPLE_RATE, ByteArray, FloatArray

logger = logging.getLogger(__name__)

#: Rates that AAC knows, in Hz (ISO/IEC 14496-3, table 1.18, those FFmpeg's encoder takes).
AAC_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000)
#: In order of preference. Those after the first are for builds of FFmpeg without x264.
ENCODERS = ("libx264", "libopenh264", "h264_videotoolbox", "h264_nvenc", "h264_qsv", "h264_mf")

FRAGMENT_SECONDS = 1
KEYFRAME_SECONDS = 2
SOUND_PIECE = 16_384  # samples encoded at a time
MAX_TIMESCALE = 1_000_000  # ticks a second; some players keep them in 32 bits

# hybrid_fragmented: fragments while writing, an ordinary file after a clean close.
# delay_moov: the header comes with the first fragment, so it can say how much of AAC's priming to skip.
MOVFLAGS = "hybrid_fragmented+delay_moov"

# What cv2.COLOR_RGB2YUV_I420 gives: sRGB through the BT.601 matrix, in limited range (codes of ITU-T H.273).
_PRIMARIES_BT709, _TRANSFER_SRGB, _MATRIX_SMPTE170M, _RANGE_LIMITED = 1, 13, 6, 1


class Sink:
    """The file under the muxer: writes all or raises OSError, and can be sealed, after which nothing reaches it."""

    def __init__(self, path: Path, *, overwrite: bool) -> None:
        self._file = open(path, "wb" if overwrite else "xb", buffering=0)  # noqa: SIM115
        self._sealed = False

    def write(self, data: bytes) -> int:
        rest = memoryview(data)
        while rest and not self._sealed:
            try:
                rest = rest[self._file.write(rest) :]
            except OSError:
                self._sealed = True
                raise
        return len(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        return offset if self._sealed else self._file.seek(offset, whence)

    def tell(self) -> int:
        return 0 if self._sealed else self._file.tell()

    def seal(self) -> None:
        self._sealed = True

    def close(self) -> None:
        self._file.close()


class Mp4Writer:
    """Writes one file; used from one thread at a time.

    ``preset`` and ``crf`` are x264's (crf: lower is better and bigger). Raises OSError if the path cannot be written
    (FileExistsError if something is there and ``overwrite`` is not set), CameraError if there is no H.264 encoder,
    and ValueError for a sound format that AAC does not have.
    """

    def __init__(
        self,
        path: Path,
        width: int,
        height: int,
        fps: Fraction,
        *,
        audio_rate: int,
        audio_channels: int,
        preset: str,
        crf: int,
        overwrite: bool = False,
        encoders: Sequence[str] = ENCODERS,
    ) -> None:
        if audio_rate not in AAC_RATES or audio_channels not in (1, 2):
            raise ValueError(f"AAC takes mono or stereo at {AAC_RATES} Hz, not {audio_channels} x {audio_rate} Hz")
        fps = fps.limit_denominator(1001)
        timescale = math.lcm(SAMPLE_RATE, fps.numerator)
        if timescale > MAX_TIMESCALE:
            timescale = 3 * SAMPLE_RATE
        self._timescale = timescale
        self._frame_ticks = timescale / fps
        self._last_tick = -1
        self._sound_end = 0
        self._audio_rate = audio_rate
        self._layout = "mono" if audio_channels == 1 else "stereo"

        codec = _pick_encoder(encoders, width, height)
        self.path = path
        self._sink = Sink(path, overwrite=overwrite)
        self._container = av.open(
            self._sink,
            "w",
            format="mp4",
            container_options={
                "movflags": MOVFLAGS,
                "frag_duration": str(FRAGMENT_SECONDS * 1_000_000),
                # A track that gets nothing must not hold the other one back in memory for FFmpeg's 10 s.
                "max_interleave_delta": str(FRAGMENT_SECONDS * 1_000_000),
            },
        )
        self._video = self._add_video(codec, width, height, fps, preset, crf)
        self._audio = self._container.add_stream("aac", rate=audio_rate, layout=self._layout)
        self._audio.codec_context.time_base = Fraction(1, audio_rate)
        self._audio.codec_context.bit_rate = (64_000 if audio_rate <= 16_000 else 96_000) * audio_channels
        self._container.start_encoding()

    def _add_video(self, codec: str, width: int, height: int, fps: Fraction, preset: str, crf: int) -> VideoStream:
        stream = self._container.add_stream(codec, rate=fps)
        assert isinstance(stream, VideoStream)
        context = stream.codec_context
        context.width, context.height, context.pix_fmt = width, height, "yuv420p"
        context.time_base = Fraction(1, self._timescale)
        context.gop_size = max(1, round(KEYFRAME_SECONDS * fps))
        context.max_b_frames = 0  # pictures in file order: every fragment stands for itself, and time starts at 0
        context.color_primaries, context.color_trc = _PRIMARIES_BT709, _TRANSFER_SRGB
        context.colorspace, context.color_range = _MATRIX_SMPTE170M, _RANGE_LIMITED
        if codec == "libx264":
            context.options = {"preset": preset, "crf": str(crf)}
        else:
            context.bit_rate = round(0.15 * width * height * float(fps))
        return stream

    @property
    def seconds(self) -> float:
        """How long the pictures taken so far are, to the end of the last one."""
        return float((self._last_tick + self._frame_ticks) / self._timescale) if self._last_tick >= 0 else 0.0

    def write_picture(self, position: int, i420: ByteArray) -> None:
        """Show ``i420`` (uint8 [height * 3 / 2, width]) from ``position`` (16 kHz samples, >= 0) until the next.

        A picture that does not come after the last one is left out. Raises OSError or FFmpegError.
        """
        tick = self._tick(position)
        if tick <= self._last_tick:
            return
        self._last_tick = tick
        frame = av.VideoFrame.from_ndarray(i420, format="yuv420p")
        frame.pts, frame.time_base = tick, Fraction(1, self._timescale)
        frame.duration = round(self._frame_ticks)
        self._container.mux(self._video.encode(frame))

    def _tick(self, position: int) -> int:
        """The position in ticks; one rounded to samples goes back to the exact frame, so that the rate is constant."""
        exact = Fraction(position * self._timescale, SAMPLE_RATE)
        frame = round(exact / self._frame_ticks) * self._frame_ticks
        near = abs(frame - exact) <= Fraction(self._timescale, SAMPLE_RATE)
        return round(frame if near else exact)

    def write_sound(self, position: int, sound: FloatArray) -> None:
        """Add ``sound`` (float32 [n, channels]) at ``position``, in samples of the file's own audio rate.

        A gap before it becomes silence, what overlaps the sound before it is cut off. Raises OSError or FFmpegError.
        """
        gap = position - self._sound_end
        for start in range(0, gap, SOUND_PIECE):
            self._encode_sound(np.zeros((min(SOUND_PIECE, gap - start), sound.shape[1]), np.float32))
        sound = sound[max(0, -gap) :]
        for start in range(0, len(sound), SOUND_PIECE):
            self._encode_sound(sound[start : start + SOUND_PIECE])

    def _encode_sound(self, sound: FloatArray) -> None:
        # A NaN makes the encoder give up; a decoder may well hand one out.
        clean = np.clip(np.nan_to_num(sound, nan=0.0), -1.0, 1.0)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(clean.T), format="fltp", layout=self._layout)
        frame.sample_rate = self._audio_rate
        frame.pts, frame.time_base = self._sound_end, Fraction(1, self._audio_rate)
        self._sound_end += len(sound)
        self._container.mux(self._audio.encode(frame))

    def finish(self) -> None:
        """Write what the encoders still hold and the index. A file into which nothing was put is removed.

        Raises OSError or FFmpegError: then call ``abandon``.
        """
        self._container.mux(self._video.encode(None))
        self._container.mux(self._audio.encode(None))
        self._container.close()
        self._sink.close()
        if self._last_tick < 0 and self._sound_end == 0:
            self.path.unlink()

    def abandon(self) -> float:
        """After an error: keep what is whole and leave the rest. Returns the seconds kept; at 0 the file is removed."""
        self._sink.seal()
        try:
            self._container.close()
        except (OSError, FFmpegError) as error:
            logger.debug("closing %s after an error: %s", self.path, error)
        self._sink.close()
        return keep_whole_fragments(self.path)


def _pick_encoder(names: Sequence[str], width: int, height: int) -> str:
    """The first encoder that opens here at this size. Raises CameraError if none does."""
    for name in names:
        if name not in av.codec.codecs_available:
            continue
        context = av.CodecContext.create(name, "w")
        assert isinstance(context, VideoCodecContext)
        context.width, context.height, context.pix_fmt = width, height, "yuv420p"
        context.time_base = Fraction(1, SAMPLE_RATE)
        try:
            context.open()
        except FFmpegError as error:  # compiled in, but its hardware is not here
            logger.debug("H.264 encoder %s: %s", name, error)
            continue
        return name
    raise CameraError(
        f"No H.264 encoder works here (tried {', '.join(names)}).",
        "Install PyAV from PyPI, which brings one: pip install --force-reinstall --only-binary av av",
    )


def keep_whole_fragments(path: Path) -> float:
    """Cut an unfinished file after its last whole fragment and return the seconds it plays.

    A fragment is a ``moof`` box and the ``mdat`` after it (ISO/IEC 14496-12); half a one at the end upsets some
    players. A file without any is removed, for it cannot be played.
    """
    end, position, total = 0, 0, path.stat().st_size
    before = b""
    with path.open("r+b") as file:
        while position + 8 <= total:
            file.seek(position)
            head = file.read(16)
            size, kind = int.from_bytes(head[:4], "big"), head[4:8]
            if size == 1:  # the size is too large for 32 bits and follows the name
                size = int.from_bytes(head[8:16], "big")
            if size < 8 or position + size > total:
                break
            position += size
            if kind == b"mdat" and before == b"moof":
                end = position
            before = kind
        if end:
            file.truncate(end)
    if not end:
        path.unlink()
        return 0.0
    with av.open(str(path)) as container:
        return (container.duration or 0) / 1_000_000
