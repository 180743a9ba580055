"""A painted face, and networks that find it by its colours: blue irises, red lips.

What they say follows from where those are in the very pixels they get, so a wrong crop, turn or channel order shows.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence

import cv2
import numpy as np
import numpy.typing as npt

from vcam.animators.ditto import networks
from vcam.animators.ditto.backends.base import Array, Network, Tensor
from vcam.animators.ditto.networks import NetworkSpec
from vcam.animators.ditto.registration import RegistrationNetworks
from vcam.media import ByteArray

BLUE, RED, SKIN, WALL = (20, 40, 230), (220, 25, 30), (215, 175, 150), (120, 125, 118)
XY = tuple[float, float]
# The face's own coordinates: the irises at (-0.5, 0) and (0.5, 0), the lips at (0, 1).
_AROUND = [(1.1 * np.cos(a), 0.4 + 1.35 * np.sin(a)) for a in np.linspace(0, 2 * np.pi, 478, endpoint=False)]


def paint(left: XY, right: XY, width: int = 640, height: int = 480, picture: ByteArray | None = None) -> ByteArray:
    """uint8 RGB with a face whose irises are at ``left`` and ``right``."""
    out = np.full((height, width, 3), WALL, np.uint8) if picture is None else picture.copy()
    matrix = _placement(np.array(left), np.array(right))
    unit = float(np.hypot(right[0] - left[0], right[1] - left[1]))
    turn = float(np.degrees(np.arctan2(right[1] - left[1], right[0] - left[0])))

    def oval(at: XY, across: float, down: float, colour: tuple[int, int, int]) -> None:
        x, y = matrix @ [*at, 1]
        size = (2 * across * unit, 2 * down * unit)
        cv2.ellipse(out, ((float(x), float(y)), size, turn), colour, -1, cv2.LINE_AA)

    oval((0, 0.4), 1.1, 1.35, SKIN)
    for side in (-0.5, 0.5):
        oval((side, 0), 0.13, 0.13, BLUE)
    oval((0, 1), 0.4, 0.12, RED)
    return out


def landmarks(count: int) -> npt.NDArray[np.float64]:
    """The points of the face in its own coordinates: [count, 2]; 106, 203 or 478."""
    points = np.array(_AROUND[:: 478 // count][:count])
    eyes, lips = {
        106: (((33, 35, 40, 39), (87, 89, 94, 93)), (52, 61)),
        203: (((0, 6, 12, 18), (24, 30, 36, 42)), (48, 66)),
        478: (((33, 133, 468, 159), (362, 263, 473, 386)), (61, 291)),
    }[count]
    for x, four in zip((-0.5, 0.5), eyes, strict=True):
        points[list(four)] = np.array([x, 0])
    points[lips[0]], points[lips[1]] = (-0.4, 1), (0.4, 1)
    if count == 478:
        for side, corners, lids in (
            (-0.5, (33, 133), ((160, 144), (159, 145), (158, 153))),
            (0.5, (263, 362), ((387, 373), (386, 374), (385, 380))),
        ):
            outer = np.sign(side) * 0.2
            points[list(corners)] = [(side + outer, 0), (side - outer, 0)]
            for step, (upper, lower) in zip((0.5, 0, -0.5), lids, strict=True):
                points[upper], points[lower] = (side + step * outer, -0.05), (side + step * outer, 0.05)
    return points


class _Painted(Network):
    """``calls`` counts; ``blind`` sees nothing."""

    def __init__(self, spec: NetworkSpec, blind: bool = False) -> None:
        self.spec = spec
        self.blind = blind
        self.calls = 0
        self.closed = 0

    def run(self, inputs: Mapping[str, Tensor], keep: Sequence[str] = ()) -> dict[str, Tensor]:
        self.calls += 1
        assert inputs.keys() == self.spec.inputs.keys()
        (picture,) = inputs.values()
        assert isinstance(picture, np.ndarray)
        assert (picture.dtype, picture.shape) == (np.float32, next(iter(self.spec.inputs.values())))
        outputs = self.see(picture)
        for name, shape in self.spec.outputs.items():
            assert outputs[name].shape == shape, name
        return {name: value.astype(np.float32) for name, value in outputs.items()}

    @abstractmethod
    def see(self, picture: Array) -> dict[str, Array]:
        """What the network says of a picture."""

    def close(self) -> None:
        self.closed += 1


class Detector(_Painted):
    """Says ``boxes`` (x1, y1, x2, y2, score, in pixels of the letterboxed picture), or the painted face's."""

    def __init__(self, boxes: Sequence[Sequence[float]] | None = None) -> None:
        super().__init__(networks.DETECTOR)
        self.boxes = boxes

    def see(self, picture: Array) -> dict[str, Array]:
        outputs = {name: np.zeros([n or 0 for n in shape]) for name, shape in self.spec.outputs.items()}
        boxes = self.boxes
        if boxes is None:
            rgb = picture[0, ::-1].transpose(1, 2, 0) * 128 + 127.5
            found = _found(rgb, landmarks(106))
            boxes = [] if found is None else [(*found.min(axis=0), *found.max(axis=0), 0.9)]
        for number, (x1, y1, x2, y2, score) in enumerate(boxes):
            column, row = (int(np.nan_to_num(low + high) / 32) for low, high in ((x1, x2), (y1, y2)))
            at = 2 * (row * 32 + column) + number % 2
            outputs["scores2"][at] = score
            ax, ay = column * 16, row * 16
            outputs["boxes2"][at] = np.array([ax - x1, ay - y1, x2 - ax, y2 - ay]) / 16
            outputs["kps2"][at] = np.tile([(x1 + x2) / 2 - ax, (y1 + y2) / 2 - ay], 5) / 16
        return outputs


