"""Scores on voices, languages and texts that training does not know, through the code that ships."""

from __future__ import annotations

import itertools
import multiprocessing
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vcam.animators.lite.lipsync import FUTURE, LipNet
from vcam.media import SAMPLE_RATE, FloatArray, silence
from vcam.smoothstep import smoothsteps

from . import augment
from .codecs import AV_CODECS, mu_law, through_codec
from .heldout import WORDLESS, Spoken
from .targets import JAW, PRESENCE, PRESSED, STEP, TEETH, TONGUE, WIDE

_LEAD_IN = SAMPLE_RATE  # silence before each utterance
_TOLERANCE = 2  # steps: 40 ms
_ON = 0.5
_LEVELS = (0.0, -10.0, -20.0, -30.0, -40.0)  # dBFS of the peaks of what is no speech
_SCENES = 10  # streams of each sound that is no speech
_DRAWS = 5  # of noises and rooms: by one alone, chance moves F1 at 5 dB by .03

Condition = Callable[[FloatArray, np.random.Generator], FloatArray]


@dataclass(frozen=True, slots=True)
class Score:
    """Correlations over every 20 ms of the texts, their pauses included; ``lag`` in ms, > 0 when the mouth is late."""

    jaw: float
    wide: float
    pressed_f1: float
    teeth_f1: float
    tongue_f1: float
    lag: float
    jaw_each: float
    wide_each: float


def _noisy(decibels: float, *kinds: str) -> Condition:
    def condition(sound: FloatArray, random: np.random.Generator) -> FloatArray:
        make = augment.NOISES[str(random.choice(list(kinds)))]
        return augment.at_snr(sound, make(len(sound), random), decibels)

    return condition


def _room(sound: FloatArray, random: np.random.Generator) -> FloatArray:
    return augment.room(sound, random, random.uniform(0.3, 0.6), random.uniform(2, 8))


def _codec(name: str) -> Condition:
    return lambda sound, random: through_codec(sound, name)


CONDITIONS: dict[str, Condition] = {
    "clean": lambda sound, random: sound,
    "15 dB SNR": _noisy(15, *augment.NOISES),
    "5 dB SNR": _noisy(5, *augment.NOISES),
    "gain 0 dBFS": lambda sound, random: augment.quantised(augment.gain(sound, 0)),
    "gain -20 dBFS": lambda sound, random: augment.quantised(augment.gain(sound, -20)),
    "gain -40 dBFS": lambda sound, random: augment.quantised(augment.gain(sound, -40)),
    "telephone band": lambda sound, random: augment.filtered(sound, augment.telephone),
    "narrow band": lambda sound, random: augment.filtered(sound, augment.narrow_band),
    "room": _room,
    "laptop": lambda sound, random: augment.filtered(sound, augment.laptop),
    "microphones": lambda sound, random: augment.filtered(sound, augment.microphone(random)),
    "mu-law": lambda sound, random: mu_law(sound),
    **{name: _codec(name) for name in AV_CODECS},
    **{f"{kind} {decibels} dB": _noisy(decibels, kind) for decibels in (15, 5) for kind in augment.NOISES},
}

_DRAWN = ("15 dB SNR", "5 dB SNR", "room")  # what is heard in several draws: all kinds of noise, any room


def heard(net: LipNet, sound: FloatArray) -> FloatArray:
    """float32 [n, 6]: the rows of a stream from its beginning, in the shipped, streaming code."""
    net.reset()
    return net.push(np.concatenate([sound, silence(FUTURE)]))


