"""Registration against the recorded reference, every stage of every case."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import fields
from functools import cache

import cv2
import numpy as np
import pytest

from tests.animators.ditto.golden import Case, case, every_case, network
from vcam.animators.ditto.avatar import DittoAvatar
from vcam.animators.ditto.backends.base import Array
from vcam.animators.ditto.motion import SourceMotion
from vcam.animators.ditto.registration import REFERENCE, RegistrationNetworks, register

# The README's column "opencv 4.x". What it does not name is exact, or follows from what it names.
TOLERANCES: dict[str, float] = {
    "det_boxes": 1e-2,
    "det_kps": 1e-2,
    "lmk106": 1e-2,
    "lmk203": 1e-2,
    "lmk478": 1e-4,
    "eye_open": 1e-4,
    "eye_ball": 1e-4,
    "crop512_block8": 0.1,
    "f_s_sample": 1e-3,
    "f_s_stats": 1e-5,
    "sc": 1e-5,
    **{
        f"xs_{kind}_{key}": 1e-3 if key in ("pitch", "yaw", "roll") else 1e-5
        for kind in ("raw", "used")
        for key in SourceMotion.SHAPES
    },
}
TRANSLATION = 2e-2


@cache
def registered(name: str) -> tuple[DittoAvatar, dict[str, list[Array]]]:
    """The avatar of a case, and what was seen on the way. Cases with the same source and options share one."""
    one, seen = case(name), defaultdict(list)
    networks = RegistrationNetworks(**{field.name: network(field.name) for field in fields(RegistrationNetworks)})
    avatar = register(
        one.source_path,
        one.options,
        networks,
        quirks=REFERENCE,
        observe=lambda key, value: seen[key].append(np.array(value)),
    )
    return avatar, {**seen, **_derived(avatar, seen)}


def _derived(avatar: DittoAvatar, seen: dict[str, list[Array]]) -> dict[str, list[Array]]:
    """What the recording reduced."""
    features = [frame.features[0] for frame in avatar.frames]
    blocks = [cv2.resize(crop.astype(np.float32), (8, 8), interpolation=cv2.INTER_AREA) for crop in seen["crop512"]]
    return {
        "crop512_block8": [np.asarray(block) for block in blocks],
        "f_s_sample": [one[::4, ::4, ::8, ::8] for one in features],
        "f_s_stats": [np.array([one.mean(), one.std()]) for one in features],
    }


@every_case
def test_the_source_is_the_very_same(case: Case) -> None:
    avatar, _ = registered(case.name)
    hashes = [hashlib.sha256(frame.image.tobytes()).hexdigest() for frame in avatar.frames]
    assert hashes == list(case.golden["source_sha256"])
    assert avatar.frames[0].image.shape == tuple(case.golden["source_shape"])
    assert avatar.is_video is not bool(case.golden["source_is_image"])


@pytest.mark.parametrize("stage", TOLERANCES)
@every_case
def test_a_stage_is_within_its_tolerance(case: Case, stage: str) -> None:
    expected = case.golden[stage]
    found = np.stack(registered(case.name)[1][stage]).reshape(expected.shape)
    np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCES[stage])


@every_case
def test_the_crops_place_is_within_its_tolerance(case: Case) -> None:
    avatar, expected = registered(case.name)[0], case.golden["M_c2o"]
    found = np.stack([frame.crop_to_image for frame in avatar.frames])
    np.testing.assert_allclose(found[:, :, 2], expected[:, :, 2], rtol=0, atol=TRANSLATION)
    np.testing.assert_allclose(found[:, :, :2], expected[:, :, :2], rtol=0, atol=TRANSLATION / 500)


@every_case
def test_the_crop_is_the_recorded_one(case: Case) -> None:
    if "crop512" not in case.golden:
        pytest.skip("the case holds no whole crop")
    found = registered(case.name)[1]["crop512"][0]
    assert (found != case.golden["crop512"]).mean() < 0.01  # none at all with the very same opencv
