"""One config of a checkpoint, as the published pickle or as YAML: which files, which conditions, which options."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import yaml

from vcam.errors import AnimatorError

from .conditions import ConditionUse
from .config_pickle import HINT, read_config_pickle
from .motion import MOTION_SIZE
from .networks import NETWORKS
from .options import CLIP, RunOptions
from .plain_values import MAX_DEPTH, Refused, Tree

logger = logging.getLogger(__name__)

YAML = (".yaml", ".yml")
_MAX_YAML_BYTES = 4 * 2**20
_LONG = 12  # items of a list that are shown
_FIXED = {"motion_feat_dim": MOTION_SIZE, "seq_frames": CLIP, "w2f_type": "hubert"}  # what this pipeline is made for
_ARRAY_KEYS = {"dtype", "shape", "values"}  # an array in YAML
_ARRAY_TYPES = {"float32", "float64", "float16", "int64", "int32", "bool"}


@dataclass(frozen=True, slots=True, eq=False)
class Config:
    """``values``: all that the file holds, as plain values and arrays; ``files``: base names by the networks' names, as
    the config has them (of engines or weights, if it was written for those); ``use``: what the diffusion network is
    told; ``options``: the defaults of a run; ``unknown``: options in the file that there are not.
    """

    path: Path
    values: Mapping[str, Any]
    files: Mapping[str, str]
    use: ConditionUse
    options: RunOptions
    unknown: tuple[str, ...]


def read_config(path: Path) -> Config:
    """Raises AnimatorError if the file cannot be read, is refused, or describes another kind of pipeline."""
    values = _read_yaml(path) if path.suffix in YAML else read_config_pickle(path)
    parts = {}
    for name in ("base_cfg", "audio2motion_cfg", "default_kwargs"):
        part = values.get(name) if isinstance(values, dict) else None
        if not isinstance(part, dict):
            raise AnimatorError(f"The config {path} has no {name}, so it is none of Ditto's.", HINT)
        parts[name] = part
    motion, kwargs = parts["audio2motion_cfg"], parts["default_kwargs"]
    for key, wanted in _FIXED.items():
        if motion.get(key, wanted) != wanted:
            raise AnimatorError(f"The config {path} says {key} {motion[key]!r:.40}; only {wanted} can be used.", HINT)
    known = {field.name for field in fields(RunOptions)}
    unknown = tuple(str(key) for key in kwargs if key not in known)
    if unknown:
        logger.info("%s: run options that are not known are left out: %s", path.name, ", ".join(unknown)[:300])
    try:
        options = RunOptions().replaced({key: kwargs[key] for key in known & kwargs.keys() if kwargs[key] is not None})
        return Config(path, values, _files(parts["base_cfg"], motion), ConditionUse.of(motion), options, unknown)
    except AnimatorError as error:
        raise AnimatorError(f"The config {path}: {error.message}", error.hint) from error


def to_yaml(values: Mapping[str, Any]) -> str:
    """A config's values as YAML that :func:`read_config` reads; arrays as {dtype, shape, values}."""
    return yaml.safe_dump(_for_yaml(values), sort_keys=False, default_flow_style=None, width=120, allow_unicode=True)


def described(values: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Keys with dots, and their values in a few words: arrays and long lists by their sizes."""
    if isinstance(values, Mapping):
        for key, value in values.items():
            yield from described(value, f"{prefix}.{key}" if prefix else str(key))
    elif isinstance(values, np.ndarray):
        yield prefix, f"array {list(values.shape)} of {values.dtype.name}"
    elif isinstance(values, list | tuple) and len(values) > _LONG:
        yield prefix, f"list of {len(values)}"
    elif isinstance(values, list) and any(isinstance(value, Mapping | np.ndarray) for value in values):
        for index, value in enumerate(values):
            yield from described(value, f"{prefix}[{index}]")
    else:
        yield prefix, str(values)


def _files(base: Mapping[str, Any], motion: Mapping[str, Any]) -> dict[str, str]:
    """Base names only: where the file lies is not the config's to say."""
    sections = {f"{name}_cfg": {"model_path": name} for name in NETWORKS}
    sections["landmark478_cfg"] = {"blaze_face_model_path": "blaze_face", "face_mesh_model_path": "face_mesh"}
    named = [(base.get(section), keys) for section, keys in sections.items()]
    named.append((motion, {"model_path": "lmdm"}))
    files = {}
    for section, keys in named:
        for key, name in keys.items():
            path = section.get(key) if isinstance(section, dict) else None
            if isinstance(path, str) and path.isprintable():
                files[name] = PurePosixPath(path.replace("\\", "/")).name
    return files


def _read_yaml(path: Path) -> Any:
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_YAML_BYTES + 1)
    except OSError as error:
        raise AnimatorError(f"The config {path} cannot be read: {error.strerror}.", HINT) from error
    try:
        if len(data) > _MAX_YAML_BYTES:
            raise Refused(f"it is larger than {_MAX_YAML_BYTES // 2**20} MB")
        text = data.decode("utf-8-sig")
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        _check_events(yaml.parse(text, Loader=loader))
        return _from_yaml(Tree().of(yaml.load(text, Loader=loader)))
    except (ValueError, TypeError, OverflowError) as error:
        raise AnimatorError(f"The config {path} is refused: {error}.", HINT) from error
    except yaml.YAMLError as error:
        raise AnimatorError(f"The config {path} is not YAML: {str(error).splitlines()[0]}.", HINT) from error


def _check_events(events: Any) -> None:
    """No names for values, which could be repeated without end, no types of YAML's own, no deep nesting."""
    depth = 0
    for event in events:
        if getattr(event, "anchor", None) is not None:
            raise Refused("it has anchors or aliases")
        if getattr(event, "tag", None) is not None:
            raise Refused(f"it has the tag {str(event.tag)[:40]}")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise Refused(f"it is nested deeper than {MAX_DEPTH}")


def _for_yaml(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        # the shortest decimal that gives the same number in the array's own type
        flat = [value.dtype.type(one) for one in value.reshape(-1)]
        numbers = [float(str(one)) if value.dtype.kind == "f" else one.item() for one in flat]
        return {"dtype": value.dtype.name, "shape": list(value.shape), "values": numbers}
    if isinstance(value, Mapping):
        return {key: _for_yaml(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_for_yaml(item) for item in value]
    return value.decode("latin1") if isinstance(value, bytes) else value


def _from_yaml(value: Any) -> Any:
    """Raises ValueError or TypeError for an array that is none."""
    if isinstance(value, list):
        return [_from_yaml(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.keys() != _ARRAY_KEYS:
        return {key: _from_yaml(item) for key, item in value.items()}
    if value["dtype"] not in _ARRAY_TYPES:
        raise Refused(f"it holds an array of {str(value['dtype'])[:40]}")
    return np.array(value["values"], value["dtype"]).reshape([int(size) for size in value["shape"]])
