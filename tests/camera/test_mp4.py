"""The file itself: what is in it, what is left of it after a crash, and on a full disk. All with FFmpeg's own parts."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from vcam.camera.mp4 import ENCODERS, Mp4Writer, keep_whole_fragments
from vcam.errors import CameraError
from vcam.media import ByteArray, FloatArray

WIDTH, HEIGHT = 320, 240


def writer(
    path: Path,
    fps: Fraction = Fraction(30),
    *,
    rate: int = 16_000,
    channels: int = 1,
    size: tuple[int, int] = (WIDTH, HEIGHT),
    overwrite: bool = False,
    encoders: tuple[str, ...] = ENCODERS,
) -> Mp4Writer:
    return Mp4Writer(
        path,
        *size,
        fps,
        audio_rate=rate,
        audio_channels=channels,
        preset="ultrafast",
        crf=18,
        overwrite=overwrite,
        encoders=encoders,
    )


def grey(level: int, width: int = WIDTH, height: int = HEIGHT) -> ByteArray:
    """I420, all of one luma."""
    i420 = np.full((height * 3 // 2, width), 128, np.uint8)
    i420[:height] = level
    return i420


def noise(seconds: float, rate: int = 16_000, channels: int = 1) -> FloatArray:
    """Noise with most of its power below 0.2 of the rate, which AAC keeps well: float32 [n, channels]."""
    raw = np.random.default_rng(0).normal(size=(round(seconds * rate), channels)) * 0.2
    smooth = [np.convolve(raw[:, channel], np.ones(5) / 5, "same") for channel in range(channels)]
    return np.stack(smooth, axis=1).astype(np.float32)


class Reading:
    """A file as a player sees it: times in seconds, audio float32 [n, channels] on the file's time line."""

    def __init__(self, path: Path) -> None:
        self.times: list[float] = []
        self.lumas: list[float] = []
        sound: list[FloatArray] = []
        with av.open(str(path)) as container:
            self.start = container.start_time
            self.duration = (container.duration or 0) / 1_000_000
            video = container.streams.video[0]
            self.colour = (
                video.codec_context.color_primaries,
                video.codec_context.color_trc,
                video.codec_context.colorspace,
                video.codec_context.color_range,
            )
            self.rate = video.average_rate
            for frame in container.decode():
                if isinstance(frame, av.VideoFrame):
                    self.times.append(frame.time or 0.0)
                    self.lumas.append(float(frame.to_ndarray()[: frame.height].mean()))
                    self.first = getattr(self, "first", frame)
                elif isinstance(frame, av.AudioFrame):
                    if not sound:
                        self.sound_start = frame.time
                    sound.append(frame.to_ndarray().T)
        self.sound: FloatArray = np.concatenate(sound) if sound else np.zeros((0, 1), np.float32)

    def sound_offset_ms(self, original: FloatArray, rate: int) -> float:
        """How much later than in ``original`` the file's sound is heard, by cross-correlation of half a second."""
        start, count = rate // 2, rate // 2
        part = original[start : start + count, 0]
        found = int(np.argmax(np.correlate(self.sound[:, 0], part, "valid")))
        return (self.sound_start or 0.0) * 1000 + (found - start) * 1000 / rate


@pytest.mark.parametrize(
    "fps", [Fraction(30), Fraction(25), Fraction(30000, 1001), Fraction("12.5"), Fraction(2997, 100)]
)
def test_pictures_keep_their_times_and_order(tmp_path: Path, fps: Fraction) -> None:
    path = tmp_path / "a.mp4"
    mp4 = writer(path, fps)
    count = 40
    for index in range(count):
        mp4.write_picture(int(index * 16_000 / fps), grey(20 + 5 * index))
    mp4.finish()
    read = Reading(path)
    assert read.start == 0
    assert np.allclose(read.times, [index / float(fps) for index in range(count)], atol=1 / 16_000)
    assert np.allclose(read.lumas, [20 + 5 * index for index in range(count)], atol=2)
    assert read.duration == pytest.approx(count / float(fps), abs=0.002)
    assert mp4.seconds == pytest.approx(count / float(fps), abs=0.002)


@pytest.mark.parametrize("fps", [Fraction(30), Fraction(30000, 1001)])
def test_rounded_times_give_a_constant_rate(tmp_path: Path, fps: Fraction) -> None:
    path = tmp_path / "a.mp4"
    mp4 = writer(path, fps)
    for index in range(20):
        mp4.write_picture(int(index * 16_000 / fps), grey(100))
    mp4.finish()
    read = Reading(path)
    assert read.rate == fps
    assert np.ptp(np.diff(read.times)) < 1e-9


