"""What the commands of the benches share: where they write, and how they report an error."""

import contextlib
from collections.abc import Iterator

import typer
from rich.console import Console

from configs.errors import Small4Error
from configs.schema import PROJECT_ROOT

BENCH_DIRECTORY = PROJECT_ROOT / ".cache" / "bench"


@contextlib.contextmanager
def reported(console: Console) -> Iterator[None]:
    """Turn a Small4Error into a message on `console` and exit status 1."""
    try:
        yield
    except Small4Error as error:
        console.print(f"error: {error}", markup=False)
        raise typer.Exit(1) from None
