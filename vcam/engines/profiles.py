"""The sizes that an engine must take where a graph leaves them open: least, usual and most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .samples import HUBERT_SAMPLES

# Samples of one call of hubert: of the shortest and the longest chunk schedule, and of (3, 5, 2).
AUDIO_SAMPLES = (3240, HUBERT_SAMPLES, 12960)

Profile = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]


def profiles_for(inputs: Mapping[str, Sequence[int | None]]) -> dict[str, Profile]:
    """For those of a prepared graph's inputs that have an open size, which is a count of audio samples."""
    found = {}
    for name, shape in inputs.items():
        if None in shape:
            least, usual, most = (tuple(n if size is None else size for size in shape) for n in AUDIO_SAMPLES)
            found[name] = (least, usual, most)
    return found
