"""Config pickles: what Python and NumPy write for plain values is read; whatever else a pickle can do is not."""

from __future__ import annotations

import builtins
import os
import pickle
import struct
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.animators.ditto.golden import FOLDER, needs_golden
from vcam.animators.ditto import config_pickle, plain_values
from vcam.animators.ditto.config_pickle import parse_config_pickle, read_config_pickle
from vcam.errors import AnimatorError

CONFIG: dict[str, Any] = {
    "base_cfg": {"decoder_cfg": {"model_path": "decoder.onnx", "device": "cuda"}},
    "audio2motion_cfg": {"use_emo": True, "audio_feat_dim": 1103, "seq_frames": 80},
    "default_kwargs": {
        "crop_scale": 2.3,
        "N_d": -1,
        "large": 2**40,
        "fade_out_keys": ("exp", "pitch"),
        "ch_info": None,
        "lists": [[4], [3, 4], []],
        "ctrl": {5: {"delta_pitch": 4}},
        "bytes": b"abc\xff",
        "umlaut": "ä€",
        "many": list(range(3000)),
    },
}


def same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and one.shape == other.shape and np.array_equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, list | tuple):
        return type(one) is type(other) and len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and bool(one == other)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_plain_values(protocol: int) -> None:
    assert same(parse_config_pickle(pickle.dumps(CONFIG, protocol)), CONFIG)


ARRAYS = [
    np.arange(12, dtype=np.float32).reshape(3, 4),
    np.asfortranarray(np.arange(12.0).reshape(3, 4)),
    np.arange(4, dtype=">i4"),
    np.array([True, False]),
    np.zeros((0, 5), np.float16),
    np.array(3.5),
]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("array", ARRAYS, ids=lambda array: f"{array.dtype.str}{array.shape}")
def test_arrays(array: Any, protocol: int) -> None:
    read = parse_config_pickle(pickle.dumps({"a": array, "again": array}, protocol))
    assert same(read["a"], array.astype(array.dtype.newbyteorder("=")))
    assert same(read["a"], read["again"])


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_scalars_become_pythons(protocol: int) -> None:
    values = [np.float32(0.5), np.float64(0.25), np.int64(-7), np.bool_(True)]
    assert same(parse_config_pickle(pickle.dumps(values, protocol)), [0.5, 0.25, -7, True])


def test_the_names_that_numpy_1_wrote() -> None:
    data = pickle.dumps(np.arange(3.0), 0)
    old = data.replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
    assert b"numpy.core.multiarray" in old
    assert same(parse_config_pickle(old), np.arange(3.0))


@needs_golden
@pytest.mark.parametrize("name", ["onnx", "onnx_online", "onnx_online_full"])
def test_the_published_layout(name: str) -> None:
    path = FOLDER / "checkpoints" / "ditto_cfg" / f"v0.4_hubert_cfg_{name}.pkl"
    assert same(read_config_pickle(path), pickle.loads(path.read_bytes()))


class Calls:
    """Pickles as a call of ``function``."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self._call = function, arguments

    def __reduce__(self) -> Any:
        return self._call


class Plain:
    """A class of somebody's."""


BOMB = "boom"


def memo_bomb() -> Any:
    """30 lists of two, each the one before twice: 2**30 values on paper, 30 in memory."""
    value: Any = [BOMB]
    for _ in range(30):
        value = [value, value]
    return value


def endless_list() -> Any:
    value: list[Any] = []
    value.append(value)
    return value


def endless_tuple() -> Any:
    inner: list[Any] = []
    value = (inner,)
    inner.append(value)
    return value


def deep(levels: int) -> bytes:
    return b"\x80\x04" + b"]" * levels + b"a" * (levels - 1) + b"."


