"""The rounds as tables for a terminal."""

from collections.abc import Iterator

from rich.table import Table

from deployments.bench.comparison import Spread
from deployments.bench.shards.loading import RANK, RANKS, Cache, Loader
from deployments.bench.shards.rounds import Rounds
from deployments.bench.table import with_range


def split_rows(rounds: Rounds) -> Iterator[list[str]]:
    """Yield `[what, seconds, GB/s, speed ÷ cp's]`."""
    cuts_s = [cut.took_s for cut in rounds.cuts]
    for name, took_s in (("cp", rounds.copy_s), ("split", cuts_s)):
        speed = Spread.of(rounds.size_bytes / 1e9 / seconds for seconds in took_s)
        ratio = with_range(rounds.split_speed()) if name == "split" else ""
        yield [name, with_range(Spread.of(took_s)), with_range(speed), ratio]


def load_rows(rounds: Rounds) -> Iterator[list[str]]:
    """Yield `[cache, loader, seconds, GB from disk, time ÷ vLLM's, time ÷ filtered vLLM's]`."""
    for cache in Cache:
        for loader in Loader:
            if not (loads := rounds.loads.get((cache, loader))):
                continue
            ratios = (
                rounds.load_time(cache, loader, other) for other in (Loader.PLAIN, Loader.FILTERED)
            )
            took_s = Spread.of(load.took_s for load in loads)
            disk_gb = Spread.of(load.disk_bytes / 1e9 for load in loads)
            yield [cache, loader, *map(with_range, (took_s, disk_gb, *ratios))]


def split_table(rounds: Rounds) -> Table:
    size = f"{rounds.size_bytes / 1e9:.2f} GB"
    table = _table(f"{size}, cold cache to fsync", "", "s", "GB/s", "speed ÷ cp's")
    for row in split_rows(rounds):
        table.add_row(*row)
    table.caption = (
        f"peak memory of a split: {rounds.peak_bytes() / 1e6:.1f} MB; "
        f"the largest tensor: {rounds.largest_bytes / 1e6:.1f} MB"
    )
    return table


def load_table(rounds: Rounds) -> Table:
    kept_bytes = next(iter(rounds.loads.values()))[0].kept_bytes
    title = f"The {kept_bytes / 1e9:.2f} GB that rank {RANK} of {RANKS} keeps"
    table = _table(title, "cache", "loader", "s", "GB from disk", "s ÷ vLLM's", "s ÷ filter's")
    for row in load_rows(rounds):
        table.add_row(*row, end_section=row[1] == Loader.UNVERIFIED)
    return table


def _table(title: str, *columns: str) -> Table:
    full_title = f"{title}: medians (lowest–highest)"
    table = Table(
        title=full_title, title_justify="left", title_style="bold", caption_justify="left"
    )
    for heading in columns:
        table.add_column(heading, no_wrap=True)
    return table
