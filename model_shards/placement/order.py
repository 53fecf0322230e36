"""Which expert of a checkpoint stands where in a shard set."""

ExpertOrder = tuple[tuple[int, ...], ...]
"""(layers, experts): entry P of a layer is the checkpoint's expert that stands at position P.

Group G of N has the positions G*E/N up to (G+1)*E/N.
"""


def linear_order(layers: int, experts: int) -> ExpertOrder:
    """Return the order in which experts are numbered."""
    return (tuple(range(experts)),) * layers
