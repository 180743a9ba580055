"""The microphone "vcam microphone" on Linux: made on PulseAudio or PipeWire while vcam runs, and taken away after it.

A null sink takes the voice; a remapped copy of its monitor is the microphone, because browsers list no plain monitor.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
import subprocess
from dataclasses import dataclass

from vcam.errors import OutputError, OutputLost

logger = logging.getLogger(__name__)

DESCRIPTION = "vcam microphone"
SOURCE = "vcam_microphone"
FEED = "vcam_microphone_feed"
LISTENS = "vcam.listens"  # property of the streams in which vcam listens to the user

PACTL_MISSING = (
    "Install it: sudo apt install pulseaudio-utils (Debian, Ubuntu; for PipeWire too), "
    "sudo dnf install pulseaudio-utils (Fedora), sudo pacman -S libpulse (Arch)."
)
NO_SERVER = (
    "Start it (systemctl --user start pipewire-pulse, or pulseaudio --start), or go without: --monitor none. "
    "In a container, its socket must be passed in."
)
SERVER_TOO_OLD = "It may be too old, or its modules not installed; --monitor none goes without."
_SECONDS = 5.0  # for one pactl command

# norewinds keeps a PulseAudio sink from rendering up to 2 s ahead, which would be dead time for whoever records it;
# servers before 15 do not know the word.
_FEED_ARGUMENTS = (
    f"sink_name={FEED} rate=48000 channels=1 channel_map=mono "
    f"sink_properties=\"device.description='{DESCRIPTION} feed'\""
)
_LOW_LATENCY = "norewinds=1"
_SOURCE_ARGUMENTS = (
    f"source_name={SOURCE} master={FEED}.monitor channels=1 channel_map=mono "
    f"source_properties=\"device.description='{DESCRIPTION}'\""
)


@dataclass(frozen=True, slots=True)
class Module:
    """One loaded module of the sound server's."""

    number: str
    name: str
    arguments: str


def create() -> None:
    """Make the microphone. One that a session before left behind is used again: who listens to it need not notice.

    Raises OutputError: no pactl, no sound server, or the server refuses.
    """
    found = modules()
    if [module.name for module in found] == ["module-null-sink", "module-remap-source"] and exists():
        logger.info("%s is there already", DESCRIPTION)
        return
    _unload(found)
    try:
        _load("module-null-sink", f"{_FEED_ARGUMENTS} {_LOW_LATENCY}", f"{_FEED_ARGUMENTS}")
        _load("module-remap-source", _SOURCE_ARGUMENTS)
    except OutputError:
        remove()
        raise
    logger.info("made the virtual microphone %s", DESCRIPTION)


def remove() -> int:
    """Take the microphone away, also one that was left behind; the number of modules removed.

    Without a sound server there is nothing to remove.
    """
    try:
        found = modules()
        _unload(found)
    except OutputError as error:
        logger.debug("nothing to remove: %s", error.message)
        return 0
    return len(found)


def exists() -> bool:
    """Whether applications can see the microphone. Raises OutputError without pactl or a server."""
    return any(line.split("\t")[1:2] == [SOURCE] for line in pactl("list", "short", "sources").splitlines())


def check() -> None:
    """Raises OutputLost if the microphone is not there any more, or if vcam itself listens to it and must not.

    A server moves who records from a microphone that goes away, or follows the system's default, to another one: if
    that is vcam's own, the voice would go round for ever. It is then moved on to a third one, if there is any.
    """
    try:
        there = [line.split("\t")[:2] for line in pactl("list", "short", "sources").splitlines()]
        if [name for _, name in there if name == SOURCE] == []:
            raise OutputLost(f"The virtual microphone {DESCRIPTION} was removed.")
        own = {number for number, name in there if name in (SOURCE, f"{FEED}.monitor")}
        recorders = _recorders(os.getpid())
        looping = [recorder for recorder, source in recorders if source in own]
        if not looping:
            return
        other = _other_microphone([name for _, name in there])
        if other is None:
            raise OutputLost(f"vcam would hear itself: {DESCRIPTION} is the only microphone that is left.")
        for recorder in looping:
            pactl("move-source-output", recorder, other, missing_ok=True)  # it may have been moved on meanwhile
    except OutputLost:
        raise
    except OutputError as error:
        raise OutputLost(error.message, error.hint) from error
    logger.warning("vcam was made to listen to its own microphone; it listens to %s now", other)


