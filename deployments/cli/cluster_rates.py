"""A planned gang's rates of decode and prefill, as tables for a terminal."""

from rich.table import Table

from cluster.plan.plan import Plan


def decode_table(plan: Plan) -> Table:
    """Return a table with a row for each length and number of sequences; a length is shown once."""
    names = ["tokens each", "sequences a rank", "step, ms", "tokens/s", "a sequence", "bound by"]
    priced = plan.decode[0].usd_per_million is not None
    table = columns(*names, *(["USD/million"] if priced else []))
    before = 0
    for rate in plan.decode:
        cells = [
            *("" if rate.tokens == before else f"{rate.tokens:,}", f"{rate.sequences}"),
            *(f"{1000 * rate.step_s:.1f}", f"{rate.tokens_per_s:,.0f}", f"{1 / rate.step_s:,.0f}"),
            *(rate.bound, *_usd(rate.usd_per_million)),
        ]
        table.add_row(*cells)
        before = rate.tokens
    return table


def prefill_table(plan: Plan) -> Table:
    """Return a table with a row for each length."""
    priced = plan.prefill[0].usd_per_million is not None
    names = ("tokens each", "tokens/s", "each, s", "bound by")
    table = columns(*names, *(["USD/million"] if priced else []))
    for rate in plan.prefill:
        each_s = rate.tokens / (rate.tokens_per_s / plan.layout.ranks)
        table.add_row(
            *(f"{rate.tokens:,}", f"{rate.tokens_per_s:,.0f}", f"{each_s:.2g}", rate.bound),
            *_usd(rate.usd_per_million),
        )
    return table


def _usd(price: float | None) -> list[str]:
    return [] if price is None else [f"{price:.3g}"]


def columns(*names: str, left: str | None = None) -> Table:
    """Make a table of right-aligned columns; one named `left` follows, left-aligned."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for name in names:
        table.add_column(name, justify="right", no_wrap=True)
    if left is not None:
        table.add_column(left)
    return table
