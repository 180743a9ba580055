"""Rendering a sound file, with ditto's stand-in networks: is the picture in step with the sound?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import av
import numpy as np
import pytest
from typer.testing import CliRunner

from tests.audio.sounds import tone, write_wav
from vcam.audio.decode import decode
from vcam.cli import app
from vcam.errors import CameraError, SourceError
from vcam.media import FRAME_SAMPLES, SAMPLE_RATE, FloatArray, silence
from vcam.profile.model import Profile
from vcam.render import Phase, Rendered, render

BEGINS, ENDS, ALL = 1.0, 1.8, 2.33  # s: of the sound in the silence around it
VOICE = (140.0, 300.0, 500.0, 800.0, 1300.0)  # Hz
SMALL = {
    "animator": {"kind": "ditto", "ditto": {"stand_in": True}},
    "camera": {"size": "320x240", "fps": 25},
    "gate": {"kind": "off"},
}


@pytest.fixture(scope="module")
def private_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


def voice() -> FloatArray:
    sound = silence(round(ALL * SAMPLE_RATE))
    spoken = sum((tone(frequency, ENDS - BEGINS, level=0.1) for frequency in VOICE), silence(1))
    sound[round(BEGINS * SAMPLE_RATE) :][: len(spoken)] = spoken
    return sound


@dataclass
class Made:
    result: Rendered
    told: list[tuple[Phase, float, float | None]] = field(default_factory=list)

    def frames(self) -> list[FloatArray]:
        """Grey pictures."""
        with av.open(str(self.result.path)) as container:
            return [frame.to_ndarray(format="gray").astype(np.float32) for frame in container.decode(video=0)]


@pytest.fixture(scope="module")
def made(private_cache: None, tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("render")
    audio = write_wav(folder / "voice.wav", voice())
    told: list[tuple[Phase, float, float | None]] = []
    profile = Profile.model_validate(SMALL)
    result = render(audio, folder / "out.mp4", profile, lambda *progress: told.append(progress))
    return Made(result, told)


def test_there_is_a_picture_for_every_40_ms_of_sound(made: Made) -> None:
    expected = -(-round(ALL * SAMPLE_RATE) // FRAME_SAMPLES)
    assert made.result.pictures == len(made.frames()) == expected
    with av.open(str(made.result.path)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert video.start_time == audio.start_time == 0
        for stream, seconds in ((video, expected / 25), (audio, ALL)):
            assert stream.duration is not None
            assert stream.time_base is not None
            assert float(stream.duration * stream.time_base) == pytest.approx(seconds, abs=0.025)


def test_the_mouth_moves_while_there_is_sound_to_a_frame(made: Made) -> None:
    frames = made.frames()
    at_rest = frames[2]  # the encoder's first frames are coarse
    moved = np.array([np.sort(np.abs(frame - at_rest), axis=None)[-30:].mean() for frame in frames])
    open_at = np.flatnonzero(moved > moved.max() / 2)
    assert abs(open_at[0] - BEGINS * 25) <= 1
    assert abs(open_at[-1] - (ENDS * 25 - 1)) <= 1
    assert len(open_at) == open_at[-1] - open_at[0] + 1
    assert moved[2:15].max() < moved.max() / 10


def test_the_sound_in_the_video_is_where_it_was(made: Made) -> None:
    sound = np.concatenate(list(decode(made.result.path)))
    loud = np.flatnonzero(np.abs(sound) > 0.1)
    assert loud[0] / SAMPLE_RATE == pytest.approx(BEGINS, abs=0.03)
    assert loud[-1] / SAMPLE_RATE == pytest.approx(ENDS, abs=0.03)


def test_it_says_that_it_listens_before_it_draws(made: Made) -> None:
    phases = [phase for phase, _, _ in made.told]
    assert list(dict.fromkeys(phases)) == ["listening", "moving", "drawing"]
    assert phases == sorted(phases, key=["listening", "moving", "drawing"].index)
    heard = [done for phase, done, _ in made.told if phase == "listening"]
    assert heard == sorted(heard)
    assert heard[-1] == pytest.approx(ALL, abs=0.01)
    assert ("moving", 0.0, None) in made.told
    _, done, total = made.told[-1]
    assert total is not None
    assert done == pytest.approx(total, abs=0.04)


def test_a_recording_shorter_than_a_clip_or_a_frame(private_cache: None, tmp_path: Path) -> None:
    for seconds, pictures in ((0.01, 1), (0.2, 5)):
        audio = write_wav(tmp_path / "short.wav", tone(300, seconds))
        assert render(audio, tmp_path / "short.mp4", Profile.model_validate(SMALL)).pictures == pictures


@pytest.mark.usefixtures("private_user")
def test_the_command_takes_the_stand_ins_and_another_rate(tmp_path: Path) -> None:
    audio = write_wav(tmp_path / "voice.wav", tone(300, 0.4))
    output = tmp_path / "out.mp4"
    arguments = ["render", str(audio), "-o", str(output), "--stand-in", "--size", "320x240", "--fps", "30"]
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.stderr
    assert "12 pictures" in done.stdout
    assert output.is_file()
    assert "drawing…" in done.stderr


def test_the_command_refuses_stand_ins_for_lite(tmp_path: Path) -> None:
    audio = write_wav(tmp_path / "voice.wav", tone(300, 0.2))
    arguments = ["render", str(audio), "-o", str(tmp_path / "out.mp4"), "--animator", "lite", "--stand-in"]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 2, done.stderr
    assert "--stand-in" in done.stderr


def test_home_folders_are_known_in_both_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(variable, str(tmp_path))
    write_wav(tmp_path / "voice.wav", voice()[: SAMPLE_RATE // 5])
    profile = Profile.model_validate({**SMALL, "animator": {"kind": "lite"}})
    result = render(Path("~/voice.wav"), Path("~/out.mp4"), profile)
    assert result.path == tmp_path / "out.mp4"
    assert [file.name for file in sorted(tmp_path.iterdir())] == ["out.mp4", "voice.wav"]


LITE = Profile.model_validate({**SMALL, "animator": {"kind": "lite"}})


def refusal(audio: Path, output: Path) -> CameraError:
    """What is said before anything is listened to or written."""
    there = sorted(audio.parent.rglob("*"))
    content = audio.read_bytes()
    told: list[object] = []
    with pytest.raises(CameraError) as caught:
        render(audio, output, LITE, lambda *progress: told.append(progress))
    assert told == []
    assert sorted(audio.parent.rglob("*")) == there
    assert audio.read_bytes() == content
    return caught.value


def test_a_missing_sound_is_said_and_the_video_of_before_stays(tmp_path: Path) -> None:
    output = tmp_path / "out.mp4"
    output.write_bytes(b"before")
    with pytest.raises(SourceError, match="no audio file"):
        render(tmp_path / "missing.wav", output, LITE)
    assert output.read_bytes() == b"before"


def test_the_sound_is_not_overwritten_by_its_own_video(made: Made, tmp_path: Path) -> None:
    audio = tmp_path / "talk.mp4"
    audio.write_bytes(made.result.path.read_bytes())
    assert "is the sound to be rendered itself" in refusal(audio, audio).message


def test_what_an_interrupted_rendering_left_is_not_overwritten_when_it_is_the_sound(made: Made, tmp_path: Path) -> None:
    audio = tmp_path / "talk.partial.mp4"
    audio.write_bytes(made.result.path.read_bytes())
    assert str(audio) in refusal(audio, tmp_path / "talk.mp4").message
    link = tmp_path / "other.partial.mp4"
    link.symlink_to(audio)
    assert str(link) in refusal(audio, tmp_path / "other.mp4").message


@pytest.mark.parametrize("name", ["x" * 300 + ".mp4", "x" * 250 + ".mp4", "voice.wav/out.mp4"])
def test_a_name_that_cannot_be_written_is_said(tmp_path: Path, name: str) -> None:
    audio = write_wav(tmp_path / "voice.wav", tone(300, 0.2))
    assert "cannot be written" in refusal(audio, tmp_path / name).message


@pytest.mark.parametrize("name", ["folder", "folder.mp4"])
def test_a_folder_is_refused_before_the_work(tmp_path: Path, name: str) -> None:
    audio = write_wav(tmp_path / "voice.wav", tone(300, 0.2))
    (tmp_path / name).mkdir()
    error = refusal(audio, tmp_path / name)
    assert "is a folder" in error.message
    assert str(tmp_path / name / "voice.mp4") in error.hint
    assert "is a folder" in refusal(audio, Path()).message
