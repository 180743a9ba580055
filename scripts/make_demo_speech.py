"""Make vcam/assets/demo.ogg, the bundled speech of ``vcam start --demo``: espeak-ng, then a gentler sound.

    python scripts/make_demo_speech.py [OUT.ogg]

Needs espeak-ng. The same espeak-ng gives the same file.
"""

from __future__ import annotations

import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

from vcam.bench.signals import espeak

RATE = 24_000
OUT = Path(__file__).parents[1] / "vcam" / "assets" / "demo.ogg"
VOICE = "en-us+max"
#: Text, pitch (0..99), words per minute, and the pause after it in seconds.
SCRIPT: tuple[tuple[str, int, int, float], ...] = (
    ("Hello, and welcome!", 56, 160, 0.4),
    ("This is vee-cam: a portrait that speaks with your voice.", 50, 176, 0.5),
    ("Say something, and watch my lips follow every word.", 53, 172, 0.6),
    ("When you stop, I wait, and blink.", 46, 166, 0.5),
    ("So, shall we start?", 55, 160, 0.4),
)
RMS_DBFS = -20.0
BIT_RATE = 64_000
PEAK = 0.89  # -1 dBFS

#: Long-term average speech spectrum in third octaves, dB: Byrne et al., J. Acoust. Soc. Am. 96 (1994) 2108.
AVERAGE_SPEECH: dict[float, float] = {
    100: 54.4, 125: 57.7, 160: 56.8, 200: 60.2, 250: 60.3, 315: 59.0, 400: 62.1, 500: 62.1, 630: 60.5, 800: 56.8,
    1000: 53.7, 1250: 53.0, 1600: 52.0, 2000: 48.7, 2500: 48.1,
    3150: 46.8, 4000: 45.6, 5000: 44.5, 6300: 44.3, 8000: 43.7,
}  # fmt: skip
MOST_CORRECTION = 9.0  # dB: shape the voice, do not replace it

_Signal = npt.NDArray[np.float64]


def main() -> None:
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else OUT
    sound = levelled(in_a_room(shaped(spoken())))
    write(out, sound)
    print(f"{out}: {len(sound) / RATE:.1f} s, {out.stat().st_size / 1000:.0f} kB")  # noqa: T201


def spoken() -> _Signal:
    """The script with its pauses, as espeak-ng says it."""
    parts = [np.zeros(int(0.3 * RATE))]
    for text, pitch, speed, pause in SCRIPT:
        sentence = espeak(text, VOICE, pitch=pitch, speed=speed, rate=RATE).astype(np.float64)
        loud = np.flatnonzero(np.abs(sentence) > 0.003)
        parts += [sentence[loud[0] : loud[-1] + 1], np.zeros(int(pause * RATE))]
    return np.concatenate(parts)


def shaped(sound: _Signal) -> _Signal:
    """Brought near the spectrum of an average speaker: espeak-ng buzzes between 2 and 5 kHz."""
    spectrum = np.fft.rfft(sound)
    frequency = np.fft.rfftfreq(len(sound), 1 / RATE)
    centres = np.array(list(AVERAGE_SPEECH))
    edge = 2 ** (1 / 6)
    bands = [(frequency >= centre / edge) & (frequency < centre * edge) for centre in centres]
    levels = np.array([10 * np.log10(np.sum(np.abs(spectrum[band]) ** 2) + 1e-9) for band in bands])
    wanted = np.array(list(AVERAGE_SPEECH.values())) - levels
    wanted -= np.mean(wanted[(centres >= 250) & (centres <= 2000)])
    smooth = np.convolve(np.pad(wanted, 1, mode="edge"), [0.25, 0.5, 0.25], mode="valid")
    gain = np.interp(np.log(frequency + 1), np.log(centres), np.clip(smooth, -MOST_CORRECTION, MOST_CORRECTION))
    gain -= 24 * np.clip(np.log2(80 / (frequency + 1)), 0, 2)  # rumble
    return np.fft.irfft(spectrum * 10 ** (gain / 20), len(sound))


def in_a_room(sound: _Signal) -> _Signal:
    """A few early reflections and a faint, quickly dying tail: a furnished room, not a cupboard."""
    rng = np.random.default_rng(24)
    time = np.arange(int(0.18 * RATE)) / RATE
    response = 0.012 * rng.standard_normal(len(time)) * np.exp(-time / 0.04) * (time > 0.012)
    for delay, gain in ((0.0, 1.0), (0.0047, 0.12), (0.0083, -0.09), (0.0131, 0.07)):
        response[int(delay * RATE)] += gain
    length = len(sound) + len(response)
    return np.fft.irfft(np.fft.rfft(sound, length) * np.fft.rfft(response, length), length)[: len(sound)]


def levelled(sound: _Signal) -> _Signal:
    """At RMS_DBFS, peaks bent rather than cut."""
    for _ in range(4):
        sound = sound * (10 ** (RMS_DBFS / 20) / np.sqrt(np.mean(sound**2)))
        bent = np.abs(sound) > PEAK / 2
        over = (np.abs(sound[bent]) - PEAK / 2) / (PEAK / 2)
        sound[bent] = np.sign(sound[bent]) * PEAK / 2 * (1 + np.tanh(over))
    return sound


def write(path: Path, sound: _Signal) -> None:
    """Mono Ogg Opus; ``bitexact`` keeps dates and random serial numbers out of the file."""
    samples = sound.astype(np.float32)[np.newaxis]
    with av.open(str(path), "w", format="ogg", options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream("libopus", rate=RATE, options={"flags": "+bitexact"})
        stream.layout = "mono"
        stream.bit_rate = BIT_RATE
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
        frame.sample_rate = RATE
        frame.pts = 0
        frame.time_base = Fraction(1, RATE)
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)


if __name__ == "__main__":
    main()
