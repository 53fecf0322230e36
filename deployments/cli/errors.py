"""small4's own errors, printed without a traceback."""

import contextlib
from collections.abc import Iterator

import typer
from rich.console import Console

from configs.errors import Small4Error

err = Console(stderr=True, highlight=False, soft_wrap=True)


@contextlib.contextmanager
def reported() -> Iterator[None]:
    """Turn a Small4Error into a message and exit status 1."""
    try:
        yield
    except Small4Error as error:
        err.print("error:", style="bold red", end=" ")
        err.print(str(error), markup=False)  # it may quote a log
        raise typer.Exit(1) from None
