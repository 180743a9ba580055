"""What happens to a voice between the lips and the program: rooms, noises, microphones, telephones, codecs.

Sounds are float32 mono at 16 kHz. Every function is deterministic given its generator.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vcam.media import SAMPLE_RATE, FloatArray

from .codecs import AV_CODECS, mu_law, through_codec

Random = np.random.Generator
Response = Callable[[FloatArray], FloatArray]
"""Magnitude by frequency in Hz."""


def rms(sound: FloatArray) -> float:
    return float(np.sqrt(np.mean(np.square(sound, dtype=np.float64)))) + 1e-9


def active_rms(sound: FloatArray) -> float:
    """RMS of the 20 ms blocks within 30 dB of the loudest: the level of the speech without its pauses."""
    blocks = sound[: len(sound) // 320 * 320].reshape(-1, 320)
    power = np.mean(np.square(blocks, dtype=np.float64), 1)
    return math.sqrt(float(power[power >= power.max() * 1e-3].mean())) + 1e-9


def at_snr(sound: FloatArray, noise: FloatArray, decibels: float) -> FloatArray:
    return sound + noise * np.float32(active_rms(sound) / rms(noise) * 10 ** (-decibels / 20))


def gain(sound: FloatArray, peak_dbfs: float) -> FloatArray:
    """The loudest sample at ``peak_dbfs``."""
    return sound * np.float32(10 ** (peak_dbfs / 20) / max(1e-6, float(np.abs(sound).max())))


def quantised(sound: FloatArray) -> FloatArray:
    """As 16-bit samples, clipped."""
    return (np.clip(np.round(sound * 32768), -32768, 32767) / 32768).astype(np.float32)


# --- filters -----------------------------------------------------------------------------------------------------


def filtered(sound: FloatArray, response: Response) -> FloatArray:
    """Without delay."""
    size = -(-(len(sound) + 2048) // 4096) * 4096  # a length that is quick to transform
    spectrum = np.fft.rfft(sound, size)
    frequency = np.fft.rfftfreq(size, 1 / SAMPLE_RATE).astype(np.float32)
    return np.fft.irfft(spectrum * response(frequency), size)[: len(sound)].astype(np.float32)


def _high_pass(frequency: FloatArray, corner: float, order: float) -> FloatArray:
    return (1 / np.sqrt(1 + (corner / np.maximum(frequency, 1.0)) ** (2 * order))).astype(np.float32)


def _low_pass(frequency: FloatArray, corner: float, order: float) -> FloatArray:
    return (1 / np.sqrt(1 + (frequency / corner) ** (2 * order))).astype(np.float32)


def telephone(frequency: FloatArray) -> FloatArray:
    """A response: 300 to 3400 Hz."""
    return _high_pass(frequency, 300, 6) * _low_pass(frequency, 3400, 12)


def narrow_band(frequency: FloatArray) -> FloatArray:
    """A response: what 8 kHz sampling leaves."""
    return _low_pass(frequency, 3800, 20)


def microphone(random: Random) -> Response:
    """A random one: tilt, a few peaks and dips, bass cut, sometimes treble cut."""
    tilt = random.uniform(-4, 4)
    peaks = [(random.uniform(2.0, 12.8), random.uniform(-9, 9), random.uniform(0.15, 0.7)) for _ in range(4)]
    bass, order = random.uniform(40, 350), random.uniform(1, 3)
    treble = random.uniform(3500, 7500) if random.random() < 0.3 else 20000.0

    def response(f: FloatArray) -> FloatArray:
        octave = np.log2(np.maximum(f, 20.0) / 1000)
        decibels = np.clip(tilt * octave, -14, 14)
        for at, height, width in peaks:
            decibels = decibels + height * np.exp(-0.5 * ((octave + 6.6 - at) / width) ** 2)
        return np.power(10.0, decibels / 20) * _high_pass(f, bass, order) * _low_pass(f, treble, 4)

    return response


def laptop(frequency: FloatArray) -> FloatArray:
    """The response of a small microphone in its lid: no bass, a comb from the desk, a resonance at 4.5 kHz."""
    octave = np.log2(np.maximum(frequency, 20.0) / 4500)
    resonance = 10 ** (9 * np.exp(-0.5 * (octave / 0.35) ** 2) / 20)
    comb = np.abs(1 + 0.5 * np.exp(-2j * np.pi * frequency * 0.0007)).astype(np.float32)
    return _high_pass(frequency, 250, 2) * resonance * comb * _low_pass(frequency, 7000, 4)


def room(sound: FloatArray, random: Random, rt60: float, direct_db: float) -> FloatArray:
    """A synthetic room: reflections that die by 60 dB in ``rt60`` s, the direct sound ``direct_db`` above them all."""
    count = max(400, round(rt60 * SAMPLE_RATE))
    at = np.arange(count) / SAMPLE_RATE
    tail = random.standard_normal(count).astype(np.float32) * np.exp(-6.91 * at / rt60)
    tail[: round(random.uniform(0.001, 0.006) * SAMPLE_RATE)] = 0
    sparse = random.random(count) < np.minimum(1.0, 0.02 + at / 0.05)  # first single reflections, then a wash
    tail = np.where(sparse, tail, 0)
    dull = np.exp(-np.arange(24) / random.uniform(*DULL))
    tail = np.convolve(tail, dull / dull.sum(), "same").astype(np.float32)
    tail *= 10 ** (-direct_db / 20) / math.sqrt(float((tail**2).sum()) + 1e-12)
    tail[0] += 1.0
    size = -(-(len(sound) + count) // 4096) * 4096
    wet = np.fft.irfft(np.fft.rfft(sound, size) * np.fft.rfft(tail, size), size)
    return wet[: len(sound)].astype(np.float32)


# --- noises ------------------------------------------------------------------------------------------------------


def coloured(count: int, random: Random, slope: float) -> FloatArray:
    """Noise falling by ``slope`` dB an octave: 0 white, 3 pink, 6 brown."""
    size = 1 << max(10, (count - 1).bit_length())
    spectrum = np.fft.rfft(random.standard_normal(size, np.float32))
    frequency = np.maximum(np.fft.rfftfreq(size, 1 / SAMPLE_RATE), 40.0)
    return np.fft.irfft(spectrum * frequency ** (-slope / 6.02), size)[:count].astype(np.float32)


def slow(count: int, random: Random, per_second: float) -> FloatArray:
    """A smooth curve around 0, about -2..2, with so many knots a second."""
    knots = max(4, int(count / SAMPLE_RATE * per_second) + 3)
    heights = random.standard_normal(knots)
    return np.interp(np.linspace(0, knots - 1, count), np.arange(knots), heights).astype(np.float32)


def street(count: int, random: Random) -> FloatArray:
    return coloured(count, random, random.uniform(3, 6)) * np.exp(0.8 * slow(count, random, 2)).astype(np.float32)


def running_mean(curve: npt.NDArray[np.floating], count: int) -> npt.NDArray[np.float64]:
    """Of ``count`` values (odd) around each, the ends held."""
    sums = np.cumsum(np.pad(curve, (count // 2 + 1, count // 2), "edge"), dtype=np.float64)
    return (sums[count:] - sums[:-count]) / count


def harmonics(phase: npt.NDArray[np.floating], heights: Sequence[complex]) -> FloatArray:
    """The sum of partials k = 1, 2 ... of a tone with this phase; a height's angle is where its partial begins."""
    tone = np.exp(1j * (phase % (2 * np.pi))).astype(np.complex64)
    turned, total = np.ones_like(tone), np.zeros(len(tone), np.float32)
    for height in heights:
        turned *= tone  # a product is several times as quick as another sine
        if height:
            total += (np.complex64(height) * turned).imag
    return total


