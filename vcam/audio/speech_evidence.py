"""Tells speech from the sounds around a microphone, chunk by chunk, by rules that rest on how speech is made.

A voice is periodic in the telephone band and lasts; a struck thing (key, mouse, desk) may ring at a pitch but dies away
within tens of ms; air (breath, fan) has no pitch. A consonant before the vowel is noise that hisses, or that starts
abruptly and then goes on; it is believed for a moment, until the voice comes or does not.

The numbers were set on espeak-ng and flite voices and one recording, against the noises of ``vcam.bench.signals`` and
others of the same kinds.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from vcam.audio.vad_features import STEP, STEPS, Features

_Vector = npt.NDArray[np.float64]

# A voice. Levels in dB, in the voice band; steps are 5 ms.
AUDIBLE: Final = 3.0  # over the noise floor
GOES_ON: Final = 0.42  # voicing of what continues a voice already heard
SURE: Final = 0.5  # voicing needed of a sound that has held its level for some 40 ms,
GROWS: Final = 0.6  # of one that has been growing for 20 ms,
GROWS_PITCHED: Final = 0.48  # the same where the pitch itself speaks for a voice,
CERTAIN: Final = 0.8  # and of one that needs no other witness
HOLDS_WITHIN: Final = 6.0  # of its peak of the last 60 ms a sound holds its level ...
HOLDS_STEPS: Final = 4  # ... for so many steps, and those of one pitch period
RING_DECAY: Final = 0.4  # a step; a struck thing falls faster
GROWS_WITHIN: Final = 10.0  # of its peak a sound is growing ...
GROWS_STEPS: Final = 2  # ... for so many steps, and those of one pitch period
GROWS_PITCHED_FALL: Final = 3.0
GROWS_RIPPLE: Final = 3.0  # that it may sink on its way up; one strike after another sinks more
STRIKE: Final = 22.0  # that the hiss of a strike falls within 15 ms
DULL: Final = -26.0  # share of what is above 600 Hz; a thump has less; so has an m, and must prove itself longer
DULL_STEPS: Final = 11
BRIGHT: Final = -10.0  # the same share, of what no thump has
LONG_LAG: Final = 90  # samples; what rings is most like itself after a shorter one
RIVALS: Final = 0.8

# What may become a voice, by the same measures, before it can be told for sure.
HINT: Final = 0.31  # voicing
HINT_SNR: Final = 1.5  # less than AUDIBLE, for hum, whose least is near its mean
HINT_STEPS: Final = 4  # that it has been growing
HINT_FALL: Final = 3.0  # of its peak
HINT_CLEAR: Final = 0.42  # voicing, where little noise could hide it: so far over the floor ...
HINT_CLEAR_SNR: Final = 20.0
HINT_CLEAR_STEPS: Final = 11  # ... for so long
HINT_SURE: Final = 0.75  # voicing of what need not be rising
HINT_STRONG: Final = 0.5  # the same, where it has a long pitch
HINT_PITCHED: Final = 2  # chunks that a hint with a pitch is worth,
HINT_LONG: Final = 3  # and one with a strong voicing, before the next must come

# A consonant. Levels in dB, in the hiss band.
AIR_STEPS: Final = 6  # 30 ms of steady noise
AIR_SNR: Final = 4.0
AIR_RANGE: Final = 9.0  # between its loudest and its softest step
AIR_FALL: Final = 1.2  # from its first half to its second; what rings out falls faster
BURST: Final = 11.5  # that p, t, k may be louder at first than the air that follows; clicks have more
SIBILANT: Final = 8.5  # over the voice band: s, sh; breath has less
SUDDEN_RISE: Final = 8.0  # that the hiss of a breathy voice rises within 20 ms,
SUDDEN_SNR: Final = 6.0  # and over the floor,
SUDDEN_RANGE: Final = 6.5  # and then changes from one 20 ms to the next; breath swells more
SUDDEN_FALL: Final = 6.0
ABRUPT: Final = 15.0  # risen within 15 ms, as when closed lips open; breath swells slower


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one chunk, with those before it, sounds like; all False for silence.

    ``audible``: over the noise floor; ``voiced``: a voice; ``certain``: a voice beyond doubt;
    ``goes_on``: enough to continue one; ``hint``: chunks, this one included, for which a voice may be about to show;
    ``sibilant``: may be s, sh; ``aspirated``: may be p, t, k.
    """

    audible: bool = False
    voiced: bool = False
    certain: bool = False
    goes_on: bool = False
    hint: int = 0
    sibilant: bool = False
    aspirated: bool = False

    @property
    def consonant(self) -> bool:
        return self.sibilant or self.aspirated