class Points(_Painted):
    """The 106 or 203 points, or not a number where there is no face."""

    def see(self, picture: Array) -> dict[str, Array]:
        (name,) = self.spec.outputs
        count, side = (106, 192) if self.spec is networks.LANDMARK106 else (203, 224)
        rgb = picture[0, ::-1].transpose(1, 2, 0) if count == 106 else picture[0].transpose(1, 2, 0) * 255
        found = _found(rgb, landmarks(count))
        if found is None or self.blind:
            return {name: np.full((1, 2 * count), np.nan)}
        return {name: (found / 96 - 1 if count == 106 else found / side).reshape(1, -1)}


class Blaze(_Painted):
    """Two overlapping anchors see the face; ``others``: boxes (x1, y1, x2, y2, logit, in 128 pixels) besides."""

    def __init__(self, others: Sequence[Sequence[float]] = (), blind: bool = False) -> None:
        super().__init__(networks.BLAZE_FACE, blind)
        self.others = others

    def see(self, picture: Array) -> dict[str, Array]:
        numbers, scores = np.zeros((1, 896, 16)), np.full((1, 896, 1), -20.0)
        found = None if self.blind else _found((picture[0] + 1) * 127.5, landmarks(203))
        boxes = [tuple(box) for box in self.others]
        if found is not None:
            (x1, y1), (x2, y2) = found.min(axis=0), found.max(axis=0)
            boxes += [(x1, y1, x2, y2, 2.0), (x1 - 1, y1, x2 - 1, y2, 2.0), (x1 + 1, y1, x2 + 1, y2, 2.0)]
        for at, (x1, y1, x2, y2, score) in enumerate(boxes):
            cx, cy = 4 + 8 * ((at // 2) % 16), 4 + 8 * (at // 32)  # two anchors a cell, rows of 16 cells
            scores[0, at] = score
            numbers[0, at, :4] = ((x1 + x2) / 2 - cx, (y1 + y2) / 2 - cy, x2 - x1, y2 - y1)
            eyes = np.array([[x1, y1], [x2, y1]]) if found is None else found[[0, 24]]
            numbers[0, at, 4:8] = (eyes - [cx, cy]).reshape(-1)
        return {"regressors": numbers, "classificators": scores}


class Mesh(_Painted):
    """``points``: the mesh in the face's own coordinates, if it is to be another one: [478, 2]."""

    def __init__(self, blind: bool = False, points: npt.NDArray[np.float64] | None = None) -> None:
        super().__init__(networks.FACE_MESH, blind)
        self.points = landmarks(478) if points is None else points

    def see(self, picture: Array) -> dict[str, Array]:
        found = _found(picture[0] * 255, self.points)
        if found is None or self.blind:
            return {"Identity": np.full((1, 1, 1, 1434), np.nan)}
        return {"Identity": np.concatenate([found, np.zeros((478, 1))], axis=1).reshape(1, 1, 1, 1434)}


class Appearance(_Painted):
    def __init__(self) -> None:
        super().__init__(networks.APPEARANCE)

    def see(self, picture: Array) -> dict[str, Array]:
        small = cv2.resize(picture[0].transpose(1, 2, 0), (64, 64), interpolation=cv2.INTER_AREA).mean(axis=2)
        return {"pred": np.broadcast_to(small, (1, 32, 16, 64, 64))}


class Motion(_Painted):
    def __init__(self) -> None:
        super().__init__(networks.MOTION)

    def see(self, picture: Array) -> dict[str, Array]:
        level = picture[0].mean(axis=(1, 2))
        return {name: np.resize(level, [n or 1 for n in shape]) for name, shape in self.spec.outputs.items()}


def painted_networks(**others: Network | None) -> RegistrationNetworks:
    """All seven, some replaced."""
    made: dict[str, Network | None] = {
        "insightface_det": Detector(),
        "landmark106": Points(networks.LANDMARK106),
        "landmark203": Points(networks.LANDMARK203),
        "blaze_face": Blaze(),
        "face_mesh": Mesh(),
        "appearance_extractor": Appearance(),
        "motion_extractor": Motion(),
    }
    return RegistrationNetworks(**(made | others))  # type: ignore[arg-type]


def _placement(left: Array, right: Array) -> npt.NDArray[np.float64]:
    """[2, 3]: the face's own coordinates to the picture's."""
    across = right - left
    middle = (left + right) / 2
    return np.array([[across[0], -across[1], middle[0]], [across[1], across[0], middle[1]]], np.float64)


def _found(rgb: Array, points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64] | None:
    """The face's points in the pixels ``rgb`` (0..255), or None where its colours are not."""
    excess = np.clip((rgb[..., 2] - rgb[..., :2].max(axis=-1) - 60) / 100, 0, 1)
    lips = np.clip((rgb[..., 0] - rgb[..., 1:].max(axis=-1) - 100) / 80, 0, 1)
    if excess.sum() < 4 or lips.sum() < 4:
        return None
    rows, columns = np.mgrid[: rgb.shape[0], : rgb.shape[1]]
    middle = (excess * columns).sum() / excess.sum()
    eyes = []
    for half in (columns < middle, columns >= middle):
        weight = excess * half
        if weight.sum() < 1:
            return None
        eyes.append(np.array([(weight * columns).sum(), (weight * rows).sum()]) / weight.sum())
    matrix = _placement(*eyes)
    return points @ matrix[:, :2].T + matrix[:, 2]
