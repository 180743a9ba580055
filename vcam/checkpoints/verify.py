"""Whether a checkpoint is complete and what it should be: files, hashes, configs, the graphs' inputs and outputs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from vcam.animators.ditto.backends.signature import check_signature
from vcam.animators.ditto.checkpoint import Checkpoint
from vcam.animators.ditto.config_file import read_config
from vcam.animators.ditto.file_hashes import sha256
from vcam.animators.ditto.networks import NETWORKS, NetworkSpec
from vcam.checkpoints.graph_header import read_graph_header
from vcam.checkpoints.manifest import Entry, Manifest
from vcam.errors import AnimatorError

Status = Literal["ok", "info", "fail"]


@dataclass(frozen=True, slots=True)
class Finding:
    """``info``: nothing is wrong, but something could not be checked."""

    status: Status
    name: str
    detail: str


def verify(folder: Path) -> Iterator[Finding]:
    """One finding after the other, as they are found. Raises AnimatorError if there is no checkpoint at all."""
    checkpoint = Checkpoint.open(folder)
    folder, manifest = checkpoint.folder, Manifest.read(folder)
    for config in dict.fromkeys((checkpoint.online, checkpoint.offline)):
        yield _config(config.path, folder, manifest)
    seen = {config.path for config in (checkpoint.online, checkpoint.offline)}
    for spec in NETWORKS.values():
        path = checkpoint.path(spec)
        seen.add(path)
        yield _network(spec, path, folder, manifest)
    for name, entry in manifest.files.items():
        if folder / name not in seen:
            wrong = _wrong(folder / name, entry)
            yield Finding("fail" if wrong else "ok", name, wrong or "as fetched")


def _config(path: Path, folder: Path, manifest: Manifest) -> Finding:
    try:
        read_config(path)
    except AnimatorError as error:
        return Finding("fail", _name(path, folder), error.message)
    return _hashed(path, folder, manifest, "can be used")


def _network(spec: NetworkSpec, path: Path, folder: Path, manifest: Manifest) -> Finding:
    name = _name(path, folder)
    try:
        header = read_graph_header(path)
        check_signature(header.inputs, header.outputs, spec)
    except FileNotFoundError:
        return Finding("fail", name, "missing")
    except OSError as error:
        return Finding("fail", name, f"cannot be read: {error.strerror}")
    except (ValueError, AnimatorError) as error:
        return Finding("fail", name, error.message if isinstance(error, AnimatorError) else f"broken: {error}")
    return _hashed(path, folder, manifest, "inputs and outputs are right")


def _hashed(path: Path, folder: Path, manifest: Manifest, right: str) -> Finding:
    name = _name(path, folder)
    entry = manifest.files.get(name)
    if entry is None:
        return Finding("info", name, f"{right}; no hash is known, for it was not fetched with `vcam checkpoints pull`")
    wrong = _wrong(path, entry)
    return Finding("fail" if wrong else "ok", name, wrong or f"{right}, as fetched")


def _wrong(path: Path, entry: Entry) -> str:
    """How a file differs from the one that was fetched; "" if it does not."""
    try:
        size = path.stat().st_size
        if size != entry.size:
            return f"{size} bytes instead of {entry.size}"
        return "" if sha256(path) == entry.sha256 else "changed since it was fetched"
    except FileNotFoundError:
        return "missing"
    except OSError as error:
        return f"cannot be read: {error.strerror}"


def _name(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()
