"""Proposals by networks: hand-made ones that know the mesh exactly, checkpoints on disk, and all that can go wrong."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.animators.ditto.face.painted import BLUE, Blaze, Detector, Mesh, Points, paint
from tests.animators.ditto.golden import FOLDER, case, needs_golden
from tests.animators.lite.photo.checkpoints import checkpoint_that_knows
from tests.animators.lite.photo.faces import portrait, room, truth
from tests.animators.lite.photo.meshes import Points as Mesh478
from tests.animators.lite.photo.meshes import mesh_of
from vcam.animators.ditto.backends.base import Network
from vcam.animators.ditto.backends.onnx import OnnxBackend
from vcam.animators.ditto.networks import LANDMARK106, LANDMARK203, NETWORKS
from vcam.animators.lite.photo import networks as module
from vcam.animators.lite.photo.facemesh import LEFT_EYE, RIGHT_EYE, NoFaceMesh
from vcam.animators.lite.photo.landmarks import FaceFrame
from vcam.animators.lite.photo.networks import NON_COMMERCIAL, FaceNetworks, find_mesh, propose, propose_by
from vcam.animators.lite.photo.propose import propose_landmarks
from vcam.errors import AnimatorError, AvatarError
from vcam.images import read_image
from vcam.media import ByteArray

UNITS = {name: truth((320, 200), 80).frame.to_face(point) for name, point in truth((320, 200), 80).points().items()}
PARTS = ("insightface_det", "landmark106", "landmark203", "blaze_face", "face_mesh")


def exact_mesh() -> Mesh478:
    """In the face's own coordinates."""
    face = truth((320, 200), 80)
    return np.array([face.frame.to_face((float(x), float(y))) for x, y in mesh_of(face)], np.float64)


def hand_made(others: dict[str, Network] | None = None, *, insightface: bool = True) -> FaceNetworks:
    made: dict[str, Network] = {
        "landmark203": Points(LANDMARK203),
        "blaze_face": Blaze(),
        "face_mesh": Mesh(points=exact_mesh()),
    }
    if insightface:
        made |= {"insightface_det": Detector(), "landmark106": Points(LANDMARK106)}
    return FaceNetworks(**(made | (others or {})))


@pytest.mark.parametrize(
    ("left", "right"), [((260, 180), (340, 180)), ((250, 210), (330, 180)), ((300, 150), (335, 165))]
)
def test_the_points_come_back_to_where_they_are_in_the_picture(
    left: tuple[float, float], right: tuple[float, float]
) -> None:
    proposal = propose_by(hand_made(), paint(left, right))
    frame, seen = FaceFrame(left, right), proposal.landmarks.points()
    for name, point in UNITS.items():
        if not name.startswith(("jaw.left", "jaw.right", "forehead")) and not name.endswith("rim"):
            assert seen[name] == pytest.approx(frame.to_picture(point), abs=1.0), name
    assert proposal.landmarks.eye_left.radius == pytest.approx(0.1 * frame.unit, rel=0.05)
    assert (proposal.method, proposal.faces) == ("networks", 1)
    assert proposal.confidence > 0.8
    assert NON_COMMERCIAL in proposal.notices


def test_without_insightface_vcam_finds_the_face() -> None:
    picture, right = portrait()
    for name in ("left", "right"):  # so that the hand-made networks see them too
        x, y = getattr(right, f"eye_{name}").iris
        cv2.circle(picture, (round(x), round(y)), 8, BLUE, -1, cv2.LINE_AA)
    left, other = right.mouth.left, right.mouth.right
    cv2.ellipse(picture, (320, round(left[1])), (round((other[0] - left[0]) / 2), 10), 0, 0, 360, (220, 25, 30), -1)
    proposal = propose_by(hand_made(insightface=False), picture)
    assert proposal.method == "mesh"
    assert proposal.notices == ()
    assert proposal.landmarks.eye_left.iris == pytest.approx(right.eye_left.iris, abs=1.5)


def test_several_faces_and_small_ones_are_said() -> None:
    boxes = [(10, 10, 60, 60, 0.99), (170, 83, 310, 256, 0.6)]
    proposal = propose_by(hand_made({"insightface_det": Detector(boxes)}), paint((260, 180), (340, 180)))
    assert any("2 faces" in notice for notice in proposal.notices)
    small = propose_by(hand_made(), paint((300, 150), (330, 150)))
    assert any("small" in notice for notice in small.notices)
    with pytest.raises(AvatarError, match="too small"):
        propose_by(hand_made(), paint((300, 150), (314, 150)))


@pytest.mark.parametrize(
    ("others", "error"),
    [
        ({"insightface_det": Detector([])}, AvatarError),
        ({"landmark106": Points(LANDMARK106, blind=True)}, AvatarError),
        ({"landmark203": Points(LANDMARK203, blind=True)}, AvatarError),
        ({"blaze_face": Blaze(blind=True)}, AvatarError),
        ({"face_mesh": Mesh(blind=True)}, NoFaceMesh),
        ({"face_mesh": Mesh()}, NoFaceMesh),  # whose other points are around the face in a ring
    ],
)
def test_networks_that_see_nothing_or_nonsense(others: dict[str, Network], error: type[Exception]) -> None:
    with pytest.raises(error):
        propose_by(hand_made(others), paint((260, 180), (340, 180)))


