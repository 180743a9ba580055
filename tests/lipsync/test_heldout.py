from __future__ import annotations

import importlib
from ctypes.util import find_library
from types import ModuleType

import numpy as np
import pytest


@pytest.fixture
def heldout() -> ModuleType:
    return importlib.import_module("lipsync.heldout")


def test_training_shares_no_voice_with_the_held_out_and_no_set_a_language_or_a_text(heldout: ModuleType) -> None:
    corpus, vocabulary = importlib.import_module("lipsync.corpus"), importlib.import_module("lipsync.vocabulary")
    voices = [set(corpus.VARIANTS), set(heldout.VARIANTS)]
    languages = [
        {name.split("-")[0] for name in names}
        for names in (
            {*vocabulary.RIGHTS, *vocabulary.BORROWED},
            vocabulary.NORTH_WIND,
            heldout.FURTHER,
            heldout.VERDICT,
        )
    ]
    texts = [
        {*vocabulary.RIGHTS.values(), *vocabulary.HARVARD},
        set(vocabulary.NORTH_WIND.values()),
        *(
            {sentence for sentences in texts.values() for sentence in sentences}
            for texts in (heldout.FURTHER, heldout.VERDICT)
        ),
    ]
    for sets in (voices, languages, texts):
        assert all(not a & b for i, a in enumerate(sets) for b in sets[:i])


@pytest.mark.parametrize("name", ["development", "further", "verdict"])
def test_something_is_said_by_every_voice(heldout: ModuleType, name: str) -> None:
    if find_library("espeak-ng") is None:
        pytest.skip("libespeak-ng is not installed")
    spoken = getattr(heldout, name)(2)
    assert len(spoken) >= 60
    for voice, sound, aims in spoken:
        assert len(sound) == 320 * len(aims), voice
        assert aims[:, 0].max() > 0.25, voice


@pytest.mark.skipif(find_library("espeak-ng") is None, reason="libespeak-ng is not installed")
def test_a_short_text_has_its_vowels_measured_all_the_same(heldout: ModuleType) -> None:
    espeak, targets = importlib.import_module("lipsync.espeak").Espeak(), importlib.import_module("lipsync.targets")
    for language in ("lb", "gd", "ta"):
        sentences = heldout.FURTHER[language]
        measured = heldout.measured_vowels(espeak, language, sentences)
        seconds = {True: 0.0, False: 0.0}
        for sentence in sentences:
            for segment in espeak.speak(language, sentence, 150, 50, 50).segments:
                if any(targets.is_vowel(symbol) for symbol in targets.symbols(segment.ipa)):
                    seconds[(segment.ipa, 0) in measured] += segment.end - segment.start
        assert seconds[True] > 25 * seconds[False], language


def test_every_wordless_sound_fills_its_time(heldout: ModuleType) -> None:
    for name, make in heldout.WORDLESS.items():
        sound = make(8000, np.random.default_rng(3))
        assert sound.shape == (8000,), name
        assert sound.dtype == np.float32, name
        assert np.isfinite(sound).all(), name
