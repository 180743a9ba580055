"""The stand-in networks: of the real ones' form, and sensible enough that a person sees the portrait speak."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from vcam.animators.base import Scene
from vcam.animators.ditto.backends.base import Network
from vcam.animators.ditto.backends.onnx import OnnxBackend
from vcam.animators.ditto.networks import NETWORKS
from vcam.animators.ditto.standin import make_stand_in_checkpoint, shape, stand_in_checkpoint
from vcam.animators.ditto.standin.config import blink
from vcam.animators.lite.animator import LiteAnimator
from vcam.errors import AnimatorError
from vcam.media import ByteArray, FloatArray
from vcam.profile.model import LiteOptions


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_stand_in_checkpoint(tmp_path_factory.mktemp("stand-in"))


@pytest.fixture(scope="module")
def networks(folder: Path) -> Iterator[dict[str, Network]]:
    backend = OnnxBackend("cpu", threads=1)
    loaded = {name: backend.load(folder / "ditto_onnx" / spec.file, spec) for name, spec in NETWORKS.items()}
    yield loaded
    for network in loaded.values():
        network.close()


@pytest.fixture(scope="module")
def robin() -> ByteArray:
    return LiteAnimator("robin", LiteOptions(), Scene(1280, 720)).portrait().copy()


def digest(folder: Path) -> str:
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            found.update(path.relative_to(folder).as_posix().encode() + path.read_bytes())
    return found.hexdigest()


def test_they_are_small_and_always_the_same(folder: Path, tmp_path: Path) -> None:
    assert digest(make_stand_in_checkpoint(tmp_path)) == digest(folder)
    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) < 1_000_000


def test_each_runs_with_its_spec(networks: dict[str, Network]) -> None:
    open_sizes: dict[str, dict[str, tuple[int, ...]]] = {
        "hubert": {"input_values": (1, 6480)},
        "lmdm": {"cond": (1, 80, 1103)},
    }
    for name, network in networks.items():
        network.warm_up(**open_sizes.get(name, {}))


@pytest.mark.usefixtures("private_user")
def test_the_cached_one_is_made_once() -> None:
    folder = stand_in_checkpoint()
    made = (folder / "ditto_onnx" / "decoder.onnx").stat().st_mtime_ns
    assert stand_in_checkpoint() == folder
    assert (folder / "ditto_onnx" / "decoder.onnx").stat().st_mtime_ns == made
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_a_cache_that_cannot_be_written(private_user: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = private_user / "file"
    taken.write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(taken))
    with pytest.raises(AnimatorError, match="cannot be written"):
        stand_in_checkpoint()


def letterboxed(rgb: ByteArray) -> tuple[FloatArray, float]:
    """The detector's input, and its scale."""
    scale = 512 / max(rgb.shape[:2])
    height, width = (round(side * scale) for side in rgb.shape[:2])
    square = np.zeros((512, 512, 3), np.float32)
    square[:height, :width] = cv2.resize(rgb, (width, height))
    return np.ascontiguousarray(((square[..., ::-1] - 127.5) / 128).transpose(2, 0, 1)[None], np.float32), scale