# -- checkpoints on disk ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkpoint_that_knows(tmp_path_factory.mktemp("checkpoint"))


@pytest.fixture
def copy(checkpoint: Path, tmp_path: Path) -> Path:
    return shutil.copytree(checkpoint, tmp_path / "copy")


@pytest.fixture(scope="module")
def picture() -> ByteArray:
    return portrait(640, 480, unit=76)[0]


def test_a_checkpoints_networks_propose(checkpoint: Path, picture: ByteArray) -> None:
    proposal = propose(picture, checkpoint)
    assert proposal.method == "networks"
    assert proposal.notices == (NON_COMMERCIAL,)
    right = portrait(640, 480, unit=76)[1]
    # the detector tells the box to within its cells
    assert proposal.landmarks.nose == pytest.approx(right.nose, abs=12)


def test_without_insightface_where_that_is_wanted_or_it_is_not_there(copy: Path, picture: ByteArray) -> None:
    assert propose(picture, copy, "mesh").method == "mesh"
    (copy / "ditto_onnx" / "insightface_det.onnx").unlink()
    proposal = propose(picture, copy)
    assert (proposal.method, proposal.notices) == ("mesh", ())


def test_lite_asks_no_network(checkpoint: Path, picture: ByteArray, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_loaded", None)
    assert propose(picture, checkpoint, "lite") == propose_landmarks(picture)


def test_without_a_checkpoint_there_is_nothing_to_say(tmp_path: Path, picture: ByteArray) -> None:
    assert propose(picture, tmp_path) == propose_landmarks(picture)


@pytest.mark.parametrize("damage", ["missing", "torn", "another", "no config"])
def test_a_broken_checkpoint_is_done_without_and_said(copy: Path, picture: ByteArray, damage: str) -> None:
    mesh = copy / "ditto_onnx" / "face_mesh.onnx"
    if damage == "missing":
        mesh.unlink()
    elif damage == "torn":
        mesh.write_bytes(mesh.read_bytes()[:1000])
    elif damage == "another":
        shutil.copy(copy / "ditto_onnx" / "blaze_face.onnx", mesh)
    else:
        shutil.rmtree(copy / "ditto_cfg")
    plain = propose_landmarks(picture)
    proposal = propose(picture, copy)
    assert proposal.landmarks == plain.landmarks
    assert proposal.method == "mtcnn"
    assert "did not help" in proposal.notices[0]
    assert proposal.notices[1:] == plain.notices


def test_without_onnxruntime(checkpoint: Path, picture: ByteArray, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise AnimatorError("onnxruntime is not installed; the ditto animator needs it.", "pip install it")

    monkeypatch.setattr("vcam.animators.ditto.backends.onnx.load_runtime", missing)
    assert "onnxruntime is not installed" in propose(picture, checkpoint).notices[0]


def test_a_picture_without_a_face_is_refused(checkpoint: Path) -> None:
    with pytest.raises(AvatarError, match="No face"):
        propose(room(320, 240), checkpoint)


def test_a_mesh_that_the_picture_contradicts_is_not_taken(tmp_path: Path, picture: ByteArray) -> None:
    proposal = propose(picture, checkpoint_that_knows(tmp_path, lowered=0.45))
    assert "the picture shows no eyes there" in proposal.notices[0]
    assert proposal.landmarks == propose_landmarks(picture).landmarks


# -- the conformance data ---------------------------------------------------------------------------------------------


def golden_networks() -> FaceNetworks:
    backend, folder = OnnxBackend("cpu", threads=1), FOLDER / "checkpoints" / "ditto_onnx"
    return FaceNetworks(**{name: backend.load(folder / NETWORKS[name].file, NETWORKS[name]) for name in PARTS})


@needs_golden
@pytest.mark.parametrize("source", ["portrait_a.png", "portrait_b.png"])
def test_the_conformance_networks_find_the_drawn_eyes(source: str) -> None:
    """They find them by their colours, and scatter the points that registration does not read."""
    picture = read_image(FOLDER / "inputs" / source)
    found = find_mesh(golden_networks(), picture)
    for eye in (LEFT_EYE, RIGHT_EYE):
        x, y = (round(float(value)) for value in found.points[eye.iris])
        assert picture[y - 2 : y + 3, x - 2 : x + 3].mean() < 40  # the pupil
    proposal = propose(picture, FOLDER / "checkpoints")
    assert "the mesh fits no face here" in proposal.notices[0]
    assert proposal.landmarks == propose_landmarks(picture).landmarks


@needs_golden
def test_the_mesh_is_the_recorded_one() -> None:
    golden = case("online_default").golden
    matrix = golden["M_c2o"][0]
    wanted = golden["lmk478"][0][:, :2] * 512 @ matrix[:2, :2].T + matrix[:2, 2]
    found = find_mesh(golden_networks(), case("online_default").source_frames[0])
    np.testing.assert_allclose(found.points, wanted, atol=0.05)
