"""How much audio the pipeline waits for, from its chunk schedule and its clips' overlap alone."""

from __future__ import annotations

from dataclasses import dataclass

from vcam.errors import AnimatorError
from vcam.media import FRAME_SAMPLES

from .options import CLIP

WINDOW_TAIL = (
    80  # samples of a feature window beyond its last frame: HuBERT's receptive field of 400 less its hop of 320
)
LEAST_OVERLAP = CLIP // 2  # below it the reference drops frames, and lips run out of step


@dataclass(frozen=True, slots=True)
class Chunking:
    """How audio is fed to the feature network, in frames of 40 ms: context, new ones, look-ahead."""

    past: int = 3
    now: int = 5
    future: int = 2

    def __post_init__(self) -> None:
        total = self.past + self.now + self.future
        if min(self.past, self.now, self.future) < 0 or self.now < 1 or not 5 <= total <= 20:
            raise AnimatorError(
                f"The chunking {self.past}, {self.now}, {self.future} cannot be used.",
                "Give at least one new frame, and 5 to 20 frames in all, such as 3, 5, 2.",
            )

    @property
    def window(self) -> int:
        """Samples that a call of the feature network sees."""
        return (self.past + self.now + self.future) * FRAME_SAMPLES + WINDOW_TAIL

    @property
    def hop(self) -> int:
        """Samples between calls."""
        return self.now * FRAME_SAMPLES


def valid_frames(overlap: int) -> int:
    """New frames of each clip. Raises AnimatorError for an overlap with which frames would be lost."""
    if not LEAST_OVERLAP <= overlap < CLIP:
        raise AnimatorError(
            f"An overlap of {overlap} frames cannot be used live.",
            f"Give {LEAST_OVERLAP} to {CLIP - 1}: below {LEAST_OVERLAP} frames would be lost.",
        )
    return CLIP - overlap


def audio_needed(chunking: Chunking, rows: int) -> int:
    """Samples that must have arrived until the first ``rows`` rows of features are known."""
    chunks = -(-rows // chunking.now)
    return (chunks * chunking.now + chunking.future) * FRAME_SAMPLES + WINDOW_TAIL


def algorithmic_latency(chunking: Chunking, overlap: int) -> int:
    """Samples from the beginning of a frame's sound until all that is needed to know its motion has been heard.

    It is the greatest over all frames of a stream whose clips are run as soon as their rows are known. A clip's V =
    80 - overlap new frames leave when the next clip's are known too: 2 V rows after the first of them began, plus the
    rows that complete a chunk where the chunks do not divide V, plus the look-ahead.
    """
    valid, now = valid_frames(overlap), chunking.now
    worst = 0
    for clip in range(now):  # afterwards chunks and clips stand to each other as at the beginning
        first = clip * valid  # the first frame that this clip's end lets go
        worst = max(worst, audio_needed(chunking, first + 2 * valid) - first * FRAME_SAMPLES)
    return worst
