"""The little that is needed of the Hugging Face hub: what a repository holds, and a file's bytes from an offset on."""

from __future__ import annotations

import errno
import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any, BinaryIO

import vcam
from vcam.checkpoints.parts import PARTS, REPOSITORY, part_of
from vcam.errors import VcamError

logger = logging.getLogger(__name__)

_TIMEOUT = 20.0  # seconds for the list of files
_RETRY = "Try again later: what has arrived is kept, and `vcam checkpoints pull` goes on from there."


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """``sha256``: known for large files; ``blob``: git's SHA-1 of the file, or of what stands for a large one."""

    path: str
    size: int
    sha256: str | None
    blob: str


@dataclass(frozen=True, slots=True)
class Listing:
    """``revision``: the commit."""

    revision: str
    files: tuple[RemoteFile, ...]


class Hub:
    """``endpoint``: another server that speaks as the hub does; None for the hub, or ``$HF_ENDPOINT``."""

    def __init__(self, endpoint: str | None = None, repository: str = REPOSITORY) -> None:
        """Raises VcamError if huggingface_hub is not installed."""
        try:
            self._library: Any = import_module("huggingface_hub")
        except ModuleNotFoundError as error:
            raise VcamError(
                "huggingface_hub is not installed; fetching needs it.", "pip install 'vcam[ditto]'"
            ) from error
        self.repository = repository
        self._api = self._library.HfApi(endpoint=endpoint, library_name="vcam", library_version=vcam.__version__)
        # every retry would be told on stderr, over the progress bar
        self._library.utils.logging.get_logger("huggingface_hub").setLevel(logging.ERROR)

    def list(self, revision: str | None, parts: Sequence[str]) -> Listing:
        """The files of some parts. Raises VcamError if the hub cannot be reached or has nothing of that kind."""
        with self._errors(revision):
            info = self._api.model_info(self.repository, revision=revision, files_metadata=True, timeout=_TIMEOUT)
            wanted = {part.name for part in PARTS if part.name in parts}
            files = []
            for one in info.siblings or ():
                part = part_of(one.rfilename)
                if part is None or part.name not in wanted:
                    continue
                sha256 = _hash(one.lfs["sha256"], 64) if one.lfs else None
                files.append(RemoteFile(one.rfilename, int(one.size), sha256, _hash(one.blob_id, 40)))
            commit = _hash(info.sha, 40)
        if not files:
            raise VcamError(f"{self.repository} has no files of the part {' or '.join(parts)}.")
        return Listing(commit, tuple(sorted(files, key=lambda file: file.path)))

    def fetch(self, file: RemoteFile, revision: str, into: BinaryIO, have: int) -> None:
        """Append the bytes from ``have`` on; if the server sends all of them instead, ``into`` is cut short first.

        A connection that breaks is taken up again as long as something comes. Raises VcamError.
        """
        download = import_module("huggingface_hub.file_download")
        url = self._library.hf_hub_url(self.repository, file.path, revision=revision, endpoint=self._api.endpoint)
        headers = self._library.utils.build_hf_headers(library_name="vcam", library_version=vcam.__version__)
        headers["accept-encoding"] = "identity"  # offsets count the file's bytes
        with self._errors(revision), _no_bars(self._library):
            while True:
                try:
                    download.http_get(url, into, resume_size=have, headers=headers, expected_size=file.size)
                    return
                except self._failures():
                    there = into.tell()
                    if have and there > file.size:  # all of it was sent, and older releases append that
                        into.truncate(0)
                        into.seek(0)
                    elif not have < there < file.size:  # nothing more came, so nothing will
                        raise
                    have = into.tell()

    @staticmethod
    def _failures() -> tuple[type[Exception], ...]:
        """OSError, and what requests or httpx raise, as the release has it: bases of the library's own errors."""
        errors: Any = import_module("huggingface_hub.errors")
        bases = errors.HfHubHTTPError.__mro__
        return OSError, *(kind for kind in bases if kind.__name__ in ("HTTPError", "RequestException"))

    @contextmanager
    def _errors(self, revision: str | None) -> Iterator[None]:
        errors: Any = import_module("huggingface_hub.errors")
        at = f" at {revision}" if revision else ""
        try:
            yield
        except errors.RevisionNotFoundError as error:
            raise VcamError(f"{self.repository} has no revision {revision!r:.60}.", "Leave out --revision.") from error
        except errors.GatedRepoError as error:
            raise VcamError(
                f"{self.repository} asks you to accept its terms first.",
                "Do so on its page; then log in with: hf auth login",
            ) from error
        except errors.RepositoryNotFoundError as error:
            raise VcamError(f"The hub has no repository {self.repository}, or does not show it to you.") from error
        except errors.EntryNotFoundError as error:
            raise VcamError(f"{self.repository}{at} has lost a file that it listed.", _RETRY) from error
        except errors.OfflineModeIsEnabled as error:
            raise VcamError(
                "HF_HUB_OFFLINE is set, so nothing can be fetched.", "Unset it: unset HF_HUB_OFFLINE"
            ) from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise VcamError(
                f"What answers at {self._api.endpoint} does not speak as the hub does: {_reason(error)}",
                "A network that asks you to log in first, or a wrong HF_ENDPOINT, does that.",
            ) from error
        except self._failures() as error:
            if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise  # the disk, not the network
            raise VcamError(f"The hub cannot be reached: {_reason(error)}", _RETRY) from error


def _hash(value: Any, length: int) -> str:
    """A hash that the hub told: it becomes part of paths and addresses."""
    if not isinstance(value, str) or not re.fullmatch(f"[0-9a-f]{{{length}}}", value):
        raise ValueError("a hash in the answer is none")
    return value


@contextmanager
def _no_bars(library: Any) -> Iterator[None]:
    """Without the library's progress bars: the command line has its own."""
    utils = library.utils
    shown = not utils.are_progress_bars_disabled()
    if shown:
        utils.disable_progress_bars()
    try:
        yield
    finally:
        if shown:
            utils.enable_progress_bars()


def _reason(error: Exception) -> str:
    text = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return text[:200].rstrip(".") + "."
