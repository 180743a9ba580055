"""Recording from two threads, the mistakes one makes with paths, crashes and full disks."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from tests.camera.test_mp4 import Reading, grey, noise
from vcam.camera.base import CameraFormat
from vcam.camera.file import FileCamera
from vcam.errors import CameraError
from vcam.media import CHUNK_SAMPLES, AudioChunk, FloatArray, Picture

FORMAT = CameraFormat(320, 240, Fraction(30))


def send_pictures(camera: FileCamera, count: int, first: int = 0) -> None:
    for index in range(count):
        camera.send(Picture(first + index * 16_000 // 30, grey(20 + index % 200)))


def send_voice(camera: FileCamera, sound: FloatArray, first: int = 0) -> None:
    for start in range(0, len(sound), CHUNK_SAMPLES):
        camera.send_audio(AudioChunk(first + start, sound[start : start + CHUNK_SAMPLES, 0]))


@pytest.mark.parametrize("offline", [False, True])
def test_records_from_two_threads_in_step(tmp_path: Path, offline: bool) -> None:
    path = tmp_path / "a.mp4"
    sound = noise(2.0)
    camera = FileCamera(FORMAT, path, offline=True) if offline else FileCamera(FORMAT, path)
    camera.open()
    camera.send_audio(AudioChunk(0, sound[:CHUNK_SAMPLES, 0]))
    voice = threading.Thread(target=send_voice, args=(camera, sound))
    voice.start()
    send_pictures(camera, 60)
    voice.join()
    camera.close()
    camera.close()
    read = Reading(path)
    assert camera.device == str(path)
    assert camera.wants_audio
    assert camera.timed_by_pts
    assert len(read.times) + camera.dropped >= 60
    assert read.start == 0
    assert abs(read.sound_offset_ms(sound, 16_000)) <= 1
    if offline:
        assert camera.dropped == 0
        assert np.allclose(read.times, np.arange(60) / 30, atol=1e-6)
        assert camera.seconds == pytest.approx(2.0)


def test_the_first_thing_sent_is_time_0(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    sound = noise(2.0)
    camera = FileCamera(FORMAT, path, offline=True)
    camera.open()
    send_pictures(camera, 60, first=160_000)
    camera.send(Picture(0, grey(100)))
    send_voice(camera, sound, first=160_000 + 4000)
    camera.close()
    read = Reading(path)
    assert read.times[0] == 0
    assert len(read.times) == 60
    assert read.sound_offset_ms(sound, 16_000) == pytest.approx(250, abs=1)


def test_records_the_original_sound(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    sound = noise(2.0, 48_000, 2)
    camera = FileCamera(FORMAT, path, offline=True, audio_rate=48_000, audio_channels=2)
    camera.open()
    for start in range(0, len(sound), 5000):
        camera.send_original(sound[start : start + 5000])
    send_voice(camera, noise(1.0))  # not wanted then
    send_pictures(camera, 60)
    camera.close()
    read = Reading(path)
    assert read.sound.shape[1] == 2
    assert abs(read.sound_offset_ms(sound, 48_000)) <= 1
    with pytest.raises(ValueError, match="expected"):
        FileCamera(FORMAT, path).send_original(sound)


def test_live_pictures_that_come_too_fast_are_left_out_and_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "a.mp4"
    format = CameraFormat(1280, 720, Fraction(30))
    camera = FileCamera(format, path)
    camera.open()
    picture = np.random.default_rng(0).integers(0, 255, (1080, 1280), np.uint8)
    for index in range(150):
        camera.send(Picture(index * 533, picture))
    camera.close()
    assert camera.dropped > 0
    assert len(Reading(path).times) == 150 - camera.dropped
    assert len([record for record in caplog.records if "cannot keep up" in record.message]) == 1


def test_a_picture_may_be_changed_after_it_was_sent(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    camera = FileCamera(FORMAT, path, offline=True)
    camera.open()
    i420 = grey(50)
    camera.send(Picture(0, i420))
    i420[:] = 200
    camera.close()
    assert Reading(path).lumas == pytest.approx([50], abs=2)


def test_refuses_a_picture_of_another_size(tmp_path: Path) -> None:
    camera = FileCamera(FORMAT, tmp_path / "a.mp4")
    camera.open()
    with pytest.raises(ValueError, match="640x480"):
        camera.send(Picture(0, grey(0, 640, 480)))
    camera.close()


@pytest.mark.parametrize(
    ("path", "message", "hint"),
    [
        ("missing/a.mp4", "There is no folder", "mkdir -p"),
        ("folder.mp4", "is a folder", "recording.mp4"),
        ("a.mkv", "not an .mp4 file", ".mp4"),
        ("taken.mp4", "already there", "another name"),
        ("pipe.mp4", "not an ordinary file", "read back"),
        ("file/a.mp4", "cannot be written", ""),
        ("x" * 300 + ".mp4", "cannot be written", "another name"),
    ],
)
def test_says_what_is_wrong_with_a_path(tmp_path: Path, path: str, message: str, hint: str) -> None:
    (tmp_path / "folder.mp4").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "taken.mp4").write_bytes(b"precious")
    os.mkfifo(tmp_path / "pipe.mp4")
    with pytest.raises(CameraError, match=message) as caught:
        FileCamera(FORMAT, tmp_path / path).open()
    assert hint in caught.value.hint
    assert (tmp_path / "taken.mp4").read_bytes() == b"precious"


def test_says_when_a_file_may_not_be_written(tmp_path: Path) -> None:
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o500)
    if os.access(folder, os.W_OK):  # root may write anywhere but where the kernel says no
        folder = Path("/sys")
    with pytest.raises(CameraError, match="You may not write"):
        FileCamera(FORMAT, folder / "a.mp4").open()


def test_replaces_a_file_only_if_told_to_and_never_its_own_recording(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"old" * 100_000)
    camera = FileCamera(FORMAT, path, overwrite=True)
    camera.open()
    send_pictures(camera, 10)
    camera.close()
    assert len(Reading(path).times) == 10
    with pytest.raises(CameraError, match="would lose it"):
        camera.open()
    assert len(Reading(path).times) == 10


def test_nothing_sent_leaves_no_file(tmp_path: Path) -> None:
    camera = FileCamera(FORMAT, tmp_path / "a.mp4")
    camera.open()
    camera.close()
    camera.send(Picture(0, grey(0)))
    FileCamera(FORMAT, tmp_path / "never-opened.mp4").close()
    assert list(tmp_path.iterdir()) == []


CRASH = """
import itertools, sys
from tests.camera.test_file import FORMAT, FileCamera, noise, send_pictures, send_voice
camera = FileCamera(FORMAT, sys.argv[1], offline=True)
camera.open()
sound = noise(60.0)
for second in itertools.count():
    send_voice(camera, sound[second % 60 * 16000 :][:16000], first=second * 16000)
    send_pictures(camera, 30, first=second * 16000)
    print(second, flush=True)
