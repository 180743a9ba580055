"""Reading the published config pickles without running them.

A pickle is a program. This is an interpreter for the small part of its language that builds dicts, lists, tuples,
strings, numbers and NumPy arrays: it imports nothing by name and calls nothing that the file names. Python's own
unpickler with an allow-list was the alternative; there, one careless name on the list is enough to be taken over.

The opcodes are those of pickletools; what NumPy writes is described in numpy/lib/format.py and ndarray.__reduce__.
"""

from __future__ import annotations

import io
import math
import pickletools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vcam.errors import AnimatorError

from .plain_values import Refused, Tree

MAX_BYTES = 16 * 2**20
MAX_STEPS = 1_000_000  # opcodes

HINT = "Use the files of the published checkpoint: vcam checkpoints pull"

_NAMES = {
    ("_codecs", "encode"): "text as bytes",  # how protocols 0 to 2 write bytes
    ("__builtin__", "bytes"): "no bytes",
    ("numpy", "dtype"): "dtype",
    ("numpy", "ndarray"): "ndarray",
    **{
        (f"numpy.{core}.{module}", name): kind
        for core in ("core", "_core")  # NumPy 1 and 2
        for module, name, kind in (
            ("multiarray", "_reconstruct", "array"),
            ("multiarray", "scalar", "scalar"),
            ("numeric", "_frombuffer", "array from bytes"),
        )
    },
}


@dataclass(frozen=True, slots=True)
class _Name:
    """An admitted name: stands for what NumPy would be asked to make, and is never called."""

    kind: str


@dataclass(slots=True, eq=False)
class _Type:
    """A NumPy type under construction."""

    dtype: np.dtype[Any]


@dataclass(slots=True, eq=False)
class _Array:
    """An array under construction: ``value`` comes with its state."""

    value: np.ndarray[Any, Any] | None = None


_MARK = object()


def read_config_pickle(path: Path) -> Any:
    """The value in the file: dicts with keys of text or whole numbers, lists, tuples, str, bytes, int, float, bool,
    None and NumPy arrays of numbers; NumPy's scalars become Python's. Nothing in it is shared or endless.

    Raises AnimatorError if the file cannot be read, is too large, broken, or wants anything else.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise AnimatorError(f"The config {path} cannot be read: {error.strerror}.", HINT) from error
    try:
        return parse_config_pickle(data)
    except Refused as error:
        raise AnimatorError(f"The config {path} is refused: {error}.", HINT) from error
    except (ValueError, OverflowError) as error:
        raise AnimatorError(f"The config {path} is broken: {str(error)[:200]}.", HINT) from error


def parse_config_pickle(data: bytes) -> Any:
    """As :func:`read_config_pickle`. Raises ValueError or OverflowError."""
    if len(data) > MAX_BYTES:
        raise Refused(f"it is larger than {MAX_BYTES // 2**20} MB")
    stream = io.BytesIO(data)
    machine = _Machine()
    for count, (opcode, argument, _) in enumerate(pickletools.genops(stream)):
        if count >= MAX_STEPS:
            raise Refused(f"it takes more than {MAX_STEPS} steps")
        machine.step(opcode.name, argument)
    if stream.read(1):
        raise Refused("something follows its end")
    return _PickleTree().of(machine.result)


class _Machine:
    """The unpickler's stack machine, without the opcodes that reach outside."""

    def __init__(self) -> None:
        self.result: Any = None
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}

    def step(self, name: str, argument: Any) -> None:
        stack = self._stack
        if name in _CONSTANTS:
            stack.append(_CONSTANTS[name])
        elif name in _LITERALS:
            stack.append(argument)
        elif name in ("EMPTY_LIST", "EMPTY_DICT"):
            stack.append([] if name == "EMPTY_LIST" else {})
        elif name in ("PUT", "BINPUT", "LONG_BINPUT"):
            self._memo[argument] = self._top()
        elif name == "MEMOIZE":
            self._memo[len(self._memo)] = self._top()
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            if argument not in self._memo:
                raise ValueError(f"it refers to value {argument}, which there is not")
            stack.append(self._memo[argument])
        elif name in ("PROTO", "FRAME"):
            if name == "PROTO" and argument > 5:
                raise ValueError(f"it is written in protocol {argument}, which is not known")
        elif name in _METHODS:
            _METHODS[name](self)
        elif name == "GLOBAL":
            module, _, attribute = argument.partition(" ")
            stack.append(_named(module, attribute))
        else:
            raise Refused(f"it uses {name}, which no config needs")

    def _top(self) -> Any:
        if not self._stack or self._stack[-1] is _MARK:
            raise ValueError("a value is missing")
        return self._stack[-1]

    def _pop(self) -> Any:
        top = self._top()
        self._stack.pop()
        return top

    def _since_mark(self) -> list[Any]:
        for at in range(len(self._stack) - 1, -1, -1):
            if self._stack[at] is _MARK:
                values = self._stack[at + 1 :]
                del self._stack[at:]
                return values
        raise ValueError("a mark is missing")

    def _mark(self) -> None:
        self._stack.append(_MARK)

    def _stop(self) -> None:
        self.result = self._pop()
        if self._stack:
            raise ValueError("values are left over")

    def _tuple(self, count: int | None = None) -> None:
        values = self._since_mark() if count is None else [self._pop() for _ in range(count)][::-1]
        self._stack.append(tuple(values))

    def _list(self) -> None:
        self._stack.append(self._since_mark())

    def _append(self, values: list[Any]) -> None:
        into = self._top()
        if type(into) is not list:
            raise Refused("it adds items to what is not a list")
        into.extend(values)

    def _dict(self) -> None:
        values = self._since_mark()
        self._stack.append({})
        self._set(values)

    def _set(self, values: list[Any]) -> None:
        into = self._top()
        if type(into) is not dict:
            raise Refused("it sets keys of what is not a dict")
        if len(values) % 2:
            raise ValueError("a key has no value")
        for key, value in zip(values[::2], values[1::2], strict=True):
            if type(key) not in (str, int):
                raise Refused(f"a key is a {type(key).__name__}")
            into[key] = value

    def _stack_global(self) -> None:
        attribute, module = self._pop(), self._pop()
        if type(attribute) is not str or type(module) is not str:
            raise Refused("it names something by what is not text")
        self._stack.append(_named(module, attribute))

    def _reduce(self) -> None:
        arguments, what = self._pop(), self._pop()
        if type(what) is not _Name or type(arguments) is not tuple:
            raise Refused("it calls something that is no part of NumPy")
        self._stack.append(_made(what.kind, arguments))

    def _build(self) -> None:
        state, what = self._pop(), self._top()
        if type(what) is _Type:
            _set_type(what, state)
        elif type(what) is _Array:
            _set_array(what, state)
        else:
            raise Refused("it changes the inside of a value")


