from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from vcam.audio import webrtc_gate
from vcam.audio.gate import Gate, HoldingGate, OpenGate, make_gate
from vcam.audio.vad_features import FeatureExtractor
from vcam.bench import signals
from vcam.media import CHUNK_SAMPLES, SAMPLE_RATE, AudioChunk, FloatArray, samples, silence
from vcam.profile.model import GateSettings

RECORDING = Path(__file__).parents[3] / "shared" / "data" / "speech-24k-mono.wav"
HISS_DBFS = -75.0


def chunks(sound: FloatArray, start: int = 0) -> list[AudioChunk]:
    whole = len(sound) // CHUNK_SAMPLES
    return [
        AudioChunk(start + i * CHUNK_SAMPLES, part)
        for i, part in enumerate(np.split(sound[: whole * CHUNK_SAMPLES], whole))
    ]


def run(gate: Gate, sound: FloatArray) -> list[AudioChunk]:
    out: list[AudioChunk] = []
    for chunk in chunks(sound):
        out += gate.push(chunk)
    return [*out, *gate.flush()]


def opened(gate: Gate, sound: FloatArray) -> npt.NDArray[np.bool_]:
    return np.array([chunk.speech for chunk in run(gate, sound)])


def with_hiss(sound: FloatArray) -> FloatArray:
    hiss = signals.scaled(signals.white(np.random.default_rng(5), len(sound)), HISS_DBFS)
    return (sound + hiss).astype(np.float32)