def mains_hum(count: int, random: Random) -> FloatArray:
    base = float(random.choice([50.0, 60.0, 100.0, 120.0])) * random.uniform(0.998, 1.002)
    heights = [random.uniform(0, 1) / k * np.exp(1j * random.uniform(0, 6.28)) for k in range(1, 16)]
    hum = harmonics(np.arange(count) * (2 * np.pi * base / SAMPLE_RATE), heights)
    return hum + 0.02 * random.standard_normal(count).astype(np.float32)


def fan(count: int, random: Random) -> FloatArray:
    base = random.uniform(80, 300)
    heights = [random.uniform(0, 1) for _ in range(6)]
    tones = harmonics(np.arange(count) * (2 * np.pi * base / SAMPLE_RATE), heights)
    wind = coloured(count, random, random.uniform(1, 5))
    return wind / np.float32(rms(wind)) + np.float32(random.uniform(0, 0.5)) * tones


def keyboard(count: int, random: Random) -> FloatArray:
    """Key presses: a tick down, a softer one up, a thud of the desk."""
    sound = np.zeros(count + 4000, np.float32)
    at = random.uniform(0, 0.3)
    while at * SAMPLE_RATE < count:
        for delay, strength in ((0.0, 1.0), (random.uniform(0.05, 0.14), random.uniform(0.2, 0.7))):
            start = round((at + delay) * SAMPLE_RATE)
            length = round(random.uniform(0.004, 0.03) * SAMPLE_RATE)
            if start + length < len(sound):
                t = np.arange(length) / SAMPLE_RATE
                ring = random.standard_normal(length) + 2 * np.sin(2 * np.pi * random.uniform(1500, 5000) * t)
                thud = 2 * np.sin(2 * np.pi * random.uniform(120, 500) * t)
                tick = ring * np.exp(-t / random.uniform(0.0008, 0.004)) + thud * np.exp(-t / 0.008)
                sound[start : start + length] += (strength * random.uniform(0.3, 1.0) * tick).astype(np.float32)
        at += random.exponential(0.12) + 0.06
    return sound[:count]


