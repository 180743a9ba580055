"""Opening a checkpoint's folder: configs, files, options, YAML."""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from tests.animators.ditto.golden import FOLDER, needs_golden
from vcam.animators.ditto.backends.onnx import OnnxBackend
from vcam.animators.ditto.checkpoint import Checkpoint, config_files
from vcam.animators.ditto.conditions import ConditionUse
from vcam.animators.ditto.config_file import read_config, to_yaml
from vcam.animators.ditto.networks import DECODER, HUBERT, LMDM, NETWORKS, STITCH, WARP
from vcam.animators.ditto.standin import make_stand_in_checkpoint
from vcam.errors import AnimatorError


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_stand_in_checkpoint(tmp_path_factory.mktemp("checkpoint"))


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A stand-in checkpoint of one's own, whose files are as large and whose configs are pickles as published."""
    shutil.copytree(made / "ditto_onnx", tmp_path / "ditto_onnx")
    (tmp_path / "ditto_cfg").mkdir()
    write_config(tmp_path, "v0.4_hubert_cfg_trt.pkl", overlap_v2=10)
    write_config(tmp_path, "v0.4_hubert_cfg_trt_online.pkl", overlap_v2=70, online_mode=True)
    write_config(tmp_path, "v0.4_hubert_cfg_pytorch.pkl", overlap_v2=11)
    return tmp_path


def config(**kwargs: Any) -> dict[str, Any]:
    return {
        "base_cfg": {
            "decoder_cfg": {"model_path": "decoder_fp16.engine", "device": "cuda"},
            "warp_network_cfg": {"model_path": "../../etc/warp_network_fp16.engine"},
            "landmark478_cfg": {"blaze_face_model_path": "..\\blaze_face_fp16.engine", "face_mesh_model_path": 3},
        },
        "audio2motion_cfg": {
            "model_path": "lmdm_v0.4_hubert_fp32.engine",
            "audio_feat_dim": 1103,
            "motion_feat_dim": 265,
            **dict.fromkeys(("use_emo", "use_sc", "use_eye_open", "use_eye_ball"), True),
        },
        "default_kwargs": {"emo": 4, "drive_eye": None, **kwargs},
    }


def write_config(folder: Path, name: str, **kwargs: Any) -> Path:
    path = folder / "ditto_cfg" / name
    path.write_bytes(pickle.dumps(config(**kwargs)))
    return path


def test_the_configs_for_streams_and_recordings(folder: Path) -> None:
    checkpoint = Checkpoint.open(folder)
    assert checkpoint.online.path.name == "v0.4_hubert_cfg_trt_online.pkl"
    assert checkpoint.offline.path.name == "v0.4_hubert_cfg_trt.pkl"
    assert (checkpoint.options(live=True).overlap_v2, checkpoint.options(live=True).online_mode) == (70, True)
    assert (checkpoint.options(live=False).overlap_v2, checkpoint.options(live=False).online_mode) == (10, False)
    assert checkpoint.use == ConditionUse()


def test_a_config_for_onnx_or_in_yaml_wins(folder: Path) -> None:
    write_config(folder, "v0.4_hubert_cfg_onnx_online.pkl", overlap_v2=75, online_mode=True)
    write_config(folder, "v0.4_hubert_cfg_onnx_online_full.pkl", overlap_v2=76, online_mode=True)
    assert Checkpoint.open(folder).options(live=True).overlap_v2 == 75
    (folder / "ditto_cfg" / "mine_online.yaml").write_text(to_yaml(config(overlap_v2=77, online_mode=True)))
    assert Checkpoint.open(folder).options(live=True).overlap_v2 == 77


def test_one_config_serves_for_both(folder: Path) -> None:
    for path in config_files(folder):
        if "online" not in path.name:
            path.unlink()
    checkpoint = Checkpoint.open(folder)
    assert checkpoint.options(live=False).online_mode is False
    for path in config_files(folder):
        path.unlink()
    write_config(folder, "offline.pkl", overlap_v2=10, sampling_timesteps=33)
    options = Checkpoint.open(folder).options(live=True)
    assert (options.online_mode, options.overlap_v2, options.sampling_timesteps) == (True, 70, 33)


