"""What nobody needs any more and can only be freed while the GPU is current."""

from __future__ import annotations

import logging
import weakref
from collections import deque
from collections.abc import Callable

from .cuda_graph import GraphError

logger = logging.getLogger(__name__)


class Gone:
    """Streams, events and graphs whose owners are forgotten, until the GPU is current on some thread.

    Freed elsewhere, pycuda would leave them be with a warning; freed while a stream is captured, they would spoil that.
    """

    def __init__(self) -> None:
        self._waiting: deque[Callable[[], object]] = deque()

    def follow(self, owner: object, free: Callable[[], object]) -> None:
        """Once ``owner`` is forgotten, on whatever thread, call ``free`` when that can be done, and forget it."""
        weakref.finalize(owner, self._waiting.append, free).atexit = False

    def free(self) -> None:
        """With the device current; from any thread."""
        while True:
            try:
                free = self._waiting.popleft()
            except IndexError:
                return
            try:
                free()
            except GraphError as error:
                logger.debug("a graph cannot be freed: %s", error)


def forget(*objects: object) -> None:
    """They are freed by not being referred to any more."""