def breath(count: int, random: Random) -> FloatArray:
    """Breathing in and out: noise with the wide resonances of an open throat, swelling and falling."""
    noise = coloured(count, random, random.uniform(0, 4))
    centres = [random.uniform(300, 900), random.uniform(900, 2200), random.uniform(2200, 5000)]

    def response(f: FloatArray) -> FloatArray:
        return 0.1 + sum(np.exp(-0.5 * ((f - c) / (0.25 * c + 100)) ** 2) for c in centres)

    noise = filtered(noise, response)
    envelope = np.zeros(count)
    at = random.uniform(0, 0.5)
    while at * SAMPLE_RATE < count:
        length = random.uniform(0.25, 1.2)
        start, stop = round(at * SAMPLE_RATE), min(count, round((at + length) * SAMPLE_RATE))
        swell = np.sin(np.pi * np.linspace(0, 1, stop - start)) ** random.uniform(0.7, 2)
        envelope[start:stop] = swell * random.uniform(0.3, 1)
        at += length + random.uniform(0.1, 1.2)
    return (noise * envelope).astype(np.float32)


def humming(count: int, random: Random) -> FloatArray:
    """A voice humming a tune with closed lips: a nasal murmur, low and steady."""
    at = np.arange(count) / SAMPLE_RATE
    notes = random.uniform(90, 280) * 2 ** (random.integers(-5, 6, max(2, int(at[-1] * 2.5) + 2)) / 12)
    step = np.minimum((at * 2.5).astype(int), len(notes) - 1)
    pitch = running_mean(notes[step], 801)
    pitch *= 1 + 0.01 * np.sin(2 * np.pi * random.uniform(4, 6) * at)
    phase = 2 * np.pi * np.cumsum(pitch) / SAMPLE_RATE
    nose = random.uniform(220, 320)
    partials = [k * float(pitch.mean()) for k in range(1, 24)]
    heights = [1 / (1 + ((f - nose) / 120) ** 2) + 0.02 / (1 + ((f - 2200) / 400) ** 2) for f in partials if f <= 4000]
    sound = harmonics(phase, heights)
    swell = np.clip(0.7 + 0.3 * slow(count, random, 1.5), 0.05, 1.5)
    return (sound * swell + 0.003 * random.standard_normal(count)).astype(np.float32)


