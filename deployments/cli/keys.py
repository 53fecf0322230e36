"""`small4 keys new`: a new key, and its entry for the keys file."""

import json
import secrets
from typing import Annotated

import typer

from configs.keys import hashed

_BYTES = 32

app = typer.Typer(help="Keys of a deployment's clients.", no_args_is_help=True)


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="Who the key is for; shown in logs.")],
) -> None:
    """Print a new key, and the entry for the keys file. The key itself is kept nowhere."""
    key = f"s4-{secrets.token_urlsafe(_BYTES)}"
    typer.echo(f"The key of {name}, shown only now:\n\n{key}\n")
    typer.echo("In the file that args.access.keys_file names, below `keys:`:\n")
    typer.echo(f'  - name: {json.dumps(name, ensure_ascii=False)}\n    sha256: "{hashed(key)}"')