"""


def test_a_killed_process_leaves_a_file_that_plays(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with subprocess.Popen([sys.executable, "-c", CRASH, str(path)], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        for _ in child.stdout:
            if path.stat().st_size > 100_000:
                break
        child.kill()
    assert child.returncode == -signal.SIGKILL
    read = Reading(path)
    assert read.start == 0
    assert len(read.times) >= 2 * 30
    assert np.allclose(read.times, np.arange(len(read.times)) / 30, atol=1e-4)
    assert abs(read.sound_offset_ms(noise(60.0), 16_000)) <= 1


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk of 1.2 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    if mount is None or os.geteuid() != 0:
        pytest.skip("needs root to mount a tiny disk")
    done = subprocess.run([mount, "-t", "tmpfs", "-o", "size=1200k", "tmpfs", folder], capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"cannot mount: {done.stderr.decode()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.fixture
def file_limit() -> Iterator[None]:
    """No file may grow beyond 1.2 MB, as on an old file system."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_200_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def send_much(camera: FileCamera, sound: FloatArray) -> None:
    """Two minutes of noise, for ears and eyes."""
    for second in range(120):
        send_voice(camera, sound, first=second * 16_000)
        for index in range(30):
            detail = np.random.default_rng(index).integers(0, 255, (360, 320), np.uint8)
            camera.send(Picture(second * 16_000 + index * 16_000 // 30, detail // 40 + 60))


def record_until_it_fails(camera: FileCamera) -> CameraError:
    sound = noise(1.0)
    camera.open()
    with pytest.raises(CameraError) as caught:
        send_much(camera, sound)
    camera.send_audio(AudioChunk(10_000_000, sound[:CHUNK_SAMPLES, 0]))
    camera.close()  # has been told
    return caught.value


def check_what_is_left(path: Path, error: CameraError) -> None:
    read = Reading(path)
    assert f"first {read.duration:.1f} s are kept" in error.message
    assert len(read.times) > 20
    assert read.start == 0
    assert read.times[-1] < read.duration


def test_a_full_disk_leaves_a_file_that_plays(tiny_disk: Path) -> None:
    path = tiny_disk / "a.mp4"
    error = record_until_it_fails(FileCamera(FORMAT, path, offline=True))
    assert "the disk is full" in error.message
    check_what_is_left(path, error)


def test_a_file_that_may_not_grow_plays(tmp_path: Path, file_limit: None) -> None:
    path = tmp_path / "a.mp4"
    error = record_until_it_fails(FileCamera(FORMAT, path, offline=True))
    assert "as large as it may be" in error.message
    check_what_is_left(path, error)


def test_a_disk_that_is_full_only_for_the_index_leaves_a_file_that_plays(tmp_path: Path) -> None:
    """Every size at which a file of three fragments can be cut short, index and final patch included."""
    whole = tmp_path / "whole.mp4"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def record(path: Path) -> None:
        camera = FileCamera(FORMAT, path, offline=True)
        camera.open()
        send_voice(camera, noise(2.5))
        send_pictures(camera, 75)
        camera.close()

    record(whole)
    size = whole.stat().st_size
    for missing in (1, 100, 1000, 2000, 4000):
        path = tmp_path / f"{missing}.mp4"
        resource.setrlimit(resource.RLIMIT_FSIZE, (size - missing, hard))
        try:
            with pytest.raises(CameraError, match="are kept"):
                record(path)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        read = Reading(path)
        assert len(read.times) > 30
        assert abs(read.sound_offset_ms(noise(2.5), 16_000)) <= 1
