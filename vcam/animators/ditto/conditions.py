"""What the diffusion network is told of each frame: sound, emotion, eyes and identity, in this order.

Emotions may change while a stream runs: frames that were told already keep what they were told, so the
change enters a clip as a change over time, which the network knows from its training, and not as a jump.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from vcam.errors import AnimatorError
from vcam.media import FloatArray

from .avatar import Character, mirrored
from .emotions import EMOTIONS, Emotions, emotion_rows
from .features import FEATURE_SIZE
from .motion import check

EYE_OPEN_SIZE, EYE_BALL_SIZE, IDENTITY_SIZE = 2, 6, 63


@dataclass(frozen=True, slots=True)
class ConditionUse:
    """Which conditions a checkpoint's diffusion network takes, besides the sound."""

    emotion: bool = True
    eye_open: bool = True
    eye_ball: bool = True
    identity: bool = True

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> ConditionUse:
        """From ``audio2motion_cfg``. Raises AnimatorError if its ``audio_feat_dim`` is not what its flags add up to."""
        use = cls(
            bool(config.get("use_emo", False)),
            bool(config.get("use_eye_open", False)),
            bool(config.get("use_eye_ball", False)),
            bool(config.get("use_sc", False)),
        )
        if (size := config.get("audio_feat_dim")) != use.size:
            raise AnimatorError(
                f"The config says audio_feat_dim {size!r:.40}, but its use_ flags add up to {use.size}.",
                "Take the config that belongs to this checkpoint.",
            )
        return use

    @property
    def size(self) -> int:
        """Numbers for each frame."""
        return (
            FEATURE_SIZE
            + self.emotion * len(EMOTIONS)
            + self.eye_open * EYE_OPEN_SIZE
            + self.eye_ball * EYE_BALL_SIZE
            + self.identity * IDENTITY_SIZE
        )


@dataclass(slots=True, eq=False)
class _Track:
    """Values [n, size] that follow each other from frame ``since`` on, again and again; frames before have entry 0.

    ``mirror``: there and back, instead of from the beginning. A new track takes over from ``old`` in ``ease`` frames.
    """

    values: FloatArray
    mirror: bool
    since: int = 0
    ease: int = 0
    old: _Track | None = None

    def rows(self, first: int, count: int) -> FloatArray:
        if len(self.values) == 1:
            rows = self.values.repeat(count, axis=0)
        else:
            rows = self.values[[self._entry(frame - self.since) for frame in range(first, first + count)]]
        if self.old is None:
            return rows
        if first >= self.since + self.ease:
            self.old = None
            return rows
        share = (np.arange(first, first + count, dtype=np.float32) - self.since + 1) / np.float32(self.ease + 1)
        share = np.clip(share, 0, 1)[:, None]
        return self.old.rows(first, count) * (1 - share) + rows * share

    def _entry(self, at: int) -> int:
        return mirrored(at, len(self.values)) if self.mirror else max(at, 0) % len(self.values)


class Conditions:
    """Conditions of one stream.

    ``character``: whose eyes and identity are told. ``first_eyes_only``: all frames have the eyes of the character's
    first (``eye_f0_mode``); otherwise a video's follow its frames, forwards and backwards.
    """

    def __init__(
        self, use: ConditionUse, character: Character, emotions: Emotions, first_eyes_only: bool = False
    ) -> None:
        eyes = slice(0, 1) if first_eyes_only else slice(None)
        self._use = use
        self._emotion = _Track(emotion_rows(emotions), mirror=False)
        self._eye_open = _Track(character.eye_open[eyes], mirror=True)
        self._eye_ball = _Track(character.eye_ball[eyes], mirror=True)
        self._identity = character.identity
        self._next = 0

    @property
    def size(self) -> int:
        return self._use.size

    def rows(self, first: int, features: FloatArray) -> FloatArray:
        """Conditions of the frames from ``first`` on, float32 [n, size], of their features, float32 [n, 1024].

        Frames below 0 are those of the silence before a stream: they have the first emotion and eyes.
        """
        check(features, (None, FEATURE_SIZE), "features")
        count = len(features)
        parts = [features]
        for used, track in (
            (self._use.emotion, self._emotion),
            (self._use.eye_open, self._eye_open),
            (self._use.eye_ball, self._eye_ball),
        ):
            if used:
                parts.append(track.rows(first, count))
        if self._use.identity:
            parts.append(np.broadcast_to(self._identity, (count, IDENTITY_SIZE)))
        self._next = first + count
        return np.concatenate(parts, axis=1)

    def set_emotions(self, emotions: Emotions, ease: int = 0) -> None:
        """From the next frame on these, beginning with the first entry; ``ease`` frames until they are fully there."""
        rows, old = emotion_rows(emotions), self._emotion
        if not len(rows):
            raise ValueError("conditions need at least one entry")
        if old.old is not None:  # do not hold a chain of all that ever was: stand still where the last change was
            old = _Track(old.rows(self._next - 1, 1), mirror=False)
        self._emotion = _Track(rows, False, self._next, ease, old if ease > 0 else None)
