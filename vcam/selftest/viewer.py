"""Reading the camera back as an application would: a virtual camera through V4L2, the preview through its web page.

Every picture is stamped when the last of it has arrived. What is kept of it is its marks and a small grey copy.
"""

from __future__ import annotations

import http.client
import logging
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import cv2
import simplejpeg

from vcam.errors import CameraError
from vcam.media import ByteArray
from vcam.selftest.marks import FrameMark, marked_rows, read_frame_mark, read_tick_mark

logger = logging.getLogger(__name__)

SMALL_WIDTH = 96  # pixels of the small copy: a mouth has some ten of them
_PATIENCE = 5.0  # s without a picture: then none will come
_RETRY = 0.1  # s
_CLOSE_PATIENCE = 6.0  # s
_RECEIVE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """One picture as it arrived, at ``at`` (monotonic seconds). ``pts``: the moment for which it was shown.

    ``pts`` and ``frame`` are None where a mark could not be read. ``small``: uint8 luma of the portrait, marks cut off.
    """

    at: float
    pts: int | None
    frame: FrameMark | None
    small: ByteArray

    @classmethod
    def of(cls, at: float, luma: ByteArray) -> Seen:
        """From the whole picture's luma, uint8 [height, width]."""
        portrait = luma[marked_rows(len(luma)) :]
        size = (SMALL_WIDTH, max(1, round(len(portrait) * SMALL_WIDTH / luma.shape[1])))
        small = cv2.resize(portrait, size, interpolation=cv2.INTER_AREA).astype("uint8", copy=False)
        return cls(at, read_tick_mark(luma), read_frame_mark(luma), small)


class Viewer(ABC):
    """An application that shows the camera. Used by one thread."""

    #: What reads the pictures, for the report.
    name: str

    @abstractmethod
    def open(self) -> None:
        """Raises CameraError."""

    @abstractmethod
    def read(self) -> Seen:
        """The next picture; waits for it. Raises CameraError when none will come any more."""

    @abstractmethod
    def close(self) -> None:
        """May be called twice."""


class PreviewViewer(Viewer):
    """Reads the preview's endless picture (multipart JPEG) over HTTP. ``address``: the page's, with its key."""

    name = "HTTP client on the preview's picture (multipart JPEG)"

    def __init__(self, address: str) -> None:
        self._address = urlsplit(address)
        self._connection: http.client.HTTPConnection | None = None
        self._answer: http.client.HTTPResponse | None = None

    def open(self) -> None:
        self._connection = http.client.HTTPConnection(
            self._address.hostname or "localhost", self._address.port, timeout=_PATIENCE
        )
        try:
            self._connection.request("GET", f"/stream.mjpg?{self._address.query}")
            self._answer = self._connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            raise CameraError(f"The preview does not answer: {error}.") from error
        if self._answer.status != http.client.OK:
            raise CameraError(f"The preview answers {self._answer.status} {self._answer.reason}.")

    def read(self) -> Seen:
        assert self._answer is not None
        try:
            length = self._length(self._answer)
            jpeg = self._answer.read(length)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise CameraError(f"The preview's picture cannot be read: {error}.") from error
        at = time.monotonic()
        if len(jpeg) < length:
            raise CameraError("The preview's picture has ended.")
        try:
            luma = simplejpeg.decode_jpeg(jpeg, colorspace="GRAY")[:, :, 0]
        except ValueError as error:
            raise CameraError(f"The preview's picture is no JPEG: {error}.") from error
        return Seen.of(at, luma)

    @staticmethod
    def _length(answer: http.client.HTTPResponse) -> int:
        """Bytes of the next part; its head is read (RFC 2046, 5.1)."""
        length = 0
        while line := answer.readline(_RECEIVE_BYTES):
            if line.lower().startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
            elif line == b"\r\n" and length:
                return length
        raise ValueError("it has ended")

    def close(self) -> None:
        connection, self._connection, self._answer = self._connection, None, None
        if connection is not None:
            connection.close()


class DeviceViewer(Viewer):
    """Reads a V4L2 device through OpenCV, which maps its buffers as browsers do. ``path``: such as /dev/video10."""

    name = "V4L2 reader (OpenCV, mapped buffers)"

    def __init__(self, path: str) -> None:
        self._path = path
        self._capture: Any = None

    def open(self) -> None:
        end = time.monotonic() + _PATIENCE
        pause = threading.Event()
        capture = cv2.VideoCapture()
        said = cv2.utils.logging.getLogLevel()
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # it would warn at each try
        try:
            # with exclusive_caps=1 it is a camera only from the first picture on
            while not capture.open(self._path, cv2.CAP_V4L2):
                if time.monotonic() >= end:
                    raise CameraError(
                        f"{self._path} cannot be read back.", "See that you may read it, and that vcam can write to it."
                    )
                pause.wait(_RETRY)
        finally:
            cv2.utils.logging.setLogLevel(said)
        self._capture = capture

    def read(self) -> Seen:
        taken = self._capture.grab()
        at = time.monotonic()
        done, picture = self._capture.retrieve() if taken else (False, None)
        if not done or picture is None:
            raise CameraError(f"{self._path} gives no pictures any more.")
        return Seen.of(at, cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY).astype("uint8", copy=False))

    def close(self) -> None:
        capture, self._capture = self._capture, None
        if capture is not None:
            capture.release()


class Watching:
    """Owns a thread that reads a viewer, for as long as the context lasts. ``seen``: all pictures so far.

    ``take`` is given each picture in that thread, in place of keeping it.
    """

    def __init__(self, viewer: Viewer, take: Callable[[Seen], None] | None = None) -> None:
        self.viewer = viewer
        self.seen: list[Seen] = []
        self._take = take or self.seen.append
        self.error: CameraError | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._read, name="vcam-selftest-viewer", daemon=True)

    def __enter__(self) -> Watching:
        self.viewer.open()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join(_CLOSE_PATIENCE)
        if self._thread.is_alive():
            logger.warning("whoever reads the camera back does not come back from the driver; left alone")
            return
        self.viewer.close()

    def _read(self) -> None:
        try:
            while not self._stop.is_set():
                self._take(self.viewer.read())
        except CameraError as error:
            if not self._stop.is_set():
                self.error = error
