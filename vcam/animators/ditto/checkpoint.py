"""A checkpoint's folder: its configs and its networks' files.

ditto_cfg/*.pkl, *.yaml     configs; those with "online" in their name are for streams
ditto_onnx/*.onnx           the networks
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from vcam.errors import AnimatorError
from vcam.paths import at_home

from .backends.base import Backend, Network
from .conditions import ConditionUse
from .config_file import YAML, Config, read_config
from .networks import NETWORKS, NetworkSpec
from .options import RunOptions

logger = logging.getLogger(__name__)

PULL = "Fetch it: vcam checkpoints pull"
_ONLINE_OVERLAP = 70  # frames, as published
_KINDS = ("onnx", "trt", "pytorch")  # in the configs' names; they differ in the files that they name


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """``online``: the config for streams; ``offline``: for whole recordings. Where there is only one it is both, with
    what differs put right."""

    folder: Path
    online: Config
    offline: Config

    @classmethod
    def open(cls, folder: Path) -> Checkpoint:
        """Raises AnimatorError, naming the command that helps, if there is none or its configs cannot be used."""
        folder = at_home(folder).absolute()
        if not networks_folder(folder).is_dir():
            raise AnimatorError(f"There is no checkpoint in {folder}.", PULL)
        configs = config_files(folder)
        if not configs:
            raise AnimatorError(f"The checkpoint in {folder} has no config in ditto_cfg.", PULL)
        online = [path for path in configs if "online" in path.name]
        offline = [path for path in configs if "online" not in path.name]
        first = read_config((online or configs)[0])
        return cls(folder, first, read_config(offline[0]) if offline and online else first)

    def options(self, live: bool) -> RunOptions:
        """The defaults of a run."""
        options = (self.online if live else self.offline).options
        if live and not options.online_mode:
            logger.info("%s is for whole recordings; its overlap is set to %d.", self.online.path.name, _ONLINE_OVERLAP)
            return options.replaced({"online_mode": True, "overlap_v2": _ONLINE_OVERLAP})
        return options if live else options.replaced({"online_mode": False})

    @property
    def use(self) -> ConditionUse:
        """What the diffusion network is told of each frame."""
        return self.online.use

    def path(self, spec: NetworkSpec) -> Path:
        """Where a network's file is to be: as the config names it if that is there, else under its usual name."""
        folder = networks_folder(self.folder)
        named = self.online.files.get(spec.name, "")
        if named.endswith(".onnx") and (folder / named).is_file():
            return folder / named
        return folder / spec.file

    def missing(self, specs: Iterable[NetworkSpec] = tuple(NETWORKS.values())) -> list[Path]:
        return [path for path in map(self.path, specs) if not path.is_file()]

    def require(self, specs: Iterable[NetworkSpec] = tuple(NETWORKS.values())) -> None:
        """Raises AnimatorError if files are missing."""
        if missing := self.missing(specs):
            names = ", ".join(path.name for path in missing)
            raise AnimatorError(f"The checkpoint in {self.folder} is not complete: {names}.", PULL)

    def load(
        self, backend: Backend, specs: Iterable[NetworkSpec], progress: Callable[[str], None] | None = None
    ) -> dict[str, Network]:
        """The networks by name; ``progress`` is told the name of each before it is loaded.

        Raises AnimatorError; what was loaded until then is freed.
        """
        specs = tuple(specs)
        self.require(specs)
        loaded: dict[str, Network] = {}
        try:
            for spec in specs:
                if progress is not None:
                    progress(spec.name)
                loaded[spec.name] = backend.load(self.path(spec), spec)
        except AnimatorError:
            for network in loaded.values():
                network.close()
            raise
        return loaded


def networks_folder(folder: Path) -> Path:
    return folder / "ditto_onnx"


def config_files(folder: Path) -> list[Path]:
    """The best first: YAML, which somebody made here, before pickles; for ONNX before for others; short names first."""

    def rank(path: Path) -> tuple[bool, int, int, str]:
        kind = next((index for index, kind in enumerate(_KINDS) if kind in path.name), len(_KINDS))
        return path.suffix not in YAML, kind, len(path.name), path.name

    found = (folder / "ditto_cfg").glob("*")
    return sorted((path for path in found if path.suffix in (*YAML, ".pkl") and path.is_file()), key=rank)
