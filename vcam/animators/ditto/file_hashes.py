"""SHA-256 of files, remembered by path, size and time of change: networks are large and seldom change."""

from __future__ import annotations

import hashlib
import json
import logging
import tempfile
from pathlib import Path

logger = logging.getLogger(__name__)

_PIECE = 2**20
_MOST = 256  # files that are remembered

Entry = tuple[int, int, str]  # bytes, nanoseconds, hash


def sha256(path: Path) -> str:
    """In hexadecimal. Raises OSError."""
    digest, piece = hashlib.sha256(), bytearray(_PIECE)
    view = memoryview(piece)
    with open(path, "rb", buffering=0) as file:
        while count := file.readinto(piece):
            digest.update(view[:count])
    return digest.hexdigest()


class FileHashes:
    """``memory``: the JSON file that remembers; it need not exist, and is written again if it is broken."""

    def __init__(self, memory: Path) -> None:
        self._memory = memory
        self._known = self._read()

    def __call__(self, path: Path) -> str:
        """Raises OSError if ``path`` cannot be read."""
        name, status = str(path.resolve()), path.stat()
        known = self._known.get(name)
        if known and known[:2] == (status.st_size, status.st_mtime_ns):
            return known[2]
        found = sha256(path)
        self._known.pop(name, None)
        self._known[name] = (status.st_size, status.st_mtime_ns, found)
        self._write()
        return found

    def _read(self) -> dict[str, Entry]:
        try:
            entries = json.loads(self._memory.read_bytes())
            return {str(name): (int(size), int(time), str(found)) for name, (size, time, found) in entries.items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
            logger.warning("%s cannot be read and is made anew: %s", self._memory, error)
            return {}

    def _write(self) -> None:
        latest = dict(list(self._known.items())[-_MOST:])
        try:
            self._memory.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=".new-", dir=self._memory.parent) as folder:
                fresh = Path(folder) / "fresh"
                fresh.write_text(json.dumps(latest), encoding="utf-8")
                fresh.replace(self._memory)
        except OSError as error:  # it is only slower then
            logger.warning("%s cannot be written: %s", self._memory, error)
