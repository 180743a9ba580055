from __future__ import annotations

import signal
import time
from collections.abc import Iterator

import numpy as np
import pytest

from tests.pulse import PulseServer
from vcam.audio.devices import find_output
from vcam.audio.playback import PlaybackSink
from vcam.audio.sink import Heard
from vcam.errors import OutputError, OutputLost
from vcam.media import FloatArray, silence

pytestmark = pytest.mark.audio


@pytest.fixture
def sink(sound_server: PulseServer) -> Iterator[PlaybackSink]:
    sink = PlaybackSink(lambda: find_output("pulse"), "pulse")
    yield sink
    sink.close()


def begin(sink: PlaybackSink, ahead: int = 5) -> None:
    sink.open()
    for number in range(ahead):
        sink.put(number, silence(sink.frames))


def reports(sink: PlaybackSink, count: int) -> list[Heard]:
    """The next reports, each of which is answered with a block."""
    found: list[Heard] = []
    while len(found) < count:
        if (heard := sink.wait(1)) is None:
            continue
        found.append(heard)
        if heard.number is not None:
            sink.put(heard.number + 5, silence(sink.frames))
    return found


def test_every_block_is_reported_in_order_with_the_time_at_which_it_is_heard(sink: PlaybackSink) -> None:
    begin(sink)
    found = [heard for heard in reports(sink, 60) if heard.number is not None]
    numbers = [heard.number for heard in found]
    assert numbers == list(range(len(numbers)))
    assert sink.rate == 48_000
    apart = np.diff([heard.at for heard in found])
    assert np.median(apart) == pytest.approx(sink.frames / sink.rate, abs=0.002)
    assert 0.01 < sink.latency < 0.5


def test_what_is_missing_is_silence_and_counted(sink: PlaybackSink) -> None:
    begin(sink, ahead=1)
    while not (heard := sink.wait(5)) or not heard.gap:
        pass
    assert heard.number is None
    assert sink.underruns >= 1
    counted = sink.underruns
    sink.close()
    assert sink.underruns >= counted


def test_muted_it_plays_silence_and_fades_in_between(sink: PlaybackSink, monkeypatch: pytest.MonkeyPatch) -> None:
    from vcam.audio import playback

    outlet = playback._Outlet(sink, 1)

    class Times:
        outputBufferDacTime = currentTime = 1.0

    class Status:
        output_underflow = False

    def played(level: float) -> FloatArray:
        out = bytearray(4 * 480)
        outlet.blocks.put((0, np.full(480, level, np.float32)))
        outlet.callback(out, 480, Times, Status)
        return np.frombuffer(out, np.float32)

    first = played(0.5)  # from silence, too
    assert first[0] == 0
    assert first[-1] == 0.5
    assert (played(0.5) == 0.5).all()
    sink.muted = True
    last = played(0.5)
    assert (last[0], last[-1]) == (0.5, 0.0)
    assert np.abs(np.diff(last)).max() < 0.01
    assert not played(0.5).any()
    sink.muted = False
    assert played(0.5)[-1] == 0.5


def test_a_server_that_dies_is_told_and_one_that_comes_back_is_used(
    sink: PlaybackSink, sound_server: PulseServer
) -> None:
    begin(sink)
    reports(sink, 10)
    sound_server.kill()
    with pytest.raises(OutputLost) as caught:
        reports(sink, 1000)
    assert "pulse" in caught.value.message
    sink.close()
    with pytest.raises(OutputError):
        sink.open()
    sound_server.start()
    begin(sink)
    assert len(reports(sink, 10)) == 10


def test_a_server_that_hangs_is_given_up(
    sink: PlaybackSink, sound_server: PulseServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vcam.audio.playback._SILENT_SECONDS", 0.5)
    begin(sink)
    reports(sink, 10)
    sound_server.signal(signal.SIGSTOP)
    try:
        with pytest.raises(OutputLost, match="taken nothing"):
            reports(sink, 1000)
    finally:
        sound_server.signal(signal.SIGCONT)


def test_a_minute_asleep_is_not_a_minute_of_silence(
    sink: PlaybackSink, sound_server: PulseServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink.open()
    assert reports(sink, 3)
    sound_server.signal(signal.SIGSTOP)
    while sink.wait(0.1) is not None:
        pass
    awake = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: awake() + 60)
    for _ in range(3):
        assert sink.wait(0.02) is None
    sound_server.signal(signal.SIGCONT)
    assert reports(sink, 3)


@pytest.mark.parametrize(("code", "message"), [(-9985, "Device unavailable"), (-9997, "none of the sample rates")])
def test_a_device_that_cannot_be_opened(
    sink: PlaybackSink, monkeypatch: pytest.MonkeyPatch, code: int, message: str
) -> None:
    import sounddevice

    def busy(**settings: object) -> object:
        raise sounddevice.PortAudioError("Device unavailable", code)

    monkeypatch.setattr(sounddevice, "RawOutputStream", busy)
    with pytest.raises(OutputError, match=message) as caught:
        sink.open()
    assert caught.value.hint


def test_close_may_come_first_and_twice(sink: PlaybackSink) -> None:
    sink.close()
    assert sink.wait(0.01) is None
    sink.put(0, silence(480))
    sink.open()
    sink.close()
    sink.close()
