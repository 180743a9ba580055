"""Building engines, with an emulated TensorRT: what is built when, what is noted, what is said when it fails."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.animators.ditto.backends.emulated.device import Device
from tests.animators.ditto.backends.emulated.tensorrt import Emulation
from vcam.animators.ditto.backends.tensorrt_engines import engines_folder
from vcam.animators.ditto.backends.tensorrt_runtime import TensorRt
from vcam.animators.ditto.standin import make_stand_in_checkpoint
from vcam.engines.build import Progress, Workshop, build, clean, list_engines, networks_called
from vcam.engines.manifest import EngineState, Manifest, Target
from vcam.errors import AnimatorError, UsageError

NETWORKS = ("stitch_network", "hubert")


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    return make_stand_in_checkpoint(tmp_path / "checkpoint")


@pytest.fixture
def emulation() -> Emulation:
    return Emulation(Device())


def workshop(emulation: Emulation) -> Workshop:
    return Workshop(emulation.device, TensorRt(emulation.module()))


class Told(Progress):
    """Remembers, and stops at the given step."""

    def __init__(self, stop_at: str = "") -> None:
        self.networks: list[str] = []
        self.steps: list[tuple[str, int, int]] = []
        self._stop_at = stop_at

    def network(self, name: str, index: int, count: int) -> None:
        self.networks.append(name)

    def doing(self, what: str, done: int = 0, steps: int = 0) -> bool:
        self.steps.append((what, done, steps))
        return what != self._stop_at


def test_engines_are_built_once_and_say_what_they_are(checkpoint: Path, emulation: Emulation) -> None:
    told = Told()
    made = list(build(checkpoint, workshop(emulation), only=NETWORKS, progress=told))
    assert [one.path.name for one in made] == [
        "hubert-fp32-b1-sm89-trt10.13.3.9.engine",
        "stitch_network-fp32-b1-sm89-trt10.13.3.9.engine",
    ]
    assert all(one.fresh for one in made)
    assert ("Building Engine", 2, 2) in told.steps
    assert not any(what == "Timing" for what, _, _ in told.steps)
    manifest = Manifest.read(made[0].path)
    assert manifest == made[0].manifest
    assert manifest is not None
    assert manifest.profiles == {"input_values": ((1, 3240), (1, 6480), (1, 12960))}
    assert manifest.gpu == "an emulated GPU"
    assert not list(engines_folder(checkpoint).rglob("*.part"))

    again = list(build(checkpoint, workshop(emulation), only=NETWORKS))
    assert not any(one.fresh for one in again)
    assert emulation.builds == 2


def test_the_timing_cache_is_kept_and_a_foreign_one_is_not_used(checkpoint: Path, emulation: Emulation) -> None:
    cache = engines_folder(checkpoint) / "timing-sm89-trt10.13.3.9.cache"
    list(build(checkpoint, workshop(emulation), only=NETWORKS))
    assert cache.read_bytes() == b".."
    cache.write_bytes(b"foreign")
    made = list(build(checkpoint, workshop(emulation), only=["stitch_network"], batches=[2]))
    assert made[0].fresh
    assert cache.read_bytes() == b"."


def test_a_build_that_was_broken_off_goes_on(checkpoint: Path, emulation: Emulation) -> None:
    with pytest.raises(KeyboardInterrupt):
        list(build(checkpoint, workshop(emulation), only=["stitch_network"], progress=Told("Building Engine")))
    assert not list(engines_folder(checkpoint).glob("*.engine*"))
    assert [one.fresh for one in build(checkpoint, workshop(emulation), only=["stitch_network"])] == [True]


def test_damaged_and_outdated_engines_are_built_again(checkpoint: Path, emulation: Emulation) -> None:
    (first,) = build(checkpoint, workshop(emulation), only=["stitch_network"])
    content = bytearray(first.path.read_bytes())
    content[-1] ^= 1
    first.path.write_bytes(content)
    (second,) = build(checkpoint, workshop(emulation), only=["stitch_network"])
    assert second.fresh
    note = first.path.with_name(first.path.name + ".json")
    text = json.loads(note.read_text())
    text["wanted"]["source"] = "another"
    note.write_text(json.dumps(text))
    (third,) = build(checkpoint, workshop(emulation), only=["stitch_network"])
    assert third.fresh


def test_each_gpu_version_and_batch_has_its_own(checkpoint: Path, emulation: Emulation) -> None:
    list(build(checkpoint, workshop(emulation), only=["stitch_network"], batches=[1, 2, 4]))
    newer = Emulation(emulation.device, "11.4.0.106")
    list(build(checkpoint, workshop(newer), only=["stitch_network"]))
    names = {path.name for path in engines_folder(checkpoint).glob("*.engine")}
    assert names == {
        *(f"stitch_network-fp32-b{size}-sm89-trt10.13.3.9.engine" for size in (1, 2, 4)),
        "stitch_network-fp32-b1-sm89-trt11.4.0.106.engine",
    }


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("Error Code 10: could not find any implementation for node", "could not find any implementation"),
        ("Error Code 2: OutOfMemory (Requested size was 12 bytes.)", "memory is full"),
    ],
)
def test_failing_builds_are_explained(checkpoint: Path, emulation: Emulation, said: str, message: str) -> None:
    emulation.failing = said
    with pytest.raises(AnimatorError, match=message):
        list(build(checkpoint, workshop(emulation), only=["stitch_network"]))


def test_a_builder_without_a_driver_is_explained(checkpoint: Path, emulation: Emulation) -> None:
    emulation.driver = False
    with pytest.raises(AnimatorError, match="cannot build here"):
        list(build(checkpoint, workshop(emulation), only=["stitch_network"]))


def test_without_tensorrt_nothing_is_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    with pytest.raises(AnimatorError, match="TensorRT is not installed"):
        Workshop.open()


def test_a_runtime_without_a_builder_is_told(monkeypatch: pytest.MonkeyPatch, emulation: Emulation) -> None:
    lean = emulation.module()
    del lean.Builder
    monkeypatch.setattr("vcam.animators.ditto.backends.tensorrt_runtime.load_tensorrt", lambda: lean)
    with pytest.raises(AnimatorError, match="not build"):
        Workshop.open()


def test_unknown_networks_are_refused() -> None:
    with pytest.raises(UsageError, match="no network") as caught:
        networks_called(["hubort"])
    assert "hubert" in caught.value.hint


def test_lists_ours_and_the_published_ones(checkpoint: Path, emulation: Emulation) -> None:
    list(build(checkpoint, workshop(emulation), only=["stitch_network"]))
    published = checkpoint / "ditto_trt_Ampere_Plus" / "decoder_fp16.engine"
    published.parent.mkdir()
    published.write_bytes(b"ftrt".ljust(24, b"\0") + bytes((8, 6, 1, 6)) + bytes(100))
    ours, theirs = list_engines(checkpoint, Target("sm89", "10.13.3.9"))
    assert ours.finding.state is EngineState.CURRENT
    assert theirs.finding.state is EngineState.FOREIGN
    assert "8.6" in " ".join(theirs.finding.reasons)
    (ours, _) = list_engines(checkpoint, Target("sm90", "10.13.3.9"))
    assert ours.finding.state is EngineState.STALE
    (ours, _) = list_engines(checkpoint, None)
    assert ours.finding.state is EngineState.CURRENT


def test_cleaning_leaves_what_is_of_use_and_what_is_not_ours(checkpoint: Path, emulation: Emulation) -> None:
    (one,) = build(checkpoint, workshop(emulation), only=["stitch_network"])
    published = checkpoint / "ditto_trt_Ampere_Plus" / "decoder_fp16.engine"
    published.parent.mkdir()
    published.write_bytes(b"ftrt")
    left = one.path.with_name("x.engine.part")
    left.write_bytes(b"")
    assert clean(checkpoint, Target("sm89", "10.13.3.9")) == [left]
    gone = clean(checkpoint, Target("sm90", "10.13.3.9"))
    assert one.path in gone
    assert not one.path.exists()
    clean(checkpoint, None, everything=True)
    assert not [path for path in engines_folder(checkpoint).rglob("*") if path.is_file()]
    assert published.exists()
