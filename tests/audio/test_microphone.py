from __future__ import annotations

import queue
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.audio.sounds import peak, pitch, tone, write_wav
from tests.pulse import PulseServer, wait_until
from vcam.audio import portaudio
from vcam.audio.microphone import MicrophoneSource
from vcam.audio.source import Block
from vcam.errors import OutputError, SourceError, SourceLost
from vcam.media import SAMPLE_RATE, FloatArray

pytestmark = pytest.mark.audio


@pytest.fixture
def microphone(sound_server: PulseServer) -> Iterator[MicrophoneSource]:
    source = MicrophoneSource("pulse")
    yield source
    source.close()


def take(source: MicrophoneSource, seconds: float) -> list[Block]:
    """The next blocks, at least so many seconds of sound."""
    taken: list[Block] = []
    while sum(len(block.samples) for block in taken) < seconds * SAMPLE_RATE:
        block = source.read(5)
        assert block is not None
        taken.append(block)
    return taken


def joined(blocks: list[Block]) -> FloatArray:
    return np.concatenate([block.samples for block in blocks])


def unbroken(heard: FloatArray, frequency: float) -> FloatArray:
    """The longest stretch of a pure tone without a lost or doubled sample: the player stumbles on a busy machine."""
    swing = 2 * np.cos(2 * np.pi * frequency / SAMPLE_RATE)
    silent = np.abs(heard[1:-1]) + np.abs(heard[:-2]) == 0
    broken = np.flatnonzero((np.abs(heard[2:] - swing * heard[1:-1] + heard[:-2]) > 0.005) | silent)
    edges = np.concatenate(([0], broken + 2, [len(heard)]))
    longest = int(np.argmax(np.diff(edges)))
    return heard[edges[longest] + 1 : edges[longest + 1] - 1]


def lost(source: MicrophoneSource) -> SourceLost:
    try:
        while source.read(10):
            pass
    except SourceLost as error:
        return error
    pytest.fail("the microphone was not lost")


def test_captures_what_is_played(sound_server: PulseServer, microphone: MicrophoneSource, tmp_path: Path) -> None:
    microphone.open()
    assert not joined(take(microphone, 0.2)).any()
    sound_server.play(write_wav(tmp_path / "tone.wav", tone(700, 4, 48_000, 0.25), 48_000))
    while not np.any(block := take(microphone, 0.01)[0].samples):
        assert block.dtype == np.float32
    heard = unbroken(joined(take(microphone, 2)), 700)
    assert len(heard) > 0.3 * SAMPLE_RATE
    assert pitch(heard) == pytest.approx(700, abs=1)
    assert peak(heard) == pytest.approx(0.25, rel=0.02)


def test_capture_times_advance_with_the_samples(microphone: MicrophoneSource) -> None:
    microphone.open()
    take(microphone, 0.3)
    before = time.monotonic()
    blocks = take(microphone, 2)
    ends = np.cumsum([len(block.samples) for block in blocks]) / SAMPLE_RATE
    offsets = np.array([block.captured_at for block in blocks]) - ends
    assert np.median(np.abs(offsets - np.median(offsets))) < 0.005
    rate, _ = np.polyfit(ends, offsets + ends, 1)
    assert rate == pytest.approx(1, abs=0.02)
    assert before - 0.5 < blocks[0].captured_at < before + 1
    assert blocks[-1].captured_at < time.monotonic()


