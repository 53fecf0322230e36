"""The plan of a manifest: where its model lies, what memory it fills, and how fast it is."""

from dataclasses import dataclass

from cluster.plan.all2all import all2all
from cluster.plan.download import Download, download
from cluster.plan.fit import Fit
from cluster.plan.layout import Layout
from cluster.plan.memory import Memory
from cluster.plan.misfit import misfit
from cluster.plan.model import Model
from cluster.plan.node import Node, gang_groups
from cluster.plan.rates import LENGTHS_TOKENS, Prefill, Rate, decode_rates, prefill_rates
from cluster.plan.shape import shapes
from cluster.plan.sizes import Size, sizes, why
from configs.cluster_manifest import ClusterManifest
from configs.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Room:
    """Requests of one length that the KV cache holds at once; `max_num_seqs` is the most."""

    tokens: int  # of each, prompt and answer
    of_rank: int
    of_gang: int


@dataclass(frozen=True, slots=True)
class Plan:
    """All that `small4 cluster plan` prints."""

    layout: Layout
    why: str  # why a gang is as large as it is
    device: str
    model: str
    precision: str
    experts_per_rank: int
    memory: Memory
    room: tuple[Room, ...]
    download: Download
    decode: tuple[Rate, ...]  # empty without GPUs, as is `prefill`
    prefill: tuple[Prefill, ...]
    sizes: tuple[Size, ...]  # of gangs that the group's machines could hold
    usd_per_hour: tuple[float, float] | None  # of all machines, at least and at most


def attempt(manifest: ClusterManifest, model: Model) -> Plan:
    """Plan gangs on the first group that the model fits.

    Raises ConfigError if the manifest can't be planned, and FitError, without a remedy, if no group
    fits.
    """
    _require_length(manifest, model)
    misfits: list[Fit] = []
    for group in gang_groups(manifest.groups):
        node = Node.of(group, manifest.serving.ranks)
        tried = [
            Fit.of(model, group, node, shape, manifest.serving)
            for shape in shapes(model, node, group, manifest.serving)
        ]
        if fits := [fit for fit in tried if fit.short_bytes <= 0 and fit.gangs]:
            return _plan(manifest, fits[0], fits)
        misfits += tried
    raise misfit(misfits)


def _require_length(manifest: ClusterManifest, model: Model) -> None:
    wanted = manifest.serving.max_model_len
    if wanted > model.most_tokens:
        raise ConfigError(
            f"serving.max_model_len: {wanted:,} is more than the model's {model.most_tokens:,}: "
            "lower it"
        )


def _plan(manifest: ClusterManifest, fit: Fit, fits: list[Fit]) -> Plan:
    shape, serving = fit.shape, manifest.serving
    on_gpus = fit.node.gpu is not None
    backend, reason = all2all(fit.engine.all2all, shape.ranks, serving.precision, on_gpus)
    kv_tokens, price = fit.memory.kv_tokens, fit.usd_per_hour
    roofline = fit.roofline
    return Plan(
        layout=Layout(
            group=fit.group.name,
            ranks=shape.ranks,
            tensor_parallel=shape.tensor_parallel,
            ranks_per_node=shape.ranks_per_node,
            nodes_per_gang=shape.nodes,
            gangs=fit.gangs,
            all2all=backend,
            reason=reason,
        ),
        why=why(fit, fits),
        device=fit.node.device,
        model=fit.model.name,
        precision=serving.precision,
        experts_per_rank=fit.model.experts // shape.ranks
        + fit.serving.replicas * shape.devices // shape.ranks,
        memory=fit.memory,
        room=_room(fit),
        download=download(fit),
        decode=decode_rates(roofline, serving, kv_tokens, price) if roofline else (),
        prefill=prefill_rates(roofline, serving, price) if roofline else (),
        sizes=sizes(fit, fits),
        usd_per_hour=_usd_per_hour(manifest),
    )


def _room(fit: Fit) -> tuple[Room, ...]:
    most, longest = fit.serving.max_num_seqs, fit.serving.max_model_len
    rooms = []
    for tokens in sorted({*LENGTHS_TOKENS, longest}, reverse=True):
        if tokens <= longest:
            held = min(most, fit.memory.kv_tokens // tokens)
            rooms.append(Room(tokens, held, held * fit.shape.ranks))
    return tuple(rooms)


def _usd_per_hour(manifest: ClusterManifest) -> tuple[float, float] | None:
    """Return the least and the most that all machines cost; None unless every group has a price."""
    groups = (manifest.head, *manifest.groups)
    prices = [group.usd_per_hour for group in groups]
    if any(price is None for price in prices):
        return None
    known = [price or 0.0 for price in prices]
    least = sum(p * g.min_nodes for p, g in zip(known, groups, strict=True))
    return least, sum(p * g.max_nodes for p, g in zip(known, groups, strict=True))
