from __future__ import annotations

import contextlib
import logging
import os
import struct
import zlib
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.animators.ditto.videos import write_video
from vcam.animators.ditto import source
from vcam.animators.ditto.source import fitted_size, load_source
from vcam.errors import AvatarError
from vcam.media import ByteArray


def grey(level: int, width: int = 96, height: int = 64) -> ByteArray:
    return np.full((height, width, 3), level, np.uint8)


def levels(frames: tuple[ByteArray, ...]) -> list[int]:
    return [round(float(frame.mean()) / 10) * 10 for frame in frames]


def save(path: Path, rgb: ByteArray) -> Path:
    assert cv2.imwrite(str(path), np.ascontiguousarray(rgb[:, :, ::-1]))
    return path


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".webp", ".jpg"])
def test_a_picture_is_one_rgb_frame(tmp_path: Path, suffix: str) -> None:
    rgb = grey(0)
    rgb[:, :48, 0] = 200
    loaded = load_source(save(tmp_path / f"face{suffix}", rgb), 1920)
    (frame,) = loaded.frames
    assert not loaded.is_video
    assert frame.flags.c_contiguous
    assert abs(int(frame[30, 20, 0]) - 200) < 12
    assert frame[30, 20, 2] < 30


def test_a_video_is_known_by_its_content_not_its_name(tmp_path: Path) -> None:
    video = write_video(tmp_path / "a.mp4", [grey(50), grey(100)]).rename(tmp_path / "face.png")
    assert load_source(video, 1920).is_video
    picture = save(tmp_path / "b.png", grey(9)).rename(tmp_path / "face.mp4")
    assert not load_source(picture, 1920).is_video


@pytest.mark.parametrize(
    ("size", "limit", "expected"),
    [
        ((640, 800), 1920, (640, 800)),
        ((901, 1101), 1920, (900, 1100)),
        ((901, 1100), 511, (418, 510)),
        ((1100, 901), 511, (510, 418)),
        ((4000, 4000), 1920, (1920, 1920)),
        ((64, 64), 64, (64, 64)),
    ],
)
def test_sides_are_limited_in_proportion_and_made_even(
    size: tuple[int, int], limit: int, expected: tuple[int, int]
) -> None:
    assert fitted_size(*size, limit) == expected


def test_odd_sides_are_resized_not_cut(tmp_path: Path) -> None:
    rgb = np.zeros((65, 97, 3), np.uint8)
    rgb[:, -1] = rgb[-1] = 255
    (frame,) = load_source(save(tmp_path / "odd.png", rgb), 1920).frames
    assert frame.shape == (64, 96, 3)
    assert frame[0, -1].min() > 100


def test_shrinking_leaves_no_jagged_edges_unless_asked(tmp_path: Path) -> None:
    stripes = np.zeros((512, 512, 3), np.uint8)
    stripes[:, ::4] = 200  # thinner than a pixel of the small picture
    path = save(tmp_path / "stripes.png", stripes)
    sharp, jagged = (load_source(path, 128, sharp=flag).frames[0] for flag in (True, False))
    assert (sharp == 50).all()
    assert not (jagged == 50).all()


@pytest.mark.parametrize(("width", "height"), [(63, 400), (400, 50), (30_000, 70), (1, 5000)])
def test_too_small_a_picture_says_how_large_it_should_be(tmp_path: Path, width: int, height: int) -> None:
    path = save(tmp_path / "small.png", np.zeros((height, width, 3), np.uint8))
    with pytest.raises(AvatarError, match=f"too small: {width} x {height}") as caught:
        load_source(path, 1920)
    assert "64 x 64" in caught.value.hint


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that claims to be huge."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("side", [8000, 60_000, 2**31 - 1])
def test_a_picture_bomb_is_not_unpacked(tmp_path: Path, side: int) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(bomb(side, side))
    with pytest.raises(AvatarError):
        load_source(path, 1920)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not a picture"),
        (b"\x89PNG\r\n\x1a\n", "not a picture"),
        (b"hello, world", "neither a picture nor a video"),
        (b"\x00" * 5000, "neither a picture nor a video"),
        (bytes(range(256)) * 40, "neither a picture nor a video"),
        (b"#EXTM3U\n#EXTINF:1,\n/etc/passwd\n", "neither a picture nor a video"),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", "neither a picture nor a video"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "neither a picture nor a video"),
        (b"\x80\x04cos\nsystem\n.", "neither a picture nor a video"),
    ],
)
def test_what_is_no_picture_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "face.mp4"
    path.write_bytes(content)
    with pytest.raises(AvatarError, match=words):
        load_source(path, 1920)


