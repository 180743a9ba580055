from __future__ import annotations

import hashlib
import logging
import os
from pathlib import Path

import pytest

from vcam.animators.ditto import file_hashes
from vcam.animators.ditto.file_hashes import FileHashes, sha256


def test_large_files_are_hashed_piece_by_piece(tmp_path: Path) -> None:
    path = tmp_path / "network.onnx"
    path.write_bytes(b"abc" * 1_000_000)
    assert sha256(path) == hashlib.sha256(b"abc" * 1_000_000).hexdigest()


def test_a_file_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, memory = tmp_path / "network.onnx", tmp_path / "new" / "hashes.json"
    path.write_bytes(b"weights")
    first = FileHashes(memory)(path)
    assert first == sha256(path)
    monkeypatch.setattr(file_hashes, "sha256", lambda path: pytest.fail(f"{path} was read again"))
    assert FileHashes(memory)(path) == first


def test_a_file_that_changed_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "network.onnx"
    path.write_bytes(b"weights")
    hashes = FileHashes(tmp_path / "hashes.json")
    before = hashes(path)
    path.write_bytes(b"WEIGHTS")
    os.utime(path, ns=(1, 1))
    assert hashes(path) != before
    path.write_bytes(b"more weights")
    os.utime(path, ns=(1, 1))
    assert hashes(path) == sha256(path)


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b'{"a": 1}', b'{"a": [1, 2]}', b"\xff", b"[" * 100_000])
def test_a_broken_memory_is_made_anew(tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture) -> None:
    path, memory = tmp_path / "network.onnx", tmp_path / "hashes.json"
    path.write_bytes(b"weights")
    memory.write_bytes(content)
    with caplog.at_level(logging.WARNING):
        assert FileHashes(memory)(path) == sha256(path)
    assert "made anew" in caplog.text
    caplog.clear()
    FileHashes(memory)
    assert not caplog.text


def test_a_memory_that_cannot_be_written_does_no_harm(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "network.onnx"
    path.write_bytes(b"weights")
    with caplog.at_level(logging.WARNING):
        assert FileHashes(path / "hashes.json")(path) == sha256(path)  # a file is no folder
    assert "cannot be written" in caplog.text


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        FileHashes(tmp_path / "hashes.json")(tmp_path / "absent.onnx")
