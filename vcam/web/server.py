"""An ASGI application served from a thread that is started, and stopped within a second, by its owner."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from collections.abc import Callable
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from vcam.web.live import ABORT

logger = logging.getLogger(__name__)

START_SECONDS = 10.0
GRACE_SECONDS = 0.3  # for answers under way at the end; who has not taken them by then is cut off
STOP_SECONDS = 5.0


class _Uvicorn(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, on_started: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_started = on_started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_started()

    def abort(self, client: tuple[str, int] | None = None) -> None:
        """Drop the connection of one client, or all of them, with whatever was not sent yet."""
        for connection in list(self.server_state.connections):
            transport = getattr(connection, "transport", None)
            if transport is not None and (client is None or getattr(connection, "client", None) == client):
                transport.abort()


class BackgroundServer:
    """Serves on a socket that is already bound. ``start`` and ``stop`` belong to one thread."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._app: ASGIApp | None = None
        config = uvicorn.Config(
            self._with_abort,
            # h11 limits the size of a request's head; httptools does not.
            interface="asgi3",
            http="h11",
            h11_max_incomplete_event_size=16 * 1024,
            ws="none",
            lifespan="off",
            proxy_headers=False,
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
        )
        self._server = _Uvicorn(config, self._started)
        self._running = threading.Event()
        self._loop_lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, name="vcam-web", daemon=True)

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def start(self, app: ASGIApp) -> bool:
        """Returns once ``app`` answers requests; False if that did not come to be."""
        self._app = app
        self._thread.start()
        self._running.wait(START_SECONDS)
        return self._server.started

    def post(self, function: Callable[..., None], *arguments: object) -> bool:
        """Run ``function`` in the event loop; False if that has ended. From any thread, never waits."""
        with self._loop_lock:
            if self._loop is None:
                return False
            self._loop.call_soon_threadsafe(function, *arguments)
            return True

    def stop(self, last_words: Callable[[], None]) -> None:
        """``last_words`` runs in the event loop and should end the endless answers. Returns when all is closed."""
        self.post(self._stop, last_words)
        self._thread.join(STOP_SECONDS)
        if self._thread.is_alive():
            logger.warning("The preview's web server is still busy with a request; leaving it to end by itself")
        self._listener.close()

    async def _with_abort(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self._app is not None
        scope[ABORT] = lambda: self._server.abort(scope["client"])
        await self._app(scope, receive, send)

    def _started(self) -> None:
        with self._loop_lock:
            self._loop = asyncio.get_running_loop()
        self._running.set()

    def _stop(self, last_words: Callable[[], None]) -> None:
        last_words()
        self._server.should_exit = True
        asyncio.get_running_loop().call_later(GRACE_SECONDS, self._server.abort)

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        try:
            await self._server.serve(sockets=[self._listener])
        finally:
            # From here on nothing may be posted: the loop is about to close.
            with self._loop_lock:
                self._loop = None
            self._running.set()


def address_of(listener: socket.socket) -> tuple[str, int]:
    """Host and port that a socket is bound to."""
    name: tuple[Any, ...] = listener.getsockname()
    return str(name[0]), int(name[1])
