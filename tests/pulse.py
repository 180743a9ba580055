"""A private PulseAudio server for tests: a microphone without a sound card.

What is played into the sink ``mic_in`` is heard by a program that records from the PortAudio device "pulse";
what it plays there goes to ``vmic_sink``, which applications see as the microphone ``vmic``.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

TOOLS = ("pulseaudio", "pactl", "pacat", "paplay")
READY_SECONDS = 10.0
ZERO = "/dev/zero"


def missing_tools() -> list[str]:
    """The programs of PulseAudio that are not installed."""
    return [tool for tool in TOOLS if shutil.which(tool) is None]


def wait_until(condition: Callable[[], bool], seconds: float, what: str, period: float = 0.02) -> None:
    """Return as soon as ``condition`` holds; raises TimeoutError after ``seconds``."""
    end = time.monotonic() + seconds
    pause = threading.Event()
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {seconds:g} s")
        pause.wait(period)


class PulseServer:
    """Use as a context manager. ``env`` is what a program needs to find this server and no other."""

    def __init__(self) -> None:
        # Not pytest's tmp_path: a Unix socket's address may have no more than 107 bytes.
        self._folder = Path(tempfile.mkdtemp(prefix="vcam-pulse-"))
        for name in ("run", "state"):
            (self._folder / name).mkdir(mode=0o700)
        self.env = {
            "PULSE_RUNTIME_PATH": str(self._folder / "run"),
            "PULSE_STATE_PATH": str(self._folder / "state"),
            "PULSE_SERVER": f"unix:{self._folder / 'native'}",
            "PULSE_SOURCE": "mic_in.monitor",
            "PULSE_SINK": "vmic_sink",
        }
        self._server: subprocess.Popen[bytes] | None = None
        self._players: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> PulseServer:
        try:
            self.start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def start(self) -> None:
        """Start the server (again) and wait until it answers."""
        (self._folder / "native").unlink(missing_ok=True)
        # norewinds keeps a sink from rendering up to 2 s ahead, which would be dead time for whoever records it.
        modules = (
            f"module-native-protocol-unix socket={self._folder / 'native'} auth-anonymous=1",
            "module-null-sink sink_name=mic_in rate=48000 channels=1 norewinds=1",
            "module-null-sink sink_name=vmic_sink rate=48000 channels=1 norewinds=1",
            "module-remap-source source_name=vmic master=vmic_sink.monitor "
            "source_properties=device.description=VirtualMic",
        )
        options = ("-n", "--daemonize=no", "--exit-idle-time=-1", "--disallow-exit", "--use-pid-file=no")
        self._server = self._spawn("pulseaudio", *options, "--log-target=stderr", *(f"--load={m}" for m in modules))
        wait_until(self._answers, READY_SECONDS, "the PulseAudio server")
        self._keep_awake("mic_in")
        wait_until(self._awake, READY_SECONDS, "the keep-alive stream")

    def kill(self) -> None:
        """End the server at once, as a crash would, and whatever was playing."""
        for process in (self._server, *self._players):
            if process is not None:
                process.kill()
                process.wait(READY_SECONDS)
        self._server = None
        self._players.clear()

    def signal(self, number: int) -> None:
        """Send the server a signal: SIGSTOP makes it hang, SIGCONT go on."""
        if self._server is not None:
            self._server.send_signal(number)

    def play(self, wav: Path, sink: str = "mic_in", latency_ms: int = 100) -> subprocess.Popen[bytes]:
        """Play a WAV file into a sink, in the background; ``wait()`` on what is returned for its end.

        A small ``latency_ms`` starts sooner, but the player stumbles when the machine is busy.
        """
        player = self._spawn("paplay", "-d", sink, f"--latency-msec={latency_ms}", str(wav))
        self._players.append(player)
        return player

    def pactl(self, *arguments: str) -> str:
        """Run one pactl command and return what it printed."""
        done = subprocess.run(
            ("pactl", *arguments), env=self._environment(), capture_output=True, text=True, timeout=10, check=True
        )
        return done.stdout

    def unload(self, module: str) -> None:
        """Unload every instance of a module, as if its device had been unplugged."""
        for line in self.pactl("list", "short", "modules").splitlines():
            number, name = line.split("\t")[:2]
            if name == module:
                self.pactl("unload-module", number)

    def unload_sink(self, sink: str) -> None:
        """Unload one sink, as if its device had been unplugged."""
        for line in self.pactl("list", "short", "modules").splitlines():
            if f"sink_name={sink} " in f"{line} ":
                self.pactl("unload-module", line.split("\t")[0])

    def load_sink(self, sink: str, rate: int = 48_000) -> None:
        """Plug a sink in again, with a stream that keeps it awake."""
        self.pactl("load-module", "module-null-sink", f"sink_name={sink}", f"rate={rate}", "channels=1", "norewinds=1")
        self._keep_awake(sink)

    def _keep_awake(self, sink: str) -> None:
        # Without such a stream the first recorded block comes 1 to 2 s late.
        self._players.append(
            self._spawn("pacat", "-d", sink, "--latency-msec=10", "--raw", "--rate=48000", "--channels=1", ZERO)
        )

    def _answers(self) -> bool:
        if self._server is None or self._server.poll() is not None:
            raise RuntimeError("the PulseAudio server ended while starting")
        command = ("pactl", "info")
        return subprocess.run(command, env=self._environment(), capture_output=True, timeout=10).returncode == 0

    def _awake(self) -> bool:
        sinks = self.pactl("list", "short", "sinks").splitlines()
        return any("mic_in\t" in line and line.endswith("RUNNING") for line in sinks)

    def _spawn(self, *command: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            command,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def _environment(self) -> dict[str, str]:
        return {**os.environ, **self.env}
