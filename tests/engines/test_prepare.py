from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from rich.console import Console

from tests.engines.conftest import Full
from vcam.animators.ditto.networks import DECODER, HUBERT, LMDM, MOTION, NETWORKS, STITCH, WARP
from vcam.engines.equality import compare, run_graph
from vcam.engines.flops import count_flops
from vcam.engines.passes import Pass, PassResult, passes_for
from vcam.engines.prepare import prepare, prepare_network
from vcam.engines.profiles import profiles_for
from vcam.engines.records import Record
from vcam.engines.samples import random_inputs
from vcam.engines.tables import steps_table, summary_table
from vcam.errors import AnimatorError

SMALL = {
    "lmdm": {"layers": 2, "audio_features": 40},
    "hubert": {"layers": 1},
    "motion_extractor": {},
    "stitch_network": {},
}

# The same networks for smaller pictures.
SMALL_WARP = replace(WARP, inputs={**WARP.inputs, "feature_3d": (1, 32, 2, 32, 32)}, outputs={"out": (1, 256, 32, 32)})
SMALL_DECODER = replace(DECODER, inputs={"feature": (1, 256, 8, 8)}, outputs={"output": (1, 3, 64, 64)})


@pytest.fixture
def checkpoint(full_size: Full, tmp_path: Path) -> Path:
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    for name, options in SMALL.items():
        onnx.save(full_size(name, **options), folder / NETWORKS[name].file)
    return folder


def test_a_checkpoint_is_prepared_once(checkpoint: Path, tmp_path: Path) -> None:
    told: list[tuple[str, str]] = []
    made = prepare(checkpoint, tmp_path / "out", batch=2, progress=lambda *what: told.append(what))
    assert {item.record.network for item in made} == set(SMALL)
    assert all(item.fresh for item in made)
    assert ("lmdm", "split_rows") in told
    by_name = {item.record.network: item for item in made}
    assert by_name["stitch_network"].record.batch == 2
    assert by_name["hubert"].record.batch == 1
    assert {item.record.precision for item in made} == {"fp32"}  # none of these is rounded
    for item in made:
        assert item.record.unsupported == ()
        for file in item.record.files:
            onnx.checker.check_model(onnx.load(item.folder / file.name), full_check=True)

    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()}
    again = prepare(checkpoint, tmp_path / "out", batch=2)
    assert not any(item.fresh for item in again)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()} == before
    assert [item.record for item in again] == [item.record for item in made]


def test_what_changed_or_broke_is_prepared_again(checkpoint: Path, tmp_path: Path, full_size: Full) -> None:
    out = tmp_path / "out"
    (first,) = prepare(checkpoint, out, networks=["stitch_network"])
    first.paths()["network"].write_bytes(b"cut short")
    assert prepare(checkpoint, out, networks=["stitch_network"])[0].fresh
    (out / "stitch_network-fp32-b1.json").write_text("{")
    assert prepare(checkpoint, out, networks=["stitch_network"])[0].fresh
    assert not prepare(checkpoint, out, networks=["stitch_network"])[0].fresh
    onnx.save(full_size("stitch_network", seed=5), checkpoint / STITCH.file)
    assert prepare(checkpoint, out, networks=["stitch_network"])[0].fresh
    assert not list(out.glob("*.part"))


def test_the_two_parts_of_lmdm_give_what_the_whole_gave(checkpoint: Path, tmp_path: Path) -> None:
    made = prepare_network(LMDM, checkpoint / LMDM.file, tmp_path)
    whole = onnx.load(checkpoint / LMDM.file)
    condition, step = (onnx.load(made.paths()[role]) for role in ("condition", "step"))
    inputs = random_inputs(whole, seed=9)
    handed = run_graph(condition, {"cond": inputs.pop("cond")})
    reference = run_graph(whole, random_inputs(whole, seed=9))
    assert compare(run_graph(step, {**inputs, **handed}), reference).relative <= 1e-5
    assert {file.role: file.flops for file in made.record.files} == {
        "condition": count_flops(condition),
        "step": count_flops(step),
    }
    listed = {file.role: file for file in made.record.files}
    assert listed["condition"].outputs == {n: s for n, s in listed["step"].inputs.items() if n.startswith("condition")}


