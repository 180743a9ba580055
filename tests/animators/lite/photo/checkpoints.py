"""A checkpoint on disk whose face mesh is a face's."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.animators.lite.photo.faces import truth
from tests.animators.lite.photo.meshes import mesh_of
from vcam.animators.ditto.networks import FACE_MESH
from vcam.animators.ditto.standin import make_stand_in_checkpoint, shape
from vcam.animators.ditto.standin.graph import Graph


def checkpoint_that_knows(folder: Path, lowered: float = 0.0) -> Path:
    """The stand-in checkpoint, with the mesh of the drawn faces of ``faces`` where it sees any face, or ``lowered`` by
    so many of the eyes' distances."""
    make_stand_in_checkpoint(folder)
    face = truth((320, 200), 80)
    units = np.array([face.frame.to_face((float(x), float(y))) for x, y in mesh_of(face)], np.float32)
    points = units * np.float32(2 * shape.EYE_X) + np.array([0, shape.EYE_Y + lowered * 2 * shape.EYE_X], np.float32)
    mesh = np.concatenate([shape.in_crop(points, 256, shape.ROI_SCALE, 0), np.zeros((478, 1), np.float32)], axis=1)
    graph = Graph(FACE_MESH)
    graph.save(folder / "ditto_onnx", {"Identity": graph.fixed(mesh.reshape(1, 1, 1, 1434), "input")})
    return folder