def test_a_picture_that_ends_early_is_refused_or_read_but_never_breaks(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (80, 80, 3), np.uint8)
    whole = save(tmp_path / "whole.png", noise).read_bytes()
    for length in (20, 60, len(whole) // 2, len(whole) - 5):
        path = tmp_path / "torn.png"
        path.write_bytes(whole[:length])
        try:
            (frame,) = load_source(path, 1920).frames
        except AvatarError:
            continue
        assert frame.shape == (80, 80, 3)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.png"
    os.mkfifo(pipe)
    for path in (tmp_path, pipe, tmp_path / "absent.png", Path("a\0b.png"), tmp_path / ("x" * 300)):
        with pytest.raises(AvatarError):
            load_source(path, 1920)


def test_too_large_a_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "large.mp4"
    with open(path, "wb") as file:
        file.truncate(source.MAX_BYTES + 1)
    with pytest.raises(AvatarError, match=r"too large \(2\.0 GB"):
        load_source(path, 1920)


def test_the_first_frames_of_a_video_are_taken(tmp_path: Path) -> None:
    path = write_video(tmp_path / "face.mp4", [grey(level) for level in (20, 60, 100, 140, 180)])
    assert levels(load_source(path, 1920).frames) == [20, 60, 100, 140, 180]
    assert levels(load_source(path, 1920, 3).frames) == [20, 60, 100]
    assert levels(load_source(path, 1920, 9).frames) == [20, 60, 100, 140, 180]


@pytest.mark.parametrize(
    ("rate", "expected"), [(50, [20, 100, 180]), (Fraction(25, 2), [20, 20, 60, 60, 100, 100, 140, 140, 180])]
)
def test_a_video_is_taken_at_25_frames_a_second(tmp_path: Path, rate: Fraction, expected: list[int]) -> None:
    path = write_video(tmp_path / "face.mp4", [grey(level) for level in (20, 60, 100, 140, 180)], Fraction(rate))
    assert levels(load_source(path, 1920).frames) == expected
    assert levels(load_source(path, 1920, every_frame=True).frames) == [20, 60, 100, 140, 180]


def test_a_videos_frames_are_shrunk_and_even(tmp_path: Path) -> None:
    path = write_video(tmp_path / "face.mkv", [grey(80, 640, 360)] * 2)
    loaded = load_source(path, 320)
    assert [frame.shape for frame in loaded.frames] == [(180, 320, 3)] * 2
    assert all(frame.flags.c_contiguous for frame in loaded.frames)


def test_a_video_that_would_not_fit_into_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_video(tmp_path / "face.mp4", [grey(80)] * 6)
    monkeypatch.setattr(source, "MAX_MEMORY", 4 * (source.FEATURE_BYTES + 96 * 64 * 3))
    with pytest.raises(AvatarError, match="too long: at most 4 frames") as caught:
        load_source(path, 1920)
    assert "template_n_frames: 4" in caught.value.hint
    assert len(load_source(path, 1920, 4).frames) == 4


def test_a_video_of_too_many_pixels_is_not_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_video(tmp_path / "face.mp4", [grey(80, 128, 128)])
    monkeypatch.setattr(source, "MAX_PIXELS", 10_000)
    with pytest.raises(AvatarError, match="128 x 128 pixels"):
        load_source(path, 1920)


def test_a_damaged_video_is_read_as_far_as_it_goes(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rng = np.random.default_rng(3)
    frames = [rng.integers(0, 255, (64, 96, 3), np.uint8) for _ in range(12)]
    whole = write_video(tmp_path / "face.mkv", frames).read_bytes()
    path = tmp_path / "torn.mkv"
    with caplog.at_level(logging.WARNING):
        path.write_bytes(whole[: len(whole) // 2])
        assert 0 < len(load_source(path, 1920).frames) < 12
        path.write_bytes(whole[: len(whole) // 3] + bytes(2000) + whole[len(whole) // 3 + 2000 :])
        assert load_source(path, 1920).frames


def test_a_video_without_pictures_is_refused(tmp_path: Path) -> None:
    whole = write_video(tmp_path / "face.mkv", [grey(80)]).read_bytes()
    path = tmp_path / "headers.mkv"
    path.write_bytes(whole[:600])
    with pytest.raises(AvatarError):
        load_source(path, 1920)


def test_tags_in_another_alphabet_do_no_harm(tmp_path: Path) -> None:
    path = write_video(tmp_path / "face.mkv", [grey(80)])
    path.write_bytes(path.read_bytes().replace(b"Lavf", b"\xe9\xff\x80f"))
    assert len(load_source(path, 1920).frames) == 1


def test_a_video_of_an_unknown_kind_is_refused(tmp_path: Path) -> None:
    path = write_video(tmp_path / "face.mkv", [grey(80)])
    path.write_bytes(path.read_bytes().replace(b"V_MPEG4/ISO", b"V_WHATEVER!"))
    with pytest.raises(AvatarError, match="cannot decode"):
        load_source(path, 1920)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi", ".gif", ".png", ".webp"])
def test_damage_anywhere_is_an_avatar_error_or_no_matter(tmp_path: Path, suffix: str) -> None:
    whole = tmp_path / f"face{suffix}"
    if suffix in (".png", ".webp"):
        save(whole, grey(80))
    else:
        write_video(whole, [grey(80), grey(90)], codec="gif" if suffix == ".gif" else "mpeg4")
    content, rng = whole.read_bytes(), np.random.default_rng(7)
    path = tmp_path / "damaged"
    for _ in range(30):
        damaged = bytearray(content[: int(rng.integers(len(content) // 2, len(content) + 1))])
        for at in rng.integers(0, len(damaged), int(rng.choice([1, 5, 50]))):
            damaged[at] = int(rng.integers(256))
        path.write_bytes(damaged)
        with contextlib.suppress(AvatarError):
            frames = load_source(path, 1920, 20).frames
            assert {frame.shape for frame in frames} == {frames[0].shape}


def test_sound_alone_has_no_face(tmp_path: Path) -> None:
    import av

    path = tmp_path / "sound.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=16000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1600), np.int16), format="s16", layout="mono")
        frame.sample_rate = 16000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    with pytest.raises(AvatarError, match="no picture in it"):
        load_source(path, 1920)


@pytest.mark.parametrize(
    ("across", "down", "shape", "corner"),
    [
        ((0, 1), (-1, 0), (96, 64, 3), (0, -1)),  # a quarter clockwise, as phones held upright write it
        ((-1, 0), (0, -1), (64, 96, 3), (-1, -1)),
        ((0, -1), (1, 0), (96, 64, 3), (-1, 0)),
    ],
)
def test_a_phones_video_is_turned_upright(
    tmp_path: Path, across: tuple[int, int], down: tuple[int, int], shape: tuple[int, ...], corner: tuple[int, int]
) -> None:
    rgb = grey(0)
    rgb[:16, :24] = 255
    path = write_video(tmp_path / "face.mp4", [rgb])
    content = bytearray(path.read_bytes())
    at = content.index(b"tkhd") + 44  # the track's matrix, in 16.16: where the picture's right and down point to
    struct.pack_into(">5i", content, at, across[0] << 16, across[1] << 16, 0, down[0] << 16, down[1] << 16)
    path.write_bytes(content)
    (frame,) = load_source(path, 1920).frames
    assert frame.shape == shape
    assert frame[corner].min() > 200
