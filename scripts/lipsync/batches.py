"""Batches of degraded speech, made by processes of their own while earlier ones are learned from."""

from __future__ import annotations

import multiprocessing
import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vcam.animators.lite.lipsync import BEHIND, STACK
from vcam.audio.logmel import HOP, WINDOW, Level, Spectra
from vcam.media import FloatArray

from .corpus import Corpus, make_corpus, open_corpus, scene
from .settings import Settings
from .targets import STEP
from .variation import Spectrograms, varied

STEPS = 302  # 6 s of rows, and the last one's future
_FUTURE_STEPS = STACK // 2 - 1  # at the end of a sequence whose future is not there
_AHEAD = 8  # batches asked for before they are needed
_TIMES = 6  # each is shown: sound takes ten times as long to make as to vary
_AGAIN = 32  # new ones later
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")  # of NumPy's matrix products, in the processes started
_POLITE = 10  # niceness of those processes: learning goes first


@dataclass(frozen=True, slots=True)
class Batch:
    """For each step: ``aims`` float16 [batch, steps, 6]; which of ``SOUNDS``, ``said`` uint8 [batch, steps]; and two
    hops of the speech before rooms, noise and microphones, ``dry`` float16 [batch, 2 steps, 40]. ``heard`` float16
    [batch, 2 steps + 4, 40] is what came of it, to the end of what the last step sees.
    """

    heard: npt.NDArray[np.float16]
    dry: npt.NDArray[np.float16]
    aims: npt.NDArray[np.float16]
    said: npt.NDArray[np.uint8]


def decibels(sounds: FloatArray) -> FloatArray:
    """[batch, samples] -> float32 [batch, hops, 40], a stream's from its start, with its room.

    On a call late reflections are taken off. Learned from without them, in the time there is, recorded people were
    followed worse (.888 clean in place of .902).
    """
    spectra = Spectra()
    return np.stack([spectra.decibels(sound) for sound in np.pad(sounds, ((0, 0), (WINDOW - HOP, 0)))])


def levelled(spectrograms: FloatArray) -> FloatArray:
    """[batch, hops, 40] in dB -> the same as the streaming features level them from a fresh start."""
    level = Level()
    return np.stack([level.follow(spectrograms[:, i]) for i in range(spectrograms.shape[1])], 1)


def batches(settings: Settings, count: int) -> Iterator[Batch]:
    """``count`` of them, all but the last ones six times, varied; they do not depend on the number of workers."""
    with _one_thread():
        yield from _batches(settings, count)


@contextmanager
def _one_thread() -> Iterator[None]:
    """For NumPy in the processes started meanwhile: two threads would round their sums otherwise than one."""
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _batches(settings: Settings, count: int) -> Iterator[Batch]:
    folder = make_corpus(settings.cache, settings.hours, settings.seed, settings.workers)
    fresh = next(n for n in range(count + 1) if sum(max(0, n - again * _AGAIN) for again in range(_TIMES)) >= count)
    earlier: deque[list[Batch]] = deque(maxlen=(_TIMES - 1) * _AGAIN + 1)
    pool = ProcessPoolExecutor(settings.workers, multiprocessing.get_context("spawn"), _open, (folder,))
    try:
        waiting = deque(pool.submit(_shows, settings, i) for i in range(min(fresh, _AHEAD)))
        for asked in range(len(waiting), fresh + len(waiting)):
            earlier.append(waiting.popleft().result())
            if asked < fresh:
                waiting.append(pool.submit(_shows, settings, asked))
            for shows in list(earlier)[::-_AGAIN][:count]:
                yield shows.pop(0)
                count -= 1
    finally:
        pool.shutdown(cancel_futures=True)


_corpus: Corpus | None = None  # in each worker


def _open(folder: Path) -> None:
    global _corpus
    _corpus = open_corpus(folder)
    if hasattr(os, "nice"):
        os.nice(_POLITE)


def _shows(settings: Settings, number: int) -> list[Batch]:
    """One batch as it is heard each time."""
    assert _corpus is not None
    seeds = [[settings.seed, 1000 + number, i] for i in range(settings.batch + 1)]
    scenes = [scene(_corpus, np.random.default_rng(seed), STEPS) for seed in seeds[:-1]]
    silence = np.zeros(STEPS * STEP, np.float32)
    heard, dry, room, noise = (
        decibels(np.stack(sounds))
        for sounds in zip(
            *((s.way.heard, s.dry, s.way.room, silence if s.way.noise is None else s.way.noise) for s in scenes),
            strict=True,
        )
    )
    spectrograms = Spectrograms(heard, dry, room, noise, np.array([s.way.noise is not None for s in scenes]))
    random = np.random.default_rng(seeds[-1])
    shows = [(heard, dry), *(varied(spectrograms, random) for _ in range(_TIMES - 1))]
    features = levelled(np.concatenate([each for show in shows for each in show])).astype(np.float16)
    rows = STEPS - _FUTURE_STEPS
    told = np.maximum(np.arange(rows) - BEHIND, 0)  # the step whose lips and sounds each step is to tell
    aims = np.stack([s.aims[told] for s in scenes]).astype(np.float16)
    said = np.stack([s.said[told] for s in scenes])
    each = iter(np.split(features, 2 * _TIMES))
    return [Batch(heard, dry[:, : 2 * rows], aims, said) for heard, dry in zip(each, each, strict=True)]