HOSTILE: dict[str, tuple[bytes, str]] = {
    "os.system": (pickle.dumps(Calls(os.system, "exit 1")), rf"asks for {os.system.__module__}\.system"),
    "eval": (pickle.dumps(Calls(builtins.eval, "1")), r"asks for builtins\.eval"),
    "eval, protocol 0": (b"cbuiltins\neval\n(S'1'\ntR.", r"asks for builtins\.eval"),
    "getattr chain": (pickle.dumps(Calls(getattr, Calls(__import__, "os"), "system")), r"asks for builtins\.getattr"),
    "a dotted name": (b"\x80\x04\x8c\x05numpy\x8c\x12ndarray.__class__X\x93.", "asks for numpy"),
    "numpy's own loader": (b"cnumpy\nload\n(V/etc/passwd\ntR.", r"asks for numpy\.load"),
    "a class": (pickle.dumps(Plain()), r"asks for .*Plain"),
    "an ordered dict": (pickle.dumps(OrderedDict(a=1)), r"asks for collections\.OrderedDict"),
    "a set": (pickle.dumps({1, 2}), "EMPTY_SET"),
    "a complex number": (pickle.dumps(1j), r"asks for builtins\.complex"),
    "INST": (b"(S'exit 1'\nios\nsystem\n.", "STRING"),
    "INST alone": (b"(ios\nsystem\n.", "uses INST"),
    "OBJ": (b"(cnumpy\ndtype\no.", "uses OBJ"),
    "NEWOBJ": (b"\x80\x04cnumpy\ndtype\n)\x81.", "uses NEWOBJ"),
    "an extension": (b"\x80\x02\x82\x01.", "uses EXT1"),
    "a persistent value": (b"Pname\n.", "uses PERSID"),
    "out-of-band data": (b"\x80\x05\x97.", "uses NEXT_BUFFER"),
    "a call of text": (b"\x80\x04\x8c\x02os)R.", "calls something"),
    "a call of a type": (b"\x80\x04cnumpy\nndarray\n)R.", "in a way that NumPy does not"),
    "a name as a value": (b"\x80\x04cnumpy\nndarray\n.", "unfinished"),
    "an array without content": (
        b"\x80\x04cnumpy._core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\x00\x85C\x01btR.",
        "unfinished",
    ),
    "changing a dict": (b"\x80\x04}}\x8c\x01aK\x01sb.", "changes the inside"),
    "changing a name": (b"\x80\x04cnumpy\nndarray\n}b.", "changes the inside"),
    "objects": (pickle.dumps(np.array([{}, []], object)), r"array of 'O8'"),
    "text in an array": (pickle.dumps(np.array(["a", "b"])), "array of 'U1'"),
    "records": (pickle.dumps(np.zeros(2, [("a", "f4")])), "array of 'V4'"),
    "codec": (b"\x80\x02c_codecs\nencode\nX\x03\x00\x00\x00abcX\x03\x00\x00\x00hex\x86R.", "in a way that"),
    "memo bomb": (pickle.dumps(memo_bomb()), "more than 200000 values"),
    "itself": (pickle.dumps(endless_list()), "contains itself"),
    "itself in a tuple": (pickle.dumps(endless_tuple()), "contains itself"),
    "nesting": (deep(5000), "nested deeper than 32"),
    "an odd key": (pickle.dumps({(1, 2): 3}), "a key is a tuple"),
    "a huge number": (pickle.dumps(1 << 100_000), "number that is too large"),
    "more after the end": (pickle.dumps([1]) + b"cos\nsystem\n", "follows its end"),
    "an append to a dict": (b"\x80\x04}K\x01a.", "not a list"),
    "a key for a list": (b"\x80\x04]K\x01K\x02s.", "not a dict"),
}


@pytest.mark.parametrize(("data", "why"), HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_pickles_are_refused(tmp_path: Path, data: bytes, why: str) -> None:
    path = tmp_path / "config.pkl"
    path.write_bytes(data)
    with pytest.raises(AnimatorError, match=f"is refused: .*{why}") as caught:
        read_config_pickle(path)
    assert caught.value.hint


def with_shape(shape: tuple[int, ...]) -> bytes:
    """An array of four bytes that says it has another shape."""
    data = pickle.dumps(np.zeros(4, np.uint8), 2)
    dimensions = b"(" + b"".join(b"\x8a\x08" + struct.pack("<q", size) for size in shape) + b"t"
    assert data.count(b"K\x04\x85") == 1
    return data.replace(b"K\x04\x85", dimensions)


@pytest.mark.parametrize(
    "shape", [(10**12,), (5,), (2**62, 4), (-4,), (-1, -4), (0, 2**40), (2,) * 9], ids=lambda shape: str(shape)
)
def test_shapes_that_lie(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"impossible shape|does not fit its data"):
        parse_config_pickle(with_shape(shape))
    assert same(parse_config_pickle(with_shape((2, 2))), np.zeros((2, 2), np.uint8))


def test_arrays_that_are_used_too_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain_values, "MAX_ARRAY_BYTES", 1000)
    assert parse_config_pickle(pickle.dumps(np.zeros(125))).shape == (125,)
    shared = np.zeros(60)
    with pytest.raises(ValueError, match="arrays are larger"):
        parse_config_pickle(pickle.dumps([shared] * 3))


def test_files_that_are_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config_pickle, "MAX_BYTES", 100)
    with pytest.raises(ValueError, match="larger than"):
        parse_config_pickle(pickle.dumps("x" * 200))


def test_too_many_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config_pickle, "MAX_STEPS", 1000)
    with pytest.raises(ValueError, match="more than 1000 steps"):
        parse_config_pickle(b"\x80\x04" + b"}0" * 1000 + b"N.")


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_every_truncation_is_an_error(protocol: int) -> None:
    data = pickle.dumps({"a": [1, 2.5, "text", (None, True)], "b": np.arange(3.0)}, protocol)
    for length in range(len(data)):
        with pytest.raises(ValueError):  # noqa: PT011 - what is missing differs from cut to cut
            parse_config_pickle(data[:length])


def test_noise_is_never_more_than_an_error() -> None:
    random = np.random.default_rng(7)
    good = np.frombuffer(pickle.dumps(CONFIG["default_kwargs"]["lists"] + [np.arange(5.0)]), np.uint8)
    for _ in range(3000):
        bad = good.copy()
        places = random.integers(0, len(bad), random.integers(1, 4))
        bad[places] = random.integers(0, 256, len(places))
        try:
            parse_config_pickle(bad.tobytes())
        except (ValueError, OverflowError):
            continue


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(AnimatorError, match="cannot be read: No such file"):
        read_config_pickle(tmp_path / "none.pkl")
    path = tmp_path / "broken.pkl"
    path.write_bytes(b"not a pickle")
    with pytest.raises(AnimatorError, match=r"broken\.pkl is (broken|refused)"):
        read_config_pickle(path)