def test_capture_time_is_when_the_sound_was_there(
    microphone: MicrophoneSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sounddevice

    monkeypatch.setenv("PULSE_SINK", "mic_in")
    period, width = 12_000, 24  # samples at 48 kHz: a click of 0.5 ms four times a second
    played: list[float] = []
    written = 0

    def play(data: FloatArray, frames: int, times: Any, status: Any) -> None:
        nonlocal written
        start = -written % period
        written += frames
        data[:] = 0
        if start + width <= frames:
            data[start : start + width] = 0.8
            heard_in = times.outputBufferDacTime - times.currentTime + (start + width / 2) / 48_000
            played.append(time.monotonic() + heard_in)

    microphone.open()
    with sounddevice.OutputStream(
        device="pulse", samplerate=48_000, blocksize=480, channels=1, latency=0.08, callback=play
    ):
        blocks = take(microphone, 2.5)
    sound = joined(blocks)
    ends = np.cumsum([len(block.samples) for block in blocks])
    captured = []
    while (loudest := int(np.argmax(np.abs(sound)))) and abs(sound[loudest]) > 0.2:
        block = int(np.searchsorted(ends, loudest, side="right"))
        captured.append(blocks[block].captured_at - (ends[block] - 1 - loudest) / SAMPLE_RATE)
        sound[max(0, loudest - 800) : loudest + 800] = 0
    # The best of them: a player that stumbles on a busy machine is late, a wrong sum is wrong for every click.
    assert len(captured) >= 3
    assert min(abs(heard - click) for heard in captured for click in played) < 0.003


def test_tells_what_it_opened(microphone: MicrophoneSource) -> None:
    assert microphone.live
    microphone.open()
    assert microphone.name == "pulse"
    assert microphone.device_rate in (44_100, 48_000)
    assert 0.010 < microphone.device_latency < 0.2


def test_the_whole_band_comes_along_at_48_khz(
    sound_server: PulseServer, microphone: MicrophoneSource, tmp_path: Path
) -> None:
    microphone.open()
    take(microphone, 0.2)
    sound_server.play(write_wav(tmp_path / "tone.wav", tone(12_000, 4, 48_000, 0.25), 48_000))
    wide = np.zeros(0, np.float32)
    while np.count_nonzero(np.abs(wide) > 0.1) < 10_000:
        (block,) = take(microphone, 0.01)[:1]
        assert block.wide is not None
        assert len(block.wide) == 3 * len(block.samples)
        wide = np.concatenate((wide, block.wide))
    assert peak(block.samples) < 0.01  # beyond what 16 kHz can carry
    assert pitch(wide, 48_000) == pytest.approx(12_000, abs=20)


def test_a_microphone_that_is_looked_for_in_an_old_list_asks_for_a_new_one(sound_server: PulseServer) -> None:
    other, wanted = MicrophoneSource("pulse"), MicrophoneSource("pulse")
    other.open()
    wanted.open()
    wanted.close()
    wanted._spec = "not in the old list"
    with pytest.raises(SourceError):
        wanted.open()
    assert portaudio.take_rescan_wish()
    assert not portaudio.take_rescan_wish()
    other.close()


def test_overrun_is_counted_and_the_newest_second_kept(microphone: MicrophoneSource) -> None:
    microphone.open()
    take(microphone, 0.1)
    opened = time.monotonic()
    wait_until(lambda: microphone.overruns > 0 and time.monotonic() > opened + 1.6, 10, "an overrun", period=0.1)
    backlog = 0.0
    while block := microphone.read(0):
        backlog += len(block.samples) / SAMPLE_RATE
    assert 0.9 <= backlog <= 1.5
    assert microphone.overruns < 20  # one, and those of a busy machine; not one for each block
    take(microphone, 0.1)


def test_server_dies_and_comes_back(sound_server: PulseServer, microphone: MicrophoneSource) -> None:
    microphone.open()
    take(microphone, 0.1)
    sound_server.kill()
    killed = time.monotonic()
    error = lost(microphone)
    assert time.monotonic() - killed < 5
    assert '"pulse" was disconnected' in error.message
    assert error.hint
    with pytest.raises(SourceLost):
        microphone.read(0)  # still
    microphone.close()
    assert microphone.read(0) is None
    with pytest.raises(SourceError, match="microphone"):
        microphone.open()
    sound_server.start()
    microphone.open()
    take(microphone, 0.1)


def test_source_is_unplugged(sound_server: PulseServer, microphone: MicrophoneSource) -> None:
    microphone.open()
    take(microphone, 0.1)
    sound_server.unload("module-null-sink")
    assert "was disconnected" in lost(microphone).message


def test_server_hangs(sound_server: PulseServer, microphone: MicrophoneSource) -> None:
    microphone.open()
    take(microphone, 0.1)
    sound_server.signal(signal.SIGSTOP)
    assert "sent nothing for 2 seconds" in lost(microphone).message
    microphone.close()  # returns, although stopping a stream asks the server
    assert portaudio.rescan() is False
    sound_server.signal(signal.SIGCONT)
    wait_until(portaudio.rescan, 10, "the end of the stream that hung")
    microphone.open()
    take(microphone, 0.1)


def test_a_minute_asleep_is_not_a_minute_of_silence(
    sound_server: PulseServer, microphone: MicrophoneSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    microphone.open()
    take(microphone, 0.1)
    sound_server.signal(signal.SIGSTOP)
    while microphone.read(0.1) is not None:
        pass
    awake = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: awake() + 60)
    for _ in range(3):
        assert microphone.read(0.02) is None
    sound_server.signal(signal.SIGCONT)
    take(microphone, 0.1)


def test_says_which_microphone_the_server_has_chosen(
    sound_server: PulseServer, microphone: MicrophoneSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PULSE_SOURCE")
    sound_server.pactl("set-default-source", "vmic")
    microphone.open()
    microphone.look()
    assert microphone.microphone == "VirtualMic"
    sound_server.pactl("set-default-source", "mic_in.monitor")
    microphone.look()
    assert microphone.microphone.startswith("Monitor of")
    sound_server.kill()
    with pytest.raises(OutputError):
        microphone.look()


def test_comes_back_at_another_rate(
    sound_server: PulseServer, microphone: MicrophoneSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sounddevice

    real = sounddevice.RawInputStream

    def slower(**settings: object) -> object:
        if settings["samplerate"] != 16_000:
            raise sounddevice.PortAudioError("Invalid sample rate", -9997)
        return real(**settings)

    microphone.open()
    assert take(microphone, 0.1)[-1].wide is not None
    microphone.close()
    monkeypatch.setattr(sounddevice, "RawInputStream", slower)
    microphone.open()
    assert microphone.device_rate == 16_000
    assert take(microphone, 0.1)[-1].wide is None


@pytest.mark.parametrize("broken", [np.nan, np.inf])
@pytest.mark.parametrize("channels", [1, 2])
def test_a_broken_sample_does_not_end_the_voice(
    sound_server: PulseServer,
    microphone: MicrophoneSource,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    channels: int,
    broken: float,
) -> None:
    import sounddevice

    real = sounddevice.RawInputStream

    def faulty(**settings: Any) -> object:
        """A device of so many channels, whose driver breaks the first sample of all."""
        if settings["channels"] != channels:
            raise sounddevice.PortAudioError("Invalid number of channels", -9998)
        callback, due = settings.pop("callback"), [broken]

        def break_first(data: Any, *more: Any) -> None:
            sound = np.frombuffer(data, np.float32).copy()
            if due:
                sound[0] = due.pop()
            callback(sound.tobytes(), *more)

        return real(**settings, callback=break_first)

    monkeypatch.setattr(sounddevice, "RawInputStream", faulty)
    microphone.open()
    assert np.isfinite(joined(take(microphone, 0.2))).all()
    sound_server.play(write_wav(tmp_path / "tone.wav", tone(700, 4, 48_000, 0.25), 48_000))
    while not np.any(take(microphone, 0.01)[0].samples):
        pass
    blocks = take(microphone, 1)
    assert peak(unbroken(joined(blocks), 700)) == pytest.approx(0.25, rel=0.02)
    wide = [block.wide for block in blocks if block.wide is not None]
    assert len(wide) == len(blocks)
    assert pitch(np.concatenate(wide), 48_000) == pytest.approx(700, abs=2)


def test_close_ends_a_waiting_read(sound_server: PulseServer, microphone: MicrophoneSource) -> None:
    microphone.open()
    results: queue.SimpleQueue[Block | None] = queue.SimpleQueue()

    def read_all() -> None:
        while (block := microphone.read(60)) is not None:
            results.put(block)
        results.put(None)

    reader = threading.Thread(target=read_all)
    reader.start()
    assert results.get(timeout=10) is not None
    microphone.close()
    microphone.close()
    reader.join(10)
    assert not reader.is_alive()


def test_unknown_device(sound_server: PulseServer) -> None:
    with pytest.raises(SourceError, match='no microphone named "pulsee"') as caught:
        MicrophoneSource("pulsee").open()
    assert "Did you mean: " in caught.value.hint
    assert '"pulse"' in caught.value.hint


def test_refused_rate_falls_back(sound_server: PulseServer, monkeypatch: pytest.MonkeyPatch) -> None:
    import sounddevice

    real = sounddevice.RawInputStream

    def picky(**settings: object) -> object:
        """A device that takes 16 kHz mono alone."""
        if settings["channels"] != 1:
            raise sounddevice.PortAudioError("Invalid number of channels", -9998)
        if settings["samplerate"] != 16_000:
            raise sounddevice.PortAudioError("Invalid sample rate", -9997)
        return real(**settings)

    monkeypatch.setattr(sounddevice, "RawInputStream", picky)
    source = MicrophoneSource("pulse")
    source.open()
    assert source.device_rate == 16_000
    take(source, 0.1)
    source.close()


@pytest.mark.parametrize(
    ("code", "message"),
    [(-9985, "cannot be opened: Device unavailable"), (-9997, "none of the sample rates")],
)
def test_device_that_cannot_be_opened(
    sound_server: PulseServer, monkeypatch: pytest.MonkeyPatch, code: int, message: str
) -> None:
    import sounddevice

    def busy(**settings: object) -> object:
        raise sounddevice.PortAudioError("Device unavailable", code)

    monkeypatch.setattr(sounddevice, "RawInputStream", busy)
    with pytest.raises(SourceError) as caught:
        MicrophoneSource("pulse").open()
    assert message in caught.value.message
    assert "vcam devices" in caught.value.hint