def music(count: int, random: Random) -> FloatArray:
    """Chords, a melody and sometimes drums."""
    sound = np.zeros(count + SAMPLE_RATE, np.float32)
    beat = random.uniform(0.25, 0.6)
    root = random.uniform(55, 220)
    count_of_partials = int(random.integers(3, 11))
    partials = [(k + 1, random.uniform(0.2, 1) / (k + 1) ** random.uniform(0.5, 1.8)) for k in range(count_of_partials)]
    decay = random.uniform(0.15, 1.5)
    scale = np.array([0, 2, 4, 5, 7, 9, 11, 12, 14, 16])
    drums = random.random() < 0.5
    for i in range(int(count / SAMPLE_RATE / beat) + 1):
        start = round(i * beat * SAMPLE_RATE)
        length = min(len(sound) - start, round(min(1.0, 2.5 * beat) * SAMPLE_RATE))
        t = np.arange(length, dtype=np.float32) / np.float32(SAMPLE_RATE)
        fall = np.exp(t * np.float32(-1 / decay))
        notes = [root * 2 ** (int(random.choice(scale)) / 12 + 1)]
        if i % 4 == 0:
            notes += [root * 2 ** (s / 12) for s in (0, 4, 7)]
        for note in notes:
            for k, height in partials:
                if note * k < 7500:
                    turn = np.float32(2 * np.pi * note * k)
                    sound[start : start + length] += np.float32(height) * np.sin(turn * t) * fall
        if drums:
            hit = random.standard_normal(length) * np.exp(-t / random.uniform(0.01, 0.08))
            kick = np.sin(2 * np.pi * 60 * t) * np.exp(-t / 0.1)
            sound[start : start + length] += (0.6 * hit + (2 * kick if i % 2 == 0 else 0)).astype(np.float32)
    return sound[:count]


def tune(count: int, random: Random) -> FloatArray:
    """One to four instruments of no particular kind: any timbre, register, touch and tempo."""
    sound = np.zeros(count, np.float32)
    tempo = 10 ** random.uniform(-1.1, 0.2)  # seconds a note
    steps = np.array([0, 2, 4, 5, 7, 9, 11]) if random.random() < 0.5 else np.array([0, 3, 5, 7, 10])
    key = 2.0 ** random.uniform(5.8, 8.0)  # Hz
    for _ in range(int(random.integers(1, 5))):
        length = tempo * float(random.choice([0.5, 1.0, 1.0, 2.0, 4.0]))
        note, within = np.divmod(np.arange(count, dtype=np.float32) / np.float32(SAMPLE_RATE * length), 1.0)
        number = int(note[-1]) + 1
        octave = random.integers(0, 4) + random.integers(0, 2, number)
        pitch = (key * 2.0 ** (octave + random.choice(steps, number) / 12))[note.astype(int)]
        pitch = running_mean(pitch, int(random.choice([1, 1, 301, 1201])))
        wobble = random.choice([0.0, 0.004, 0.012, 0.03]) * np.sin(
            np.arange(count) * (2 * np.pi * random.uniform(3, 8) / SAMPLE_RATE)
        )
        phase = 2 * np.pi * np.cumsum(pitch * (1 + wobble)) / SAMPLE_RATE
        touch = 1 - np.exp(-within * np.float32(length / random.uniform(0.002, 0.12)))
        touch *= np.exp(-within * np.float32(length / 10 ** random.uniform(-1, 1))) * np.clip((1 - within) * 20, 0, 1)
        touch *= (random.random(number) < random.uniform(0.6, 1.0)).astype(np.float32)[note.astype(int)]  # rests
        slope, odd = random.uniform(0.3, 2.5), random.random() < 0.3
        bodies = [(10 ** random.uniform(2.3, 3.6), random.uniform(0, 3)) for _ in range(3)]
        heights = [0.0] * int(random.choice([1, 2, 4, 8, 16]))
        for k in range(1, len(heights) + 1, 2 if odd else 1):
            frequency = k * float(pitch.mean())
            if frequency > 7000:
                break
            body = 1 + sum(height / (1 + ((frequency - at) / (0.25 * at)) ** 2) for at, height in bodies)
            heights[k - 1] = body / k**slope
        voice = harmonics(phase, heights) * touch.astype(np.float32)
        sound += voice * np.float32(random.uniform(0.2, 1) / rms(voice))
    return sound + np.float32(0.003) * random.standard_normal(count, np.float32)