def score(net: LipNet, spoken: list[Spoken], condition: Condition, seed: int, draws: int = 1) -> Score:
    """Of all utterances, each heard ``draws`` times, as chance has it."""
    shown, aims = [], []
    for draw, (number, (_, sound, aim)) in itertools.product(range(draws), enumerate(spoken)):
        loud = sound * np.float32(0.3 / np.abs(sound).max())
        padded = np.concatenate([silence(_LEAD_IN), loud, silence(_LEAD_IN // 2)])
        degraded = condition(padded, np.random.default_rng([seed + draw, number]))
        rows = heard(net, degraded)[_LEAD_IN // STEP :][: len(aim)]
        shown.append(rows)
        aims.append(aim)
    a, b = np.concatenate(shown), np.concatenate(aims)
    return Score(
        correlation(a[:, JAW], b[:, JAW]),
        correlation(a[:, WIDE], b[:, WIDE]),
        contact_f1(shown, aims, PRESSED),
        contact_f1(shown, aims, TEETH),
        contact_f1(shown, aims, TONGUE),
        best_lag(shown, aims),
        float(np.mean([correlation(x[:, JAW], y[:, JAW]) for x, y in zip(shown, aims, strict=True)])),
        float(np.mean([correlation(x[:, WIDE], y[:, WIDE]) for x, y in zip(shown, aims, strict=True)])),
    )


def correlation(a: npt.NDArray[np.float32], b: npt.NDArray[np.float32]) -> float:
    """Pearson's; 0 where one of them is still."""
    if a.std() == 0 or b.std() == 0:
        return 0.0
    return float(np.corrcoef(a.astype(np.float64), b.astype(np.float64))[0, 1])


def best_lag(shown: list[FloatArray], aims: list[FloatArray]) -> float:
    """Milliseconds by which the jaw lags its aim: the top of a parabola through the best correlations."""
    reach = 6
    values = []
    for lag in range(-reach, reach + 1):
        a = np.concatenate([rows[max(0, lag) : len(rows) + min(0, lag), JAW] for rows in shown])
        b = np.concatenate([aim[max(0, -lag) : len(aim) - max(0, lag), JAW] for aim in aims])
        values.append(correlation(a, b))
    top = min(max(int(np.argmax(values)), 1), 2 * reach - 1)
    left, middle, right = values[top - 1 : top + 2]
    return 20 * (top - reach + 0.5 * (left - right) / (left - 2 * middle + right))


def contact_f1(shown: list[FloatArray], aims: list[FloatArray], column: int) -> float:
    """F1 of contacts as events: the strongest moment of a shown one lies within 40 ms of a true one, one to one."""
    found = given = true = 0
    for rows, aim in zip(shown, aims, strict=True):
        events = runs(aim[:, column] > _ON)
        guesses = [first + int(np.argmax(rows[first:last, column])) for first, last in runs(rows[:, column] > _ON)]
        true += len(events)
        given += len(guesses)
        for first, last in events:
            near = [at for at in guesses if first - _TOLERANCE <= at < last + _TOLERANCE]
            if near:
                found += 1
                guesses.remove(near[0])
    return 2 * found / max(1, true + given)


def runs(on: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and past-the-last index of each stretch that is on."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], on, [False]]).astype(np.int8)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def stillness(net: LipNet, name: str, seed: int, seconds: int = 4) -> tuple[float, float, float]:
    """For a sound that is no speech: the mean and the 99th percentile of the jaw as drawn, and the mean presence.

    It is heard in ten streams that begin with it, at peaks of 0 to -40 dBFS.
    """
    drawn = []
    for i in range(_SCENES):
        random = np.random.default_rng([seed, zlib.crc32(name.encode()), i])
        sound = WORDLESS[name](seconds * SAMPLE_RATE, random)
        if np.abs(sound).max() > 0 and name != "16-bit hiss":
            sound = augment.gain(sound, _LEVELS[i % len(_LEVELS)])
        drawn.append(heard(net, sound))
    rows = np.concatenate(drawn)
    jaw = rows[:, JAW] * drawn_presence(rows[:, PRESENCE])
    return float(jaw.mean()), float(np.percentile(jaw, 99)), float(rows[:, PRESENCE].mean())


def drawn_presence(heard_presence: FloatArray) -> FloatArray:
    """As ``LipSync`` eases it, with the gate open."""
    return smoothsteps((heard_presence - 0.2) / 0.4)


_scored: tuple[LipNet, list[Spoken], int]  # in each worker


def _take(net: LipNet, spoken: list[Spoken], seed: int) -> None:
    global _scored
    _scored = net, spoken, seed


def _row(label: str) -> str:
    net, spoken, seed = _scored
    s = score(net, spoken, CONDITIONS[label], seed, _DRAWS if label in _DRAWN else 1)
    return (
        f"{label:<18}{s.jaw:8.3f}{s.wide:8.3f}{s.pressed_f1:12.3f}{s.teeth_f1:10.3f}{s.tongue_f1:11.3f}{s.lag:8.1f}"
        f"{s.jaw_each:12.3f}{s.wide_each:7.3f}"
    )


def _still_row(label: str) -> str:
    net, _, seed = _scored
    mean, most, presence = stillness(net, label, seed)
    return f"{label:<18}{mean:10.3f}{most:10.3f}{presence:10.3f}"


def table(net: LipNet, name: str, spoken: list[Spoken], seed: int, workers: int) -> str:
    """Everything, as text; made by so many processes."""
    minutes = sum(len(sound) for _, sound, _ in spoken) / SAMPLE_RATE / 60
    voices = len({voice for voice, _, _ in spoken})
    drawn = f"{_DRAWS} draws of {', '.join(_DRAWN)}"
    with multiprocessing.get_context("spawn").Pool(workers, _take, (net, spoken, seed)) as pool:
        rows = pool.map(_row, CONDITIONS, chunksize=1)
        still = pool.map(_still_row, WORDLESS, chunksize=1)
    return "\n".join(
        [
            f"{name}: {len(spoken)} utterances, {voices} voices, {minutes:.1f} min; {drawn}",
            f"{'condition':<18}{'jaw r':>8}{'wide r':>8}{'pressed F1':>12}{'teeth F1':>10}{'tongue F1':>11}"
            f"{'lag ms':>8}{'(each: jaw':>12}{'wide)':>7}",
            *rows,
            f"{'no speech':<18}{'jaw mean':>10}{'jaw p99':>10}{'presence':>10}   (* unknown to training)",
            *still,
        ]
    )
