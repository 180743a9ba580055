"""A response without an end: its client gets what is due as fast as it takes it, and no faster."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from vcam.web.feed import Ticket

STALL_SECONDS = 20.0  # a client that takes nothing for so long has gone to sleep: its place is needed

#: Key in the ASGI scope: a function that drops this request's connection (see ``server.py``).
ABORT = "vcam.abort"


class LiveResponse(Response):
    """Asks ``ticket`` for more only when what came before has left, so that what is sent is always the newest.

    ``opening`` is sent first; ``wrap`` makes a part of the body of what the ticket gives.
    """

    def __init__(
        self,
        ticket: Ticket,
        media_type: str,
        headers: dict[str, str] | None = None,
        opening: bytes = b"",
        wrap: Callable[[bytes], bytes] = bytes,
    ) -> None:
        super().__init__(headers=headers, media_type=media_type)
        del self.headers["content-length"]
        self._ticket = ticket
        self._opening = opening
        self._wrap = wrap

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._ticket:
            pump = asyncio.create_task(self._pump(send, scope[ABORT]))
            gone = asyncio.create_task(_disconnected(receive))
            try:
                await asyncio.wait({pump, gone}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                gone.cancel()
                pump.cancel()
                await asyncio.gather(gone, pump, return_exceptions=True)
        if not pump.cancelled():
            pump.result()

    async def _pump(self, send: Send, abort: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()

        async def deliver(data: bytes, more: bool = True) -> None:
            stalled = loop.call_later(STALL_SECONDS, abort)
            try:
                await send({"type": "http.response.body", "body": data, "more_body": more})
            finally:
                stalled.cancel()

        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await deliver(self._opening)
        while (data := await self._ticket.next()) is not None:
            await deliver(self._wrap(data))
            # An empty send returns when the buffers have room again: only then is the next part chosen.
            await deliver(b"")
        await deliver(b"", more=False)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
