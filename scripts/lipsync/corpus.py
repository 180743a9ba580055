"""The training speech: made once by several processes, cached, and put together into sequences on the fly."""

from __future__ import annotations

import functools
import hashlib
import json
import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import soxr

from vcam.media import SAMPLE_RATE, FloatArray

from . import augment, recorded
from .espeak import Espeak, Utterance
from .targets import STEP, Heights, sounds, targets
from .texts import Babbler, training_sentence
from .vocabulary import BORROWED, RIGHTS
from .vowels import heights

_SPOKEN_AS = {
    "en": ("en-us", "en", "en-gb-scotland", "en-gb-x-rp", "en-029", "en-us-nyc", "en-gb-x-gbcwmd"),
    "fr": ("fr", "fr-be", "fr-ch"),
    "es": ("es", "es-419"),
    "vi": ("vi", "vi-vn-x-south"),
}
_UNSPOKEN = ("be",)  # espeak-ng comes without its dictionary
# fmt: off
VARIANTS = (
    "f1", "f3", "f4", "f5", "m1", "m2", "m4", "m5", "m6", "m7", "klatt", "klatt2", "klatt3", "klatt5", "klatt6",
    "Alex", "Alicia", "Andy", "Annie", "AnxiousAndy", "Diogo", "Gene", "Gene2", "Henrique", "Hugo", "Jacky", "Lee",
    "Marco", "Mario", "Michael", "Mike", "Nguyen", "RicishayMax", "RicishayMax2", "RicishayMax3", "Storm", "Tweaky",
    "adam", "anika", "antonio", "aunty", "benjamin", "boris", "caleb", "croak", "david", "ed", "edward", "edward2",
    "grandma", "grandpa", "gustave", "iven", "iven2", "iven3", "iven4", "john", "kaukovalta", "marcelo", "max",
    "michel", "miguel", "norbert", "paul", "pedro", "quincy", "rob", "robert", "sandro", "shelby", "steph",
    "steph2", "steph3", "travis", "zac",
)
# fmt: on
_PARTS = 8  # each made by a process of its own, so that the speech does not depend on how many run at once
_GROUP = 3  # utterances in a row by one voice
_ENGLISH = 0.2  # of all groups
_RECORDED = 0.2  # of all turns, and these are twice as long: recorded people
_MEASURED = 100  # sentences, to know a language's vowels by
_MOST_SILENT = 50  # sentences in a row, before a voice is taken for one that cannot speak


@dataclass(frozen=True)
class Corpus:
    """Utterances end to end: ``sound`` int16; every 320 samples ``aims`` float16 [n, 6] and which of ``SOUNDS``,
    ``said`` uint8 [n]; ``starts`` in steps.
    """

    sound: npt.NDArray[np.int16]
    aims: npt.NDArray[np.float16]
    said: npt.NDArray[np.uint8]
    starts: npt.NDArray[np.int64]

    @property
    def hours(self) -> float:
        return len(self.sound) / SAMPLE_RATE / 3600

    def utterance(self, index: int) -> tuple[FloatArray, FloatArray, npt.NDArray[np.uint8]]:
        """float32 samples, targets, and what is said."""
        first, last = self.starts[index], self.starts[index + 1]
        sound = self.sound[first * STEP : last * STEP].astype(np.float32) / np.float32(32768)
        return sound, self.aims[first:last].astype(np.float32), self.said[first:last]


@dataclass(frozen=True, slots=True)
class Scene:
    """Something to learn from: float32 samples, ``dry`` as they left the lips and on their way, and the truth."""

    dry: FloatArray
    way: augment.Degraded
    aims: FloatArray
    said: npt.NDArray[np.uint8]


def make_corpus(cache: Path, hours: float, seed: int, workers: int) -> Path:
    """The folder under ``cache`` with so many hours of speech, made first if it is not there.

    BrokenProcessPool: a process that was to speak is gone; libespeak-ng crashes in some languages.
    """
    folder = cache / f"speech-{hours:g}h-{seed}-{_fingerprint()}"
    unmeasured = [(folder, part, _MEASURED, seed) for part in range(_PARTS) if not _vowels_file(folder, part).exists()]
    missing = [(folder, part, hours / _PARTS, seed) for part in range(_PARTS) if not _file(folder, part).exists()]
    if missing:
        folder.mkdir(parents=True, exist_ok=True)
        with ThreadPoolExecutor(workers) as threads:
            for make, parts in ((_measure_part, unmeasured), (_make_part, missing)):
                list(threads.map(functools.partial(_by_its_own_process, make), parts))
    return folder