@pytest.mark.parametrize("custom", [False, True])
def test_the_published_kind_of_warp_network(full_size: Full, tmp_path: Path, custom: bool) -> None:
    source = tmp_path / WARP.file
    onnx.save(full_size("warp_network", width=0.01, size=32, depth=2, custom=custom), source)
    made = prepare_network(SMALL_WARP, source, tmp_path)
    assert made.record.precision == "fp16"
    assert made.record.error is not None
    assert 0 < made.record.error.rms < 2e-2
    kinds = {node.op_type for node in onnx.load(made.paths()["network"]).graph.node}
    assert not {"GridSample", "GridSample3D", "Resize"} & kinds
    assert any("cannot run the original" in note for step in made.record.steps for note in step.notes) == custom


def test_a_batch_gives_what_single_frames_give(full_size: Full, tmp_path: Path) -> None:
    source = tmp_path / DECODER.file
    onnx.save(full_size("decoder", width=0.01, size=8), source)
    made = prepare_network(SMALL_DECODER, source, tmp_path, "fp32", batch=2)
    original = onnx.load(source)
    singles = [random_inputs(original, seed) for seed in (5, 6)]
    expected = np.concatenate([run_graph(original, one)["output"] for one in singles])
    feature = np.concatenate([one["feature"] for one in singles])
    got = run_graph(onnx.load(made.paths()["network"]), {"feature": feature})
    assert compare(got, {"output": expected}).relative <= 1e-5
    assert made.paths()["network"].name == "decoder-fp32-b2.onnx"


def test_hubert_keeps_its_open_length(checkpoint: Path, tmp_path: Path) -> None:
    made = prepare_network(HUBERT, checkpoint / HUBERT.file, tmp_path)
    inputs = made.record.files[0].inputs
    assert inputs == {"input_values": [1, None]}
    assert profiles_for(inputs) == {"input_values": ((1, 3240), (1, 6480), (1, 12960))}
    model = onnx.load(made.paths()["network"])
    rows = [
        run_graph(model, random_inputs(model, sizes={"input_values": n}))["encoding_out"].shape[0]
        for n in (3240, 6480, 12960)
    ]
    assert rows == [9, 20, 40]


def test_a_rewrite_that_changes_results_is_refused(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spoil(model: onnx.ModelProto) -> PassResult:
        made = onnx.ModelProto()
        made.CopyFrom(model)
        made.graph.initializer[0].raw_data = bytes(len(made.graph.initializer[0].raw_data))
        return PassResult(made, 1)

    monkeypatch.setattr("vcam.engines.prepare.passes_for", lambda *_: (Pass("spoil", 1, spoil),))
    with pytest.raises(AnimatorError, match="gives something else after the rewrite spoil"):
        prepare_network(MOTION, checkpoint / MOTION.file, tmp_path)


def test_what_is_no_graph_is_explained(tmp_path: Path) -> None:
    (tmp_path / STITCH.file).write_bytes(b"<html>404</html>")
    with pytest.raises(AnimatorError, match="is no ONNX graph"):
        prepare_network(STITCH, tmp_path / STITCH.file, tmp_path)
    with pytest.raises(AnimatorError, match="cannot be read"):
        prepare(tmp_path, tmp_path / "out", networks=["decoder"])
    with pytest.raises(AnimatorError, match="no ONNX graphs"):
        prepare(tmp_path / "empty", tmp_path / "out")


def test_another_network_under_the_name_is_explained(checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(AnimatorError, match="other inputs or outputs"):
        prepare_network(STITCH, checkpoint / MOTION.file, tmp_path)


def test_a_record_of_another_time_is_not_read(checkpoint: Path, tmp_path: Path) -> None:
    prepare(checkpoint, tmp_path / "out", networks=["stitch_network"])
    path = tmp_path / "out" / "stitch_network-fp32-b1.json"
    assert Record.read(path) is not None
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 0}))
    assert Record.read(path) is None


def test_tables_name_every_pass(checkpoint: Path, tmp_path: Path) -> None:
    (made,) = prepare(checkpoint, tmp_path / "out", networks=["lmdm"])
    shown = io.StringIO()
    console = Console(width=200, file=shown)
    console.print(steps_table(made.record))
    console.print(summary_table([made.record]))
    text = shown.getvalue()
    assert all(item.name in text for item in passes_for(LMDM, "fp32"))
    assert "once a clip" in text
