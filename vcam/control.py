"""What may be asked of a running session, whichever door asks: the command line, the control socket or the web page."""

from __future__ import annotations

from typing import Any, Protocol


class SessionControl(Protocol):
    """The session as its doors see it.

    Every method may be called from any thread, answers at once, and never waits for a camera or a device. Requests
    that cannot be met raise a ``VcamError``. All but ``switch`` may be repeated without harm.
    """

    def status(self) -> dict[str, Any]:
        """The state of the session as JSON types, a fresh copy at each call.

        ``state`` ("starting", "live", "degraded", "muted", "paused", "cut", "stopping", "failed"), ``uptime_s``,
        ``profile``, ``avatar``, ``animator``; ``audio`` {device, sample_rate, level_dbfs, speech, overruns, output},
        where ``output`` is None or {device, mode, delay_ms, skew_ms, underruns, resyncs, drift_ppm}: ``skew_ms`` is by
        how much the voice is ahead of the lips, negative where it comes after them (the sign of ITU-R BT.1359);
        ``camera`` {kind, device, width, height, fps, presented, repeated, skipped}; ``latency_ms`` {algorithmic,
        compute_p50, compute_p95, device, total}; ``warnings`` (texts, oldest first). What is not known yet is None,
        never NaN or infinite. A session that is paused while muted says "paused"; the optional keys ``paused``,
        ``muted`` and ``cut`` (bool) tell them apart; ``expressions`` (optional) are the names that :meth:`express`
        takes now; ``error`` (optional) is what ended a session whose state is "failed".
        """

    def pause(self) -> None:
        """Let the portrait idle as if nobody sat there and the sound pass unheard, until :meth:`resume`."""

    def resume(self) -> None:
        """End a pause, or a cut."""

    def cut(self) -> None:
        """Show the standby card at once, and let nothing be heard, until :meth:`resume`."""

    def mute(self) -> None:
        """Treat the microphone as silent: the portrait stays alive but does not speak, and no voice is played."""

    def unmute(self) -> None:
        """End a mute."""

    def express(self, name: str) -> None:
        """Show an expression until another one is asked for. Raises VcamError if the avatar has none of that name."""

    def pose(self, yaw: float, pitch: float, roll: float, gaze_x: float, gaze_y: float) -> None:
        """Turn the head by so many degrees, and the eyes (-1 to 1), until asked again. Raises VcamError."""

    def switch(self, target: str) -> None:
        """Change to another avatar or profile, by name or path, without letting go of the camera.

        Raises VcamError where ``target`` is neither, or cannot be used; the session then goes on as it was.
        """

    def stop(self) -> None:
        """Ask the session to end; returns before it has."""