_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
_LITERALS = {
    *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
    *("UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"),
    *("SHORT_BINBYTES", "BINBYTES", "BINBYTES8", "BYTEARRAY8"),
}
_METHODS = {
    "MARK": _Machine._mark,
    "STOP": _Machine._stop,
    "POP": lambda machine: machine._stack.pop() if machine._stack else machine._pop(),
    "POP_MARK": _Machine._since_mark,
    "TUPLE": _Machine._tuple,
    "TUPLE1": lambda machine: machine._tuple(1),
    "TUPLE2": lambda machine: machine._tuple(2),
    "TUPLE3": lambda machine: machine._tuple(3),
    "LIST": _Machine._list,
    "APPEND": lambda machine: machine._append([machine._pop()]),
    "APPENDS": lambda machine: machine._append(machine._since_mark()),
    "DICT": _Machine._dict,
    "SETITEM": lambda machine: machine._set([machine._pop(), machine._pop()][::-1]),
    "SETITEMS": lambda machine: machine._set(machine._since_mark()),
    "STACK_GLOBAL": _Machine._stack_global,
    "REDUCE": _Machine._reduce,
    "BUILD": _Machine._build,
}


def _named(module: str, attribute: str) -> _Name:
    if (module, attribute) not in _NAMES:
        raise Refused(f"it asks for {module[:60]}.{attribute[:60]}")
    return _Name(_NAMES[module, attribute])


def _made(kind: str, arguments: tuple[Any, ...]) -> Any:
    """What NumPy would make of these arguments."""
    match kind, arguments:
        case "dtype", (str() as code, *_):
            return _Type(_number_type(code))
        case "array", (_Name(kind="ndarray"), tuple(), bytes()):
            return _Array()
        case "array from bytes", (bytes() | bytearray() as data, _Type() as made, tuple() as shape, "C" | "F" as order):
            return _Array(_array(data, made.dtype, shape, order == "F"))
        case "scalar", (_Type() as made, bytes() as data) if len(data) == made.dtype.itemsize:
            return np.frombuffer(data, made.dtype)[0].item()
        case "text as bytes", (str() as text, "latin1" | "latin-1"):
            return text.encode("latin1")
        case "no bytes", ():
            return b""
    raise Refused(f"it makes a NumPy {kind} in a way that NumPy does not")


def _number_type(code: str) -> np.dtype[Any]:
    """Of ``code`` such as "f4". Raises Refused for anything but numbers: objects could hold code."""
    if len(code) not in (2, 3) or code.lstrip("<>|=")[:1] not in tuple("biuf"):
        raise Refused(f"it holds a NumPy array of {code[:20]!r}, not of numbers")
    try:
        return np.dtype(code)
    except TypeError as error:
        raise Refused(f"it holds a NumPy array of {code[:20]!r}") from error


def _set_type(what: _Type, state: Any) -> None:
    match state:
        case (3 | 4, "<" | ">" | "|" | "=" as order, None, None, None, *_):
            what.dtype = what.dtype.newbyteorder(order)
        case _:
            raise Refused("it holds a NumPy array of a made-up type")


def _set_array(what: _Array, state: Any) -> None:
    match state:
        case (1, tuple() as shape, _Type() as made, bool() as fortran, bytes() as data):
            what.value = _array(data, made.dtype, shape, fortran)
        case _:
            raise Refused("it holds a NumPy array that is not plain numbers")


def _array(data: bytes | bytearray, dtype: np.dtype[Any], shape: tuple[Any, ...], fortran: bool) -> Any:
    if len(shape) > 8 or not all(type(size) is int and 0 <= size < 2**31 for size in shape):
        raise Refused("it holds a NumPy array of an impossible shape")
    if math.prod(shape) * dtype.itemsize != len(data):
        raise Refused("it holds a NumPy array whose shape does not fit its data")
    native = np.frombuffer(data, dtype).astype(dtype.newbyteorder("="))
    return native.reshape(shape, order="F" if fortran else "C")


class _PickleTree(Tree):
    """Puts arrays in the place of those under construction."""

    def of(self, value: Any) -> Any:
        finished = type(value) is _Array and value.value is not None
        return super().of(value.value if finished else value)
