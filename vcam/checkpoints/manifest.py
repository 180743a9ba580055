"""Which files of a checkpoint were fetched from where, and what they must be: ``manifest.json`` in its folder."""

from __future__ import annotations

import json
import logging
import re
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from vcam.checkpoints.parts import part_of

logger = logging.getLogger(__name__)

NAME = "manifest.json"
_SHA256 = re.compile(r"[0-9a-f]{64}")
_MAX_BYTES = 2**20


@dataclass(frozen=True, slots=True)
class Entry:
    """``revision``: the commit that the file was fetched at."""

    size: int
    sha256: str
    revision: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """``files`` by their paths in the checkpoint, with slashes."""

    repository: str = ""
    files: Mapping[str, Entry] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """An empty one if there is none, or a broken one, which is logged."""
        path = folder / NAME
        try:
            with path.open("rb") as file:
                values = json.loads(file.read(_MAX_BYTES))
            files = {
                name: Entry(int(e["size"]), str(e["sha256"]), str(e["revision"])) for name, e in values["files"].items()
            }
            if not all(part_of(name) and _SHA256.fullmatch(entry.sha256) for name, entry in files.items()):
                raise ValueError("it has odd entries")
            return cls(str(values["repository"]), files)
        except FileNotFoundError:
            return cls()
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            logger.warning("%s cannot be read and is not used: %s", path, error)
            return cls()

    def with_file(self, repository: str, name: str, entry: Entry) -> Manifest:
        return Manifest(repository, {**self.files, name: entry})

    def write(self, folder: Path) -> None:
        """Whole or not at all. Raises OSError."""
        values = {
            "repository": self.repository,
            "files": {name: asdict(self.files[name]) for name in sorted(self.files)},
        }
        with tempfile.TemporaryDirectory(prefix=".new-", dir=folder) as fresh:
            path = Path(fresh) / NAME
            path.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")
            path.replace(folder / NAME)