def sink_block(sink: str = FEED) -> float:
    """The seconds of sound that a sink renders at a time; 0 if there is none of that name, or the server does not say.

    Who records from a null sink's monitor is handed the whole block when its first sample is due, and so has the sound
    a block earlier than the server tells who plays it. Measured on PulseAudio 16.1 with blocks of 10 ms: 9.9 ms, also
    through a remapped source. Raises OutputError without pactl or a server.
    """
    for block in pactl("list", "sinks").split("Sink #")[1:]:
        name = re.search(r"^\s*Name: (\S+)", block, re.MULTILINE)
        latency = re.search(r"^\s*Latency: \d+ usec, configured (\d+) usec", block, re.MULTILINE)
        if name is not None and name[1] == sink and latency is not None:
            return int(latency[1]) / 1e6
    return 0.0


def heard() -> str:
    """The microphone, as users know it, that the server lets this process listen to; "" if none, or its own.

    Raises OutputError without pactl or a server.
    """
    sources = {source for _, source in _recorders(os.getpid())}
    if len(sources) != 1:
        return ""
    for block in pactl("list", "sources").split("Source #")[1:]:
        name = re.search(r"^\s*Name: (\S+)", block, re.MULTILINE)
        description = re.search(r"^\s*Description: (.+)", block, re.MULTILINE)
        if block.split()[0] in sources and name is not None and name[1] not in (SOURCE, f"{FEED}.monitor"):
            return description[1].strip() if description is not None else name[1]
    return ""


def listening() -> dict[str, str]:
    """Environment variables under which a stream is opened that must not hear vcam's own microphone."""
    if os.environ.get("PULSE_SOURCE") == SOURCE:  # this one is wanted there: to measure what others hear
        return {}
    return {"PULSE_PROP": f"{os.environ.get('PULSE_PROP', '')} {LISTENS}=yes".strip()}


def _recorders(pid: int) -> list[tuple[str, str]]:
    """A process's streams that listen for vcam: their numbers, and those of the sources that they record from."""
    found = []
    for block in pactl("list", "source-outputs").split("Source Output #")[1:]:
        source = re.search(r"^\s*Source: (\d+)", block, re.MULTILINE)
        owner = re.search(r'application\.process\.id = "(\d+)"', block)
        if f'{LISTENS} = "yes"' in block and source is not None and owner is not None and int(owner[1]) == pid:
            found.append((block.split()[0], source[1]))
    return found


def _other_microphone(names: list[str]) -> str | None:
    """Which source to listen to instead: the one that the environment asks for, else a real one, else any."""
    if (wanted := os.environ.get("PULSE_SOURCE")) in names:
        return wanted
    others = [name for name in names if not name.endswith(".monitor") and name != SOURCE]
    return next((name for name in others if name.startswith("alsa_input")), others[0] if others else None)


def modules() -> list[Module]:
    """vcam's own modules, in the order in which they were loaded. Raises OutputError without pactl or a server."""
    found = []
    for line in pactl("list", "short", "modules").splitlines():
        number, name, arguments = (*line.split("\t"), "", "")[:3]
        words = arguments.split()
        if f"sink_name={FEED}" in words or f"source_name={SOURCE}" in words:
            found.append(Module(number, name, arguments))
    return found


def _unload(found: list[Module]) -> None:
    for module in reversed(found):  # the source before the sink that it listens to
        pactl("unload-module", module.number, missing_ok=True)


def _load(module: str, *choices: str) -> None:
    for arguments in choices:
        try:
            pactl("load-module", module, arguments)
        except OutputError:
            if arguments is choices[-1]:
                raise
            continue
        return


def pactl(*arguments: str, missing_ok: bool = False) -> str:
    """What a command to the sound server printed. Raises OutputError: no pactl, no server, or it refuses."""
    if (program := shutil.which("pactl")) is None:
        raise OutputError("A virtual microphone needs the program pactl, which is not installed.", PACTL_MISSING)
    environment = {**os.environ, "LC_ALL": "C"}
    try:
        done = subprocess.run(
            (program, *arguments),
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise OutputError(f"The sound server has not answered for {_SECONDS:.0f} s.", NO_SERVER) from error
    except OSError as error:
        raise OutputError(f"pactl cannot be run: {error.strerror}.", PACTL_MISSING) from error
    if done.returncode == 0:
        return done.stdout
    said = (done.stderr.strip() or f"exit status {done.returncode}").splitlines()[0]
    if missing_ok and "No such entity" in said:
        return ""
    if "Connection" in said:
        why = said.removeprefix("Connection failure: ")
        raise OutputError(f"No sound server answers (PulseAudio or PipeWire): {why}.", NO_SERVER)
    raise OutputError(f"The sound server refuses: pactl {arguments[0]} {arguments[1]}: {said}.", SERVER_TOO_OLD)