def spoken(*texts: str, voice: str = "en-us", gap_ms: int = 1000) -> tuple[FloatArray, list[tuple[int, int]]]:
    """Sentences at -23 dBFS with pauses, and for each its first and last frame within 20 dB of its loudest."""
    parts, spans, at = [silence(samples(gap_ms))], [], samples(gap_ms)
    for text in texts:
        sound = signals.espeak(text, voice) if shutil.which("espeak-ng") else signals.vowel(samples(700))
        sound = signals.scaled(sound[: len(sound) // CHUNK_SAMPLES * CHUNK_SAMPLES], -23)
        power = np.mean(sound.reshape(-1, CHUNK_SAMPLES) ** 2, axis=1)
        loud = np.flatnonzero(power > power.max() / 100) + at // CHUNK_SAMPLES
        spans.append((int(loud[0]), int(loud[-1])))
        parts += [sound, silence(samples(gap_ms))]
        at += len(sound) + samples(gap_ms)
    return with_hiss(np.concatenate(parts)), spans


@pytest.fixture
def gate() -> Gate:
    return make_gate(GateSettings())


@pytest.mark.parametrize("kind", ["webrtc", "off"])
@pytest.mark.parametrize("look_ahead", [0, 1, 640, 961])
def test_every_chunk_comes_out_once_in_order_with_what_follows(kind: str, look_ahead: int) -> None:
    settings = GateSettings.model_validate({"kind": kind})
    gate = make_gate(settings, look_ahead)
    assert gate.hold >= look_ahead
    assert gate.hold % CHUNK_SAMPLES == 0
    sound = np.random.default_rng(1).uniform(-0.5, 0.5, 30 * CHUNK_SAMPLES).astype(np.float32)
    given: list[AudioChunk] = []
    for count, chunk in enumerate(chunks(sound)):
        new = gate.push(chunk)
        assert len(new) == (count >= gate.hold // CHUNK_SAMPLES)
        given += new
    given += gate.flush()
    assert [chunk.pts for chunk in given] == list(range(0, len(sound), CHUNK_SAMPLES))
    padded = np.concatenate([sound, silence(gate.hold)])
    for chunk in given:
        np.testing.assert_array_equal(chunk.ahead, padded[chunk.end : chunk.end + gate.hold])


def test_hold_is_the_longer_of_pre_roll_and_look_ahead() -> None:
    assert make_gate(GateSettings(pre_roll_ms=60), 0).hold == 960
    assert make_gate(GateSettings(pre_roll_ms=50), 0).hold == 960
    assert make_gate(GateSettings(pre_roll_ms=60), 1000).hold == 1280
    assert make_gate(GateSettings(kind="off", pre_roll_ms=60), 640).hold == 640


def test_speech_is_bit_equal_and_the_rest_is_silent(gate: Gate) -> None:
    sound, spans = spoken("Hello, can you hear me?")
    out = run(gate, sound)
    for chunk in out:
        expected = sound[chunk.pts : chunk.end] if chunk.speech else silence(CHUNK_SAMPLES)
        np.testing.assert_array_equal(chunk.samples, expected)
    assert all(chunk.speech for chunk in out[spans[0][0] : spans[0][1] + 1])
    assert not any(chunk.speech for chunk in out[: spans[0][0] - 10])


def test_off_passes_everything() -> None:
    sound = with_hiss(silence(SAMPLE_RATE))
    gate = make_gate(GateSettings(kind="off"), 640)
    assert isinstance(gate, OpenGate)
    assert all(chunk.speech for chunk in run(gate, sound))


def test_is_open_tells_of_the_newest_chunk_given_out(gate: Gate) -> None:
    assert not gate.is_open
    sound, _ = spoken("Hello, can you hear me?")
    for chunk in chunks(sound):
        for given in gate.push(chunk):
            assert gate.is_open == given.speech
    gate.flush()
    assert not gate.is_open


def test_pre_roll_reopens_what_was_held_when_speech_was_recognised() -> None:
    sound = with_hiss(
        np.concatenate([silence(25 * CHUNK_SAMPLES), signals.vowel(SAMPLE_RATE // 2), silence(SAMPLE_RATE)])
    )
    first = {
        pre_roll: int(np.argmax(opened(make_gate(GateSettings(pre_roll_ms=pre_roll), 960), sound)))
        for pre_roll in (0, 20, 40, 60, 200)
    }
    assert first[60] <= 25
    assert [first[0] - first[pre_roll] for pre_roll in (20, 40, 60, 200)] == [1, 2, 3, 10]


class OddGate(HoldingGate):
    """Calls every other chunk speech, three chunks late."""

    def __init__(self) -> None:
        super().__init__(3 * CHUNK_SAMPLES)
        self._count = 0

    def _judge(self, sound: FloatArray) -> range:
        self._count += 1
        return range(3, 4) if self._count % 2 else range(0)


def test_a_kind_of_gate_can_wait_with_its_verdict_for_as_long_as_a_chunk_is_held() -> None:
    sound = np.full(12 * CHUNK_SAMPLES, 0.1, np.float32)
    assert opened(OddGate(), sound).tolist() == [False, True] * 4 + [False] * 4


def test_what_was_heard_too_shortly_to_be_sure_closes_sooner() -> None:
    def open_ms(ms: int) -> int:
        vowel = signals.vowel(samples(ms))
        sound = with_hiss(np.concatenate([silence(SAMPLE_RATE), vowel, silence(2 * SAMPLE_RATE)]))
        return int(opened(make_gate(GateSettings(hangover_ms=600)), sound).sum()) * 20

    assert open_ms(60) <= 60 + 60 + 240
    assert open_ms(400) >= 400 + 600


def test_a_longer_attack_opens_later() -> None:
    sound = with_hiss(
        np.concatenate([silence(25 * CHUNK_SAMPLES), signals.vowel(SAMPLE_RATE // 2), silence(SAMPLE_RATE)])
    )
    first = [int(np.argmax(opened(make_gate(GateSettings(attack_ms=attack)), sound))) for attack in (20, 40, 80, 120)]
    assert first == [first[0], first[0], first[0] + 2, first[0] + 4]


def test_hangover_keeps_it_open_for_so_long() -> None:
    sound = with_hiss(np.concatenate([silence(SAMPLE_RATE), signals.vowel(SAMPLE_RATE // 2), silence(3 * SAMPLE_RATE)]))
    last = [
        int(np.flatnonzero(opened(make_gate(GateSettings(hangover_ms=ms)), sound))[-1]) for ms in (0, 100, 240, 1000)
    ]
    assert [frame - last[0] for frame in last] == [0, 5, 12, 50]
    assert last[0] <= 75 + 5  # WebRTC's detector itself hangs over by some frames


@pytest.mark.parametrize(
    "text", ["She sells.", "Fish.", "Hello.", "Ten.", "Peter.", "Keep it.", "Open it.", "My name.", "Zero."]
)
def test_no_onset_and_no_end_is_cut(gate: Gate, text: str) -> None:
    sound, [(start, end)] = spoken(text, voice="en-gb")
    is_open = opened(gate, sound)
    assert is_open[start : end + 1].all()


@pytest.mark.parametrize("dbfs", [-17, 12])
def test_speech_from_minus_40_to_minus_11_dbfs_passes(gate: Gate, dbfs: int) -> None:
    sound, spans = spoken("Thank you so much.", "Perhaps we should start.")
    is_open = opened(gate, np.clip(sound * np.float32(10 ** (dbfs / 20)), -1, 1))
    for start, end in spans:
        assert is_open[start : end + 1].all()


def test_quieter_than_the_least_level_is_never_speech() -> None:
    sound, _ = spoken("Hello, can you hear me?")
    quiet = (sound * np.float32(10 ** (-40 / 20))).astype(np.float32)  # -63 dBFS
    assert not opened(make_gate(GateSettings()), quiet).any()
    assert opened(make_gate(GateSettings(min_level_dbfs=-90)), quiet).any()


def test_telephone_sound_passes(gate: Gate) -> None:
    sound, spans = spoken("Good morning, everyone.", "Could you say that again?")
    spectrum = np.fft.rfft(sound)
    frequency = np.fft.rfftfreq(len(sound), 1 / SAMPLE_RATE)
    narrow = np.fft.irfft(spectrum * ((frequency > 300) & (frequency < 3400)), len(sound)).astype(np.float32)
    is_open = opened(gate, with_hiss(narrow))
    for start, end in spans:
        assert is_open[start : end + 1].mean() > 0.97


def test_silence_stays_closed(gate: Gate) -> None:
    assert not opened(gate, silence(SAMPLE_RATE)).any()
    assert not opened(gate, with_hiss(silence(2 * SAMPLE_RATE))).any()


@pytest.mark.parametrize("level", [-20, -40])
@pytest.mark.parametrize("name", list(signals.NOISES))
def test_noise_alone_stays_closed(gate: Gate, name: str, level: int) -> None:
    rng = np.random.default_rng(11)
    noise = with_hiss(signals.scaled(signals.NOISES[name](rng, 20 * SAMPLE_RATE), level))
    assert opened(gate, np.clip(noise, -1, 1)).mean() <= 0.05


def test_hum_that_starts_is_learnt(gate: Gate) -> None:
    rng = np.random.default_rng(3)
    hum = signals.scaled(signals.hum(rng, 8 * SAMPLE_RATE), -30)
    is_open = opened(gate, with_hiss(np.concatenate([silence(SAMPLE_RATE), hum])))
    assert not is_open[50 * 4 :].any()


@pytest.mark.parametrize("name", ["white", "fan", "keyboard"])
def test_speech_over_noise_passes(gate: Gate, name: str) -> None:
    sound, spans = spoken("Keep the camera on.", "Good morning, everyone.", "Thank you so much.")
    noise = signals.scaled(signals.NOISES[name](np.random.default_rng(2), len(sound)), -33)
    is_open = opened(gate, (sound + noise).astype(np.float32))
    for start, end in spans:
        assert is_open[start : end + 1].mean() > 0.97


def test_an_s_without_a_voice_closes_again(gate: Gate) -> None:
    rng = np.random.default_rng(9)
    hiss = np.diff(signals.white(rng, SAMPLE_RATE), prepend=0).astype(np.float32)  # bright, as a long s is
    sound = with_hiss(np.concatenate([silence(SAMPLE_RATE), signals.scaled(hiss, -30), silence(SAMPLE_RATE)]))
    is_open = opened(gate, sound)
    assert is_open[50:55].all()
    assert is_open.sum() * 20 <= 300


def test_one_gate_serves_stream_after_stream(gate: Gate) -> None:
    sound, _ = spoken("Perhaps we should start.")
    first = run(gate, sound)
    assert [chunk.speech for chunk in run(gate, sound)] == [chunk.speech for chunk in first]
    for chunk in chunks(sound)[:60]:
        gate.push(chunk)
    gate.reset()
    assert not gate.is_open
    again: list[AudioChunk] = []
    for chunk in chunks(sound, start=123 * CHUNK_SAMPLES):
        again += gate.push(chunk)
    again += gate.flush()
    assert [chunk.speech for chunk in again] == [chunk.speech for chunk in first]
    assert again[0].pts == 123 * CHUNK_SAMPLES


def test_broken_samples_do_not_deafen_it(gate: Gate) -> None:
    sound, [(start, end)] = spoken("Hello, can you hear me?", gap_ms=3000)
    sound[5000:5003] = [np.nan, np.inf, -np.inf]
    assert opened(gate, sound)[start : end + 1].all()


@pytest.mark.parametrize("count", [0, 319, 321])
def test_another_chunk_length_is_refused(gate: Gate, count: int) -> None:
    with pytest.raises(ValueError, match="320 samples"):
        gate.push(AudioChunk(0, silence(count)))


def test_a_gap_is_refused(gate: Gate) -> None:
    gate.push(AudioChunk(0, silence(CHUNK_SAMPLES)))
    with pytest.raises(ValueError, match="expected 320"):
        gate.push(AudioChunk(640, silence(CHUNK_SAMPLES)))


@pytest.mark.skipif(not RECORDING.exists(), reason="the recording is not here")
def test_a_recorded_voice_passes_whole(gate: Gate) -> None:
    import wave

    import soxr

    with wave.open(str(RECORDING)) as file:
        pcm = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        sound = soxr.resample(pcm.astype(np.float32) / 32768, file.getframerate(), SAMPLE_RATE)
    out = opened(gate, sound)
    power = np.mean(sound[: len(out) * CHUNK_SAMPLES].reshape(-1, CHUNK_SAMPLES) ** 2, axis=1)
    assert out[power > 10 ** (-40 / 10)].all()
    assert not out[:15].any()
    assert 0.85 < out.mean() < 0.97


def test_what_is_put_off_while_it_is_quiet_changes_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    voice, room = signals.vowel(samples(300)), signals.white(rng, samples(900))
    parts = [
        part
        for level in (-23, -35, -52, -57, -30)
        for part in (signals.scaled(room[: samples(100 * rng.integers(1, 9))], -62), signals.scaled(voice, level))
    ]
    sound = np.concatenate([silence(3200), *parts, silence(6400), *parts]).astype(np.float32)
    settings = GateSettings()
    put_off = opened(make_gate(settings), sound)
    monkeypatch.setattr(webrtc_gate, "BACKLOG", 0)
    assert 0 < np.count_nonzero(put_off) < len(put_off)
    np.testing.assert_array_equal(opened(make_gate(settings), sound), put_off)


def test_features_are_the_same_whether_or_not_they_were_asked_for_before() -> None:
    sound = signals.white(np.random.default_rng(3), 40 * CHUNK_SAMPLES) * np.linspace(0, 0.1, 40 * CHUNK_SAMPLES)
    each, last = FeatureExtractor(), FeatureExtractor()
    pieces = [chunk.samples for chunk in chunks(sound.astype(np.float32))]
    for piece in pieces[:-1]:
        each.push(piece)
        last.follow(piece)
    expected, found = each.push(pieces[-1]), last.push(pieces[-1])
    np.testing.assert_allclose(found.hiss, expected.hiss)
    np.testing.assert_allclose(found.voice, expected.voice)
    assert (found.voicing, found.lag, found.snr, found.hiss_floor) == pytest.approx(
        (expected.voicing, expected.lag, expected.snr, expected.hiss_floor)
    )