def test_files_are_found_inside_the_folder_only(folder: Path) -> None:
    checkpoint = Checkpoint.open(folder)
    for spec in NETWORKS.values():
        assert checkpoint.path(spec) == folder / "ditto_onnx" / spec.file
    assert checkpoint.online.files["warp_network"] == "warp_network_fp16.engine"
    assert checkpoint.online.files["blaze_face"] == "blaze_face_fp16.engine"
    assert checkpoint.online.files["lmdm"] == "lmdm_v0.4_hubert_fp32.engine"


def test_a_config_may_name_another_graph(folder: Path) -> None:
    (folder / "ditto_onnx" / "decoder.onnx").rename(folder / "ditto_onnx" / "decoder_small.onnx")
    values = config(online_mode=True)
    values["base_cfg"]["decoder_cfg"]["model_path"] = "../elsewhere/decoder_small.onnx"
    (folder / "ditto_cfg" / "small_online.yaml").write_text(to_yaml(values))
    assert Checkpoint.open(folder).path(DECODER) == folder / "ditto_onnx" / "decoder_small.onnx"


def test_networks_are_loaded_by_name(folder: Path) -> None:
    seen: list[str] = []
    loaded = Checkpoint.open(folder).load(OnnxBackend("cpu", threads=1), (STITCH, DECODER), seen.append)
    assert list(loaded) == seen == ["stitch_network", "decoder"]


def test_what_was_loaded_is_freed_when_another_fails(folder: Path) -> None:
    class Watched(OnnxBackend):
        def load(self, path: Path, spec: Any) -> Any:
            opened.append(super().load(path, spec))
            return opened[-1]

    opened: list[Any] = []
    (folder / "ditto_onnx" / "decoder.onnx").write_bytes(b"broken")
    with pytest.raises(AnimatorError, match="decoder cannot be loaded"):
        Checkpoint.open(folder).load(Watched("cpu", threads=1), (STITCH, DECODER))
    with pytest.raises(AnimatorError, match="closed"):
        opened[0].warm_up()


def test_what_is_missing_says_what_to_do(folder: Path) -> None:
    checkpoint = Checkpoint.open(folder)
    for spec in (HUBERT, WARP):
        (folder / "ditto_onnx" / spec.file).unlink()
    assert checkpoint.missing((HUBERT, LMDM)) == [folder / "ditto_onnx" / "hubert.onnx"]
    with pytest.raises(AnimatorError, match=r"not complete: hubert\.onnx, warp_network\.onnx") as caught:
        checkpoint.load(OnnxBackend("cpu", threads=1), NETWORKS.values())
    assert "vcam checkpoints pull" in caught.value.hint


@pytest.mark.parametrize("inside", [(), ("ditto_onnx",)])
def test_no_checkpoint(tmp_path: Path, inside: tuple[str, ...]) -> None:
    for name in inside:
        (tmp_path / name).mkdir()
    with pytest.raises(AnimatorError, match=r"no checkpoint in|no config in") as caught:
        Checkpoint.open(tmp_path)
    assert "vcam checkpoints pull" in caught.value.hint


def change_sum(values: dict[str, Any]) -> None:
    values["audio2motion_cfg"]["audio_feat_dim"] = 1059


def change_frames(values: dict[str, Any]) -> None:
    values["audio2motion_cfg"]["seq_frames"] = 100


def change_sound(values: dict[str, Any]) -> None:
    values["audio2motion_cfg"]["w2f_type"] = "cocktail"


def change_option(values: dict[str, Any]) -> None:
    values["default_kwargs"]["smo_k_d"] = "many"


def drop(values: dict[str, Any]) -> None:
    del values["default_kwargs"]


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (change_sum, "audio_feat_dim 1059, but its use_ flags add up to 1103"),
        (change_frames, "seq_frames 100; only 80"),
        (change_sound, "w2f_type 'cocktail'; only hubert"),
        (change_option, "smo_k_d cannot be 'many'"),
        (drop, "has no default_kwargs"),
    ],
)
def test_configs_for_something_else(folder: Path, change: Callable[[dict[str, Any]], None], what: str) -> None:
    values = config()
    change(values)
    path = folder / "ditto_cfg" / "odd_online.yaml"
    path.write_text(to_yaml(values))
    with pytest.raises(AnimatorError, match=what) as caught:
        Checkpoint.open(folder)
    assert "odd_online.yaml" in str(caught.value)


