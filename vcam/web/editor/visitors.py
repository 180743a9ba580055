"""Who has the page open. One page at a time; when the last one has gone, and does not come back, that is told."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable
from typing import Any

from vcam.web.feed import Audience, Ticket

MAX_VISITORS = 8
GRACE_SECONDS = 4.0  # a page that is loaded anew is gone for a moment
_QUEUE = 32


class Visitor(Ticket):
    """One open page: lines of JSON are its news; when its queue is full the oldest are dropped."""

    def __init__(self, visitors: Visitors) -> None:
        super().__init__(visitors.audience)
        self._lines: deque[bytes] = deque(maxlen=_QUEUE)

    def tell(self, news: dict[str, Any]) -> None:
        self._lines.append(json.dumps(news).encode() + b"\n")
        self.notify()

    def take(self) -> bytes | None:
        if not self._lines:
            return None
        data = b"".join(self._lines)
        self._lines.clear()
        return data


class Visitors:
    """In the event loop only. ``left`` is called once nobody has been here for a while, after someone was."""

    def __init__(self, left: Callable[[], None]) -> None:
        self.audience: Audience[Visitor] = Audience(MAX_VISITORS, self._changed)
        self._left = left
        self._timer: asyncio.TimerHandle | None = None

    def join(self) -> Visitor:
        """A new page; those that were open are told that it takes over. Raises FullHouse."""
        self.tell({"taken_over": True})
        visitor = Visitor(self)
        self.audience.admit(visitor)
        return visitor

    def tell(self, news: dict[str, Any]) -> None:
        for visitor in self.audience:
            visitor.tell(news)

    def _changed(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not len(self.audience) and not self.audience.ended:
            self._timer = asyncio.get_running_loop().call_later(GRACE_SECONDS, self._left)
