"""A session in the background: start it, wait until it is live, return."""

from __future__ import annotations

import logging

from rich.console import Console

from vcam.app import StartOptions


def start_in_background(options: StartOptions) -> None:
    """Returns once the session is live; raises VcamError, with the log's last lines, if it does not get there."""
    from dataclasses import asdict

    from vcam.cli.foreground import NO_PAGE, open_page
    from vcam.daemon.client import ControlClient
    from vcam.daemon.spawn import start_background

    console = Console(stderr=True)
    with console.status("starting") as line:
        level = logging.getLogger().getEffectiveLevel()
        pid = start_background(asdict(options), level=level, on_progress=line.update)
    camera = ControlClient().call("status")["camera"]
    console.print(
        f"vcam runs in the background (pid {pid}): {camera['kind']} {camera['device']}", highlight=False, soft_wrap=True
    )
    console.print("`vcam status` shows it, `vcam stop` ends it.", highlight=False, soft_wrap=True)
    if options.open_page and camera["kind"] == "preview":
        open_page(camera["device"])
    elif options.page_asked:
        console.print(NO_PAGE, highlight=False, soft_wrap=True)
