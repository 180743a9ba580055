"""The browser preview: the picture, the voice in step with it and the session's controls on a local page."""

from __future__ import annotations

import errno
import logging
import secrets
import socket
import sys
from typing import ClassVar

from vcam.camera.base import Camera, CameraFormat
from vcam.control import SessionControl
from vcam.errors import CameraError, CameraLost
from vcam.media import AudioChunk, Picture
from vcam.web.app import PreviewApp
from vcam.web.pictures import PictureFeed
from vcam.web.server import BackgroundServer, address_of
from vcam.web.sound import SoundFeed

logger = logging.getLogger(__name__)

DEFAULT_PORT = 8765
MAX_VIEWERS = 8
_PORTS_TRIED = 10
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_IN_USE = frozenset({errno.EADDRINUSE, errno.EACCES} if sys.platform == "win32" else {errno.EADDRINUSE})
# Small kernel buffers, so that a slow viewer falls behind by a picture or two and not by seconds of them.
_SEND_BUFFER_BYTES = 128 * 1024


class PreviewCamera(Camera):
    """Serves the picture to browsers on this computer. ``device`` is the address to open, with the session's key.

    ``port``: 0 takes any free one; one that is in use is replaced by one of the next nine, unless ``strict_port``.
    ``host`` must be this computer's own. ``token``: the key in the address; a new one for each camera by default.
    """

    kind: ClassVar[str] = "preview"
    wants_audio: ClassVar[bool] = True

    def __init__(
        self,
        format: CameraFormat,
        port: int = DEFAULT_PORT,
        host: str = "127.0.0.1",
        *,
        strict_port: bool = False,
        token: str | None = None,
    ) -> None:
        super().__init__(format)
        self._host = host
        self._port = port
        self._strict_port = strict_port
        self._token = token or secrets.token_urlsafe(24)
        self._control: SessionControl | None = None
        self._app: PreviewApp | None = None
        self._server: BackgroundServer | None = None
        self._pictures: PictureFeed | None = None
        self._sound: SoundFeed | None = None

    @property
    def device(self) -> str:
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}/?token={self._token}"

    @property
    def device_latency(self) -> float:
        """The encoding; what the browser adds is not known here."""
        return self._pictures.encode_seconds if self._pictures is not None else 0.0

    def attach(self, control: SessionControl) -> None:
        """Give the page a session to show and control. At any time; without one it shows the picture alone."""
        self._control = control
        if self._app is not None:
            self._app.control = control

    def open(self) -> None:
        """Raises CameraError if the host is not this computer, or no port could be had."""
        self.close()
        listener = self._listen()
        server = BackgroundServer(listener)
        pictures = PictureFeed(self.format.width, self.format.height, server.post, MAX_VIEWERS)
        sound = SoundFeed(server.post, MAX_VIEWERS)
        app = PreviewApp(self.format, pictures, sound)
        app.control = self._control
        if not server.start(app.build(self._token, f"vcam_{self._port}")):
            listener.close()
            raise CameraError("The preview's web server did not start.", "See the log for the reason.")
        pictures.start()
        self._app, self._server, self._pictures, self._sound = app, server, pictures, sound
        logger.info("Preview at %s", self.device.partition("?")[0])  # without the key: logs get shared

    def send(self, picture: Picture) -> None:
        if self._server is None or self._pictures is None:
            raise CameraError("The preview is not open.")
        if not self._server.alive:
            raise CameraLost("The preview's web server has stopped.", "See the log for the reason.")
        if (picture.width, picture.height) != (self.format.width, self.format.height):
            raise CameraError(
                f"The preview was opened for {self.format.width}x{self.format.height}, "
                f"not {picture.width}x{picture.height}."
            )
        self._pictures.put(picture.i420)

    def send_audio(self, chunk: AudioChunk) -> None:
        """Let listeners hear 20 ms, now: the caller has already delayed them to when their picture is shown."""
        if self._sound is not None:
            self._sound.put(chunk.samples)

    def close(self) -> None:
        server, pictures, sound = self._server, self._pictures, self._sound
        self._app = self._server = self._pictures = self._sound = None
        if server is None or pictures is None or sound is None:
            return

        def end() -> None:
            pictures.audience.end()
            sound.audience.end()

        pictures.stop()
        server.stop(end)

    def _listen(self) -> socket.socket:
        """A bound socket; sets ``_port`` to the port that it got."""
        if self._host not in _LOOPBACK:
            raise CameraError(
                f"The preview cannot be served on {self._host}: it is for this computer only.",
                f"Use one of {', '.join(_LOOPBACK)}.",
            )
        tries = 1 if self._strict_port or self._port == 0 else _PORTS_TRIED
        for port in range(self._port, min(self._port + tries, 65536)):
            try:
                listener = _bind(self._host, port)
            except OSError as error:
                if error.errno not in _IN_USE:
                    raise CameraError(
                        f"The preview cannot be served on {self._host}:{port}: {error.strerror}."
                    ) from error
                continue
            bound = address_of(listener)[1]
            if self._port not in (0, bound):
                logger.warning("Port %d is in use by another program; the preview takes %d", self._port, bound)
            self._port = bound
            return listener
        among = f"Port {self._port} is" if tries == 1 else f"Ports {self._port} to {port} are"
        raise CameraError(
            f"{among} in use by another program.",
            "Stop that program, or choose another port (camera: port in the profile; 0 takes any free one).",
        )


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
    return listener
