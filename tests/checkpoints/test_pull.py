"""Fetching a checkpoint from a server that speaks as the hub does, over real sockets."""

from __future__ import annotations

import collections
import errno
import json
import logging
import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from tests.checkpoints.conftest import FILES
from tests.checkpoints.hub_server import COMMIT, HubServer
from vcam.checkpoints import pull as pull_module
from vcam.checkpoints.hub import Hub
from vcam.checkpoints.manifest import Manifest
from vcam.checkpoints.pull import USUAL, Plan, human, plan_pull, pull
from vcam.errors import VcamError

DECODER, WARP = "ditto_onnx/decoder.onnx", "ditto_onnx/warp_network.onnx"
CONFIG, ENGINE = "ditto_cfg/v0.4_hubert_cfg_trt_online.pkl", "ditto_trt_Ampere_Plus/decoder_fp16.engine"
USUAL_FILES = [CONFIG, DECODER, WARP]

Steps = list[tuple[str, int, int]]


def fetch(server: HubServer, folder: Path, parts: tuple[str, ...] = USUAL, revision: str | None = None) -> Steps:
    steps: Steps = []
    hub = Hub(server.endpoint)
    pull(hub, plan_pull(hub, folder, parts, revision), lambda *step: steps.append(step))
    return steps


def content(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def check_whole(folder: Path, names: list[str]) -> None:
    found = content(folder)
    assert found.keys() == {*names, "manifest.json"}
    assert all(found[name] == FILES[name] for name in names)
    assert not (folder / ".incomplete").exists()


def test_the_usual_parts_arrive_whole(hub_server: HubServer, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "checkpoints"
    steps = fetch(hub_server, folder)
    check_whole(folder, USUAL_FILES)
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["files"][DECODER]["size"] == 3_000_000
    assert {entry["revision"] for entry in manifest["files"].values()} == {COMMIT}
    last = {path: (done, total) for path, done, total in steps}
    assert last == {name: (len(FILES[name]), len(FILES[name])) for name in USUAL_FILES}
    assert [done for path, done, _ in steps if path == DECODER] == sorted(
        done for path, done, _ in steps if path == DECODER
    )


@pytest.mark.parametrize(("part", "files"), [("cfg", [CONFIG]), ("onnx", [DECODER, WARP]), ("trt", [ENGINE])])
def test_only_one_part(hub_server: HubServer, tmp_path: Path, part: str, files: list[str]) -> None:
    fetch(hub_server, tmp_path, (part,), "main")
    check_whole(tmp_path, files)


def test_what_is_there_is_kept(hub_server: HubServer, tmp_path: Path) -> None:
    fetch(hub_server, tmp_path, ("cfg",))
    fetch(hub_server, tmp_path)
    before = len(hub_server.downloads())
    assert before == 3
    assert plan_pull(Hub(hub_server.endpoint), tmp_path).bytes == 0
    fetch(hub_server, tmp_path)
    assert len(hub_server.downloads()) == before
    check_whole(tmp_path, USUAL_FILES)


def test_files_that_somebody_copied_are_taken_over(hub_server: HubServer, tmp_path: Path) -> None:
    for name in USUAL_FILES:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(FILES[name])
    fetch(hub_server, tmp_path)
    assert hub_server.downloads() == []
    assert Manifest.read(tmp_path).files.keys() == set(USUAL_FILES)


def test_a_file_that_was_changed_is_fetched_again(hub_server: HubServer, tmp_path: Path) -> None:
    fetch(hub_server, tmp_path)
    for name in (WARP, CONFIG):
        (tmp_path / name).write_bytes(bytes(len(FILES[name])))
    fetch(hub_server, tmp_path)
    check_whole(tmp_path, USUAL_FILES)


def test_a_broken_connection_is_taken_up_again(hub_server: HubServer, tmp_path: Path) -> None:
    hub_server.behaviour.break_after[DECODER] = [1_000_000]
    fetch(hub_server, tmp_path)
    check_whole(tmp_path, USUAL_FILES)
    ranges = [ranged for path, ranged in hub_server.downloads() if path == DECODER]
    assert ranges == ["", f"bytes={1_000_000 // 2**16 * 2**16}-"]  # whole pieces are kept


class Interrupted(Exception):
    """Stands for Ctrl+C, which pytest would take for its own."""


def interrupt_at(size: int) -> Callable[[str, int, int], None]:
    def progress(path: str, done: int, total: int) -> None:
        if path == DECODER and done >= size:
            raise Interrupted

    return progress


def start_and_interrupt(server: HubServer, folder: Path) -> Plan:
    hub = Hub(server.endpoint)
    plan = plan_pull(hub, folder)
    # so that less than the whole file is in one piece of the answer
    server.behaviour.break_after[DECODER] = [2_000_000]
    with pytest.raises(Interrupted):
        pull(hub, plan, interrupt_at(1))
    server.behaviour.break_after.clear()
    return plan


def test_an_interrupted_pull_goes_on_from_there(hub_server: HubServer, tmp_path: Path) -> None:
    plan = start_and_interrupt(hub_server, tmp_path)
    kept = content(tmp_path)
    assert kept.keys() - {CONFIG, "manifest.json"} == {next(name for name in kept if name.startswith(".incomplete/"))}
    (part,) = (tmp_path / ".incomplete").iterdir()
    have = part.stat().st_size
    assert 0 < have < 3_000_000
    assert part.read_bytes() == FILES[DECODER][:have]
    again = plan_pull(Hub(hub_server.endpoint), tmp_path)
    assert again.bytes == plan.bytes - have - len(FILES[CONFIG])
    steps = fetch(hub_server, tmp_path)
    check_whole(tmp_path, USUAL_FILES)
    assert steps[0] == (DECODER, have, 3_000_000)
    assert hub_server.downloads()[-2] == (DECODER, f"bytes={have}-")


def test_a_server_without_offsets_sends_all_again(hub_server: HubServer, tmp_path: Path) -> None:
    start_and_interrupt(hub_server, tmp_path)
    hub_server.behaviour.ranges = False
    fetch(hub_server, tmp_path)
    check_whole(tmp_path, USUAL_FILES)


def test_a_part_that_was_spoilt_is_thrown_away(hub_server: HubServer, tmp_path: Path) -> None:
    start_and_interrupt(hub_server, tmp_path)
    (part,) = (tmp_path / ".incomplete").iterdir()
    part.write_bytes(bytes(part.stat().st_size))
    with pytest.raises(VcamError, match=r"decoder\.onnx arrived damaged"):
        fetch(hub_server, tmp_path)
    assert not (tmp_path / ".incomplete").exists()
    fetch(hub_server, tmp_path)
    check_whole(tmp_path, USUAL_FILES)


@pytest.mark.parametrize("name", [CONFIG, WARP], ids=["small", "large"])
def test_other_content_than_promised_never_gets_the_name(hub_server: HubServer, tmp_path: Path, name: str) -> None:
    hub_server.behaviour.lie[name] = bytes(len(FILES[name]))
    with pytest.raises(VcamError, match="arrived damaged"):
        fetch(hub_server, tmp_path)
    assert name not in content(tmp_path)


def test_another_size_than_promised(hub_server: HubServer, tmp_path: Path) -> None:
    hub_server.behaviour.lie[WARP] = b"x" * 100
    with pytest.raises(VcamError, match=r"cannot be reached|damaged"):
        fetch(hub_server, tmp_path)
    assert WARP not in content(tmp_path)
    hub_server.behaviour.lie.clear()
    with pytest.raises(VcamError, match="arrived damaged"):  # the hundred bytes were none of the file's
        fetch(hub_server, tmp_path)
    fetch(hub_server, tmp_path)
    check_whole(tmp_path, USUAL_FILES)


def test_files_that_are_not_elsewhere(hub_server: HubServer, tmp_path: Path) -> None:
    hub_server.behaviour.moved = False
    fetch(hub_server, tmp_path)
    check_whole(tmp_path, USUAL_FILES)


def test_no_network(tmp_path: Path) -> None:
    with socket.socket() as taken:  # a port that nobody listens on
        taken.bind(("127.0.0.1", 0))
        hub = Hub(f"http://127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(VcamError, match="hub cannot be reached") as caught:
            plan_pull(hub, tmp_path / "checkpoints")
    assert "goes on from there" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("status", "what"),
    [
        ({"/api/": 403}, "accept its terms"),
        ({"/api/": 500}, "cannot be reached: .*500"),
        ({"/api/": 401}, "no repository"),
    ],
)
def test_refusals(hub_server: HubServer, tmp_path: Path, status: dict[str, int], what: str) -> None:
    hub_server.behaviour.status = status
    with pytest.raises(VcamError, match=what):
        fetch(hub_server, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_gone(hub_server: HubServer, tmp_path: Path) -> None:
    hub_server.behaviour.status = {"decoder.onnx": 404}
    with pytest.raises(VcamError, match="lost a file"):
        fetch(hub_server, tmp_path)
    assert content(tmp_path).keys() == {CONFIG, "manifest.json"}
    assert not (tmp_path / ".incomplete").exists()


def test_no_such_revision(hub_server: HubServer, tmp_path: Path) -> None:
    with pytest.raises(VcamError, match="no revision 'v9'"):
        fetch(hub_server, tmp_path, revision="v9")


def test_no_such_repository(hub_server: HubServer, tmp_path: Path) -> None:
    hub = Hub(hub_server.endpoint, "somebody/else")
    with pytest.raises(VcamError, match="no repository somebody/else"):
        plan_pull(hub, tmp_path)


def test_offline_mode(hub_server: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import errors, hf_api

    def refuse(*_: Any, **__: Any) -> Any:
        raise errors.OfflineModeIsEnabled("offline")

    monkeypatch.setattr(hf_api.HfApi, "model_info", refuse)
    with pytest.raises(VcamError, match="HF_HUB_OFFLINE is set"):
        fetch(hub_server, tmp_path)


def change(values: dict[str, Any], **more: Any) -> dict[str, Any]:
    first = next(one for one in values["siblings"] if one["rfilename"] == DECODER)
    first.update(more)
    return values


@pytest.mark.parametrize(
    "answer",
    [
        lambda values: b"<html>log in to the hotel's network</html>",
        lambda values: [],
        lambda values: change(values, size=None),
        lambda values: change(values, blobId="../../../etc/passwd"),
        lambda values: change(values, lfs={"sha256": "../x", "size": 3, "pointerSize": 3}),
        lambda values: {**values, "sha": "../../x"},
        lambda values: {**values, "sha": None},
    ],
    ids=["a login page", "a list", "no size", "odd blob", "odd hash", "odd commit", "no commit"],
)
def test_answers_that_are_none(hub_server: HubServer, tmp_path: Path, answer: Callable[[Any], Any]) -> None:
    hub_server.behaviour.answer = answer
    with pytest.raises(VcamError, match="does not speak as the hub does"):
        fetch(hub_server, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "name",
    ["../evil.onnx", "ditto_onnx/../../evil.onnx", "/etc/evil.onnx", "ditto_onnx/a/b.onnx", "ditto_onnx\\e.onnx"],
)
def test_paths_that_lead_elsewhere_are_not_taken(hub_server: HubServer, tmp_path: Path, name: str) -> None:
    hub_server.files[name] = b"evil"
    fetch(hub_server, tmp_path)
    check_whole(tmp_path, USUAL_FILES)


def test_nothing_of_that_kind(hub_server: HubServer, tmp_path: Path) -> None:
    hub_server.files = {"README.md": b"moved"}
    with pytest.raises(VcamError, match="no files of the part cfg or onnx"):
        fetch(hub_server, tmp_path)


def test_too_little_space(hub_server: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = collections.namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**9, 10**9, 10**6))
    with pytest.raises(VcamError, match=r"too little space in .*: 3 MB are to be fetched, 1 MB are free") as caught:
        fetch(hub_server, tmp_path)
    assert "--folder" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_fills_up(hub_server: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    really = os.fsync

    def full(handle: int) -> None:
        if os.fstat(handle).st_size > 1_000_000:
            raise OSError(errno.ENOSPC, "No space left on device")
        really(handle)

    monkeypatch.setattr(pull_module.os, "fsync", full)
    with pytest.raises(VcamError, match=r"disk of .* is full"):
        fetch(hub_server, tmp_path)
    assert DECODER not in content(tmp_path)


def test_a_folder_that_is_a_file(hub_server: HubServer, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("in the way")
    with pytest.raises(VcamError, match="cannot be written"):
        fetch(hub_server, tmp_path / "taken")


def test_two_pulls_at_once(hub_server: HubServer, tmp_path: Path) -> None:
    hub = Hub(hub_server.endpoint)
    plan = plan_pull(hub, tmp_path)
    (tmp_path / ".incomplete").mkdir()
    with FileLock(tmp_path / ".incomplete" / "lock"), pytest.raises(VcamError, match="Another pull into"):
        pull(hub, plan, lambda *_: None)
    assert hub_server.downloads() == []


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"repository": "x", "files": {"../x": {"size": 1, "sha256": "0", "revision": ""}}}']
)
def test_a_broken_manifest_is_made_anew(
    hub_server: HubServer, tmp_path: Path, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "manifest.json").write_text(text)
    with caplog.at_level(logging.WARNING):
        fetch(hub_server, tmp_path)
    assert "cannot be read and is not used" in caplog.text
    check_whole(tmp_path, USUAL_FILES)


def test_without_huggingface_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "huggingface_hub", None)
    with pytest.raises(VcamError, match="huggingface_hub is not installed") as caught:
        Hub()
    assert caught.value.hint == "pip install 'vcam[ditto]'"


def test_sizes_for_people() -> None:
    assert [human(size) for size in (0, 999, 1500, 2_345_678, 1_270_000_000)] == [
        "0 B",
        "999 B",
        "2 kB",
        "2 MB",
        "1.3 GB",
    ]
