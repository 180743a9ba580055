"""PortAudio behind one door: loading the library, opening and closing streams, looking for devices anew.

PortAudio lists the devices once, when it is initialised, and must not be initialised again under an open stream:
so everything in vcam that opens a stream does it here, where they are counted.
"""

from __future__ import annotations

import ctypes
import logging
import os
import re
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Any

from vcam.errors import SourceError

logger = logging.getLogger(__name__)

MISSING_HINT = (
    "Install it: sudo apt install libportaudio2 (Debian, Ubuntu), sudo dnf install portaudio (Fedora), "
    "sudo pacman -S portaudio (Arch)."
)
_STOP_SECONDS = 1.0
_NOISE = re.compile(
    rb"^(ALSA lib |Expression '|Cannot connect to server|jack server|JackShm|attempt to connect).*\n?", re.M
)

# void (*)(const char *file, int line, const char *function, int err, const char *format, ...), as in alsa/error.h
_AlsaHandler = ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p)
_ignore_alsa = _AlsaHandler(lambda file, line, function, error, text: None)  # kept for as long as ALSA may call it

_lock = threading.RLock()
_open_streams: set[int] = set()
_left_alone: list[threading.Thread] = []  # each waits for a device that did not answer
_rescan_wanted = threading.Event()


def load() -> Any:
    """The module ``sounddevice``. Raises SourceError, with the command that installs what is missing."""
    with _lock:
        try:
            import sounddevice
        except OSError as error:
            raise SourceError(f"Audio devices cannot be used: {error}.", MISSING_HINT) from error
        except ImportError as error:
            hint = "Install it: python -m pip install sounddevice."
            raise SourceError("Audio devices cannot be used: the package sounddevice is missing.", hint) from error
        _silence_alsa()
        return sounddevice


def _silence_alsa() -> None:
    """Keep ALSA from writing each overrun and underrun across the user's terminal; vcam counts them itself."""
    if sys.platform == "linux":
        try:
            ctypes.CDLL("libasound.so.2").snd_lib_error_set_handler(_ignore_alsa)
        except (OSError, AttributeError):  # a PortAudio that was built without ALSA
            return


def rescan() -> bool:
    """Look for devices anew. False, and nothing done, while a stream is open: its device would be pulled away.

    Raises SourceError if PortAudio does not start again.
    """
    sounddevice = load()
    with _lock, quiet():
        if _open_streams:
            return False
        _rescan_wanted.clear()
        try:
            # No public name exists for this; python-sounddevice's own documentation refers to these two.
            while sounddevice._initialized:
                sounddevice._terminate()
            sounddevice._initialize()
        except sounddevice.PortAudioError as error:
            raise SourceError(f"PortAudio does not start: {error}.") from error
    return True


def want_rescan() -> None:
    """A device was not found, and :func:`rescan` was not possible: ask others to lend their streams' time for it."""
    _rescan_wanted.set()


def take_rescan_wish() -> bool:
    """Whether somebody has asked for a rescan since the last one, or since this was called.

    Who answers that wish closes its stream, calls :func:`rescan`, and opens it again.
    """
    wanted = _rescan_wanted.is_set()
    _rescan_wanted.clear()
    return wanted


@contextmanager
def environment(**variables: str) -> Iterator[None]:
    """Set environment variables that a sound library reads while it opens a stream; nobody else opens one meanwhile."""
    with _lock:
        before = {name: os.environ.get(name) for name in variables}
        os.environ.update(variables)
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value


def start_stream(make: Callable[[], Any]) -> Any:
    """The stream that ``make`` opens, started. Raises sounddevice.PortAudioError. End it with :func:`stop_stream`."""
    with _lock, quiet():
        stream = make()
        try:
            stream.start()
        except BaseException:
            stream.close()
            raise
        _open_streams.add(id(stream))
        return stream


def stop_stream(stream: Any) -> None:
    """Stop and close a stream; a device that does not answer within a second is left to a thread of its own."""
    # Stopping waits for the sound server, which may hang; the stream stays counted until it is really closed.
    closer = threading.Thread(target=_close, args=(stream,), name="vcam-audio-close", daemon=True)
    closer.start()
    closer.join(_STOP_SECONDS)
    if closer.is_alive():
        logger.warning("the audio device does not answer; it is left alone until it does")
        _left_alone.append(closer)


def stuck() -> bool:
    """Whether a device still does not answer: what the library does when the program ends would wait for it too."""
    return any(closer.is_alive() for closer in _left_alone)


def _close(stream: Any) -> None:
    sounddevice = load()
    try:
        stream.abort()
        stream.close()
    except sounddevice.PortAudioError as error:
        logger.debug("closing an audio stream: %s", error)
    with _lock:
        _open_streams.discard(id(stream))


@contextmanager
def quiet() -> Iterator[None]:
    """Keep what ALSA, JACK and PortAudio print on stderr for the debug log; pass everything else on afterwards."""
    with _lock, _scratch_file() as caught:
        stderr = _replace_stderr(caught.fileno())
        try:
            yield
        finally:
            if stderr is not None:
                os.dup2(stderr, 2)
                caught.seek(0)
                _pass_on(caught.read(), stderr)


def _scratch_file() -> IO[bytes]:
    """A file for what is caught; where there is no room for one, that is lost rather than the microphone."""
    try:
        return tempfile.TemporaryFile()
    except OSError as error:
        logger.debug("what the audio libraries print is not kept: %s", error)
        return open(os.devnull, "r+b", buffering=0)


def _pass_on(text: bytes, stderr: int) -> None:
    """Write what is no known noise (other threads may have written in the meantime) to ``stderr``, and close that."""
    try:
        os.write(stderr, _NOISE.sub(b"", text))
    except OSError as error:  # it leads to a full disk, or to a terminal that was closed
        logger.debug("%d bytes could not be passed on to stderr: %s", len(text), error)
    finally:
        os.close(stderr)
    for line in _NOISE.finditer(text):
        logger.debug("%s", line[0].decode(errors="replace").strip())


def _replace_stderr(replacement: int) -> int | None:
    """Point file descriptor 2 elsewhere and return a copy of the old one; None in a program without a stderr."""
    try:
        stderr = os.dup(2)
    except OSError:
        return None
    os.dup2(replacement, 2)
    return stderr
