"""Ditto in a whole session: from a sound file or a microphone to the camera."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from tests.animators.ditto.standing import Ditto, calls, ditto_profile, lag, mouth_box, words
from tests.animators.ditto.test_build import with_animator
from tests.live.parts import Microphone
from tests.waiting import wait_until
from vcam.animators.base import Animator
from vcam.animators.ditto.animator import DittoAnimator
from vcam.audio.file import FileSource
from vcam.audio.source import Source
from vcam.build import build_animator, camera_format
from vcam.camera.base import Camera, CameraFormat
from vcam.errors import AnimatorError, VcamError
from vcam.live.latency import plan_latency
from vcam.live.queues import PictureStore
from vcam.media import FRAME_SAMPLES, AudioChunk, FloatArray, Picture
from vcam.profile.model import Profile
from vcam.session import Session

pytestmark = pytest.mark.usefixtures("stand_in")


class Film(Camera):
    """Keeps all pictures and the voice, timed by PTS: a busy machine makes them late, and loses none."""

    kind: ClassVar[str] = "film"
    timed_by_pts = True
    wants_audio = True

    def __init__(self, format: CameraFormat) -> None:
        super().__init__(format)
        self.pictures: list[Picture] = []
        self.voice: list[AudioChunk] = []

    def open(self) -> None:
        """Nothing to open."""

    def send(self, picture: Picture) -> None:
        self.pictures.append(picture)

    def send_audio(self, chunk: AudioChunk) -> None:
        self.voice.append(chunk)

    def close(self) -> None:
        """Nothing to close."""


class Talking(Microphone):
    """The test microphone with something to say, again and again."""

    def __init__(self, sound: FloatArray) -> None:
        super().__init__()
        self._sound = sound
        self.at = 0

    def read(self, timeout: float):  # type: ignore[no-untyped-def]
        block = super().read(timeout)
        if block is not None:
            block.samples[:] = self._sound[self.at % len(self._sound) :][:160]
            self.at += 160
        return block


class Show:
    """A session whose animators are known, and what they draw."""

    def __init__(self, source: Source, profile: Profile | None = None) -> None:
        self.profile = profile or ditto_profile(sampling_timesteps=2)
        self.ditto = Ditto(self.profile)
        self.camera = Film(camera_format(self.profile))
        self.animators: list[Animator] = []
        self.drawn: list[Picture] = []
        self.session = Session(self.profile, source, lambda: self.camera, make_animator=self._make)

    def _make(self, profile: Profile) -> tuple[Animator, str]:
        kind = profile.animator.kind
        self.animators.append(build_animator(profile)[0] if kind == "lite" else self.ditto.make(profile))
        return self.animators[-1], ""

    @property
    def animator(self) -> DittoAnimator:
        animator = self.animators[0]
        assert isinstance(animator, DittoAnimator)
        return animator

    def lag(self) -> float:
        """How many samples the mouth is behind the voice that the camera got, by their PTS.

        Of the frames that were drawn: a machine that is busy with others leaves some out.
        """
        voice = self.camera.voice
        start, end = voice[0].pts, voice[-1].end
        assert start % FRAME_SAMPLES == 0
        sound = np.concatenate([chunk.samples for chunk in voice])
        pictures = [one for one in self.drawn if start <= one.pts < end]
        rows, columns = mouth_box(self.animator)
        openings = np.array([-one.i420[rows, columns].mean() for one in pictures], np.float32)
        return lag(openings, sound, np.array([(one.pts - start) // FRAME_SAMPLES for one in pictures]))

    def on_time(self) -> bool:
        """Whether the camera got something at every tick, in order, and nothing before its time."""
        drawn = {id(one.i420): one.pts for one in self.drawn}
        ticks = self.camera.pictures
        shown = [(drawn[id(one.i420)], one.pts) for one in ticks if id(one.i420) in drawn]  # else it is the standby
        followed = all(b.pts - a.pts == FRAME_SAMPLES for a, b in pairwise(ticks))
        return followed and shown == sorted(shown) and all(pts <= tick for pts, tick in shown)

    def shown(self, seconds: float) -> None:
        """Wait until so many more seconds of pictures have come."""
        target = len(self.camera.pictures) + round(seconds * 25)
        wait_until(lambda: len(self.camera.pictures) >= target, seconds + 20)


@pytest.fixture
def show(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Show]]:
    made: list[Show] = []
    put = PictureStore.put

    def noting(store: PictureStore, picture: Picture) -> None:
        made[-1].drawn.append(picture)
        put(store, picture)

    def make(source: Source | None = None, profile: Profile | None = None) -> Show:
        made.append(Show(source or Talking(words(6)), profile))
        return made[-1]

    monkeypatch.setattr(PictureStore, "put", noting)
    yield make
    for one in made:
        one.session.close()


def wave(path: Path, sound: FloatArray) -> Path:
    import wave as waves

    with waves.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes((sound * 32767).astype("<i2").tobytes())
    return path


@pytest.mark.parametrize("quality", ["balanced", "low-latency"])
def test_a_file_is_shown_from_its_first_frame_to_its_last(
    show: Callable[..., Show], tmp_path: Path, quality: str
) -> None:
    sound = words(2.5, seed=3)
    path = wave(tmp_path / "words.wav", sound)
    one = show(FileSource(path, realtime=True), ditto_profile(quality=quality, sampling_timesteps=2))
    one.session.start()
    assert one.session.wait(30)
    pictures, voice = one.camera.pictures, one.camera.voice
    assert abs(one.lag()) < FRAME_SAMPLES
    assert one.on_time()
    # the voice is all of the file, from its first sample to its last, and the pictures last as long
    heard = np.concatenate([chunk.samples for chunk in voice])
    first = int(np.flatnonzero(heard)[0]) - int(np.flatnonzero(sound)[0])
    np.testing.assert_allclose(heard[first:][: len(sound)], sound, atol=1e-4)
    assert pictures[-1].pts + FRAME_SAMPLES == voice[-1].end
    assert pictures[0].pts <= voice[0].pts + first


def test_a_live_voice_is_shown_in_step_with_a_delay_that_stays(show: Callable[..., Show]) -> None:
    sound = words(60, seed=5)
    one = show(Talking(sound))
    with one.session as session:
        latency = session.latency
        planned = plan_latency(one.animator, 1600, latency.source, latency.camera)
        assert latency.algorithmic == planned.algorithmic >= 0.485
        one.shown(4)
        assert replace(session.latency, source=0.0) == replace(latency, source=0.0)
        status = session.status()
    assert [stage["name"] for stage in status["stages"]][:2] == ["features", "diffusion"]
    assert all(stage["p50_ms"] > 0 for stage in status["stages"])
    assert status["latency_ms"]["algorithmic"] == pytest.approx(latency.algorithmic * 1000, abs=0.1)
    assert abs(one.lag()) < FRAME_SAMPLES
    assert one.on_time()


def test_a_muted_or_paused_session_idles(show: Callable[..., Show]) -> None:
    one = show()
    with one.session as session:
        wait_until(lambda: calls(one.animator)["lmdm"] > 30)
        for off, on in ((session.mute, session.unmute), (session.pause, session.resume)):
            off()
            wait_until(lambda: one.animator.idling, 20)
            before = calls(one.animator)
            one.shown(0.5)
            after = calls(one.animator)
            assert (after["hubert"], after["lmdm"]) == (before["hubert"], before["lmdm"])
            on()
            wait_until(lambda: not one.animator.idling, 20)
            assert session.state == "live"


def test_frames_are_left_out_evenly_when_drawing_takes_too_long(
    show: Callable[..., Show], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Motion is made of all sound, the delay stays, and the user is told what takes the time."""
    monkeypatch.setattr("vcam.live.supervisor.WATCH_WINDOW", 1.0)
    one = show()
    with one.session as session:
        one.shown(0.5)
        planned = replace(session.latency, source=0.0)  # the microphone may be late on a busy machine
        one.ditto.backend.slow = 0.07
        wait_until(lambda: session.status()["camera"]["skipped"] > 10, 30)
        seen = len(one.drawn)
        before = calls(one.animator)
        one.shown(3)
        after = calls(one.animator)
        status = session.status()
        assert replace(session.latency, source=0.0) == planned
        wait_until(lambda: any("skipped: decode" in text for text in session.status()["warnings"]), 30)
        text = next(text for text in session.status()["warnings"] if "skipped" in text)
    assert after["lmdm"] - before["lmdm"] >= 2 * 25 / 5 * 2  # two steps for each of at least two seconds' clips
    assert after["decoder"] - before["decoder"] < 60
    assert status["camera"]["skipped"] > 20
    assert "decode takes" in text
    assert "faster GPU" in text
    gaps = [(b.pts - a.pts) // FRAME_SAMPLES for a, b in pairwise(one.drawn[seen:])]
    assert np.percentile(gaps, 90) <= 2 * np.median(gaps) + 1
    assert one.on_time()


def test_a_switch_shares_the_networks_and_a_failing_one_changes_nothing(
    show: Callable[..., Show], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, private_profiles: Path
) -> None:
    one = show()
    with one.session as session:
        loads = one.ditto.backend.loads["decoder"]
        (private_profiles / "dark.yaml").write_text(
            "avatar: {portrait: nobody}\nanimator: {kind: ditto, ditto: {stand_in: true}}\n"
        )
        with pytest.raises(VcamError):
            session.switch("dark")
        assert session.profile == one.profile
        session.switch("marlow")
        assert session.profile.avatar.portrait == "marlow"
        one.shown(1.5)
        assert session.status()["animator"] == "ditto"
        assert session.status()["warnings"] == []
        assert one.ditto.backend.loads["decoder"] == loads == 1
        assert len(one.animators) == 1  # the second came from the first
        assert one.ditto.backend.frees["decoder"] == 0
    wait_until(lambda: one.ditto.backend.frees["decoder"])
    assert one.ditto.backend.frees["decoder"] == 1


@pytest.fixture
def private_profiles(private_user: Path, stand_in: Path, ditto_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(ditto_cache))  # after private_user has taken it away
    folder = private_user / "vcam" / "profiles"
    folder.mkdir(parents=True)
    return folder


def test_a_switch_that_needs_more_delay_is_refused(show: Callable[..., Show], private_profiles: Path) -> None:
    one = show(profile=with_animator("lite"))
    text = "avatar: {portrait: robin}\nanimator: {kind: ditto, ditto: {stand_in: true}}\n"
    (private_profiles / "photoreal.yaml").write_text(text)
    with one.session as session:
        delay = session.delay_ms
        with pytest.raises(AnimatorError, match=r"photoreal needs a delay of \d+ ms; this session has") as error:
            session.switch("photoreal")
        assert "start it with that profile" in error.value.hint
        assert session.delay_ms == delay
        assert session.status()["animator"] == "lite"
    assert one.ditto.backend.frees["decoder"] == 1  # what was loaded for it is gone
    assert one.camera.format.fps == Fraction(25)


def test_expressions_and_poses_reach_the_animator(show: Callable[..., Show]) -> None:
    one = show()
    with one.session as session:
        session.express("happy")
        session.pose(10, 0, 0, 0.5, 0)
        with pytest.raises(AnimatorError, match="no expression"):
            session.express("furious")
        with pytest.raises(AnimatorError, match="yaw must be"):
            session.pose(60, 0, 0, 0, 0)
        assert "happy" in session.status()["expressions"]
        one.shown(0.5)
        assert session.state == "live"
