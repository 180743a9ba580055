"""The mouth measured from drawn frames: what a viewer sees, against the phoneme times of the speech.

Nothing of the animator's insides is used. The mouth is the compact part of the picture that changes most, and with the
loudness of the speech (eyes do not). Colours that only stand there once it opens (teeth, tongue, the dark between) are
its inside: how high that reaches in the middle third is the opening, how far across is the width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from vcam.animators.base import Animator, Pose
from vcam.media import CHUNK_SAMPLES, FRAME_SAMPLES, AudioChunk, ByteArray, FloatArray

from .evaluate import correlation, runs
from .targets import JAW, PRESSED, STEP, WIDE

_LOOK_EVERY = 6  # frames: enough to see where the mouth is
_LIVELY = 30.0  # standard deviation over time, of 255
_WIDEST = 0.3  # of the picture: a larger part that changes is a body that breathes
_LEAST = 3e-4  # of the picture
_MARGIN = 0.1  # of the mouth's width, on every side
_APART = 26.0  # RGB distance from which a colour is another one
_CLOSED = 0.1  # of a wide open mouth
_OPEN_AIM = 0.5
_REACH = 5  # steps of 20 ms

_Box = tuple[slice, slice]


@dataclass(frozen=True, slots=True)
class Seen:
    """Per frame of 40 ms, float32 [n], in pixels; both 0 when it is closed."""

    opening: FloatArray
    width: FloatArray


@dataclass(frozen=True, slots=True)
class Agreement:
    """``opening`` and ``width`` correlations (width while it is open); ``lag`` in ms, > 0 when the drawn mouth is late.

    ``closed``: the shares of m b p, and of open vowels' frames, at which the mouth is open less than a tenth.
    """

    opening: float
    width: float
    lag: float
    closed_at_mbp: float
    closed_at_vowels: float


def seen(animator: Animator, chunks: Sequence[AudioChunk]) -> Seen:
    """Draws every frame of the sound; ValueError if nothing that could be a mouth moves."""
    poses: list[Pose] = [pose for chunk in chunks for pose in animator.analyse(chunk)]
    loud = np.array([np.abs(chunk.samples).mean() for chunk in chunks], np.float32)
    sample = poses[::_LOOK_EVERY]
    frames = np.stack([animator.render(pose).copy() for pose in sample])
    box, inner = _find(frames, animator.portrait(), np.array([loud[pose.pts // CHUNK_SAMPLES] for pose in sample]))
    rest = animator.portrait()[box]
    crops = np.stack([animator.render(pose)[box].copy() for pose in poses])
    inside = _unlike(crops, rest.reshape(-1, 3))
    columns = inner[1]
    third = (columns.stop - columns.start) // 3
    middle = inside[:, :, columns.start + third : columns.stop - third]
    return Seen(_extent(middle).mean(1), _extent(inside.max(1)[..., None])[:, 0])


def agreement(mouth: Seen, aims: FloatArray) -> Agreement:
    """Against the targets of the same sound, float32 [n, 6] every 20 ms; a frame shows its middle."""
    frames = min(len(mouth.opening), len(aims) * STEP // FRAME_SAMPLES)
    opening, width = mouth.opening[:frames], mouth.width[:frames]
    at = FRAME_SAMPLES // STEP * np.arange(frames) + FRAME_SAMPLES // STEP // 2
    true = aims[np.minimum(at, len(aims) - 1)]
    by_lag = [
        correlation(opening, aims[np.clip(at - lag, 0, len(aims) - 1), JAW]) for lag in range(-_REACH, _REACH + 1)
    ]
    top = min(max(int(np.argmax(by_lag)), 1), 2 * _REACH - 1)
    left, best, right = by_lag[top - 1 : top + 2]
    lag = 20 * (top - _REACH + 0.5 * (left - right) / (left - 2 * best + right))
    closed: npt.NDArray[np.bool_] = np.less_equal(opening, _CLOSED * np.percentile(opening, 98))
    lips = runs(true[:, PRESSED] > 0.5)
    # a closure may be shorter than a frame: the frame beside it counts too
    hits = [closed[max(0, first - 1) : last + 1].max() for first, last in lips]
    return Agreement(
        correlation(opening, true[:, JAW]),
        correlation(width[width > 0], true[width > 0, WIDE]),
        lag,
        float(np.mean(hits)) if hits else 0.0,
        float(closed[true[:, JAW] > _OPEN_AIM].mean()),
    )


def _find(frames: ByteArray, rest: ByteArray, loud: FloatArray) -> tuple[_Box, _Box]:
    """The mouth's surroundings in the picture, and the mouth's own place within them."""
    sums = np.zeros(frames.shape[1:], np.float32), np.zeros(frames.shape[1:], np.float32)
    for frame in frames:
        sums[0][...] += frame
        sums[1][...] += np.square(frame, dtype=np.float32)
    mean = sums[0] / len(frames)
    lively = np.sqrt(np.maximum(0, sums[1] / len(frames) - mean**2)).mean(-1)
    height, width = lively.shape
    count, labels, stats, _ = cv2.connectedComponentsWithStats((lively > _LIVELY).astype(np.uint8))
    likely = []
    for part in range(1, count):
        if stats[part, cv2.CC_STAT_WIDTH] > _WIDEST * width or stats[part, cv2.CC_STAT_AREA] < _LEAST * lively.size:
            continue
        where = labels == part
        change = np.array([cv2.absdiff(frame[where], rest[where]).mean() for frame in frames], np.float32)
        likely.append((float(lively[where].sum()) * correlation(change, loud), part))
    best = max(likely, default=(0.0, 0))
    if best[0] <= 0:
        raise ValueError("no mouth moves in these frames")
    x, y, across, high = (int(number) for number in stats[best[1], :4])
    margin = round(_MARGIN * across)
    top, left = max(0, y - margin), max(0, x - margin)
    box = (slice(top, min(height, y + high + margin)), slice(left, min(width, x + across + margin)))
    return box, (slice(y - top, y - top + high), slice(x - left, x - left + across))


def _unlike(crops: ByteArray, palette: ByteArray) -> npt.NDArray[np.bool_]:
    """bool [n, h, w]: pixels whose colour, to 8 of 256, is far from all of ``palette``."""
    known = _colours(np.unique(_code(palette)))
    used, index = np.unique(_code(crops), return_inverse=True)
    far = np.array([np.square(known - colour).sum(1).min() > _APART**2 for colour in _colours(used)])
    return np.asarray(far[index].reshape(crops.shape[:3]))


def _code(pixels: ByteArray) -> npt.NDArray[np.int32]:
    """One number for each colour, to 8 of 256."""
    part = (pixels >> 3).astype(np.int32)
    return np.asarray(part[..., 0] << 10 | part[..., 1] << 5 | part[..., 2])


def _colours(codes: npt.NDArray[np.int32]) -> FloatArray:
    return np.stack([codes >> 10, codes >> 5 & 31, codes & 31], 1).astype(np.float32) * 8 + 4


def _extent(on: npt.NDArray[np.bool_]) -> FloatArray:
    """float32 [n, w]: from the first to the last row that is on, in each column of [n, h, w]."""
    first, last = on.argmax(1), on.shape[1] - on[:, ::-1].argmax(1)
    return np.where(on.any(1), last - first, 0).astype(np.float32)