def test_unknown_options_are_told_not_fatal(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = write_config(folder, "v0.4_online.pkl", future_option=3)
    with caplog.at_level("INFO"):
        assert read_config(path).unknown == ("future_option",)
    assert "future_option" in caplog.text


ARRAYS: dict[str, Any] = {
    "emo": np.random.default_rng(1).random((6, 8)).astype(np.float32),
    "delta_eye_arr": np.random.default_rng(2).random((15, 63)),
    "v_min_max_for_clip": np.random.default_rng(3).standard_normal((4, 265)).astype(np.float32) * 1e-3,
}


def test_yaml_keeps_every_value(folder: Path, tmp_path: Path) -> None:
    values = config(**ARRAYS, fix_kp_cond_dim=[0, 202], fade_out_keys=["exp"], ctrl_info={5: {"delta_pitch": 4.0}})
    path = tmp_path / "exported.yaml"
    path.write_text(to_yaml(values))
    again = read_config(path)
    kwargs = again.values["default_kwargs"]
    for name, array in ARRAYS.items():
        assert kwargs[name].dtype == array.dtype
        np.testing.assert_array_equal(kwargs[name], array)
    assert {key: value for key, value in kwargs.items() if key not in ARRAYS} == {
        key: value for key, value in values["default_kwargs"].items() if key not in ARRAYS
    }
    assert isinstance(again.options.emo, np.ndarray)
    assert again.options.ctrl_info[5].delta_pitch == 4


def test_arrays_may_be_plain_lists_too(made: Path) -> None:
    options = Checkpoint.open(made).options(live=True)
    assert options.delta_eye_arr is not None
    assert options.delta_eye_arr.shape == (15, 63)
    assert options.overlap_v2 == 70


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("a: &x [1]\nb: *x\n", "anchors or aliases"),
        ("a: !!python/object/apply:os.system ['exit 1']\n", "tag"),
        ("a: " + "[" * 40 + "]" * 40, "nested deeper"),
        ("a: [1\n", "not YAML"),
        ("a: {dtype: object, shape: [1], values: [1]}", "array of object"),
        ("a: {dtype: float32, shape: [1000000000000], values: [1]}", "refused"),
        ("a: {dtype: float32, shape: [2], values: [x, y]}", "refused"),
        ("just text", "has no base_cfg"),
        ("", "has no base_cfg"),
        ("a: 2020-01-01", "unknown value"),
    ],
)
def test_odd_yaml(tmp_path: Path, text: str, what: str) -> None:
    path = tmp_path / "odd.yaml"
    path.write_text(text)
    with pytest.raises(AnimatorError, match=what):
        read_config(path)


def test_large_yaml(tmp_path: Path) -> None:
    path = tmp_path / "large.yaml"
    path.write_bytes(b"# " + b"x" * (4 * 2**20))
    with pytest.raises(AnimatorError, match="larger than 4 MB"):
        read_config(path)


@needs_golden
def test_the_recorded_checkpoint(tmp_path: Path) -> None:
    checkpoint = Checkpoint.open(FOLDER / "checkpoints")
    assert checkpoint.online.path.name == "v0.4_hubert_cfg_onnx_online.pkl"
    assert checkpoint.offline.path.name == "v0.4_hubert_cfg_onnx.pkl"
    assert checkpoint.missing() == []
    full = read_config(FOLDER / "checkpoints" / "ditto_cfg" / "v0.4_hubert_cfg_onnx_online_full.pkl")
    path = tmp_path / "full.yaml"
    path.write_text(to_yaml(full.values))
    assert len(yaml.safe_load(path.read_text())["default_kwargs"]["emo"]["values"]) == 600 * 8
    again = read_config(path)
    assert again.options.ch_info is not None
    assert full.options.ch_info is not None
    np.testing.assert_array_equal(again.options.ch_info.identity, full.options.ch_info.identity)
    np.testing.assert_array_equal(again.options.v_min_max_for_clip, full.options.v_min_max_for_clip)
