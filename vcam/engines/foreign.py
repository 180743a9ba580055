"""What a file is, by its first bytes: so that what is no engine of ours is explained, not loaded."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path

# Serialized engines begin with one of these words (the older up to TensorRT 8.4 or so); the version that wrote them
# is in bytes 24 to 27 (major, minor, patch, build), as said by NVIDIA in github.com/NVIDIA/TensorRT/issues/3073.
_MAGIC = (b"ftrt", b"ptrt")
_VERSION_AT = 24
_MAJORS = range(7, 30)
_READ = 512


class FileKind(Enum):
    ENGINE = "a TensorRT engine"
    ONNX = "an ONNX graph"
    POINTER = "a Git LFS pointer, which stands for the real file"
    PAGE = "a web page, as a failed download leaves behind"
    ARCHIVE = "a ZIP archive"
    EMPTY = "empty"
    UNKNOWN = "of a kind that vcam does not know"


@dataclass(frozen=True, slots=True)
class FileFacts:
    """``version``: of the TensorRT that wrote an engine, as (major, minor, patch); None where that cannot be told."""

    kind: FileKind
    version: tuple[int, int, int] | None = None

    def __str__(self) -> str:
        if self.kind is FileKind.ENGINE:
            return f"an engine of TensorRT {'.'.join(map(str, self.version))}" if self.version else self.kind.value
        return self.kind.value


def identify(path: Path) -> FileFacts:
    """Raises OSError where the file cannot be read."""
    with path.open("rb") as file:
        head = file.read(_READ)
    if not head.strip(b"\0"):
        return FileFacts(FileKind.EMPTY)
    if head[:4] in _MAGIC:
        major, minor, patch = head[_VERSION_AT : _VERSION_AT + 3] if len(head) > _VERSION_AT + 3 else (0, 0, 0)
        return FileFacts(FileKind.ENGINE, (major, minor, patch) if major in _MAJORS else None)
    if head.startswith(b"version https://git-lfs"):
        return FileFacts(FileKind.POINTER)
    if head.startswith(b"PK\x03\x04"):
        return FileFacts(FileKind.ARCHIVE)
    if head.lstrip()[:1] == b"<":
        return FileFacts(FileKind.PAGE)
    if head[0] == 0x08 and 3 <= head[1] < 32:  # field 1 of a ModelProto: the version of its format
        return FileFacts(FileKind.ONNX)
    return FileFacts(FileKind.UNKNOWN)
