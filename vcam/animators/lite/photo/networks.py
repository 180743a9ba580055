"""The landmarks of a portrait by the networks of a ditto checkpoint, as far as they agree with the picture.

The way is that of ditto's own registration: a face finder, LivePortrait's 203 points around it, an upright crop,
MediaPipe's face in that and the mesh of its points, which are taken back to the picture. Who finds the face at first:

    auto    InsightFace's networks, where the checkpoint has them; they are licensed for non-commercial use only
    mesh    those of ``propose``: MTCNN, or OpenCV's cascades
    lite    the same, which then propose all landmarks without any network of the checkpoint
"""

from __future__ import annotations

import logging
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from vcam.animators.ditto.backends.base import Backend, Network
from vcam.animators.ditto.checkpoint import Checkpoint
from vcam.animators.ditto.face.blaze import BlazeFace, nearest_to
from vcam.animators.ditto.face.crop import FacePoints, Framing, crop_matrix, cut, inverse, transformed
from vcam.animators.ditto.face.finders import FaceFinder, InsightFace
from vcam.animators.ditto.face.finders import Proposal as OwnFinder
from vcam.animators.ditto.face.landmarks import Landmarks203
from vcam.animators.ditto.face.mesh import FaceMesh
from vcam.animators.ditto.location import has_networks
from vcam.animators.ditto.networks import BLAZE_FACE, DETECTOR, FACE_MESH, LANDMARK106, LANDMARK203
from vcam.animators.ditto.options import RunOptions
from vcam.animators.ditto.registration import CROP_SIDE
from vcam.errors import AvatarError, VcamError
from vcam.media import ByteArray, FloatArray

from .facemesh import NoFaceMesh, frame_of, landmarks_of
from .propose import Proposal, check_size, proposal_of, propose_landmarks

logger = logging.getLogger(__name__)

Way = Literal["auto", "mesh", "lite"]

_MESH = (LANDMARK203, BLAZE_FACE, FACE_MESH)
_INSIGHTFACE = (DETECTOR, LANDMARK106)
NON_COMMERCIAL = (
    "InsightFace's networks found it; they are for non-commercial use only. `--landmarks mesh` or `lite` avoids them."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceNetworks:
    """Loaded networks, by the names of ``ditto.networks``. Without the first two :mod:`propose` finds the face."""

    insightface_det: Network | None = None
    landmark106: Network | None = None
    landmark203: Network
    blaze_face: Network
    face_mesh: Network

    @property
    def finder(self) -> FaceFinder:
        if self.insightface_det is None or self.landmark106 is None:
            return OwnFinder()
        return InsightFace(self.insightface_det, self.landmark106)


@dataclass(frozen=True, slots=True, eq=False)
class FoundMesh:
    """``points``: float32 [478, 2], pixels of the picture; ``score``: BlazeFace's, 0..1; ``faces``: how many there
    are, of which this is the largest."""

    points: FloatArray
    score: float
    faces: int


def propose(rgb: ByteArray, checkpoint: Path, way: Way = "auto") -> Proposal:
    """The best proposal that can be had for the largest face in ``rgb`` (uint8 [h, w, 3]).

    Where the networks of the folder ``checkpoint`` are not to be used or not there, or fail, or contradict the picture,
    it is that of :func:`propose_landmarks`; a notice says so unless it was to be expected. Raises AvatarError if there
    is no face that can be animated.
    """
    if way == "lite" or not has_networks(checkpoint):
        return propose_landmarks(rgb)
    try:
        with ExitStack() as stack:
            return propose_by(_loaded(checkpoint, way, stack), rgb)
    except (VcamError, NoFaceMesh) as error:
        reason = error
    why = reason.message.rstrip(".") if isinstance(reason, VcamError) else f"the mesh fits no face here: {reason}"
    logger.debug("no landmarks by networks: %s", why)
    try:
        proposal = propose_landmarks(rgb)
    except AvatarError:
        if isinstance(reason, AvatarError):  # they see more than others
            raise reason from None
        raise
    notice = f"The checkpoint's networks did not help ({why}); these points are proposed without them."
    return replace(proposal, notices=(notice, *proposal.notices))


def propose_by(networks: FaceNetworks, rgb: ByteArray) -> Proposal:
    """The networks' own proposal.

    Raises AvatarError if they find no face, or one that is too small; AnimatorError if one fails; NoFaceMesh if what
    they say is no face, or not what the picture shows.
    """
    found = find_mesh(networks, rgb)
    points = found.points.astype(np.float64)
    check_size(frame_of(points))
    landmarks, clear = landmarks_of(points, rgb)
    free = isinstance(networks.finder, OwnFinder)
    proposal = proposal_of(landmarks, found.score, clear, "mesh" if free else "networks", found.faces)
    return proposal if free else replace(proposal, notices=(*proposal.notices, NON_COMMERCIAL))


def find_mesh(networks: FaceNetworks, rgb: ByteArray) -> FoundMesh:
    """Raises AvatarError if there is no face; AnimatorError if a network fails."""
    finder, look = networks.finder, Landmarks203(networks.landmark203)
    rough = finder.find(rgb)
    face = rough.points
    for _ in range(finder.looks):
        points = look(rgb, face)
        face = FacePoints.of(points)
    usual = RunOptions()
    matrix = crop_matrix(face, CROP_SIDE, Framing(usual.crop_scale, usual.crop_vx_ratio, usual.crop_vy_ratio))
    crop = cut(rgb, matrix, CROP_SIDE)
    near = nearest_to(BlazeFace(networks.blaze_face)(crop), transformed(points, matrix) / np.float32(CROP_SIDE))
    if near is None:
        raise AvatarError(
            "The face looks too far to the side, or is covered.", "Use a picture in which both eyes look at the viewer."
        )
    mesh = FaceMesh(networks.face_mesh)(crop, near)[:, :2] * np.float32(CROP_SIDE)
    return FoundMesh(transformed(mesh, inverse(matrix)), near.score, rough.count)


def _loaded(folder: Path, way: Way, stack: ExitStack) -> FaceNetworks:
    """Freed with ``stack``. Raises AnimatorError if the networks are not there, or cannot be loaded."""
    checkpoint = Checkpoint.open(folder)
    free = way == "mesh" or bool(checkpoint.missing(_INSIGHTFACE))
    networks = checkpoint.load(_backend(), _MESH if free else (*_INSIGHTFACE, *_MESH))
    for network in networks.values():
        stack.callback(network.close)
    return FaceNetworks(**networks)


def _backend() -> Backend:
    from vcam.animators.ditto.backends.onnx import OnnxBackend

    return OnnxBackend("cpu")  # they are small, and a GPU takes longer to be ready
