"""How well the speech gate keeps speech and stops noise, measured on sentences whose active frames are known.

Speech: several espeak-ng voices speak sentences that begin with every kind of sound (vowels, nasals, s, sh, f, h, p, t,
k), each scaled to -23 dBFS and set apart by 0.8 to 1.6 s. A microphone's own hiss (white, -75 dBFS) is always there.

What is speech is decided from the clean signal, before any noise is added:

- A 20 ms frame is *active* if its power is within 15.9 dB of its sentence's active level, the rule and the margin of
  ITU-T P.56, method B, here with the level computed iteratively from frames instead of an envelope.
- A sentence begins with its first active frame and ends with its last.
- *Noise-only* frames are those farther than the hangover (plus 40 ms of room for it to start late) from anything within
  40 dB of a sentence's active level, and more than the pre-roll before it.
- In noise, a sentence is counted from the first to the last active frame that the noise leaves audible: one that is at
  least as loud as the noise in that very frame, both measured from 150 to 4000 Hz. The loss counted from the first
  active frame, audible or not, is reported beside it.

SNR is between the sentences' active level and the noise's power over its whole length; for clicks, whose power is in
short bursts, the bursts are then far louder than the speech.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vcam.audio.gate import Gate, HoldingGate, make_gate
from vcam.bench import signals
from vcam.media import CHUNK_SAMPLES, SAMPLE_RATE, AudioChunk, FloatArray, ms, samples, silence
from vcam.profile.model import GateSettings

_Flags = npt.NDArray[np.bool_]
_Levels = npt.NDArray[np.float64]

SPEECH_DBFS = -23.0
HISS_DBFS = -75.0
ACTIVE_MARGIN = 15.9  # dB, ITU-T P.56
TRACE_MARGIN = 40.0  # dB: what is softer is not even a trace of speech
LATE_START_MS = 40

KEPT_PERCENT = 97.0  # at least
PASSED_PERCENT = 5.0  # at most
ONSET_LOSS_MS = 0.0  # at most

#: espeak-ng voice, pitch, words per minute: low to high, slow to fast.
VOICES: tuple[tuple[str, int, int], ...] = (
    ("en-us", 50, 160),
    ("en-gb+f3", 60, 170),
    ("en-gb-x-rp+m3", 30, 180),
    ("en-us+f5", 85, 165),
    ("en-us+m7", 40, 160),
)
SENTENCES: tuple[str, ...] = (
    "She sells fresh fish.",
    "Hello, can you hear me?",
    "Five people think that is fine.",
    "Perhaps we should start.",
    "Ten, twenty, thirty.",
    "Keep the camera on.",
    "So what happened then?",
    "My name is Ann.",
    "Open the window, please.",
    "Thank you so much.",
    "Good morning, everyone.",
    "Zero noise is nice.",
)


#: Broken into lines so that the table fits 80 columns.
HEADINGS: tuple[str, ...] = (
    "noise",
    "SNR\ndB",
    "kept\n%",
    "noise\npassed\n%",
    "onset ms\nmax (mean)\nmasked",
    "end\ncut\nms",
    "WebRTC alone\nkept, passed,\nonset",
    "met",
)


@dataclass(frozen=True, slots=True)
class Counts:
    """What one gate did in one condition: percent of frames, and ms per sentence.

    ``onset_loss_max`` and ``_mean`` count audible frames, ``onset_loss_all`` (a maximum) the masked ones too.
    """

    kept: float
    noise_passed: float
    onset_loss_max: float
    onset_loss_mean: float
    onset_loss_all: float
    end_cut_max: float

    @property
    def passed(self) -> bool:
        """Whether all three targets are met."""
        return (
            self.kept >= KEPT_PERCENT and self.noise_passed <= PASSED_PERCENT and self.onset_loss_max <= ONSET_LOSS_MS
        )


@dataclass(frozen=True, slots=True)
class Row:
    """One condition: ``noise`` is a name of ``signals.NOISES`` or "clean"; ``snr`` in dB, None for clean."""

    noise: str
    snr: float | None
    gate: Counts
    plain: Counts


@dataclass(frozen=True, slots=True)
class GateBench:
    """The table. ``gate`` is vcam's, ``plain`` WebRTC's detector alone with the same attack, pre-roll and hangover."""

    seconds: float
    sentences: int
    rows: tuple[Row, ...]

    @property
    def passed(self) -> bool:
        """Whether all targets are met in all conditions."""
        return all(row.gate.passed for row in self.rows)

    def as_rows(self) -> list[list[str]]:
        """The table's cells as text; the first row holds the headings."""
        cells = [
            [
                row.noise,
                "" if row.snr is None else f"{row.snr:g}",
                f"{row.gate.kept:.1f}",
                f"{row.gate.noise_passed:.1f}",
                f"{row.gate.onset_loss_max:.0f} ({row.gate.onset_loss_mean:.1f}) {row.gate.onset_loss_all:.0f}",
                f"{row.gate.end_cut_max:.0f}",
                f"{row.plain.kept:.1f} {row.plain.noise_passed:.1f} {row.plain.onset_loss_max:.0f}",
                "yes" if row.gate.passed else "no",
            ]
            for row in self.rows
        ]
        return [list(HEADINGS), *cells]

    def to_dict(self) -> dict[str, object]:
        """For JSON."""
        rows = [dataclasses.asdict(row) | {"passed": row.gate.passed} for row in self.rows]
        return {"seconds": self.seconds, "sentences": self.sentences, "passed": self.passed, "rows": rows}


