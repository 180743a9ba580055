from __future__ import annotations

from pathlib import Path

import pytest

from vcam.animators.ditto.networks import NETWORKS
from vcam.checkpoints.location import VARIABLE, checkpoint_folder, default_folder
from vcam.checkpoints.parts import LICENCES, licence_of, part_of
from vcam.profile import Profile


def test_every_network_has_one_licence() -> None:
    named = [name for licence in LICENCES for name in licence.networks]
    assert sorted(named) == sorted(NETWORKS)
    assert {name for name in NETWORKS if not licence_of(name).free} == {"insightface_det", "landmark106"}


@pytest.mark.parametrize(
    ("path", "part"),
    [
        ("ditto_cfg/v0.4_hubert_cfg_trt_online.pkl", "cfg"),
        ("ditto_onnx/lmdm_v0.4_hubert.onnx", "onnx"),
        ("ditto_trt_Ampere_Plus/warp_network_fp16.engine", "trt"),
        ("ditto_onnx/libgrid_sample_3d_plugin.so", ""),
        ("ditto_onnx/.hidden.onnx", ""),
        ("ditto_onnx/../x.onnx", ""),
        ("ditto_onnx/x.onnx\n", ""),
        ("README.md", ""),
    ],
)
def test_parts_by_paths(path: str, part: str) -> None:
    found = part_of(path)
    assert (found.name if found else "") == part


@pytest.mark.usefixtures("private_user")
def test_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert default_folder().name == "checkpoints"
    assert checkpoint_folder(Profile()) == default_folder()
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    assert checkpoint_folder(Profile()) == tmp_path
    other = tmp_path / "other"
    assert checkpoint_folder(Profile().with_changes("animator", ditto={"checkpoint": str(other)})) == other
