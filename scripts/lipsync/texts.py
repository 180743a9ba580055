"""What is said: for training, words made up letter by letter after each language's writing; for scoring, other texts.

Training texts follow article 1 of the Universal Declaration of Human Rights (English also some of the Harvard
sentences, IEEE 1969); scored texts are "The North Wind and the Sun" in languages that training never hears.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from .vocabulary import HARVARD, NORTH_WIND, RIGHTS

_END = "\n"


class Babbler:
    """Endless words with the letter sequences (three at a time) of a text."""

    def __init__(self, text: str) -> None:
        self._next: dict[str, list[str]] = defaultdict(list)
        for word in text.split():
            letters = "".join(c for c in word.lower() if c.isalnum() or c in "'’-ʻ़ािीुूृेैोौं्ঁ") or "a"
            for i, letter in enumerate(letters + _END):
                self._next[letters[max(0, i - 2) : i]].append(letter)

    def word(self, random: np.random.Generator) -> str:
        letters = ""
        while len(letters) < 14:
            choices = self._next[letters[-2:]] or [_END]
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


def training_sentence(language: str, random: np.random.Generator, babblers: dict[str, Babbler]) -> str:
    """One sentence for ``language``: mostly made up, sometimes from another language's writing, sometimes real."""
    key = next(k for k in (language, language.split("-")[0]) if k in RIGHTS)
    if key == "en" and random.random() < 0.4:
        return str(random.choice(HARVARD))
    if random.random() < 0.2:
        others = [k for k in RIGHTS if _script(k) == _script(key)]
        key = str(random.choice(others))
    if key not in babblers:
        babblers[key] = Babbler(RIGHTS[key] + (" ".join(HARVARD) if key == "en" else ""))
    return babblers[key].sentence(random)


def held_out_sentences(language: str) -> list[str]:
    """The scored text of one language, in sentences."""
    return [part.strip() + "." for part in NORTH_WIND[language].split(".") if part.strip()]


def _script(key: str) -> int:
    """Which block of Unicode a language is written in, roughly."""
    return max(ord(c) for c in RIGHTS[key].split()[1]) // 0x180
