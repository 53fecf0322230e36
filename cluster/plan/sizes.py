"""Sizes of gangs that a group's machines could hold: the planned one, and others for comparison."""

from dataclasses import dataclass

from cluster.plan.fit import Fit

_TOKENS = 4_096  # of each sequence, where sizes are compared


@dataclass(frozen=True, slots=True)
class Size:
    """Gangs of one size on all of a group's machines."""

    ranks: int
    nodes: int  # of a gang
    gangs: int
    idle_devices: int  # of each machine
    kv_tokens: int  # of all gangs
    tokens_per_s: float | None  # of all gangs, full of sequences of 4,096 tokens
    chosen: bool


def sizes(chosen: Fit, fits: list[Fit]) -> tuple[Size, ...]:
    """Return all sizes that fit, the largest gangs first."""
    fitting = [_size(fit, fit is chosen) for fit in fits]
    return tuple(sorted(fitting, key=lambda size: -size.ranks))


def _size(fit: Fit, chosen: bool) -> Size:
    ranks = fit.shape.ranks * fit.gangs
    used = fit.shape.ranks_per_node * fit.shape.tensor_parallel * max(1, fit.gangs_per_node)
    return Size(
        ranks=fit.shape.ranks,
        nodes=fit.shape.nodes,
        gangs=fit.gangs,
        idle_devices=fit.node.devices - used,
        kv_tokens=ranks * fit.memory.kv_tokens,
        tokens_per_s=_tokens_per_s(fit),
        chosen=chosen,
    )


def _tokens_per_s(fit: Fit) -> float | None:
    sequences = min(fit.serving.max_num_seqs, fit.memory.kv_tokens // _TOKENS)
    if fit.roofline is None or not sequences:
        return None
    step = fit.roofline.decode(sequences, _TOKENS)
    return sequences * fit.shape.ranks * fit.gangs / step.seconds


def why(chosen: Fit, fits: list[Fit]) -> str:
    """Say why a gang is as large as it is, compared with the next smaller one, if there is one."""
    shape, node = chosen.shape, chosen.node
    if chosen.serving.ranks is not None:
        return f"serving.ranks asks for {shape.ranks}"
    if shape.nodes > 1:
        return f"no machine holds it alone, and {shape.nodes} are the fewest that do"
    smaller = [fit for fit in fits if fit.shape.devices < shape.devices]
    devices = f"{shape.devices} {node.device}" + ("s" if shape.devices > 1 else "")
    whole = f"a whole machine's {devices}" if chosen.gangs_per_node == 1 else devices
    if not smaller:
        return f"{whole}; the model fits on no fewer" if shape.devices > 1 else whole
    return f"{whole}, which read each expert once for all their sequences{_gain(chosen, smaller)}"


def _gain(chosen: Fit, smaller: list[Fit]) -> str:
    next_smaller = max(smaller, key=lambda fit: fit.shape.devices)
    size, other = _size(chosen, True), _size(next_smaller, False)
    cache = other.kv_tokens / size.kv_tokens
    gain = f"; gangs of {other.ranks} would have {cache:.2f} × the KV cache"
    if size.tokens_per_s and other.tokens_per_s:
        gain += f" and {other.tokens_per_s / size.tokens_per_s:.2f} × the tokens/s"
    return gain
