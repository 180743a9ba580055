"""What is said: for training, words made up letter by letter after some language's writing; for scoring, other texts.

Who only hears words like those of known languages leans on them, and follows others worse: training reads many a text
with the voice of another language.

Training texts follow article 1 of the Universal Declaration of Human Rights (English also some of the Harvard
sentences, IEEE 1969); scored texts are "The North Wind and the Sun" in languages that training never hears.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from .vocabulary import BORROWED, BRAHMIC, HARVARD, NORTH_WIND, RIGHTS

_END = "\n"
_FOREIGN = 0.5  # of the sentences are made up after any language in the same script
_DEVANAGARI = 0x0900


class Babbler:
    """Endless words with the letters of a text: each as often as there after the ``known`` ones before it."""

    def __init__(self, text: str, known: int) -> None:
        self._known = known
        self._next: dict[str, list[str]] = defaultdict(list)
        for word in text.split():
            letters = "".join(c for c in word.lower() if c.isalnum() or c in "'’-ʻ़ािीुूृेैोौं्ঁ") or "a"
            for i, letter in enumerate(letters + _END):
                self._next[letters[max(0, i - self._known) : i]].append(letter)

    def word(self, random: np.random.Generator) -> str:
        letters = ""
        while len(letters) < 14:
            choices = self._next[letters[-self._known :]] or [_END]
            letter = choices[int(random.integers(len(choices)))]
            if letter == _END:
                break
            letters += letter
        return letters

    def sentence(self, random: np.random.Generator) -> str:
        words = [self.word(random) for _ in range(int(random.integers(3, 13)))]
        for i in range(len(words)):
            if random.random() < 0.12:
                words[i] += ","
        return " ".join(words).rstrip(",") + str(random.choice([".", ".", "?", "!"]))


def training_sentence(language: str, random: np.random.Generator, babblers: dict[tuple[str, int], Babbler]) -> str:
    """One sentence for ``language``: made up, half of them after any language in its script; some English is real."""
    key = next(k for k in (language, language.split("-")[0], BORROWED.get(language)) if k in RIGHTS)
    if key == "en" and random.random() < 0.4:
        return str(random.choice(HARVARD))
    if random.random() < _FOREIGN:
        others = [k for k in RIGHTS if _script(k) == _script(key)]
        key = str(random.choice(others))
    known = int(random.integers(1, 3))
    if (key, known) not in babblers:
        babblers[key, known] = Babbler(RIGHTS[key] + (" ".join(HARVARD) if key == "en" else ""), known)
    return _rewritten(babblers[key, known].sentence(random), language)


def _rewritten(text: str, language: str) -> str:
    """In the language's own script where that has Devanagari's letters in the same order."""
    shift = BRAHMIC.get(language, _DEVANAGARI) - _DEVANAGARI
    return "".join(chr(ord(c) + shift) if _DEVANAGARI <= ord(c) < _DEVANAGARI + 0x80 else c for c in text)


def held_out_sentences(language: str) -> list[str]:
    """The scored text of one language, in sentences."""
    return [part.strip() + "." for part in NORTH_WIND[language].split(".") if part.strip()]


def _script(key: str) -> int:
    """Which block of Unicode a language is written in, roughly."""
    return max(ord(c) for c in RIGHTS[key].split()[1]) // 0x180
