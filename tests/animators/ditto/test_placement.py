"""Where the photo and the face lie in a picture of the camera's size."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.animators.ditto.drawing import source_frame
from vcam.animators.base import Scene
from vcam.animators.ditto.placement import InScene
from vcam.stage import fit

SPOT = (150.0, 90.0)  # where in the photo the crop's pixel (256, 256) lies


def spotted(width: int = 320, height: int = 200) -> np.ndarray:
    """A grey photo with a white spot."""
    image = np.full((height, width, 3), 60, np.uint8)
    x, y = int(SPOT[0]), int(SPOT[1])
    image[y - 3 : y + 4, x - 3 : x + 4] = 255
    return image


MATRIX = np.array([[0.25, 0, SPOT[0] - 64], [0, 0.25, SPOT[1] - 64], [0, 0, 1]], np.float32)


@pytest.mark.parametrize(
    "scene",
    [
        Scene(640, 360),
        Scene(1280, 720),
        Scene(160, 120),
        Scene(640, 360, zoom=1.7, shift_x=0.1, shift_y=-0.2),
        Scene(640, 360, zoom=0.5),
        Scene(400, 720, backdrop=np.zeros((720, 400, 3), np.uint8)),
    ],
    ids=["same shape", "larger", "smaller", "closer and aside", "further away", "on a backdrop"],
)
def test_the_face_lies_where_the_photo_shows_it(scene: Scene) -> None:
    picture, matrix, _ = InScene(scene)(source_frame(spotted(), MATRIX))
    assert picture.shape == (scene.height, scene.width, 3)
    white = np.argwhere(picture[..., 0] > 150)
    assert white.mean(axis=0)[::-1] == pytest.approx(matrix[:2] @ (256, 256, 1), abs=0.5)


def test_a_photo_lies_as_the_stage_would_lay_it() -> None:
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (20, 32, 3), np.uint8)
    image = np.repeat(np.repeat(noise, 10, axis=0), 10, axis=1)
    picture, _, _ = InScene(Scene(320, 320))(source_frame(image, MATRIX))
    assert np.abs(picture.astype(int) - fit(image, 320, 320)).mean() < 1


def test_the_backdrop_stays_as_it_was() -> None:
    backdrop = np.full((360, 640, 3), 200, np.uint8)
    picture, _, _ = InScene(Scene(640, 360, zoom=0.5, backdrop=backdrop))(source_frame(spotted(), MATRIX))
    assert (backdrop == 200).all()
    assert (picture[0, 0] == 200).all()
    assert (picture[180, 320] < 200).all()


@pytest.mark.parametrize("scene", [Scene(640, 300), Scene(300, 640, zoom=0.7), Scene(640, 300, zoom=1.5, shift_x=0.2)])
def test_what_the_photo_covers_is_told(scene: Scene) -> None:
    scene = replace(scene, backdrop=np.zeros((scene.height, scene.width, 3), np.uint8))
    picture, _, (left, top, right, bottom) = InScene(scene)(source_frame(np.full((200, 320, 3), 255, np.uint8), MATRIX))
    rows, columns = (np.flatnonzero((picture[..., 0] > 127).any(axis=axis)) for axis in (1, 0))
    assert (max(0, left), min(scene.width, right)) == pytest.approx((columns[0], columns[-1] + 1), abs=1)
    assert (max(0, top), min(scene.height, bottom)) == pytest.approx((rows[0], rows[-1] + 1), abs=1)
