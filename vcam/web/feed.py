"""What the picture's and the voice's audience have in common: joining, a limit, and the end of the show."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Generic, Protocol, TypeVar


class Post(Protocol):
    """Runs a function in the server's event loop; False if the loop is gone and it will not run. Any thread."""

    def __call__(self, function: Callable[..., None], *arguments: object) -> bool: ...


class FullHouse(Exception):
    """As many are watching or listening as may."""


class Ticket(ABC):
    """One member of an audience, in the event loop; leaves at the end of its ``with`` block."""

    def __init__(self, audience: Audience[Any]) -> None:
        self._audience = audience
        self._news = asyncio.Event()

    @abstractmethod
    def take(self) -> bytes | None:
        """What is due for this member, or None if that has not come yet."""

    async def next(self) -> bytes | None:
        """Waits for what is due; None once the show has ended."""
        while not self._audience.ended:
            if (data := self.take()) is not None:
                return data
            self._news.clear()
            await self._news.wait()
        return None

    def notify(self) -> None:
        self._news.set()

    def __enter__(self) -> Ticket:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._audience.leave(self)


Member = TypeVar("Member", bound=Ticket)


class Audience(Generic[Member]):
    """The members of one feed. Used in the event loop only, but for ``len``, which any thread may ask."""

    def __init__(self, limit: int, changed: Callable[[], None] = lambda: None) -> None:
        self.limit = limit
        self.ended = False
        self._changed = changed
        self._members: set[Member] = set()

    def __len__(self) -> int:
        return len(self._members)

    def __iter__(self) -> Iterator[Member]:
        return iter(self._members)

    def admit(self, ticket: Member) -> None:
        """Raises FullHouse at the limit."""
        if len(self._members) >= self.limit:
            raise FullHouse
        self._members.add(ticket)
        self._changed()

    def leave(self, ticket: Member) -> None:
        self._members.discard(ticket)
        self._changed()

    def notify(self) -> None:
        for ticket in self._members:
            ticket.notify()

    def end(self) -> None:
        """Everyone's ``next`` returns None from now on."""
        self.ended = True
        self.notify()
