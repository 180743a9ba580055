"""Synthetic test sounds at 16 kHz: the noises around a microphone, a plain vowel, and espeak-ng's voices.

Every noise is ``(rng, count) -> float32 [count]`` of no particular level (see ``scaled``), the same for the same seed.
Their spectra and envelopes are drawn anew per event from ranges, so that a detector cannot learn one waveform by heart.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import wave
from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt

from vcam.errors import VcamError
from vcam.media import SAMPLE_RATE, FloatArray, samples

Noise = Callable[[np.random.Generator, int], FloatArray]
_Signal = npt.NDArray[np.float64]

ESPEAK_TIMEOUT = 20.0  # seconds for one sentence


def white(rng: np.random.Generator, count: int) -> FloatArray:
    """Gaussian, flat."""
    return rng.standard_normal(count).astype(np.float32)


def pink(rng: np.random.Generator, count: int) -> FloatArray:
    """Gaussian, -3 dB per octave above 20 Hz."""
    return _shaped(rng, count, lambda f: 1 / np.sqrt(np.maximum(f, 20))).astype(np.float32)


def fan(rng: np.random.Generator, count: int) -> FloatArray:
    """Air flow (about -9 dB per octave above a few hundred Hz), blade tones, and a slow swell."""
    knee = rng.uniform(250, 600)
    air = _shaped(rng, count, lambda f: 1 / (1 + (f / knee) ** 1.5))
    time = np.arange(count) / SAMPLE_RATE
    blades = rng.uniform(70, 160)
    tones = sum(
        0.5**k * np.sin(2 * np.pi * (k * blades * time + rng.uniform()) + 0.3 * np.sin(2 * np.pi * 0.7 * time))
        for k in (1, 2, 3)
    )
    swell = 1 + 0.15 * np.sin(2 * np.pi * (rng.uniform(0.2, 0.5) * time + rng.uniform()))
    return np.asarray((air / _rms(air) + 0.5 * tones) * swell, np.float32)


def hum(rng: np.random.Generator, count: int) -> FloatArray:
    """Mains hum: 50 or 60 Hz with odd and even harmonics (rectifier buzz) over a faint hiss."""
    mains = rng.choice([50.0, 60.0]) * rng.uniform(0.999, 1.001)
    time = np.arange(count) / SAMPLE_RATE
    out = 0.003 * rng.standard_normal(count)
    for k in range(1, 25):
        level = (1.0 if k < 4 else 0.5) * k ** -rng.uniform(0.8, 1.6)
        out += level * np.sin(2 * np.pi * (k * mains * time + rng.uniform()))
    return out.astype(np.float32)


def keyboard(rng: np.random.Generator, count: int) -> FloatArray:
    """Typing in bursts, 4 to 9 keys a second: each key strikes and, 50 to 130 ms later, returns more softly."""
    out = np.zeros(count)
    at, key_rate = 0.0, 6.0
    while at * SAMPLE_RATE < count:
        if rng.random() < 0.08:  # a new burst after a pause, at another speed
            at += rng.uniform(0.4, 1.5)
            key_rate = rng.uniform(4, 9)
        loudness = rng.uniform(0.4, 1.0)
        _add(out, at, loudness * _click(rng))
        _add(out, at + rng.uniform(0.05, 0.13), loudness * rng.uniform(0.2, 0.6) * _click(rng))
        at += rng.gamma(9, 1 / 9) / key_rate
    return out.astype(np.float32)


def bumps(rng: np.random.Generator, count: int) -> FloatArray:
    """Mouse clicks (press and release) and knocks against the desk, about two events a second."""
    out = np.zeros(count)
    at = rng.uniform(0, 0.5)
    while at * SAMPLE_RATE < count:
        if rng.random() < 0.6:
            loudness = rng.uniform(0.2, 0.6)
            _add(out, at, loudness * _click(rng))
            _add(out, at + rng.uniform(0.07, 0.15), 0.7 * loudness * _click(rng))
        else:
            modes = [_ring(rng, rng.uniform(40, 130), rng.uniform(0.02, 0.06))]
            modes += [rng.uniform(0.1, 0.5) * _ring(rng, rng.uniform(130, 450), rng.uniform(0.01, 0.03)) for _ in "ab"]
            _add(out, at, sum(modes) + 0.3 * _click(rng, len(modes[0])))
        at += rng.exponential(0.4) + 0.15
    return out.astype(np.float32)


def breath(rng: np.random.Generator, count: int) -> FloatArray:
    """Breathing close to the microphone: 0.3 to 1.1 s of coloured noise that swells and fades, every second or two."""
    out = np.zeros(count)
    at = rng.uniform(0, 0.4)
    while at * SAMPLE_RATE < count:
        seconds = rng.uniform(0.3, 1.1)
        length = int(seconds * SAMPLE_RATE)
        centre, width, tilt = rng.uniform(500, 1800), rng.uniform(1.0, 2.0), rng.uniform(0.1, 0.4)
        air = _shaped(rng, length, partial(_breath_colour, centre=centre, width=width, tilt=tilt))
        rise = rng.uniform(0.3, 0.6)  # the fraction of the breath until it is loudest
        phase = np.arange(length) / length
        envelope = np.sin(np.pi * phase ** (np.log(0.5) / np.log(rise))) ** 1.5
        _add(out, at, rng.uniform(0.5, 1.0) * envelope * air / _rms(air))
        at += seconds + rng.uniform(0.4, 1.2)
    return out.astype(np.float32)


def _breath_colour(frequency: _Signal, centre: float, width: float, tilt: float) -> _Signal:
    """A hump ``width`` octaves wide over a gently falling rest."""
    return np.exp(-((np.log2((frequency + 20) / centre) / width) ** 2)) + tilt / (1 + frequency / 2e3)


#: What the gate must not take for speech, by the name that the benchmark shows.
NOISES: dict[str, Noise] = {
    "white": white,
    "pink": pink,
    "fan": fan,
    "hum": hum,
    "keyboard": keyboard,
    "bumps": bumps,
    "breath": breath,
}


def scaled(signal: FloatArray, dbfs: float) -> FloatArray:
    """The signal at ``dbfs`` RMS over its whole length."""
    return (signal * (10 ** (dbfs / 20) / max(_rms(signal), 1e-12))).astype(np.float32)


def vowel(count: int, pitch: float = 120.0, formants: tuple[float, ...] = (700, 1200, 2600)) -> FloatArray:
    """A sung vowel at -20 dBFS RMS: a pulse train with natural jitter through formants, 20 ms rise and fall."""
    rng = np.random.default_rng(7)
    pulses = np.zeros(count)
    at = 0.0
    while at < count:
        pulses[int(at)] = 1
        at += SAMPLE_RATE / pitch * (1 + 0.01 * rng.standard_normal())
    frequency = np.fft.rfftfreq(2 * count, 1 / SAMPLE_RATE)
    response = 1 / (1 + (frequency / 300) ** 2) + 0j
    for formant in formants:
        response *= 1 / (1 - (frequency / formant) ** 2 + 1j * frequency * 90 / formant**2)
    out = np.fft.irfft(np.fft.rfft(pulses, 2 * count) * response, 2 * count)[:count]
    edge = np.minimum(1, np.minimum(np.arange(count), np.arange(count)[::-1]) / samples(20))
    return scaled((out * edge).astype(np.float32), -20)


def espeak(
    text: str, voice: str = "en-us", *, speed: int = 160, pitch: int = 50, rate: int = SAMPLE_RATE
) -> FloatArray:
    """``text`` spoken by espeak-ng, resampled to ``rate`` Hz; ``speed`` in words per minute, ``pitch`` 0..99.

    Raises VcamError if espeak-ng is not installed or fails.
    """
    program = shutil.which("espeak-ng")
    if program is None:
        raise VcamError("espeak-ng, which speaks the test sentences, is not installed", "sudo apt install espeak-ng")
    command = [program, "--stdout", "-v", voice, "-s", str(speed), "-p", str(pitch), "--", text]
    try:
        done = subprocess.run(command, capture_output=True, timeout=ESPEAK_TIMEOUT, check=True)
        with wave.open(io.BytesIO(_with_true_length(done.stdout))) as file:
            spoken_rate = file.getframerate()
            spoken = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    except (OSError, subprocess.SubprocessError, wave.Error, EOFError) as error:
        raise VcamError(f"espeak-ng failed with the voice {voice!r}: {error}", "espeak-ng --voices") from error
    import soxr

    out: FloatArray = soxr.resample(spoken.astype(np.float32) / 32768, spoken_rate, rate, quality="VHQ")
    return out


def _with_true_length(data: bytes) -> bytes:
    """espeak-ng writes 2 GB as the length of a WAV on a pipe; wave wants the real one (44 bytes of header)."""
    if len(data) < 44:
        raise EOFError("it spoke nothing")
    return (
        data[:4]
        + (len(data) - 8).to_bytes(4, "little")
        + data[8:40]
        + (len(data) - 44).to_bytes(4, "little")
        + data[44:]
    )


def _rms(signal: FloatArray | _Signal) -> float:
    wide: _Signal = signal.astype(np.float64)
    return float(np.sqrt(np.mean(wide**2)))


def _shaped(rng: np.random.Generator, count: int, magnitude: Callable[[_Signal], _Signal]) -> _Signal:
    """Gaussian noise with the given magnitude response (Hz -> gain)."""
    frequency = np.fft.rfftfreq(count, 1 / SAMPLE_RATE).astype(np.float64)
    spectrum = np.fft.rfft(rng.standard_normal(count)) * magnitude(frequency)
    return np.asarray(np.fft.irfft(spectrum, count), np.float64)


def _ring(rng: np.random.Generator, frequency: float, decay: float) -> _Signal:
    """A struck resonance: 0.3 s of a sine that falls by e every ``decay`` seconds."""
    time = np.arange(int(0.3 * SAMPLE_RATE)) / SAMPLE_RATE
    return np.asarray(np.sin(2 * np.pi * frequency * time + rng.uniform(0, 2 * np.pi)) * np.exp(-time / decay))


def _click(rng: np.random.Generator, length: int = 4800) -> _Signal:
    """A key or button: a few ms of bright noise, one or two resonances of its case, and a faint room."""
    time = np.arange(length) / SAMPLE_RATE
    strike = rng.standard_normal(length) * np.exp(-time / rng.uniform(0.001, 0.006))
    strike = np.diff(strike, prepend=0.0)  # bright
    case = rng.uniform(0.2, 0.8) * _ring(rng, rng.uniform(150, 700), rng.uniform(0.004, 0.015))
    plate = rng.uniform(0.1, 0.6) * _ring(rng, rng.uniform(900, 4000), rng.uniform(0.002, 0.01))
    room = 0.05 * rng.standard_normal(length) * np.exp(-time / 0.05)
    return np.asarray(strike + case[:length] + plate[:length] + room)


def _add(out: _Signal, seconds: float, event: _Signal) -> None:
    start = round(seconds * SAMPLE_RATE)
    part = event[: max(0, len(out) - start)]
    out[start : start + len(part)] += part
