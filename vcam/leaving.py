"""The end of a vcam process, even where a device does not answer."""

from __future__ import annotations

import logging
import os
import sys


def leave(code: int) -> None:
    """End the process at once if the sound library would wait for ever; otherwise return.

    Everything of vcam's own must have been closed before.
    """
    portaudio = sys.modules.get("vcam.audio.portaudio")
    if portaudio is None or not portaudio.stuck():
        return
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    os._exit(code)
