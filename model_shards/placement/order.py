"""Which expert of a checkpoint stands where in a shard set."""

ExpertOrder = tuple[tuple[int, ...], ...]
"""(layers, slots): entry P of a layer is the checkpoint's expert that stands in slot P.

Group G of N has the slots G*S/N up to (G+1)*S/N. Without replicas there is a slot for each expert,
and slots are also called positions.
"""


def linear_order(layers: int, experts: int) -> ExpertOrder:
    """Return the order in which experts are numbered."""
    return (tuple(range(experts)),) * layers
