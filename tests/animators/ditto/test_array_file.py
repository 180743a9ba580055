from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

from vcam.animators.ditto.array_file import read_arrays, write_arrays
from vcam.animators.ditto.backends.base import Array

ARRAYS: dict[str, Array] = {
    "picture": np.arange(3 * 5 * 7, dtype=np.uint8).reshape(3, 5, 7),
    "numbers": np.array([-1, 2**40], np.int64),
    "features": np.linspace(-1, 1, 1000, dtype=np.float32).reshape(10, 100),
    "nothing": np.zeros((0, 4), np.float32),
    "one": np.array(3.5, np.float32),
}


def forged(listing: object, data: bytes = b"") -> bytes:
    """A file with a right checksum, whatever is in it."""
    text = listing if isinstance(listing, bytes) else json.dumps(listing).encode()
    rest = struct.pack("<I", len(text)) + text + data
    return b"vcam arrays\x00\x00\x00\x001" + struct.pack("<I", zlib.crc32(rest)) + rest


def test_arrays_come_back_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "arrays"
    write_arrays(path, ARRAYS | {"turned": ARRAYS["features"].T})
    found = read_arrays(path)
    assert list(found) == [*ARRAYS, "turned"]
    for name, array in (ARRAYS | {"turned": ARRAYS["features"].T}).items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)
    assert [entry.name for entry in tmp_path.iterdir()] == ["arrays"]


def test_the_same_arrays_make_the_same_file(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_arrays(tmp_path / name, ARRAYS)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_file_cut_short_anywhere_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "arrays"
    write_arrays(path, ARRAYS)
    whole = path.read_bytes()
    for length in (*range(0, 300, 7), len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"it is|its"):
            read_arrays(path)


def test_any_changed_byte_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "arrays"
    write_arrays(path, ARRAYS)
    whole = path.read_bytes()
    for at in range(0, len(whole), 97):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x40]) + whole[at + 1 :])
        with pytest.raises(ValueError, match=r"it is|its"):
            read_arrays(path)


@pytest.mark.parametrize(
    "listing",
    [
        b"",
        b"\xff\xfe",
        b"[" * 100_000,
        {},
        [1],
        [["a", "float32"]],
        [["a", "object", [1]]],
        [["a", "float32", [-1]]],
        [["a", "float32", [True]]],
        [["a", "float32", [1.0]]],
        [["a", "float32", [2**62, 2**62]]],
        [["a", "float32", [1000]]],
        [[7, "float32", [1]]],
    ],
)
def test_a_forged_list_is_refused(tmp_path: Path, listing: object) -> None:
    path = tmp_path / "arrays"
    path.write_bytes(forged(listing, bytes(64)))
    with pytest.raises(ValueError, match=r"its list|impossible|larger|no list|utf-8|JSON|Expecting|it has"):
        read_arrays(path)


def test_objects_are_not_stored(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="object"):
        write_arrays(tmp_path / "arrays", {"a": np.array([{}], object)})
    assert list(tmp_path.iterdir()) == []


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "arrays"
    write_arrays(path, ARRAYS)
    before = path.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_arrays(path, {"other": np.zeros(9, np.uint8)})
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["arrays"]
