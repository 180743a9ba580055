from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from vcam.engines.foreign import FileKind, identify
from vcam.engines.hashing import file_hash
from vcam.engines.manifest import (
    EngineState,
    Manifest,
    Target,
    Wanted,
    examine,
    manifest_path,
    require_current,
)
from vcam.engines.profiles import Profile
from vcam.errors import AnimatorError

WANTED = Wanted("warp_network", "fp16", 2, Target.of((8, 9), "10.13.3.9"), "s" * 64, "g" * 64, ("fold/1", "half/1"))


def header(version: tuple[int, int, int, int], magic: bytes = b"ftrt") -> bytes:
    return magic + bytes(20) + bytes(version) + b"\x01" * 200


@pytest.fixture
def engine(tmp_path: Path) -> Path:
    path = tmp_path / WANTED.file_name
    path.write_bytes(header((10, 13, 3, 9)))
    profiles: dict[str, Profile] = {"x": ((1, 2), (1, 4), (1, 8))}
    size, digest = path.stat().st_size, file_hash(path)
    Manifest(WANTED, "NVIDIA L4", "570.1", "2026-01-02T03:04:05Z", 61.5, size, digest, profiles).write(path)
    return path


def test_the_name_says_for_what(engine: Path) -> None:
    assert engine.name == "warp_network-fp16-b2-sm89-trt10.13.3.9.engine"
    assert manifest_path(engine).name == engine.name + ".json"


def test_what_is_wanted_is_current(engine: Path) -> None:
    found = examine(engine, WANTED, thorough=True)
    assert (found.state, found.reasons) == (EngineState.CURRENT, ())
    assert require_current(engine, WANTED) == Manifest.read(engine)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"precision": "fp32"}, "its precision is fp16, not fp32"),
        ({"batch": 1}, "its number of frames at once is 2, not 1"),
        ({"target": Target.of((12, 0), "10.13.3.9")}, "compute capability 8.9, this one is of compute capability 12.0"),
        ({"target": Target.of((8, 9), "11.4.0")}, "built by TensorRT 10.13.3.9, here is 11.4.0"),
        ({"source": "t" * 64, "graph": "h" * 64}, "the checkpoint's graph has changed since"),
        ({"passes": ("fold/2", "half/1")}, "rewrites graphs otherwise now (fold/1, fold/2)"),
        ({"passes": ("half/1", "fold/1")}, "in another order"),
        ({"graph": "h" * 64}, "the prepared graph is another"),
    ],
)
def test_a_stale_engine_says_why(engine: Path, change: dict[str, object], reason: str) -> None:
    wanted = replace(WANTED, **change)  # type: ignore[arg-type]
    found = examine(engine, wanted)
    assert found.state is EngineState.STALE
    assert reason in "; ".join(found.reasons)
    with pytest.raises(AnimatorError) as error:
        require_current(engine, wanted)
    assert reason in error.value.message
    assert "vcam engines build" in error.value.hint


def test_a_missing_engine(tmp_path: Path) -> None:
    assert examine(tmp_path / "none.engine", WANTED).state is EngineState.MISSING
    with pytest.raises(AnimatorError, match="There is no engine of warp_network"):
        require_current(tmp_path / "none.engine", WANTED)


def test_a_damaged_engine(engine: Path) -> None:
    content = engine.read_bytes()
    engine.write_bytes(content[:-1] + b"\x02")
    assert examine(engine, WANTED).state is EngineState.CURRENT  # only the content shows it
    assert examine(engine, WANTED, thorough=True).state is EngineState.DAMAGED
    engine.write_bytes(content[:100])
    assert examine(engine, WANTED).state is EngineState.DAMAGED
    engine.write_bytes(b"")
    assert examine(engine, WANTED).reasons == ("it is empty",)


@pytest.mark.parametrize("magic", [b"ftrt", b"ptrt"])
def test_a_published_engine_is_explained(tmp_path: Path, magic: bytes) -> None:
    path = tmp_path / "warp_network_fp16.engine"
    path.write_bytes(header((8, 6, 1, 6), magic))
    assert str(identify(path)) == "an engine of TensorRT 8.6.1"
    found = examine(path, WANTED)
    assert found.state is EngineState.FOREIGN
    with pytest.raises(AnimatorError, match=r"published engines, which fit TensorRT 8\.6\.1") as error:
        require_current(path, WANTED)
    assert "vcam engines build" in error.value.hint


def test_an_engine_without_a_manifest_is_foreign_even_if_its_version_fits(engine: Path) -> None:
    manifest_path(engine).unlink()
    found = examine(engine, WANTED)
    assert found.state is EngineState.FOREIGN
    assert found.reasons == ("it was not built by vcam: nothing says of what, or for which graphics processor",)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 99}', '{"format": 1}', '{"format": 1, "wanted": 3}'])
def test_a_broken_manifest_counts_as_none(engine: Path, text: str) -> None:
    manifest_path(engine).write_text(text)
    assert Manifest.read(engine) is None
    assert examine(engine, WANTED).state is EngineState.FOREIGN


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", FileKind.EMPTY),
        (bytes(600), FileKind.EMPTY),
        (b"\x08\x09\x12\x07pytorch", FileKind.ONNX),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", FileKind.POINTER),
        (b"\n<!DOCTYPE html>", FileKind.PAGE),
        (b"PK\x03\x04", FileKind.ARCHIVE),
        (b"\x89PNG", FileKind.UNKNOWN),
        (b"ftrt", FileKind.ENGINE),
    ],
)
def test_other_files_are_named(tmp_path: Path, content: bytes, kind: FileKind) -> None:
    path = tmp_path / "some.engine"
    path.write_bytes(content)
    facts = identify(path)
    assert facts.kind is kind
    assert facts.version is None
    assert examine(path, WANTED).state is EngineState.FOREIGN


def test_a_header_of_no_known_version_is_still_an_engine(tmp_path: Path) -> None:
    path = tmp_path / "some.engine"
    path.write_bytes(header((200, 1, 1, 1)))
    assert str(identify(path)) == "a TensorRT engine"
