"""`small4 shard push` and `small4 shard pull`: send a shard set to S3, and fetch it."""

from pathlib import Path
from typing import Annotated

import typer

from deployments.cli.byte_bar import ByteBar
from deployments.cli.errors import reported
from model_shards.files.meter import Meter

Url = Annotated[str, typer.Argument(help="s3://bucket/prefix", show_default=False)]


def push(
    directory: Annotated[
        Path, typer.Argument(help="A shard set that `shard split` wrote.", show_default=False)
    ],
    location: Url,
) -> None:
    """Send a shard set to S3, or to what speaks as it does.

    Credentials, region and endpoint are those of AWS's own tools: AWS_PROFILE, AWS_ENDPOINT_URL
    and so on. An interrupted push goes on where it was when it is started again.
    """
    from model_shards.store.location import Location
    from model_shards.store.push import push as send

    with reported():
        at = Location.parse(location)
        with ByteBar() as meter:
            send(directory, at, meter)
    typer.echo(f"{at}: whole; {_counted(meter, 'sent')}")


def pull(
    location: Url,
    directory: Annotated[Path, typer.Argument(help="Made if missing.", show_default=False)],
    ranks: Annotated[
        str | None, typer.Option(help="Fetch only what these read, as in 0-7,9.")
    ] = None,
    expert_parallel: Annotated[
        int | None,
        typer.Option(help="Number of ranks that share the experts [default: groups of the set]."),
    ] = None,
) -> None:
    """Fetch a shard set from S3, or what some ranks need of it, and verify every file.

    An interrupted pull goes on where it was when it is started again.
    """
    from model_shards.store.location import Location
    from model_shards.store.pull import pull as fetch
    from model_shards.store.ranks import Ranks

    if expert_parallel is not None and ranks is None:
        raise typer.BadParameter("--expert-parallel needs --ranks: say which of them read here")
    with reported():
        at = Location.parse(location)
        readers = None if ranks is None else Ranks.parse(ranks, expert_parallel)
        with ByteBar() as meter:
            files = fetch(at, directory, meter, readers)
    typer.echo(f"{directory}: {len(files)} files verified; {_counted(meter, 'fetched')}")


def _counted(meter: Meter, moved: str) -> str:
    return (
        f"{meter.moved_bytes / 1e6:.1f} MB {moved}, "
        f"{meter.spared_bytes / 1e6:.1f} MB were there already"
    )
