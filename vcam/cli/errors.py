"""How a command ends when it does not end well: one line for the user, a hint, an exit code, no traceback."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

import typer

from vcam.errors import VcamError

INTERRUPTED = 130  # 128 + SIGINT, as shells report it
BROKEN_PIPE = 141  # 128 + SIGPIPE

P = ParamSpec("P")
R = TypeVar("R")


@contextmanager
def reported_errors() -> Iterator[None]:
    """Turn errors meant for the user into ``vcam: message`` on stderr and ``typer.Exit`` with the right code.

    Ctrl+C ends quietly with 130; a reader that went away (``vcam logs | head``) quietly with 141.
    """
    try:
        yield
    except VcamError as error:
        report(error)
        raise typer.Exit(error.exit_code) from error
    except KeyboardInterrupt as error:
        raise typer.Exit(INTERRUPTED) from error
    except BrokenPipeError as error:
        _drop_stdout()
        raise typer.Exit(BROKEN_PIPE) from error


def handle_errors(command: Callable[P, R]) -> Callable[P, R]:
    """Decorate a typer command with ``reported_errors``; typer still sees its parameters."""

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        with reported_errors():
            return command(*args, **kwargs)

    return wrapped


def report(error: VcamError) -> None:
    """Write the error's message and hint to stderr, plainly: rich would read brackets in a message as markup."""
    typer.echo(f"vcam: {error.message}", err=True)
    if error.hint:
        typer.echo(f"  {error.hint}", err=True)


def _drop_stdout() -> None:
    # The interpreter flushes stdout once more at exit, which would complain about the same pipe again.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