class EvidenceFinder:
    """Streaming: remembers the chunks that the rules look back on."""

    REACH: Final = 3  # chunks that evidence rests on, the newest included

    def __init__(self) -> None:
        self._recent: deque[Features] = deque(maxlen=self.REACH)

    def reset(self) -> None:
        self._recent.clear()

    def push(self, now: Features) -> Evidence:
        self._recent.append(now)
        audible = now.snr > AUDIBLE
        voiced = goes_on = sibilant = aspirated = False
        hint = 0
        if now.snr > HINT_SNR and now.voicing > HINT:
            course = _course(now)
            if audible and now.voicing > GOES_ON:
                voiced = self._is_voice(now, course)
                goes_on = voiced or course.holds
            hint = _hint(now, course)
        if not voiced:
            hint = hint or HINT_PITCHED * _is_sudden_air(now)
            ends = [end for end in range(len(now.hiss) - STEPS + 1, len(now.hiss) + 1) if _is_steady_air(now, end)]
            sibilant = any(_is_sibilant(now, end) for end in ends)
            aspirated = not sibilant and any(_is_aspirated(now, end) for end in ends)
        return Evidence(audible, voiced, voiced and now.voicing > CERTAIN, goes_on, hint, sibilant, aspirated)

    def _is_voice(self, now: Features, course: _Course) -> bool:
        if now.bright <= DULL:
            return now.voicing > CERTAIN and course.held >= DULL_STEPS and course.fall < 2
        if self._pitch_lasts(now):
            return True
        if _is_struck(now):
            return False
        if now.voicing > SURE and course.holds and course.fall < RING_DECAY * (course.held + 1 - course.period):
            return True
        if _has_long_pitch(now):
            return now.voicing > GROWS_PITCHED and course.grown >= course.period and course.fall < GROWS_PITCHED_FALL
        enough = course.grown >= course.period + GROWS_STEPS and course.ripple < GROWS_RIPPLE
        return now.voicing > GROWS and enough and course.fall < 1

    def _pitch_lasts(self, now: Features) -> bool:
        """Whether the pitch alone is proof, however the level moves."""
        if now.voicing < CERTAIN:
            return False
        if _has_long_pitch(now):
            return True
        lags = [heard.lag for heard in self._recent if heard.voicing >= CERTAIN]
        change = now.voice[-STEPS:].max() - now.voice[-2 * STEPS : -STEPS].max()
        return bool(
            len(lags) == self.REACH and max(lags) < 1.15 * min(lags) and now.bright > BRIGHT - 6 and -4 < change < 8
        )


@dataclass(frozen=True, slots=True)
class _Course:
    """How the voice band came to its present level.

    ``held`` and ``grown``: steps up to now that it holds its level or has been growing; ``fall``: dB under its peak;
    ``ripple``: dB that it sank while growing; ``period``: one period of the pitch in steps, rounded up, and one more.
    """

    held: int
    grown: int
    fall: float
    ripple: float
    period: int

    @property
    def holds(self) -> bool:
        return self.held >= min(HOLDS_STEPS + self.period, 8)


