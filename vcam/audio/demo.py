"""The bundled speech sample, over and over: something to say for those without a microphone."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from vcam.audio.file import FileSource
from vcam.errors import SourceError

PAUSE_SECONDS = 1.5  # between two rounds, so that the portrait is also seen at rest
_SUFFIXES = (".flac", ".opus", ".ogg", ".wav", ".mp3")


def demo_path() -> Path:
    """The bundled sample's file. Raises SourceError if this installation lacks it."""
    folder = Path(str(files("vcam") / "assets"))
    for suffix in _SUFFIXES:
        path = folder / f"demo{suffix}"
        if path.is_file():
            return path
    raise SourceError("The bundled demo speech is missing.", "Install vcam again, or give an audio file with --audio.")


def demo_source(realtime: bool = True) -> FileSource:
    """The bundled sample; in real time it loops for ever, with a pause between, else it is played once."""
    source = FileSource(demo_path(), realtime, loop=realtime, pause=PAUSE_SECONDS)
    source.name = "demo"
    return source
