"""Expert load per rank, before and after balancing, as a table for a terminal."""

from collections.abc import Iterator, Sequence

from rich.table import Table

from model_shards.placement.balance import Change


def balance_rows(changes: Sequence[Change]) -> Iterator[list[str]]:
    """Yield `[layer, before and after of each size, …]`, then all layers together, then steps."""
    for layer in range(len(changes[0].linear.layers) if changes else 0):
        pairs = ((c.linear.layers[layer], c.ordered.layers[layer]) for c in changes)
        yield [str(layer), *(_pair(*pair) for pair in pairs)]
    yield ["all", *(_pair(c.linear.overall, c.ordered.overall) for c in changes)]
    for steps in zip(*(change.steps for change in changes), strict=True):
        yield [f"steps of {steps[0].tokens}", *(_pair(s.linear, s.ordered) for s in steps)]
        yield ["even router", *(f"{step.uniform:.2f}" for step in steps)]


def balance_table(changes: Sequence[Change]) -> Table:
    """Return a table with a column for each expert-parallel size."""
    table = Table(
        title=(
            "Busiest rank's expert load ÷ mean, over all counted tokens: by number → in this order"
        ),
        title_justify="left",
        caption=(
            "Ranks wait at every step, and steps of few tokens are less even: estimated for tokens "
            "that are drawn one by one from this load. An even router chooses all experts equally "
            "often. Real texts, and answers apart from prompts, are less even."
        ),
        caption_justify="left",
        box=None,
    )
    for column in ("layer", *(f"EP {change.expert_parallel}" for change in changes)):
        table.add_column(column, justify="right", no_wrap=True)
    for row in balance_rows(changes):
        table.add_row(*row)
    return table


def _pair(before: float, after: float) -> str:
    return f"{before:.2f} → {after:.2f}"
