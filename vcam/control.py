"""What can be asked of a running session: the one interface behind the command line, the preview page and the daemon."""

from __future__ import annotations

from typing import Any, Protocol


class SessionControl(Protocol):
    """Every method may be called from any thread, at any time in the session's life, and more than once."""

    def status(self) -> dict[str, Any]:
        """A snapshot that JSON can carry, taken without waiting for the live path.

        It has at least::

            state       "starting", "live", "degraded", "paused", "stopping" or "failed"
            uptime_s    float
            profile, avatar, animator    str
            audio       {device, sample_rate, level_dbfs, speech, overruns}
            camera      {kind, device, width, height, fps, presented, repeated, skipped}
            latency_ms  {algorithmic, compute_p50, compute_p95, device, total}
            warnings    [str], newest last

        A figure that is not known yet is None, never NaN or infinite.
        """
        ...

    def pause(self) -> None:
        """Show the idle portrait and stop listening to the microphone, until ``resume``."""
        ...

    def resume(self) -> None: ...

    def mute(self) -> None:
        """Treat the microphone as silent; the portrait keeps its idle motion."""
        ...

    def unmute(self) -> None: ...

    def switch(self, target: str) -> None:
        """Change the portrait (a path or a shipped name) or the whole profile while running.

        Raises VcamError where ``target`` is neither, or cannot be used; the session then goes on as it was.
        """
        ...

    def stop(self) -> None:
        """Ask the session to end; returns without waiting for that."""
        ...
