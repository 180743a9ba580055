"""How far the eyes are open and where they look, from the points of the face mesh."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vcam.errors import AvatarError
from vcam.media import ByteArray, FloatArray

from .blaze import BlazeFace, nearest_to
from .mesh import FaceMesh


@dataclass(frozen=True, slots=True)
class _Eye:
    """Indices of the mesh: the corners, three pairs of points on the upper and lower lid, and the iris's centre."""

    outer: int
    inner: int
    lids: tuple[tuple[int, int], ...]
    iris: int


_EYES = (  # left and right as the viewer sees them
    _Eye(33, 133, ((160, 144), (159, 145), (158, 153)), 468),
    _Eye(263, 362, ((385, 380), (386, 374), (387, 373)), 473),
)


_LEAST_WIDTH = 0.01  # of the crop's side; an eye that is seen has 0.08


@dataclass(frozen=True, slots=True, eq=False)
class EyeState:
    """``open``: float32 [1, 2]; ``ball``: float32 [1, 6]; ``mesh``: float32 [478, 3], fractions of the crop."""

    open: FloatArray
    ball: FloatArray
    mesh: FloatArray


class EyeReader:
    def __init__(self, detector: BlazeFace, mesh: FaceMesh) -> None:
        self._detector = detector
        self._mesh = mesh

    def __call__(self, crop: ByteArray, points: FloatArray) -> EyeState:
        """The eyes in the working crop, uint8 RGB, square. ``points``: float32 [n, 2], the face's landmarks in it, in
        fractions of its side. Raises AvatarError if there is no face, or no two eyes, to be seen."""
        face = nearest_to(self._detector(crop), points)
        if face is None:
            raise AvatarError(
                "The eyes could not be found: the face looks too far to the side, or is covered.",
                "Use a picture in which both eyes look at the viewer.",
            )
        mesh = self._mesh(crop, face)
        if not (np.isfinite(mesh).all() and all(_width(mesh, eye) >= _LEAST_WIDTH for eye in _EYES)):
            raise AvatarError(
                "The eyes could not be told apart from the face.",
                "Use a sharper picture in which both eyes look at the viewer.",
            )
        return EyeState(openness(mesh), eyeballs(mesh), mesh)


def openness(mesh: FloatArray) -> FloatArray:
    """The sum of three distances between the lids over the eye's width, for each eye: float32 [1, 2]."""
    both = []
    for eye in _EYES:
        upper, lower = (mesh[list(side)] for side in zip(*eye.lids, strict=True))
        both.append(np.linalg.norm(upper - lower, axis=1).sum() / _width(mesh, eye))
    return np.array([both], np.float32)


def eyeballs(mesh: FloatArray) -> FloatArray:
    """How the irises stand off the eyes' outward direction: float32 [1, 6], x, y and depth of both eyes in turn.

    For each eye it is d (u - v): d and u the distance and direction from the eye's middle to its iris, v the direction
    from the inner to the outer corner.
    """
    both = []
    for eye in _EYES:
        inner, outer = mesh[eye.inner], mesh[eye.outer]
        to_iris, along = mesh[eye.iris] - (inner + outer) / 2, outer - inner
        both.append(to_iris - np.linalg.norm(to_iris) * (along / _width(mesh, eye)))
    return np.stack(both, axis=1).reshape(1, 6).astype(np.float32)


def _width(mesh: FloatArray, eye: _Eye) -> np.float32:
    """From corner to corner, depth included; never 0."""
    return np.maximum(np.linalg.norm(mesh[eye.outer] - mesh[eye.inner]), np.finfo(np.float32).eps)
