"""Who finds the face at first, roughly. The 203-point network makes it precise afterwards.

InsightFace's two networks do it as published, and are licensed for non-commercial use only. The lite animator's own
proposal, made with MTCNN's small networks or OpenCV's cascades, is free of that; it wants a face that looks at the
viewer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np

from vcam.animators.ditto.backends.base import Network
from vcam.animators.ditto.motion import check
from vcam.animators.ditto.observing import Observe, nobody
from vcam.errors import AvatarError
from vcam.media import ByteArray, FloatArray

from .crop import FacePoints
from .detect import FaceDetector
from .landmarks import Landmarks106


@dataclass(frozen=True, slots=True, eq=False)
class RoughFace:
    """``box``: float32 [4], x1 y1 x2 y2; ``count``: how many faces there are, of which this is the largest."""

    points: FacePoints
    box: FloatArray
    count: int

    def __post_init__(self) -> None:
        check(self.box, (4,), "RoughFace.box")


class FaceFinder(Protocol):
    """``name`` tells finders apart in the cache; ``looks``: how often the precise landmarks must be taken, each time
    around the last ones, until it does not matter where the rough ones were."""

    name: ClassVar[str]
    looks: ClassVar[int]

    def find(self, image: ByteArray, observe: Observe = nobody) -> RoughFace:
        """The largest face of a picture, uint8 RGB [h, w, 3]. Raises AvatarError if there is none."""


class InsightFace:
    """The detector's largest box, and the 106 points in it."""

    name: ClassVar[str] = "insightface"
    looks: ClassVar[int] = 1

    def __init__(self, detector: Network, landmark106: Network) -> None:
        self._detect = FaceDetector(detector)
        self._landmarks = Landmarks106(landmark106)

    def find(self, image: ByteArray, observe: Observe = nobody) -> RoughFace:
        faces = self._detect(image)
        observe("det_boxes", faces.boxes)
        observe("det_kps", faces.points)
        if not len(faces):
            raise no_face()
        box = faces.largest
        points = self._landmarks(image, box)
        observe("lmk106", points)
        return RoughFace(FacePoints.of(points), box, len(faces))


class Proposal:
    """What the lite animator proposes for its own avatars."""

    name: ClassVar[str] = "proposal"
    looks: ClassVar[int] = 2

    def find(self, image: ByteArray, observe: Observe = nobody) -> RoughFace:
        from vcam.animators.lite.photo.propose import propose_landmarks  # pydantic and networks: only if wanted

        proposal = propose_landmarks(image)
        named = proposal.landmarks.points()
        # The networks' points reach from the brows to the chin.
        marks = np.array([at for name, at in named.items() if name != "forehead"], np.float32)
        left, right = (
            np.array([named[f"{eye}.{part}"] for part in ("inner", "outer", "top", "bottom")], np.float32).mean(axis=0)
            for eye in ("eye_left", "eye_right")
        )
        lips = np.array([named["mouth.left"], named["mouth.right"]], np.float32).mean(axis=0)
        observe("proposal", marks)
        face = FacePoints(marks, left, right, lips)
        return RoughFace(face, np.array(proposal.face, np.float32), proposal.faces)


def no_face() -> AvatarError:
    return AvatarError(
        "No face was found in this picture.",
        "Use a picture of one person from the front, with both eyes and the mouth in sight, and the face not small.",
    )
