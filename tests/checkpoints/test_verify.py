"""Verifying a checkpoint: the stand-in one, spoilt in several ways."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from vcam.animators.ditto.file_hashes import sha256
from vcam.animators.ditto.standin import make_stand_in_checkpoint
from vcam.checkpoints.manifest import Entry, Manifest
from vcam.checkpoints.verify import Finding, verify
from vcam.errors import AnimatorError

DECODER = "ditto_onnx/decoder.onnx"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As if it had been fetched: with a manifest."""
    folder = make_stand_in_checkpoint(tmp_path_factory.mktemp("checkpoint"))
    manifest = Manifest()
    for path in folder.glob("ditto_*/*"):
        entry = Entry(path.stat().st_size, sha256(path), "c" * 40)
        manifest = manifest.with_file("some/where", path.relative_to(folder).as_posix(), entry)
    manifest.write(folder)
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made, tmp_path / "checkpoint")


def wrong(folder: Path) -> dict[str, str]:
    return {one.name: one.detail for one in verify(folder) if one.status != "ok"}


def test_a_good_one(folder: Path) -> None:
    found = list(verify(folder))
    assert len(found) == 14
    assert {one.status for one in found} == {"ok"}
    assert Finding("ok", DECODER, "inputs and outputs are right, as fetched") in found


def test_without_a_manifest_hashes_are_not_known(folder: Path) -> None:
    (folder / "manifest.json").unlink()
    found = list(verify(folder))
    assert {one.status for one in found} == {"info"}
    assert "no hash is known" in found[0].detail


def test_what_is_missing_or_cut_short(folder: Path) -> None:
    (folder / DECODER).unlink()
    warp = folder / "ditto_onnx" / "warp_network.onnx"
    warp.write_bytes(warp.read_bytes()[:-2000])
    found = wrong(folder)
    assert found[DECODER] == "missing"
    assert found["ditto_onnx/warp_network.onnx"] == "broken: it was cut short"


def test_what_was_changed(folder: Path) -> None:
    path = folder / DECODER
    data = bytearray(path.read_bytes())
    data[data.index(b"vcam")] += 1  # the producer's name
    path.write_bytes(bytes(data))
    assert wrong(folder) == {DECODER: "changed since it was fetched"}


def test_another_network_under_the_name(folder: Path) -> None:
    shutil.copy(folder / "ditto_onnx" / "stitch_network.onnx", folder / DECODER)
    assert "it takes kp_source, kp_driving, not feature" in wrong(folder)[DECODER]


def test_a_config_that_is_no_use(folder: Path) -> None:
    (folder / "ditto_cfg" / "stand_in_online.yaml").write_text("a: 1\n")
    with pytest.raises(AnimatorError, match="has no base_cfg"):
        list(verify(folder))


def test_files_that_nothing_reads_are_hashed_too(folder: Path) -> None:
    name = "ditto_trt_Ampere_Plus/decoder_fp16.engine"
    engine = folder / name
    engine.parent.mkdir()
    engine.write_bytes(b"engine")
    Manifest.read(folder).with_file("some/where", name, Entry(6, sha256(engine), "c" * 40)).write(folder)
    assert wrong(folder) == {}
    engine.write_bytes(b"Engine")
    assert wrong(folder) == {name: "changed since it was fetched"}
    engine.unlink()
    assert wrong(folder) == {name: "missing"}


def test_no_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(AnimatorError, match="no checkpoint in"):
        list(verify(tmp_path))
