"""A private PipeWire for tests, with the same devices as the private PulseAudio of ``tests.pulse``.

Three programs: the server, the one that speaks PulseAudio's protocol, and the one that connects streams with devices,
which insists on a D-Bus of its own.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess

from tests.pulse import READY_SECONDS, PulseServer, wait_until

TOOLS = ("pipewire", "pipewire-pulse", "wireplumber", "dbus-run-session", "pactl", "pacat")
STARTING_SECONDS = 3 * READY_SECONDS
VMIC = "source_properties=device.description=VirtualMic"


def missing_tools() -> list[str]:
    """The programs of PipeWire that are not installed."""
    return [tool for tool in TOOLS if shutil.which(tool) is None]


class PipeWireServer(PulseServer):
    """Use as a context manager, like the other one."""

    def __init__(self) -> None:
        super().__init__()
        self._run = self._folder / "run"
        self.env["PULSE_SERVER"] = f"unix:{self._run / 'pulse' / 'native'}"
        self.env["PIPEWIRE_RUNTIME_DIR"] = str(self._run)
        self._helpers: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        shutil.rmtree(self._run, ignore_errors=True)
        self._run.mkdir(mode=0o700)
        self._server = self._program("pipewire")
        wait_until((self._run / "pipewire-0").exists, STARTING_SECONDS, "PipeWire")
        self._helpers = [self._program("pipewire-pulse"), self._program("dbus-run-session", "--", "wireplumber")]
        wait_until(self._answers, STARTING_SECONDS, "PipeWire's PulseAudio")
        for sink in ("mic_in", "vmic_sink"):
            self.pactl("load-module", "module-null-sink", f"sink_name={sink}", "rate=48000", "channels=1")
        self.pactl("load-module", "module-remap-source", "source_name=vmic", "master=vmic_sink.monitor", VMIC)
        self._keep_awake("mic_in")
        wait_until(self._awake, STARTING_SECONDS, "the keep-alive stream")

    def kill(self) -> None:
        for process in (*self._helpers, *([self._server] if self._server is not None else [])):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # the D-Bus daemon, too
            process.wait(READY_SECONDS)
        self._helpers = []
        super().kill()

    def unload_sink(self, sink: str) -> None:
        """And what listens to it, which PipeWire would connect with another one: a real microphone goes as a whole."""
        for line in self.pactl("list", "short", "modules").splitlines():
            if f"master={sink}.monitor" in line.split():
                self.pactl("unload-module", line.split("\t")[0])
        super().unload_sink(sink)

    def _program(self, *command: str) -> subprocess.Popen[bytes]:
        environment = {k: v for k, v in self._environment().items() if not k.startswith(("PULSE_", "DBUS_"))}
        environment["XDG_RUNTIME_DIR"] = str(self._run)
        for name in ("CONFIG", "STATE", "CACHE", "DATA"):
            environment[f"XDG_{name}_HOME"] = str(self._folder / name.lower())
        nowhere = subprocess.DEVNULL
        return subprocess.Popen(
            command, env=environment, stdin=nowhere, stdout=nowhere, stderr=nowhere, start_new_session=True
        )
