"""A plan as text and tables for a terminal, the layout first."""

from collections.abc import Iterator

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from cluster.plan.plan import Plan
from cluster.plan.sizes import Size
from configs.cluster_manifest import ClusterManifest
from configs.node_group import NodeGroup
from deployments.cli.cluster_rates import columns, decode_table, prefill_table

TABLE_WIDTH = 100  # a terminal that is narrower wraps it
_BAR = 40
_GB = 1e9


def report(plan: Plan, manifest: ClusterManifest) -> Iterator[RenderableType]:
    """Yield section after section, each with a heading that says what its figures describe."""
    layout = plan.layout
    gangs = f"{layout.gangs} gang{'s' if layout.gangs > 1 else ''} of {layout.ranks} ranks"
    yield Text(f"{manifest.name}: {plan.model} in {plan.precision}, {gangs}", "bold")
    yield _layout(plan, manifest)
    yield from _section(f"Memory of each {plan.device}, in GB", _memory(plan))
    room = f"Requests at once, in a cache of {plan.memory.kv_tokens:,} tokens a rank"
    yield from _section(room, _room(plan))
    yield from _section("Read before serving, in GB", _download(plan))
    if len(plan.sizes) > 1:
        yield from _section("Gangs of other sizes, on all machines of the group", _sizes(plan))
    if plan.decode:
        yield from _section(f"Decoding, of a gang: {_AT_BEST}", decode_table(plan))
        yield from _section(
            f"Prompts, of a gang that does nothing else: {_AT_BEST}", prefill_table(plan)
        )
    yield from _cost(plan)


_AT_BEST = "a roofline, and real steps take 1.1 to 4.4 times as long"


def _section(heading: str, body: RenderableType) -> Iterator[RenderableType]:
    yield Text(f"\n{heading}", "bold")
    yield Padding(body, (0, 0, 0, 2))


def _layout(plan: Plan, manifest: ClusterManifest) -> Table:
    layout = plan.layout
    group = next(group for group in manifest.groups if group.name == layout.group)
    nodes = f", over {layout.nodes_per_gang} nodes" if layout.nodes_per_gang > 1 else ""
    split = f" of {layout.tensor_parallel} {plan.device}s" if layout.tensor_parallel > 1 else ""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column()
    table.add_row("  group", f"{group.name}: {_machines(group, plan.device)}")
    table.add_row("  gang", f"{layout.ranks} ranks{split}, {layout.ranks_per_node} a node{nodes}")
    table.add_row("", plan.why)
    table.add_row("  experts", f"{plan.experts_per_rank} of each layer on a rank")
    table.add_row("  all2all", layout.all2all)
    table.add_row("", layout.reason)
    return table


def _machines(group: NodeGroup, device: str) -> str:
    least, most = group.min_nodes, group.max_nodes
    count = f"{most}" if least == most else f"{least} to {most}"
    if group.hardware is None:
        return f"{count} × {group.machine}"
    gpus = group.hardware.gpus
    machines = "machine" if count == "1" else "machines"
    return f"{count} {machines} with {f'{gpus} × {device}' if gpus else 'no GPU'}"


def _memory(plan: Plan) -> Table:
    memory = plan.memory
    table = columns("", "GB", left="")
    parts = {
        "base": memory.base,
        "experts": memory.experts,
        **({"draft head": memory.head} if memory.head else {}),
        "activations": memory.activations,
        "graphs": memory.graphs,
        "runtime": memory.runtime,
        "KV cache": memory.kv_cache,
        "left to others": memory.device - memory.used,
    }
    for name, size in parts.items():
        bar = "█" * round(_BAR * size / memory.device)
        table.add_row(name, _gb(size), bar, style="dim" if "left" in name else "")
    table.add_row("all of it", _gb(memory.device))
    return table


def _room(plan: Plan) -> Table:
    table = columns("tokens each", "a rank", "a gang", "all gangs")
    for room in plan.room:
        of_all = room.of_gang * plan.layout.gangs
        table.add_row(f"{room.tokens:,}", f"{room.of_rank:,}", f"{room.of_gang:,}", f"{of_all:,}")
    return table


def _download(plan: Plan) -> Table:
    table = columns("a rank", "a machine", "the checkpoint")
    read = plan.download
    table.add_row(*(_gb(size) for size in (read.rank, read.node, read.checkpoint)))
    return table


def _gb(size_bytes: int) -> str:
    """Return GB with one decimal, or below 1 GB with two significant digits."""
    size = size_bytes / _GB
    return f"{size:.1f}" if size >= 1 or not size else f"{size:.2g}"


def _sizes(plan: Plan) -> Table:
    table = columns("ranks", "machines each", "gangs", "KV cache, tokens", "tokens/s", left="")
    for size in plan.sizes:
        per_s = "–" if size.tokens_per_s is None else f"{size.tokens_per_s:,.0f}"
        table.add_row(
            *(f"{size.ranks}", f"{size.nodes}", f"{size.gangs}", f"{size.kv_tokens:,}", per_s),
            _remark(size),
            style="bold" if size.chosen else "",
        )
    return table


def _remark(size: Size) -> str:
    if size.chosen:
        return "← this plan"
    if size.nodes > 1:
        return "ends with any of its machines"
    return f"{size.idle_devices} idle on each machine" if size.idle_devices else ""


def _cost(plan: Plan) -> Iterator[RenderableType]:
    if plan.usd_per_hour is not None:
        least, most = plan.usd_per_hour
        of = f"{least:,.2f}" if least == most else f"{least:,.2f} to {most:,.2f}"
        yield Text(f"\nAll machines: {of} USD an hour", "bold")
