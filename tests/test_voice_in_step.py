"""A live session on a real sound server: what an application hears from vcam's microphone, and when."""

from __future__ import annotations

import os
import signal
import statistics
import threading
from collections.abc import Iterator

import pytest

from tests.clicks import Measurement, onsets
from tests.live.parts import CountingAnimator, Microphone, RecordingCamera
from tests.pulse import PulseServer
from tests.waiting import wait_until
from vcam.audio import virtual_mic
from vcam.audio.microphone import MicrophoneSource
from vcam.audio.outputs import Mode, open_output
from vcam.build import camera_format
from vcam.errors import OutputError
from vcam.profile.model import Profile
from vcam.session import Session

pytestmark = pytest.mark.audio

TOLERANCE = 0.020  # s of skew that vcam promises
PROFILE = Profile.model_validate({"camera": {"size": "320x240", "fps": 25}})


def make_session(mode: Mode = "sync") -> Session:
    profile = PROFILE.with_changes("audio", output={"device": "virtual-mic", "mode": mode})
    camera = RecordingCamera(camera_format(profile))
    return Session(
        profile,
        MicrophoneSource("pulse"),
        lambda: camera,
        make_animator=lambda _: (CountingAnimator(320, 240), ""),
        output=open_output("virtual-mic", mode),
    )


@pytest.fixture
def session(sound_server: PulseServer) -> Iterator[Session]:
    session = make_session()
    yield session
    session.close()


def settled(session: Session) -> bool:
    output = session.status()["audio"]["output"]
    return session.state == "live" and output["skew_ms"] is not None and abs(output["skew_ms"]) < TOLERANCE * 1000


def measured(session: Session, clicks: int = 6) -> list[float]:
    """How late the voice is heard, in s, by so many clicks, those at the very beginning left out."""
    with Measurement() as measurement:
        wait_until(lambda: measurement.count() >= clicks + 2, 30)
        return measurement.delays(session.latency.total)[1:-1]


def test_the_voice_is_as_late_as_the_lips(session: Session) -> None:
    session.start()
    wait_until(lambda: settled(session))
    delays = measured(session)
    assert statistics.median(delays) == pytest.approx(session.latency.total, abs=TOLERANCE)
    output = session.status()["audio"]["output"]
    assert output["device"] == virtual_mic.DESCRIPTION
    assert output["mode"] == "sync"
    session.close()
    assert virtual_mic.modules() == []
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("vcam-")]


def test_direct_is_earlier_and_the_status_says_by_how_much(sound_server: PulseServer) -> None:
    with make_session("direct") as session:
        wait_until(lambda: session.status()["audio"]["output"]["skew_ms"] is not None)
        output = session.status()["audio"]["output"]
        delays = measured(session, 4)
        assert statistics.median(delays) == pytest.approx(
            session.latency.total - output["skew_ms"] / 1000, abs=TOLERANCE
        )
        assert output["skew_ms"] > 0
        assert output["mode"] == "direct"


def test_a_server_that_is_killed_and_restarted(session: Session, sound_server: PulseServer) -> None:
    session.start()
    wait_until(lambda: settled(session))
    sound_server.kill()
    wait_until(lambda: session.state == "degraded", 20)
    wait_until(lambda: any(virtual_mic.DESCRIPTION in text for text in session.status()["warnings"]), 20)
    sound_server.start()
    wait_until(lambda: settled(session), 30)
    assert not any("Trying again" in text for text in session.status()["warnings"])
    delays = measured(session, 4)
    assert statistics.median(delays) == pytest.approx(session.latency.total, abs=TOLERANCE)
    session.close()
    assert virtual_mic.modules() == []


def test_a_source_that_somebody_unloads_is_made_again(session: Session, sound_server: PulseServer) -> None:
    session.start()
    wait_until(lambda: settled(session))
    for module in reversed(virtual_mic.modules()):
        sound_server.pactl("unload-module", module.number)
    wait_until(virtual_mic.exists, 20)
    wait_until(lambda: settled(session), 20)
    delays = measured(session, 4)
    assert statistics.median(delays) == pytest.approx(session.latency.total, abs=TOLERANCE)


def test_made_to_listen_to_itself_it_goes_back_to_a_real_microphone(
    session: Session, sound_server: PulseServer
) -> None:
    def recorders() -> list[str]:
        """The sources that this process records from."""
        by_number = dict(line.split("\t")[:2] for line in sound_server.pactl("list", "short", "sources").splitlines())
        return [by_number[source] for _, source in virtual_mic._recorders(os.getpid())]

    session.start()
    wait_until(lambda: settled(session))
    assert recorders() == ["mic_in.monitor"]
    ((stream, _),) = virtual_mic._recorders(os.getpid())
    sound_server.pactl("move-source-output", stream, virtual_mic.SOURCE)
    wait_until(lambda: recorders() == ["mic_in.monitor"])
    wait_until(lambda: settled(session), 20)
    delays = measured(session, 4)
    assert statistics.median(delays) == pytest.approx(session.latency.total, abs=TOLERANCE)


def test_after_the_server_stood_still_the_delay_has_not_grown(
    session: Session,
    sound_server: PulseServer,
) -> None:
    session.start()
    wait_until(lambda: settled(session))
    stood = threading.Event()
    sound_server.signal(signal.SIGSTOP)
    stood.wait(0.6)
    sound_server.signal(signal.SIGCONT)
    wait_until(lambda: settled(session), 20)
    delays = measured(session, 4)
    assert statistics.median(delays) == pytest.approx(session.latency.total, abs=TOLERANCE)


def test_nothing_is_heard_while_muted_paused_or_cut(session: Session) -> None:
    session.start()
    wait_until(lambda: settled(session))
    with Measurement() as measurement:
        wait_until(lambda: measurement.count() >= 2)
        for silence_it, undo in (
            (session.mute, session.unmute),
            (session.pause, session.resume),
            (session.cut, session.resume),
        ):
            silence_it()
            before = len(measurement.recording.sound) + 4800  # what is on its way
            wait_until(lambda before=before: len(measurement.recording.sound) > before + 24_000)  # type: ignore[misc]
            assert len(onsets(measurement.recording.sound[before:], 1)) == 0
            undo()
            heard = measurement.count()
            wait_until(lambda heard=heard: measurement.count() > heard)  # type: ignore[misc]


def test_without_a_server_it_does_not_start_and_says_why(sound_server: PulseServer) -> None:
    sound_server.kill()
    session = Session(
        PROFILE,
        Microphone(),
        lambda: RecordingCamera(camera_format(PROFILE)),
        make_animator=lambda _: (CountingAnimator(320, 240), ""),
        output=open_output("virtual-mic"),
    )
    with pytest.raises(OutputError, match="No sound server answers"):
        session.start()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("vcam-")]
