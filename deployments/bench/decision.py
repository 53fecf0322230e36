"""`python -m deployments.bench.decision`: what it costs a router to choose a rank for a prompt."""

import random
import statistics
import timeit

from rich.console import Console
from rich.table import Table

from configs.tier import Tier
from deployments.bench.machine import Machine
from deployments.scheduling.prefix_index import PrefixIndex
from deployments.scheduling.rank_load import Limits, RankLoad
from deployments.scheduling.routing import least_loaded_rank
from deployments.scheduling.ticket import Ticket
from deployments.wire.cache_change import CacheChange

_RANKS = 8, 512
_PROMPT_TOKENS, _BLOCK_TOKENS = 2000, 16
_REPEATS, _DECISIONS = 20, 50
# The share of ranks that hold three quarters of the prompt.
_HOLDERS = {"none": 0.0, "one in eight": 0.125, "all": 1.0}


def decision_us(ranks: int, holding: float) -> float:
    """Return the microseconds that a decision takes, the median of some rounds."""
    draw = random.Random(0)  # noqa: S311
    limits = Limits(sequences=256, prefill_tokens=16_384, kv_tokens=1_000_000)
    blocks = tuple(draw.getrandbits(64) for _ in range(_PROMPT_TOKENS // _BLOCK_TOKENS))
    index, loads = PrefixIndex(), list[RankLoad]()
    for number in range(ranks):
        load = RankLoad(f"rank {number}", limits, bit=1 << number)
        load.report(draw.randint(1, 200), draw.randint(0, 4000), draw.randint(0, 500_000), 256)
        loads.append(load)
        if number < holding * ranks:
            index.change(load.bit, CacheChange(False, [*blocks[: len(blocks) * 3 // 4]], []))
    ticket = Ticket("", Tier.STANDARD, "", _PROMPT_TOKENS, 256, blocks=blocks)

    def decide() -> None:
        least_loaded_rank(ticket, loads, index.cached(blocks, _BLOCK_TOKENS))

    rounds = timeit.repeat(decide, repeat=_REPEATS, number=_DECISIONS)
    return statistics.median(rounds) / _DECISIONS * 1e6


def main() -> None:
    table = Table(title=f"µs a decision, a prompt of {_PROMPT_TOKENS:,} tokens")
    table.add_column("the prompt is cached by")
    for ranks in _RANKS:
        table.add_column(f"{ranks} ranks", justify="right")
    for name, holding in _HOLDERS.items():
        table.add_row(name, *(f"{decision_us(ranks, holding):.1f}" for ranks in _RANKS))
    out = Console(highlight=False)
    out.print(Machine.this().describe(), table, sep="\n")


if __name__ == "__main__":
    main()