def _by_its_own_process(make: Callable[..., None], part: tuple[object, ...]) -> None:
    """What libespeak-ng remembers of one part would change how it says the next."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
        process.submit(make, *part).result()


def open_corpus(folder: Path) -> Corpus:
    """What ``make_corpus`` made."""
    parts, aims, said, lengths = [], [], [], []
    for part in range(_PARTS):
        with np.load(_file(folder, part)) as data:
            parts.append(data["sound"])
            aims.append(data["aims"])
            said.append(data["said"])
            lengths.append(data["lengths"])
    starts = np.concatenate([[0], np.cumsum(np.concatenate(lengths))])
    return Corpus(np.concatenate(parts), np.concatenate(aims), np.concatenate(said), starts)


def scene(corpus: Corpus, random: np.random.Generator, steps: int) -> Scene:
    """``steps`` * 320 degraded samples: utterances, pauses and sounds made with a closed mouth."""
    count = steps * STEP
    sound, aims, said = np.zeros(count, np.float32), np.zeros((steps, 6), np.float32), np.zeros(steps, np.uint8)
    speech_rms = 10 ** random.uniform(-1.6, -0.8)
    closed_only = random.random() < 0.06
    closed_first = closed_only or random.random() < 0.12
    at = -int(random.integers(0, 150)) if random.random() < 0.5 else int(random.integers(0, 50))
    if closed_first:
        at = -int(random.integers(0, 100)) if random.random() < 0.5 else 0
    index = int(random.integers(len(corpus.starts) - 1))
    spoke = False
    while at < steps:
        if closed_only or closed_first or random.random() < 0.09:
            length = int(random.integers(100, steps) if closed_only else random.integers(25, 150))
            closed_first = False
            kind = str(random.choice(list(augment.CLOSED), p=augment.CLOSED_ODDS))
            piece = augment.CLOSED[kind](length * STEP, random)
            ramp = 800 if random.random() < 0.7 else 40
            fade = np.minimum(1, np.minimum(np.arange(len(piece)), np.arange(len(piece))[::-1]) / ramp)
            loud = 10 ** (random.uniform(-25, 6) / 20) if kind != "keyboard" else 10 ** (random.uniform(-25, 0) / 20)
            piece = (piece * fade * (speech_rms * loud / augment.rms(piece))).astype(np.float32)
            piece_aims, piece_said = np.zeros((length, 6), np.float32), np.zeros(length, np.uint8)
        else:
            group = index // _GROUP
            index = index + 1 if (index + 1) // _GROUP == group and random.random() < 0.9 else -1
            if index < 0 or index >= len(corpus.starts) - 1:
                index = int(random.integers(len(corpus.starts) - 1))
            piece, piece_aims, piece_said = corpus.utterance(index)
            piece = piece * np.float32(speech_rms / augment.active_rms(piece) * 10 ** (random.uniform(-5, 5) / 20))
            spoke = True
        first, last = max(0, at), min(steps, at + len(piece_aims))
        if last > first:
            sound[first * STEP : last * STEP] += piece[(first - at) * STEP : (last - at) * STEP]
            aims[first:last] = piece_aims[first - at : last - at]
            said[first:last] = piece_said[first - at : last - at]
        at += len(piece_aims) + int(random.integers(2, 25) if random.random() < 0.6 else random.integers(25, 100))
    if random.random() < 0.6:  # words fade and swell in real speech more than espeak-ng lets them
        sound *= np.power(10.0, augment.slow(count, random, 2.0) * random.uniform(1, 5) / 20).astype(np.float32)
    others = None
    if spoke and random.random() < 0.5:
        crowd = np.zeros(count, np.float32)
        for _ in range(5):
            start = int(random.integers(len(corpus.sound) - count))
            crowd += corpus.sound[start : start + count]
        others = crowd
    return Scene(sound, augment.degrade(sound, random, speech_rms, others), aims, said)


def prepared(utterance: Utterance, stretch: float, heights: Heights) -> tuple[FloatArray, FloatArray]:
    """At 16 kHz, ``stretch`` times as long (and the vocal tract with it), in whole steps."""
    sound = soxr.resample(utterance.samples, utterance.rate, SAMPLE_RATE * stretch)
    steps = -(-len(sound) // STEP)
    sound = np.pad(sound, (0, steps * STEP - len(sound))).astype(np.float32)
    return sound, targets(utterance.segments, steps, stretch, heights)


def _measure_part(folder: Path, part: int, sentences: int, seed: int) -> None:
    """Measure the vowels of every so many-th language into a file: once, so that all parts are taught the same."""
    espeak = Espeak()
    babblers: dict[tuple[str, int], Babbler] = {}
    measured = {}
    languages = [name for name in (*RIGHTS, *BORROWED) if name not in _UNSPOKEN]
    voices = [(name, spoken_as) for name in languages for spoken_as in _SPOKEN_AS.get(name, (name,))]
    for number, (language, spoken_as) in list(enumerate(voices))[part::_PARTS]:
        random = np.random.default_rng([seed, _PARTS + number])
        sayings = [training_sentence(language, random, babblers) for _ in range(sentences)]
        found = heights(espeak, spoken_as, sayings)
        measured[spoken_as] = [(ipa, of, height) for (ipa, of), height in found.items()]
    _replace(_vowels_file(folder, part), lambda file: file.write(json.dumps(measured).encode()))


def _vowels(folder: Path) -> dict[str, Heights]:
    """Of every voice by its name, as measured."""
    measured: dict[str, Heights] = {}
    for part in range(_PARTS):
        for voice, found in json.loads(_vowels_file(folder, part).read_bytes()).items():
            measured[voice] = {(ipa, of): height for ipa, of, height in found}
    return measured


def _make_part(folder: Path, part: int, hours: float, seed: int) -> None:
    """Speak one part into its file."""
    random = np.random.default_rng([seed, part])
    espeak = Espeak()
    languages = [name for name in (*RIGHTS, *BORROWED) if name not in ("en", *_UNSPOKEN)]
    babblers: dict[tuple[str, int], Babbler] = {}
    measured = _vowels(folder)
    parts, aims, said = [], [], []
    steps = 0

    def keep(utterance: Utterance, stretch: float, vowels: Heights) -> None:
        nonlocal steps
        sound, aim = prepared(utterance, stretch, vowels)
        peak = max(1e-3, float(np.abs(sound).max()))
        parts.append(np.round(sound * (26000 / peak)).astype(np.int16))
        aims.append(aim.astype(np.float16))
        said.append(sounds(utterance.segments, len(aim), stretch))
        steps += len(aim)

    while steps * STEP < hours * 3600 * SAMPLE_RATE:
        stretch = float(random.uniform(0.86, 1.16))
        if random.random() < _RECORDED:
            name = str(random.choice(recorded.TRAINING))
            language = recorded.VOICES[name].language
            sentences = [training_sentence(language, random, babblers) for _ in range(2 * _GROUP)]
            utterances = recorded.speak(name, sentences, float(random.uniform(0.7, 1.3)))
            utterances = [u for u in utterances if len(u.samples) >= 0.3 * u.rate]
            for utterance in utterances[: len(utterances) // _GROUP * _GROUP]:
                keep(utterance, stretch, {})
            continue
        language = "en" if random.random() < _ENGLISH else str(random.choice(languages))
        spoken_as = str(random.choice(_SPOKEN_AS.get(language, (language,))))
        voice = f"{spoken_as}+{random.choice(VARIANTS)}"
        done = silent = 0
        while done < _GROUP:
            text = training_sentence(language, random, babblers)
            rate, pitch, spread = (int(random.integers(*limits)) for limits in ((110, 250), (15, 90), (20, 90)))
            try:
                utterance = espeak.speak(voice, text, rate, pitch, spread)
            except ValueError:  # a made-up sentence without a sound
                silent += 1
                if silent == _MOST_SILENT:
                    raise
                continue
            if len(utterance.samples) >= 0.3 * utterance.rate:
                keep(utterance, stretch, measured[spoken_as])
                done += 1
    lengths = np.array([len(aim) for aim in aims], np.int64)
    sound, aim, sayings = np.concatenate(parts), np.concatenate(aims), np.concatenate(said)
    write = functools.partial(np.savez, sound=sound, aims=aim, said=sayings, lengths=lengths)
    _replace(_file(folder, part), write)


def _replace(target: Path, write: Callable[[BinaryIO], object]) -> None:
    """Written whole or not at all."""
    partial = target.with_name(target.name + ".partial")
    with partial.open("wb") as file:
        write(file)
    partial.replace(target)


def _file(folder: Path, part: int) -> Path:
    return folder / f"part-{part}.npz"


def _vowels_file(folder: Path, part: int) -> Path:
    return folder / f"vowels-{part}.json"


def _fingerprint() -> str:
    """Changes when what the speech is made of changes."""
    here = Path(__file__).parent
    names = ("espeak", "targets", "texts", "vocabulary", "vowels", "recorded", "corpus")
    text = "".join((here / f"{name}.py").read_text() for name in names)
    return hashlib.sha256(json.dumps(text).encode()).hexdigest()[:8]
