"""A session in the foreground: a dashboard on a terminal, plain log lines elsewhere."""

from __future__ import annotations

import logging
import os
import sys
import threading
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from rich.console import Console
from rich.live import Live

from vcam.app import StartOptions, effective_profile, run_session
from vcam.cli.dashboard import Dashboard
from vcam.cli.ditto_view import expected_delay
from vcam.session import Session

logger = logging.getLogger(__name__)

REFRESHES_PER_SECOND = 8
NO_PAGE = "There is no page to open: only `--camera preview` has one."
NO_PAGE_SECONDS = 30  # that the dashboard shows it


def run_in_foreground(options: StartOptions) -> None:
    """Run until the end; raises VcamError if it was not a good one."""
    console = Console(stderr=True)
    on_terminal = console.is_terminal and sys.stdout.isatty()

    expected = expected_delay(effective_profile(options))
    if expected and not on_terminal:
        logger.info("%s", expected)

    def ready(session: Session) -> None:
        camera = session.camera
        if camera.kind == "preview":
            logger.info("preview: %s", camera.device)
            if options.open_page:
                open_page(camera.device)
        elif options.page_asked:
            session.notices.add("no-page", NO_PAGE, seconds=NO_PAGE_SECONDS)

    run_session(options, on_ready=ready, view=_dashboard(console, expected) if on_terminal else None)


def _dashboard(console: Console, expected: str) -> Callable[[Session], AbstractContextManager[None]]:
    @contextmanager
    def view(session: Session) -> Iterator[None]:
        dashboard = Dashboard(session, expected)
        with (
            _log_lines_off(),
            Live(
                console=console,
                get_renderable=dashboard.render,
                refresh_per_second=REFRESHES_PER_SECOND,
                transient=False,
            ),
        ):
            yield

    return view


@contextmanager
def _log_lines_off() -> Iterator[None]:
    """The dashboard shows warnings itself; log lines between its pictures would tear it."""
    root = logging.getLogger()
    handlers = [handler for handler in root.handlers if isinstance(handler, logging.StreamHandler)]
    for handler in handlers:
        root.removeHandler(handler)
    try:
        yield
    finally:
        for handler in handlers:
            root.addHandler(handler)


def open_page(url: str) -> None:
    """Open the page where a graphical browser can be expected; say nothing where not (the address is shown anyway).

    Returns at once: some browsers are only done when their window is closed, and end with that.
    """
    if sys.platform in ("darwin", "win32") or "DISPLAY" in os.environ or "WAYLAND_DISPLAY" in os.environ:
        threading.Thread(target=_open_page, args=(url,), name="vcam-browser", daemon=True).start()


def _open_page(url: str) -> None:
    if not webbrowser.open(url):
        logger.info("no browser could be opened; open the address above yourself")
