"""A checkpoint of tiny networks made by code: the whole pipeline without weights, for a first look and for tests.

The networks have the real ones' inputs and outputs. The picture that comes out is the portrait itself, moved a little:
its mouth opens with the sound and its head nods along.
"""

from __future__ import annotations

import hashlib
import logging
import shutil
import tempfile
from pathlib import Path

from vcam.errors import AnimatorError

logger = logging.getLogger(__name__)


def stand_in_checkpoint() -> Path:
    """The folder of the stand-in checkpoint in the user's cache, made if it is not there.

    Raises AnimatorError if it cannot be written, or the onnx package is missing.
    """
    from vcam.daemon.paths import cache_dir

    folder = cache_dir() / f"ditto-stand-in-{_version()}"
    if folder.is_dir():
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix="ditto-stand-in-", dir=folder.parent))
        try:
            make_stand_in_checkpoint(made)
            # whoever comes second finds the folder taken: its content is the same
            made.replace(folder)
        except OSError:
            if not folder.is_dir():
                raise
        finally:
            shutil.rmtree(made, ignore_errors=True)
    except OSError as error:
        raise AnimatorError(f"The stand-in networks cannot be written to {folder}: {error.strerror}.") from error
    logger.info("Made the stand-in networks in %s.", folder)
    return folder


def _version() -> str:
    """Of the code that makes the networks, so that no old ones are taken from the cache."""
    code = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        code.update(path.read_bytes())
    return code.hexdigest()[:12]


def make_stand_in_checkpoint(folder: Path) -> Path:
    """Write a checkpoint of stand-ins into ``folder``, always the same; gives the folder.

    Raises AnimatorError if the onnx package is missing, OSError if the folder cannot be written.
    """
    try:
        from .faces import save_faces
        from .pixels import save_pixels
        from .speech import save_speech
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] != "onnx":
            raise
        raise AnimatorError("The stand-in networks are made with onnx.", "pip install 'vcam[ditto]'") from error
    from .config import save_configs

    networks = folder / "ditto_onnx"
    networks.mkdir(parents=True, exist_ok=True)
    for save in (save_faces, save_pixels, save_speech):
        save(networks)
    save_configs(folder / "ditto_cfg")
    return folder
