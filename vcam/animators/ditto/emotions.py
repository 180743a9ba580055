"""The eight emotions, and the ways in which they are asked for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from vcam.media import FloatArray

from .motion import check
from .option_values import WHOLE, array

EMOTIONS = ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise", "contempt")
CHOSEN = 8.0  # the logit of a chosen emotion; the others have 0

Emotions = tuple[tuple[int, ...], ...] | FloatArray  # classes at the same time, for each frame in turn; or [n, 8]


def emotions(value: Any) -> Emotions:
    """A class (number or name), classes at the same time, a list of such lists for each frame in turn, or each
    frame's eight shares, [n, 8]. Raises ValueError or TypeError for anything else."""
    if isinstance(value, np.ndarray):
        return _shares(value)
    if isinstance(value, (str, *WHOLE)):
        return ((_class(value),),)
    if not isinstance(value, list | tuple) or not value:
        raise ValueError("expected an emotion, or a list of them")
    if all(isinstance(entry, (str, *WHOLE)) for entry in value):
        return (_classes(value),)
    if any(isinstance(one, float | np.floating) for entry in value if isinstance(entry, Iterable) for one in entry):
        return _shares(value)
    return tuple(_classes(entry) for entry in value)


def emotion_rows(asked: Emotions) -> FloatArray:
    """float32 [n, 8]: for each entry a softmax over 8 at its classes (0.9977 for one class); an array as it is."""
    if isinstance(asked, np.ndarray):
        check(asked, (None, len(EMOTIONS)), "emotions")
        return asked
    logits = np.full((len(asked), len(EMOTIONS)), -CHOSEN, np.float32)  # less the greatest: exp cannot overflow
    for entry, classes in enumerate(asked):
        logits[entry, list(classes)] = 0
    shares = np.exp(logits)
    return shares / shares.sum(axis=1, keepdims=True)


def _shares(value: Any) -> FloatArray:
    return array(value, (None, len(EMOTIONS)))


def _classes(value: Any) -> tuple[int, ...]:
    if not isinstance(value, list | tuple) or not value:
        raise ValueError("expected at least one emotion at a time")
    return tuple(_class(one) for one in value)


def _class(value: Any) -> int:
    if value in EMOTIONS:
        return EMOTIONS.index(value)
    if isinstance(value, bool) or not isinstance(value, WHOLE) or not 0 <= value < len(EMOTIONS):
        raise ValueError(f"emotions are 0 to {len(EMOTIONS) - 1}, or {', '.join(EMOTIONS)}")
    return int(value)