def room_tone(count: int, random: Random) -> FloatArray:
    return coloured(count, random, random.uniform(0, 6))


NOISES: dict[str, Callable[[int, Random], FloatArray]] = {
    "room tone": room_tone,
    "street": street,
    "mains hum": mains_hum,
    "fan": fan,
    "music": music,
    "tune": tune,
    "keyboard": keyboard,
}
CLOSED: dict[str, Callable[[int, Random], FloatArray]] = {
    "breath": breath,
    "keyboard": keyboard,
    "humming": humming,
    "mains hum": mains_hum,
    "music": music,
    "tune": tune,
    "street": street,
    "fan": fan,
}
CLOSED_ODDS = (0.11, 0.11, 0.15, 0.12, 0.18, 0.19, 0.07, 0.07)  # music and hums are most like a voice
ROOMY, NOISY = 0.6, 0.8  # of all that is heard
DULL = (0.5, 4.0)  # samples in which a room's reflections lose their treble
_NOISE_ODDS = (0.32, 0.15, 0.07, 0.18, 0.12, 0.10, 0.06)  # what is broad hides most


@dataclass(frozen=True, slots=True)
class Degraded:
    """``heard`` by a program; the voice in its ``room``, and the ``noise`` beside it when as loud as that, if any."""

    heard: FloatArray
    room: FloatArray
    noise: FloatArray | None


def degrade(sound: FloatArray, random: Random, speech_rms: float, others: FloatArray | None = None) -> Degraded:
    """A random way from lips to program. ``others``: speech that may be mixed in as a far-off crowd."""
    count = len(sound)
    if random.random() < ROOMY:
        sound = room(sound, random, *any_room(random))
    roomy, noise = sound, None
    if random.random() < NOISY:
        decibels = snr(random)
        if others is not None and random.random() < 0.08:
            noise, decibels = others, max(decibels, 12.0)
        else:
            noise = NOISES[str(random.choice(list(NOISES), p=_NOISE_ODDS))](count, random)
        noise = noise * np.float32(speech_rms / rms(noise))
        sound = sound + noise * np.float32(10 ** (-decibels / 20))
    if random.random() < 0.15:
        clicks = keyboard(count, random)
        sound = sound + clicks * np.float32(speech_rms * random.uniform(0.3, 4) / (np.abs(clicks).max() + 1e-9))
    for response in responses(random):
        sound = filtered(sound, response)
    sound = gain(sound, random.uniform(-40, 0))
    if random.random() < 0.05:
        sound = np.clip(sound * np.float32(random.uniform(1, 4)), -1, 1) if random.random() < 0.5 else sound
    choice = random.random()
    if choice < 0.06:
        sound = mu_law(sound)
    elif choice < 0.12:
        sound = through_codec(sound, str(random.choice(list(AV_CODECS))))
    elif choice < 0.7:
        sound = quantised(sound)
    return Degraded(sound, roomy, noise)


def any_room(random: Random) -> tuple[float, float]:
    """``rt60`` and ``direct_db`` as of :func:`room`."""
    return random.uniform(0.12, 0.9), random.uniform(-3, 12)


def snr(random: Random) -> float:
    """In dB: most of them as on bad calls."""
    return random.uniform(-2, 14) if random.random() < 0.6 else random.uniform(5, 40)


def responses(random: Random) -> list[Response]:
    """Of the microphones and lines that a voice goes through."""
    found = [microphone(random)] if random.random() < 0.6 else []
    choice = random.random()
    if choice < 0.10:
        return [*found, telephone]
    return [*found, narrow_band] if choice < 0.16 else found