@dataclass(frozen=True, slots=True)
class Speech:
    """Sentences and the truth about them.

    ``clean``: float32 [n]; frames are its 20 ms chunks. ``active`` and ``quiet``: bool [frames], what must pass and
    what must not; ``spans``: the first and the last active frame of each sentence.
    """

    clean: FloatArray
    active: _Flags
    quiet: _Flags
    spans: tuple[tuple[int, int], ...]


class PlainWebRtcGate(HoldingGate):
    """WebRTC's detector with attack, pre-roll and hangover and nothing else: what vcam's gate is compared with."""

    def __init__(self, settings: GateSettings) -> None:
        import webrtcvad

        super().__init__(samples(settings.pre_roll_ms))
        self._vad = webrtcvad.Vad(settings.aggressiveness)
        self._settings = settings
        self._run = 0
        self._left = 0

    def _judge(self, sound: FloatArray) -> range:
        pcm = (np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes()
        self._run = self._run + 1 if self._vad.is_speech(pcm, SAMPLE_RATE) else 0
        was_open = self._left > 0
        self._left = max(0, self._left - CHUNK_SAMPLES)
        if self._run * ms(CHUNK_SAMPLES) < self._settings.attack_ms and not (was_open and self._run):
            return range(1 if self._left else 0)
        self._left = CHUNK_SAMPLES + samples(self._settings.hangover_ms)
        return range(1 if was_open else 1 + samples(self._settings.pre_roll_ms) // CHUNK_SAMPLES)


def run_gate_bench(
    settings: GateSettings | None = None,
    *,
    noises: Sequence[str] = tuple(signals.NOISES),
    snrs: Sequence[float] = (20.0, 10.0, 5.0),
    voices: Sequence[tuple[str, int, int]] = VOICES,
    sentences_per_voice: int = 5,
    seed: int = 1,
    progress: Callable[[float], None] | None = None,
) -> GateBench:
    """Run every condition through both gates; the same for the same ``seed``, about 15 s for the defaults.

    ``progress`` is told the fraction done. Raises VcamError if espeak-ng is missing.
    """
    settings = settings or GateSettings()
    rng = np.random.default_rng(seed)
    speech = make_speech(rng, settings, voices, sentences_per_voice)
    hiss = signals.scaled(signals.white(rng, len(speech.clean)), HISS_DBFS)
    conditions: list[tuple[str, float | None]] = [("clean", None)]
    conditions += [(noise, snr) for noise in noises for snr in snrs]
    rows = []
    for done, (noise, snr) in enumerate(conditions):
        added = hiss
        if snr is not None:
            added = hiss + signals.scaled(signals.NOISES[noise](rng, len(hiss)), SPEECH_DBFS - snr)
        gate = measure(make_gate(settings), speech, added)
        rows.append(Row(noise, snr, gate, measure(PlainWebRtcGate(settings), speech, added)))
        if progress:
            progress((done + 1) / len(conditions))
    return GateBench(len(speech.clean) / SAMPLE_RATE, len(speech.spans), tuple(rows))


def make_speech(
    rng: np.random.Generator, settings: GateSettings, voices: Sequence[tuple[str, int, int]], sentences_per_voice: int
) -> Speech:
    """The sentences, one after another in a drawn order, and the truth about them (see the module's docstring)."""
    parts = [silence(samples(500))]
    spans, traces = [], []
    for voice, pitch, speed in voices:
        for text in rng.permutation(SENTENCES)[:sentences_per_voice]:
            parts.append(_whole_frames(silence(samples(rng.uniform(800, 1600)))))
            sound = _whole_frames(signals.espeak(str(text), voice, pitch=pitch, speed=speed))
            first = sum(len(part) for part in parts) // CHUNK_SAMPLES
            power = _frame_powers(sound)
            level = active_level(power)
            sound = (sound * 10 ** ((SPEECH_DBFS - level) / 20)).astype(np.float32)
            parts.append(sound)
            spans.append(_extent(power, level - ACTIVE_MARGIN, first))
            traces.append(_extent(power, level - TRACE_MARGIN, first))
    parts.append(silence(samples(1000)))
    clean = np.concatenate(parts)
    powers = _frame_powers(clean)
    active = np.zeros(len(powers), np.bool_)
    quiet = np.ones(len(powers), np.bool_)
    before = -(-samples(settings.pre_roll_ms) // CHUNK_SAMPLES) + 1
    after = -(-samples(settings.hangover_ms + LATE_START_MS) // CHUNK_SAMPLES)
    for (start, end), (faint_start, faint_end) in zip(spans, traces, strict=True):
        active[start : end + 1] = powers[start : end + 1] >= 10 ** ((SPEECH_DBFS - ACTIVE_MARGIN) / 10)
        quiet[max(0, faint_start - before) : faint_end + 1 + after] = False
    return Speech(clean, active, quiet, tuple(spans))


def active_level(powers: _Levels) -> float:
    """The level in dB of the frames that are within 15.9 dB of it (the fixed point of ITU-T P.56, method B)."""
    levels = 10 * np.log10(powers + 1e-12)
    level = float(levels.max())
    for _ in range(30):
        level = 10 * float(np.log10(np.mean(powers[levels >= level - ACTIVE_MARGIN]) + 1e-12))
    return level


def measure(gate: Gate, speech: Speech, added: FloatArray) -> Counts:
    """Send the mixture of ``speech`` and ``added`` through ``gate`` and count."""
    mixture = speech.clean + added
    passed = []
    for start in range(0, len(mixture), CHUNK_SAMPLES):
        passed += [out.speech for out in gate.push(AudioChunk(start, mixture[start : start + CHUNK_SAMPLES]))]
    passed += [out.speech for out in gate.flush()]
    is_open = np.array(passed)
    audible = speech.active & (_frame_powers(_in_band(speech.clean)) >= _frame_powers(_in_band(added)))
    frame = ms(CHUNK_SAMPLES)
    heard, all_losses, cuts = [], [], []
    for start, end in speech.spans:
        opened = start + _first(is_open[start : end + 1])
        onset = start + _first(audible[start : end + 1])
        heard.append(max(0, opened - onset) * frame)
        all_losses.append((opened - start) * frame)
        last_heard = end - _first(audible[start : end + 1][::-1])
        cuts.append(max(0, last_heard - (end - _first(is_open[start : end + 1][::-1]))) * frame)
    return Counts(
        kept=100 * float(is_open[speech.active].mean()),
        noise_passed=100 * float(is_open[speech.quiet].mean()),
        onset_loss_max=max(heard),
        onset_loss_mean=float(np.mean(heard)),
        onset_loss_all=max(all_losses),
        end_cut_max=max(cuts),
    )


def _first(flags: _Flags) -> int:
    """Index of the first True; the length if there is none."""
    return int(np.argmax(flags)) if flags.any() else len(flags)


def _frame_powers(sound: FloatArray) -> _Levels:
    return np.asarray(np.mean(np.square(sound.reshape(-1, CHUNK_SAMPLES), dtype=np.float64), axis=1))


def _in_band(sound: FloatArray) -> FloatArray:
    frequency = np.fft.rfftfreq(len(sound), 1 / SAMPLE_RATE)
    spectrum = np.fft.rfft(sound) * ((frequency >= 150) & (frequency <= 4000))
    return np.fft.irfft(spectrum, len(sound)).astype(np.float32)


def _extent(powers: _Levels, dbfs: float, first: int) -> tuple[int, int]:
    loud = np.flatnonzero(powers >= 10 ** (dbfs / 10))
    return first + int(loud[0]), first + int(loud[-1])


def _whole_frames(sound: FloatArray) -> FloatArray:
    return np.concatenate([sound, np.zeros(-len(sound) % CHUNK_SAMPLES, np.float32)])