def _course(now: Features) -> _Course:
    period = 1 + -(-now.lag // STEP)
    # A vowel fades between the pulses of a voice: bridge one period.
    smooth = np.lib.stride_tricks.sliding_window_view(now.voice[-11 - period :], period).max(axis=1)
    peak = float(smooth.max())
    grown = _run(smooth > peak - GROWS_WITHIN)
    rise = smooth[len(smooth) - grown :]
    ripple = float((np.maximum.accumulate(rise) - rise).max(initial=0.0))
    return _Course(_run(smooth > peak - HOLDS_WITHIN), grown, float(peak - smooth[-1]), ripple, period)


def _run(flags: npt.NDArray[np.bool_]) -> int:
    """Length of the run of True that ends now."""
    off = np.flatnonzero(~flags)
    return len(flags) - 1 - int(off[-1]) if off.size else len(flags)


def _is_struck(now: Features) -> bool:
    """Whether the hiss of the last 60 ms is that of a strike: there at once, and gone within 15 ms."""
    hiss = now.hiss[-13:]
    return bool((hiss[:-3] - hiss[3:]).max() > STRIKE)


def _has_long_pitch(now: Features) -> bool:
    """What rings is most like itself after its shortest period, a voice only after a whole one."""
    return now.lag >= LONG_LAG and now.rivals < RIVALS and now.bright > BRIGHT


def _hint(now: Features, course: _Course) -> int:
    """For how many chunks to expect a voice."""
    clear = now.snr > HINT_CLEAR_SNR and course.grown >= HINT_CLEAR_STEPS
    if now.bright <= DULL or (clear and now.voicing < HINT_CLEAR):
        return 0
    pitched = _has_long_pitch(now)
    rises = course.grown >= HINT_STEPS and course.fall < HINT_FALL and not _is_struck(now)
    stays = now.voicing > HINT_SURE and course.holds
    sounds = now.voicing > HINT_STRONG and pitched and course.grown >= HINT_STEPS - 1
    if not (rises or stays or sounds):
        return 0
    return HINT_LONG if now.voicing > HINT_STRONG else HINT_PITCHED if pitched else 1


def _is_sudden_air(now: Features) -> bool:
    """Whether hiss came all at once 80 ms ago and stays, though it may flutter, as that of a breathy voice does."""
    before = float(now.hiss[: STEPS - 1].max())
    *air, newest = (float(part.max()) for part in np.split(now.hiss[STEPS:], 4))
    return (
        min(air) > max(before + SUDDEN_RISE, now.hiss_floor + SUDDEN_SNR)
        and max(air) - min(air) < SUDDEN_RANGE
        and newest > min(air) - SUDDEN_FALL
    )


def _is_steady_air(now: Features, end: int) -> bool:
    air = now.hiss[end - AIR_STEPS : end]
    mean = float(air.mean())
    return bool(
        mean > now.hiss_floor + AIR_SNR
        and air.min() > now.hiss_floor + 1
        and np.ptp(air) < AIR_RANGE
        and _fall(air) < AIR_FALL
        and now.hiss[:end].max() < mean + BURST
    )


def _is_sibilant(now: Features, end: int) -> bool:
    part = slice(end - AIR_STEPS, end)
    return _over_floor(now.hiss[part], now.hiss_floor) - _over_floor(now.voice[part], now.voice_floor) > SIBILANT


def _is_aspirated(now: Features, end: int) -> bool:
    hiss = now.hiss[:end]
    air = hiss[-AIR_STEPS:]
    mean = float(air.mean())
    if mean < now.hiss_floor + ABRUPT or _fall(air) < -AIR_FALL:
        return False
    below = np.flatnonzero(hiss < mean - ABRUPT)
    return bool(below.size and below[-1] < end - AIR_STEPS and hiss[below[-1] + 3] > mean - 3)


def _fall(air: _Vector) -> float:
    half = len(air) // 2
    return float(air[:half].mean() - air[half:].mean())


def _over_floor(steps: _Vector, floor: float) -> float:
    """Mean power without the noise, in dB; at least 10 dB under the noise."""
    noise = 10 ** (floor / 10)
    return 10 * float(np.log10(max(float(np.mean(10 ** (steps / 10))) - noise, 0.1 * noise)))
