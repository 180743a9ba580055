from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from tests.audio.sounds import encode, peak, pitch, tone, write_riff, write_wav
from vcam.audio.decode import decode_original
from vcam.audio.file import FileSource, probe
from vcam.audio.source import Block
from vcam.errors import SourceError
from vcam.media import SAMPLE_RATE, FloatArray


def blocks(source: FileSource) -> list[Block]:
    """Everything until the end."""
    taken = []
    source.open()
    try:
        while True:
            block = source.read(5)
            assert block is not None
            taken.append(block)
    except EOFError:
        return taken
    finally:
        source.close()


def sound_of(path: Path) -> FloatArray:
    return np.concatenate([block.samples for block in blocks(FileSource(path, realtime=False))])


def refusal(path: Path | str) -> SourceError:
    with pytest.raises(SourceError) as caught:
        FileSource(path, realtime=False).open()
    with pytest.raises(SourceError):
        probe(path)
    return caught.value


@pytest.mark.parametrize(
    ("name", "codec", "rate"),
    [
        ("a.mp3", "libmp3lame", 44_100),
        ("a.ogg", "vorbis", 44_100),
        ("a.opus", "libopus", 48_000),
        ("a.m4a", "aac", 44_100),
        ("a.webm", "libopus", 48_000),
        ("a.wav", "pcm_f32le", 44_100),
    ],
)
def test_formats(tmp_path: Path, name: str, codec: str, rate: int) -> None:
    left = tone(1000, 2, rate, 0.5)
    path = encode(tmp_path / name, np.stack([left, left], axis=1), rate, codec)
    sound = sound_of(path)
    # Encoders pad the ends by up to two of their frames.
    assert len(sound) / SAMPLE_RATE == pytest.approx(2, abs=0.06)
    middle = sound[SAMPLE_RATE // 2 : -SAMPLE_RATE // 2]
    assert pitch(middle) == pytest.approx(1000, abs=2)
    assert peak(middle) == pytest.approx(0.5, rel=0.05)
    info = probe(path)
    assert info.duration == pytest.approx(2, abs=0.1)
    assert (info.rate, info.channels) == (rate, 2)


def test_flac_is_exact(tmp_path: Path) -> None:
    left = tone(1000, 2, 44_100, 0.5)
    sound = sound_of(encode(tmp_path / "a.flac", np.stack([left, left], axis=1), 44_100, "flac"))
    assert len(sound) == 2 * SAMPLE_RATE
    np.testing.assert_allclose(sound[1000:-1000], tone(1000, 2)[1000:-1000], atol=0.001)


@pytest.mark.parametrize("channels", [1, 2, 6, 9])
def test_any_number_of_channels(tmp_path: Path, channels: int) -> None:
    sound = np.stack([tone(500, 0.5)] * channels, axis=1)
    assert peak(sound_of(write_wav(tmp_path / "a.wav", sound))[800:-800]) == pytest.approx(0.5, rel=0.01)


def test_blocks_are_20_ms_and_keep_every_sample(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", tone(440, 1.01))
    counts = [len(block.samples) for block in blocks(FileSource(path, realtime=False))]
    assert set(counts[:-1]) == {320}
    assert sum(counts) == 16_160


def test_realtime_follows_the_sample_count(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", tone(440, 0.6))
    source = FileSource(path, realtime=True)
    source.open()
    before = time.monotonic()
    taken: list[Block] = []
    while len(taken) < 30:
        block = source.read(1)
        assert block is not None
        assert time.monotonic() >= block.captured_at  # never ahead of the speech
        taken.append(block)
    start = taken[0].captured_at - 0.02
    assert before <= start <= before + 0.5
    due = start + np.cumsum([len(block.samples) for block in taken]) / SAMPLE_RATE
    np.testing.assert_allclose([block.captured_at for block in taken], due, atol=1e-6)
    with pytest.raises(EOFError):
        source.read(1)
    source.close()


def test_read_that_is_too_early_gives_none_and_loses_nothing(tmp_path: Path) -> None:
    source = FileSource(write_wav(tmp_path / "a.wav", tone(440, 0.1)), realtime=True)
    source.open()
    assert source.read(0) is None
    heard: list[FloatArray] = []
    while len(heard) < 5:
        if block := source.read(0.004):
            heard.append(block.samples)
    np.testing.assert_allclose(np.concatenate(heard), tone(440, 0.1), atol=1e-3)
    source.close()


def test_file_stands_still_while_nobody_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = FileSource(write_wav(tmp_path / "a.wav", tone(440, 1)), realtime=True)
    source.open()
    first = source.read(1)
    assert first is not None
    real = time.monotonic
    with monkeypatch.context() as patch:
        patch.setattr(time, "monotonic", lambda: real() + 3600)  # an hour of sleep
        second, third = source.read(1), source.read(1)
    assert second is not None
    assert third is not None
    assert second.captured_at - first.captured_at > 3500
    assert third.captured_at - second.captured_at == pytest.approx(0.02)
    source.close()


def test_close_ends_a_waiting_read(tmp_path: Path) -> None:
    source = FileSource(write_wav(tmp_path / "a.wav", tone(440, 1)), realtime=True, loop=True, pause=60)
    source.open()
    result: list[Block | None] = []

    def read_all() -> None:
        while (block := source.read(60)) is not None:
            result.append(block)
        result.append(None)

    reader = threading.Thread(target=read_all)
    reader.start()
    source.close()
    source.close()
    reader.join(10)
    assert not reader.is_alive()
    assert result[-1] is None
    assert source.read(1) is None


def test_loop_pauses_and_begins_again(tmp_path: Path) -> None:
    source = FileSource(write_wav(tmp_path / "a.wav", tone(440, 0.5)), realtime=False, loop=True, pause=0.25)
    source.open()
    taken = [source.read(1) for _ in range(75)]  # 1.5 s: two rounds
    sound = np.concatenate([block.samples for block in taken if block])
    np.testing.assert_allclose(sound[:8000], tone(440, 0.5), atol=1e-3)
    assert not sound[8000:12000].any()
    np.testing.assert_array_equal(sound[12000:20000], sound[:8000])
    source.close()


def test_all_that_could_be_read_is_played_before_an_error(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", tone(440, 0.8))
    source = FileSource(path, realtime=False, loop=True, pause=0.1)
    source.open()
    path.unlink()  # the second round finds nothing
    taken: list[Block | None] = []
    with pytest.raises(SourceError, match=r"no audio file .*a\.wav"):
        taken.extend(iter(lambda: source.read(1), None))
    sound = np.concatenate([block.samples for block in taken if block])
    np.testing.assert_allclose(sound[:12800], tone(440, 0.8), atol=1e-3)
    assert len(sound) == 12800 + 1600
    source.close()


def test_source_can_be_opened_again(tmp_path: Path) -> None:
    source = FileSource(write_wav(tmp_path / "a.wav", tone(440, 0.1)), realtime=False)
    assert len(blocks(source)) == len(blocks(source)) == 5


def test_missing_file_names_similar_ones(tmp_path: Path) -> None:
    write_wav(tmp_path / "speech.wav", tone(440, 0.1))
    error = refusal(tmp_path / "spech.wav")
    assert "There is no audio file" in error.message
    assert "speech.wav" in error.hint
    assert "folder" in refusal(tmp_path / "nowhere" / "a.wav").hint


def test_folder(tmp_path: Path) -> None:
    assert "is a folder" in refusal(tmp_path).message


def test_empty_file(tmp_path: Path) -> None:
    (tmp_path / "a.wav").touch()
    assert "is empty" in refusal(tmp_path / "a.wav").message


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.wav")
    assert "not an ordinary file" in refusal(tmp_path / "a.wav").message


@pytest.mark.parametrize("name", ["x" * 5000 + ".wav", "a\0.wav", "~nobody-of-that-name/a.wav"])
def test_impossible_names(name: str) -> None:
    with pytest.raises(SourceError):
        FileSource(name, realtime=False).open()


@pytest.mark.parametrize("name", ["a.wav", "a.mp3", "a.flac", "a.txt"])
@pytest.mark.parametrize("content", ["text", "noise", "picture", "header"])
def test_not_audio(tmp_path: Path, name: str, content: str) -> None:
    data = {
        "text": b"once upon a time\n" * 500,
        "noise": np.random.default_rng(1).bytes(300_000),
        "picture": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x02\0\0\0\x90wS\xde" + bytes(100),
        "header": b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\x01\0" + b"\xff" * 12 + b"\x10\0data" + bytes(1000),
    }
    (tmp_path / name).write_bytes(data[content])
    with pytest.raises(SourceError) as caught:
        FileSource(tmp_path / name, realtime=False).open()
    assert "played" in caught.value.hint


def test_video_without_sound(tmp_path: Path) -> None:
    import av

    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8))
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    assert "no sound in it" in refusal(tmp_path / "a.mp4").message


@pytest.mark.parametrize("title", ["Café Müller".encode("latin-1"), "浜辺".encode("shift-jis"), b"\xff\xfe\x80"])
def test_tags_in_other_encodings_do_not_matter(tmp_path: Path, title: bytes) -> None:
    path = write_riff(tmp_path / "a.wav", tone(440, 0.5), title=title)
    assert probe(path).rate == SAMPLE_RATE
    assert pitch(sound_of(path)) == pytest.approx(440, abs=2)
    assert sum(map(len, decode_original(path, 48_000, 2))) == pytest.approx(24_000, abs=100)


@pytest.mark.parametrize("kind", [0x1234, 0xFFFF, 0x0])
def test_sound_of_an_unknown_kind(tmp_path: Path, kind: int) -> None:
    path = write_riff(tmp_path / "a.wav", tone(440, 0.5), kind=kind)
    assert "cannot decode" in refusal(path).message


@pytest.mark.skipif(os.name != "posix", reason="no permission bits here")
def test_unreadable_file(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", tone(440, 0.1))
    path.chmod(0)
    user = os.geteuid()
    if user == 0:  # root may read every file, nobody may not
        os.seteuid(65534)
    try:
        assert "Permission denied" in refusal(path).message
    finally:
        os.seteuid(user)


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:9/a.wav", "https://example.org/a.mp3", "rtsp://127.0.0.1/a", "file:///etc/hosts"]
)
def test_address_is_refused(address: str) -> None:
    error = refusal(address)
    assert address.replace("///", "//") in error.message
    assert "Download" in error.hint


@pytest.mark.parametrize("name", ["concat:a.wav|b.wav", "subfile,,start,0,end,9,,:a.wav", "pipe:0", "data:,x", "-"])
def test_protocol_of_ffmpeg_is_only_a_file_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    write_wav(tmp_path / "a.wav", tone(440, 0.1))
    monkeypatch.chdir(tmp_path)
    assert "There is no audio file" in refusal(name).message


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{target}\n#EXT-X-ENDLIST\n"),
        ("a.wav", "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{target}\n#EXT-X-ENDLIST\n"),
        ("a.ffconcat", "ffconcat version 1.0\nfile '{target}'\n"),
        ("a.txt", "ffconcat version 1.0\nfile secret.wav\n"),
        ("a.sdp", "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 9 RTP/AVP 0\n"),
        ("a.mpd", '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>{target}</BaseURL></MPD>'),
    ],
)
def test_playlist_is_refused(tmp_path: Path, name: str, text: str) -> None:
    secret = write_wav(tmp_path / "secret.wav", tone(440, 1))
    (tmp_path / name).write_text(text.format(target=secret))
    assert "cannot be read as audio" in refusal(tmp_path / name).message