def found_boxes(networks: dict[str, Network], rgb: ByteArray) -> FloatArray:
    """float32 [n, 4] in pixels of the picture: the boxes of the anchors that are sure, at every stride."""
    image, scale = letterboxed(rgb)
    out = networks["insightface_det"](image=image)
    boxes = []
    for number, stride in enumerate((8, 16, 32), 1):
        for index in np.flatnonzero(out[f"scores{number}"] > 0.5):
            row, column = divmod(index // 2, 512 // stride)
            left, top, right, bottom = out[f"boxes{number}"][index]
            boxes.append((column - left, row - top, column + right, row + bottom))
            boxes[-1] = tuple(value * stride / scale for value in boxes[-1])
    return np.array(boxes, np.float32).reshape(-1, 4)


@pytest.mark.parametrize(("name", "eyes", "chin"), [("robin", 283, 420), ("marlow", 299, 490)])
def test_the_face_of_a_bundled_portrait_is_found(
    networks: dict[str, Network], name: str, eyes: float, chin: float
) -> None:
    boxes = found_boxes(networks, LiteAnimator(name, LiteOptions(), Scene(1280, 720)).portrait())
    assert len(boxes) >= 3  # at every stride
    np.testing.assert_allclose(boxes, np.broadcast_to(boxes[0], boxes.shape), atol=0.1)
    left, top, right, bottom = boxes[0]
    assert 0.3 < (eyes - top) / (bottom - top) < 0.55
    assert 0.8 < (chin - top) / (bottom - top) < 1.25
    assert abs((left + right) / 2 - 640) < 30


def test_no_face_in_an_empty_picture(networks: dict[str, Network]) -> None:
    assert len(found_boxes(networks, np.full((400, 600, 3), 130, np.uint8))) == 0


def test_the_points_follow_each_other(networks: dict[str, Network]) -> None:
    """The crop that the 203 points ask for is the one that they were seen in, so a video's face does not drift."""
    points = networks["landmark203"](input=np.zeros((1, 3, 224, 224), np.float32))["landmarks"].reshape(203, 2) * 224
    eyes = (points[[0, 6, 12, 18]].mean(0) + points[[24, 30, 36, 42]].mean(0)) / 2
    lips = points[[48, 66]].mean(0)
    assert eyes[0] == pytest.approx(lips[0], abs=0.01)
    low, high = points.min(0), points.max(0)
    side = max(high - low) * 1.5
    np.testing.assert_allclose((low + high) / 2 + (0, -0.1 * side), (112, 112), atol=0.5)
    assert side == pytest.approx(224, abs=0.5)
    outer = networks["landmark106"](data=np.zeros((1, 3, 192, 192), np.float32))["fc1"].reshape(106, 2) * 96 + 96
    pairs = (outer[[33, 35, 40, 39]].mean(0), outer[[87, 89, 94, 93]].mean(0), outer[[52, 61]].mean(0))
    assert pairs[0][1] == pytest.approx(pairs[1][1], abs=0.01)
    assert pairs[0][0] + pairs[1][0] == pytest.approx(2 * pairs[2][0], abs=0.01)
    assert pairs[2][1] > pairs[0][1]


def test_hubert_gives_a_row_each_20_ms(networks: dict[str, Network]) -> None:
    for count in (3240, 6480, 12960):
        rows = networks["hubert"](input_values=np.zeros((1, count), np.float32))["encoding_out"]
        assert rows.shape == ((count - 400) // 320 + 1, 1024)
    tone = 0.1 * np.sin(2 * np.pi * 500 * np.arange(6480) / 16000)
    loud = networks["hubert"](input_values=tone[None].astype(np.float32))["encoding_out"]
    quiet = networks["hubert"](input_values=0.01 * tone[None].astype(np.float32))["encoding_out"]
    assert loud[:, 0].min() > quiet[:, 0].max() + 0.3
    assert loud[:, 1:9].mean(0).argmax() == 2  # the third band is that of 500 Hz


def run_lmdm(networks: dict[str, Network], step: int, loudness: float = 0.0, seed: int = 0) -> dict[str, FloatArray]:
    cond = np.zeros((1, 80, 1103), np.float32)
    cond[0, 40:60, 0] = loudness
    x = np.random.default_rng(seed).standard_normal((1, 80, 265)).astype(np.float32)
    frame = np.zeros((1, 265), np.float32)
    return {"x": x, **networks["lmdm"](x=x, cond_frame=frame, cond=cond, time_cond=np.array([step]))}


def test_lmdm_follows_the_sound_and_hears_the_noise(networks: dict[str, Network]) -> None:
    silent, speaking = run_lmdm(networks, 500)["x_start"], run_lmdm(networks, 500, 1.0)["x_start"]
    lower_lip = 202 + 3 * 19 + 1
    moved = (speaking - silent)[0, :, lower_lip]
    assert moved[45:55].min() > 0.04
    assert abs(moved[:38]).max() < 1e-6
    other_noise = run_lmdm(networks, 500, seed=1)["x_start"]
    assert 1e-4 < abs(other_noise - silent).max() < 0.05


def test_lmdm_keeps_the_books_of_diffusion(networks: dict[str, Network]) -> None:
    for step in (20, 500, 980):
        out = run_lmdm(networks, step, 0.5)
        at = np.cos((np.arange(1001) / 1000 + 0.008) / 1.008 * np.pi / 2) ** 2
        kept = np.cumprod(1 - np.clip(1 - at[1:] / at[:-1], 0, 0.999))[step]
        again = np.sqrt(kept) * out["x_start"] + np.sqrt(1 - kept) * out["pred_noise"]
        np.testing.assert_allclose(again, out["x"], atol=1e-4)


def decoded(networks: dict[str, Network], picture: FloatArray, driving: FloatArray) -> FloatArray:
    """The 512 picture, float32 [512, 512, 3], for a crop [1, 3, 256, 256] and moved key points."""
    features = networks["appearance_extractor"](image=picture)["pred"]
    source = shape.keypoints_in_crop()[None]
    warped = networks["warp_network"](feature_3d=features, kp_source=source, kp_driving=driving)["out"]
    return np.asarray(networks["decoder"](feature=warped)["output"][0].transpose(1, 2, 0), np.float32)


@pytest.fixture(scope="module")
def crop(robin: ByteArray) -> FloatArray:
    around = cv2.resize(robin[120:480, 460:820], (256, 256), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(around.transpose(2, 0, 1)[None].astype(np.float32) / 255)


def test_the_portrait_comes_out_as_it_went_in(networks: dict[str, Network], crop: FloatArray) -> None:
    out = decoded(networks, crop, shape.keypoints_in_crop()[None])
    expected = cv2.resize(crop[0].transpose(1, 2, 0), (512, 512), interpolation=cv2.INTER_LINEAR)
    np.testing.assert_allclose(out, expected, atol=2e-3)


def test_the_mouth_opens_dark_and_the_rest_stays(networks: dict[str, Network], crop: FloatArray) -> None:
    still, driving = shape.keypoints_in_crop()[None], shape.keypoints_in_crop()[None].copy()
    driving[0, [17, 19, 20], 1] += 0.1
    change = decoded(networks, crop, driving) - decoded(networks, crop, still)
    lip = (still[0, 19] + 1) * 256
    x, y = int(lip[0]), int(lip[1])
    assert change[y - 10 : y + 10, x - 8 : x + 8].mean() < -0.15
    assert abs(change[:200]).max() < 0.02
    assert abs(change[:, :100]).max() < 0.02


def test_a_blink_moves_the_eyes_only(networks: dict[str, Network], crop: FloatArray) -> None:
    still = shape.keypoints_in_crop()[None]
    shut = still + blink()[6].reshape(1, 21, 3) * np.float32(shape.SCALE)
    change = np.abs(decoded(networks, crop, shut) - decoded(networks, crop, still)).max(2)
    eye = (still[0, 15] + 1) * 256
    assert change[int(eye[1]) - 20 : int(eye[1]) + 20, int(eye[0]) - 30 : int(eye[0]) + 30].max() > 0.1
    assert change[330:].max() < 0.02


def test_the_motion_extractor_sees_a_face_that_looks_ahead(networks: dict[str, Network], crop: FloatArray) -> None:
    out = networks["motion_extractor"](image=crop)
    for name, limit in (("pitch", 0.01), ("yaw", 2.0), ("roll", 0.01)):
        weights = np.exp(out[name][0] - out[name].max())
        degrees = (weights / weights.sum() * np.arange(66)).sum() * 3 - 97.5
        assert abs(degrees) < limit
    assert not out["exp"].any()
    turned = networks["motion_extractor"](image=np.ascontiguousarray(crop[..., ::-1]))
    assert (turned["yaw"] != out["yaw"]).any()
