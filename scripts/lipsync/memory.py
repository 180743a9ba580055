"""What the C library does with memory that is given back."""

from __future__ import annotations

import ctypes
import sys

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h
_KEPT, _OWN_PAGES = 1 << 30, 1 << 25  # bytes; the second is the most that every glibc takes


def keep_freed_memory() -> None:
    """For this process, where its C library is glibc: arrays of the same size, over and over, get the same memory.

    As it comes, it gives large ones back to the system, which has to empty the pages each time: a sixth of an update.
    """
    if sys.platform == "linux" and hasattr(library := ctypes.CDLL(None), "mallopt"):
        library.mallopt(_M_TRIM_THRESHOLD, _KEPT)
        library.mallopt(_M_MMAP_THRESHOLD, _OWN_PAGES)