@pytest.mark.parametrize("broken", [np.nan, np.inf, 3e38])
@pytest.mark.parametrize("rate", [SAMPLE_RATE, 44_100])
def test_a_broken_sample_is_no_more_than_a_click(tmp_path: Path, broken: float, rate: int) -> None:
    stereo = np.stack([tone(1000, 2, rate, 0.001), tone(1000, 2, rate, 0.5)], axis=1)
    stereo[rate // 10, 0] = broken  # on the side that carries no voice
    path = encode(tmp_path / "a.wav", stereo, rate, "pcm_f32le")
    assert peak(sound_of(path)[SAMPLE_RATE:-100]) == pytest.approx(0.5, rel=0.02)
    for channels in (1, 2):
        original = np.concatenate(list(decode_original(path, 48_000, channels)))
        assert np.abs(original).max() <= 1
        assert pitch(original[48_000:-300, -1], 48_000) == pytest.approx(1000, abs=1)


@pytest.mark.parametrize(
    ("name", "codec", "warnings"),
    [("a.wav", "pcm_s16le", 1), ("a.flac", "flac", 1), ("a.webm", "libopus", 1), ("a.ogg", "vorbis", 0)],
)
def test_truncated_file_plays_what_is_there(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str, codec: str, warnings: int
) -> None:
    stereo = np.stack([tone(1000, 4, 48_000)] * 2, axis=1)
    path = encode(tmp_path / name, stereo, 48_000, codec)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with caplog.at_level(logging.WARNING, "vcam"):
        sound = sound_of(path)
    assert 0.9 < len(sound) / SAMPLE_RATE < 3
    assert pitch(sound[1600:-1600]) == pytest.approx(1000, abs=2)
    assert len(caplog.records) == warnings, caplog.text  # an Ogg file does not say how long it was


def test_damage_in_the_middle_is_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = encode(tmp_path / "a.mp3", np.stack([tone(1000, 4, 44_100)] * 2, axis=1), 44_100, "libmp3lame")
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 4000] = np.random.default_rng(1).bytes(4000)
    path.write_bytes(data)
    assert 3 < len(sound_of(path)) / SAMPLE_RATE < 4.2


def test_long_file_is_not_loaded_whole(tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    write_wav(path, tone(440, 1, 48_000), 48_000)
    header = bytearray(path.read_bytes()[:44])
    size = 1_800_000_000  # more than 5 hours, sparse
    header[4:8] = (size + 36).to_bytes(4, "little")
    header[40:44] = size.to_bytes(4, "little")
    with open(path, "wb") as file:
        file.write(header)
        file.truncate(44 + size)
    script = (
        "import resource, sys\n"
        "from vcam.audio.file import FileSource\n"
        "source = FileSource(sys.argv[1], realtime=False)\n"
        "source.open()\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "for _ in range(20_000): source.read(1)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    if sys.platform != "linux":
        pytest.skip("ru_maxrss is in other units here")
    done = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 10_000  # KB, after 400 s of sound
    assert probe(path).duration == pytest.approx(18_750, rel=0.01)