@pytest.mark.parametrize(("rate", "channels"), [(16_000, 1), (44_100, 2), (48_000, 2)])
def test_sound_is_where_it_was_put(tmp_path: Path, rate: int, channels: int) -> None:
    path = tmp_path / "a.mp4"
    mp4 = writer(path, rate=rate, channels=channels)
    sound = noise(2.0, rate, channels)
    for index in range(60):
        mp4.write_picture(index * 16_000 // 30, grey(100))
    for start in range(0, len(sound), 1000):
        mp4.write_sound(start, sound[start : start + 1000])
    mp4.finish()
    read = Reading(path)
    assert read.start == 0
    assert read.sound_start == 0
    assert abs(read.sound_offset_ms(sound, rate)) <= 1
    assert read.sound.shape[1] == channels
    assert abs(len(read.sound) - len(sound)) <= 1024
    part = slice(rate // 2, rate)
    error = read.sound[part] - sound[part]
    assert 10 * np.log10(np.mean(sound[part] ** 2) / np.mean(error**2)) > 10  # dB


def test_a_gap_is_silence_and_what_comes_twice_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    mp4 = writer(path)
    sound = noise(3.0)
    mp4.write_picture(0, grey(100))
    mp4.write_sound(0, sound[:16_000])
    mp4.write_sound(12_000, sound[12_000:18_000])
    mp4.write_sound(32_000, sound[32_000:])
    mp4.write_picture(3 * 16_000 - 533, grey(100))
    mp4.finish()
    read = Reading(path)
    assert abs(read.sound_offset_ms(sound, 16_000)) <= 1
    loudness = np.sqrt((read.sound[: 3 * 16_000, 0].reshape(30, -1) ** 2).mean(axis=1))
    assert (loudness[:11] > 0.05).all()
    assert (loudness[13:19] < 0.001).all()
    assert (loudness[21:] > 0.05).all()


def test_sound_that_no_encoder_takes_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    mp4 = writer(path)
    mp4.write_picture(0, grey(100))
    mp4.write_sound(0, np.array([[np.nan], [np.inf], [-np.inf], [5.0]] * 1000, np.float32))
    mp4.finish()
    assert np.isfinite(Reading(path).sound).all()


def test_colours_survive(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    rgb = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    colours = [(230, 30, 30), (30, 200, 40), (40, 60, 220), (240, 240, 240), (20, 20, 20)]
    for index, colour in enumerate(colours):
        rgb[:, index * 64 : index * 64 + 64] = colour
    i420: ByteArray = np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV_I420), np.uint8)
    mp4 = writer(path)
    for index in range(10):
        mp4.write_picture(index * 533, i420)
    mp4.finish()
    read = Reading(path)
    assert read.colour == (1, 13, 6, 1)  # BT.709 primaries, sRGB transfer, SMPTE 170M matrix, limited range
    decoded = read.first.to_ndarray(format="rgb24")  # by the tags of the file
    for index, colour in enumerate(colours):
        middle = decoded[60:180, index * 64 + 16 : index * 64 + 48].mean(axis=(0, 1))
        assert np.abs(middle - colour).max() <= 4, (colour, middle)


def test_odd_multiples_of_two_are_sizes_too(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    mp4 = writer(path, size=(322, 246))
    i420 = grey(60, 322, 246)
    i420[:246, 161:] = 180
    mp4.write_picture(0, i420)
    mp4.finish()
    frame = Reading(path).first.to_ndarray()
    assert frame.shape == i420.shape
    assert np.abs(frame[:246, [0, 150, 170, 321]].mean(axis=0) - [60, 60, 180, 180]).max() < 3


def test_pictures_that_do_not_follow_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    mp4 = writer(path)
    for position in (0, 533, 533, 100, 1067):
        mp4.write_picture(position, grey(100))
    mp4.finish()
    assert len(Reading(path).times) == 3


def test_a_file_without_sound_or_without_pictures_is_one_too(tmp_path: Path) -> None:
    silent, blind = tmp_path / "silent.mp4", tmp_path / "blind.mp4"
    mp4 = writer(silent)
    for index in range(90):
        mp4.write_picture(index * 533, grey(100))
    mp4.finish()
    assert len(Reading(silent).times) == 90
    mp4 = writer(blind)
    mp4.write_sound(0, noise(1.0))
    mp4.finish()
    with av.open(str(blind)) as container:
        assert sum(frame.samples for frame in container.decode(audio=0)) >= 16_000


def test_an_encoder_that_does_not_work_here_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    mp4 = writer(path, encoders=("no_such_encoder", "h264_v4l2m2m", "libx264"))
    mp4.write_picture(0, grey(100))
    mp4.finish()
    assert len(Reading(path).times) == 1
    with pytest.raises(CameraError, match="encoder works here"):
        writer(tmp_path / "b.mp4", encoders=("no_such_encoder",))
    assert not (tmp_path / "b.mp4").exists()


def test_refuses_what_aac_does_not_have(tmp_path: Path) -> None:
    for rate, channels in ((37_000, 1), (16_000, 6)):
        with pytest.raises(ValueError, match="AAC"):
            writer(tmp_path / "a.mp4", rate=rate, channels=channels)


def test_half_a_fragment_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    mp4 = writer(path)
    for index in range(120):
        mp4.write_picture(index * 16_000 // 30, grey(index))
        mp4.write_sound(index * 533, noise(0.04)[:533])
    kept = mp4.abandon()
    whole = path.stat().st_size
    assert 1.5 < kept < 4
    with path.open("ab") as file:
        file.write((5000).to_bytes(4, "big") + b"moof" + bytes(100))
    assert keep_whole_fragments(path) == kept
    assert path.stat().st_size == whole
    with path.open("r+b") as file:
        file.truncate(whole - 10)
    assert 0 < keep_whole_fragments(path) < kept
    read = Reading(path)
    assert read.start == 0
    assert np.allclose(read.times, [index / 30 for index in range(len(read.times))], atol=1e-4)


def test_a_file_without_a_fragment_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    mp4 = writer(path)
    mp4.write_picture(0, grey(100))
    assert mp4.abandon() == 0
    assert not path.exists()
    for content in (b"", b"1234", bytes(100), b"\0\0\0\x08moof", b"\0\0\0\1mdat" + b"\xff" * 8):
        path.write_bytes(content)
        assert keep_whole_fragments(path) == 0
        assert not path.exists()
